//! Indexes over the vectors of a file, and comparing a query with every vector that may be an answer.

use rayon::prelude::*;

use super::file::{Row, Stored};
use crate::points::check_query;
use crate::{Allowed, Error, Moments, Nearest, TopK, VectorIndex};

/// An approximate index over the vectors of a file. A search compares the vectors that it comes upon first; the moments are
/// estimated from a sample. Where no more than those are allowed, all are compared. A query of another length, or with what is no
/// finite number, is refused.
pub(super) trait OverStored {
    /// The vectors.
    fn stored(&self) -> &Stored;

    /// What says where to look, in words.
    fn structure(&self) -> &'static str;

    /// How many vectors a search for `k` compares.
    fn compared(&self, k: usize) -> usize;

    /// The best of those that are compared.
    fn look(&self, query: &[f32], k: usize, allowed: &Allowed<'_>) -> TopK;
}

impl<T: OverStored + Send + Sync> VectorIndex for T {
    fn len(&self) -> usize {
        self.stored().len()
    }

    fn dimension(&self) -> usize {
        self.stored().dimension()
    }

    fn tag(&self) -> &str {
        self.stored().tag()
    }

    fn last_id(&self) -> i64 {
        self.stored().last_id()
    }

    fn nearest(&self, query: &[f32], k: usize, allowed: &Allowed<'_>) -> Result<Nearest, Error> {
        let look = || self.look(query, k, allowed);
        nearest(self.stored(), query, k, allowed, self.compared(k), look)
    }

    fn made_of(&self) -> String {
        format!("{}; {} are compared", self.structure(), self.compared(1))
    }

    fn check_whole(&self) -> Result<(), Error> {
        self.stored().check_whole()
    }

    fn verify(&self) -> Result<(), Error> {
        self.stored().verify()
    }
}

/// Vectors that one thread takes at a time.
const BLOCK: usize = 4096;

/// The best of what is in `top`, with the moments of all scores.
pub(super) fn answer(top: TopK, moments: Moments) -> Nearest {
    let best = top.into_sorted().into_iter();
    Nearest {
        best: best.map(|(score, id)| (id, score)).collect(),
        moments,
    }
}

/// What a search does: where few vectors are allowed, or so few of the sample that it says nothing, all allowed ones are
/// compared and the moments are theirs. Otherwise `look` finds the best, and the moments are the sample's.
fn nearest(
    stored: &Stored,
    query: &[f32],
    k: usize,
    allowed: &Allowed<'_>,
    few: usize,
    look: impl FnOnce() -> TopK,
) -> Result<Nearest, Error> {
    check_query(query, stored.dimension())?;
    let sampled = match allowed.most_of(stored.len()) <= few.max(k) {
        true => None,
        false => stored.sample.moments(query, allowed),
    };
    let found = match sampled {
        Some(moments) => answer(look(), moments),
        None => all(stored, query, k, allowed),
    };
    stored.check_whole()?;
    Ok(found)
}

fn all(stored: &Stored, query: &[f32], k: usize, allowed: &Allowed<'_>) -> Nearest {
    if let Allowed::Only(ids) = allowed
        && ids.len() < stored.len() / 8
    {
        let places: Vec<usize> = ids.iter().filter_map(|id| stored.place(id)).collect();
        return compare(stored, query, k, &places);
    }
    let places = 0..stored.len();
    let places: Vec<usize> = places
        .filter(|&at| allowed.contains(stored.id(at)))
        .collect();
    compare(stored, query, k, &places)
}

fn compare(stored: &Stored, query: &[f32], k: usize, places: &[usize]) -> Nearest {
    let blocks: Vec<(TopK, Moments)> = places
        .par_chunks(BLOCK)
        .map(|places| {
            let (mut top, mut moments) = (TopK::new(k), Moments::default());
            let mut row = Row::new(stored.dimension());
            for &at in places {
                let score = stored.score(at, query, &mut row);
                moments.add(score);
                top.push(score, stored.id(at));
            }
            (top, moments)
        })
        .collect();
    let (mut best, mut moments) = (TopK::new(k), Moments::default());
    for (top, of_block) in blocks {
        moments.merge(&of_block);
        for (score, id) in top.into_sorted() {
            best.push(score, id);
        }
    }
    answer(best, moments)
}
