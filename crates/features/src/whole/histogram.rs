//! Histograms of colour (Swain & Ballard, "Color indexing", IJCV 1991), over the whole image or over the cells of a
//! grid, of all three components at once (joint) or of each by itself.

use std::fmt;

use super::colour::ColourSpace;
use super::distance::Distance;
use super::earth_movers::{circular_earth_movers, earth_movers, earth_movers_1d};
use super::method::Method;
use super::picture::Picture;
use super::spec::{Grid, Spec};

/// Most bins of a joint histogram.
const MOST_JOINT: usize = 4096;
/// Most bins of a component by itself.
const MOST_ALONE: usize = 256;
/// The heaviest bins that take part in the earth mover's distance.
const SIGNATURE: usize = 64;

/// How many bins each component has, and which of them are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Bins {
    /// One bin for each combination; the last component runs fastest.
    Joint([usize; 3]),
    /// A histogram of each component, one after the other.
    Alone([usize; 3]),
}

/// A histogram of colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ColourHistogram {
    space: ColourSpace,
    bins: Bins,
    grid: Grid,
}

impl ColourHistogram {
    pub(super) const FORM: &str = "BINSxBINSxBINS (together, at most 4096 bins) or BINS,BINS,BINS (each component by itself, at \
         most 256), then @COLUMNSxROWS of at most 8 each";

    pub(super) fn parse(spec: &Spec) -> Option<Self> {
        let space = ColourSpace::of_name(spec.name)?;
        let joint = !spec.parameters().is_some_and(|text| text.contains(','));
        let bins = if joint {
            let default = match space {
                ColourSpace::Hsv => [8, 4, 4],
                ColourSpace::Rgb => [4, 4, 4],
                // Most photographs hold little but weak colours: a* and b* take more bins than they fill.
                ColourSpace::Lab => [4, 8, 8],
            };
            let bins = spec.numbers('x', [1..=256, 1..=256, 1..=256], default)?;
            if bins.iter().product::<usize>() > MOST_JOINT {
                return None;
            }
            Bins::Joint(bins)
        } else {
            let range = || 1..=MOST_ALONE;
            Bins::Alone(spec.numbers(',', [range(), range(), range()], [16; 3])?)
        };
        let grid = spec.grid()?;
        Some(ColourHistogram { space, bins, grid })
    }

    /// Bins of one cell.
    fn cell(&self) -> usize {
        match self.bins {
            Bins::Joint(bins) => bins.iter().product(),
            Bins::Alone(bins) => bins.iter().sum(),
        }
    }

    /// The least work, mass times distance of colours, that turns one histogram into the other, as a share of the
    /// mass. Joint histograms are compared in [`ColourSpace::place`] by their 64 heaviest bins; components by
    /// themselves along their range, which is 1 long, hues along the circle.
    pub(super) fn earth_movers(&self, a: &[f32], b: &[f32]) -> f32 {
        let size = self.cell();
        let cells = a.chunks_exact(size).zip(b.chunks_exact(size));
        let total: f64 = match self.bins {
            Bins::Joint(bins) => {
                let places = self.places(bins);
                cells.map(|(a, b)| joint_work(&places, a, b)).sum()
            }
            Bins::Alone(bins) => cells.map(|(a, b)| self.work_alone(bins, a, b)).sum(),
        };
        (total / self.grid.len() as f64) as f32
    }

    fn work_alone(&self, bins: [usize; 3], a: &[f32], b: &[f32]) -> f64 {
        let mut start = 0;
        let mut total = 0.0;
        for (component, count) in bins.into_iter().enumerate() {
            let (a, b) = (&a[start..start + count], &b[start..start + count]);
            let work = if self.space.is_circular(component) {
                circular_earth_movers(a, b)
            } else {
                earth_movers_1d(a, b)
            };
            total += work / count as f64 / 3.0;
            start += count;
        }
        total
    }

    /// Where the centres of the bins lie.
    fn places(&self, bins: [usize; 3]) -> Vec<[f32; 3]> {
        let centre = |index: usize, count: usize| (index as f32 + 0.5) / count as f32;
        let place = |bin: usize| {
            let (last, rest) = (bin % bins[2], bin / bins[2]);
            self.space.place([
                centre(rest / bins[1], bins[0]),
                centre(rest % bins[1], bins[1]),
                centre(last, bins[2]),
            ])
        };
        (0..bins.iter().product()).map(place).collect()
    }
}

