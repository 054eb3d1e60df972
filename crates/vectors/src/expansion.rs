//! Vectors widened by their neighbours: query expansion and database-side augmentation.

use crate::l2_normalise;

/// Exponents up to this are raised by multiplication where they are whole.
const WHOLE: f32 = 64.0;

/// A vector plus its neighbours, each weighted by a power of its similarity, at length 1: α query expansion (Radenović,
/// Tolias & Chum 2018) of a query, database-side augmentation (Turcot & Lowe 2009; Arandjelović & Zisserman 2012) of a
/// vector of the gallery. With an exponent of 0 it is the plain average (Chum et al. 2007).
///
/// `neighbours` are similarities (cosines) and vectors as long as `vector`. A negative similarity counts as zero.
pub fn widened<'v>(
    vector: &[f32],
    neighbours: impl IntoIterator<Item = (f32, &'v [f32])>,
    alpha: f32,
) -> Vec<f32> {
    let mut sum = vector.to_vec();
    for (similarity, neighbour) in neighbours {
        let weight = similarity_weight(similarity, alpha);
        for (sum, x) in sum.iter_mut().zip(neighbour) {
            *sum += weight * x;
        }
    }
    l2_normalise(&mut sum);
    sum
}

/// What a neighbour of this similarity counts, compared with 1 of the vector itself.
pub fn similarity_weight(similarity: f32, alpha: f32) -> f32 {
    let positive = similarity.max(0.0);
    match alpha.fract() == 0.0 && alpha.abs() <= WHOLE {
        true => positive.powi(alpha as i32),
        false => positive.powf(alpha),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_pull_by_a_power_of_their_similarity() {
        let (query, near, far) = ([1.0, 0.0], [0.6, 0.8], [-1.0, 0.0]);
        let neighbours = || [(0.6, &near[..]), (-1.0, &far[..])];
        let plain = widened(&query, neighbours().into_iter().take(1), 0.0);
        let length = (1.6_f32 * 1.6 + 0.8 * 0.8).sqrt();
        assert!((plain[0] - 1.6 / length).abs() < 1e-6);
        let cubed = widened(&query, neighbours(), 3.0);
        let weight = 0.6_f32.powi(3);
        let (x, y) = (1.0 + weight * 0.6, weight * 0.8);
        assert!((cubed[1] - y / x.hypot(y)).abs() < 1e-6);
        assert!((similarity_weight(0.5, 2.5) - 0.5_f32.powf(2.5)).abs() < 1e-7);
        assert_eq!(similarity_weight(-0.5, 0.5), 0.0);
        assert_eq!(widened(&query, [], 3.0), query);
    }
}
