//! How well a transform explains all correspondences.
#![allow(unsafe_code)]

use super::transform::Transform;

/// Points handled between two looks at the cost so far.
const BLOCK: usize = 32;

/// Point pairs as columns, padded to whole blocks with pairs that are never inliers.
pub(crate) struct Columns {
    x: Vec<f32>,
    y: Vec<f32>,
    u: Vec<f32>,
    v: Vec<f32>,
    len: usize,
}

impl Columns {
    pub(crate) fn new(points: &[[f64; 4]]) -> Self {
        let padded = points.len().next_multiple_of(BLOCK);
        let column = |i: usize, filler: f32| {
            let mut values: Vec<f32> = points.iter().map(|p| p[i] as f32).collect();
            values.resize(padded, filler);
            values
        };
        Self {
            x: column(0, 0.0),
            y: column(1, 0.0),
            u: column(2, 1e15),
            v: column(3, 1e15),
            len: points.len(),
        }
    }

    /// The truncated cost of a transform (MSAC, Torr and Zisserman 2000): for every pair the squared
    /// transfer error relative to `squared_threshold`, at most 1. May stop early with any value above
    /// `enough`.
    #[inline]
    pub(crate) fn cost(&self, transform: &Transform, squared_threshold: f64, enough: f32) -> f32 {
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the feature was found on this processor just above.
                return unsafe { self.cost_avx2(transform, squared_threshold, enough) };
            }
        }
        self.cost_body(transform, squared_threshold, enough)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn cost_avx2(&self, transform: &Transform, squared_threshold: f64, enough: f32) -> f32 {
        self.cost_body(transform, squared_threshold, enough)
    }

    #[inline(always)]
    fn cost_body(&self, transform: &Transform, squared_threshold: f64, enough: f32) -> f32 {
        let m = transform.0.map(|row| row.map(|v| v as f32));
        let inverse = (1.0 / squared_threshold) as f32;
        // The fillers cost 1 each and are taken off beforehand.
        let mut cost = self.len as f32 - self.x.len() as f32;
        let blocks = self.x.chunks_exact(BLOCK).zip(self.y.chunks_exact(BLOCK));
        let images = self.u.chunks_exact(BLOCK).zip(self.v.chunks_exact(BLOCK));
        for ((x, y), (u, v)) in blocks.zip(images) {
            let mut partial = [0f32; 8];
            for i in 0..BLOCK {
                let w = m[2][0] * x[i] + m[2][1] * y[i] + m[2][2];
                let reciprocal = 1.0 / w;
                let p = m[0][0] * x[i] + m[0][1] * y[i] + m[0][2];
                let q = m[1][0] * x[i] + m[1][1] * y[i] + m[1][2];
                let (du, dv) = (p * reciprocal - u[i], q * reciprocal - v[i]);
                let relative = (du * du + dv * dv) * inverse;
                // Not a number counts as an outlier, as does a point beyond the horizon.
                let inside = relative < 1.0 && w > 0.0;
                partial[i % 8] += if inside { relative } else { 1.0 };
            }
            cost += (partial[0] + partial[4])
                + (partial[1] + partial[5])
                + ((partial[2] + partial[6]) + (partial[3] + partial[7]));
            if cost > enough {
                break;
            }
        }
        cost
    }
}

/// Squared transfer error in double precision; infinite beyond the horizon.
#[inline]
pub(crate) fn squared_error(transform: &Transform, point: &[f64; 4]) -> f64 {
    match transform.apply(point[0], point[1]) {
        Some((u, v)) => (u - point[2]).powi(2) + (v - point[3]).powi(2),
        None => f64::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_agrees_with_its_definition() {
        let t = Transform([[0.9, -0.2, 0.1], [0.1, 1.1, 0.0], [0.2, 0.1, 1.0]]);
        let points: Vec<[f64; 4]> = (0..77)
            .map(|i| {
                let (x, y) = (f64::from(i % 9) / 4.0 - 1.0, f64::from(i / 9) / 4.0 - 1.0);
                let (u, v) = t.apply(x, y).unwrap();
                [x, y, u + f64::from(i % 5) * 0.03, v]
            })
            .collect();
        let limit = 0.1f64 * 0.1;
        let expected: f64 = points
            .iter()
            .map(|p| (squared_error(&t, p) / limit).min(1.0))
            .sum();
        let columns = Columns::new(&points);
        let cost = columns.cost(&t, limit, f32::INFINITY);
        assert!(
            (f64::from(cost) - expected).abs() < 1e-3,
            "{cost} {expected}"
        );
        let plain = columns.cost_body(&t, limit, f32::INFINITY);
        assert_eq!(cost.to_bits(), plain.to_bits());
        assert!(columns.cost(&Transform::similarity(1.0, 3.0, 9.0, 9.0), limit, 3.0) > 3.0);
    }
}
