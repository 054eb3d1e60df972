//! Rows by their hash, in flat arrays.

/// Rows sorted by key, with a directory of the leading bits: keys look drawn, so each entry leads to a few of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Buckets {
    /// Leading bits that the directory takes.
    leading: u32,
    starts: Vec<u32>,
    /// The last 32 bits of the keys, ascending within an entry of the directory.
    keys: Vec<u32>,
    rows: Vec<u32>,
}

impl Buckets {
    /// The buckets of rows whose keys are given in their order; at most 2³¹ − 1 of them.
    pub fn new(keys: &[u64]) -> Self {
        let leading = keys.len().max(2).ilog2().min(24);
        let slot = |row: u32| (keys[row as usize] >> (64 - leading)) as usize;
        let mut rows: Vec<u32> = (0..keys.len() as u32).collect();
        rows.sort_unstable_by_key(|&row| (slot(row), keys[row as usize] as u32, row));
        let mut starts = vec![0u32; (1 << leading) + 1];
        for &row in &rows {
            starts[slot(row) + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        Self {
            leading,
            starts,
            keys: rows.iter().map(|&row| keys[row as usize] as u32).collect(),
            rows,
        }
    }

    /// The rows that have this key, ascending.
    pub fn rows(&self, key: u64) -> &[u32] {
        let slot = (key >> (64 - self.leading)) as usize;
        let range = self.starts[slot] as usize..self.starts[slot + 1] as usize;
        let (keys, rows) = (&self.keys[range.clone()], &self.rows[range]);
        let from = keys.partition_point(|&other| other < key as u32);
        let count = keys[from..].partition_point(|&other| other == key as u32);
        &rows[from..from + count]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mixing::mix;

    #[test]
    fn each_key_gives_its_rows() {
        for count in [0u64, 1, 2, 3, 100, 5000] {
            let keys: Vec<u64> = (0..count).map(|row| mix(row * row % 97)).collect();
            let buckets = Buckets::new(&keys);
            for key in (0..200).map(mix) {
                let rows = (0..count as u32).filter(|&row| keys[row as usize] == key);
                assert_eq!(buckets.rows(key), rows.collect::<Vec<_>>());
            }
        }
    }
}
