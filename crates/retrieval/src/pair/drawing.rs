//! Several objects, or epipolar lines, drawn over two pictures side by side.

use vizsla_features::{Fundamental, Transform};
use vizsla_pixels::Rgb;

use super::object::PairObject;
use super::shown::Shown;
use crate::side_by_side::{COLOURS, SideBySide};
use crate::{Error, PointPair};

/// Most lines drawn of all objects together.
const MOST_LINES: usize = 150;
/// Most epipolar lines drawn in each picture.
const MOST_EPIPOLAR: usize = 15;
/// Space between what agrees and the frame around it, in pixels as they are drawn.
const MARGIN: f64 = 8.0;

type Point = (f32, f32);

/// An object as it is drawn; points and geometry are in full-resolution pixels.
#[derive(Debug, Clone, Copy)]
pub struct DrawnObject<'a> {
    /// The pairs that agree.
    pub pairs: &'a [PointPair],
    /// The map of the plane from the first picture to the second, where it is one.
    pub transform: Option<&'a Transform>,
    /// The fundamental matrix, where it is one.
    pub fundamental: Option<&'a Fundamental>,
}

impl<'a> From<&'a PairObject> for DrawnObject<'a> {
    fn from(object: &'a PairObject) -> Self {
        Self {
            pairs: &object.pairs,
            transform: object.transform(),
            fundamental: object.fundamental(),
        }
    }
}

/// Draws two pictures side by side, both scaled to at most 720 pixels, and each object in a colour of its own: its pairs joined by lines, the
/// box around them and what its map makes of the box. Of a fundamental matrix: all pairs as points, and some with the lines
/// that they make in the other picture, a colour for each.
///
/// # Errors
/// A picture cannot be scaled: it is empty, or there is no memory for it.
pub fn draw_objects(
    left: Shown<'_>,
    right: Shown<'_>,
    objects: &[DrawnObject<'_>],
) -> Result<Rgb, Error> {
    let sides = SideBySide::new(left.picture, right.picture)?;
    let scale = [
        1.0 / left.zoom() * f64::from(sides.zoom[0]),
        1.0 / right.zoom() * f64::from(sides.zoom[1]),
    ];
    let mut drawing = Drawing {
        sides,
        scale,
        joined: Vec::new(),
    };
    let of_each = (MOST_LINES / objects.len().max(1)).max(1);
    for (number, object) in objects.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        match object.fundamental {
            Some(f) if objects.len() == 1 => drawing.epipolar(object.pairs, f),
            _ => drawing.object(object, colour, of_each),
        }
    }
    let Drawing { sides, joined, .. } = drawing;
    let (mut sheet, offset) = sides.join()?;
    for (from, (x, y), colour) in joined {
        sheet.line(from, (x + offset, y), colour, 1.0);
    }
    Ok(sheet)
}

struct Drawing {
    sides: SideBySide,
    /// Pixels as they are drawn for each full-resolution pixel.
    scale: [f64; 2],
    /// Lines from the first to the second picture.
    joined: Vec<(Point, Point, [u8; 3])>,
}

/// Every so manieth of so many, at most `most`.
fn step(count: usize, most: usize) -> usize {
    count.div_ceil(most).max(1)
}

impl Drawing {
    fn places(&self, pair: &PointPair) -> (Point, Point) {
        let [left, right] = self.scale.map(|scale| scale as f32);
        (
            (pair.query[0] * left, pair.query[1] * left),
            (pair.gallery[0] * right, pair.gallery[1] * right),
        )
    }

