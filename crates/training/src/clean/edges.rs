//! The edges of the graph: pairs that words suggest and geometry verifies.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::Serialize;
use vizsla_features::Transform;
use vizsla_retrieval::{Candidate, Region, Reporter, Verdict};
use vizsla_vectors::{Allowed, IdSet};

use super::files::Folder;
use super::{CleanOptions, near};
use crate::Error;

/// Pictures looked at between two questions whether to stop.
const BATCH: usize = 64;

/// What verifies a pair.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Evidence {
    /// Places that agree, one to one.
    pub inliers: usize,
    /// −log10 of the number of as good agreements that chance gives.
    pub score: f64,
    /// Over how much of what there is to see in both they agree, 0 to 1
    /// ([`Agreement::extent`](vizsla_retrieval::Agreement::extent)).
    pub extent: f64,
}

/// A verified pair of nodes, `a` < `b`.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    pub a: usize,
    pub b: usize,
    pub evidence: Evidence,
    /// From the full-resolution pixels of `a` to those of `b`.
    pub transform: Transform,
    /// Boxes of what agrees, in `a` and in `b`.
    pub boxes: [Region; 2],
}

/// Finds all edges, in the order of their nodes. `None` when the caller wants to stop.
pub(super) fn find(
    folder: &Folder,
    options: &CleanOptions,
    reporter: &dyn Reporter,
) -> Result<Option<Vec<Edge>>, Error> {
    let partners = match options.near {
        Some(metres) => near::candidates(folder, metres),
        None => same_class(folder),
    };
    let Some(pairs) = suggested(folder, &partners, options.neighbours, reporter)? else {
        return Ok(None);
    };
    verified(folder, &pairs, options.min_inliers, reporter)
}

/// For each node the images it may be paired with, and whose nodes they are.
type Partners = Vec<std::sync::Arc<BTreeMap<i64, usize>>>;

fn same_class(folder: &Folder) -> Partners {
    let mut members: Vec<BTreeMap<i64, usize>> = vec![BTreeMap::new(); folder.classes.len()];
    for (at, node) in folder.nodes.iter().enumerate() {
        members[node.class].insert(node.image, at);
    }
    let members: Vec<_> = members.into_iter().map(std::sync::Arc::new).collect();
    let of_class = folder.nodes.iter().map(|node| members[node.class].clone());
    of_class.collect()
}

/// Pairs that share words: of each node its best neighbours among its partners.
fn suggested(
    folder: &Folder,
    partners: &Partners,
    neighbours: usize,
    reporter: &dyn Reporter,
) -> Result<Option<BTreeSet<(usize, usize)>>, Error> {
    let mut pairs = BTreeSet::new();
    reporter.begin("pairing", folder.nodes.len() as u64);
    let numbers: Vec<usize> = (0..folder.nodes.len()).collect();
    for batch in numbers.chunks(BATCH) {
        if reporter.cancelled() {
            reporter.end();
            return Ok(None);
        }
        let found = batch.par_iter().map(|&at| {
            let others = &partners[at];
            let node = &folder.nodes[at];
            reporter.advance(1);
            if others.len() < 2 || node.features == 0 {
                return Ok(Vec::new());
            }
            let images: IdSet = others.keys().copied().collect();
            let alike = folder.collection.searcher()?.alike_by_words(
                node.image,
                neighbours,
                &Allowed::Only(&images),
            )?;
            let other = |(image, _): &(i64, f64)| others.get(image).copied();
            let pair = |other: usize| (at.min(other), at.max(other));
            Ok(alike.iter().filter_map(other).map(pair).collect())
        });
        let found: Vec<Vec<(usize, usize)>> = found.collect::<Result<_, Error>>()?;
        pairs.extend(found.into_iter().flatten());
    }
    reporter.end();
    Ok(Some(pairs))
}

fn verified(
    folder: &Folder,
    pairs: &BTreeSet<(usize, usize)>,
    min_inliers: usize,
    reporter: &dyn Reporter,
) -> Result<Option<Vec<Edge>>, Error> {
    let mut of_first: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &(a, b) in pairs {
        of_first.entry(a).or_default().push(b);
    }
    let work: Vec<(usize, Vec<usize>)> = of_first.into_iter().collect();
    let mut edges = Vec::new();
    reporter.begin("verifying", pairs.len() as u64);
    for batch in work.chunks(BATCH) {
        if reporter.cancelled() {
            reporter.end();
            return Ok(None);
        }
        let found = batch.par_iter().map(|(a, others)| {
            let images: Vec<i64> = others.iter().map(|&b| folder.nodes[b].image).collect();
            let hits = folder
                .collection
                .searcher()?
                .agreements(folder.nodes[*a].image, &images)?;
            reporter.advance(others.len() as u64);
            let nodes: BTreeMap<i64, usize> =
                images.into_iter().zip(others.iter().copied()).collect();
            let edge = |hit: &Candidate| edge(*a, *nodes.get(&hit.image)?, hit, min_inliers);
            Ok(hits.iter().filter_map(edge).collect())
        });
        let found: Vec<Vec<Edge>> = found.collect::<Result<_, Error>>()?;
        edges.extend(found.into_iter().flatten());
    }
    reporter.end();
    Ok(Some(edges))
}

/// The edge that a hit proves.
fn edge(a: usize, b: usize, hit: &Candidate, min_inliers: usize) -> Option<Edge> {
    let evidence = evidence(hit, min_inliers)?;
    let agreement = hit.agreement.as_ref()?;
    Some(Edge {
        a,
        b,
        evidence,
        transform: Transform(agreement.transform),
        boxes: [agreement.query_box, agreement.gallery_box],
    })
}

/// What a hit proves; `None` when that is too little. A part is enough: that pictures show one object is said by their class, and
/// before other surroundings the object is a part of each.
pub(super) fn evidence(hit: &Candidate, min_inliers: usize) -> Option<Evidence> {
    let agreement = hit.agreement.as_ref()?;
    if hit.verdict == Verdict::NoMatch || agreement.inliers < min_inliers {
        return None;
    }
    Some(Evidence {
        inliers: agreement.inliers,
        score: -agreement.log10_nfa,
        extent: agreement.extent,
    })
}
