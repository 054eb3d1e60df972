//! Hinges between images and texts: the right text is more similar than any other, by a margin.
//!
//! With similarities `s` of descriptors of length 1, an image `i` and its text `i`, other texts `j`:
//! hinges `h_ij = max(0, m + s_ij - s_ii)`. Kiros et al. 2014 sum them; here they are averaged. Faghri et al.
//! 2018 (VSE++) take the hardest, `max_j h_ij`, because many easy negatives hide the one that takes the
//! first rank. Both add the same with images and texts exchanged.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use serde::{Deserialize, Serialize};

use super::rows::{check_positive, check_same, entries, indices, mask, similarities, zero};
use crate::error::Error;
use crate::relevance::check_labels;

/// How the hinges of one query become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hinges {
    /// The mean over negatives.
    Mean,
    /// The hardest negative.
    #[default]
    Max,
}

/// Sum of both directions, each the mean over its queries; row `i` of `images` belongs to row `i` of
/// `texts` (both pairs × length), rows with the same group are no negatives. `margin` above 0.
///
/// # Errors
/// [`Error::Shape`] when sizes disagree, [`Error::Setting`] for a margin that is not above zero.
pub fn hinges(
    images: Tensor<2>,
    texts: Tensor<2>,
    groups: &[usize],
    margin: f64,
    of: Hinges,
) -> Result<Tensor<1>, Error> {
    check_positive("the margin", margin)?;
    check_same(&images, &texts, true)?;
    check_labels(groups, images.dims()[0])?;
    let count = groups.len();
    if count == 0 {
        return Ok(zero(images));
    }
    let device = images.device();
    let same = mask(count, count, &device, |row, column| {
        groups[row] == groups[column]
    });
    let matrix = similarities(images, texts);
    let own: Vec<(usize, usize)> = (0..count).map(|i| (i, i)).collect();
    let own = entries(matrix.clone(), &own).reshape([count, 1]);
    let direction = |matrix: Tensor<2>| {
        let all = relu(matrix - own.clone() + margin).mask_fill(same.clone(), 0.0);
        match of {
            Hinges::Max => {
                // By position, so that the gradient goes to one negative also where two are equal.
                let hardest = all.clone().detach().argmax(1).reshape([count]);
                let rows = indices((0..count).map(|row| row * count), &device);
                all.reshape([count * count])
                    .select(0, hardest + rows)
                    .mean()
            }
            Hinges::Mean => all.sum() / negatives(groups),
        }
    };
    Ok(direction(matrix.clone()) + direction(matrix.transpose()))
}

/// Number of pairs that are negatives, at least 1.
fn negatives(groups: &[usize]) -> f64 {
    let of_row = |group: &usize| groups.iter().filter(|other| *other != group).count();
    groups.iter().map(of_row).sum::<usize>().max(1) as f64
}
