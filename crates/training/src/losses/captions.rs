//! Ranking losses between images with captions.
//!
//! Gordo & Larlus 2017 (Beyond instance-level image retrieval) learn one space for images `φ` and captions
//! `θ` from triplets (q, +, -) of images of which `+` has captions more like those of `q`. The visual loss is
//! `½ max(0, m - φ_q·φ_+ + φ_q·φ_-)`; the two textual ones put captions in the place of the other images,
//! `½ max(0, m - φ_q·θ_+ + φ_q·θ_-)`, or in the place of the query, `½ max(0, m - θ_q·φ_+ + θ_q·φ_-)`. They
//! are added.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;

use super::rows::{check_positions, check_positive, check_same, entries, similarities, zero};
use super::triplet::Triplet;
use crate::error::Error;

/// The visual loss: image, image, image; mean over triplets of rows of `images` (images × length).
///
/// # Errors
/// [`Error::Shape`] for a position outside, [`Error::Setting`] for a margin that is not above zero.
pub fn visual_ranking(
    images: Tensor<2>,
    triplets: &[Triplet],
    margin: f64,
) -> Result<Tensor<1>, Error> {
    ranking(images.clone(), images, triplets, margin)
}

/// The first textual loss: image, caption, caption. Row `i` of `captions` describes row `i` of `images`.
///
/// # Errors
/// As [`visual_ranking`], and when the two do not fit.
pub fn image_anchored_ranking(
    images: Tensor<2>,
    captions: Tensor<2>,
    triplets: &[Triplet],
    margin: f64,
) -> Result<Tensor<1>, Error> {
    ranking(images, captions, triplets, margin)
}

/// The second textual loss: caption, image, image. Row `i` of `captions` describes row `i` of `images`.
///
/// # Errors
/// As [`image_anchored_ranking`].
pub fn caption_anchored_ranking(
    images: Tensor<2>,
    captions: Tensor<2>,
    triplets: &[Triplet],
    margin: f64,
) -> Result<Tensor<1>, Error> {
    ranking(captions, images, triplets, margin)
}

fn ranking(
    anchors: Tensor<2>,
    others: Tensor<2>,
    triplets: &[Triplet],
    margin: f64,
) -> Result<Tensor<1>, Error> {
    check_positive("the margin", margin)?;
    check_same(&anchors, &others, true)?;
    let positions = triplets
        .iter()
        .flat_map(|t| [t.anchor, t.positive, t.negative]);
    check_positions(anchors.dims()[0], positions)?;
    if triplets.is_empty() {
        return Ok(zero(anchors));
    }
    let matrix = similarities(anchors, others);
    let at = |other: fn(&Triplet) -> usize| {
        let places: Vec<(usize, usize)> = triplets.iter().map(|t| (t.anchor, other(t))).collect();
        entries(matrix.clone(), &places)
    };
    let (right, wrong) = (at(|t| t.positive), at(|t| t.negative));
    Ok(relu(wrong - right + margin).mean() * 0.5)
}
