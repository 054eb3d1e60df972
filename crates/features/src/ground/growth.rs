//! Where each cell is found in the other picture: at its place or a little beside, as its neighbours say.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::plane::Plane;
use super::thresholds::{AGREES, CELL, TEXTURE};

/// Pixels around a cell that are compared with it.
const AROUND: usize = 2;
/// Pixels that a cell may lie beside the place that is expected.
const REACH: i32 = 2;
/// Pixels that a cell may lie beside the place that the transform says, for its neighbours to begin there.
const DRIFT: i32 = 8;
/// Share of a cell that both pictures must show.
const COMMON: f64 = 0.8;

/// A cell of the little picture, and where it was found.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub x: usize,
    pub y: usize,
    /// Where it lies in the seen picture, against its place.
    offset: (i32, i32),
    pub correlation: f32,
    /// Standard deviation of lightness in the little and in the seen picture.
    textures: (f32, f32),
    /// Largest corner that a cell of the seen picture can have.
    last: (usize, usize),
}

impl Cell {
    pub(super) fn texture(&self) -> f32 {
        self.textures.0.max(self.textures.1)
    }

    /// The texture that both pictures have.
    pub(super) fn shared_texture(&self) -> f32 {
        self.textures.0.min(self.textures.1)
    }

    /// Its corner in the seen picture.
    pub(super) fn seen(&self) -> (usize, usize) {
        let moved =
            |at: usize, by: i32, last: usize| at.saturating_add_signed(by as isize).min(last);
        (
            moved(self.x, self.offset.0, self.last.0),
            moved(self.y, self.offset.1, self.last.1),
        )
    }

    /// How far it lies beside its place, mean of both directions.
    pub(super) fn drift(&self) -> f32 {
        0.5 * (self.offset.0.abs() + self.offset.1.abs()) as f32
    }

    fn is_sure(&self) -> bool {
        self.correlation > AGREES && self.shared_texture() > TEXTURE
    }
}

/// A cell that agrees, by how well.
struct Sure {
    correlation: f32,
    at: usize,
}

impl PartialEq for Sure {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Sure {}

impl PartialOrd for Sure {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Sure {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_correlation = self.correlation.total_cmp(&other.correlation);
        by_correlation.then(other.at.cmp(&self.at))
    }
}

/// What was found of a cell at its best offset.
struct Found {
    correlation: f32,
    offset: (i32, i32),
    texture: f32,
}

/// The search for all cells.
pub(super) struct Growth<'a> {
    to: &'a Plane,
    seen: &'a Plane,
    columns: usize,
    /// Row after row; `None` where the pictures have too little in common.
    cells: Vec<Option<Cell>>,
}

impl<'a> Growth<'a> {
    pub(super) fn new(to: &'a Plane, seen: &'a Plane, common: &[bool]) -> Self {
        let (columns, rows) = (to.width / CELL, to.height / CELL);
        let (left, top) = (
            (to.width - columns * CELL) / 2,
            (to.height - rows * CELL) / 2,
        );
        let cell = |at: usize| {
            let (x, y) = (left + at % columns * CELL, top + at / columns * CELL);
            let shown = (y..y + CELL)
                .flat_map(|row| &common[row * to.width + x..][..CELL])
                .filter(|&&shown| shown)
                .count();
            (shown as f64 >= COMMON * (CELL * CELL) as f64).then_some(Cell {
                x,
                y,
                offset: (0, 0),
                correlation: -1.0,
                textures: (0.0, 0.0),
                last: (to.width - CELL, to.height - CELL),
            })
        };
        let cells = (0..columns * rows).map(cell).collect();
        Self {
            to,
            seen,
            columns,
            cells,
        }
    }

