//! Which correspondences agree with a transform.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use super::Transform;
use super::tentative::{PADDING, Tentative, Tolerance};

/// Rows that are looked at together.
const LANES: usize = 8;
const _: () = assert!(LANES <= PADDING);

/// A correspondence that agrees with a transform.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Agreeing {
    /// Row in [`Tentative`].
    pub row: u32,
    /// Squared distance in the second image, pixels².
    pub to_squared: f32,
    /// The larger of the two squared distances as a share of the squared tolerance, in [0, 1).
    pub relative: f32,
}

/// A transform and its inverse in single precision, with the largest squared distances.
struct Distances {
    forward: Single,
    backward: Single,
    to_limit: f32,
    from_limit: f32,
}

/// Squared distances of a few rows in the second and in the first image, and a bit for each row in which both are within
/// their limits, and the frames agree where the derivative is the same everywhere.
struct Near {
    rows: u32,
    to: [f32; LANES],
    from: [f32; LANES],
}

impl Tentative {
    /// Fills `agreeing` with everybody within the tolerance of the transform, in row order.
    pub(crate) fn collect(
        &self,
        transform: &Transform,
        tolerance: &Tolerance,
        agreeing: &mut Vec<Agreeing>,
    ) {
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the feature was found on this processor just above.
                let near =
                    |d: &Distances, f: &Frames<'_>, first| unsafe { self.near_avx2(d, f, first) };
                return self.collect_by(transform, tolerance, near, agreeing);
            }
        }
        let near = |d: &Distances, f: &Frames<'_>, first| self.near_plain(d, f, first);
        self.collect_by(transform, tolerance, near, agreeing);
    }

    /// As [`collect`](Self::collect); `near` takes [`LANES`] rows from one on.
    fn collect_by(
        &self,
        transform: &Transform,
        tolerance: &Tolerance,
        near: impl Fn(&Distances, &Frames<'_>, usize) -> Near,
        agreeing: &mut Vec<Agreeing>,
    ) {
        agreeing.clear();
        let Some(inverse) = transform.inverse() else {
            return;
        };
        let distances = Distances {
            forward: Single::new(transform),
            backward: Single::new(&inverse),
            to_limit: tolerance.to.powi(2),
            from_limit: tolerance.from.powi(2),
        };
        let frames = Frames::new(transform, tolerance);
        for first in (0..self.len).step_by(LANES) {
            let near = near(&distances, &frames, first);
            let mut left = near.rows & (u32::MAX >> (32 - (self.len - first).min(LANES)));
            while left != 0 {
                let lane = left.trailing_zeros() as usize;
                left &= left - 1;
                let row = first + lane;
                if frames.everywhere.is_some() || frames.agree(self, row) {
                    let (to_squared, from_squared) = (near.to[lane], near.from[lane]);
                    let relative =
                        (to_squared / distances.to_limit).max(from_squared / distances.from_limit);
                    agreeing.push(Agreeing {
                        row: row as u32,
                        to_squared,
                        relative,
                    });
                }
            }
        }
    }

    fn near_plain(&self, distances: &Distances, frames: &Frames<'_>, first: usize) -> Near {
        let mut near = Near {
            rows: 0,
            to: [0.0; LANES],
            from: [0.0; LANES],
        };
        for lane in 0..LANES {
            let row = first + lane;
            let (x, y, u, v) = (self.x[row], self.y[row], self.u[row], self.v[row]);
            near.to[lane] = distances.forward.squared_distance(x, y, u, v);
            near.from[lane] = distances.backward.squared_distance(u, v, x, y);
            let both = near.to[lane] < distances.to_limit && near.from[lane] < distances.from_limit;
            let turned = frames
                .everywhere
                .is_some_and(|d| !frames.hold(&d, self, row));
            near.rows |= u32::from(both && !turned) << lane;
        }
        near
    }

    /// The twin of [`near_plain`](Self::near_plain), operation for operation.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn near_avx2(&self, distances: &Distances, frames: &Frames<'_>, first: usize) -> Near {
        let load = |column: &[f32]| {
            let lanes = &column[first..first + LANES];
            // SAFETY: the slice holds the eight lanes that are read.
            unsafe { _mm256_loadu_ps(lanes.as_ptr()) }
        };
        let (x, y, u, v) = (load(&self.x), load(&self.y), load(&self.u), load(&self.v));
        let mut near = Near {
            rows: u32::MAX,
            to: [0.0; LANES],
            from: [0.0; LANES],
        };
        for (single, from, to, limit, out) in [
            (
                &distances.forward,
                (x, y),
                (u, v),
                distances.to_limit,
                &mut near.to,
            ),
            (
                &distances.backward,
                (u, v),
                (x, y),
                distances.from_limit,
                &mut near.from,
            ),
        ] {
            let squared = single.squared_distances(from, to);
            let within = _mm256_cmp_ps::<_CMP_LT_OQ>(squared, _mm256_set1_ps(limit));
            near.rows &= _mm256_movemask_ps(within) as u32;
            // SAFETY: the array has eight lanes to write.
            unsafe { _mm256_storeu_ps(out.as_mut_ptr(), squared) };
        }
        if let Some(Derivative { linear, log_scale }) = frames.everywhere {
            let [[a, b], [c, d]] = linear.map(|row| row.map(|entry| _mm256_set1_ps(entry)));
            let [fx, fy, tx, ty] = self.directions.each_ref().map(|column| load(column));
            let sum = |p, q, r, s| _mm256_add_ps(_mm256_mul_ps(p, q), _mm256_mul_ps(r, s));
            let (dx, dy) = (sum(a, fx, b, fy), sum(c, fx, d, fy));
            let length = _mm256_sqrt_ps(sum(dx, dx, dy, dy));
            let cosine = _mm256_div_ps(sum(dx, tx, dy, ty), length);
            let apart = _mm256_sub_ps(load(&self.log_ratio), _mm256_set1_ps(log_scale));
            let apart = _mm256_andnot_ps(_mm256_set1_ps(-0.0), apart);
            let agree = _mm256_and_ps(
                _mm256_cmp_ps::<_CMP_GE_OQ>(cosine, _mm256_set1_ps(frames.cosine)),
                _mm256_cmp_ps::<_CMP_LE_OQ>(apart, _mm256_set1_ps(frames.log_scale)),
            );
            near.rows &= _mm256_movemask_ps(agree) as u32;
        }
        near
    }
}

