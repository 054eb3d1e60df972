//! Tentative correspondences laid out for scoring, and who of them agrees with a transform.
#![allow(unsafe_code)]

use std::f32::consts::{PI, TAU};
use std::ops::Range;

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use super::sites::places;
use super::{Correspondence, Transform};

/// Partial sums kept side by side.
const LANES: usize = 8;

/// Correspondences as columns, in ascending order of the turn between their frames. The columns read by
/// [`Tentative::support`] hold everything twice, the second copy a full turn later, so that all turns
/// within a tolerance of a given one are a contiguous range.
pub(crate) struct Tentative {
    /// Number of correspondences; the first half of the doubled columns.
    pub len: usize,
    /// Where each stood in the input.
    pub index: Vec<u32>,
    pub x: Vec<f32>,
    pub y: Vec<f32>,
    pub u: Vec<f32>,
    pub v: Vec<f32>,
    /// Turn of what the two frames propose, radians, ascending from -π.
    pub turn: Vec<f32>,
    /// Natural logarithm of the ratio of scales, second to first.
    pub log_ratio: Vec<f32>,
    /// The linear map that each proposes; empty where all propose similarities.
    local: Vec<Option<[[f64; 2]; 2]>>,
    /// Share in the support of a proposal: the weight, split among those at the same place.
    pub share: Vec<f32>,
    /// Direction of the first and of the second frame.
    directions: Vec<[f32; 4]>,
    /// Place in the first image.
    pub from_place: Vec<u32>,
    /// Place in the second image.
    pub to_place: Vec<u32>,
    pub from_places: usize,
    pub to_places: usize,
}

/// How far apart a correspondence and a transform may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tolerance {
    /// Distance in the second image, pixels.
    pub to: f32,
    /// Distance in the first image, pixels.
    pub from: f32,
    /// Radians.
    pub angle: f32,
    /// Natural logarithm of the scale ratio.
    pub log_scale: f32,
}

/// A correspondence that agrees with a transform.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Agreeing {
    /// Row in [`Tentative`].
    pub row: u32,
    /// Squared distance in the second image, pixels².
    pub to_squared: f32,
    /// The larger of the two squared distances as a share of the squared tolerance, in [0, 1).
    pub relative: f32,
}

fn wrapped(angle: f64) -> f32 {
    let turn = angle.rem_euclid(std::f64::consts::TAU);
    let turn = if turn >= std::f64::consts::PI {
        turn - std::f64::consts::TAU
    } else {
        turn
    };
    turn as f32
}

/// How far what the two frames propose turns: of an affine map the turn of the rotation nearest to it.
fn turn(c: &Correspondence) -> f32 {
    match c.local_map() {
        None => wrapped(c.to.angle - c.from.angle),
        Some([[a, b], [c, d]]) => wrapped((c - b).atan2(a + d)),
    }
}

impl Tentative {
    /// Leaves out whatever is not finite or has no scale.
    pub(crate) fn new(
        correspondences: &[Correspondence],
        from_radius: f32,
        to_radius: f32,
    ) -> Self {
        let mut order: Vec<(f32, u32)> = correspondences
            .iter()
            .enumerate()
            .filter(|(_, c)| c.has_valid_positions() && c.from.is_valid() && c.to.is_valid())
            .map(|(i, c)| (turn(c), i as u32))
            .collect();
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let chosen = || order.iter().map(|&(_, i)| &correspondences[i as usize]);
        let doubled = |value: &dyn Fn(&Correspondence) -> f64| -> Vec<f32> {
            chosen().chain(chosen()).map(|c| value(c) as f32).collect()
        };
        let turns = || order.iter().map(|o| o.0);
        let points = |value: &dyn Fn(&Correspondence) -> (f64, f64)| -> Vec<(f32, f32)> {
            chosen()
                .map(value)
                .map(|(x, y)| (x as f32, y as f32))
                .collect()
        };
        let shaped = chosen().any(|c| c.local_map().is_some());
        let local = |c: &Correspondence| c.local_map();
        let (from_place, from_places) = places(&points(&|c| (c.from.x, c.from.y)), from_radius);
        let (to_place, to_places) = places(&points(&|c| (c.to.x, c.to.y)), to_radius);
        Self {
            len: order.len(),
            index: order.iter().map(|o| o.1).collect(),
            x: doubled(&|c| c.from.x),
            y: doubled(&|c| c.from.y),
            u: doubled(&|c| c.to.x),
            v: doubled(&|c| c.to.y),
            turn: turns().chain(turns().map(|t| t + TAU)).collect(),
            log_ratio: doubled(&|c| (c.to.scale / c.from.scale).ln()),
            local: chosen().filter(|_| shaped).map(local).collect(),
            share: shares(
                &chosen().map(|c| c.weight).collect::<Vec<_>>(),
                [(&from_place, from_places), (&to_place, to_places)],
            ),
            directions: chosen()
                .map(|c| {
                    let (f, t) = (c.from.direction(), c.to.direction());
                    [f.0 as f32, f.1 as f32, t.0 as f32, t.1 as f32]
                })
                .collect(),
            from_place,
            to_place,
            from_places,
            to_places,
        }
    }

