//! The auto-correlogram (Huang, Kumar, Mitra, Zhu & Zabih, "Image indexing using color correlograms", CVPR 1997): for
//! each of 64 colours and some distances, how likely a pixel at that distance from one of the colour has it, too.
//! Checked against NumPy.

use std::fmt;

use super::distance::Distance;
use super::method::Method;
use super::picture::Picture;
use super::spec::{Spec, number};

/// Levels of each of red, green and blue.
const LEVELS: usize = 4;
const COLOURS: usize = LEVELS * LEVELS * LEVELS;
/// Most distances, and the longest.
const MOST: usize = 8;
const LONGEST: usize = 16;

/// How colours keep together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Correlogram {
    /// Rising; zeros at the end stand for nothing.
    distances: [usize; MOST],
}

impl Correlogram {
    pub(super) const FORM: &str =
        "up to 8 rising distances from 1 to 16 pixels, as in correlogram:1,3,5,7";

    pub(super) fn parse(spec: &Spec) -> Option<Self> {
        let text = spec.parameters().unwrap_or("1,3,5,7");
        if !spec.has_no_grid() {
            return None;
        }
        let mut distances = [0; MOST];
        let mut last = 0;
        for (i, part) in text.split(',').enumerate() {
            let distance = number(part).filter(|d| (last + 1..=LONGEST).contains(d))?;
            *distances.get_mut(i)? = distance;
            last = distance;
        }
        Some(Correlogram { distances })
    }

    fn chosen(&self) -> impl Iterator<Item = usize> {
        self.distances.into_iter().take_while(|&d| d > 0)
    }
}

impl Method for Correlogram {
    fn dimension(&self) -> usize {
        COLOURS * self.chosen().count()
    }

    /// The 64 probabilities for the first distance, then those for the next. Distances are those of the chessboard;
    /// what lies outside the image has no colour. 0 for a colour that does not occur.
    fn describe(&self, picture: &Picture) -> Vec<f32> {
        let image = &picture.rgb;
        let (width, height) = (image.width(), image.height());
        let pixels = image.data().as_chunks::<3>().0.iter();
        let level = |value: u8| usize::from(value) * LEVELS / 256;
        let colours: Vec<u8> = pixels
            .map(|&[r, g, b]| ((level(r) * LEVELS + level(g)) * LEVELS + level(b)) as u8)
            .collect();
        let mut counts = [0u32; COLOURS];
        for &colour in &colours {
            counts[usize::from(colour)] += 1;
        }
        let mut out = Vec::with_capacity(self.dimension());
        // At most 8 · 16 neighbours a pixel: they fit into a byte.
        let mut same = vec![0u8; colours.len()];
        for distance in self.chosen() {
            same.fill(0);
            for (right, down) in circle(distance as isize) {
                count_same(&colours, width, height, right, down, &mut same);
            }
            let mut sums = [0u64; COLOURS];
            for (&colour, &n) in colours.iter().zip(&same) {
                sums[usize::from(colour)] += u64::from(n);
            }
            let pairs = |count: u32| f64::from(count) * (8 * distance) as f64;
            let shares = sums.iter().zip(counts);
            out.extend(shares.map(|(&sum, count)| match count {
                0 => 0.0,
                _ => (sum as f64 / pairs(count)) as f32,
            }));
        }
        out
    }

    fn distances(&self) -> &'static [Distance] {
        &[
            Distance::ChiSquared,
            Distance::L1,
            Distance::L2,
            Distance::Cosine,
            Distance::Hellinger,
            Distance::Intersection,
        ]
    }
}

impl fmt::Display for Correlogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, distance) in self.chosen().enumerate() {
            let before = if i == 0 { "correlogram:" } else { "," };
            write!(f, "{before}{distance}")?;
        }
        Ok(())
    }
}

/// The places at a distance of the chessboard.
fn circle(distance: isize) -> impl Iterator<Item = (isize, isize)> {
    let places = (-distance..=distance)
        .flat_map(move |down| (-distance..=distance).map(move |right| (right, down)));
    places.filter(move |(right, down)| right.abs().max(down.abs()) == distance)
}

/// Adds 1 where the pixel that far away is inside and has the same colour.
fn count_same(
    colours: &[u8],
    width: usize,
    height: usize,
    right: isize,
    down: isize,
    same: &mut [u8],
) {
    let (columns, rows) = (right.unsigned_abs(), down.unsigned_abs());
    if columns >= width || rows >= height {
        return;
    }
    // First pixels of both rows.
    let (x, other_x) = if right < 0 {
        (columns, 0)
    } else {
        (0, columns)
    };
    let (y, other_y) = if down < 0 { (rows, 0) } else { (0, rows) };
    let length = width - columns;
    for line in 0..height - rows {
        let (at, other) = ((y + line) * width + x, (other_y + line) * width + other_x);
        let pairs = colours[at..at + length]
            .iter()
            .zip(&colours[other..other + length]);
        for (n, (a, b)) in same[at..at + length].iter_mut().zip(pairs) {
            // Never beyond 128; said so that no check for overflow keeps this from whole registers.
            *n = n.wrapping_add(u8::from(a == b));
        }
    }
}