/// A transform in single precision.
struct Single([[f32; 3]; 3]);

impl Single {
    fn new(transform: &Transform) -> Self {
        Self(transform.0.map(|row| row.map(|v| v as f32)))
    }

    /// Squared distance from the image of (x, y) to (u, v); infinite beyond the horizon.
    #[inline(always)]
    fn squared_distance(&self, x: f32, y: f32, u: f32, v: f32) -> f32 {
        let m = &self.0;
        let w = m[2][0] * x + m[2][1] * y + m[2][2];
        let (p, q) = (
            m[0][0] * x + m[0][1] * y + m[0][2],
            m[1][0] * x + m[1][1] * y + m[1][2],
        );
        let (dx, dy) = (p / w - u, q / w - v);
        if w > 0.0 {
            dx * dx + dy * dy
        } else {
            f32::INFINITY
        }
    }

    /// [`squared_distance`](Self::squared_distance) of eight pairs.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    #[inline]
    fn squared_distances(&self, (x, y): (__m256, __m256), (u, v): (__m256, __m256)) -> __m256 {
        let [p, q, w] = self.0.map(|row| {
            let [a, b, c] = row.map(|entry| _mm256_set1_ps(entry));
            _mm256_add_ps(_mm256_add_ps(_mm256_mul_ps(a, x), _mm256_mul_ps(b, y)), c)
        });
        let (dx, dy) = (
            _mm256_sub_ps(_mm256_div_ps(p, w), u),
            _mm256_sub_ps(_mm256_div_ps(q, w), v),
        );
        let squared = _mm256_add_ps(_mm256_mul_ps(dx, dx), _mm256_mul_ps(dy, dy));
        let before = _mm256_cmp_ps::<_CMP_GT_OQ>(w, _mm256_setzero_ps());
        _mm256_blendv_ps(_mm256_set1_ps(f32::INFINITY), squared, before)
    }
}

/// Compares second frames with where the derivative of a transform takes the first.
struct Frames<'a> {
    transform: &'a Transform,
    /// The derivative and half of the logarithm of its area, where they are the same everywhere.
    everywhere: Option<Derivative>,
    /// Smallest cosine of the angle between two directions.
    cosine: f32,
    log_scale: f32,
}

/// A derivative that does not mirror.
#[derive(Clone, Copy)]
struct Derivative {
    linear: [[f32; 2]; 2],
    log_scale: f32,
}

impl Derivative {
    fn new(linear: [[f64; 2]; 2]) -> Option<Self> {
        let linear = linear.map(|row| row.map(|v| v as f32));
        let area = linear[0][0] * linear[1][1] - linear[0][1] * linear[1][0];
        // An area that is no number agrees with nobody either.
        (area > 0.0).then(|| Self {
            linear,
            log_scale: 0.5 * area.ln(),
        })
    }
}