/// The earth mover's distance of two joint histograms.
fn joint_work(places: &[[f32; 3]], a: &[f32], b: &[f32]) -> f64 {
    let (mut a, mut b) = (heaviest(a), heaviest(b));
    // What is in the same bin of both stays there: distances obey the triangle inequality.
    for (mine, theirs) in a.iter_mut().zip(&mut b) {
        let common = mine.min(*theirs);
        *mine -= common;
        *theirs -= common;
    }
    let left = |mass: &[f64]| -> (Vec<usize>, Vec<f64>) {
        let bins = mass.iter().enumerate().filter(|(_, m)| **m > 0.0);
        bins.map(|(bin, &m)| (bin, m)).unzip()
    };
    let (from, supply) = left(&a);
    let (to, demand) = left(&b);
    let moved: f64 = supply.iter().sum();
    let wanted: f64 = demand.iter().sum();
    if moved.min(wanted) < 1e-9 {
        // Nothing but rounding, or an empty histogram.
        return moved.max(wanted);
    }
    let distance = |i: usize, j: usize| {
        let squares = places[from[i]].iter().zip(places[to[j]]);
        let sum: f32 = squares.map(|(&p, q)| (p - q).powi(2)).sum();
        f64::from(sum.sqrt())
    };
    moved * earth_movers(&supply, &demand, distance)
}

/// Mass 1 on at most [`SIGNATURE`] bins, the heaviest; all zero for an empty histogram.
fn heaviest(histogram: &[f32]) -> Vec<f64> {
    let mut mass: Vec<f64> = histogram.iter().map(|&m| f64::from(m).max(0.0)).collect();
    let mut order: Vec<usize> = (0..mass.len()).collect();
    order.sort_by(|&i, &j| mass[j].total_cmp(&mass[i]).then(i.cmp(&j)));
    for &bin in order.iter().skip(SIGNATURE) {
        mass[bin] = 0.0;
    }
    let total: f64 = mass.iter().sum();
    if total > 0.0 {
        mass.iter_mut().for_each(|m| *m /= total);
    }
    mass
}

impl Method for ColourHistogram {
    fn dimension(&self) -> usize {
        self.grid.len() * self.cell()
    }

    /// Shares of the pixels; all cells together have the sum 1.
    fn describe(&self, picture: &Picture) -> Vec<f32> {
        let image = &picture.rgb;
        let bin =
            |value: f32, count: usize| ((value * count as f32) as u16 as usize).min(count - 1);
        let mut out = Vec::with_capacity(self.dimension());
        for (columns, rows) in self.grid.cells(image.width(), image.height()) {
            let mut counts = vec![0u32; self.cell()];
            for y in rows.clone() {
                let row = &image.row(y)[3 * columns.start..3 * columns.end];
                for pixel in row.as_chunks::<3>().0 {
                    let unit = self.space.unit(*pixel);
                    match self.bins {
                        Bins::Joint([p, q, r]) => {
                            let plane = bin(unit[0], p) * q + bin(unit[1], q);
                            counts[plane * r + bin(unit[2], r)] += 1;
                        }
                        Bins::Alone([p, q, r]) => {
                            counts[bin(unit[0], p)] += 1;
                            counts[p + bin(unit[1], q)] += 1;
                            counts[p + q + bin(unit[2], r)] += 1;
                        }
                    }
                }
            }
            let total: u32 = counts.iter().sum();
            let whole = f64::from(total) * self.grid.len() as f64;
            out.extend(counts.iter().map(|&n| (f64::from(n) / whole) as f32));
        }
        out
    }

    fn distances(&self) -> &'static [Distance] {
        &[
            Distance::Hellinger,
            Distance::ChiSquared,
            Distance::Intersection,
            Distance::L1,
            Distance::L2,
            Distance::Cosine,
            Distance::EarthMovers,
        ]
    }

    fn has_unit_sum(&self) -> bool {
        true
    }
}

impl fmt::Display for ColourHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.space.name();
        match self.bins {
            Bins::Joint([p, q, r]) => write!(f, "{name}:{p}x{q}x{r}{}", self.grid),
            Bins::Alone([p, q, r]) => write!(f, "{name}:{p},{q},{r}{}", self.grid),
        }
    }
}
