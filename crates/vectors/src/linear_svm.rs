//! Linear support vector machines, for discriminative query expansion.
//!
//! A query is asked again as the normal of the plane between what was found and what is far down the list
//! (Arandjelović & Zisserman 2012). The plane is that of the L2-regularised hinge loss, found by dual coordinate descent with
//! shrinking left out (Hsieh, Chang, Lin, Keerthi & Sundararajan 2008): examples are few. The offset is learned as the weight of one more
//! number, 1, of every example, and regularised with the others. Checked against scikit-learn's `LinearSVC`, see
//! `tests/reference/ranking.py`.

use crate::Error;
use crate::random::Random;

/// Most numbers of an example.
const MOST_DIMENSIONS: usize = 1 << 27;

/// How a machine is learned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SvmConfig {
    /// What an example on the wrong side costs, compared with the length of the normal; above 0.
    pub cost: f64,
    /// Greatest violation of optimality at which learning ends; above 0.
    pub tolerance: f64,
    /// Most passes over the examples.
    pub passes: usize,
    /// Seed of the order in which examples are looked at.
    pub seed: u64,
}

impl Default for SvmConfig {
    fn default() -> Self {
        Self {
            cost: 1.0,
            tolerance: 1e-4,
            passes: 1000,
            seed: 0,
        }
    }
}

/// A plane between two sides.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearSvm {
    weights: Vec<f32>,
    offset: f32,
    converged: bool,
}

/// An example: number and value, numbers ascending and different. Values of 0 may be left out.
pub type SparseRow = Vec<(u32, f32)>;

/// The examples in either form.
trait Rows {
    fn dot(&self, row: usize, weights: &[f64]) -> f64;
    fn add(&self, row: usize, factor: f64, weights: &mut [f64]);
    fn squared(&self, row: usize) -> f64;
}

struct Dense<'a>(&'a [f32], usize);

impl Dense<'_> {
    fn row(&self, row: usize) -> &[f32] {
        &self.0[row * self.1..][..self.1]
    }
}

impl Rows for Dense<'_> {
    fn dot(&self, row: usize, weights: &[f64]) -> f64 {
        let pairs = self.row(row).iter().zip(weights);
        pairs.map(|(&x, w)| f64::from(x) * w).sum()
    }

    fn add(&self, row: usize, factor: f64, weights: &mut [f64]) {
        for (w, &x) in weights.iter_mut().zip(self.row(row)) {
            *w += factor * f64::from(x);
        }
    }

    fn squared(&self, row: usize) -> f64 {
        self.row(row).iter().map(|&x| f64::from(x).powi(2)).sum()
    }
}

struct Sparse<'a>(&'a [SparseRow]);

impl Rows for Sparse<'_> {
    fn dot(&self, row: usize, weights: &[f64]) -> f64 {
        let entries = self.0[row].iter();
        entries
            .map(|&(at, x)| f64::from(x) * weights[at as usize])
            .sum()
    }

    fn add(&self, row: usize, factor: f64, weights: &mut [f64]) {
        for &(at, x) in &self.0[row] {
            weights[at as usize] += factor * f64::from(x);
        }
    }

    fn squared(&self, row: usize) -> f64 {
        self.0[row].iter().map(|&(_, x)| f64::from(x).powi(2)).sum()
    }
}

impl LinearSvm {
    /// Learns from rows of `dimension` numbers, of which `positive` says the side; both sides must have some.
    ///
    /// The same examples in the same order with the same seed give the same bits.
    ///
    /// # Errors
    /// The numbers are not as many rows as sides, one is not finite, one side has no example, or a figure is out of
    /// range.
    pub fn train(
        rows: &[f32],
        dimension: usize,
        positive: &[bool],
        config: &SvmConfig,
    ) -> Result<Self, Error> {
        check_dimension(dimension)?;
        if positive.len().checked_mul(dimension) != Some(rows.len()) {
            return Err(Error::Shape {
                numbers: rows.len(),
                dimension,
            });
        }
        if let Some(at) = rows.iter().position(|x| !x.is_finite()) {
            let row = at / dimension;
            return Err(Error::NotFinite { row });
        }
        learn(&Dense(rows, dimension), dimension, positive, config)
    }

