//! Which places of two images made their similarity.
//!
//! The similarity of two described images is an inner product, and for a pooling that sums over places (SPoC, with or
//! without centre prior) it falls apart into one share per place without remainder: the whitening is linear but for
//! its mean, whose part is spread evenly, and lengths are numbers of the whole image. For the other poolings, and
//! with a power other than 1, the shares still sum to the similarity, but what several places decide together is
//! attributed by [`crate::Pooling::shares`], and [`Relevance::exact`] is false.

/// Shares of the places of one image in its similarity to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Relevance {
    /// Rows of the grid.
    pub height: usize,
    /// Columns of the grid.
    pub width: usize,
    /// Shares row by row; they sum to the similarity, and may be negative.
    pub data: Vec<f32>,
    /// Whether a share is what the place adds, or an attribution.
    pub exact: bool,
}

/// Spreads the values of a grid over another one by the area that cells share, (rows, columns) each; the sum stays.
pub(crate) fn regrid(values: &[f64], from: (usize, usize), to: (usize, usize)) -> Vec<f64> {
    if from == to {
        return values.to_vec();
    }
    let (down, across) = (overlaps(from.0, to.0), overlaps(from.1, to.1));
    let mut result = vec![0f64; to.0 * to.1];
    for &(y, into_y, share_y) in &down {
        for &(x, into_x, share_x) in &across {
            result[into_y * to.1 + into_x] += values[y * from.1 + x] * share_y * share_x;
        }
    }
    result
}

/// Cells of a line of `from` cells, cells of a line of `to` cells as long, and the part of the former that lies in the
/// latter, where there is one.
fn overlaps(from: usize, to: usize) -> Vec<(usize, usize, f64)> {
    let mut found = Vec::new();
    for cell in 0..from {
        // Both lines in units of 1/(from·to).
        let (start, end) = (cell * to, (cell + 1) * to);
        for into in start / from..end.div_ceil(from) {
            let shared = end.min((into + 1) * from) - start.max(into * from);
            found.push((cell, into, shared as f64 / to as f64));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreading_keeps_the_sum_and_the_place() {
        assert_eq!(
            regrid(&[4.0, 8.0], (1, 2), (2, 4)),
            [1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0]
        );
        let values: Vec<f64> = (0..15).map(f64::from).collect();
        for to in [(7, 11), (3, 5), (2, 2), (1, 9)] {
            let spread = regrid(&values, (3, 5), to);
            assert_eq!(spread.len(), to.0 * to.1);
            assert!((spread.iter().sum::<f64>() - 105.0).abs() < 1e-9);
        }
        // Two cells onto three: a third of each falls on the middle one.
        let thirds = regrid(&[3.0, 6.0], (1, 2), (1, 3));
        for (x, y) in thirds.iter().zip([2.0, 3.0, 4.0]) {
            assert!((x - y).abs() < 1e-12);
        }
    }
}
