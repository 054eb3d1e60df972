//! Aggregated selective match kernels, ASMK* (Tolias, Avrithis & Jégou, "To aggregate or not to aggregate", ICCV 2013; "Image
//! search with selective match kernels", IJCV 2016).
//!
//! All features that an image has of a word become one code, the signs of the sum of their residuals
//! ([`Codebook::aggregate`](crate::Codebook::aggregate)): what repeats in an image counts once. Two codes *h* of 64 bits apart are
//! similar by *s* = 1 − 2*h*/64, worth σ(*s*) = *s*^α from a threshold τ on and nothing below. Over the words *c* that a query X
//! and an image Y share,
//!
//! score = Σ idf(c)² σ(s_c) / (√Σ_X idf² · √Σ_Y idf²),
//!
//! so that an image has the score 1 with itself. idf(c) = ln(N/n_c), or 1 where it is left out. Scores are those of the Python
//! package `asmk` (Jeníček & Tolias), see `tests/reference/match_kernel.py`; but for one factor of a whole query whose words are not
//! all in the gallery: with idf a word of no image has the package's weight 1, and here that of a word of one image.

use serde::{Deserialize, Serialize};
use vizsla_vectors::{Allowed, TopK};

use crate::Error;
use crate::norms::IdfNorms;
use crate::reading::{Asked, each_near};
use crate::scoring::{QueryWord, Scored};
use crate::segment::{Contents, Segment};
use crate::votes::lists_of;
use crate::weights::{images, selective_square};

/// Bits of a code in the inverted file.
const BITS: u32 = 64;

/// The selectivity of a match kernel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AsmkConfig {
    /// Power of the similarity, 0 to 32.
    pub alpha: f32,
    /// Least similarity that counts, 0 to 1.
    pub threshold: f32,
    /// Whether words are weighted by their squared inverse document frequency.
    pub idf: bool,
}

impl Default for AsmkConfig {
    /// As the papers have it: α = 3, τ = 0, and no idf.
    fn default() -> Self {
        Self {
            alpha: 3.0,
            threshold: 0.0,
            idf: false,
        }
    }
}

impl AsmkConfig {
    /// Checks every number against its range.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] names the first number that is out of range, and the range.
    pub fn check(&self) -> Result<(), Error> {
        let within = |name, value: f32, high: f64| match (0.0..=high).contains(&f64::from(value)) {
            true => Ok(()),
            false => Err(Error::OutOfRange {
                name,
                value: value.into(),
                low: 0.0,
                high,
            }),
        };
        within("alpha", self.alpha, 32.0)?;
        within("threshold", self.threshold, 1.0)
    }

    /// What a similarity is worth.
    pub(crate) fn selectivity(&self, similarity: f32) -> f32 {
        match similarity >= self.threshold {
            true => similarity.powf(self.alpha),
            false => 0.0,
        }
    }

    /// Worth by Hamming distance; shorter than the distances that are worth nothing.
    fn by_distance(&self) -> Vec<f32> {
        let similarity = |h: u32| 1.0 - 2.0 * h as f32 / BITS as f32;
        let near = (0..=BITS).map(similarity);
        let near = near.take_while(|&s| s >= self.threshold.max(0.0));
        near.map(|s| self.selectivity(s)).collect()
    }
}

