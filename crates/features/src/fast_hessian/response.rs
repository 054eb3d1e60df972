//! The determinant of the Hessian from box filters (Bay et al. 2008, section 4).

use crate::integral::Integral;

/// Weight of the mixed derivative, which makes up for boxes in place of Gaussians.
const BALANCE: f32 = 0.9;

/// Determinants for one size of filter, sampled every `step` pixels from the top-left one on.
#[derive(Debug, Default)]
pub(super) struct Layer {
    /// Side of the filter, odd, a multiple of three.
    pub(super) size: usize,
    pub(super) step: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) values: Vec<f32>,
}

/// Derivatives of second order, sums of grey values over the filter's area, grey values as `[0, 1]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Derivatives {
    xx: f32,
    yy: f32,
    xy: f32,
}

impl Derivatives {
    /// At a pixel, with a filter of `size` (odd, a multiple of three) that lies wholly inside the image.
    pub(super) fn at(integral: &Integral, x: usize, y: usize, size: usize) -> Self {
        let (half, lobe) = (size / 2, size / 3);
        // The boxes are centred: as wide as a lobe, and one less than two lobes long.
        let (inner, long) = (lobe / 2, lobe - 1);
        let centred = |across: usize, down: usize| {
            let sum = integral.sum(x - across, y - down, x + across + 1, y + down + 1);
            i64::from(sum)
        };
        let xx = centred(half, long) - 3 * centred(inner, long);
        let yy = centred(long, half) - 3 * centred(long, inner);
        let (left, right) = ((x - lobe, x), (x + 1, x + 1 + lobe));
        let (above, below) = ((y - lobe, y), (y + 1, y + 1 + lobe));
        let corner = |columns: (usize, usize), rows: (usize, usize)| {
            i64::from(integral.sum(columns.0, rows.0, columns.1, rows.1))
        };
        let xy =
            corner(right, above) + corner(left, below) - corner(left, above) - corner(right, below);
        let unit = 1.0 / (255.0 * (size * size) as f32);
        Self {
            xx: xx as f32 * unit,
            yy: yy as f32 * unit,
            xy: xy as f32 * unit,
        }
    }

    pub(super) fn determinant(&self) -> f32 {
        self.xx * self.yy - (BALANCE * self.xy).powi(2)
    }

    /// Whether the trace is negative: a bright blob on a dark ground.
    pub(super) fn is_bright(&self) -> bool {
        self.xx + self.yy < 0.0
    }
}

impl Layer {
    /// Fills the layer for an image; places where the filter does not fit stay 0.
    pub(super) fn fill(
        &mut self,
        integral: &Integral,
        (width, height): (usize, usize),
        size: usize,
        step: usize,
    ) {
        self.size = size;
        self.step = step;
        self.width = width.div_ceil(step);
        self.height = height.div_ceil(step);
        self.values.clear();
        self.values.resize(self.width * self.height, 0.0);
        let half = size / 2;
        for row in half.div_ceil(step)..self.height {
            let y = row * step;
            if y + half >= height {
                break;
            }
            for column in half.div_ceil(step)..self.width {
                let x = column * step;
                if x + half >= width {
                    break;
                }
                self.values[row * self.width + column] =
                    Derivatives::at(integral, x, y, size).determinant();
            }
        }
    }

    pub(super) fn at(&self, column: usize, row: usize) -> f32 {
        self.values[row * self.width + column]
    }
}

#[cfg(test)]
mod tests {
    use vizsla_pixels::Gray;

    use super::{Derivatives, Layer};
    use crate::integral::Integral;

    /// The three filters of side 9 as the paper draws them: `(columns, rows, weight)` from the middle, inclusive.
    type Boxes = &'static [(i64, i64, i64, i64, i64)];
    const XX: Boxes = &[(-4, -2, -2, 2, 1), (-1, -2, 1, 2, -2), (2, -2, 4, 2, 1)];
    const XY: Boxes = &[
        (1, -3, 3, -1, 1),
        (-3, 1, -1, 3, 1),
        (-3, -3, -1, -1, -1),
        (1, 1, 3, 3, -1),
    ];

    #[test]
    fn derivatives_are_the_papers_filters() {
        let mut state = 1u32;
        let noise = (0..11 * 11).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        let image = Gray::new(11, 11, noise.collect()).unwrap();
        let weigh = |boxes: Boxes, transposed: bool| {
            let mut total = 0;
            for &(l, t, r, b, weight) in boxes {
                for v in t..=b {
                    for u in l..=r {
                        let (x, y) = if transposed {
                            (5 + v, 5 + u)
                        } else {
                            (5 + u, 5 + v)
                        };
                        total += weight * i64::from(image.row(y as usize)[x as usize]);
                    }
                }
            }
            total as f32 / (255.0 * 81.0)
        };
        let found = Derivatives::at(&Integral::new(&image), 5, 5, 9);
        assert!((found.xx - weigh(XX, false)).abs() < 1e-6);
        assert!((found.yy - weigh(XX, true)).abs() < 1e-6);
        assert!((found.xy - weigh(XY, false)).abs() < 1e-6);
    }

    #[test]
    fn a_layer_is_zero_where_the_filter_does_not_fit() {
        let image = Gray::new(
            20,
            12,
            (0..240).map(|i| (i * i * 37 + i * 11) as u8).collect(),
        )
        .unwrap();
        let mut layer = Layer::default();
        layer.fill(&Integral::new(&image), (20, 12), 9, 2);
        assert_eq!((layer.width, layer.height), (10, 6));
        for row in 0..6 {
            for column in 0..10 {
                let fits = (2..=7).contains(&column) && (2..=3).contains(&row);
                assert_eq!(layer.at(column, row) != 0.0, fits, "{column} {row}");
            }
        }
        layer.fill(&Integral::new(&image), (20, 12), 1923, 1);
        assert!(layer.values.iter().all(|&v| v == 0.0));
    }
}
