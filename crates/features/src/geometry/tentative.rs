//! Tentative correspondences laid out for scoring, as columns.

use std::f32::consts::TAU;

use super::sites::Places;
use super::{Correspondence, Transform};

/// Values beside the columns, so that registers may reach over their ends.
pub(super) const PADDING: usize = 8;

/// Correspondences as columns, in ascending order of the turn between their frames. The columns of positions, scales and
/// shares hold everything twice, the second copy a full turn later, so that all turns within a tolerance of a given
/// one are a contiguous range; [`PADDING`] zeros follow. The memory is used again.
#[derive(Debug, Default)]
pub(crate) struct Tentative {
    /// Number of correspondences; the first half of the doubled columns.
    pub len: usize,
    /// Where each stood in the input.
    pub index: Vec<u32>,
    pub x: Vec<f32>,
    pub y: Vec<f32>,
    pub u: Vec<f32>,
    pub v: Vec<f32>,
    /// Turn of what the two frames propose, radians, ascending from -π; twice, without padding.
    pub turn: Vec<f32>,
    /// Natural logarithm of the ratio of scales, second to first.
    pub log_ratio: Vec<f32>,
    /// The linear map that each proposes; empty where all propose similarities.
    local: Vec<Option<[[f64; 2]; 2]>>,
    /// Share in the support of a proposal: the weight, split among those at the same place.
    pub share: Vec<f32>,
    /// Direction of the first and of the second frame, x and y each, and padding.
    pub(super) directions: [Vec<f32>; 4],
    pub from: Places,
    pub to: Places,
    order: Vec<(f32, u32)>,
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
    /// Lays out what is finite and has a scale.
    pub(crate) fn fill(
        &mut self,
        correspondences: &[Correspondence],
        from_radius: f32,
        to_radius: f32,
    ) {
        self.order.clear();
        self.order.extend(
            correspondences
                .iter()
                .enumerate()
                .filter(|(_, c)| c.has_valid_positions() && c.from.is_valid() && c.to.is_valid())
                .map(|(i, c)| (turn(c), i as u32)),
        );
        self.order
            .sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        self.len = self.order.len();
        let chosen = || (self.order.iter()).map(|&(_, i)| &correspondences[i as usize]);
        self.index.clear();
        self.index.extend(self.order.iter().map(|o| o.1));
        double(&mut self.x, chosen().map(|c| c.from.x as f32));
        double(&mut self.y, chosen().map(|c| c.from.y as f32));
        double(&mut self.u, chosen().map(|c| c.to.x as f32));
        double(&mut self.v, chosen().map(|c| c.to.y as f32));
        let log_ratios = chosen().map(|c| (c.to.scale / c.from.scale).ln() as f32);
        double(&mut self.log_ratio, log_ratios);
        self.turn.clear();
        self.turn.extend(self.order.iter().map(|o| o.0));
        self.turn.extend(self.order.iter().map(|o| o.0 + TAU));
        self.local.clear();
        if chosen().any(Correspondence::is_shaped) {
            self.local.extend(chosen().map(Correspondence::local_map));
        }
        self.directions.iter_mut().for_each(Vec::clear);
        for c in chosen() {
            let (f, t) = (c.from.direction(), c.to.direction());
            let ends = [f.0, f.1, t.0, t.1];
            for (column, end) in self.directions.iter_mut().zip(ends) {
                column.push(end as f32);
            }
        }
        for column in &mut self.directions {
            column.resize(column.len() + PADDING, 0.0);
        }
        self.from
            .find(&self.x[..self.len], &self.y[..self.len], from_radius);
        self.to
            .find(&self.u[..self.len], &self.v[..self.len], to_radius);
        // Weights relative to their mean, within [1/4, 4], divided by the square root of how many stand at the same
        // place in the more crowded of the two images.
        let mean = chosen().map(|c| c.weight).sum::<f64>() / self.len as f64;
        let shares = chosen().enumerate().map(|(row, c)| {
            let crowd = self.from.crowd(row).max(self.to.crowd(row));
            ((c.weight / mean).clamp(0.25, 4.0) / f64::from(crowd).sqrt()) as f32
        });
        double(&mut self.share, shares);
    }

    pub(super) fn local_map(&self, row: usize) -> Option<[[f64; 2]; 2]> {
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

/// Fills a column with the values, twice, and padding.
fn double(column: &mut Vec<f32>, values: impl Iterator<Item = f32>) {
    column.clear();
    column.extend(values);
    column.extend_from_within(..);
    column.resize(column.len() + PADDING, 0.0);
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::Shape;
    use crate::geometry::Frame;

    pub(crate) fn laid_out(correspondences: &[Correspondence]) -> Tentative {
        let mut tentative = Tentative::default();
        tentative.fill(correspondences, 1.0, 1.0);
        tentative
    }

    pub(crate) fn scattered(count: usize) -> Vec<Correspondence> {
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
            let t = laid_out(&[c]);
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
    fn bad_frames_are_left_out() {
        let mut all = scattered(6);
        all[0].from.x = f64::NAN;
        all[1].to.scale = 0.0;
        all[2].weight = f64::INFINITY;
        all[3].to.angle = f64::NEG_INFINITY;
        let t = laid_out(&all);
        assert_eq!(t.len, 2);
        assert!(t.index.iter().all(|&i| i >= 4));
    }

    #[test]
    fn memory_that_was_used_holds_nothing_of_before() {
        let mut tentative = laid_out(&scattered(90));
        for count in [3, 0, 40] {
            let all = scattered(count);
            tentative.fill(&all, 1.0, 1.0);
            let fresh = laid_out(&all);
            assert_eq!(format!("{tentative:?}"), format!("{fresh:?}"));
        }
    }
}
