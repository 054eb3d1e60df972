//! A vocabulary tree (Nistér & Stewénius, "Scalable recognition with a vocabulary tree", CVPR 2006).
//!
//! The descriptors are split by k-means into a few clusters, each of these again, until there are as many leaves as words. A
//! descriptor goes from the root to the nearest child until it is at a leaf, its word: some fifty distances for ten thousand words,
//! and no promise that the word is the nearest. Clusters get words by their share of the descriptors, so that any number of words
//! can be asked for. Only leaves are words: the paper also scores inner nodes, which it finds to matter little for large trees.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use vizsla_features::Descriptor;
use vizsla_vectors::{KMeansConfig, Neighbour, kmeans, l2_squared_u8};

/// Leaves compared with a descriptor for each word that is wanted.
const LEAVES: usize = 4;

/// A tree whose nodes come by level, from the root on, the children of a node side by side.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tree {
    centres: Vec<Descriptor>,
    /// Children of each node; none of a leaf.
    children: Vec<u32>,
    /// First child of an inner node, word of a leaf.
    first: Vec<u32>,
    words: Vec<Descriptor>,
}

impl Tree {
    /// Learns a tree with `words` leaves, of which there are no more than descriptors. `progress` hears how many words are
    /// placed. Works in the current rayon pool; the result does not depend on the number of threads.
    pub fn learn(
        descriptors: &[Descriptor],
        words: usize,
        branching: usize,
        (iterations, seed): (usize, u64),
        progress: &dyn Fn(usize),
    ) -> Self {
        let (mut centres, mut children) = (vec![[0; 128]], Vec::new());
        let mut queue = VecDeque::from([(descriptors.to_vec(), words)]);
        let mut placed = 0;
        while let Some((members, share)) = queue.pop_front() {
            if share <= 1 && !children.is_empty() {
                children.push(0);
                placed += 1;
                progress(placed);
                continue;
            }
            let config = KMeansConfig {
                clusters: branching.min(share),
                iterations,
                seed: seed.wrapping_add(children.len() as u64),
                ..KMeansConfig::default()
            };
            let parts = split(&members, share, &config);
            children.push(parts.len() as u32);
            for (centre, members, share) in parts {
                centres.push(centre);
                queue.push_back((members, share));
            }
        }
        Self::link(centres, children)
    }

    /// Puts a tree together from its parts; `None` when they are no tree with so many leaves.
    pub fn from_parts(centres: Vec<Descriptor>, children: Vec<u32>, words: usize) -> Option<Self> {
        let mut known = 1u64;
        for (node, &count) in children.iter().enumerate() {
            // The node is a child of one before it.
            if known <= node as u64 {
                return None;
            }
            known += u64::from(count);
        }
        let leaves = children.iter().filter(|&&count| count == 0).count();
        let sound = known == children.len() as u64
            && centres.len() == children.len()
            && children.first().is_some_and(|&count| count > 0)
            && leaves == words;
        sound.then(|| Self::link(centres, children))
    }

    fn link(centres: Vec<Descriptor>, children: Vec<u32>) -> Self {
        let (mut next, mut words) = (1, Vec::new());
        let first = children.iter().zip(&centres).map(|(&count, centre)| {
            if count == 0 {
                words.push(*centre);
                return words.len() as u32 - 1;
            }
            next += count;
            next - count
        });
        let first = first.collect();
        Self {
            centres,
            children,
            first,
            words,
        }
    }

    /// The leaves.
    pub fn words(&self) -> &[Descriptor] {
        &self.words
    }

    /// Of all nodes.
    pub fn centres(&self) -> &[Descriptor] {
        &self.centres
    }

    /// Numbers of children of all nodes.
    pub fn children(&self) -> &[u32] {
        &self.children
    }

    /// The word at the end of the path of a descriptor.
    pub fn word(&self, descriptor: &Descriptor) -> u32 {
        self.descend(0, descriptor, |_, _| {}).row
    }

    /// At most `count` words near a descriptor, nearest first; the one at the end of its path among them. More paths begin at
    /// the nearest nodes that were left aside (best bin first, Beis & Lowe 1997).
    pub fn words_near(&self, descriptor: &Descriptor, count: usize) -> Vec<Neighbour> {
        let wanted = count.min(self.words.len());
        let mut aside: BinaryHeap<Reverse<(u32, u32)>> = BinaryHeap::new();
        let mut found: Vec<Neighbour> = Vec::new();
        let mut start = 0;
        let mut own = None;
        while found.len() < wanted.saturating_mul(LEAVES) {
            let mut seen = Vec::new();
            let end = self.descend(start, descriptor, |node, distance| {
                seen.push((distance, node));
            });
            own = own.or(Some(end));
            // Siblings of the leaf are leaves as a rule, and were compared already.
            for (distance, node) in seen {
                match self.children.get(node as usize) {
                    Some(0) => found.push(Neighbour {
                        distance,
                        row: self.first[node as usize],
                    }),
                    _ => aside.push(Reverse((distance, node))),
                }
            }
            found.push(end);
            match aside.pop() {
                Some(Reverse((_, node))) => start = node,
                None => break,
            }
        }
        found.sort_unstable();
        found.dedup();
        found.truncate(wanted);
        if let (Some(own), Some(last)) = (own, found.last().copied())
            && !found.contains(&own)
        {
            found.retain(|&kept| kept != last);
            found.push(own);
            found.sort_unstable();
        }
        found
    }

