//! Which places of two pictures made their similarity, drawn over them.
//!
//! Heat is laid over a darkened grey picture, so that colour means heat and nothing else. The colours run from black
//! through violet and orange to pale yellow, rising evenly in lightness, so that they also read in grey. Places that
//! speak against the similarity are blue to white.

use vizsla_pixels::{Color, GLYPH_HEIGHT, Rgb, text_width};

use crate::error::Error;

/// Longest side of each picture in the drawing, pixels.
const SIDE: usize = 640;
const GAP: usize = 16;
const PAPER: Color = [24, 24, 28];
const INK: Color = [225, 225, 230];
/// How much of the grey picture remains where heat is greatest, and where there is none.
const UNDER: (f32, f32) = (0.25, 0.75);

/// For places that speak for the similarity, from none to the greatest.
const WARM: [Color; 8] = [
    [8, 6, 20],
    [52, 16, 92],
    [104, 26, 112],
    [158, 42, 98],
    [208, 70, 68],
    [240, 116, 36],
    [252, 180, 42],
    [252, 250, 178],
];
/// For places that speak against it.
const COLD: [Color; 5] = [
    [6, 8, 22],
    [18, 50, 110],
    [34, 104, 170],
    [98, 170, 214],
    [224, 244, 252],
];

/// How much each place of a picture adds to a similarity: a coarse grid over the whole picture.
#[derive(Debug, Clone, Copy)]
pub struct HeatGrid<'a> {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Contributions row by row; negative ones speak against the similarity. What is missing or not finite counts
    /// as 0.
    pub values: &'a [f32],
}

