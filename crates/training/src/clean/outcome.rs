//! What cleaning found, for people and for programs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::CleanOptions;
use super::boxes::Sides;
use super::edges::{Edge, Evidence};
use super::files::Folder;
use super::graph::Cluster;
use super::mining::{self, HardNegative, Home, PositivePair};

/// A cleaned folder.
#[derive(Debug, Clone, Serialize)]
pub struct Cleaning {
    /// The folder; all files are relative to it, with `/` between folders.
    pub folder: PathBuf,
    /// Picture files.
    pub images: usize,
    /// Files kept.
    pub kept: usize,
    /// Files dropped, whatever the reason.
    pub dropped: usize,
    /// Verified pairs.
    pub edges: usize,
    /// Fewest inliers of an edge.
    pub min_inliers: usize,
    /// Metres within which pictures were candidates; `None` when classes said it.
    pub near: Option<f64>,
    /// Classes of which nothing is kept: no two of their pictures show the same.
    pub isolated: Vec<String>,
    /// The classes or places in order; what lies in none comes last, under an empty name.
    pub classes: Vec<CleanClass>,
    /// Pairs to learn from.
    #[serde(skip)]
    pub positives: Vec<PositivePair>,
    /// Hard negatives to learn from.
    #[serde(skip)]
    pub negatives: Vec<HardNegative>,
    /// Seconds it took.
    pub seconds: f64,
}

/// A class or place.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CleanClass {
    /// Its name.
    pub class: String,
    /// Pictures that stay, in order.
    pub kept: Vec<Kept>,
    /// Pictures that go, in order.
    pub dropped: Vec<Dropped>,
}

/// A picture that stays.
#[derive(Debug, Clone, Serialize)]
pub struct Kept {
    /// The file.
    pub image: String,
    /// Where the object is.
    #[serde(rename = "box")]
    pub object: KeptBox,
    /// Pictures that show the same, the surest first.
    pub edges: Vec<Link>,
}

/// A rectangle in whole pixels of the upright full-resolution picture; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct KeptBox {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Width, at least 1.
    pub width: u32,
    /// Height, at least 1.
    pub height: u32,
}

/// A verified pair, seen from one of the two.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Link {
    /// The other picture.
    pub image: String,
    /// What verifies the pair.
    #[serde(flatten)]
    pub evidence: Evidence,
}

/// A picture that goes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dropped {
    /// The file.
    pub image: String,
    /// Why.
    #[serde(flatten)]
    pub reason: DropReason,
    /// The class whose kept pictures show the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub belongs_to: Option<Home>,
}

/// Why a picture goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum DropReason {
    /// It cannot be read, or lies in no class, or its place is not known.
    Unusable {
        /// What is wrong with it.
        why: String,
    },
    /// Another file of the class has the same bytes.
    Copy {
        /// That file.
        of: String,
    },
    /// It has no local features.
    Plain,
    /// It is the only picture of its class.
    Single,
    /// No other picture of its class shows the same.
    Unconnected,
    /// It shows the same as others of its class, which are fewer than those that are kept.
    OtherGroup {
        /// How many they are, itself included.
        group: usize,
    },
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable { why } => write!(f, "{why}"),
            Self::Copy { of } => write!(f, "the same file as {of}"),
            Self::Plain => write!(f, "too plain: it has no local features"),
            Self::Single => write!(f, "the only picture of its class"),
            Self::Unconnected => write!(f, "no picture it was compared with shows the same"),
            Self::OtherGroup { group } => {
                write!(
                    f,
                    "one of a smaller group of {group} that shows something else"
                )
            }
        }
    }
}

/// All parts of a cleaning, still as numbers of nodes.
pub(super) struct Found<'a> {
    pub parts: Vec<Vec<usize>>,
    pub edges: &'a [Edge],
    pub clusters: Vec<Cluster>,
    pub boxes: Vec<Option<Sides>>,
    pub positives: Vec<(&'a Edge, usize)>,
    pub negatives: Vec<HardNegative>,
    pub homes: BTreeMap<usize, Home>,
}

/// Puts names in place of numbers.
pub(super) fn assemble(folder: &Folder, found: Found<'_>, options: &CleanOptions) -> Cleaning {
    let near = options.near.is_some();
    let label = |cluster: usize| mining::label(folder, &found.clusters, cluster, near);
    let mut classes: BTreeMap<String, CleanClass> = BTreeMap::new();
    for name in folder.classes.iter().filter(|_| !near) {
        classes.entry(name.clone()).or_default();
    }
    let mut links: Vec<Vec<Link>> = vec![Vec::new(); folder.nodes.len()];
    for edge in found.edges {
        for (node, other) in [(edge.a, edge.b), (edge.b, edge.a)] {
            links[node].push(Link {
                image: folder.nodes[other].files[0].clone(),
                evidence: edge.evidence,
            });
        }
    }
    for (cluster, nodes) in found.clusters.iter().enumerate() {
        let class = classes.entry(label(cluster)).or_default();
        for &node in nodes {
            let mut edges = std::mem::take(&mut links[node]);
            edges.sort_by(|a, b| b.evidence.score.total_cmp(&a.evidence.score));
            class.kept.push(Kept {
                image: folder.nodes[node].files[0].clone(),
                object: whole_pixels(found.boxes[node], folder.nodes[node].size),
                edges,
            });
        }
    }
    for (class, dropped) in dropped(folder, &found, near) {
        classes.entry(class).or_default().dropped.push(dropped);
    }
    let positives = found.positives.iter().map(|(edge, cluster)| PositivePair {
        image: folder.nodes[edge.a].files[0].clone(),
        positive: folder.nodes[edge.b].files[0].clone(),
        label: label(*cluster),
        inliers: edge.evidence.inliers,
        extent: edge.evidence.extent,
    });
    let positives = positives.collect();
    finish(folder, options, classes, positives, found)
}

