//! Drawing on images: what explains a match to a person.
//!
//! Lines are antialiased by their distance to each pixel's centre. Nothing here fails: what lies
//! outside the image is not drawn, and coordinates that are not finite draw nothing.

use crate::font::{COLUMNS, GLYPH_WIDTH, ROWS, glyph};
use crate::rgb::Rgb;

/// Red, green, blue.
pub type Color = [u8; 3];

type Point = (f32, f32);

impl Rgb {
    /// A straight line between two points, `thickness` pixels wide, with round ends.
    pub fn line(&mut self, from: Point, to: Point, color: Color, thickness: f32) {
        let Some((from, to)) = clipped(from, to, self.width(), self.height(), thickness) else {
            return;
        };
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let radius = thickness / 2.0;
        let reach = radius + 1.0;
        // Walk the longer axis; across it, the line covers at most its width by the slope, plus ends.
        let steep = dy.abs() > dx.abs();
        let ((a0, b0), (a1, b1)) = if steep {
            ((from.1, from.0), (to.1, to.0))
        } else {
            (from, to)
        };
        let ((a0, b0), (a1, b1)) = if a0 <= a1 {
            ((a0, b0), (a1, b1))
        } else {
            ((a1, b1), (a0, b0))
        };
        let slope = if a1 > a0 { (b1 - b0) / (a1 - a0) } else { 0.0 };
        let half = reach * (1.0 + slope * slope).sqrt() + reach;
        for a in (a0 - reach).floor() as i64..=(a1 + reach).ceil() as i64 {
            let middle = b0 + slope * ((a as f32).clamp(a0, a1) - a0);
            for b in (middle - half).floor() as i64..=(middle + half).ceil() as i64 {
                let (x, y) = if steep { (b, a) } else { (a, b) };
                let distance = segment_distance((x as f32, y as f32), from, to);
                self.blend(x, y, color, radius + 0.5 - distance);
            }
        }
    }

    /// Lines through all points in turn, and back to the first when `closed`.
    pub fn polyline(&mut self, points: &[Point], closed: bool, color: Color, thickness: f32) {
        for pair in points.windows(2) {
            self.line(pair[0], pair[1], color, thickness);
        }
        if let (true, Some(&first), Some(&last)) = (closed, points.first(), points.last()) {
            self.line(last, first, color, thickness);
        }
    }

    /// The outline of a rectangle whose top-left corner is (x, y).
    pub fn rectangle(
        &mut self,
        (x, y): Point,
        (width, height): (f32, f32),
        color: Color,
        thickness: f32,
    ) {
        let (right, bottom) = (x + width, y + height);
        let corners = [(x, y), (right, y), (right, bottom), (x, bottom)];
        self.polyline(&corners, true, color, thickness);
    }

    /// A filled rectangle of whole pixels, clipped to the image.
    pub fn fill_rectangle(&mut self, x: i64, y: i64, width: usize, height: usize, color: Color) {
        let (xs, ys) = (clip(x, width, self.width()), clip(y, height, self.height()));
        let stride = 3 * self.width();
        for row in self
            .data_mut()
            .chunks_exact_mut(stride)
            .take(ys.end)
            .skip(ys.start)
        {
            for pixel in row[3 * xs.start..3 * xs.end].chunks_exact_mut(3) {
                pixel.copy_from_slice(&color);
            }
        }
    }

