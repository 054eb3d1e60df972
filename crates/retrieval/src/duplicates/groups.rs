//! Pairs become groups; each knows which of its images are mirrored.

use std::collections::BTreeMap;

use super::found::{Duplicate, DuplicateGroup, DuplicateKind, Pair};
use crate::ListedImage;

/// Groups of pairs of places in a listing; an image that several files hold is a group too.
pub(super) fn groups(
    listed: &[ListedImage],
    pairs: &BTreeMap<(usize, usize), Pair>,
    forest: &Forest,
) -> Vec<DuplicateGroup> {
    let mut best = vec![(0.0_f64, 0.0_f64); listed.len()];
    for (&(a, b), pair) in pairs {
        for place in [a, b] {
            if pair.score > best[place].0 {
                best[place] = (pair.score, pair.extent);
            }
        }
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for place in 0..listed.len() {
        members.entry(forest.root(place).0).or_default().push(place);
    }
    let several = |places: &Vec<usize>| {
        places.len() > 1 || places.iter().any(|&place| listed[place].paths.len() > 1)
    };
    let mut groups: Vec<DuplicateGroup> = members
        .into_values()
        .filter(several)
        .map(|mut places| {
            let pixels = |image: &ListedImage| u64::from(image.width) * u64::from(image.height);
            places.sort_by_key(|&place| {
                let image = &listed[place];
                (std::cmp::Reverse(pixels(image)), image.image)
            });
            let first = places.first().copied().unwrap_or_default();
            let images = places.iter().map(|&place| Duplicate {
                image: listed[place].image,
                kind: kind(place, first, forest),
                paths: listed[place].paths.clone(),
                width: listed[place].width,
                height: listed[place].height,
                score: best[place].0,
                extent: best[place].1,
            });
            DuplicateGroup {
                images: images.collect(),
            }
        })
        .collect();
    let id = |group: &DuplicateGroup| group.images.first().map(|image| image.image);
    groups.sort_by_key(|group| (std::cmp::Reverse(group.images.len()), id(group)));
    groups
}

fn kind(place: usize, first: usize, forest: &Forest) -> DuplicateKind {
    match forest.root(place).1 == forest.root(first).1 {
        _ if place == first => DuplicateKind::Best,
        true => DuplicateKind::Near,
        false => DuplicateKind::Mirrored,
    }
}

/// Disjoint sets; the root of each is its smallest member, and each member knows whether it is mirrored to it.
pub(super) struct Forest {
    parents: Vec<usize>,
    turned: Vec<bool>,
}

impl Forest {
    pub fn new(size: usize) -> Self {
        Self {
            parents: (0..size).collect(),
            turned: vec![false; size],
        }
    }

    /// The root of a member, and whether the member is mirrored to it.
    pub fn root(&self, mut at: usize) -> (usize, bool) {
        let mut turned = false;
        while self.parents[at] != at {
            turned ^= self.turned[at];
            at = self.parents[at];
        }
        (at, turned)
    }

    /// The roots of all members; afterwards each stands directly below its root.
    pub fn roots(&mut self) -> Vec<usize> {
        for at in 0..self.parents.len() {
            let (root, turned) = self.root(at);
            self.parents[at] = root;
            self.turned[at] = turned;
        }
        self.parents.clone()
    }

    /// Joins the sets of two members. What is known of a pair in one set already stays as it is.
    pub fn join(&mut self, a: usize, b: usize, mirrored: bool) {
        let ((a, a_turned), (b, b_turned)) = (self.root(a), self.root(b));
        if a != b {
            let (low, high) = (a.min(b), a.max(b));
            self.parents[high] = low;
            self.turned[high] = a_turned ^ b_turned ^ mirrored;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(id: i64, width: u32, files: usize) -> ListedImage {
        ListedImage {
            image: id,
            paths: (0..files).map(|n| format!("{id}-{n}.png").into()).collect(),
            content: String::new(),
            width,
            height: 10,
            format: "PNG".into(),
            features: 1,
            taken: None,
            camera: None,
            latitude: None,
            longitude: None,
            captions: Vec::new(),
            metadata: BTreeMap::new(),
        }
    }

    #[test]
    fn pairs_become_groups_with_the_largest_first() {
        let listed = [
            image(3, 10, 1),
            image(5, 40, 1),
            image(6, 10, 1),
            image(8, 40, 1),
            image(9, 10, 2),
            image(12, 10, 1),
        ];
        let mut forest = Forest::new(listed.len());
        let mut pairs = BTreeMap::new();
        for (a, b, score, mirrored) in [(0, 3, 20.0, true), (1, 3, 30.0, false), (2, 5, 9.0, true)]
        {
            forest.join(a, b, mirrored);
            let pair = Pair {
                score,
                extent: 0.5,
                mirrored,
            };
            pairs.insert((a, b), pair);
        }
        let groups = groups(&listed, &pairs, &forest);
        let ids: Vec<Vec<i64>> = groups
            .iter()
            .map(|group| group.images.iter().map(|i| i.image).collect())
            .collect();
        assert_eq!(ids, [vec![5, 8, 3], vec![6, 12], vec![9]]);
        assert_eq!(groups[0].images[1].score, 30.0);
        let kinds = |group: usize| {
            groups[group]
                .images
                .iter()
                .map(|i| i.kind)
                .collect::<Vec<_>>()
        };
        let (best, near, mirrored) = (
            DuplicateKind::Best,
            DuplicateKind::Near,
            DuplicateKind::Mirrored,
        );
        assert_eq!(kinds(0), [best, near, mirrored]);
        assert_eq!(kinds(1), [best, mirrored]);
        assert_eq!(forest.roots(), [0, 0, 2, 0, 4, 2]);
    }
}