    fn object(&mut self, object: &DrawnObject<'_>, colour: [u8; 3], most: usize) {
        for pair in object.pairs.iter().step_by(step(object.pairs.len(), most)) {
            let (from, to) = self.places(pair);
            self.sides.left.circle(from, 3.0, colour, 1.5);
            self.sides.right.circle(to, 3.0, colour, 1.5);
            self.joined.push((from, to, colour));
        }
        let Some(transform) = object.transform else {
            return;
        };
        let margin = MARGIN / self.scale[0].max(1e-9);
        let Some([x, y, width, height]) = frame(object.pairs, margin) else {
            return;
        };
        let drawn = |(x, y): (f64, f64), scale: f64| ((x * scale) as f32, (y * scale) as f32);
        let corners = [
            (x, y),
            (x + width, y),
            (x + width, y + height),
            (x, y + height),
        ];
        let corners = corners.map(|corner| drawn(corner, self.scale[0]));
        self.sides.left.polyline(&corners, true, colour, 3.0);
        if let Some(corners) = transform.project_box(x, y, width, height) {
            let corners = corners.map(|corner| drawn(corner, self.scale[1]));
            self.sides.right.polyline(&corners, true, colour, 3.0);
        }
    }

    fn epipolar(&mut self, pairs: &[PointPair], f: &Fundamental) {
        for pair in pairs {
            let (from, to) = self.places(pair);
            self.sides.left.circle(from, 1.5, COLOURS[3], 1.5);
            self.sides.right.circle(to, 1.5, COLOURS[3], 1.5);
        }
        let chosen = spread(pairs, MOST_EPIPOLAR);
        for (number, pair) in chosen.into_iter().enumerate() {
            let colour = COLOURS[number % COLOURS.len()];
            let [x, y] = pair.query.map(f64::from);
            let [u, v] = pair.gallery.map(f64::from);
            let (from, to) = self.places(pair);
            let [left, right] = self.scale;
            let canvas = &mut self.sides.left;
            draw_line(canvas, f.line_in_first(u, v), left, colour);
            canvas.circle(from, 4.0, colour, 2.0);
            let canvas = &mut self.sides.right;
            draw_line(canvas, f.line_in_second(x, y), right, colour);
            canvas.circle(to, 4.0, colour, 2.0);
        }
    }
}

/// Pairs far from each other in the first picture, the first of all and then always the one farthest from those before.
fn spread(pairs: &[PointPair], most: usize) -> Vec<&PointPair> {
    let mut chosen: Vec<&PointPair> = pairs.first().into_iter().collect();
    let mut distances = vec![f32::INFINITY; pairs.len()];
    while let Some(last) = chosen.last().filter(|_| chosen.len() < most) {
        let [x, y] = last.query;
        for (distance, pair) in distances.iter_mut().zip(pairs) {
            *distance = distance.min((pair.query[0] - x).hypot(pair.query[1] - y));
        }
        let farthest = (distances.iter().zip(pairs)).max_by(|a, b| a.0.total_cmp(b.0));
        match farthest {
            Some((&distance, pair)) if distance > 0.0 => chosen.push(pair),
            _ => break,
        }
    }
    chosen
}

/// The line a x + b y + c = 0 of full-resolution pixels, where it crosses the picture.
fn draw_line(canvas: &mut Rgb, [a, b, c]: [f64; 3], scale: f64, colour: [u8; 3]) {
    let (width, height) = (canvas.width() as f64, canvas.height() as f64);
    // In pixels as they are drawn.
    if let Some([from, to]) = chord([a, b, c * scale], width, height) {
        canvas.line(from, to, colour, 1.0);
    }
}

/// Where a line crosses the border of a picture; `None` where it passes by, or is no line.
fn chord([a, b, c]: [f64; 3], width: f64, height: f64) -> Option<[Point; 2]> {
    let (right, bottom) = (width - 1.0, height - 1.0);
    let along = |x: f64| (x, -(c + a * x) / b);
    let down = |y: f64| (-(c + b * y) / a, y);
    let crossings = [along(0.0), along(right), down(0.0), down(bottom)];
    let within = |v: f64, end: f64| (-1e-6..=end + 1e-6).contains(&v);
    let crossings = crossings.into_iter();
    let mut crossings = crossings.filter(|&(x, y)| within(x, right) && within(y, bottom));
    let first = crossings.next()?;
    let apart = |&(x, y): &(f64, f64)| (x - first.0).hypot(y - first.1);
    let second = crossings.max_by(|p, q| apart(p).total_cmp(&apart(q)))?;
    Some([first, second].map(|(x, y)| (x as f32, y as f32)))
}

