//! The index.

use std::path::PathBuf;
use std::sync::OnceLock;

use super::VectorListsConfig;
use super::bits::BitCodes;
use super::blocks::BlockCodes;
use super::bytes::Bytes;
use super::coding::{List, ListCoding};
use super::places::Places;
use super::rows::{RowCodes, residual};
use crate::coarse::{Coarse, CoarseConfig};
use crate::codes::{Additive, Floats, Halves, Product, Scalar, ScalarBits};
use crate::files::Mapped;
use crate::points::count_points;
use crate::rabitq::RaBitQ;
use crate::{Error, Metric, VectorCodes};

/// Vectors of a sample for a coder.
const CODER_SAMPLE: usize = 1 << 16;

/// Lists of codes of vectors around coarse centroids.
///
/// ```
/// use vizsla_vectors::{Allowed, ListSearch, Refinement, VectorCodes, VectorLists, VectorListsConfig};
///
/// let points: Vec<f32> = (0..600).map(|i| (i * 37 % 101) as f32).collect();
/// let config = VectorListsConfig::new(10, VectorCodes::Floats);
/// let mut lists = VectorLists::train(&points, 6, &config)?;
/// let ids: Vec<i64> = (0..100).collect();
/// lists.extend(&ids, &points)?;
/// let search = ListSearch { k: 3, probes: 10, refinement: Refinement::None };
/// let found = lists.search(&points[..6], &search, &Allowed::All, None)?;
/// assert_eq!(found[0], (0, 0.0));
/// # Ok::<(), vizsla_vectors::Error>(())
/// ```
pub struct VectorLists {
    pub(super) metric: Metric,
    pub(super) coarse: Coarse,
    pub(super) coding: Box<dyn ListCoding>,
    pub(super) lists: Vec<ListData>,
    pub(super) count: usize,
    pub(super) last_id: i64,
    pub(super) places: OnceLock<Places>,
    pub(super) file: Option<File>,
}

/// A list.
#[derive(Debug, Clone, Default)]
pub(super) struct ListData {
    pub ids: Bytes,
    pub codes: Bytes,
}

/// The file that lists are in.
pub(super) struct File {
    pub map: Mapped,
    pub path: PathBuf,
    pub crc: u32,
}

impl std::fmt::Debug for VectorLists {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VectorLists")
            .field("len", &self.count)
            .field("dimension", &self.dimension())
            .field("lists", &self.lists.len())
            .finish_non_exhaustive()
    }
}

impl VectorLists {
    /// Learns centroids and codes from `samples`, rows of `dimension` numbers; the lists are empty. The same samples and
    /// configuration give the same index. Works in the current rayon pool.
    ///
    /// # Errors
    /// The samples are not whole rows of finite numbers or too few, or a number of the configuration is out of its range.
    pub fn train(
        samples: &[f32],
        dimension: usize,
        config: &VectorListsConfig,
    ) -> Result<Self, Error> {
        count_points(samples, dimension)?;
        let mut prepared = Vec::new();
        let samples = match config.metric {
            Metric::Cosine => {
                for row in samples.chunks_exact(dimension) {
                    prepared.extend_from_slice(&config.metric.prepared(row));
                }
                &prepared
            }
            Metric::Dot | Metric::L2 => samples,
        };
        let coarse_config = CoarseConfig {
            lists: config.lists,
            iterations: config.iterations,
            points_each: config.points_each,
            seed: config.seed,
        };
        let coarse = Coarse::train(samples, dimension, &coarse_config)?;
        let coding = coding(samples, &coarse, config)?;
        Ok(Self::empty(config.metric, coarse, coding))
    }

    pub(super) fn empty(metric: Metric, coarse: Coarse, coding: Box<dyn ListCoding>) -> Self {
        Self {
            metric,
            lists: vec![ListData::default(); coarse.len()],
            coarse,
            coding,
            count: 0,
            last_id: 0,
            places: OnceLock::new(),
            file: None,
        }
    }

    /// Number of vectors.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Numbers of a vector.
    pub fn dimension(&self) -> usize {
        self.coarse.dimension()
    }

    /// How vectors are compared.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// The greatest id; 0 when there is none.
    pub fn last_id(&self) -> i64 {
        self.last_id
    }

    /// Number of lists.
    pub fn lists(&self) -> usize {
        self.lists.len()
    }

    /// Bytes of ids and codes of all lists.
    pub fn bytes(&self) -> usize {
        let lists = (0..self.lists()).map(|number| self.list(number));
        lists.map(|list| list.ids.len() + list.codes.len()).sum()
    }

    pub(super) fn map(&self) -> Option<&Mapped> {
        self.file.as_ref().map(|file| &file.map)
    }

    pub(super) fn list(&self, number: usize) -> List<'_> {
        let data = &self.lists[number];
        List {
            centroid: self.coarse.centroid(number),
            ids: data.ids.read(self.map()),
            codes: data.codes.read(self.map()),
        }
    }
}

/// Learns what the lists keep.
fn coding(
    samples: &[f32],
    coarse: &Coarse,
    config: &VectorListsConfig,
) -> Result<Box<dyn ListCoding>, Error> {
    let (dimension, seed) = (coarse.dimension(), config.seed);
    let product = |parts, bits| {
        let residuals = residuals(samples, coarse, seed);
        Product::train(&residuals, dimension, parts, bits, seed)
    };
    Ok(match config.codes {
        VectorCodes::Floats => Box::new(RowCodes::whole(Floats { dimension })),
        VectorCodes::Halves => Box::new(RowCodes::whole(Halves::new(dimension))),
        VectorCodes::Scalar(bits) => {
            let bits = ScalarBits::of(bits);
            Box::new(RowCodes::whole(Scalar::train(
                samples, dimension, bits, seed,
            )?))
        }
        VectorCodes::Product {
            parts,
            fast_scan: true,
            ..
        } => Box::new(BlockCodes::new(product(parts, 4)?, config.metric)),
        VectorCodes::Product { parts, bits, .. } => {
            Box::new(RowCodes::residual(product(parts, bits as usize)?))
        }
        VectorCodes::Residual(stages) => {
            let residuals = residuals(samples, coarse, seed);
            let coder = Additive::train(&residuals, dimension, stages, seed)?;
            Box::new(RowCodes::residual(coder))
        }
        VectorCodes::RaBitQ(bits) => Box::new(BitCodes {
            coder: RaBitQ::new(dimension, bits as usize, seed)?,
            metric: config.metric,
        }),
    })
}

/// What is left of some samples after their centroids.
fn residuals(samples: &[f32], coarse: &Coarse, seed: u64) -> Vec<f32> {
    let dimension = coarse.dimension();
    let mut random = crate::random::Random::stream(seed, 1);
    let chosen = random.subset(CODER_SAMPLE, samples.len() / dimension);
    let rows = chosen
        .iter()
        .flat_map(|&at| &samples[at * dimension..][..dimension]);
    let rows: Vec<f32> = rows.copied().collect();
    let labels = coarse.assign(&rows);
    let pairs = rows.chunks_exact(dimension).zip(labels);
    pairs
        .flat_map(|(row, label)| residual(row, coarse.centroid(label as usize)))
        .collect()
}
