//! How well a transform explains all correspondences.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use super::transform::Transform;

/// Points handled between two looks at the cost so far.
pub(crate) const BLOCK: usize = 64;
/// Pairs in a vector register.
const LANES: usize = 8;

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
        let m = transform.0.map(|row| row.map(|v| _mm256_set1_ps(v as f32)));
        let inverse = _mm256_set1_ps((1.0 / squared_threshold) as f32);
        let one = _mm256_set1_ps(1.0);
        let mut cost = self.len as f32 - self.x.len() as f32;
        let mut start = 0;
        while start < self.x.len() && cost <= enough {
            let mut partial = _mm256_setzero_ps();
            for at in (start..start + BLOCK).step_by(LANES) {
                let relative = _mm256_mul_ps(self.errors_of_avx2(&m, at), inverse);
                // The second operand where the first is not a number.
                partial = _mm256_add_ps(partial, _mm256_min_ps(relative, one));
            }
            let mut lanes = [0f32; LANES];
            // SAFETY: the array has eight lanes to write.
            unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), partial) };
            cost += lanes.iter().sum::<f32>();
            start += BLOCK;
        }
        cost
    }

    /// The twin of [`errors_of`](Self::errors_of), operation for operation.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    #[inline]
    fn errors_of_avx2(&self, m: &[[__m256; 3]; 3], at: usize) -> __m256 {
        let load = |column: &[f32]| {
            let lanes: &[f32] = &column[at..at + LANES];
            // SAFETY: the slice holds the eight lanes that are read.
            unsafe { _mm256_loadu_ps(lanes.as_ptr()) }
        };
        let (x, y) = (load(&self.x), load(&self.y));
        let row = |r: usize| {
            let sum = _mm256_add_ps(_mm256_mul_ps(m[r][0], x), _mm256_mul_ps(m[r][1], y));
            _mm256_add_ps(sum, m[r][2])
        };
        let w = row(2);
        let inverse = _mm256_div_ps(_mm256_set1_ps(1.0), w);
        let du = _mm256_sub_ps(_mm256_mul_ps(row(0), inverse), load(&self.u));
        let dv = _mm256_sub_ps(_mm256_mul_ps(row(1), inverse), load(&self.v));
        let error = _mm256_add_ps(_mm256_mul_ps(du, du), _mm256_mul_ps(dv, dv));
        let front = _mm256_cmp_ps::<_CMP_GT_OQ>(w, _mm256_setzero_ps());
        _mm256_blendv_ps(_mm256_set1_ps(f32::INFINITY), error, front)
    }

    #[inline(always)]
    fn cost_body(&self, transform: &Transform, squared_threshold: f64, enough: f32) -> f32 {
        let m = transform.0.map(|row| row.map(|v| v as f32));
        let inverse = (1.0 / squared_threshold) as f32;
        // The fillers cost 1 each and are taken off beforehand.
        let mut cost = self.len as f32 - self.x.len() as f32;
        let mut start = 0;
        while start < self.x.len() && cost <= enough {
            let mut partial = [0f32; LANES];
            for at in (start..start + BLOCK).step_by(LANES) {
                let errors = self.errors_of(&m, at);
                for (sum, error) in partial.iter_mut().zip(errors) {
                    let relative = error * inverse;
                    // Not a number counts as an outlier.
                    *sum += if relative < 1.0 { relative } else { 1.0 };
                }
            }
            cost += partial.iter().sum::<f32>();
            start += BLOCK;
        }
        cost
    }
}

