//! Places the words of a codebook.

use vizsla_features::Descriptor;
use vizsla_vectors::{
    ApproximateConfig, CellIndex, HierarchicalConfig, KMeansConfig, NestedCells,
    approximate_kmeans, hierarchical_kmeans, kmeans,
};

use crate::Error;
use crate::clustering::{Clustering, TrainConfig, TrainProgress};
use crate::finder::Finder;
use crate::tree::Tree;

/// More words than these lie in cells within cells.
const MOST_IN_CELLS: usize = 65_536;
/// Stages in which the growing of a tree is told.
const STAGES: usize = 100;

/// Learns words from descriptors, of which there are as many as words at least.
pub(crate) fn learn(
    descriptors: &[Descriptor],
    config: &TrainConfig,
    progress: &dyn Fn(TrainProgress),
) -> Result<Finder, Error> {
    let count = descriptors.len() as f64;
    let stage = |stage, stages, inertia: Option<f64>| {
        progress(TrainProgress {
            stage,
            stages,
            distortion: inertia.map(|inertia| inertia / count),
        });
    };
    let flat = KMeansConfig {
        clusters: config.words,
        iterations: config.iterations,
        seed: config.seed,
        ..KMeansConfig::default()
    };
    let round = |round, inertia| stage(round, config.iterations, Some(inertia));
    let words = match config.clustering {
        Clustering::Cells => {
            let cells = HierarchicalConfig {
                clusters: config.words,
                iterations: config.iterations,
                refinements: config.refinements,
                seed: config.seed,
                ..HierarchicalConfig::default()
            };
            hierarchical_kmeans(descriptors, &cells, &stage)
        }
        Clustering::Approximate => {
            let usual = ApproximateConfig::default();
            let approximate = ApproximateConfig {
                // Words are drawn at random to begin with, as in the paper: k-means++ takes the square of their number.
                kmeans: KMeansConfig {
                    start_sample: usual.kmeans.start_sample,
                    ..flat
                },
                ..usual
            };
            approximate_kmeans(descriptors, &approximate, &round)?.byte_centroids()
        }
        Clustering::Flat => kmeans(descriptors, &flat, &round).byte_centroids(),
        Clustering::Hierarchical => {
            let step = config.words.div_ceil(STAGES).max(1);
            let placed = |words: usize| {
                if words.is_multiple_of(step) || words == config.words {
                    stage(words.div_ceil(step), config.words.div_ceil(step), None);
                }
            };
            let rounds = (config.iterations, config.seed);
            let tree = Tree::learn(descriptors, config.words, config.branching, rounds, &placed);
            return Ok(Finder::Tree(tree));
        }
    };
    if words.len() > MOST_IN_CELLS {
        let index = NestedCells::build(&words, config.iterations, config.seed);
        return Ok(Finder::Nested(index));
    }
    let cells = (config.words as f64).sqrt().round().max(1.0) as usize;
    let rounds = 2 * config.iterations;
    let index = CellIndex::build(&words, cells, rounds, config.seed);
    Ok(Finder::Cells(index))
}
