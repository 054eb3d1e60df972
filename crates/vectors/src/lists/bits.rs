//! Lists of RaBitQ codes.

use super::best::Gathered;
use super::blocks::each_found;
use super::coding::{List, ListCoding, ListQuestion};
use super::rows::residual;
use crate::fast_scan::{BLOCK_CODES, ByteTables, Scan, Terms};
use crate::files::{u32_at, u64_at};
use crate::rabitq::{RaBitQ, Sides};
use crate::{Metric, dot_f32, l2_squared_f32};

/// Number in files.
pub(super) const KIND: u32 = 17;
/// Share of the length of a residual that lies outside of the direction of its signs, about.
const OUTSIDE: f32 = 0.6;

/// Blocks of codes of a bit or a few for each dimension.
pub(super) struct BitCodes {
    pub coder: RaBitQ,
    pub metric: Metric,
}

/// Reads what [`ListCoding::to_bytes`] wrote.
pub(super) fn coder_from_bytes(bytes: &[u8]) -> Option<RaBitQ> {
    if bytes.len() != 16 {
        return None;
    }
    let [dimension, bits] = [0, 4].map(|at| u32_at(bytes, at) as usize);
    RaBitQ::new(dimension, bits, u64_at(bytes, 8)).ok()
}

impl ListCoding for BitCodes {
    fn kind(&self) -> u32 {
        KIND
    }

    fn to_bytes(&self) -> Vec<u8> {
        let counts = [self.coder.dimension(), self.coder.bits()].map(|x| (x as u32).to_le_bytes());
        let mut bytes = counts.concat();
        bytes.extend(self.coder.seed().to_le_bytes());
        bytes
    }

    fn bytes(&self, count: usize) -> usize {
        let blocks = count.div_ceil(BLOCK_CODES);
        blocks.saturating_mul(self.coder.block_bytes())
    }

    fn write(
        &self,
        centroid: &[f32],
        rows: &mut dyn Iterator<Item = &[f32]>,
        first: usize,
        codes: &mut [u8],
    ) {
        let bytes = self.coder.block_bytes();
        let rotated = self.coder.rotated(centroid);
        for (place, row) in (first..).zip(rows) {
            let start = place / BLOCK_CODES * bytes;
            let Some(block) = codes.get_mut(start..start + bytes) else {
                return;
            };
            let residual = residual(row, centroid);
            let sides = Sides {
                residual: &self.coder.rotated(&residual),
                centroid: &rotated,
                product: dot_f32(&residual, centroid),
            };
            self.coder
                .encode(&sides, self.metric, block, place % BLOCK_CODES);
        }
    }

    fn ask<'a>(&'a self, query: &'a [f32], metric: Metric) -> Box<dyn ListQuestion + 'a> {
        let rotated = self.coder.rotated(query);
        let tables = ByteTables::of_signs(&rotated);
        // Rounding of the query: a step has a standard deviation of 1/√12.
        let rounding = tables.scale * (rotated.len() as f32 / 12.0).sqrt() / OUTSIDE;
        Box::new(BitQuestion {
            codes: self,
            query,
            metric,
            sum: rotated.iter().sum(),
            rotated,
            rounding,
            tables,
        })
    }

    fn has_bounds(&self) -> bool {
        true
    }
}

struct BitQuestion<'a> {
    codes: &'a BitCodes,
    query: &'a [f32],
    metric: Metric,
    rotated: Vec<f32>,
    /// Sum of the rotated query.
    sum: f32,
    rounding: f32,
    tables: ByteTables,
}

impl BitQuestion<'_> {
    /// The score of the centroid of a list, and the distance to it.
    fn base(&self, list: &List<'_>) -> (f32, f32) {
        let square = l2_squared_f32(self.query, list.centroid);
        let base = match self.metric {
            Metric::L2 => -square,
            Metric::Dot | Metric::Cosine => dot_f32(self.query, list.centroid),
        };
        (base, square.sqrt())
    }

    fn block<'l>(&self, list: &List<'l>, place: usize) -> &'l [u8] {
        let bytes = self.codes.coder.block_bytes();
        let start = place / BLOCK_CODES * bytes;
        list.codes.get(start..start + bytes).unwrap_or_default()
    }

    /// The score by all bits, and what it is at most.
    fn estimate(&self, list: &List<'_>, place: usize, base: f32, far: f32) -> (f32, f32) {
        let block = self.block(list, place);
        let lane = place % BLOCK_CODES;
        let (known, bound) = self
            .codes
            .coder
            .estimate(block, lane, &self.rotated, self.sum);
        (base + known, base + known + bound * far)
    }
}

impl ListQuestion for BitQuestion<'_> {
    fn scan(&mut self, list: &List<'_>, found: &mut Gathered<'_>) {
        let (base, far) = self.base(list);
        let several = self.codes.coder.bits() > 1;
        let exact = found.exact();
        // Only what is looked at once more needs room for its error.
        let slack = match several || exact.is_some() {
            true => (far * far + self.rounding * self.rounding).sqrt(),
            false => 0.0,
        };
        let scan = Scan {
            blocks: list.codes,
            block_bytes: self.codes.coder.block_bytes(),
            tables: &self.tables.bytes,
            terms: Terms::Bounded,
            base,
            scale: self.tables.scale,
            offset: self.tables.offset,
            slack,
        };
        each_found(&scan, list, found, |place, score, id, found| {
            let (mut score, mut most) = (score, score);
            if several {
                (score, most) = self.estimate(list, place, base, far);
            }
            match exact {
                Some(exact) if most >= found.least() => found.offer(exact.score(id), id),
                Some(_) => {}
                None => found.offer(score, id),
            }
        });
    }

    fn scan_places(&mut self, list: &List<'_>, places: &[u32], found: &mut Gathered<'_>) {
        let (base, far) = self.base(list);
        let exact = found.exact();
        for &place in places {
            let place = place as usize;
            let (score, most) = self.estimate(list, place, base, far);
            match exact {
                Some(exact) if most >= found.least() => {
                    found.offer(exact.score(list.id(place)), list.id(place));
                }
                Some(_) => {}
                None => found.offer(score, list.id(place)),
            }
        }
    }
}
