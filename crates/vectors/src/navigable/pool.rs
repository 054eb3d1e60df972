//! The nearest nodes that a walk has met, in order.
//!
//! An array in order with a cursor at the first node that was not expanded does what the two heaps of Malkov & Yashunin (2018)
//! do. Up to some hundred entries moving them is cheaper than heaps are. An entry is one number: the score in its upper half,
//! so that a less number is a nearer node, the node below it, and in the last bit whether it was expanded.

/// A node and its score as one number: the less, the nearer; equal scores by the node.
pub(super) type Key = u64;

/// The key of a node below 2³¹. A score that is no number is the worst.
#[inline]
pub(super) fn key(score: f32, node: u32) -> Key {
    let bits = score.to_bits();
    let negative = ((bits as i32) >> 31) as u32;
    let ascending = bits ^ (negative | 1 << 31);
    let order = if score.is_nan() { u32::MAX } else { !ascending };
    u64::from(order) << 32 | u64::from(node) << 1
}

/// The node of a key.
#[inline]
pub(super) fn node(key: Key) -> u32 {
    (key as u32) >> 1
}

/// The score of a key.
#[inline]
pub(super) fn score(key: Key) -> f32 {
    let ascending = !((key >> 32) as u32);
    let positive = ((ascending as i32) >> 31) as u32;
    f32::from_bits(ascending ^ (!positive | 1 << 31))
}

/// The nearest nodes of those that were offered.
#[derive(Debug, Clone, Default)]
pub(super) struct Pool {
    /// Ascending.
    keys: Vec<Key>,
    width: usize,
}

impl Pool {
    /// Empties it, for so many nodes, at least one.
    pub fn begin(&mut self, width: usize) {
        self.keys.clear();
        self.width = width.max(1);
        self.keys.reserve(self.width + 1);
    }

    /// What is not below this is not taken.
    #[inline]
    pub fn bar(&self) -> Key {
        match self.keys.last() {
            Some(&last) if self.keys.len() >= self.width => last,
            _ => Key::MAX,
        }
    }

    /// Takes a key below the bar; gives its place.
    #[inline]
    pub fn take(&mut self, key: Key) -> usize {
        if self.keys.len() >= self.width {
            self.keys.pop();
        }
        let at = self.keys.partition_point(|&other| other < key);
        self.keys.insert(at, key);
        at
    }

    /// The first node from `at` on that was not expanded, and its place.
    #[inline]
    pub fn unexpanded(&self, at: usize) -> Option<(usize, u32)> {
        let rest = self.keys.get(at..)?;
        let found = rest.iter().position(|key| key & 1 == 0)?;
        Some((at + found, node(rest[found])))
    }

    /// Marks the node at a place as expanded.
    #[inline]
    pub fn expanded(&mut self, at: usize) {
        if let Some(key) = self.keys.get_mut(at) {
            *key |= 1;
        }
    }

    /// What it holds, nearest first.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ordered_as_scores_are() {
        let scores = [
            f32::INFINITY,
            7.5,
            1e-30,
            0.0,
            -1e-30,
            -7.5,
            f32::NEG_INFINITY,
        ];
        let keys: Vec<Key> = scores.iter().map(|&score| key(score, 9)).collect();
        assert!(keys.is_sorted_by(|a, b| a < b));
        assert!(key(f32::NAN, 0) > key(f32::NEG_INFINITY, 0));
        assert!(key(3.0, 4) < key(3.0, 5));
        for (&expected, &key) in scores.iter().zip(&keys) {
            assert_eq!((score(key | 1), node(key | 1)), (expected, 9));
        }
        assert_eq!(node(key(0.0, i32::MAX as u32)), i32::MAX as u32);
    }

    #[test]
    fn the_nearest_stay() {
        let mut pool = Pool::default();
        pool.begin(3);
        let offer = |pool: &mut Pool, score: f32, node: u32| {
            let key = key(score, node);
            (key < pool.bar()).then(|| pool.take(key))
        };
        assert_eq!(offer(&mut pool, 1.0, 10), Some(0));
        assert_eq!(offer(&mut pool, 3.0, 11), Some(0));
        pool.expanded(0);
        assert_eq!(offer(&mut pool, 2.0, 12), Some(1));
        assert_eq!(offer(&mut pool, 0.5, 13), None);
        assert_eq!(offer(&mut pool, 2.0, 9), Some(1));
        assert_eq!(pool.unexpanded(0), Some((1, 9)));
        let nodes: Vec<u32> = pool.keys().iter().map(|&key| node(key)).collect();
        assert_eq!(nodes, [11, 9, 12]);
        assert_eq!(pool.unexpanded(3), None);
    }
}