/// The box around the first points of all pairs: x, y, width, height.
fn frame(pairs: &[PointPair], margin: f64) -> Option<[f64; 4]> {
    let mut low = [f64::INFINITY; 2];
    let mut high = [f64::NEG_INFINITY; 2];
    for pair in pairs {
        for axis in 0..2 {
            low[axis] = low[axis].min(f64::from(pair.query[axis]));
            high[axis] = high[axis].max(f64::from(pair.query[axis]));
        }
    }
    let ([x, y], [right, bottom]) = (low.map(|v| v - margin), high.map(|v| v + margin));
    (x.is_finite() && right.is_finite()).then_some([x, y, right - x, bottom - y])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_to_the_picture() {
        let ends = chord([0.0, 1.0, -10.0], 50.0, 40.0).unwrap();
        assert_eq!(ends, [(0.0, 10.0), (49.0, 10.0)]);
        let ends = chord([1.0, 0.0, -7.0], 50.0, 40.0).unwrap();
        assert_eq!(ends, [(7.0, 0.0), (7.0, 39.0)]);
        assert!(chord([0.0, 1.0, 90.0], 50.0, 40.0).is_none());
        for odd in [[0.0; 3], [f64::NAN, 1.0, 2.0], [0.0, 0.0, 1.0]] {
            assert!(chord(odd, 50.0, 40.0).is_none());
        }
    }

    #[test]
    fn pairs_that_are_shown_lie_apart() {
        let pair = |x: f32| PointPair {
            query: [x, 0.0],
            gallery: [0.0; 2],
        };
        let pairs = [0.0, 1.0, 2.0, 100.0, 52.0].map(pair);
        let chosen: Vec<f32> = spread(&pairs, 3).iter().map(|pair| pair.query[0]).collect();
        assert_eq!(chosen, [0.0, 100.0, 52.0]);
        assert_eq!(spread(&pairs[..2], 9).len(), 2);
        assert_eq!(spread(&[pair(1.0); 3], 9).len(), 1);
        assert!(spread(&[], 9).is_empty());
    }

    #[test]
    fn each_object_has_its_colour_and_its_frame_in_both_pictures() {
        let grey = Rgb::filled(80, 60, [90; 3]).unwrap();
        let shown = Shown {
            picture: &grey,
            width: 160,
        };
        let pair = |x: f32, y: f32| PointPair {
            query: [x, y],
            gallery: [x + 20.0, y],
        };
        let (one, two) = (
            [pair(10.0, 20.0), pair(40.0, 60.0)],
            [pair(90.0, 20.0), pair(110.0, 90.0)],
        );
        let shift = Transform::similarity(1.0, 0.0, 20.0, 0.0);
        let object = |pairs| DrawnObject {
            pairs,
            transform: Some(&shift),
            fundamental: None,
        };
        let drawn = draw_objects(shown, shown, &[object(&one), object(&two)]).unwrap();
        for colour in &COLOURS[..2] {
            let of_colour = drawn.data().chunks_exact(3).filter(|pixel| pixel == colour);
            assert!(of_colour.count() > 100);
        }
        let rows = Fundamental([[0.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]);
        let epipolar = DrawnObject {
            pairs: &one,
            transform: None,
            fundamental: Some(&rows),
        };
        let drawn = draw_objects(shown, shown, &[epipolar]).unwrap();
        // The row of the first pair goes through the whole of both pictures.
        let row = drawn.row(10).chunks_exact(3);
        assert!(row.filter(|pixel| *pixel == COLOURS[0]).count() > 140);
    }
}
