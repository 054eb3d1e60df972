//! Which rows a search has met.

/// A set of row numbers that is emptied in the time it took to fill it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    words: Vec<u64>,
    rows: Vec<u32>,
}

impl Seen {
    /// Makes room for rows below `count`.
    pub fn reserve(&mut self, count: usize) {
        self.words.resize(count.div_ceil(64), 0);
    }

    /// Adds a row below the count that was reserved; gives whether it is new.
    #[inline]
    pub fn insert(&mut self, row: u32) -> bool {
        let (word, bit) = (row as usize / 64, 1 << (row % 64));
        let new = self.words[word] & bit == 0;
        if new {
            self.words[word] |= bit;
            self.rows.push(row);
        }
        new
    }

    /// Takes all rows out.
    pub fn clear(&mut self) {
        for row in self.rows.drain(..) {
            self.words[row as usize / 64] = 0;
        }
    }
}
