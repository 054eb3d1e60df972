//! Colour moments (Stricker & Orengo, "Similarity of color images", SPIE 1995): of each component the mean, the standard
//! deviation, and the cube root of the third central moment. Checked against NumPy in float64.

use std::fmt;

use super::colour::ColourSpace;
use super::distance::Distance;
use super::method::Method;
use super::picture::Picture;
use super::spec::{Grid, Spec};

/// The first three moments of the components of colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ColourMoments {
    space: ColourSpace,
    grid: Grid,
}

impl ColourMoments {
    pub(super) const FORM: &str = "rgb, hsv or lab, then @COLUMNSxROWS of at most 8 each";

    pub(super) fn parse(spec: &Spec) -> Option<Self> {
        let space = spec
            .parameters()
            .map_or(Some(ColourSpace::Hsv), ColourSpace::of_name)?;
        let grid = spec.grid()?;
        Some(ColourMoments { space, grid })
    }
}

impl Method for ColourMoments {
    fn dimension(&self) -> usize {
        9 * self.grid.len()
    }

    /// Three values of each of three components of each cell; components are in `[0, 1]`.
    fn describe(&self, picture: &Picture) -> Vec<f32> {
        let image = &picture.rgb;
        let mut out = Vec::with_capacity(self.dimension());
        let mut units = Vec::new();
        for (columns, rows) in self.grid.cells(image.width(), image.height()) {
            units.clear();
            for y in rows {
                let row = &image.row(y)[3 * columns.start..3 * columns.end];
                let pixels = row.as_chunks::<3>().0.iter();
                units.extend(pixels.map(|pixel| self.space.unit(*pixel).map(f64::from)));
            }
            out.extend(moments(&units));
        }
        out
    }

    fn distances(&self) -> &'static [Distance] {
        &[Distance::L1, Distance::L2, Distance::Cosine]
    }
}

impl fmt::Display for ColourMoments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "moments:{}{}", self.space.name(), self.grid)
    }
}

/// Mean, standard deviation and cube root of the third central moment of each component.
fn moments(units: &[[f64; 3]]) -> impl Iterator<Item = f32> {
    let count = units.len() as f64;
    let mut means = [0.0; 3];
    for unit in units {
        for (mean, value) in means.iter_mut().zip(unit) {
            *mean += value / count;
        }
    }
    let mut powers = [[0.0; 2]; 3];
    for unit in units {
        for ((sums, value), mean) in powers.iter_mut().zip(unit).zip(means) {
            let off = value - mean;
            sums[0] += off * off;
            sums[1] += off * off * off;
        }
    }
    let each = means.into_iter().zip(powers);
    each.flat_map(move |(mean, [squares, cubes])| {
        [mean, (squares / count).sqrt(), (cubes / count).cbrt()].map(|moment| moment as f32)
    })
}