impl Columns {
    /// Squared transfer errors of all pairs, infinite beyond the horizon; entries behind the last pair
    /// mean nothing. `errors` is resized to the padded length.
    pub(crate) fn errors(&self, transform: &Transform, errors: &mut Vec<f32>) {
        errors.resize(self.x.len(), 0.0);
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the feature was found on this processor just above.
                return unsafe { self.errors_avx2(transform, errors) };
            }
        }
        self.errors_body(transform, errors);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn errors_avx2(&self, transform: &Transform, errors: &mut [f32]) {
        let m = transform.0.map(|row| row.map(|v| _mm256_set1_ps(v as f32)));
        for (i, lanes) in errors.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            // SAFETY: the chunk has the eight lanes that are written.
            unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), self.errors_of_avx2(&m, i * LANES)) };
        }
    }

    #[inline(always)]
    fn errors_body(&self, transform: &Transform, errors: &mut [f32]) {
        let m = transform.0.map(|row| row.map(|v| v as f32));
        for (i, lanes) in errors.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            *lanes = self.errors_of(&m, i * LANES);
        }
    }

    /// Squared transfer errors of the pairs from `at` on; infinite beyond the horizon.
    #[inline(always)]
    fn errors_of(&self, m: &[[f32; 3]; 3], at: usize) -> [f32; LANES] {
        let range = at..at + LANES;
        let (x, y) = (&self.x[range.clone()], &self.y[range.clone()]);
        let (u, v) = (&self.u[range.clone()], &self.v[range]);
        let mut errors = [0f32; LANES];
        for i in 0..LANES {
            let w = m[2][0] * x[i] + m[2][1] * y[i] + m[2][2];
            let inverse = 1.0 / w;
            let p = m[0][0] * x[i] + m[0][1] * y[i] + m[0][2];
            let q = m[1][0] * x[i] + m[1][1] * y[i] + m[1][2];
            let (du, dv) = (p * inverse - u[i], q * inverse - v[i]);
            errors[i] = if w > 0.0 {
                du * du + dv * dv
            } else {
                f32::INFINITY
            };
        }
        errors
    }
}

/// A geometry in single precision, and which error it is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Residual {
    /// The squared transfer error of a plane transform.
    Transfer([[f32; 3]; 3]),
    /// The squared Sampson error of a fundamental matrix.
    Sampson([[f32; 3]; 3]),
}

impl Columns {
    /// Pairs that are not padding.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Blocks that hold pairs.
    pub(crate) fn blocks(&self) -> usize {
        self.x.len() / BLOCK
    }

