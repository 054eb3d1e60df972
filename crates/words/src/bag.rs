//! The bag of words with tf-idf (Sivic & Zisserman, "Video Google: a text retrieval approach to object matching in videos", ICCV 2003).
//!
//! Signatures are not looked at: all features of a word are alike. With tf, how often a word occurs, over the words *w* that a query
//! X and an image Y share,
//!
//! score = Σ idf(w)² f(tf_X) f(tf_Y) / (√Σ_X idf² f(tf)² · √Σ_Y idf² f(tf)²),
//!
//! the cosine of the two weighted histograms: an image has the score 1 with itself. *f* is the identity, or against bursts the square
//! root (Jégou, Douze & Schmid, "On the burstiness of visual elements", CVPR 2009). Checked against a float64 computation,
//! `tests/reference/bag.py`.

use vizsla_vectors::{Allowed, TopK};

use crate::Error;
use crate::norms::IdfNorms;
use crate::scoring::{QueryWord, Scored};
use crate::segment::{List, Segment, of_features};
use crate::votes::check_word;
use crate::weights::{BagConfig, images};

/// The `top` images with the highest cosines, best first, equal scores by ascending id. Only images that are allowed are returned;
/// the rest are counted in document frequencies all the same. A word of the query counts as the sum of the weights under it, so
/// that of soft assignment a share counts. `norms` are [`IdfNorms::of_bags`] of these very segments and this config; where they are not
/// given they are made, which reads all postings.
///
/// # Errors
/// [`Error::UnknownWord`] when a word lies beyond a segment's codebook, [`Error::OtherContents`] when a segment is of aggregated
/// words, [`vizsla_vectors::Error::Damaged`] when a file was cut short since it was opened.
pub fn search_bag(
    segments: &[&Segment],
    query: &[QueryWord],
    config: &BagConfig,
    norms: Option<&IdfNorms>,
    allowed: &Allowed<'_>,
    top: usize,
) -> Result<Vec<Scored>, Error> {
    of_features(segments)?;
    let made;
    let norms = match norms.filter(|norms| norms.fit(segments)) {
        Some(norms) => norms,
        None => {
            made = IdfNorms::of_bags(segments, config)?;
            &made
        }
    };
    let (sums, length) = sums(segments, query, config)?;
    let mut best = TopK::new(top);
    for ((segment, sums), squares) in segments.iter().zip(&sums).zip(norms.squares()) {
        for ((image, &sum), &square) in (0..).zip(sums).zip(squares) {
            let score = (sum / (length * f64::from(square)).sqrt()) as f32;
            let Some(id) = segment
                .id(image)
                .filter(|_| score > 0.0 && score.is_finite())
            else {
                continue;
            };
            if best.would_keep(score, id) && allowed.contains(id) {
                best.push(score, id);
            }
        }
    }
    segments
        .iter()
        .try_for_each(|segment| segment.check_whole())?;
    let best = best.into_sorted().into_iter();
    Ok(best.map(|(score, id)| Scored { id, score }).collect())
}

/// Inner products by segment and image, and the squared length of the query.
fn sums(
    segments: &[&Segment],
    query: &[QueryWord],
    config: &BagConfig,
) -> Result<(Vec<Vec<f64>>, f64), Error> {
    let all = images(segments);
    let mut query = query.to_vec();
    // The order of words decides the last bits of the sums.
    query.sort_by_key(|q| (q.word, q.feature));
    let none = |segment: &&Segment| vec![0.0; segment.image_count() as usize];
    let mut sums: Vec<Vec<f64>> = segments.iter().map(none).collect();
    let mut length = 0.0;
    for same in query.chunk_by(|a, b| a.word == b.word) {
        let word = same.first().map_or(0, |q| q.word);
        segments
            .iter()
            .try_for_each(|segment| check_word(segment, word))?;
        let lists: Vec<Option<List>> = segments.iter().map(|s| s.list(word)).collect();
        let square = config.square(&lists, all);
        let count: f64 = same.iter().map(|q| f64::from(q.weight)).sum();
        let own = config.frequency.of(count.max(0.0));
        length += square * own * own;
        for (sums, list) in sums.iter_mut().zip(lists) {
            for (image, count) in list.into_iter().flat_map(List::counts) {
                if let Some(sum) = sums.get_mut(image as usize) {
                    *sum += square * own * config.frequency.of(f64::from(count));
                }
            }
        }
    }
    Ok((sums, length))
}
