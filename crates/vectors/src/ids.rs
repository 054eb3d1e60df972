//! Sets of ids.
//!
//! Ids of a collection are given out one after the other, so a set of them is dense or it is small: bits in blocks of
//! 4,096 ids, and only blocks that hold some. A million ids cost 128 KiB, and sets are joined 64 ids at a time.

use std::iter::Peekable;

/// Ids in one block.
const BITS: i64 = 4096;
const WORDS: usize = BITS as usize / 64;

type Block = Box<[u64; WORDS]>;

/// A set of ids, in ascending order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdSet {
    /// Number of the block and its bits, ascending; no block is empty.
    blocks: Vec<(i64, Block)>,
}

/// Number of the block of an id, the word in it, and the bit.
fn place(id: i64) -> (i64, usize, u64) {
    let within = id.rem_euclid(BITS) as usize;
    (id.div_euclid(BITS), within / 64, 1 << (within % 64))
}

impl IdSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an id; gives whether it is new.
    pub fn insert(&mut self, id: i64) -> bool {
        let (block, word, bit) = place(id);
        // Ids mostly come in ascending order.
        let at = match self.blocks.last() {
            Some(&(last, _)) if last == block => Ok(self.blocks.len() - 1),
            Some(&(last, _)) if last > block => self.find(block),
            _ => Err(self.blocks.len()),
        };
        let at = at.unwrap_or_else(|at| {
            self.blocks.insert(at, (block, Box::new([0; WORDS])));
            at
        });
        let bits = &mut self.blocks[at].1[word];
        let new = *bits & bit == 0;
        *bits |= bit;
        new
    }

    /// Whether the set has this id.
    pub fn contains(&self, id: i64) -> bool {
        let (block, word, bit) = place(id);
        self.find(block)
            .is_ok_and(|at| self.blocks[at].1[word] & bit != 0)
    }

    /// Number of ids.
    pub fn len(&self) -> usize {
        let words = self.blocks.iter().flat_map(|(_, bits)| bits.iter());
        words.map(|bits| bits.count_ones() as usize).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The ids, ascending.
    pub fn iter(&self) -> impl Iterator<Item = i64> + '_ {
        let words = self.blocks.iter().flat_map(|(block, bits)| {
            let first = block * BITS;
            (0..)
                .zip(bits.iter())
                .map(move |(word, &bits)| (first + 64 * word, bits))
        });
        words.flat_map(|(first, mut bits)| {
            std::iter::from_fn(move || {
                let bit = bits.trailing_zeros();
                bits &= bits.wrapping_sub(1);
                (bit < 64).then(|| first + i64::from(bit))
            })
        })
    }

    /// Adds the ids of another set.
    pub fn unite(&mut self, other: &Self) {
        let mine = std::mem::take(&mut self.blocks);
        let mut theirs = other.blocks.iter().peekable();
        for (block, mut bits) in mine {
            while let Some((earlier, added)) = theirs.next_if(|(theirs, _)| *theirs < block) {
                self.blocks.push((*earlier, added.clone()));
            }
            if let Some(added) = same(&mut theirs, block) {
                bits.iter_mut().zip(added.iter()).for_each(|(a, b)| *a |= b);
            }
            self.blocks.push((block, bits));
        }
        self.blocks.extend(theirs.cloned());
    }

    /// Keeps the ids that the other set has as well.
    pub fn intersect(&mut self, other: &Self) {
        self.combine(other, |bits, theirs| *bits &= theirs);
    }

    /// Takes the ids of the other set away.
    pub fn subtract(&mut self, other: &Self) {
        self.combine(other, |bits, theirs| *bits &= !theirs);
    }

    fn combine(&mut self, other: &Self, join: impl Fn(&mut u64, u64)) {
        const NONE: [u64; WORDS] = [0; WORDS];
        let mut theirs = other.blocks.iter().peekable();
        self.blocks.retain_mut(|(block, bits)| {
            while theirs.next_if(|(theirs, _)| theirs < block).is_some() {}
            let other = same(&mut theirs, *block).map_or(&NONE, |bits| &**bits);
            bits.iter_mut().zip(other).for_each(|(a, &b)| join(a, b));
            bits.iter().any(|&bits| bits != 0)
        });
    }

    fn find(&self, block: i64) -> Result<usize, usize> {
        self.blocks
            .binary_search_by_key(&block, |&(block, _)| block)
    }
}

/// The bits of a block, when it is the next one.
fn same<'a>(
    blocks: &mut Peekable<std::slice::Iter<'a, (i64, Block)>>,
    block: i64,
) -> Option<&'a Block> {
    blocks
        .next_if(|(next, _)| *next == block)
        .map(|(_, bits)| bits)
}

impl FromIterator<i64> for IdSet {
    fn from_iter<I: IntoIterator<Item = i64>>(ids: I) -> Self {
        let mut set = Self::new();
        for id in ids {
            set.insert(id);
        }
        set
    }
}

/// The place of an id among `count` that ascend.
pub(crate) fn place_of(id: i64, count: usize, id_at: impl Fn(usize) -> i64) -> Option<usize> {
    let (mut from, mut to) = (0, count);
    while from < to {
        let middle = from + (to - from) / 2;
        match id_at(middle) < id {
            true => from = middle + 1,
            false => to = middle,
        }
    }
    (from < count && id_at(from) == id).then_some(from)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::random::Random;

    #[test]
    fn does_what_a_tree_does() {
        let mut random = Random::new(3);
        for round in 0..200 {
            // Dense, sparse, negative, and at the ends of all numbers.
            let spread = [50, 5_000, 1_000_000][round % 3];
            let mut draw = |count: usize| -> BTreeSet<i64> {
                let ends = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX];
                let drawn = (0..count).map(|_| random.below(spread) as i64 - spread as i64 / 3);
                let drawn: Vec<i64> = drawn.collect();
                drawn
                    .into_iter()
                    .chain(ends[..round % 7].iter().copied())
                    .collect()
            };
            let (a, b) = (draw(round), draw(300));
            let set = |tree: &BTreeSet<i64>| tree.iter().rev().copied().collect::<IdSet>();
            let list = |set: &IdSet| set.iter().collect::<Vec<_>>();
            let (left, right) = (set(&a), set(&b));
            assert_eq!(list(&left), a.iter().copied().collect::<Vec<_>>());
            assert_eq!((left.len(), left.is_empty()), (a.len(), a.is_empty()));
            assert!(b.iter().all(|id| left.contains(*id) == a.contains(id)));
            let after = |join: fn(&mut IdSet, &IdSet)| {
                let mut joined = left.clone();
                join(&mut joined, &right);
                assert!(joined.blocks.is_sorted_by_key(|(block, _)| *block));
                list(&joined)
            };
            assert_eq!(
                after(IdSet::unite),
                a.union(&b).copied().collect::<Vec<_>>()
            );
            assert_eq!(
                after(IdSet::intersect),
                a.intersection(&b).copied().collect::<Vec<_>>()
            );
            assert_eq!(
                after(IdSet::subtract),
                a.difference(&b).copied().collect::<Vec<_>>()
            );
        }
    }
}
