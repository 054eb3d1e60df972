//! Where walks set out from.
//!
//! Vectors lie in heaps, and where nodes have few edges no walk comes from one heap to another. So there are many entries, drawn
//! as many as the root of the number of nodes; but to score all of them would take as long as a short walk does. So each
//! follows the nearest of a few *heads*, and a walk sets out from the heads and from those that follow the nearest of them.

use super::space::Space;
use super::view::View;
use crate::codes::Coder;

/// Most heads. Scoring them is a small part of a walk.
const HEADS: usize = 64;
/// Most entries.
const MOST: usize = 1024;

/// Nodes from which walks set out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entries {
    pub heads: Vec<u32>,
    /// Of each head where its followers end, and those of the next begin.
    ends: Vec<u32>,
    followers: Vec<u32>,
}

/// How many entries so many nodes have.
pub(super) fn entry_count(nodes: usize) -> usize {
    let root = (nodes as f64).sqrt() as usize;
    root.clamp(HEADS, MOST).min(nodes)
}

impl Entries {
    /// Entries without followers.
    pub fn heads(nodes: &[u32]) -> Self {
        Self {
            heads: nodes.to_vec(),
            ends: vec![0; nodes.len()],
            followers: Vec::new(),
        }
    }

    /// The first nodes as heads, the others as their followers.
    pub fn of<C: Coder>(nodes: &[u32], space: &Space<'_, C>, view: &View<'_>) -> Self {
        let (heads, others) = nodes.split_at(nodes.len().min(HEADS));
        let mut following = vec![Vec::new(); heads.len()];
        for &other in others {
            let distances = heads.iter().map(|&head| space.distance(view, head, other));
            let nearest = distances.enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
            if let Some(of_head) = nearest.and_then(|(at, _)| following.get_mut(at)) {
                of_head.push(other);
            }
        }
        let mut end = 0;
        let ends = following.iter().map(|followers| {
            end += followers.len() as u32;
            end
        });
        Self {
            heads: heads.to_vec(),
            ends: ends.collect(),
            followers: following.concat(),
        }
    }

    /// Those that follow a head.
    pub fn following(&self, head: u32) -> &[u32] {
        let Some(at) = self.heads.iter().position(|&other| other == head) else {
            return &[];
        };
        let end = |at: usize| self.ends.get(at).map_or(0, |&end| end as usize);
        let start = at.checked_sub(1).map_or(0, end);
        self.followers.get(start..end(at)).unwrap_or_default()
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = u32> + '_ {
        self.heads.iter().chain(&self.followers).copied()
    }

    /// For a file: the number of heads, heads, ends, followers.
    pub fn to_numbers(&self) -> Vec<u32> {
        let mut numbers = vec![self.heads.len() as u32];
        numbers.extend(&self.heads);
        numbers.extend(&self.ends);
        numbers.extend(&self.followers);
        numbers
    }

    /// What [`Entries::to_numbers`] gave; `None` when these numbers are none of so many nodes.
    pub fn from_numbers(numbers: &[u32], nodes: usize) -> Option<Self> {
        let (&heads, rest) = numbers.split_first()?;
        let (heads, rest) = rest.split_at_checked(heads as usize)?;
        let (ends, followers) = rest.split_at_checked(heads.len())?;
        let entries = Self {
            heads: heads.to_vec(),
            ends: ends.to_vec(),
            followers: followers.to_vec(),
        };
        let last = ends.last().map_or(0, |&last| last as usize);
        let sound = ends.is_sorted()
            && last == followers.len()
            && heads.is_empty() == (nodes == 0)
            && entries.all().all(|node| (node as usize) < nodes);
        sound.then_some(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_give_the_same_entries_or_none() {
        let entries = Entries {
            heads: vec![4, 9, 2],
            ends: vec![1, 1, 3],
            followers: vec![7, 5, 6],
        };
        assert_eq!(
            [4, 9, 2, 7].map(|head| entries.following(head).len()),
            [1, 0, 2, 0]
        );
        assert_eq!(entries.following(2), [5, 6]);
        let numbers = entries.to_numbers();
        assert_eq!(Entries::from_numbers(&numbers, 10), Some(entries));
        assert_eq!(Entries::from_numbers(&numbers, 9), None, "node 9");
        for length in 0..numbers.len() {
            assert_eq!(Entries::from_numbers(&numbers[..length], 10), None);
        }
        assert_eq!(Entries::from_numbers(&[u32::MAX, 1], 10), None);
        assert_eq!(Entries::from_numbers(&[0], 0), Some(Entries::default()));
        assert_eq!([0, 3, 9_000, 4_000_000].map(entry_count), [0, 3, 94, 1024]);
    }
}
