//! The best few of many scores.

use std::cmp::Ordering;

/// Keeps the `k` entries with the highest scores. Equal scores go to the lower key, so the result does
/// not depend on the order of insertion. Scores that are not numbers are ignored.
#[derive(Debug, Clone)]
pub struct TopK {
    capacity: usize,
    /// A binary heap whose root is the worst entry kept.
    heap: Vec<(f32, i64)>,
}

/// Less = better.
fn rank(a: &(f32, i64), b: &(f32, i64)) -> Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

impl TopK {
    /// Keeps at most `capacity` entries.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            heap: Vec::new(),
        }
    }

    /// Whether an entry would be kept if it were pushed now.
    pub fn would_keep(&self, score: f32, key: i64) -> bool {
        if score.is_nan() || self.capacity == 0 {
            return false;
        }
        match self.heap.first() {
            Some(worst) if self.heap.len() >= self.capacity => {
                rank(&(score, key), worst) == Ordering::Less
            }
            _ => true,
        }
    }

    /// The least score kept, once there are as many entries as are kept: nothing below it would be.
    pub fn least(&self) -> Option<f32> {
        let full = self.heap.len() >= self.capacity;
        self.heap.first().filter(|_| full).map(|worst| worst.0)
    }

    /// Offers an entry.
    pub fn push(&mut self, score: f32, key: i64) {
        if !self.would_keep(score, key) {
            return;
        }
        if self.heap.len() < self.capacity {
            self.heap.push((score, key));
            self.sift_up();
        } else {
            self.heap[0] = (score, key);
            self.sift_down();
        }
    }

    /// The entries kept, best first.
    pub fn into_sorted(self) -> Vec<(f32, i64)> {
        let mut entries = self.heap;
        entries.sort_by(rank);
        entries
    }

    fn sift_up(&mut self) {
        let mut at = self.heap.len() - 1;
        while at > 0 {
            let parent = (at - 1) / 2;
            if rank(&self.heap[at], &self.heap[parent]) != Ordering::Greater {
                break;
            }
            self.heap.swap(at, parent);
            at = parent;
        }
    }

    fn sift_down(&mut self) {
        let mut at = 0;
        loop {
            let mut worst = at;
            for child in [2 * at + 1, 2 * at + 2] {
                if child < self.heap.len()
                    && rank(&self.heap[child], &self.heap[worst]) == Ordering::Greater
                {
                    worst = child;
                }
            }
            if worst == at {
                return;
            }
            self.heap.swap(at, worst);
            at = worst;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn agrees_with_sorting_everything() {
        let mut random = Random::new(9);
        let entries: Vec<(f32, i64)> = (0..500)
            .map(|i| (random.below(40) as f32, (i * 7) % 500))
            .collect();
        for k in [0, 1, 10, 499, 600] {
            let mut top = TopK::new(k);
            for &(score, key) in &entries {
                top.push(score, key);
            }
            top.push(f32::NAN, 3);
            let mut expected = entries.clone();
            expected.sort_by(rank);
            expected.truncate(k);
            assert_eq!(top.into_sorted(), expected);
        }
    }
}