    /// Goes from a node to a leaf; tells the children that it passed by with their distances.
    fn descend(
        &self,
        start: u32,
        descriptor: &Descriptor,
        mut passed: impl FnMut(u32, u32),
    ) -> Neighbour {
        let mut node = start;
        let mut distance = None;
        while let Some(&count) = self.children.get(node as usize).filter(|&&count| count > 0) {
            let first = self.first[node as usize];
            let mut best: Option<(u32, u32)> = None;
            for child in first..first + count {
                let here = (
                    l2_squared_u8(descriptor, &self.centres[child as usize]),
                    child,
                );
                let (nearer, farther) = match best {
                    Some(best) if here < best => (here, Some(best)),
                    Some(best) => (best, Some(here)),
                    None => (here, None),
                };
                best = Some(nearer);
                if let Some((distance, child)) = farther {
                    passed(child, distance);
                }
            }
            let Some((nearest, child)) = best else { break };
            (node, distance) = (child, Some(nearest));
        }
        let row = self.first.get(node as usize).copied().unwrap_or(0);
        let own = || {
            self.words
                .get(row as usize)
                .map(|word| l2_squared_u8(descriptor, word))
        };
        Neighbour {
            distance: distance.or_else(own).unwrap_or(0),
            row,
        }
    }
}

type Part = (Descriptor, Vec<Descriptor>, usize);

/// The children of a node with so many words: centre, descriptors, words.
fn split(members: &[Descriptor], share: usize, config: &KMeansConfig) -> Vec<Part> {
    let found = kmeans(members, config, &|_, _| {});
    let centres = found.byte_centroids();
    let mut parts: Vec<Vec<Descriptor>> = vec![Vec::new(); centres.len()];
    for (member, &label) in members.iter().zip(&found.labels) {
        parts[label as usize].push(*member);
    }
    let shares = share_out(share, &parts.iter().map(Vec::len).collect::<Vec<_>>());
    let all = centres.into_iter().zip(parts).zip(shares);
    let mut split: Vec<Part> = all
        .filter(|(_, share)| *share > 0)
        .map(|((centre, part), share)| (centre, part, share))
        .collect();
    // Descriptors that nothing tells apart: words that are alike.
    if split.len() < 2 && share > 1 {
        let centre = split.first().map_or([0; 128], |part| part.0);
        split = vec![(centre, Vec::new(), 1); share];
    }
    split
}

/// Shares `total` out in proportion to `sizes`, at most `sizes[i]` to each and, while it lasts, one at least to whoever has
/// anything: by the largest quotient of size and next share (Sainte-Laguë 1910).
fn share_out(total: usize, sizes: &[usize]) -> Vec<usize> {
    let mut shares: Vec<usize> = vec![0; sizes.len()];
    let mut order: Vec<usize> = (0..sizes.len()).filter(|&i| sizes[i] > 0).collect();
    order.sort_by_key(|&i| (Reverse(sizes[i]), i));
    let mut left = total;
    for &i in order.iter().take(total) {
        shares[i] = 1;
        left -= 1;
    }
    // What one child more is worth, compared as products to stay in integers.
    let worth = |i: usize, shares: &[usize]| (sizes[i] as u128, 2 * shares[i] as u128 + 1);
    while left > 0 {
        let open = order.iter().copied().filter(|&i| shares[i] < sizes[i]);
        let next = open.max_by(|&a, &b| {
            let ((x, y), (u, v)) = (worth(a, &shares), worth(b, &shares));
            (x * v).cmp(&(u * y)).then(b.cmp(&a))
        });
        let Some(next) = next else { break };
        shares[next] += 1;
        left -= 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_respect_sizes() {
        assert_eq!(share_out(10, &[5, 15, 30]), [1, 3, 6]);
        assert_eq!(share_out(10, &[1, 0, 1]), [1, 0, 1]);
        assert_eq!(share_out(2, &[3, 9, 4]), [0, 1, 1]);
        assert!(share_out(3, &[]).is_empty());
    }

    #[test]
    fn parts_that_are_no_tree_are_refused() {
        let row = |n: u8| [n; 128];
        let centres = |n: usize| (0..n).map(|i| row(i as u8)).collect::<Vec<_>>();
        assert!(Tree::from_parts(centres(3), vec![2, 0, 0], 2).is_some());
        assert!(Tree::from_parts(centres(3), vec![2, 0, 0], 3).is_none());
        assert!(Tree::from_parts(centres(3), vec![0, 2, 0], 2).is_none());
        assert!(Tree::from_parts(centres(2), vec![2, 0, 0], 2).is_none());
        assert!(Tree::from_parts(centres(3), vec![1, 0, 1], 2).is_none());
        assert!(Tree::from_parts(centres(2), vec![u32::MAX, 0], 1).is_none());
        assert!(Tree::from_parts(Vec::new(), Vec::new(), 0).is_none());
        assert!(Tree::from_parts(centres(1), vec![0], 1).is_none());
    }

    #[test]
    fn words_that_nothing_tells_apart_are_no_trouble() {
        let tree = Tree::learn(&[[7; 128]; 40], 30, 4, (5, 1), &|_| {});
        assert_eq!(tree.words().len(), 30);
        assert!(tree.words().iter().all(|word| *word == [7; 128]));
        assert_eq!(tree.words_near(&[9; 128], 50).len(), 30);
        let one = Tree::learn(&[[7; 128]], 1, 4, (5, 1), &|_| {});
        assert_eq!((one.words().len(), one.word(&[0; 128])), (1, 0));
    }
}
