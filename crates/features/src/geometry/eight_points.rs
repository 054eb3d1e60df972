//! Fundamental matrices by least squares.
//!
//! The normalised eight-point algorithm (Longuet-Higgins 1981; Hartley 1997): the vector that a weighted system
//! of incidences shrinks most, in coordinates of centroid 0 and mean distance √2, then the nearest matrix of
//! rank 2. Checked against NumPy and OpenCV (`tests/reference/two_view.py`).

use super::eigen::symmetric_eigen;
use super::fit::{Normalisation, Pair};
use super::fundamental::Fundamental;
use super::seven_points::{epipolar_row, from_entries};
use super::{Correspondence, sampson};

/// Second smallest eigenvalue, as a share of the largest, below which the pairs leave more than one matrix.
const AMBIGUOUS: f64 = 1e-13;

/// The fundamental matrix that minimises the weighted squared Sampson error of eight or more correspondences.
///
/// Starts from the normalised eight-point solution and ends with Levenberg–Marquardt on matrices of rank 2. Only
/// positions and weights are used. Correspondences whose positions are not finite or whose weight is not
/// positive are left out. `None` with fewer than eight, or when they do not fix the matrix (coincident,
/// collinear, exactly on one plane).
#[must_use]
pub fn fit_fundamental(correspondences: &[Correspondence]) -> Option<Fundamental> {
    let pairs: Vec<Pair> = correspondences
        .iter()
        .filter(|c| c.has_valid_positions())
        .map(Pair::of)
        .collect();
    let (scale, normal) = normalised(&pairs)?;
    let start = eight_points(&normal)?;
    let refined = sampson::refine(&start, &normal, 20);
    scale.undo(&refined)
}

/// One shift for each image and one scale for both, so that Sampson errors keep their proportions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EqualScales {
    pub from: Normalisation,
    pub to: Normalisation,
}

impl EqualScales {
    /// Makes the scales of two normalisations equal: their geometric mean.
    pub(crate) fn new(from: Normalisation, to: Normalisation) -> Self {
        let scale = from.scale.sqrt() * to.scale.sqrt();
        Self {
            from: Normalisation { scale, ..from },
            to: Normalisation { scale, ..to },
        }
    }

    /// A matrix between normalised coordinates as one between pixels.
    pub(crate) fn undo(&self, f: &Fundamental) -> Option<Fundamental> {
        undone(&self.from, &self.to, f)
    }
}

/// T'ᵀ F T of the two normalising maps.
pub(crate) fn undone(
    from: &Normalisation,
    to: &Normalisation,
    f: &Fundamental,
) -> Option<Fundamental> {
    let (s, (x, y)) = (from.scale, from.shift);
    let right = f.0.map(|[a, b, c]| [a * s, b * s, c - s * (a * x + b * y)]);
    let (t, (u, v)) = (to.scale, to.shift);
    let left = [
        right[0].map(|e| e * t),
        right[1].map(|e| e * t),
        std::array::from_fn(|c| right[2][c] - t * (right[0][c] * u + right[1][c] * v)),
    ];
    Fundamental(left).normalised()
}

fn normalised(pairs: &[Pair]) -> Option<(EqualScales, Vec<Pair>)> {
    if pairs.len() < 8 {
        return None;
    }
    let scales = EqualScales::new(
        Normalisation::of(pairs.iter().map(|p| (p.x, p.y)))?,
        Normalisation::of(pairs.iter().map(|p| (p.u, p.v)))?,
    );
    let moved = pairs.iter().map(|p| moved(p, &scales.from, &scales.to));
    Some((scales, moved.collect()))
}

fn moved(p: &Pair, from: &Normalisation, to: &Normalisation) -> Pair {
    let ((x, y), (u, v)) = (from.apply(p.x, p.y), to.apply(p.u, p.v));
    Pair {
        x,
        y,
        u,
        v,
        weight: p.weight,
    }
}

/// The eight-point solution of rank 2 for eight or more pairs.
pub(crate) fn eight_points(pairs: &[Pair]) -> Option<Fundamental> {
    if pairs.len() < 8 {
        return None;
    }
    let from = Normalisation::of(pairs.iter().map(|p| (p.x, p.y)))?;
    let to = Normalisation::of(pairs.iter().map(|p| (p.u, p.v)))?;
    let mut normal = [[0.0; 9]; 9];
    for p in pairs {
        let Pair { x, y, u, v, weight } = moved(p, &from, &to);
        let row = epipolar_row(&[x, y, u, v]);
        for i in 0..9 {
            let weighted = weight * row[i];
            for j in 0..=i {
                normal[i][j] += weighted * row[j];
            }
        }
    }
    let whole = std::array::from_fn(|i| std::array::from_fn(|j| normal[i.max(j)][i.min(j)]));
    let (values, vectors) = symmetric_eigen::<9>(whole);
    let mut order: [usize; 9] = std::array::from_fn(|k| k);
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]).then(a.cmp(&b)));
    let unclear = values[order[1]] <= AMBIGUOUS * values[order[8]];
    if unclear || !values.iter().all(|v| v.is_finite()) {
        return None;
    }
    let least = vectors.map(|row| row[order[0]]);
    undone(&from, &to, &from_entries(&least).rank_two()?)
}