/// Draws two pictures side by side under their heat, with a bar of the colours. Both are drawn to the same scale of
/// heat, that of the place that contributes most. `exact` says whether the contributions sum to the similarity or
/// approximate it, and the caption says so.
///
/// # Errors
/// There is no memory for the drawing.
pub fn draw_heat(
    left: (&Rgb, HeatGrid<'_>),
    right: (&Rgb, HeatGrid<'_>),
    exact: bool,
) -> Result<Rgb, Error> {
    let all = left.1.values.iter().chain(right.1.values);
    let greatest = all.map(|&v| finite(v).abs()).fold(0.0, f32::max);
    let scale = if greatest > 0.0 { 1.0 / greatest } else { 0.0 };
    let first = overlaid(left.0, left.1, scale)?;
    let second = overlaid(right.0, right.1, scale)?;
    let note = match exact {
        true => "exact: the places sum to the similarity",
        false => "approximate: shares are attributed to places",
    };
    let bar = first.width().min(220);
    let least = bar + 2 * GAP + 2 * text_width("-0.0000", 1) + text_width(note, 1);
    let width = (3 * GAP + first.width() + second.width()).max(least + 2 * GAP);
    let pictures = first.height().max(second.height());
    let mut sheet = Rgb::filled(width, pictures + 3 * GAP + 2 * GLYPH_HEIGHT, PAPER)?;
    sheet.paste(&first, GAP as i64, GAP as i64);
    sheet.paste(&second, (2 * GAP + first.width()) as i64, GAP as i64);
    let has_cold = left.1.values.iter().chain(right.1.values).any(|&v| v < 0.0);
    draw_bar(
        &mut sheet,
        pictures + 2 * GAP,
        bar,
        greatest,
        has_cold,
        note,
    );
    Ok(sheet)
}

/// The colours with their numbers, and the note after them.
fn draw_bar(sheet: &mut Rgb, top: usize, length: usize, greatest: f32, signed: bool, note: &str) {
    let y = top as i64;
    let low = if signed { -1.0 } else { 0.0 };
    for column in 0..length {
        let share = low + (1.0 - low) * column as f32 / (length - 1).max(1) as f32;
        sheet.fill_rectangle((GAP + column) as i64, y, 1, GLYPH_HEIGHT, colour(share));
    }
    let below = y + GLYPH_HEIGHT as i64 + 3;
    sheet.text(GAP as i64, below, &number(low * greatest), 1, INK);
    let high = number(greatest);
    let end = GAP + length.saturating_sub(text_width(&high, 1));
    sheet.text(end as i64, below, &high, 1, INK);
    sheet.text((2 * GAP + length) as i64, y + 1, note, 1, INK);
}

fn number(value: f32) -> String {
    match value == 0.0 {
        true => "0".to_owned(),
        false => format!("{value:.4}"),
    }
}

/// The picture in grey, shrunk, with the heat's colours over it.
fn overlaid(picture: &Rgb, grid: HeatGrid<'_>, scale: f32) -> Result<Rgb, Error> {
    let mut small = picture.fit_within(SIDE)?;
    let grey = small.to_gray();
    let (width, height) = (small.width(), small.height());
    let values: Vec<f32> = grid.values.iter().map(|&v| finite(v) * scale).collect();
    let columns: Vec<Taps> = (0..width)
        .map(|x| Taps::of(x, width, grid.width.max(1)))
        .collect();
    for y in 0..height {
        let rows = Taps::of(y, height, grid.height.max(1));
        let line = 3 * width * y;
        for (x, taps) in columns.iter().enumerate() {
            let value = |row: usize, column: usize| values.get(row * grid.width + column);
            let at = |row: usize| taps.sum(|column| value(row, column).copied().unwrap_or(0.0));
            let heat = rows.sum(at).clamp(-1.0, 1.0);
            let under = UNDER.1 + (UNDER.0 - UNDER.1) * heat.abs().sqrt();
            let shade = f32::from(grey.row(y)[x]) * under;
            let pixel = &mut small.data_mut()[line + 3 * x..line + 3 * x + 3];
            for (value, ink) in pixel.iter_mut().zip(colour(heat)) {
                // Screen: light of the picture and of the colour add, and never overflow.
                let ink = f32::from(ink) * (0.35 + 0.65 * heat.abs().sqrt());
                *value = (shade + ink - shade * ink / 255.0).round() as u8;
            }
        }
    }
    Ok(small)
}

/// Cells that a pixel draws on, with weights: quadratic B-splines, which leave no corners where cells meet and never
/// exceed the values between which they run.
struct Taps {
    cells: [usize; 3],
    weights: [f32; 3],
}

impl Taps {
    fn of(pixel: usize, pixels: usize, cells: usize) -> Self {
        let place = (pixel as f32 + 0.5) * cells as f32 / pixels as f32 - 0.5;
        let middle = place.round();
        let off = place - middle;
        let last = cells as f32 - 1.0;
        Self {
            cells: [-1.0, 0.0, 1.0].map(|step| (middle + step).clamp(0.0, last) as usize),
            weights: [
                0.5 * (0.5 - off).powi(2),
                0.75 - off * off,
                0.5 * (0.5 + off).powi(2),
            ],
        }
    }

    fn sum(&self, value: impl Fn(usize) -> f32) -> f32 {
        let pairs = self.cells.iter().zip(self.weights);
        pairs.map(|(&cell, weight)| weight * value(cell)).sum()
    }
}

/// The colour of −1..=1.
fn colour(heat: f32) -> Color {
    let table: &[Color] = if heat < 0.0 { &COLD } else { &WARM };
    let place = heat.abs().min(1.0) * (table.len() - 1) as f32;
    let low = (place as usize).min(table.len() - 2);
    let share = place - low as f32;
    [0, 1, 2].map(|c| {
        let (a, b) = (f32::from(table[low][c]), f32::from(table[low + 1][c]));
        (a + share * (b - a)).round() as u8
    })
}

fn finite(value: f32) -> f32 {
    if value.is_finite() { value } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid<'a>(width: usize, height: usize, values: &'a [f32]) -> HeatGrid<'a> {
        HeatGrid {
            width,
            height,
            values,
        }
    }

    #[test]
    fn heat_is_where_the_grid_has_it() {
        let grey = Rgb::filled(90, 60, [60; 3]).unwrap();
        let hot = [0.0, 0.0, 0.0, 0.0, 0.0, 0.5];
        let cold = [0.0, -0.5, f32::NAN, 0.0, 0.0, 0.0];
        let drawn = draw_heat((&grey, grid(3, 2, &hot)), (&grey, grid(3, 2, &cold)), true).unwrap();
        let at = |x: usize, y: usize| drawn.pixel(GAP + x, GAP + y);
        let (warm, none) = (at(80, 50), at(10, 10));
        assert!(
            warm[0] > none[0] + 60 && warm[0] > warm[2],
            "{warm:?} {none:?}"
        );
        let blue = drawn.pixel(2 * GAP + 90 + 45, GAP + 10);
        assert!(blue[2] > blue[0] + 20, "{blue:?}");
        assert_eq!(at(10, 10), at(20, 20), "what is not heated is even");
    }

    #[test]
    fn lightness_rises_with_heat() {
        let light =
            |c: Color| 0.3 * f32::from(c[0]) + 0.59 * f32::from(c[1]) + 0.11 * f32::from(c[2]);
        for sign in [-1.0f32, 1.0] {
            let steps: Vec<f32> = (0..=50)
                .map(|i| light(colour(sign * i as f32 / 50.0)))
                .collect();
            assert!(steps.windows(2).all(|w| w[1] > w[0]), "{steps:?}");
        }
    }

    #[test]
    fn upsampling_keeps_even_heat_even_and_stays_inside() {
        for (pixels, cells) in [(7, 3), (640, 8), (5, 9), (4, 1)] {
            for pixel in 0..pixels {
                let taps = Taps::of(pixel, pixels, cells);
                assert!((taps.sum(|_| 1.0) - 1.0).abs() < 1e-5);
                assert!(taps.cells.iter().all(|&cell| cell < cells));
                assert!(taps.weights.iter().all(|&weight| weight >= 0.0));
            }
        }
    }

    #[test]
    fn no_heat_and_missing_places_are_harmless() {
        let grey = Rgb::filled(10, 10, [60; 3]).unwrap();
        let zero = [0.0; 4];
        for right in [grid(2, 2, &zero), grid(3, 2, &zero), grid(0, 0, &[])] {
            assert!(draw_heat((&grey, grid(2, 2, &zero)), (&grey, right), false).is_ok());
        }
    }
}