    /// The cells, each where it agrees best.
    pub(super) fn run(mut self) -> Vec<Cell> {
        let mut sure = BinaryHeap::new();
        for at in 0..self.cells.len() {
            self.look(at, (0, 0), &mut sure);
        }
        while let Some(Sure { at, .. }) = sure.pop() {
            let Some(offset) = self.cells[at].as_ref().map(|cell| cell.offset) else {
                continue;
            };
            if offset.0.abs().max(offset.1.abs()) > DRIFT {
                continue;
            }
            for neighbour in self.neighbours(at) {
                let open = self.cells[neighbour]
                    .as_ref()
                    .is_some_and(|cell| !cell.is_sure());
                if open {
                    self.look(neighbour, offset, &mut sure);
                }
            }
        }
        self.cells.into_iter().flatten().collect()
    }

    fn neighbours(&self, at: usize) -> impl Iterator<Item = usize> + use<> {
        let (columns, all) = (self.columns, self.cells.len());
        let column = at % columns;
        [
            (column > 0).then(|| at - 1),
            (column + 1 < columns).then(|| at + 1),
            at.checked_sub(columns),
            Some(at + columns).filter(|&below| below < all),
        ]
        .into_iter()
        .flatten()
    }

    /// Looks for a cell around an offset, and keeps what is better than what is known.
    fn look(&mut self, at: usize, offset: (i32, i32), sure: &mut BinaryHeap<Sure>) {
        let Some(cell) = self.cells[at].as_ref() else {
            return;
        };
        let (texture, found) = search(self.to, self.seen, (cell.x, cell.y), offset);
        let Some(cell) = self.cells[at].as_mut() else {
            return;
        };
        cell.textures.0 = texture;
        if let Some(found) = found.filter(|found| found.correlation > cell.correlation) {
            cell.correlation = found.correlation;
            cell.offset = found.offset;
            cell.textures.1 = found.texture;
            if cell.is_sure() {
                let correlation = found.correlation;
                sure.push(Sure { correlation, at });
            }
        }
    }
}

/// The cell with what lies around it, at every place near the expected one. Its own texture, and the best of them.
fn search(
    to: &Plane,
    seen: &Plane,
    (x, y): (usize, usize),
    expected: (i32, i32),
) -> (f32, Option<Found>) {
    let (left, top) = (x.saturating_sub(AROUND), y.saturating_sub(AROUND));
    let right = (x + CELL + AROUND).min(to.width);
    let bottom = (y + CELL + AROUND).min(to.height);
    let (width, height) = (right - left, bottom - top);
    let count = (width * height) as f32;
    let mut template = [0.0f32; (CELL + 2 * AROUND) * (CELL + 2 * AROUND)];
    let template = &mut template[..width * height];
    for (row, line) in template.chunks_exact_mut(width).enumerate() {
        line.copy_from_slice(&to.lightness[(top + row) * to.width + left..][..width]);
    }
    let mean = template.iter().sum::<f32>() / count;
    template.iter_mut().for_each(|value| *value -= mean);
    let energy: f32 = template.iter().map(|value| value * value).sum();
    let mut best: Option<Found> = None;
    for dy in -REACH..=REACH {
        for dx in -REACH..=REACH {
            let offset = (expected.0 + dx, expected.1 + dy);
            let place = (
                left.checked_add_signed(offset.0 as isize),
                top.checked_add_signed(offset.1 as isize),
            );
            let (Some(u), Some(v)) = place else {
                continue;
            };
            if u + width > seen.width || v + height > seen.height {
                continue;
            }
            let (mut cross, mut sum, mut square) = (0.0f32, 0.0f32, 0.0f32);
            for (row, line) in template.chunks_exact(width).enumerate() {
                let other = &seen.lightness[(v + row) * seen.width + u..][..width];
                for (a, b) in line.iter().zip(other) {
                    cross += a * b;
                    sum += b;
                    square += b * b;
                }
            }
            let spread = (square - sum * sum / count).max(0.0);
            // What is flat correlates with nothing.
            let correlation = match energy.min(spread) > 1e-3 * count {
                true => cross / (energy * spread).sqrt(),
                false => 0.0,
            };
            if best.as_ref().is_none_or(|b| correlation > b.correlation) {
                best = Some(Found {
                    correlation,
                    offset,
                    texture: (spread / count).sqrt(),
                });
            }
        }
    }
    ((energy / count).sqrt(), best)
}
