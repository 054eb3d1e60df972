//! Training pairs from the graph, after Radenović et al. 2016, and where dropped pictures would belong.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::Serialize;
use vizsla_retrieval::{Reporter, Verdict};
use vizsla_vectors::{Allowed, IdSet};

use super::CleanOptions;
use super::edges::{Edge, evidence};
use super::files::Folder;
use super::graph::Cluster;
use super::near;
use crate::Error;

/// Pictures looked at between two questions whether to stop.
const BATCH: usize = 64;
/// Neighbours looked through for each hard negative that is wanted.
const DEPTH: usize = 20;
/// Neighbours that a dropped picture is verified with to find where it belongs.
const HOMES: usize = 10;

/// Two pictures that show the same and differ enough to learn from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PositivePair {
    /// A picture, relative to the folder.
    pub image: String,
    /// The other one.
    pub positive: String,
    /// Their class or place.
    pub label: String,
    /// Places that agree.
    pub inliers: usize,
    /// Over how much of what there is to see in both they agree, 0 to 1.
    pub extent: f64,
}

/// A picture of another cluster that looks much like this one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HardNegative {
    /// A picture, relative to the folder.
    pub image: String,
    /// The one that shows something else.
    pub negative: String,
    /// Its place among the picture's negatives, from 1: the hardest first.
    pub rank: usize,
    /// Similarity by visual words, 0 to below 1.
    pub similarity: f64,
}

/// Where a dropped picture would belong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Home {
    /// The class.
    pub class: String,
    /// A kept picture of that class that shows the same.
    pub image: String,
    /// Places that agree with it; 0 when it is the same file.
    pub inliers: usize,
}

/// The name of a cluster: its class, or the number of the place.
pub(super) fn label(folder: &Folder, clusters: &[Cluster], cluster: usize, near: bool) -> String {
    match near {
        true => format!("place-{:04}", cluster + 1),
        false => folder.classes[folder.nodes[clusters[cluster][0]].class].clone(),
    }
}

/// Edges whose inliers lie between two quantiles of all kept edges' inliers, both ends included.
pub(super) fn positives<'a>(
    folder: &Folder,
    edges: &'a [Edge],
    clusters: &[Cluster],
    [low, high]: [f64; 2],
) -> Vec<(&'a Edge, usize)> {
    let mut cluster_of = vec![None; folder.nodes.len()];
    for (cluster, nodes) in clusters.iter().enumerate() {
        for &node in nodes {
            cluster_of[node] = Some(cluster);
        }
    }
    let kept = edges
        .iter()
        .filter_map(|edge| Some((edge, cluster_of[edge.a]?)));
    let mut kept: Vec<(&Edge, usize)> = kept.collect();
    let mut inliers: Vec<usize> = kept.iter().map(|(edge, _)| edge.evidence.inliers).collect();
    inliers.sort_unstable();
    let last = inliers.len().saturating_sub(1) as f64;
    let from = inliers.get((low * last).floor() as usize).copied();
    let to = inliers.get((high * last).ceil() as usize).copied();
    let wanted = from.unwrap_or(0)..=to.unwrap_or(0);
    kept.retain(|(edge, _)| wanted.contains(&edge.evidence.inliers));
    kept
}

/// Which cluster's nodes an image is; the same file may be kept in several classes.
struct Homes<'a> {
    folder: &'a Folder,
    clusters: BTreeMap<i64, Vec<(usize, usize)>>,
    /// All images that are some cluster's.
    images: IdSet,
}

impl<'a> Homes<'a> {
    fn new(folder: &'a Folder, clusters: &[Cluster]) -> Self {
        let mut of_image: BTreeMap<i64, Vec<(usize, usize)>> = BTreeMap::new();
        for (cluster, nodes) in clusters.iter().enumerate() {
            for &node in nodes {
                let image = folder.nodes[node].image;
                of_image.entry(image).or_default().push((cluster, node));
            }
        }
        Self {
            folder,
            images: of_image.keys().copied().collect(),
            clusters: of_image,
        }
    }

    fn of(&self, image: i64) -> &[(usize, usize)] {
        self.clusters.get(&image).map_or(&[], Vec::as_slice)
    }

    /// The images of some nodes, where these nodes are some cluster's.
    fn images_of(&self, nodes: &[usize]) -> IdSet {
        let kept = |&&node: &&usize| {
            let of = self.of(self.folder.nodes[node].image);
            of.iter().any(|&(_, at)| at == node)
        };
        let nodes = nodes.iter().filter(kept);
        nodes.map(|&node| self.folder.nodes[node].image).collect()
    }

    /// For each class the images that have no home in another.
    fn by_class(&self) -> Vec<IdSet> {
        let mut classes = vec![IdSet::new(); self.folder.classes.len()];
        for (&image, homes) in &self.clusters {
            let mut of = homes.iter().map(|&(_, at)| self.folder.nodes[at].class);
            if let Some(class) = of.next()
                && of.all(|other| other == class)
            {
                classes[class].insert(image);
            }
        }
        classes
    }
}

/// For each kept node the most similar pictures of other clusters, one a cluster, that do not show the same. `None`
/// when the caller wants to stop.
pub(super) fn hard_negatives(
    folder: &Folder,
    clusters: &[Cluster],
    options: &CleanOptions,
    reporter: &dyn Reporter,
) -> Result<Option<Vec<HardNegative>>, Error> {
    if options.negatives == 0 || clusters.len() < 2 {
        return Ok(Some(Vec::new()));
    }
    let homes = Homes::new(folder, clusters);
    let near = options.near.map(|metres| near::nodes(folder, metres));
    let mut anchors: Vec<(usize, usize)> = clusters
        .iter()
        .enumerate()
        .flat_map(|(cluster, nodes)| nodes.iter().map(move |&node| (node, cluster)))
        .collect();
    anchors.sort_unstable();
    in_batches("mining", &anchors, reporter, &|&(node, cluster)| {
        let near = near.as_ref().map_or(&[][..], |near| &near[node]);
        let mut same = homes.images_of(&clusters[cluster]);
        same.unite(&homes.images_of(near));
        negatives_of(&homes, node, &same, options)
    })
}