    /// Squared errors of one block, infinite where not defined and behind the last pair.
    #[inline]
    pub(crate) fn block_errors(
        &self,
        residual: &Residual,
        block: usize,
        errors: &mut [f32; BLOCK],
    ) {
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the feature was found on this processor just above.
                unsafe { self.block_errors_avx2(residual, block, errors) };
                return self.mask(block, errors);
            }
        }
        self.block_errors_body(residual, block, errors);
        self.mask(block, errors);
    }

    /// [`cost`](Self::cost) of any residual.
    #[inline]
    pub(crate) fn truncated(
        &self,
        residual: &Residual,
        squared_threshold: f64,
        enough: f32,
    ) -> f32 {
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the feature was found on this processor just above.
                return unsafe { self.truncated_avx2(residual, squared_threshold, enough) };
            }
        }
        self.truncated_body(residual, squared_threshold, enough)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn truncated_avx2(&self, residual: &Residual, squared_threshold: f64, enough: f32) -> f32 {
        self.truncated_body(residual, squared_threshold, enough)
    }

    #[inline(always)]
    fn truncated_body(&self, residual: &Residual, squared_threshold: f64, enough: f32) -> f32 {
        let inverse = (1.0 / squared_threshold) as f32;
        let mut errors = [0f32; BLOCK];
        let mut cost = self.len as f32 - self.x.len() as f32;
        for block in 0..self.blocks() {
            self.block_errors_body(residual, block, &mut errors);
            self.mask(block, &mut errors);
            let mut partial = [0f32; LANES];
            for eight in errors.as_chunks::<LANES>().0 {
                for (sum, error) in partial.iter_mut().zip(eight) {
                    // The second operand where the first is not a number.
                    *sum += (error * inverse).min(1.0);
                }
            }
            cost += partial.iter().sum::<f32>();
            if cost > enough {
                break;
            }
        }
        cost
    }

    fn mask(&self, block: usize, errors: &mut [f32; BLOCK]) {
        let left = self.len.saturating_sub(block * BLOCK);
        if left < BLOCK {
            errors[left..].fill(f32::INFINITY);
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn block_errors_avx2(&self, residual: &Residual, block: usize, errors: &mut [f32; BLOCK]) {
        let Residual::Transfer(m) = residual else {
            return self.block_errors_body(residual, block, errors);
        };
        let m = m.map(|row| row.map(|v| _mm256_set1_ps(v)));
        for (i, lanes) in errors.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            let at = block * BLOCK + i * LANES;
            // SAFETY: the chunk has the eight lanes that are written.
            unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), self.errors_of_avx2(&m, at)) };
        }
    }

    #[inline(always)]
    fn block_errors_body(&self, residual: &Residual, block: usize, errors: &mut [f32; BLOCK]) {
        for (i, lanes) in errors.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            let at = block * BLOCK + i * LANES;
            *lanes = match residual {
                Residual::Transfer(m) => self.errors_of(m, at),
                Residual::Sampson(f) => self.sampson_of(f, at),
            };
        }
    }

    /// Squared Sampson errors of the pairs from `at` on.
    #[inline(always)]
    fn sampson_of(&self, f: &[[f32; 3]; 3], at: usize) -> [f32; LANES] {
        let range = at..at + LANES;
        let (x, y) = (&self.x[range.clone()], &self.y[range.clone()]);
        let (u, v) = (&self.u[range.clone()], &self.v[range]);
        let mut errors = [0f32; LANES];
        for i in 0..LANES {
            let a = f[0][0] * x[i] + f[0][1] * y[i] + f[0][2];
            let b = f[1][0] * x[i] + f[1][1] * y[i] + f[1][2];
            let c = f[2][0] * x[i] + f[2][1] * y[i] + f[2][2];
            let d = f[0][0] * u[i] + f[1][0] * v[i] + f[2][0];
            let e = f[0][1] * u[i] + f[1][1] * v[i] + f[2][1];
            let algebraic = u[i] * a + v[i] * b + c;
            errors[i] = algebraic * algebraic / (a * a + b * b + d * d + e * e);
        }
        errors
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
    use crate::geometry::Fundamental;

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
        let mut errors = Vec::new();
        columns.errors(&t, &mut errors);
        for (error, point) in errors.iter().zip(&points) {
            assert!((f64::from(*error) - squared_error(&t, point)).abs() < 1e-5);
        }
        let mut plain = vec![0.0; errors.len()];
        columns.errors_body(&t, &mut plain);
        assert_eq!(errors, plain);
        assert!(columns.cost(&Transform::similarity(1.0, 3.0, 9.0, 9.0), limit, 3.0) > 3.0);
        let residual = Residual::Transfer(t.0.map(|row| row.map(|v| v as f32)));
        let mut block = [0.0; BLOCK];
        columns.block_errors(&residual, 1, &mut block);
        assert_eq!(block[..77 - BLOCK], errors[BLOCK..77]);
        assert!(block[77 - BLOCK..].iter().all(|e| *e == f32::INFINITY));
    }

    #[test]
    fn sampson_errors_agree_with_their_definition() {
        let f = Fundamental([[0.1, -0.8, 0.3], [0.6, 0.2, -0.9], [-0.4, 1.0, 0.05]]);
        let points: Vec<[f64; 4]> = (0..77)
            .map(|i| [0.37, 0.91, 1.3, 2.1].map(|s| (f64::from(i) * s).sin()))
            .collect();
        let columns = Columns::new(&points);
        let residual = Residual::Sampson(f.0.map(|row| row.map(|v| v as f32)));
        let (mut errors, mut plain) = ([0.0; BLOCK], [0.0; BLOCK]);
        let limit = 0.01;
        let expected: f64 = (points.iter())
            .map(|[x, y, u, v]| (f.sampson_squared((*x, *y), (*u, *v)) / limit).min(1.0))
            .sum();
        let cost = columns.truncated(&residual, limit, f32::INFINITY);
        assert!((f64::from(cost) - expected).abs() < 1e-3);
        let body = columns.truncated_body(&residual, limit, f32::INFINITY);
        assert_eq!(cost.to_bits(), body.to_bits());
        for block in 0..columns.blocks() {
            columns.block_errors(&residual, block, &mut errors);
            columns.block_errors_body(&residual, block, &mut plain);
            columns.mask(block, &mut plain);
            assert_eq!(errors, plain);
            for (error, [x, y, u, v]) in errors.iter().zip(points.iter().skip(block * BLOCK)) {
                let expected = f.sampson_squared((*x, *y), (*u, *v));
                assert!((f64::from(*error) - expected).abs() < 1e-5 * expected.max(0.1));
            }
        }
    }
}
