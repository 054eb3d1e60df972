//! Pictures that show why: two photographs side by side, what agrees joined by lines.

use serde::Serialize;
use vizsla_features::{CellVerdict, GroundCell, Transform};
use vizsla_neural::Relevance;
use vizsla_pixels::Rgb;

use crate::colours::{GREEN, RED};
use crate::side_by_side::{COLOURS, SideBySide};
use crate::{Collection, Error, GlobalRecipe, HeatGrid, PointPair, draw_heat};

/// Most lines drawn; more would hide the pictures.
const MOST_LINES: usize = 150;
const OUTLINE: [u8; 3] = [255, 64, 64];
/// Share of the colour in what is tinted.
const AGREEING: f32 = 0.22;
const DIFFERING: f32 = 0.42;

/// Draws the query left and the gallery image right, both scaled to at most 720 pixels, with a line for each
/// pair of points and, given the transform from query to gallery, the frame of each picture in the other. Cells of the ground that agree
/// are tinted green in both pictures, those that differ red.
/// Points and transform are in pixels of the pictures as given.
///
/// # Errors
/// A picture cannot be scaled: it is empty, or there is no memory for it.
pub fn draw_pair(
    left: &Rgb,
    right: &Rgb,
    pairs: &[PointPair],
    transform: Option<[[f64; 3]; 3]>,
    ground: &[GroundCell],
) -> Result<Rgb, Error> {
    let mut sides = SideBySide::new(left, right)?;
    let [zoom_left, zoom_right] = sides.zoom;
    if let Some(forth) = transform.map(Transform) {
        let whole = (right.width() as f64, right.height() as f64);
        tint_ground(&mut sides, ground, whole, forth.inverse());
        draw_frame(&mut sides.right, left, &forth, zoom_right);
        if let Some(back) = forth.inverse() {
            draw_frame(&mut sides.left, right, &back, zoom_left);
        }
    }
    let (mut sheet, offset) = sides.join()?;
    let on_right = |x: f32, y: f32| (offset + x * zoom_right, y * zoom_right);
    let step = pairs.len().div_ceil(MOST_LINES).max(1);
    for (index, pair) in pairs.iter().step_by(step).enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let from = (pair.query[0] * zoom_left, pair.query[1] * zoom_left);
        let to = on_right(pair.gallery[0], pair.gallery[1]);
        sheet.line(from, to, colour, 1.0);
        sheet.circle(from, 3.0, colour, 1.5);
        sheet.circle(to, 3.0, colour, 1.5);
    }
    Ok(sheet)
}

impl Collection {
    /// Finds which places of two pictures make them look alike to the collection's global descriptor.
    ///
    /// # Errors
    /// The collection has no global descriptor that pools a feature map, or the model failed.
    pub fn likeness(&self, left: &Rgb, right: &Rgb) -> Result<Likeness, Error> {
        let recipe = match &self.recipe.global {
            Some(GlobalRecipe::Network(network)) => network,
            Some(other) => {
                return Err(Error::Unable {
                    what: format!(
                        "where two pictures look alike is known of networks only; this collection compares by `{}`",
                        other.name()
                    ),
                    remedy: None,
                    collection: self.path().to_owned(),
                });
            }
            None => return Err(self.without_global()),
        };
        let side = crate::describe::colour_side(&self.recipe, recipe) as usize;
        let (small_left, small_right) = (left.fit_within(side)?, right.fit_within(side)?);
        let (of_left, of_right) = self
            .models
            .image(recipe)?
            .relevance(&small_left, &small_right)?;
        Ok(Likeness {
            similarity: of_left.data.iter().map(|&v| f64::from(v)).sum(),
            exact: of_left.exact && of_right.exact,
            left: HeatMap::from(of_left),
            right: HeatMap::from(of_right),
        })
    }

    /// Draws two pictures side by side, brightest where they look alike to the collection's global descriptor.
    ///
    /// # Errors
    /// As [`Collection::likeness`].
    pub fn draw_relevance(&self, left: &Rgb, right: &Rgb) -> Result<Rgb, Error> {
        self.likeness(left, right)?.draw(left, right)
    }
}

/// How much each place of a picture adds to a similarity, in a coarse grid over the whole picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeatMap {
    /// Rows of the grid.
    pub rows: usize,
    /// Columns of the grid.
    pub columns: usize,
    /// Contributions row by row; negative ones speak against the similarity.
    pub values: Vec<f32>,
}

impl HeatMap {
    fn grid(&self) -> HeatGrid<'_> {
        HeatGrid {
            width: self.columns,
            height: self.rows,
            values: &self.values,
        }
    }
}

impl From<Relevance> for HeatMap {
    fn from(relevance: Relevance) -> Self {
        Self {
            rows: relevance.height,
            columns: relevance.width,
            values: relevance.data,
        }
    }
}

/// Which places of two pictures make them look alike.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Likeness {
    /// Places of the first picture.
    pub left: HeatMap,
    /// Places of the second picture.
    pub right: HeatMap,
    /// How alike they are: the sum over the first picture.
    pub similarity: f64,
    /// Whether the places sum to the similarity, or it is attributed to them.
    pub exact: bool,
}

impl Likeness {
    /// Draws the two pictures, which must be those it was found for, side by side under their heat.
    ///
    /// # Errors
    /// There is no memory for the drawing.
    pub fn draw(&self, left: &Rgb, right: &Rgb) -> Result<Rgb, Error> {
        draw_heat(
            (left, self.left.grid()),
            (right, self.right.grid()),
            self.exact,
        )
    }
}

/// Tints the cells of the right picture, whose size is `whole` (width, height), and where they lie in the left one.
fn tint_ground(
    sides: &mut SideBySide,
    ground: &[GroundCell],
    whole: (f64, f64),
    back: Option<Transform>,
) {
    let [zoom_left, zoom_right] = sides.zoom.map(f64::from);
    for cell in ground {
        let (colour, strength) = match cell.verdict {
            CellVerdict::Agrees => (GREEN, AGREEING),
            CellVerdict::Differs => (RED, DIFFERING),
            CellVerdict::Silent => continue,
        };
        let [x, y, width, height] = cell.place.map(f64::from);
        let (x, y) = (x * whole.0, y * whole.1);
        let (right, bottom) = (x + width * whole.0, y + height * whole.1);
        let corners = [(x, y), (right, y), (right, bottom), (x, bottom)];
        let drawn = |(x, y): (f64, f64), zoom: f64| ((x * zoom) as f32, (y * zoom) as f32);
        sides.right.tint(
            &corners.map(|corner| drawn(corner, zoom_right)),
            colour,
            strength,
        );
        let seen = corners.map(|(x, y)| back?.apply(x, y));
        if let [Some(a), Some(b), Some(c), Some(d)] = seen {
            sides.left.tint(
                &[a, b, c, d].map(|corner| drawn(corner, zoom_left)),
                colour,
                strength,
            );
        }
    }
}

/// The frame of `other` as it lies on `canvas`, which is drawn `zoom` times its full size.
fn draw_frame(canvas: &mut Rgb, other: &Rgb, transform: &Transform, zoom: f32) {
    let (width, height) = (other.width() as f64, other.height() as f64);
    let Some(corners) = transform.project_box(0.0, 0.0, width, height) else {
        return;
    };
    let place = |&(x, y): &(f64, f64)| (x as f32 * zoom, y as f32 * zoom);
    let points: Vec<_> = corners.iter().map(place).collect();
    canvas.polyline(&points, true, OUTLINE, 2.0);
}
