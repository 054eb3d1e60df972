//! Trustworthiness of a map (Venna & Kaski 2001): are the neighbours on the plane neighbours in truth?

use rayon::prelude::*;
use vizsla_vectors::{TopK, l2_squared_f32};

/// Rows looked at in large sets.
const MOST_ROWS: usize = 2000;

/// 1 − 2 / (n k (2n − 3k − 1)) Σᵢ Σⱼ max(0, r(i, j) − k), over the `k` nearest `j` of every `i` on the plane, with
/// r the rank of `j` among the true neighbours of `i`. 1 when no neighbour on the plane is false; about ½ by chance.
///
/// `samples` holds a row of `dimension` numbers for each point of `plane`. Of more than 2,000 rows, 2,000 evenly spaced
/// ones are looked at. `None` when there are fewer than 2k + 1 rows, or k is 0.
pub fn trustworthiness(
    samples: &[f32],
    dimension: usize,
    plane: &[[f32; 2]],
    k: usize,
) -> Option<f64> {
    let rows: Vec<&[f32]> = samples.chunks_exact(dimension.max(1)).collect();
    let n = rows.len().min(plane.len());
    if k == 0 || n < 2 * k + 1 {
        return None;
    }
    let looked = n.min(MOST_ROWS);
    let penalty: u64 = (0..looked)
        .into_par_iter()
        .map(|i| penalty(i * n / looked, &rows[..n], &plane[..n], k))
        .sum();
    let worst = (looked * k * (2 * n - 3 * k - 1)) as f64 / 2.0;
    Some(1.0 - penalty as f64 / worst)
}

fn penalty(own: usize, rows: &[&[f32]], plane: &[[f32; 2]], k: usize) -> u64 {
    let mut best = TopK::new(k);
    for (other, point) in plane.iter().enumerate().filter(|(other, _)| *other != own) {
        best.push(-l2_squared_f32(&plane[own], point), other as i64);
    }
    let truly: Vec<f32> = rows
        .iter()
        .map(|row| l2_squared_f32(rows[own], row))
        .collect();
    let rank = |other: usize| {
        let closer = |&j: &usize| j != own && (truly[j], j) < (truly[other], other);
        (0..rows.len()).filter(closer).count() + 1
    };
    let shown = best.into_sorted();
    let ranks = shown.iter().map(|&(_, other)| rank(other as usize));
    ranks.map(|rank| rank.saturating_sub(k) as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_faithful_plane_is_trusted_and_a_shuffled_one_is_not() {
        let samples: Vec<f32> = (0..200)
            .map(|i| (i * i % 37) as f32 + i as f32 / 100.0)
            .collect();
        let faithful: Vec<[f32; 2]> = samples.chunks_exact(2).map(|p| [p[0], p[1]]).collect();
        assert_eq!(trustworthiness(&samples, 2, &faithful, 5), Some(1.0));
        let mut shuffled = faithful.clone();
        shuffled.rotate_left(41);
        let found = trustworthiness(&samples, 2, &shuffled, 5).expect("enough rows");
        assert!(found < 0.8, "{found}");
        assert_eq!(trustworthiness(&samples, 2, &faithful, 50), None);
        assert_eq!(trustworthiness(&samples, 2, &faithful, 0), None);
    }
}