    /// For every correspondence the support of the map its two frames propose: the shares of
    /// those that agree, each lowered by its squared distance.
    pub(crate) fn support(&self, tolerance: &Tolerance) -> Vec<f32> {
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the feature was found on this processor just above.
                let sum = |p: &Proposal, range| unsafe { self.sum_avx2(p, range) };
                return self.support_by(tolerance, sum);
            }
        }
        self.support_by(tolerance, |p, range| self.sum_plain(p, range))
    }

    /// Walks the window of turns; `sum` adds up the support of one proposal over a range of rows.
    fn support_by(
        &self,
        tolerance: &Tolerance,
        sum: impl Fn(&Proposal, Range<usize>) -> f32,
    ) -> Vec<f32> {
        let angle = tolerance.angle.min(PI);
        // First the seeds whose window does not reach below -π, then the others a turn later, so
        // that both ends of the window only ever move forward.
        let first = self.turn[..self.len].partition_point(|&t| t - angle < -PI);
        let (mut start, mut end) = (0, 0);
        let mut support = vec![0.0; self.len];
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
        support
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

    /// The twin of [`sum_plain`](Self::sum_plain), operation for operation.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn sum_avx2(&self, p: &Proposal, range: Range<usize>) -> f32 {
        let [[a, b], [c, d]] = p.linear.map(|row| row.map(|v| _mm256_set1_ps(v)));
        let [e, f] = p.shift.map(|v| _mm256_set1_ps(v));
        let (inverse, log_ratio) = (_mm256_set1_ps(p.inverse_limit), _mm256_set1_ps(p.log_ratio));
        let log_tolerance = _mm256_set1_ps(p.log_tolerance);
        let (one, zero) = (_mm256_set1_ps(1.0), _mm256_setzero_ps());
        let mut sums = zero;
        let mut row = range.start;
        while row + LANES <= range.end {
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
            let term = _mm256_mul_ps(_mm256_max_ps(closeness, zero), load(&self.share));
            sums = _mm256_add_ps(sums, _mm256_and_ps(term, agrees));
            row += LANES;
        }
        let mut lanes = [0f32; LANES];
        // SAFETY: the array has eight lanes to write.
        unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), sums) };
        for (sum, row) in lanes.iter_mut().zip(row..range.end) {
            *sum += self.term(p, row);
        }
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

    fn local_map(&self, row: usize) -> Option<[[f64; 2]; 2]> {
        self.local.get(row).copied().flatten()
    }

    /// The similarity that the frames of one correspondence propose, or the affine map where they have shapes.
    pub(crate) fn proposed(&self, row: usize) -> Transform {
        let [x, y, u, v] = [self.x[row], self.y[row], self.u[row], self.v[row]].map(f64::from);
        if let Some([[a, b], [c, d]]) = self.local_map(row) {
            return Transform([
                [a, b, u - (a * x + b * y)],
                [c, d, v - (c * x + d * y)],
                [0.0, 0.0, 1.0],
            ]);
        }
        let (scale, (sin, cos)) = (
            f64::from(self.log_ratio[row]).exp(),
            f64::from(self.turn[row]).sin_cos(),
        );
        let (a, b) = (scale * cos, scale * sin);
        Transform([
            [a, -b, u - (a * x - b * y)],
            [b, a, v - (b * x + a * y)],
            [0.0, 0.0, 1.0],
        ])
    }

    /// Fills `agreeing` with everybody within the tolerance of the transform, in row order.
    pub(crate) fn collect(
        &self,
        transform: &Transform,
        tolerance: &Tolerance,
        agreeing: &mut Vec<Agreeing>,
    ) {
        agreeing.clear();
        let Some(inverse) = transform.inverse() else {
            return;
        };
        let (to_limit, from_limit) = (tolerance.to.powi(2), tolerance.from.powi(2));
        let (forward, backward) = (Single::new(transform), Single::new(&inverse));
        for row in 0..self.len {
            let (x, y, u, v) = (self.x[row], self.y[row], self.u[row], self.v[row]);
            let to_squared = forward.squared_distance(x, y, u, v);
            if to_squared < to_limit {
                let from_squared = backward.squared_distance(u, v, x, y);
                if from_squared < from_limit && self.frames_agree(transform, row, tolerance) {
                    let relative = (to_squared / to_limit).max(from_squared / from_limit);
                    agreeing.push(Agreeing {
                        row: row as u32,
                        to_squared,
                        relative,
                    });
                }
            }
        }
    }

    /// Compares the second frame with where the transform's derivative takes the first.
    fn frames_agree(&self, transform: &Transform, row: usize, tolerance: &Tolerance) -> bool {
        let Some(j) = transform.jacobian_at(f64::from(self.x[row]), f64::from(self.y[row])) else {
            return false;
        };
        let j = j.map(|r| r.map(|v| v as f32));
        let [fx, fy, tx, ty] = self.directions[row];
        let (dx, dy) = (j[0][0] * fx + j[0][1] * fy, j[1][0] * fx + j[1][1] * fy);
        let area = j[0][0] * j[1][1] - j[0][1] * j[1][0];
        if area <= 0.0 {
            return false;
        }
        let cosine = (dx * tx + dy * ty) / (dx * dx + dy * dy).sqrt();
        let log_scale = self.log_ratio[row] - 0.5 * area.ln();
        cosine >= tolerance.angle.cos() && log_scale.abs() <= tolerance.log_scale
    }

    /// How many correspondences have about this turn and scale ratio, wherever they are.
    pub(crate) fn count_frames(&self, turn: f32, log_ratio: f32, tolerance: &Tolerance) -> usize {
        let near = |a: f32| {
            let gap = (a - turn).abs();
            gap.min(TAU - gap) <= tolerance.angle
        };
        self.turn[..self.len]
            .iter()
            .zip(&self.log_ratio)
            .filter(|(a, r)| near(**a) && (**r - log_ratio).abs() <= tolerance.log_scale)
            .count()
    }
}