impl<'a> Frames<'a> {
    fn new(transform: &'a Transform, tolerance: &Tolerance) -> Self {
        let [[a, b, _], [c, d, _], last] = transform.0;
        let is_affine = last == [0.0, 0.0, 1.0];
        Self {
            transform,
            everywhere: is_affine
                .then(|| Derivative::new([[a, b], [c, d]]))
                .flatten(),
            cosine: tolerance.angle.cos(),
            log_scale: tolerance.log_scale,
        }
    }

    /// By the derivative where the row is.
    fn agree(&self, t: &Tentative, row: usize) -> bool {
        (self.transform)
            .jacobian_at(f64::from(t.x[row]), f64::from(t.y[row]))
            .and_then(Derivative::new)
            .is_some_and(|derivative| self.hold(&derivative, t, row))
    }

    /// By a given derivative.
    fn hold(&self, derivative: &Derivative, t: &Tentative, row: usize) -> bool {
        let j = &derivative.linear;
        let [fx, fy, tx, ty] = t.directions.each_ref().map(|column| column[row]);
        let (dx, dy) = (j[0][0] * fx + j[0][1] * fy, j[1][0] * fx + j[1][1] * fy);
        let cosine = (dx * tx + dy * ty) / (dx * dx + dy * dy).sqrt();
        let apart = t.log_ratio[row] - derivative.log_scale;
        cosine >= self.cosine && apart.abs() <= self.log_scale
    }
}

#[cfg(test)]
mod tests {
    use super::super::tentative::tests::{laid_out, scattered};
    use super::*;

    /// Whether one row agrees, by the definition.
    fn agrees(t: &Tentative, row: usize, transform: &Transform, tolerance: &Tolerance) -> bool {
        let [x, y, u, v] = [&t.x, &t.y, &t.u, &t.v].map(|column| f64::from(column[row]));
        let inverse = transform.inverse().unwrap();
        let apart = |m: &Transform, (x, y): (f64, f64), (u, v): (f64, f64)| {
            m.apply(x, y)
                .map_or(f64::MAX, |(p, q)| (p - u).hypot(q - v))
        };
        let (Some(scale), Some(j)) = (transform.scale_at(x, y), transform.jacobian_at(x, y)) else {
            return false;
        };
        let [fx, fy, tx, ty] = t.directions.each_ref().map(|column| f64::from(column[row]));
        let (dx, dy) = (j[0][0] * fx + j[0][1] * fy, j[1][0] * fx + j[1][1] * fy);
        let turned = ((dx * tx + dy * ty) / dx.hypot(dy)).clamp(-1.0, 1.0).acos();
        apart(transform, (x, y), (u, v)) < f64::from(tolerance.to)
            && apart(&inverse, (u, v), (x, y)) < f64::from(tolerance.from)
            && turned <= f64::from(tolerance.angle)
            && (f64::from(t.log_ratio[row]) - scale.ln()).abs() <= f64::from(tolerance.log_scale)
    }

    #[test]
    fn those_who_agree_are_those_of_the_definition_on_every_processor() {
        let tolerance = Tolerance {
            to: 180.0,
            from: 150.0,
            angle: 1.4,
            log_scale: 1.0,
        };
        let mut met = 0;
        for count in [1, 7, 8, 250] {
            let t = laid_out(&scattered(count));
            for row in 0..t.len {
                let similarity = t.proposed(row);
                let [[a, b, c], [d, e, f], _] = similarity.0;
                let tilted = Transform([[a, b, c], [d, e, f], [3e-4, -2e-4, 1.0]]);
                let mirrored = Transform([[a, -b, c], [d, -e, f], [0.0, 0.0, 1.0]]);
                for transform in [similarity, tilted, mirrored] {
                    let (mut found, mut plain) = (Vec::new(), Vec::new());
                    t.collect(&transform, &tolerance, &mut found);
                    let near = |d: &Distances, f: &Frames<'_>, first| t.near_plain(d, f, first);
                    t.collect_by(&transform, &tolerance, near, &mut plain);
                    assert_eq!(found, plain);
                    let rows: Vec<u32> = found.iter().map(|a| a.row).collect();
                    let expected = (0..t.len).filter(|&r| agrees(&t, r, &transform, &tolerance));
                    assert_eq!(rows, expected.map(|r| r as u32).collect::<Vec<_>>());
                    met += rows.len();
                }
            }
        }
        assert!(met > 1000, "{met}");
    }

    #[test]
    fn a_transform_without_inverse_agrees_with_nobody() {
        let t = laid_out(&scattered(20));
        let mut found = vec![Agreeing {
            row: 1,
            to_squared: 0.0,
            relative: 0.0,
        }];
        let tolerance = Tolerance {
            to: 1e6,
            from: 1e6,
            angle: 3.2,
            log_scale: 9.0,
        };
        t.collect(&Transform([[0.0; 3]; 3]), &tolerance, &mut found);
        assert!(found.is_empty());
    }
}
