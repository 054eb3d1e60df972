//! The graph of verified pairs and its connected components.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::edges::Edge;
use super::files::Folder;

/// A component of more than one node that is kept, its nodes ascending.
pub(super) type Cluster = Vec<usize>;

/// Connected components by union–find (Tarjan 1975): nodes ascending in each, components by their first node.
pub(super) fn components(nodes: usize, edges: &[Edge]) -> Vec<Vec<usize>> {
    let mut parent: Vec<usize> = (0..nodes).collect();
    for edge in edges {
        let (a, b) = (root(&mut parent, edge.a), root(&mut parent, edge.b));
        parent[a.max(b)] = a.min(b);
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for node in 0..nodes {
        members
            .entry(root(&mut parent, node))
            .or_default()
            .push(node);
    }
    members.into_values().collect()
}

fn root(parent: &mut [usize], mut at: usize) -> usize {
    while parent[at] != at {
        parent[at] = parent[parent[at]];
        at = parent[at];
    }
    at
}

/// The largest component of each class that has an edge; of equally large ones the one with more inliers.
pub(super) fn largest_of_class(
    folder: &Folder,
    parts: &[Vec<usize>],
    edges: &[Edge],
) -> Vec<Cluster> {
    let mut weights = vec![0; folder.nodes.len()];
    for edge in edges {
        weights[edge.a] += edge.evidence.inliers;
    }
    let weight = |part: &[usize]| part.iter().map(|&node| weights[node]).sum::<usize>();
    let mut best: BTreeMap<usize, &Vec<usize>> = BTreeMap::new();
    for part in parts.iter().filter(|part| part.len() > 1) {
        let rank = |part: &Vec<usize>| (part.len(), weight(part), Reverse(part[0]));
        let class = folder.nodes[part[0]].class;
        let kept = best.entry(class).or_insert(part);
        if rank(part) > rank(kept) {
            *kept = part;
        }
    }
    best.into_values().cloned().collect()
}

/// Every component with an edge, the largest first.
pub(super) fn all_clusters(parts: &[Vec<usize>]) -> Vec<Cluster> {
    let mut clusters: Vec<Cluster> = parts.iter().filter(|p| p.len() > 1).cloned().collect();
    clusters.sort_by_key(|part| (Reverse(part.len()), part[0]));
    clusters
}
