//! Local binary patterns.
//!
//! Which points on a circle are as bright as its centre is a pattern of bits; patterns with at most two changes around
//! the circle (uniform: edges, spots, corners) have bins of their own, all others share one (Ojala, Pietikäinen &
//! Mäenpää, "Multiresolution gray-scale and rotation invariant texture classification with local binary patterns",
//! PAMI 2002). `lbp` tells rotations of a pattern apart, `lbp_ri` does not. `cs_lbp` compares points with those across
//! the centre instead (Heikkilä, Pietikäinen & Schmid, "Description of interest regions with local binary patterns",
//! Pattern Recognition 2009). Bins are in scikit-image's order (methods `nri_uniform` and `uniform`), against which the
//! patterns were checked.

use std::fmt;

use super::distance::Distance;
use super::method::Method;
use super::picture::{Picture, Values};
use super::ring::Ring;
use super::spec::{Grid, Spec};

/// A neighbour this much darker than the centre still counts as bright as it: interpolation rounds.
const ROUNDING: f32 = 1e-3;
/// How much brighter a point must be than the one across: 0.01 of the range, as in the paper.
const CONTRAST: f32 = 2.55;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Uniform,
    RotationInvariant,
    CentreSymmetric,
}

/// A histogram of local binary patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BinaryPatterns {
    kind: Kind,
    points: usize,
    radius: usize,
    grid: Grid,
}

impl BinaryPatterns {
    pub(super) const FORM: &str = "POINTS,RADIUS (4 to 16 points, for cs_lbp an even number, radius 1 to 8 pixels), then \
         @COLUMNSxROWS of at most 8 each";

    pub(super) fn parse(spec: &Spec) -> Option<Self> {
        let (kind, default) = match spec.name {
            "lbp" => (Kind::Uniform, [8, 1]),
            "lbp_ri" => (Kind::RotationInvariant, [8, 1]),
            "cs_lbp" => (Kind::CentreSymmetric, [8, 2]),
            _ => return None,
        };
        let [points, radius] = spec.numbers(',', [4..=16, 1..=8], default)?;
        if kind == Kind::CentreSymmetric && points % 2 == 1 {
            return None;
        }
        let grid = spec.grid()?;
        Some(BinaryPatterns {
            kind,
            points,
            radius,
            grid,
        })
    }

    /// Bins of one cell.
    fn bins(&self) -> usize {
        match self.kind {
            Kind::Uniform => self.points * (self.points - 1) + 3,
            Kind::RotationInvariant => self.points + 2,
            Kind::CentreSymmetric => 1 << (self.points / 2),
        }
    }

    /// The bin of every pattern.
    fn table(&self) -> Vec<u16> {
        let count = match self.kind {
            Kind::CentreSymmetric => 1u32 << (self.points / 2),
            _ => 1 << self.points,
        };
        (0..count).map(|pattern| self.bin(pattern)).collect()
    }

    fn bin(&self, pattern: u32) -> u16 {
        let points = self.points as u32;
        if self.kind == Kind::CentreSymmetric {
            return pattern as u16;
        }
        let all = (1u32 << points) - 1;
        let turned = (pattern >> 1) | ((pattern & 1) << (points - 1));
        let uniform = (pattern ^ turned).count_ones() <= 2;
        let ones = pattern.count_ones();
        let bin = match (self.kind, uniform) {
            (Kind::RotationInvariant, true) => ones,
            (Kind::RotationInvariant, false) => points + 1,
            (_, false) => points * (points - 1) + 2,
            (_, true) if pattern == 0 => 0,
            (_, true) if pattern == all => points * (points - 1) + 1,
            (_, true) => {
                // Where the run of ones begins, counted backwards.
                let turn = if pattern & 1 == 1 {
                    ones - pattern.trailing_ones()
                } else {
                    points - pattern.trailing_zeros()
                };
                1 + (ones - 1) * points + turn
            }
        };
        bin as u16
    }

    /// The patterns of a row of pixels.
    fn patterns(&self, image: &Values, ring: &Ring, y: usize, values: &mut [f32], out: &mut [u16]) {
        out.fill(0);
        let inside = ring.inside(image.width);
        if self.kind == Kind::CentreSymmetric {
            let half = self.points / 2;
            let (near, far) = values.split_at_mut(inside.len());
            for bit in 0..half {
                ring.row(image, y, bit, near);
                ring.row(image, y, bit + half, far);
                for ((pattern, a), b) in out.iter_mut().zip(&*near).zip(&*far) {
                    *pattern |= u16::from(a - b > CONTRAST) << bit;
                }
            }
            return;
        }
        let centres = &image.row(y)[inside];
        for bit in 0..ring.len() {
            ring.row(image, y, bit, values);
            for ((pattern, value), centre) in out.iter_mut().zip(&*values).zip(centres) {
                *pattern |= u16::from(value - centre >= -ROUNDING) << bit;
            }
        }
    }
}

impl Method for BinaryPatterns {
    fn dimension(&self) -> usize {
        self.grid.len() * self.bins()
    }

    /// Shares of the pixels around which the circle fits; all cells together have the sum 1.
    fn describe(&self, picture: &Picture) -> Vec<f32> {
        let ring = Ring::new(self.points, self.radius);
        let image = Values::at_least(&picture.gray, ring.side());
        let table = self.table();
        let (width, height) = (
            ring.inside(image.width).len(),
            ring.inside(image.height).len(),
        );
        let mut found = vec![0u16; width * height];
        let mut values = vec![0.0; 2 * width];
        for (y, row) in found.chunks_exact_mut(width).enumerate() {
            self.patterns(&image, &ring, y + self.radius, &mut values, row);
        }
        let mut out = Vec::with_capacity(self.dimension());
        for (columns, rows) in self.grid.cells(width, height) {
            let mut counts = vec![0u32; self.bins()];
            for y in rows.clone() {
                for &pattern in &found[y * width..][columns.clone()] {
                    counts[usize::from(table[usize::from(pattern)])] += 1;
                }
            }
            let whole = (columns.len() * rows.len() * self.grid.len()) as f64;
            out.extend(counts.iter().map(|&n| (f64::from(n) / whole) as f32));
        }
        out
    }

    fn distances(&self) -> &'static [Distance] {
        &[
            Distance::ChiSquared,
            Distance::Hellinger,
            Distance::Intersection,
            Distance::L1,
            Distance::L2,
            Distance::Cosine,
        ]
    }

    fn has_unit_sum(&self) -> bool {
        true
    }
}

impl fmt::Display for BinaryPatterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.kind {
            Kind::Uniform => "lbp",
            Kind::RotationInvariant => "lbp_ri",
            Kind::CentreSymmetric => "cs_lbp",
        };
        write!(f, "{name}:{},{}{}", self.points, self.radius, self.grid)
    }
}
