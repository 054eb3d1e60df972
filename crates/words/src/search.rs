//! Scores the images of segments against the words of a query.
//!
//! A query feature votes for the images that contain its word with a signature at most
//! [`ScoringConfig::hamming_threshold`] bits away. A vote is worth a Gaussian of the Hamming distance
//! times the squared inverse document frequency of the word (Jégou, Douze & Schmid, "Improving
//! bag-of-features for large scale image search", IJCV 2010). Features that repeat would drown
//! the rest, so a query feature counts only its best posting in an image, and its votes are divided by
//! the root of their sum over all images (intra- and inter-image burstiness, Jégou, Douze & Schmid,
//! CVPR 2009). The sum is divided by the length of the image's histogram.

use vizsla_vectors::Allowed;

use crate::Error;
use crate::best::best_images;
use crate::scoring::{QueryWord, Scored, ScoringConfig};
use crate::segment::{List, Segment, of_features};
use crate::votes::{Tally, Votes, cast_all};

/// Scores by image, all there is without geometry.
struct Sums(Vec<f32>);

impl Tally for Sums {
    type Mark = ();
    const APART: bool = false;

    fn mark(&self, _: u32, _: &List, _: usize) {}

    fn add(&mut self, image: u32, worth: f32, (): ()) {
        if let Some(score) = self.0.get_mut(image as usize) {
            *score += worth;
        }
    }
}

/// The `top` images with the highest scores, best first, equal scores by ascending id. Only images that
/// are allowed are returned; the rest are counted in document frequencies all the same. Words that
/// no image has are ignored. Poses that segments have are ignored as well.
///
/// # Errors
/// [`Error::UnknownWord`] when a word lies beyond a segment's codebook, [`Error::OtherContents`] when a segment is of aggregated
/// words, [`vizsla_vectors::Error::Damaged`] when a file was cut short since it was opened.
pub fn search(
    segments: &[&Segment],
    query: &[QueryWord],
    config: &ScoringConfig,
    allowed: &Allowed<'_>,
    top: usize,
) -> Result<Vec<Scored>, Error> {
    of_features(segments)?;
    let mut votes: Vec<Votes<'_, Sums>> = segments
        .iter()
        .map(|&segment| Votes {
            segment,
            tally: Sums(vec![0.0; segment.image_count() as usize]),
        })
        .collect();
    cast_all(&mut votes, query, config)?;
    let scores = votes
        .iter()
        .map(|votes| (votes.segment, &votes.tally.0[..]));
    let best = best_images(scores, config, allowed, top);
    segments
        .iter()
        .try_for_each(|segment| segment.check_whole())?;
    Ok(best)
}
