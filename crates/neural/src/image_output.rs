//! The shapes of what an image network gives: one part for each picture, however it was exported.

use crate::tensor::Tensor;

/// A shape with the pictures of the run in front. Networks that were exported for one picture may leave that dimension
/// out; of several pictures some put all numbers into one row.
pub(crate) fn batched(shape: &[usize], batch: usize) -> Vec<usize> {
    let mut shape = shape.to_vec();
    match shape.as_slice() {
        [all] if batch > 0 && all % batch == 0 => vec![batch, all / batch],
        [first, ..] if batch == 1 && *first != 1 && shape.len() < 4 => {
            shape.insert(0, 1);
            shape
        }
        _ => shape,
    }
}

/// A shape of pictures × height × width × channels as pictures × channels × height × width; others stay.
pub(crate) fn channels_second(shape: Vec<usize>) -> Vec<usize> {
    match *shape.as_slice() {
        [batch, height, width, channels] => vec![batch, channels, height, width],
        _ => shape,
    }
}

/// The numbers of height × width × channels in the order of channels × height × width.
pub(crate) fn planes(data: &[f32], channels: usize) -> Vec<f32> {
    let channels = channels.max(1);
    (0..channels)
        .flat_map(|channel| data.iter().skip(channel).step_by(channels).copied())
        .collect()
}

/// The value of one picture, when `value` is what `batch` equal pictures gave: its shape with a batch of 1.
pub(crate) fn of_one(value: &Tensor, batch: usize) -> Option<Vec<usize>> {
    let mut shape = batched(value.shape(), batch);
    let first = shape.first_mut()?;
    if *first != batch {
        return None;
    }
    *first = 1;
    Some(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_batch_comes_first_whether_it_is_there_or_not() {
        for (shape, batch, expected) in [
            (&[1, 32][..], 1, &[1, 32][..]),
            (&[32], 1, &[1, 32]),
            (&[64], 2, &[2, 32]),
            (&[16, 7, 5], 1, &[1, 16, 7, 5]),
            (&[1, 50, 32], 1, &[1, 50, 32]),
            (&[50, 32], 1, &[1, 50, 32]),
            (&[4, 16, 7, 5], 4, &[4, 16, 7, 5]),
            (&[4, 32], 4, &[4, 32]),
            (&[], 1, &[]),
        ] {
            assert_eq!(batched(shape, batch), expected);
        }
    }

    #[test]
    fn channels_come_together() {
        assert_eq!(planes(&[1.0, 10.0, 2.0, 20.0], 2), [1.0, 2.0, 10.0, 20.0]);
        assert_eq!(channels_second(vec![1, 7, 5, 16]), [1, 16, 7, 5]);
    }
}
