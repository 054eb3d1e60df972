//! Whether the ground between the features of two pictures agrees as well.
//!
//! Two labels of one brand share a frame and a logo; their features agree beyond all chance, and yet they are two things. What
//! tells is the ground that the transform lays over each other: of one thing all of it agrees, of two only what they share.
//! So the second picture, in little, is divided into cells, and the first is asked for each of them.
//!
//! A cell agrees when its lightness correlates with that of the first picture (zero-mean normalised cross-correlation,
//! blind to brightness and contrast). A plane is rarely exact: labels go round bottles and facades have depth. So a cell may lie a little
//! beside its place, and cells that agree tell their neighbours by how much, the surest first, as in quasi-dense matching
//! (Lhuillier & Quan, *Match propagation for image-based modeling and rendering*, PAMI 2002) and image exploration (Ferrari,
//! Tuytelaars & Van Gool, *Simultaneous object recognition and segmentation by image exploration*, ECCV 2004). Cells without texture
//! say nothing. Colours are compared after the difference that all cells share, the light, is taken off.

mod frame;
mod growth;
mod plane;
mod thresholds;

use serde::Serialize;
use vizsla_pixels::Rgb;

use crate::Transform;

pub use self::frame::GroundSource;

use self::growth::Growth;
use self::plane::Plane;
use self::thresholds::{AGREES, CELL, DIFFERS, FULL_TEXTURE, TEXTURE};

/// Mean chroma (CIE a*, b*) below which a picture is called grey.
const GREY: f32 = 3.0;
/// Keeps a share of nothing at 0.
const LEAST: f32 = 1e-6;
/// Parts that lightness is divided into, and how many of them are one tone.
const TONES: usize = 50;
const ONE_TONE: usize = 6;
/// Pixels around the box of the inliers that count as inside.
const MARGIN: f32 = 4.0;

/// What a cell says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellVerdict {
    /// Both pictures show the same.
    Agrees,
    /// One of them has texture, and the other shows something else.
    Differs,
    /// Too little texture, or in between.
    Silent,
}

/// One cell of the common ground.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroundCell {
    /// Its left and top edge, width and height, as shares of the second picture's sides.
    pub place: [f32; 4],
    /// Best zero-mean normalised cross-correlation, -1 to 1.
    pub correlation: f32,
    /// How much it counts: its texture, 0 to 4.8 (L*).
    pub weight: f32,
    /// Difference of its colours (CIE a*, b*) beyond what all cells share.
    pub colour: f32,
    /// Whether it lies in the box of the inliers.
    pub inside: bool,
    /// What it says.
    pub verdict: CellVerdict,
}

/// What the common ground of two pictures says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ground {
    /// The cells that both pictures show.
    #[serde(skip)]
    pub cells: Vec<GroundCell>,
    /// Share, 0 to 1, of the texture whose cells agree.
    pub agreeing: f32,
    /// The same within the box of the inliers; how much a disagreement elsewhere means.
    pub inside: f32,
    /// Share, 0 to 1, of the texture whose cells differ.
    pub differing: f32,
    /// Share, 0 to 1, of the texture that both pictures have whose cells do not agree: what is shown in both and is not the same. What hides a
    /// plain place of the other picture counts little here.
    pub conflicting: f32,
    /// How far cells that agree lie beside their places on average, pixels of the little picture: next to nothing between copies of one picture.
    pub drift: f32,
    /// Mean of the squared correlations, negative ones as 0, weighted by texture.
    pub correlation: f32,
    /// Mean difference of colours (CIE a*, b*) beyond what all cells share; `None` where one of the pictures is grey.
    pub colour: Option<f32>,
    /// Share, 0 to 1, of the common ground that has one light tone in both pictures, as paper under print has: the lesser of the two.
    pub paper: f32,
}

/// Compares two pictures where a transform lays them over each other.
///
/// `transform` leads from the pixels that `from` was made for to those of the second picture, whose size is `size` (width, height)
/// and which `little` shows, at any smaller size; a longest side of 96 is what the figures are made for. `inliers` is the box (left, top, right,
/// bottom) of what agrees in the second picture. `None` when they have no cell in common or the transform cannot be turned
/// around.
pub fn compare_ground(
    from: &GroundSource,
    little: &Rgb,
    size: (f64, f64),
    transform: &Transform,
    inliers: [f64; 4],
) -> Option<Ground> {
    if !(size.0 >= 1.0 && size.1 >= 1.0) {
        return None;
    }
    let zoom = (
        little.width() as f64 / size.0,
        little.height() as f64 / size.1,
    );
    let shrink = Transform([
        [zoom.0, 0.0, 0.5 * zoom.0 - 0.5],
        [0.0, zoom.1, 0.5 * zoom.1 - 0.5],
        [0.0, 0.0, 1.0],
    ]);
    let to = Plane::of(little);
    let (seen, common) = from.seen_in(&shrink.compose(transform), to.width, to.height)?;
    let grown = Growth::new(&to, &seen, &common).run();
    let [left, top, right, bottom] = inliers;
    let edges = [left * zoom.0, top * zoom.1, right * zoom.0, bottom * zoom.1];
    let chromas: Vec<Chroma> = grown
        .iter()
        .map(|cell| Chroma::of(cell, &to, &seen))
        .collect();
    let cells = cells(&grown, &chromas, &to, edges.map(|edge| edge as f32));
    (!cells.is_empty()).then(|| {
        let paper = of_one_tone(&to, &common).min(of_one_tone(&seen, &common));
        summed(cells, &grown, &chromas, paper)
    })
}

/// The colours of a cell in both pictures.
struct Chroma {
    /// Of the second less of the first, CIE a* and b*.
    difference: [f32; 2],
    /// How far from grey either is.
    strengths: [f32; 2],
}