    /// A convex polygon through which the picture shows: `strength`, 0 to 1, is the share of the colour. Its pixels are those whose centres lie
    /// inside; of fewer than three points, or of one that is not finite, nothing is drawn.
    pub fn tint(&mut self, corners: &[Point], color: Color, strength: f32) {
        if corners.len() < 3 || !corners.iter().all(|(x, y)| x.is_finite() && y.is_finite()) {
            return;
        }
        let range = |values: &dyn Fn(&Point) -> f32, size: usize| {
            let (low, high) = corners
                .iter()
                .map(values)
                .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| {
                    (low.min(value), high.max(value))
                });
            (low.floor().max(0.0) as usize)..((high.ceil().max(-1.0) + 1.0) as usize).min(size)
        };
        let (xs, ys) = (
            range(&|p| p.0, self.width()),
            range(&|p| p.1, self.height()),
        );
        let next = || corners.iter().cycle().skip(1);
        for y in ys {
            for x in xs.clone() {
                let turns = corners
                    .iter()
                    .zip(next())
                    .map(|(a, b)| (b.0 - a.0) * (y as f32 - a.1) - (b.1 - a.1) * (x as f32 - a.0));
                let (mut left, mut right) = (false, false);
                for turn in turns {
                    left |= turn < 0.0;
                    right |= turn > 0.0;
                }
                if !(left && right) {
                    self.blend(x as i64, y as i64, color, strength);
                }
            }
        }
    }

    /// The outline of a circle.
    pub fn circle(&mut self, (cx, cy): Point, radius: f32, color: Color, thickness: f32) {
        if !(cx.is_finite() && cy.is_finite() && radius.is_finite() && thickness.is_finite()) {
            return;
        }
        let reach = radius + thickness / 2.0 + 1.0;
        let top = (cy - reach).floor().max(0.0) as i64;
        let bottom = (cy + reach).ceil().min(self.height() as f32) as i64;
        let left = (cx - reach).floor().max(0.0) as i64;
        let right = (cx + reach).ceil().min(self.width() as f32) as i64;
        for y in top..=bottom {
            for x in left..=right {
                let from_edge = ((x as f32 - cx).hypot(y as f32 - cy) - radius).abs();
                self.blend(x, y, color, thickness / 2.0 + 0.5 - from_edge);
            }
        }
    }

    /// Copies `image` so that its top-left pixel lands on (x, y); what falls outside is left out.
    pub fn paste(&mut self, image: &Rgb, x: i64, y: i64) {
        let (xs, ys) = (
            clip(x, image.width(), self.width()),
            clip(y, image.height(), self.height()),
        );
        if xs.is_empty() {
            return;
        }
        let stride = 3 * self.width();
        let skip = 3 * (xs.start as i64 - x) as usize;
        for to_y in ys {
            let from = &image.row((to_y as i64 - y) as usize)[skip..skip + 3 * xs.len()];
            let at = to_y * stride + 3 * xs.start;
            self.data_mut()[at..at + from.len()].copy_from_slice(from);
        }
    }

    /// One line of text in the built-in font; (x, y) is its top-left corner, `scale` the size of a
    /// font pixel.
    pub fn text(&mut self, x: i64, y: i64, text: &str, scale: usize, color: Color) {
        let scale = scale.max(1);
        let step = scale as i64;
        for (i, character) in text.chars().enumerate() {
            let left = x.saturating_add((i * GLYPH_WIDTH) as i64 * step);
            if left >= self.width() as i64 {
                return;
            }
            for (row, bits) in glyph(character).iter().enumerate().take(ROWS) {
                for column in (0..COLUMNS).filter(|column| bits >> (COLUMNS - 1 - column) & 1 == 1)
                {
                    let at = (
                        left + column as i64 * step,
                        y.saturating_add(row as i64 * step),
                    );
                    self.fill_rectangle(at.0, at.1, scale, scale, color);
                }
            }
        }
    }

    /// Mixes `color` into a pixel; coverage is clamped to 0..=1.
    fn blend(&mut self, x: i64, y: i64, color: Color, coverage: f32) {
        let (width, height) = (self.width() as i64, self.height() as i64);
        if coverage <= 0.0 || x < 0 || y < 0 || x >= width || y >= height {
            return;
        }
        let coverage = coverage.min(1.0);
        let at = 3 * (y * width + x) as usize;
        for (value, target) in self.data_mut()[at..at + 3].iter_mut().zip(color) {
            let mixed = f32::from(*value) + coverage * (f32::from(target) - f32::from(*value));
            *value = mixed.round() as u8;
        }
    }
}

/// The part of `start .. start + length` inside `0 .. bound`.
fn clip(start: i64, length: usize, bound: usize) -> std::ops::Range<usize> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let inside = |value: i64| value.clamp(0, bound as i64) as usize;
    inside(start)..inside(start.saturating_add(length))
}

/// The part of a segment near the image (Liang and Barsky 1984), so that a point at a million pixels
/// costs no more than one at the border.
fn clipped(
    from: Point,
    to: Point,
    width: usize,
    height: usize,
    thickness: f32,
) -> Option<(Point, Point)> {
    let finite = [from.0, from.1, to.0, to.1, thickness]
        .iter()
        .all(|value| value.is_finite());
    if !finite || thickness <= 0.0 {
        return None;
    }
    let margin = thickness + 2.0;
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let (mut enter, mut leave) = (0.0f32, 1.0f32);
    let bounds = [
        (from.0, dx, width as f32 + margin),
        (from.1, dy, height as f32 + margin),
    ];
    for (start, delta, high) in bounds {
        if delta == 0.0 {
            if start < -margin || start > high {
                return None;
            }
            continue;
        }
        let (a, b) = ((-margin - start) / delta, (high - start) / delta);
        enter = enter.max(a.min(b));
        leave = leave.min(a.max(b));
    }
    let at = |t: f32| (from.0 + t * dx, from.1 + t * dy);
    (enter <= leave).then(|| (at(enter), at(leave)))
}