/// The `top` images with the highest ASMK* scores, best first, equal scores by ascending id. Only images that are allowed are
/// returned; the rest are counted in document frequencies all the same. Every word of the query is by itself, whatever feature it
/// is of. `norms` are those of these very segments; without them they are made where idf needs them.
///
/// # Errors
/// [`Error::UnknownWord`] when a word lies beyond a segment's codebook, [`Error::OtherContents`] when a segment is not of
/// aggregated words, [`Error::OutOfRange`] from the config, [`vizsla_vectors::Error::Damaged`] when a file was cut short since it
/// was opened.
pub fn search_aggregated(
    segments: &[&Segment],
    query: &[QueryWord],
    config: &AsmkConfig,
    norms: Option<&IdfNorms>,
    allowed: &Allowed<'_>,
    top: usize,
) -> Result<Vec<Scored>, Error> {
    config.check()?;
    for segment in segments {
        segment.expect(Contents::Aggregated)?;
    }
    let made;
    let norms = match (config.idf, norms.filter(|norms| norms.fit(segments))) {
        (false, _) => None,
        (true, Some(norms)) => Some(norms),
        (true, None) => {
            made = IdfNorms::new(segments)?;
            Some(&made)
        }
    };
    let mut query = query.to_vec();
    // The order of words decides the last bits of the sums.
    query.sort_by_key(|q| (q.word, q.feature));
    let (sums, length) = sums(segments, &query, config)?;
    let best = best(segments, &sums, norms, length, allowed, top);
    segments
        .iter()
        .try_for_each(|segment| segment.check_whole())?;
    Ok(best)
}

/// Sums of matches by segment and image, and the squared length of the query.
fn sums(
    segments: &[&Segment],
    query: &[QueryWord],
    config: &AsmkConfig,
) -> Result<(Vec<Vec<f32>>, f32), Error> {
    let all = images(segments);
    let lists = lists_of(segments, query.iter().map(|q| q.word))?;
    let by_word = query.iter().zip(lists.chunks(segments.len().max(1)));
    let mut length = 0.0;
    let mut asked: Vec<Asked<'_>> = Vec::new();
    // What each list counts, and its segment.
    let mut counts: Vec<(f32, usize)> = Vec::new();
    for (q, lists) in by_word {
        let square = match config.idf {
            true => selective_square(lists, all),
            false => 1.0,
        };
        let weight = q.weight * square;
        length += weight;
        for (segment, list) in lists.iter().enumerate() {
            if let Some(list) = list {
                asked.push((list, q.signature.0[0]));
                counts.push((weight, segment));
            }
        }
    }
    let mut sums: Vec<Vec<f32>> = segments
        .iter()
        .map(|segment| vec![0.0; segment.image_count() as usize])
        .collect();
    let worth = config.by_distance();
    let Some(threshold) = worth.len().checked_sub(1) else {
        return Ok((sums, length));
    };
    each_near(&asked, threshold as u32, &mut |number, hits| {
        let (Some((list, _)), Some(&(weight, segment))) = (asked.get(number), counts.get(number))
        else {
            return;
        };
        let Some(sums) = sums.get_mut(segment) else {
            return;
        };
        for &(posting, h) in hits {
            let image = list.ordinal(posting as usize);
            let sum = image.and_then(|image| sums.get_mut(image as usize));
            if let (Some(sum), Some(worth)) = (sum, worth.get(h as usize)) {
                *sum += weight * worth;
            }
        }
    });
    Ok((sums, length))
}

fn best(
    segments: &[&Segment],
    sums: &[Vec<f32>],
    norms: Option<&IdfNorms>,
    length: f32,
    allowed: &Allowed<'_>,
    top: usize,
) -> Vec<Scored> {
    let mut best = TopK::new(top);
    for (at, (segment, sums)) in segments.iter().zip(sums).enumerate() {
        let squares = norms.and_then(|norms| norms.squares().get(at));
        for (image, &sum) in (0..).zip(sums) {
            // Every word of an aggregated image counts once, so this is the root of their number.
            let norm = match squares {
                Some(squares) => squares.get(image as usize).map_or(0.0, |s| s.sqrt()),
                None => segment.norm(image),
            };
            let score = sum / (norm * length.sqrt());
            let Some(id) = segment.id(image) else {
                continue;
            };
            if sum > 0.0
                && score > 0.0
                && score.is_finite()
                && best.would_keep(score, id)
                && allowed.contains(id)
            {
                best.push(score, id);
            }
        }
    }
    best.into_sorted()
        .into_iter()
        .map(|(score, id)| Scored { id, score })
        .collect()
}
