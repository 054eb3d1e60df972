//! Curves as a PNG: one panel for each, epochs to the right.

use std::path::Path;

use vizsla_pixels::{GLYPH_HEIGHT, Rgb, text_width};

use crate::error::Error;

const WIDTH: usize = 640;
const PANEL: usize = 240;
const LEFT: usize = 70;
const RIGHT: usize = 20;
const TOP: usize = 40;
const BOTTOM: usize = 30;
const INK: [u8; 3] = [40, 40, 40];
const FAINT: [u8; 3] = [215, 215, 215];
const CURVE: [u8; 3] = [31, 90, 166];

/// Draws curves under each other; those with fewer than one finite value are left out.
pub(super) fn draw(path: &Path, title: &str, curves: &[(&str, Vec<f32>)]) -> Result<(), Error> {
    let usable = curves
        .iter()
        .filter(|(_, values)| values.iter().any(|v| v.is_finite()));
    let usable: Vec<_> = usable.collect();
    let mut image = Rgb::filled(WIDTH, 20 + PANEL * usable.len().max(1), [255; 3])?;
    image.text(LEFT as i64, 8, title, 1, INK);
    for (number, (name, values)) in usable.into_iter().enumerate() {
        panel(&mut image, 20 + number * PANEL, name, values);
    }
    Ok(image.save_png(path)?)
}

fn panel(image: &mut Rgb, top: usize, name: &str, values: &[f32]) {
    let finite = || values.iter().copied().filter(|v| v.is_finite());
    let (low, high) = (
        finite().fold(f32::INFINITY, f32::min),
        finite().fold(f32::NEG_INFINITY, f32::max),
    );
    let (low, high) = if high - low < 1e-6 {
        (low - 0.5, high + 0.5)
    } else {
        (low, high)
    };
    let (x0, x1) = (LEFT as f32, (WIDTH - RIGHT) as f32);
    let (y0, y1) = ((top + PANEL - BOTTOM) as f32, (top + TOP) as f32);
    image.text(
        LEFT as i64,
        (top + TOP - 2 * GLYPH_HEIGHT) as i64,
        name,
        2,
        INK,
    );
    for tick in 0..=4 {
        let share = tick as f32 / 4.0;
        let y = y0 + (y1 - y0) * share;
        image.line((x0, y), (x1, y), FAINT, 1.0);
        let text = format!("{:.4}", low + (high - low) * share);
        let x = LEFT as i64 - 6 - text_width(&text, 1) as i64;
        image.text(x, y as i64 - 4, &text, 1, INK);
    }
    let last = values.len().saturating_sub(1).max(1);
    let point = |(at, value): (usize, &f32)| {
        let x = x0 + (x1 - x0) * at as f32 / last as f32;
        (x, y0 + (y1 - y0) * (value - low) / (high - low))
    };
    let points: Vec<(f32, f32)> = values.iter().enumerate().map(point).collect();
    image.polyline(&points, false, CURVE, 2.0);
    for &at in &points {
        image.circle(at, 1.5, CURVE, 2.0);
    }
    let epochs = format!("epoch {}", values.len());
    let x = WIDTH as i64 - RIGHT as i64 - text_width(&epochs, 1) as i64;
    image.text(x, (top + PANEL - BOTTOM + 6) as i64, &epochs, 1, INK);
    image.text(LEFT as i64, (top + PANEL - BOTTOM + 6) as i64, "1", 1, INK);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_drawn_whatever_their_values() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curves.png");
        for values in [vec![], vec![1.0], vec![f32::NAN, 2.0, 3.0], vec![1.0; 50]] {
            draw(&path, "a title", &[("loss", values), ("none", vec![])]).unwrap();
            assert!(fs_err::metadata(&path).unwrap().len() > 100);
        }
    }
}
