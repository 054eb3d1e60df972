//! The 255 colours that stand for all colours of a picture: median cut (Heckbert 1982).
//!
//! Colours are counted in cells of 5 bits a channel. The box of cells that holds most colours is cut at the median
//! of its longest side until there are enough boxes; each box becomes its mean.

use vizsla_pixels::{Color, Rgb};

/// Bits kept of a channel.
const BITS: u32 = 5;
/// Most colours; sixel has 256 registers, and one stays for the terminal.
const MOST: usize = 255;

/// A picture in few colours.
pub(super) struct Indexed {
    pub colors: Vec<Color>,
    /// The colour of each pixel, row after row.
    pub pixels: Vec<u8>,
}

/// What fell into a cell of the colour cube.
#[derive(Clone, Copy, Default)]
struct Cell {
    place: [u8; 3],
    count: u64,
    sum: [u64; 3],
}

/// The picture in at most 255 colours.
pub(super) fn reduce(picture: &Rgb) -> Indexed {
    let mut cells = vec![Cell::default(); 1 << (3 * BITS)];
    for pixel in picture.data().as_chunks::<3>().0 {
        let place = pixel.map(|value| value >> (8 - BITS));
        let cell = &mut cells[index(place)];
        cell.place = place;
        cell.count += 1;
        for (sum, value) in cell.sum.iter_mut().zip(pixel) {
            *sum += u64::from(*value);
        }
    }
    cells.retain(|cell| cell.count > 0);
    let boxes = cut(cells);
    let mut color_of = vec![0u8; 1 << (3 * BITS)];
    for (number, cells) in boxes.iter().enumerate() {
        for cell in cells {
            color_of[index(cell.place)] = number as u8;
        }
    }
    let pixels = picture.data().as_chunks::<3>().0.iter();
    Indexed {
        colors: boxes.iter().map(|cells| mean(cells)).collect(),
        pixels: pixels
            .map(|pixel| color_of[index(pixel.map(|value| value >> (8 - BITS)))])
            .collect(),
    }
}

fn index(place: [u8; 3]) -> usize {
    place
        .iter()
        .fold(0, |index, &value| index << BITS | usize::from(value))
}

/// Cuts until there are enough boxes or every box is one cell.
fn cut(cells: Vec<Cell>) -> Vec<Vec<Cell>> {
    let mut boxes = vec![cells];
    while boxes.len() < MOST {
        let weight = |cells: &[Cell]| match cells.len() {
            0 | 1 => 0,
            _ => cells.iter().map(|cell| cell.count).sum::<u64>(),
        };
        let heaviest = (0..boxes.len()).max_by_key(|&at| (weight(&boxes[at]), usize::MAX - at));
        let Some(at) = heaviest.filter(|&at| boxes[at].len() > 1) else {
            break;
        };
        let upper = halve(&mut boxes[at]);
        boxes.push(upper);
    }
    boxes
}

/// Takes the upper half out of a box of two cells or more.
fn halve(cells: &mut Vec<Cell>) -> Vec<Cell> {
    let extent = |axis: usize| {
        let values = cells.iter().map(|cell| cell.place[axis]);
        values.clone().max().unwrap_or(0) - values.min().unwrap_or(0)
    };
    let axis = (0..3)
        .max_by_key(|&axis| (extent(axis), 3 - axis))
        .unwrap_or(0);
    cells.sort_by_key(|cell| (cell.place[axis], cell.place));
    let half = cells.iter().map(|cell| cell.count).sum::<u64>() / 2;
    let mut seen = 0;
    let below = cells.iter().take_while(|cell| {
        seen += cell.count;
        seen <= half
    });
    let at = below.count().clamp(1, cells.len() - 1);
    cells.split_off(at)
}

fn mean(cells: &[Cell]) -> Color {
    let count = cells.iter().map(|cell| cell.count).sum::<u64>().max(1);
    [0, 1, 2].map(|channel| {
        let sum: u64 = cells.iter().map(|cell| cell.sum[channel]).sum();
        ((sum + count / 2) / count) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_colours_stay_as_they_are() {
        let colors = [[250, 3, 7], [0, 90, 255], [17, 200, 41]];
        let data: Vec<u8> = (0..60).flat_map(|i| colors[i % 3]).collect();
        let picture = Rgb::new(10, 6, data.clone()).expect("its size");
        let reduced = reduce(&picture);
        let again: Vec<u8> = reduced
            .pixels
            .iter()
            .flat_map(|&i| reduced.colors[usize::from(i)])
            .collect();
        assert_eq!(again, data);
    }

    #[test]
    fn many_colours_become_255_near_ones() {
        let data: Vec<u8> = (0..64 * 64)
            .flat_map(|i| [(i % 64 * 4) as u8, (i / 64 * 4) as u8, (i % 64 * 2) as u8])
            .collect();
        let reduced = reduce(&Rgb::new(64, 64, data.clone()).expect("its size"));
        assert_eq!(reduced.colors.len(), MOST);
        let error: u64 = data
            .as_chunks::<3>()
            .0
            .iter()
            .zip(&reduced.pixels)
            .flat_map(|(pixel, &i)| pixel.iter().zip(reduced.colors[usize::from(i)]))
            .map(|(a, b)| u64::from(a.abs_diff(b)))
            .sum();
        assert!(error / (3 * 64 * 64) < 6, "mean error {error}");
    }
}