    /// Learns from sparse rows, such as histograms of words, with numbers below `dimension`.
    ///
    /// # Errors
    /// As [`LinearSvm::train`], and when the numbers of an example do not ascend or go beyond the dimension.
    pub fn train_sparse(
        rows: &[SparseRow],
        dimension: usize,
        positive: &[bool],
        config: &SvmConfig,
    ) -> Result<Self, Error> {
        check_dimension(dimension)?;
        if positive.len() != rows.len() {
            return Err(Error::Shape {
                numbers: rows.len(),
                dimension: positive.len(),
            });
        }
        for (row, entries) in rows.iter().enumerate() {
            if entries.iter().any(|(_, x)| !x.is_finite()) {
                return Err(Error::NotFinite { row });
            }
            let last = entries.last().map_or(0, |&(at, _)| at as usize);
            if last >= dimension || !entries.is_sorted_by(|a, b| a.0 < b.0) {
                let numbers = entries.len();
                return Err(Error::Shape { numbers, dimension });
            }
        }
        learn(&Sparse(rows), dimension, positive, config)
    }

    /// The normal w: what is greater along it is more likely on the positive side.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The offset: the plane is w·x + offset = 0.
    pub fn offset(&self) -> f32 {
        self.offset
    }

    /// Whether learning ended by its tolerance, and not by the number of passes.
    pub fn converged(&self) -> bool {
        self.converged
    }
}

fn check_dimension(dimension: usize) -> Result<(), Error> {
    if (1..=MOST_DIMENSIONS).contains(&dimension) {
        return Ok(());
    }
    Err(Error::OutOfRange {
        what: "the dimension of examples",
        found: dimension,
        least: 1,
        most: MOST_DIMENSIONS,
    })
}

fn check_config(positive: &[bool], config: &SvmConfig) -> Result<(), Error> {
    for (what, found) in [
        ("the cost of an example on the wrong side", config.cost),
        (
            "the tolerance of a support vector machine",
            config.tolerance,
        ),
    ] {
        if !(found > 0.0 && found.is_finite()) {
            let allowed = "more than 0";
            return Err(Error::Figure {
                what,
                found,
                allowed,
            });
        }
    }
    let positives = positive.iter().filter(|&&side| side).count();
    for (what, found) in [
        ("positive examples", positives),
        ("negative examples", positive.len() - positives),
    ] {
        if found == 0 {
            let needed = 1;
            return Err(Error::TooFew {
                what,
                found,
                needed,
            });
        }
    }
    Ok(())
}

/// Dual coordinate descent: each step makes the dual the least it can be along the coefficient of one example.
fn learn(
    rows: &dyn Rows,
    dimension: usize,
    positive: &[bool],
    config: &SvmConfig,
) -> Result<LinearSvm, Error> {
    check_config(positive, config)?;
    // The last weight is the offset.
    let mut weights = vec![0f64; dimension + 1];
    let mut coefficients = vec![0f64; positive.len()];
    let curvatures: Vec<f64> = (0..positive.len())
        .map(|row| rows.squared(row) + 1.0)
        .collect();
    let mut order: Vec<usize> = (0..positive.len()).collect();
    let mut random = Random::new(config.seed);
    let mut converged = false;
    for _ in 0..config.passes {
        shuffle(&mut order, &mut random);
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for &row in &order {
            let side = if positive[row] { 1.0 } else { -1.0 };
            let value = rows.dot(row, &weights[..dimension]) + weights[dimension];
            let gradient = side * value - 1.0;
            let before = coefficients[row];
            // What of the gradient does not lead out of the box.
            let projected = match before {
                b if b <= 0.0 => gradient.min(0.0),
                b if b >= config.cost => gradient.max(0.0),
                _ => gradient,
            };
            (least, most) = (least.min(projected), most.max(projected));
            if projected != 0.0 {
                let after = (before - gradient / curvatures[row]).clamp(0.0, config.cost);
                let step = side * (after - before);
                rows.add(row, step, &mut weights[..dimension]);
                weights[dimension] += step;
                coefficients[row] = after;
            }
        }
        if most - least <= config.tolerance {
            converged = true;
            break;
        }
    }
    let offset = weights.pop().unwrap_or(0.0) as f32;
    Ok(LinearSvm {
        weights: weights.into_iter().map(|w| w as f32).collect(),
        offset,
        converged,
    })
}

