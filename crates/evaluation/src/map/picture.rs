//! The drawing: points and a legend, and as many pictures as find room.

use vizsla_pixels::{Color, GLYPH_HEIGHT, Rgb, text_width};

use super::item::unit_square;
use super::{Legend, MapItem, MapText};
use crate::error::Error;

const PAPER: Color = [255; 3];
const INK: Color = [40, 40, 44];
const MARGIN: usize = 40;
const HEADER: usize = 64;
const LEGEND: usize = 300;
/// Height of a line of the legend.
const LINE: usize = 2 * GLYPH_HEIGHT + 6;
/// Sizes for a drawing of 1,200 pixels; others follow.
const SIDE: usize = 1200;
const THUMBNAIL: usize = 52;
const FRAME: usize = 2;

/// Draws the map, its longer side `side` pixels (400 to 4,000), with headline and legend. `read` gives the n-th picture,
/// shrunk to about the side it is asked for; where it gives any, pictures stand where there is room for them.
///
/// # Errors
/// There is no memory for the drawing.
pub fn map_picture(
    items: &[MapItem],
    text: &MapText,
    side: usize,
    read: &dyn Fn(usize, u32) -> Option<Rgb>,
) -> Result<Rgb, Error> {
    let side = side.clamp(400, 4000);
    let scale = (side / 600).max(1);
    let legend = Legend::of(items);
    let unit = unit_square(items);
    let extent = |axis: usize| {
        let share = unit.iter().map(|place| place[axis]).fold(0.0, f32::max);
        (share * side as f32).ceil() as usize
    };
    let width = extent(0).max(LEGEND);
    let height = extent(1).max((legend.entries.len() + 2) * LINE);
    let mut drawing = Rgb::filled(width + 3 * MARGIN + LEGEND, height + MARGIN + HEADER, PAPER)?;
    drawing.text(MARGIN as i64, 12, &text.title, 2, INK);
    drawing.text(
        MARGIN as i64,
        12 + 2 * GLYPH_HEIGHT as i64 + 4,
        &text.subtitle,
        1,
        INK,
    );
    let place = |[x, y]: [f32; 2]| {
        [
            MARGIN as f32 + x * side as f32,
            HEADER as f32 + y * side as f32,
        ]
    };
    let places: Vec<[f32; 2]> = unit.into_iter().map(place).collect();
    let colour = |n: usize| legend.entries[legend.of_item[n]].color;
    let radius = 1.6 * scale as f32;
    for (n, &[x, y]) in places.iter().enumerate() {
        // A circle as thick as its radius is a disc.
        drawing.circle((x, y), radius / 2.0, colour(n), radius);
    }
    let thumbnail = THUMBNAIL * side / SIDE;
    for n in with_room(&places, (thumbnail + 2 * FRAME) as f32) {
        let Some(picture) = read(n, thumbnail as u32) else {
            continue;
        };
        let small = picture.fit_within(thumbnail)?;
        let (width, height) = (small.width() + 2 * FRAME, small.height() + 2 * FRAME);
        let (left, top) = (
            places[n][0] as i64 - width as i64 / 2,
            places[n][1] as i64 - height as i64 / 2,
        );
        drawing.fill_rectangle(left, top, width, height, colour(n));
        drawing.paste(&small, left + FRAME as i64, top + FRAME as i64);
    }
    draw_legend(&mut drawing, &legend, &text.by, (width + 2 * MARGIN) as i64);
    Ok(drawing)
}

/// Pictures that do not touch one another, the ones of the densest parts first: of each square of the plane the one
/// nearest to its middle, when it is free of those already chosen.
fn with_room(places: &[[f32; 2]], room: f32) -> Vec<usize> {
    let off_centre = |n: usize| {
        let square = |v: f32| (v / room).floor() * room + room / 2.0 - v;
        square(places[n][0]).hypot(square(places[n][1]))
    };
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|&a, &b| off_centre(a).total_cmp(&off_centre(b)).then(a.cmp(&b)));
    let mut chosen: Vec<usize> = Vec::new();
    for n in order {
        let clear = |&other: &usize| {
            let apart = |axis: usize| (places[n][axis] - places[other][axis]).abs();
            apart(0).max(apart(1)) >= room
        };
        if chosen.iter().all(clear) {
            chosen.push(n);
        }
    }
    chosen
}

fn draw_legend(drawing: &mut Rgb, legend: &Legend, by: &str, left: i64) {
    drawing.text(left, HEADER as i64, by, 2, INK);
    let most = (LEGEND - 40) / text_width("x", 2);
    for (n, entry) in legend.entries.iter().enumerate() {
        let top = (HEADER + LINE * (n + 1) + 4) as i64;
        drawing.fill_rectangle(left, top, 16, 16, entry.color);
        let count = format!(" {}", entry.count);
        let room = most.saturating_sub(count.chars().count());
        let name: String = entry.name.chars().take(room).collect();
        drawing.text(left + 26, top, &format!("{name}{count}"), 2, INK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_pictures_and_legend_are_drawn() {
        let item = |x: f32, label: &str| MapItem {
            position: [x, x],
            path: String::new(),
            label: Some(label.into()),
            caption: String::new(),
        };
        let items = [item(0.0, "a"), item(1.0, "b"), item(1.001, "b")];
        let text = MapText {
            title: "t".into(),
            subtitle: "s".into(),
            by: "label".into(),
        };
        let points = map_picture(&items, &text, 400, &|_, _| None).expect("small");
        assert_eq!((points.width(), points.height()), (820, 504));
        let colours = Legend::of(&items).entries;
        // b, the more frequent label, is first in the legend and last on the diagonal
        assert_eq!(points.pixel(MARGIN, HEADER + 400 - 1), colours[1].color);
        let red = Rgb::filled(100, 50, [255, 0, 0]).expect("small");
        let pictures = map_picture(&items, &text, 400, &|_, _| Some(red.clone())).expect("small");
        assert_eq!(pictures.pixel(MARGIN, HEADER + 399), [255, 0, 0]);
        let drawn = pictures
            .data()
            .chunks_exact(3)
            .filter(|p| **p == [255, 0, 0])
            .count();
        let one = (THUMBNAIL * 400 / SIDE).pow(2) / 2;
        assert!(
            drawn > one && drawn < 3 * one,
            "two of three, {drawn} of {one}"
        );
        let empty = map_picture(&[], &text, 400, &|_, _| None).expect("empty");
        assert!(empty.height() < 400, "no more than a headline and a legend");
    }
}