fn segment_distance(point: Point, from: Point, to: Point) -> f32 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let (px, py) = (point.0 - from.0, point.1 - from.1);
    let length = dx * dx + dy * dy;
    let t = if length > 0.0 {
        ((px * dx + py * dy) / length).clamp(0.0, 1.0)
    } else {
        0.0
    };
    (px - t * dx).hypot(py - t * dy)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHITE: Color = [255; 3];

    #[test]
    fn a_tint_covers_what_lies_inside_and_lets_it_through() {
        let mut image = canvas();
        image.tint(
            &[(2.0, 1.0), (6.0, 1.0), (6.0, 4.0), (2.0, 4.0)],
            WHITE,
            0.5,
        );
        assert_eq!(lit(&image).len(), 5 * 4);
        assert_eq!(image.pixel(3, 2), [128; 3]);
        // The other way round, and beyond the edges.
        let mut other = canvas();
        other.tint(
            &[(2.0, 4.0), (6.0, 4.0), (6.0, 1.0), (2.0, 1.0)],
            WHITE,
            0.5,
        );
        assert_eq!(image, other);
        let mut all = canvas();
        all.tint(
            &[(-1e6, -1e6), (1e6, -1e6), (1e6, 1e6), (-1e6, 1e6)],
            WHITE,
            1.0,
        );
        assert_eq!(lit(&all).len(), 200);
        let mut none = canvas();
        none.tint(&[(1.0, 1.0), (5.0, 1.0)], WHITE, 1.0);
        none.tint(&[(1.0, 1.0), (f32::NAN, 1.0), (5.0, 5.0)], WHITE, 1.0);
        none.tint(&[(-9.0, -9.0), (-5.0, -9.0), (-5.0, -5.0)], WHITE, 1.0);
        assert!(lit(&none).is_empty());
    }

    fn canvas() -> Rgb {
        Rgb::filled(20, 10, [0; 3]).unwrap()
    }

    fn lit(image: &Rgb) -> Vec<(usize, usize)> {
        let at = |i: usize| (i % image.width(), i / image.width());
        let pixels = image.data().chunks_exact(3).enumerate();
        pixels
            .filter(|(_, pixel)| pixel[0] > 127)
            .map(|(i, _)| at(i))
            .collect()
    }

    #[test]
    fn a_thin_line_covers_its_pixels() {
        let mut image = canvas();
        image.line((2.0, 3.0), (7.0, 3.0), WHITE, 1.0);
        assert_eq!(lit(&image), (2..=7).map(|x| (x, 3)).collect::<Vec<_>>());
        let mut image = canvas();
        image.line((4.0, 8.0), (4.0, 5.0), WHITE, 1.0);
        assert_eq!(lit(&image), (5..=8).map(|y| (4, y)).collect::<Vec<_>>());
        let mut image = canvas();
        image.line((1.0, 1.0), (4.0, 4.0), WHITE, 1.0);
        assert_eq!(lit(&image), (1..=4).map(|i| (i, i)).collect::<Vec<_>>());
    }

    #[test]
    fn far_and_broken_coordinates_are_harmless() {
        let mut image = canvas();
        let near = image.clone();
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            image.line((bad, 0.0), (1.0, 1.0), WHITE, 1.0);
            image.circle((bad, 0.0), 3.0, WHITE, 1.0);
            image.rectangle((0.0, 0.0), (bad, 1.0), [0; 3], 1.0);
        }
        image.line((-1e9, 50.0), (1e9, 50.0), WHITE, 3.0);
        image.paste(&near, i64::MAX, i64::MIN);
        image.fill_rectangle(i64::MIN, 0, usize::MAX, usize::MAX, [0; 3]);
        image.text(i64::MAX, i64::MAX, "far", 3, WHITE);
        image.text(0, i64::MIN, "far", 3, WHITE);
        assert_eq!(image, near);
        image.line((-1e7, 5.0), (1e7, 5.0), WHITE, 1.0);
        assert_eq!(lit(&image).len(), 20);
    }

    #[test]
    fn shapes_are_where_they_should_be() {
        let mut image = canvas();
        image.rectangle((2.0, 2.0), (5.0, 4.0), WHITE, 1.0);
        assert_eq!(lit(&image).len(), 2 * 6 + 2 * 3);
        let mut image = canvas();
        image.circle((10.0, 5.0), 3.0, WHITE, 1.0);
        let lit = lit(&image);
        assert!(lit.contains(&(13, 5)) && lit.contains(&(10, 2)) && !lit.contains(&(10, 5)));
    }

    #[test]
    fn paste_clips_on_every_side() {
        let stamp = Rgb::filled(4, 4, WHITE).unwrap();
        for (x, y, count) in [(0, 0, 16), (-2, -3, 2), (18, 8, 4), (-4, 0, 0), (20, 10, 0)] {
            let mut image = canvas();
            image.paste(&stamp, x, y);
            assert_eq!(lit(&image).len(), count, "at {x}, {y}");
        }
    }

    #[test]
    fn text_draws_its_glyphs() {
        let mut image = canvas();
        image.text(1, 1, "I", 1, WHITE);
        assert_eq!(lit(&image).len(), 3 + 5 + 3);
        let mut image = canvas();
        image.text(0, 0, "\u{e9}", 1, WHITE);
        assert_eq!(lit(&image).len(), 2 * 5 + 2 * 5);
    }
}
