//! Canny's edges ("A computational approach to edge detection", PAMI 1986), the same pixels as OpenCV's `Canny` with a
//! 3 × 3 operator and the sum of absolute derivatives for magnitude.

use vizsla_pixels::Gray;

/// The tangent of an eighth of half a turn, in 2⁻¹⁵.
const TANGENT: i32 = 13_573;
/// This share of the pixels is weaker than an edge that is kept for its own sake; connected ones may be weaker by this
/// factor. The values that MATLAB's `edge` chooses without being asked.
const WEAK_SHARE: f64 = 0.7;
const WEAKER: f64 = 0.4;

/// Derivatives of an image, and which pixels are edges.
pub(super) struct Edges {
    /// Sobel's derivatives, to the right and down.
    pub across: Vec<i32>,
    pub down: Vec<i32>,
    pub is_edge: Vec<bool>,
}

/// Finds the edges of an image, with thresholds that fit its contrast.
pub(super) fn edges(image: &Gray) -> Edges {
    let (across, down) = sobel(image);
    let pairs = across.iter().zip(&down);
    let magnitude: Vec<i32> = pairs.map(|(x, y)| x.abs() + y.abs()).collect();
    let (low, high) = thresholds(&magnitude);
    let ridges = ridges(image, &across, &down, &magnitude, low);
    let is_edge = connected(image.width(), &ridges, &magnitude, high);
    Edges {
        across,
        down,
        is_edge,
    }
}

/// Derivatives by Sobel's operator, the image continued by its border.
fn sobel(image: &Gray) -> (Vec<i32>, Vec<i32>) {
    let (width, height) = (image.width(), image.height());
    let mut across = Vec::with_capacity(width * height);
    let mut down = Vec::with_capacity(width * height);
    for y in 0..height {
        let above = image.row(y.saturating_sub(1));
        let here = image.row(y);
        let below = image.row((y + 1).min(height - 1));
        for x in 0..width {
            let (left, right) = (x.saturating_sub(1), (x + 1).min(width - 1));
            let at = |row: &[u8], x: usize| i32::from(row[x]);
            let column = |x: usize| at(above, x) + 2 * at(here, x) + at(below, x);
            let line = |row: &[u8]| at(row, left) + 2 * at(row, x) + at(row, right);
            across.push(column(right) - column(left));
            down.push(line(below) - line(above));
        }
    }
    (across, down)
}

/// The lower and the upper threshold.
fn thresholds(magnitude: &[i32]) -> (i32, i32) {
    let mut sorted = magnitude.to_vec();
    let place = ((sorted.len() as f64 * WEAK_SHARE) as usize).min(sorted.len() - 1);
    let (_, &mut high, _) = sorted.select_nth_unstable(place);
    ((f64::from(high) * WEAKER) as i32, high)
}

/// Which pixels are stronger than `low` and than their neighbours across the edge.
fn ridges(image: &Gray, across: &[i32], down: &[i32], magnitude: &[i32], low: i32) -> Vec<bool> {
    let (width, height) = (image.width(), image.height());
    let at = |x: usize, y: usize, right: isize, below: isize| {
        let x = x.checked_add_signed(right).filter(|&x| x < width);
        let y = y.checked_add_signed(below).filter(|&y| y < height);
        // Outside there is nothing.
        x.zip(y).map_or(0, |(x, y)| magnitude[y * width + x])
    };
    let mut out = vec![false; magnitude.len()];
    for (i, &m) in magnitude.iter().enumerate() {
        if m <= low {
            continue;
        }
        let (x, y) = (i % width, i / width);
        let (dx, dy) = (across[i].abs(), down[i].abs() << 15);
        let flat = dx * TANGENT;
        out[i] = if dy < flat {
            m > at(x, y, -1, 0) && m >= at(x, y, 1, 0)
        } else if dy > flat + (dx << 16) {
            m > at(x, y, 0, -1) && m >= at(x, y, 0, 1)
        } else {
            let side = if (across[i] ^ down[i]) < 0 { -1 } else { 1 };
            m > at(x, y, -side, -1) && m > at(x, y, side, 1)
        };
    }
    out
}

/// The ridges above `high` and all that are connected with them.
fn connected(width: usize, ridges: &[bool], magnitude: &[i32], high: i32) -> Vec<bool> {
    let height = ridges.len() / width;
    let mut out = vec![false; ridges.len()];
    let mut open = Vec::new();
    for (i, &m) in magnitude.iter().enumerate() {
        if ridges[i] && m > high {
            out[i] = true;
            open.push(i);
        }
    }
    while let Some(i) = open.pop() {
        let (x, y) = (i % width, i / width);
        for y in y.saturating_sub(1)..(y + 2).min(height) {
            for x in x.saturating_sub(1)..(x + 2).min(width) {
                let next = y * width + x;
                if ridges[next] && !out[next] {
                    out[next] = true;
                    open.push(next);
                }
            }
        }
    }
    out
}