fn finish(
    folder: &Folder,
    options: &CleanOptions,
    classes: BTreeMap<String, CleanClass>,
    positives: Vec<PositivePair>,
    found: Found<'_>,
) -> Cleaning {
    let mut classes: Vec<CleanClass> = classes
        .into_iter()
        .map(|(name, class)| CleanClass {
            class: name,
            ..class
        })
        .collect();
    for class in &mut classes {
        class.dropped.sort_by(|a, b| a.image.cmp(&b.image));
    }
    // What lies in no class comes last.
    classes.sort_by_key(|class| class.class.is_empty());
    let kept = classes.iter().map(|class| class.kept.len()).sum();
    let dropped = classes.iter().map(|class| class.dropped.len()).sum();
    let isolated = classes
        .iter()
        .filter(|class| class.kept.is_empty() && !class.class.is_empty())
        .map(|class| class.class.clone());
    Cleaning {
        folder: folder.root.clone(),
        images: kept + dropped,
        kept,
        dropped,
        edges: found.edges.len(),
        min_inliers: options.min_inliers,
        near: options.near,
        isolated: isolated.collect(),
        classes,
        positives,
        negatives: found.negatives,
        seconds: 0.0,
    }
}

/// Every file that goes, with the class it lies in.
fn dropped(folder: &Folder, found: &Found<'_>, near: bool) -> Vec<(String, Dropped)> {
    let kept: BTreeSet<usize> = found.clusters.iter().flatten().copied().collect();
    let mut of_class = vec![0; folder.classes.len()];
    for node in &folder.nodes {
        of_class[node.class] += 1;
    }
    let mut group = vec![1; folder.nodes.len()];
    for part in &found.parts {
        for &node in part {
            group[node] = part.len();
        }
    }
    let mut all = Vec::new();
    for (at, node) in folder.nodes.iter().enumerate() {
        let class = folder.classes[node.class].clone();
        if !kept.contains(&at) {
            let reason = match group[at] {
                _ if node.features == 0 => DropReason::Plain,
                1 if of_class[node.class] == 1 && !near => DropReason::Single,
                1 => DropReason::Unconnected,
                group => DropReason::OtherGroup { group },
            };
            let dropped = Dropped {
                image: node.files[0].clone(),
                reason,
                belongs_to: found.homes.get(&at).cloned(),
            };
            all.push((class.clone(), dropped));
        }
        for copy in &node.files[1..] {
            let of = node.files[0].clone();
            let dropped = Dropped {
                image: copy.clone(),
                reason: DropReason::Copy { of },
                belongs_to: None,
            };
            all.push((class.clone(), dropped));
        }
    }
    for (class, skipped) in &folder.unusable {
        let why = skipped.reason.clone();
        let dropped = Dropped {
            image: skipped.path.clone(),
            reason: DropReason::Unusable { why },
            belongs_to: None,
        };
        all.push((class.clone().unwrap_or_default(), dropped));
    }
    all
}

/// A box on whole pixels inside the picture.
fn whole_pixels(sides: Option<Sides>, [width, height]: [u32; 2]) -> KeptBox {
    let whole = [0.0, 0.0, f64::from(width), f64::from(height)];
    let [left, top, right, bottom] = sides.unwrap_or(whole);
    let start = |side: f64, limit: u32| (side.floor().max(0.0) as u32).min(limit.saturating_sub(1));
    let (x, y) = (start(left, width), start(top, height));
    let end = |side: f64, from: u32, limit: u32| (side.ceil() as u32).clamp(from + 1, limit.max(1));
    KeptBox {
        x,
        y,
        width: end(right, x, width) - x,
        height: end(bottom, y, height) - y,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_lie_on_whole_pixels_of_the_picture() {
        let whole = whole_pixels(None, [40, 30]);
        assert_eq!(
            (whole.x, whole.y, whole.width, whole.height),
            (0, 0, 40, 30)
        );
        let part = whole_pixels(Some([3.4, -2.0, 10.1, 99.0]), [40, 30]);
        assert_eq!((part.x, part.y, part.width, part.height), (3, 0, 8, 30));
        let thin = whole_pixels(Some([39.9, 29.0, 39.95, 29.1]), [40, 30]);
        assert_eq!((thin.x, thin.y, thin.width, thin.height), (39, 29, 1, 1));
    }
}