impl Chroma {
    fn of(cell: &growth::Cell, to: &Plane, seen: &Plane) -> Self {
        let (u, v) = cell.seen();
        let (a, b) = (to.chroma(cell.x, cell.y), seen.chroma(u, v));
        Self {
            difference: [a[0] - b[0], a[1] - b[1]],
            strengths: [a, b].map(|[a, b]| a.hypot(b)),
        }
    }
}

/// What each cell says. The light is what the colours of all have in common; `edges` is the box of the inliers.
fn cells(
    grown: &[growth::Cell],
    chromas: &[Chroma],
    to: &Plane,
    edges: [f32; 4],
) -> Vec<GroundCell> {
    let light = [0, 1].map(|axis| median(chromas.iter().map(|chroma| chroma.difference[axis])));
    let (width, height, side) = (to.width as f32, to.height as f32, CELL as f32);
    let [left, top, right, bottom] = edges;
    let cell = |(cell, chroma): (&growth::Cell, &Chroma)| {
        let (x, y) = (cell.x as f32, cell.y as f32);
        let (u, v) = (x + 0.5 * side, y + 0.5 * side);
        let [a, b] = chroma.difference;
        GroundCell {
            place: [x / width, y / height, side / width, side / height],
            correlation: cell.correlation,
            weight: match cell.texture() > TEXTURE {
                true => cell.texture().min(FULL_TEXTURE),
                false => 0.0,
            },
            colour: (a - light[0]).hypot(b - light[1]),
            inside: u > left - MARGIN
                && v > top - MARGIN
                && u < right + MARGIN
                && v < bottom + MARGIN,
            verdict: verdict(cell),
        }
    };
    grown.iter().zip(chromas).map(cell).collect()
}

/// What all cells say together; there is at least one.
fn summed(
    cells: Vec<GroundCell>,
    grown: &[growth::Cell],
    chromas: &[Chroma],
    paper: f32,
) -> Ground {
    let weight = |of: &dyn Fn(&GroundCell) -> bool| -> f32 {
        let of = cells.iter().filter(|cell| of(cell));
        of.map(|cell| cell.weight).sum()
    };
    let agrees = |cell: &GroundCell| cell.verdict == CellVerdict::Agrees;
    let differs = |cell: &GroundCell| cell.verdict == CellVerdict::Differs;
    let (all, within) = (weight(&|_| true), weight(&|cell| cell.inside));
    let squares = cells.iter();
    let squares = squares.map(|cell| cell.weight * cell.correlation.max(0.0).powi(2));
    let shared = |of: &dyn Fn(&growth::Cell) -> bool| -> f32 {
        let of = grown.iter().filter(|cell| of(cell));
        of.map(growth::Cell::shared_texture).sum()
    };
    let agreeing = grown.iter().zip(&cells).filter(|(_, cell)| agrees(cell));
    let drifts: Vec<f32> = agreeing.map(|(cell, _)| cell.drift()).collect();
    let count = cells.len() as f32;
    let strength = |of: usize| chromas.iter().map(|c| c.strengths[of]).sum::<f32>() / count;
    let colourful = strength(0) > GREY && strength(1) > GREY;
    Ground {
        agreeing: weight(&agrees) / all.max(LEAST),
        inside: weight(&|cell| agrees(cell) && cell.inside) / within.max(LEAST),
        differing: weight(&differs) / all.max(LEAST),
        conflicting: shared(&|cell| cell.correlation <= AGREES) / shared(&|_| true).max(LEAST),
        drift: drifts.iter().sum::<f32>() / drifts.len().max(1) as f32,
        correlation: squares.sum::<f32>() / all.max(LEAST),
        colour: colourful.then(|| cells.iter().map(|cell| cell.colour).sum::<f32>() / count),
        paper,
        cells,
    }
}

/// Share of the pixels in common that have the tone that most have, where these are lighter than all are on average.
fn of_one_tone(plane: &Plane, common: &[bool]) -> f32 {
    let lightness = plane.lightness.iter().zip(common);
    let lightness = lightness.filter_map(|(&l, &common)| common.then_some(l));
    // How many pixels have each tone, and the sum of their lightness.
    let mut tones = [(0u32, 0.0f32); TONES];
    for l in lightness {
        let tone = &mut tones[((l / 100.0 * TONES as f32) as usize).min(TONES - 1)];
        *tone = (tone.0 + 1, tone.1 + l);
    }
    let together = |tones: &[(u32, f32)]| {
        let sums = tones
            .iter()
            .fold((0, 0.0), |sum, tone| (sum.0 + tone.0, sum.1 + tone.1));
        (sums.0, sums.1 / (sums.0.max(1) as f32))
    };
    let (all, mean) = together(&tones);
    let most = tones
        .windows(ONE_TONE)
        .map(together)
        .max_by_key(|&(count, _)| count);
    match most {
        Some((count, own)) if own >= mean => count as f32 / all.max(1) as f32,
        _ => 0.0,
    }
}

fn verdict(cell: &growth::Cell) -> CellVerdict {
    let (least, most) = (cell.shared_texture(), cell.texture());
    match (most > TEXTURE, least > TEXTURE) {
        (false, _) => CellVerdict::Silent,
        (true, true) if cell.correlation > AGREES => CellVerdict::Agrees,
        (true, textured) if !textured || cell.correlation < DIFFERS => CellVerdict::Differs,
        _ => CellVerdict::Silent,
    }
}

fn median(values: impl Iterator<Item = f32>) -> f32 {
    let mut values: Vec<f32> = values.collect();
    values.sort_unstable_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests;