/// `same`: images that may show the same, of the anchor's cluster or taken near it.
fn negatives_of(
    homes: &Homes<'_>,
    node: usize,
    same: &IdSet,
    options: &CleanOptions,
) -> Result<Vec<HardNegative>, Error> {
    let folder = homes.folder;
    let anchor = &folder.nodes[node];
    let mut room = IdSet::new();
    let others = Allowed::Only(&homes.images).without(same, &mut room);
    let depth = DEPTH * options.negatives;
    let alike = folder
        .collection
        .searcher()?
        .alike_by_words(anchor.image, depth, &others)?;
    let mut seen = BTreeSet::new();
    let best = alike.into_iter().filter_map(|(image, similarity)| {
        let &(other, at) = homes.of(image).first()?;
        seen.insert(other).then_some((image, at, similarity))
    });
    // Some may turn out to show the same.
    let best: Vec<(i64, usize, f64)> = best.take(2 * options.negatives).collect();
    let images: Vec<i64> = best.iter().map(|(image, ..)| *image).collect();
    let hits = folder
        .collection
        .searcher()?
        .agreements(anchor.image, &images)?;
    let same: BTreeSet<i64> = hits
        .iter()
        .filter(|hit| hit.verdict != Verdict::NoMatch)
        .map(|hit| hit.image)
        .collect();
    let different = best.iter().filter(|(image, ..)| !same.contains(image));
    let negative = |(rank, &(_, at, similarity)): (usize, &(i64, usize, f64))| HardNegative {
        image: anchor.files[0].clone(),
        negative: folder.nodes[at].files[0].clone(),
        rank: rank + 1,
        similarity,
    };
    let hardest = different.take(options.negatives).enumerate();
    Ok(hardest.map(negative).collect())
}

/// For each dropped node the kept picture of another class that shows the same, if there is one. `None` when the
/// caller wants to stop.
pub(super) fn other_homes(
    folder: &Folder,
    clusters: &[Cluster],
    options: &CleanOptions,
    reporter: &dyn Reporter,
) -> Result<Option<BTreeMap<usize, Home>>, Error> {
    if options.near.is_some() {
        return Ok(Some(BTreeMap::new()));
    }
    let kept: BTreeSet<usize> = clusters.iter().flatten().copied().collect();
    let dropped: Vec<usize> = (0..folder.nodes.len())
        .filter(|node| !kept.contains(node) && folder.nodes[*node].features > 0)
        .collect();
    let homes = Homes::new(folder, clusters);
    let classes = homes.by_class();
    let found = in_batches("placing", &dropped, reporter, &|&node| {
        let home = home_of(&homes, &classes, node, options)?;
        Ok(home.map(|home| (node, home)).into_iter().collect())
    })?;
    Ok(found.map(|found| found.into_iter().collect()))
}

fn home_of(
    homes: &Homes<'_>,
    classes: &[IdSet],
    node: usize,
    options: &CleanOptions,
) -> Result<Option<Home>, Error> {
    let folder = homes.folder;
    let dropped = &folder.nodes[node];
    let home = |at: usize, inliers: usize| Home {
        class: folder.classes[folder.nodes[at].class].clone(),
        image: folder.nodes[at].files[0].clone(),
        inliers,
    };
    let elsewhere = |at: usize| folder.nodes[at].class != dropped.class;
    let of_image = homes.of(dropped.image);
    if let Some(&(_, at)) = of_image.iter().find(|(_, at)| elsewhere(*at)) {
        return Ok(Some(home(at, 0)));
    }
    let mut room = IdSet::new();
    let others = Allowed::Only(&homes.images).without(&classes[dropped.class], &mut room);
    let alike = folder
        .collection
        .searcher()?
        .alike_by_words(dropped.image, HOMES, &others)?;
    let images: Vec<i64> = alike.into_iter().map(|(image, _)| image).collect();
    let hits = folder
        .collection
        .searcher()?
        .agreements(dropped.image, &images)?;
    let proofs = hits.iter().filter_map(|hit| {
        let inliers = evidence(hit, options.min_inliers)?.inliers;
        let at = homes.of(hit.image).iter().find(|(_, at)| elsewhere(*at))?.1;
        Some((inliers, std::cmp::Reverse(at)))
    });
    Ok(proofs.max().map(|(inliers, at)| home(at.0, inliers)))
}

/// Does the work on all threads and asks between batches whether to stop; results in the order of the items.
fn in_batches<T: Sync, R: Send>(
    phase: &str,
    items: &[T],
    reporter: &dyn Reporter,
    work: &(dyn Fn(&T) -> Result<Vec<R>, Error> + Sync),
) -> Result<Option<Vec<R>>, Error> {
    let mut results = Vec::new();
    reporter.begin(phase, items.len() as u64);
    for batch in items.chunks(BATCH) {
        if reporter.cancelled() {
            reporter.end();
            return Ok(None);
        }
        let done = batch.par_iter().map(|item| {
            reporter.advance(1);
            work(item)
        });
        let done: Vec<Vec<R>> = done.collect::<Result<_, Error>>()?;
        results.extend(done.into_iter().flatten());
    }
    reporter.end();
    Ok(Some(results))
}
