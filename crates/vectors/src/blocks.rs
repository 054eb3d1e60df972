//! Rows side by side in blocks of sixteen, for kernels that take many rows at once.
//!
//! What multiplies one vector with thousands of rows wants a coordinate of many rows in one load, and results that need no sum
//! across the lanes of a register. So a block holds the first coordinate of its sixteen rows, then the second, and so on. What
//! is done with them is the matter of [`Panel`](crate::panel::Panel) for integers, of
//! [`FloatPanel`](crate::float_panel::FloatPanel) for floats and of the mixtures for double precision.

/// Rows of a block.
pub(crate) const BLOCK_ROWS: usize = 16;

/// One entry of each row of a block.
pub(crate) type Column<T> = [T; BLOCK_ROWS];

/// Rows of a fixed number of entries, packed for multiplication.
#[derive(Debug, Clone, Default)]
pub(crate) struct Blocks<T> {
    rows: usize,
    entries: usize,
    columns: Vec<Column<T>>,
}

impl<T: Copy + Default> Blocks<T> {
    /// Packs `rows` rows, of which `of` gives the entries; the last block is filled up with zeros.
    pub fn new<I: Iterator<Item = T>>(
        rows: usize,
        entries: usize,
        mut of: impl FnMut(usize) -> I,
    ) -> Self {
        let blocks = rows.div_ceil(BLOCK_ROWS);
        let mut columns = vec![[T::default(); BLOCK_ROWS]; blocks * entries];
        for row in 0..rows {
            let block = &mut columns[row / BLOCK_ROWS * entries..][..entries];
            for (column, entry) in block.iter_mut().zip(of(row)) {
                column[row % BLOCK_ROWS] = entry;
            }
        }
        Self {
            rows,
            entries,
            columns,
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of blocks.
    pub fn count(&self) -> usize {
        self.rows.div_ceil(BLOCK_ROWS)
    }

    /// Rows of a block that are not filling.
    pub fn rows_of(&self, block: usize) -> usize {
        BLOCK_ROWS.min(self.rows.saturating_sub(block * BLOCK_ROWS))
    }

    /// The columns of a block, one for every entry; none beyond the last block.
    pub fn block(&self, block: usize) -> Option<&[Column<T>]> {
        let start = block.checked_mul(self.entries)?;
        (block < self.count()).then(|| &self.columns[start..start + self.entries])
    }
}

/// The smallest key of each lane so far, and the first row of its block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LaneBest<T> {
    pub keys: Column<T>,
    pub first_rows: Column<u32>,
}

impl<T: Copy + PartialOrd> LaneBest<T> {
    /// Keeps what is below `none`.
    pub fn new(none: T) -> Self {
        Self {
            keys: [none; BLOCK_ROWS],
            first_rows: [0; BLOCK_ROWS],
        }
    }

    /// Offers the keys of a block. Blocks are offered in their order.
    #[inline(always)]
    pub fn offer(&mut self, first_row: u32, keys: &Column<T>) {
        for (lane, &key) in keys.iter().enumerate() {
            let smaller = key < self.keys[lane];
            self.keys[lane] = if smaller { key } else { self.keys[lane] };
            self.first_rows[lane] = if smaller {
                first_row
            } else {
                self.first_rows[lane]
            };
        }
    }

    /// The row with the smallest key, the first of equals, and the key. Where nothing was kept it is row 0.
    pub fn over_lanes(&self) -> (u32, T) {
        let mut best = (self.first_rows[0], self.keys[0]);
        for (lane, (&key, &first)) in (0..).zip(self.keys.iter().zip(&self.first_rows)).skip(1) {
            let row = first + lane;
            if key < best.1 || (key == best.1 && row < best.0) {
                best = (row, key);
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_lies_in_its_column() {
        for (rows, entries) in [(0, 3), (1, 1), (16, 2), (37, 5), (4, 0)] {
            let entry = |row: usize, at: usize| (100 * row + at) as u32;
            let blocks = Blocks::new(rows, entries, |row| {
                (0..entries).map(move |at| entry(row, at))
            });
            assert_eq!((blocks.rows(), blocks.count()), (rows, rows.div_ceil(16)));
            for row in 0..blocks.count() * BLOCK_ROWS {
                let block = blocks.block(row / BLOCK_ROWS).unwrap();
                assert_eq!(block.len(), entries);
                for (at, column) in block.iter().enumerate() {
                    let expected = if row < rows { entry(row, at) } else { 0 };
                    assert_eq!(column[row % BLOCK_ROWS], expected);
                }
            }
            assert!(blocks.block(blocks.count()).is_none());
            let real: usize = (0..blocks.count() + 1).map(|b| blocks.rows_of(b)).sum();
            assert_eq!(real, rows);
        }
    }
}
