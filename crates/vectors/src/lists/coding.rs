//! What an index asks of its codes.

use super::best::Gathered;
use crate::Metric;
use crate::distance::prefetch;

/// Bytes that are brought into the cache beforehand; the processor foresees the others.
const EXPECTED: usize = 2048;

/// A list as it is read.
#[derive(Clone, Copy)]
pub(super) struct List<'a> {
    pub centroid: &'a [f32],
    /// Ids, eight bytes each.
    pub ids: &'a [u8],
    pub codes: &'a [u8],
}

impl List<'_> {
    /// Hears that it is read soon.
    pub fn expect(&self) {
        prefetch(&self.codes[..self.codes.len().min(EXPECTED)]);
        prefetch(self.centroid);
    }

    /// How many vectors it has.
    #[inline]
    pub fn len(&self) -> usize {
        self.ids.len() / 8
    }

    #[inline]
    pub fn id(&self, place: usize) -> i64 {
        crate::files::i64_at(self.ids, 8 * place)
    }
}

/// A way to keep the vectors of lists. Rows and queries are what [`Metric::prepared`] makes of them.
pub(super) trait ListCoding: Send + Sync {
    /// Its number in files.
    fn kind(&self) -> u32;

    /// What was learned.
    fn to_bytes(&self) -> Vec<u8>;

    /// Bytes of the codes of a list of `count` vectors.
    fn bytes(&self, count: usize) -> usize;

    /// Writes the codes of rows that come after `first` others; `codes` is long enough for all and zero from there on.
    fn write(
        &self,
        centroid: &[f32],
        rows: &mut dyn Iterator<Item = &[f32]>,
        first: usize,
        codes: &mut [u8],
    );

    /// A query made ready. Of each list that is read, `base` is the score of its centroid.
    fn ask<'a>(&'a self, query: &'a [f32], metric: Metric) -> Box<dyn ListQuestion + 'a>;

    /// Whether scores have bounds.
    fn has_bounds(&self) -> bool {
        false
    }
}

/// A query that is compared with the codes of lists.
pub(super) trait ListQuestion {
    /// Offers all vectors of a list.
    fn scan(&mut self, list: &List<'_>, found: &mut Gathered<'_>);

    /// Offers some vectors of a list, which are allowed.
    fn scan_places(&mut self, list: &List<'_>, places: &[u32], found: &mut Gathered<'_>);
}
