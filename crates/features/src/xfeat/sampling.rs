//! Values of the maps at places between cells.

use super::cell::{CELL, NUMBERS};
use super::maps::XfeatMaps;

/// Steepness of the cubic kernel (Keys 1981, with the constant of PyTorch).
const KEYS: f32 = -0.75;
/// Shorter vectors are divided by this.
const SHORTEST: f32 = 1e-12;

/// Where a pixel lies on a line of cells, whose centres have whole coordinates: the first pixel at -½, the last at
/// `cells` - ½.
fn place(pixel: u32, cells: usize) -> f32 {
    let last = (CELL * cells - 1) as f32;
    let turned = 2.0 * (pixel as f32 / last) - 1.0;
    ((turned + 1.0) * cells as f32 - 1.0) / 2.0
}

/// How reliable a pixel is, bilinear between cells; outside of the map is 0.
pub(super) fn reliability(maps: &XfeatMaps, x: u32, y: u32) -> f32 {
    let (x, y) = (place(x, maps.columns), place(y, maps.rows));
    let (left, top) = (x.floor(), y.floor());
    let (along, down) = (x - left, y - top);
    let at = |column: f32, row: f32, share: f32| {
        cell(maps, column, row).map_or(0.0, |cell| share * maps.reliability[cell])
    };
    at(left, top, (1.0 - along) * (1.0 - down))
        + at(left + 1.0, top, along * (1.0 - down))
        + at(left, top + 1.0, (1.0 - along) * down)
        + at(left + 1.0, top + 1.0, along * down)
}

/// Number of a cell; `None` outside.
fn cell(maps: &XfeatMaps, column: f32, row: f32) -> Option<usize> {
    let within = |at: f32, cells: usize| (at >= 0.0 && at < cells as f32).then_some(at as usize);
    Some(within(row, maps.rows)? * maps.columns + within(column, maps.columns)?)
}

/// The descriptors of all cells, each of length 1, cell by cell.
pub(super) struct UnitCells<'a> {
    maps: &'a XfeatMaps,
    cells: Vec<[f32; NUMBERS]>,
}

impl<'a> UnitCells<'a> {
    pub(super) fn new(maps: &'a XfeatMaps) -> Self {
        let mut cells = vec![[0f32; NUMBERS]; maps.cells()];
        let planes = maps.features.chunks_exact(maps.cells());
        for (number, plane) in planes.enumerate() {
            for (cell, value) in cells.iter_mut().zip(plane) {
                cell[number] = *value;
            }
        }
        cells.iter_mut().for_each(unit);
        Self { maps, cells }
    }

    /// The descriptor at a pixel, of length 1: bicubic between cells; outside of the map is 0.
    pub(super) fn descriptor(&self, x: u32, y: u32) -> [f32; NUMBERS] {
        let (x, y) = (place(x, self.maps.columns), place(y, self.maps.rows));
        let (left, top) = (x.floor(), y.floor());
        let (across, down) = (kernel(x - left), kernel(y - top));
        let mut sum = [0f32; NUMBERS];
        for (row, down) in down.iter().enumerate() {
            for (column, across) in across.iter().enumerate() {
                let (column, row) = (left - 1.0 + column as f32, top - 1.0 + row as f32);
                let Some(cell) = cell(self.maps, column, row) else {
                    continue;
                };
                let share = across * down;
                for (sum, value) in sum.iter_mut().zip(&self.cells[cell]) {
                    *sum += share * value;
                }
            }
        }
        unit(&mut sum);
        sum
    }
}

/// Shares of the four cells around a place that lies `t` beyond the second.
fn kernel(t: f32) -> [f32; 4] {
    let near = |x: f32| ((KEYS + 2.0) * x - (KEYS + 3.0)) * x * x + 1.0;
    let far = |x: f32| ((KEYS * x - 5.0 * KEYS) * x + 8.0 * KEYS) * x - 4.0 * KEYS;
    [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)]
}

fn unit(numbers: &mut [f32; NUMBERS]) {
    let length = numbers.iter().map(|x| x * x).sum::<f32>().sqrt();
    let length = length.max(SHORTEST);
    numbers.iter_mut().for_each(|x| *x /= length);
}
