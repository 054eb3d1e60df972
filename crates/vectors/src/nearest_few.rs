//! The nearest few rows found so far.

use std::collections::BinaryHeap;

/// Keeps the rows with the smallest ranks; of equal ranks those with the lower row numbers, so the result does not depend on
/// the order in which they come.
#[derive(Debug, Clone)]
pub(crate) struct NearestFew {
    wanted: usize,
    /// Rank and row in one number, the worst at the root.
    heap: BinaryHeap<u64>,
    /// Nothing above it is kept.
    limit: u64,
}

#[inline]
fn key_of(rank: u32, row: u32) -> u64 {
    u64::from(rank) << 32 | u64::from(row)
}

impl NearestFew {
    pub fn new(wanted: usize) -> Self {
        Self {
            wanted,
            heap: BinaryHeap::new(),
            limit: if wanted == 0 { 0 } else { u64::MAX },
        }
    }

    /// The greatest rank that may still be kept.
    #[inline]
    pub fn worst_rank(&self) -> u32 {
        (self.limit >> 32) as u32
    }

    /// Whether as many as wanted were found.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.limit != u64::MAX
    }

    /// Whether a row would be kept.
    #[inline]
    pub fn would_keep(&self, rank: u32, row: u32) -> bool {
        key_of(rank, row) < self.limit
    }

    /// Offers a row.
    #[inline]
    pub fn push(&mut self, rank: u32, row: u32) {
        let key = key_of(rank, row);
        if key < self.limit {
            self.keep(key);
        }
    }

    fn keep(&mut self, key: u64) {
        if self.heap.len() < self.wanted {
            self.heap.push(key);
        } else if let Some(mut worst) = self.heap.peek_mut() {
            *worst = key;
        }
        if self.heap.len() == self.wanted {
            self.limit = self.heap.peek().copied().unwrap_or(0);
        }
    }

    /// Ranks and rows, the smallest first.
    pub fn into_sorted(self) -> impl ExactSizeIterator<Item = (u32, u32)> {
        let keys = self.heap.into_sorted_vec().into_iter();
        keys.map(|key| ((key >> 32) as u32, key as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn agrees_with_sorting_everything() {
        let mut random = Random::new(3);
        let all: Vec<(u32, u32)> = (0..400).map(|row| (random.below(50) as u32, row)).collect();
        for wanted in [0, 1, 7, 400, 500] {
            let mut few = NearestFew::new(wanted);
            for &(rank, row) in all.iter().rev() {
                few.push(rank, row);
            }
            let mut sorted = all.clone();
            sorted.sort_unstable();
            sorted.truncate(wanted);
            assert_eq!(few.into_sorted().collect::<Vec<_>>(), sorted);
        }
    }
}