/// Fisher and Yates's shuffle.
fn shuffle(order: &mut [usize], random: &mut Random) {
    for at in (1..order.len()).rev() {
        order.swap(at, random.below(at as u64 + 1) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_learn_the_same_plane() {
        let mut random = Random::new(6);
        let (count, dimension) = (60, 12);
        let positive: Vec<bool> = (0..count).map(|row| row % 5 == 0).collect();
        let rows: Vec<f32> = (0..count * dimension)
            .map(|at| {
                let shift = if positive[at / dimension] { 0.3 } else { 0.0 };
                match random.below(2) {
                    0 => 0.0,
                    _ => random.unit() as f32 + shift,
                }
            })
            .collect();
        let sparse: Vec<SparseRow> = rows
            .chunks_exact(dimension)
            .map(|row| {
                (0..)
                    .zip(row.iter().copied())
                    .filter(|(_, x)| *x != 0.0)
                    .collect()
            })
            .collect();
        let config = SvmConfig::default();
        let one = LinearSvm::train(&rows, dimension, &positive, &config).unwrap();
        let two = LinearSvm::train_sparse(&sparse, dimension, &positive, &config).unwrap();
        assert!(one.converged());
        for (a, b) in one.weights().iter().zip(two.weights()) {
            assert!((a - b).abs() < 1e-6);
        }
        assert_eq!(
            one,
            LinearSvm::train(&rows, dimension, &positive, &config).unwrap()
        );
        // Another order comes to the same plane.
        let other = SvmConfig { seed: 5, ..config };
        let three = LinearSvm::train(&rows, dimension, &positive, &other).unwrap();
        for (a, b) in one.weights().iter().zip(three.weights()) {
            assert!((a - b).abs() < 1e-3);
        }
    }

    #[test]
    fn the_widest_margin_of_two_points_lies_between_them() {
        // With the offset regularised: w = 2/(2·(1 + 1)) of the difference over … is 1 for points at ±1.
        let svm = LinearSvm::train(&[1.0, -1.0], 1, &[true, false], &SvmConfig::default()).unwrap();
        assert!((svm.weights()[0] - 1.0).abs() < 1e-3 && svm.offset().abs() < 1e-3);
        let same = LinearSvm::train(&[1.0, 1.0], 1, &[true, false], &SvmConfig::default()).unwrap();
        assert!(same.weights()[0].abs() < 1e-3);
    }

    #[test]
    fn examples_that_cannot_be_are_refused() {
        let usual = SvmConfig::default();
        let train = |rows: &[f32], sides: &[bool]| LinearSvm::train(rows, 1, sides, &usual);
        assert!(matches!(train(&[1.0], &[true]), Err(Error::TooFew { .. })));
        assert!(train(&[1.0, 2.0], &[false, false]).is_err() && train(&[], &[]).is_err());
        assert!(train(&[1.0, 2.0, 3.0], &[true, false]).is_err());
        assert!(matches!(
            train(&[1.0, f32::NAN], &[true, false]),
            Err(Error::NotFinite { row: 1 })
        ));
        assert!(LinearSvm::train(&[], 0, &[true, false], &usual).is_err());
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let config = SvmConfig { cost: bad, ..usual };
            assert!(LinearSvm::train(&[1.0, 2.0], 1, &[true, false], &config).is_err());
        }
        let sparse =
            |row: SparseRow| LinearSvm::train_sparse(&[row, vec![]], 3, &[true, false], &usual);
        assert!(sparse(vec![(3, 1.0)]).is_err() && sparse(vec![(1, 1.0), (1, 1.0)]).is_err());
        assert!(sparse(vec![(1, f32::NAN)]).is_err() && sparse(vec![]).is_ok());
        let huge = LinearSvm::train(&[3e38, -3e38], 1, &[true, false], &usual).unwrap();
        assert!(huge.weights()[0].is_finite());
        let no_pass = SvmConfig { passes: 0, ..usual };
        let flat = LinearSvm::train(&[1.0, 2.0], 1, &[true, false], &no_pass).unwrap();
        assert!(!flat.converged() && flat.weights() == [0.0]);
    }
}
