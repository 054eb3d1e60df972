//! Which regions of the tree are maximally stable.

use super::config::MserConfig;
use super::flood::{NONE, Tree};

/// The stable nodes in the order of the tree, with their variations.
pub(super) fn select(tree: &Tree, config: &MserConfig) -> Vec<(usize, f32)> {
    let variations = variations(tree, config);
    let mut steadier_inside = vec![false; tree.nodes.len()];
    for (node, &variation) in tree.nodes.iter().zip(&variations) {
        if node.parent != NONE && variation < variations[node.parent as usize] {
            steadier_inside[node.parent as usize] = true;
        }
    }
    let areas = config.min_area.max(1)..=config.max_area;
    let is_stable = |at: usize| {
        let (node, variation) = (&tree.nodes[at], variations[at]);
        // A region that does not vary at all counts even where the next one is as steady; diversity chooses between them.
        // The whole picture has no outline.
        areas.contains(&node.area)
            && variation <= config.max_variation
            && !steadier_inside[at]
            && node.parent != NONE
            && (variation == 0.0 || variation < variations[node.parent as usize])
    };
    let mut stable: Vec<bool> = (0..tree.nodes.len()).map(is_stable).collect();
    drop_twins(tree, &variations, config.min_diversity, &mut stable);
    let kept = stable.iter().enumerate().filter(|&(_, &is)| is);
    kept.map(|(at, _)| (at, variations[at])).collect()
}

/// Growth over `delta` levels up and down, a share of the area; infinite for regions that are too small.
fn variations(tree: &Tree, config: &MserConfig) -> Vec<f32> {
    let delta = config.delta.max(1);
    let nodes = &tree.nodes;
    let variation = |at: usize| {
        let node = &nodes[at];
        if node.area < config.min_area {
            return f32::INFINITY;
        }
        let (low, high) = (
            node.level.saturating_sub(delta),
            node.level.saturating_add(delta),
        );
        let (mut lower, mut upper) = (node, node);
        while lower.child != NONE && nodes[lower.child as usize].level >= low {
            lower = &nodes[lower.child as usize];
        }
        while upper.parent != NONE && nodes[upper.parent as usize].level <= high {
            upper = &nodes[upper.parent as usize];
        }
        (upper.area - lower.area) as f32 / node.area as f32
    };
    (0..nodes.len()).map(variation).collect()
}

/// Of two nested stable regions whose areas differ too little, takes out the less stable one, or else the inner one.
fn drop_twins(tree: &Tree, variations: &[f32], min_diversity: f32, stable: &mut [bool]) {
    for at in 0..tree.nodes.len() {
        let mut above = tree.nodes[at].parent;
        // A way up has at most as many steps as there are levels.
        while stable[at] && above != NONE {
            let outer = above as usize;
            above = tree.nodes[outer].parent;
            if !stable[outer] {
                continue;
            }
            let (area, larger) = (tree.nodes[at].area, tree.nodes[outer].area);
            let diversity = (larger - area) as f32 / larger as f32;
            if diversity.partial_cmp(&min_diversity) != Some(std::cmp::Ordering::Less) {
                break;
            }
            if variations[at] < variations[outer] {
                stable[outer] = false;
            } else {
                stable[at] = false;
            }
        }
    }
}
