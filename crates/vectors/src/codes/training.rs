//! The samples that coders learn from.

use std::borrow::Cow;

use crate::Error;
use crate::points::count_points;
use crate::random::Random;

/// Samples in their order, at most `most` of them, chosen by the seed.
///
/// # Errors
/// The samples are not whole rows of finite numbers, or there are fewer than `least`.
pub(super) fn training_rows(
    samples: &[f32],
    dimension: usize,
    least: usize,
    most: usize,
    seed: u64,
) -> Result<Cow<'_, [f32]>, Error> {
    let found = count_points(samples, dimension)?;
    if found < least {
        return Err(Error::TooFew {
            what: "samples",
            found,
            needed: least,
        });
    }
    if found <= most {
        return Ok(Cow::Borrowed(samples));
    }
    let chosen = Random::new(seed).subset(most, found);
    let rows = chosen
        .into_iter()
        .flat_map(|row| &samples[row * dimension..][..dimension]);
    Ok(Cow::Owned(rows.copied().collect()))
}
