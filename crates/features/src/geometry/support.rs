//! How much the other correspondences support what the frames of one propose.

#![allow(unsafe_code)]

use std::f32::consts::PI;
use std::ops::Range;

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use super::tentative::{Tentative, Tolerance};

/// Partial sums kept side by side.
const LANES: usize = 8;
const _: () = assert!(LANES <= super::tentative::PADDING);

/// A linear map with a shift, and who counts as agreeing with it.
struct Proposal {
    linear: [[f32; 2]; 2],
    shift: [f32; 2],
    inverse_limit: f32,
    log_ratio: f32,
    log_tolerance: f32,
}

impl Tentative {
    /// For every correspondence the support of the map its two frames propose: the shares of
    /// those that agree, each lowered by its squared distance.
    pub(crate) fn support(&self, tolerance: &Tolerance, support: &mut Vec<f32>) {
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the feature was found on this processor just above.
                let sum = |p: &Proposal, range| unsafe { self.sum_avx2(p, range) };
                return self.support_by(tolerance, sum, support);
            }
        }
        self.support_by(tolerance, |p, range| self.sum_plain(p, range), support);
    }

    /// Walks the window of turns; `sum` adds up the support of one proposal over a range of rows.
    fn support_by(
        &self,
        tolerance: &Tolerance,
        sum: impl Fn(&Proposal, Range<usize>) -> f32,
        support: &mut Vec<f32>,
    ) {
        let angle = tolerance.angle.min(PI);
        // First the seeds whose window does not reach below -π, then the others a turn later, so
        // that both ends of the window only ever move forward.
        let first = self.turn[..self.len].partition_point(|&t| t - angle < -PI);
        let (mut start, mut end) = (0, 0);
        support.clear();
        support.resize(self.len, 0.0);
        for seed in first..self.len + first {
            let turn = self.turn[seed];
            while self.turn[start] < turn - angle {
                start += 1;
            }
            while end < self.turn.len() && self.turn[end] <= turn + angle {
                end += 1;
            }
            // A window of a full turn must not count anybody twice.
            let stop = end.min(start + self.len);
            support[seed % self.len] = sum(&self.proposal(seed, tolerance), start..stop);
        }
    }

    fn sum_plain(&self, p: &Proposal, range: Range<usize>) -> f32 {
        let mut lanes = [0f32; LANES];
        for (i, row) in range.enumerate() {
            lanes[i % LANES] += self.term(p, row);
        }
        lanes.iter().sum()
    }

    /// What one row adds to a proposal.
    #[inline(always)]
    fn term(&self, p: &Proposal, row: usize) -> f32 {
        let (x, y) = (self.x[row], self.y[row]);
        let [[a, b], [c, d]] = p.linear;
        let dx = a * x + b * y + (p.shift[0] - self.u[row]);
        let dy = c * x + d * y + (p.shift[1] - self.v[row]);
        let closeness = 1.0 - (dx * dx + dy * dy) * p.inverse_limit;
        let agrees = (self.log_ratio[row] - p.log_ratio).abs() <= p.log_tolerance;
        if agrees {
            closeness.max(0.0) * self.share[row]
        } else {
            0.0
        }
    }

    /// The twin of [`sum_plain`](Self::sum_plain), operation for operation; lanes beyond the range add zero.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn sum_avx2(&self, p: &Proposal, range: Range<usize>) -> f32 {
        let [[a, b], [c, d]] = p.linear.map(|row| row.map(|v| _mm256_set1_ps(v)));
        let [e, f] = p.shift.map(|v| _mm256_set1_ps(v));
        let (inverse, log_ratio) = (_mm256_set1_ps(p.inverse_limit), _mm256_set1_ps(p.log_ratio));
        let log_tolerance = _mm256_set1_ps(p.log_tolerance);
        let (one, zero) = (_mm256_set1_ps(1.0), _mm256_setzero_ps());
        let numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        let mut sums = zero;
        for row in range.clone().step_by(LANES) {
            let load = |column: &[f32]| {
                let lanes = &column[row..row + LANES];
                // SAFETY: the slice holds the eight lanes that are read.
                unsafe { _mm256_loadu_ps(lanes.as_ptr()) }
            };
            let (x, y) = (load(&self.x), load(&self.y));
            let mapped_x = _mm256_add_ps(_mm256_mul_ps(a, x), _mm256_mul_ps(b, y));
            let mapped_y = _mm256_add_ps(_mm256_mul_ps(c, x), _mm256_mul_ps(d, y));
            let dx = _mm256_add_ps(mapped_x, _mm256_sub_ps(e, load(&self.u)));
            let dy = _mm256_add_ps(mapped_y, _mm256_sub_ps(f, load(&self.v)));
            let square = _mm256_add_ps(_mm256_mul_ps(dx, dx), _mm256_mul_ps(dy, dy));
            let closeness = _mm256_sub_ps(one, _mm256_mul_ps(square, inverse));
            let gap = _mm256_sub_ps(load(&self.log_ratio), log_ratio);
            let gap = _mm256_andnot_ps(_mm256_set1_ps(-0.0), gap);
            let agrees = _mm256_cmp_ps::<_CMP_LE_OQ>(gap, log_tolerance);
            let left = _mm256_set1_epi32((range.end - row).min(LANES) as i32);
            let inside = _mm256_castsi256_ps(_mm256_cmpgt_epi32(left, numbers));
            let term = _mm256_mul_ps(_mm256_max_ps(closeness, zero), load(&self.share));
            sums = _mm256_add_ps(sums, _mm256_and_ps(term, _mm256_and_ps(agrees, inside)));
        }
        let mut lanes = [0f32; LANES];
        // SAFETY: the array has eight lanes to write.
        unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), sums) };
        lanes.iter().sum()
    }

    fn proposal(&self, seed: usize, tolerance: &Tolerance) -> Proposal {
        let log_ratio = self.log_ratio[seed];
        let (scale, (sin, cos)) = (log_ratio.exp(), self.turn[seed].sin_cos());
        let linear = match self.local_map(seed % self.len) {
            Some(map) => map.map(|row| row.map(|v| v as f32)),
            None => [[scale * cos, -(scale * sin)], [scale * sin, scale * cos]],
        };
        let (x, y) = (self.x[seed], self.y[seed]);
        let [at_x, at_y] = linear.map(|[a, b]| a * x + b * y);
        // Held to the tolerance in both images: a reduction by s makes distances s times smaller.
        let limit = tolerance.to.min(tolerance.from * scale);
        Proposal {
            linear,
            shift: [self.u[seed] - at_x, self.v[seed] - at_y],
            inverse_limit: 1.0 / (limit * limit),
            log_ratio,
            log_tolerance: tolerance.log_scale,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use super::super::tentative::tests::{laid_out, scattered};
    use super::*;
    use crate::Shape;

    fn tolerance(angle: f32) -> Tolerance {
        Tolerance {
            to: 60.0,
            from: 60.0,
            angle,
            log_scale: 0.7,
        }
    }

    /// The support, which must be that of the plain twin.
    fn support(t: &Tentative, tolerance: &Tolerance) -> Vec<f32> {
        let (mut support, mut plain) = (vec![7.0; 3], Vec::new());
        t.support(tolerance, &mut support);
        t.support_by(tolerance, |p, range| t.sum_plain(p, range), &mut plain);
        assert_eq!(support, plain);
        support
    }

    #[test]
    fn support_agrees_with_its_definition() {
        for (count, angle) in [(1, 0.5), (15, 0.5), (200, 0.6), (64, 3.2), (64, 10.0)] {
            let t = laid_out(&scattered(count));
            let tolerance = tolerance(angle);
            let support = support(&t, &tolerance);
            for (seed, &counted) in support.iter().enumerate().take(t.len) {
                let proposed = t.proposed(seed);
                let limit = tolerance.to.min(tolerance.from * t.log_ratio[seed].exp());
                let expected: f32 = (0..t.len)
                    .filter(|&j| {
                        let gap = (t.turn[seed] - t.turn[j]).abs();
                        gap.min(TAU - gap) <= angle
                            && (t.log_ratio[seed] - t.log_ratio[j]).abs() <= 0.7
                    })
                    .map(|j| {
                        let (u, v) = proposed.apply(t.x[j].into(), t.y[j].into()).unwrap();
                        let d = (u - f64::from(t.u[j])).hypot(v - f64::from(t.v[j])) as f32;
                        (1.0 - (d / limit).powi(2)).max(0.0) * t.share[j]
                    })
                    .sum();
                assert!((counted - expected).abs() < 1e-3, "{count} {angle} {seed}");
            }
        }
    }

    #[test]
    fn support_with_shapes_agrees_with_its_definition() {
        let mut all = scattered(120);
        for (c, i) in all.iter_mut().zip(0u8..) {
            let (v, u) = f32::from(i).sin_cos();
            c.from.shape = Shape {
                u: 0.3 * u,
                v: 0.3 * v,
            };
            // Some pairs are of circles.
            c.to.shape = if i % 4 == 0 {
                Shape::CIRCLE
            } else {
                Shape { u: 0.2 * v, v: 0.1 }
            };
            if i % 4 == 0 {
                c.from.shape = Shape::CIRCLE;
            }
        }
        let t = laid_out(&all);
        let tolerance = tolerance(0.6);
        let support = support(&t, &tolerance);
        for (seed, &counted) in support.iter().enumerate() {
            let proposed = t.proposed(seed);
            let limit = tolerance.to.min(tolerance.from * t.log_ratio[seed].exp());
            let agrees = |&j: &usize| {
                let gap = (t.turn[seed] - t.turn[j]).abs();
                gap.min(TAU - gap) <= 0.6 && (t.log_ratio[seed] - t.log_ratio[j]).abs() <= 0.7
            };
            let term = |j: usize| {
                let (u, v) = proposed.apply(t.x[j].into(), t.y[j].into()).unwrap();
                let d = (u - f64::from(t.u[j])).hypot(v - f64::from(t.v[j])) as f32;
                (1.0 - (d / limit).powi(2)).max(0.0) * t.share[j]
            };
            let expected: f32 = (0..t.len).filter(agrees).map(term).sum();
            assert!(
                (counted - expected).abs() < 1e-3,
                "{seed}: {counted} {expected}"
            );
        }
    }
}
