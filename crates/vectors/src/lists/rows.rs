//! Lists of codes that follow each other.

use super::best::Gathered;
use super::coding::{List, ListCoding, ListQuestion};
use crate::codes::{Question, StoredCoder};
use crate::{Metric, dot_f32};

/// Codes that are scored together.
const SEVERAL: usize = 64;

/// A code for each vector, or for what is left of it after the centroid.
pub(super) struct RowCodes<C> {
    pub coder: C,
    /// Whether codes are of residuals.
    pub residual: bool,
}

impl<C> RowCodes<C> {
    /// Codes of vectors.
    pub fn whole(coder: C) -> Self {
        Self {
            coder,
            residual: false,
        }
    }

    /// Codes of residuals.
    pub fn residual(coder: C) -> Self {
        Self {
            coder,
            residual: true,
        }
    }
}

impl<C: StoredCoder> ListCoding for RowCodes<C> {
    fn kind(&self) -> u32 {
        C::KIND
    }

    fn to_bytes(&self) -> Vec<u8> {
        self.coder.to_bytes()
    }

    fn bytes(&self, count: usize) -> usize {
        count.saturating_mul(self.coder.code_bytes())
    }

    fn write(
        &self,
        centroid: &[f32],
        rows: &mut dyn Iterator<Item = &[f32]>,
        first: usize,
        codes: &mut [u8],
    ) {
        let bytes = self.coder.code_bytes().max(1);
        let codes = codes.chunks_exact_mut(bytes).skip(first);
        for (row, code) in rows.zip(codes) {
            match self.residual {
                true => self.coder.encode(&residual(row, centroid), code),
                false => self.coder.encode(row, code),
            }
        }
    }

    fn ask<'a>(&'a self, query: &'a [f32], metric: Metric) -> Box<dyn ListQuestion + 'a> {
        Box::new(RowQuestion {
            codes: self,
            query,
            metric,
            of_all: (!self.residual || metric != Metric::L2).then(|| self.coder.ask(query, metric)),
            scores: [0.0; SEVERAL],
        })
    }
}

/// A vector less another.
pub(super) fn residual(row: &[f32], centroid: &[f32]) -> Vec<f32> {
    row.iter().zip(centroid).map(|(x, c)| x - c).collect()
}

struct RowQuestion<'a, C: StoredCoder> {
    codes: &'a RowCodes<C>,
    query: &'a [f32],
    metric: Metric,
    /// The question of all lists, where it does not depend on the centroid.
    of_all: Option<C::Question<'a>>,
    scores: [f32; SEVERAL],
}

impl<C: StoredCoder> RowQuestion<'_, C> {
    fn with<R>(
        &mut self,
        list: &List<'_>,
        run: impl FnOnce(&C::Question<'_>, f32, &mut [f32]) -> R,
    ) -> R {
        let base = match self.codes.residual && self.metric != Metric::L2 {
            true => dot_f32(self.query, list.centroid),
            false => 0.0,
        };
        match &self.of_all {
            Some(question) => run(question, base, &mut self.scores),
            None => {
                let query = residual(self.query, list.centroid);
                run(
                    &self.codes.coder.ask(&query, self.metric),
                    base,
                    &mut self.scores,
                )
            }
        }
    }
}

impl<C: StoredCoder> ListQuestion for RowQuestion<'_, C> {
    fn scan(&mut self, list: &List<'_>, found: &mut Gathered<'_>) {
        let bytes = self.codes.coder.code_bytes().max(1);
        self.with(list, |question, base, scores| {
            let mut place = 0;
            for codes in list.codes.chunks(SEVERAL * bytes) {
                let scores = &mut scores[..codes.len() / bytes];
                question.scores(codes, scores);
                for &score in scores.iter() {
                    let score = base + score;
                    if score >= found.least() {
                        let id = list.id(place);
                        if found.allows(id) {
                            found.offer(score, id);
                        }
                    }
                    place += 1;
                }
            }
        });
    }

    fn scan_places(&mut self, list: &List<'_>, places: &[u32], found: &mut Gathered<'_>) {
        let bytes = self.codes.coder.code_bytes();
        self.with(list, |question, base, _| {
            for &place in places {
                let place = place as usize;
                if let Some(code) = list.codes.get(place * bytes..(place + 1) * bytes) {
                    found.offer(base + question.score(code), list.id(place));
                }
            }
        });
    }
}