/// A linear map with a shift, and who counts as agreeing with it.
struct Proposal {
    linear: [[f32; 2]; 2],
    shift: [f32; 2],
    inverse_limit: f32,
    log_ratio: f32,
    log_tolerance: f32,
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
}

/// Weights relative to their mean, within [1/4, 4], divided by the square root of how many stand at the
/// same place in the more crowded of the two images; twice over.
fn shares(weights: &[f64], sides: [(&Vec<u32>, usize); 2]) -> Vec<f32> {
    let counts = sides.map(|(place, count)| {
        let mut crowd = vec![0u32; count];
        for &p in place {
            crowd[p as usize] += 1;
        }
        crowd
    });
    let mean = weights.iter().sum::<f64>() / weights.len() as f64;
    let share = |(row, weight): (usize, &f64)| {
        let crowd = (0..2)
            .map(|s| counts[s][sides[s].0[row] as usize])
            .max()
            .unwrap_or(1);
        ((weight / mean).clamp(0.25, 4.0) / f64::from(crowd).sqrt()) as f32
    };
    let single: Vec<f32> = weights.iter().enumerate().map(share).collect();
    [single.as_slice(), single.as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Shape;
    use crate::geometry::Frame;

    fn scattered(count: usize) -> Vec<Correspondence> {
        let mut state = 12_345u64;
        let mut next = move |range: f64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as f64 / (1u64 << 31) as f64 * range
        };
        let mut frame = || Frame {
            x: next(640.0),
            y: next(480.0),
            scale: 1.0 + next(10.0),
            angle: next(std::f64::consts::TAU),
            shape: Shape::CIRCLE,
        };
        (0..count)
            .map(|_| Correspondence {
                from: frame(),
                to: frame(),
                weight: 1.0,
            })
            .collect()
    }

    fn tolerance(angle: f32) -> Tolerance {
        Tolerance {
            to: 60.0,
            from: 60.0,
            angle,
            log_scale: 0.7,
        }
    }

    #[test]
    fn support_agrees_with_its_definition() {
        for (count, angle) in [(1, 0.5), (15, 0.5), (200, 0.6), (64, 3.2), (64, 10.0)] {
            let t = Tentative::new(&scattered(count), 1.0, 1.0);
            let tolerance = tolerance(angle);
            let support = t.support(&tolerance);
            assert_eq!(
                support,
                t.support_by(&tolerance, |p, range| t.sum_plain(p, range))
            );
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

    /// See `tests/reference/shape.py`.
    #[test]
    fn maps_of_pairs_are_those_of_numpy() {
        let text = include_str!("../../tests/reference/shape.json");
        let cases: serde_json::Value = serde_json::from_str(text).unwrap();
        let number = |value: &serde_json::Value| value.as_f64().unwrap();
        let matrix =
            |value: &serde_json::Value| [0, 1].map(|r| [0, 1].map(|c| number(&value[r][c])));
        let frame = |value: &serde_json::Value, x, y| Frame {
            x,
            y,
            scale: number(&value[0]),
            angle: number(&value[1]),
            shape: Shape {
                u: number(&value[2]) as f32,
                v: number(&value[3]) as f32,
            },
        };
        let near = |ours: [[f64; 2]; 2], theirs: [[f64; 2]; 2], close: f64| {
            let largest = theirs.iter().flatten().fold(0f64, |m, v| m.max(v.abs()));
            let pairs = ours.iter().flatten().zip(theirs.iter().flatten());
            pairs
                .into_iter()
                .all(|(a, b)| (a - b).abs() <= close * largest)
        };
        for case in cases.as_array().unwrap() {
            let c = Correspondence {
                from: frame(&case["from"], 30.0, 40.0),
                to: frame(&case["to"], 200.0, 100.0),
                weight: 1.0,
            };
            assert!(
                near(c.to.shape.matrix(), matrix(&case["shape"]), 1e-12),
                "{case}"
            );
            let theirs = matrix(&case["local"]);
            let circles = c.from.shape.is_circle() && c.to.shape.is_circle();
            assert_eq!(c.local_map().is_none(), circles);
            if let Some(local) = c.local_map() {
                assert!(near(local, theirs, 1e-12), "{case}");
            }
            // With circles it is the similarity of scale and turn, which is kept in single precision.
            let t = Tentative::new(&[c], 1.0, 1.0);
            assert!(
                (f64::from(t.turn[0]) - number(&case["turn"])).abs() < 1e-6,
                "{case}"
            );
            let proposed = t.proposed(0);
            let [[a, b, _], [d, e, _], _] = proposed.0;
            assert!(near([[a, b], [d, e]], theirs, 1e-5), "{case}");
            let (u, v) = proposed.apply(30.0, 40.0).unwrap();
            assert!((u - 200.0).abs() < 1e-4 && (v - 100.0).abs() < 1e-4);
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
        let t = Tentative::new(&all, 1.0, 1.0);
        let tolerance = tolerance(0.6);
        let support = t.support(&tolerance);
        assert_eq!(
            support,
            t.support_by(&tolerance, |p, range| t.sum_plain(p, range))
        );
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

    #[test]
    fn bad_frames_are_left_out() {
        let mut all = scattered(6);
        all[0].from.x = f64::NAN;
        all[1].to.scale = 0.0;
        all[2].weight = f64::INFINITY;
        all[3].to.angle = f64::NEG_INFINITY;
        let t = Tentative::new(&all, 1.0, 1.0);
        assert_eq!(t.len, 2);
        assert!(t.index.iter().all(|&i| i >= 4));
    }
}
