//! Fundamental matrices that minimise the Sampson error.
//!
//! Levenberg–Marquardt over the seven degrees of freedom of a matrix of rank 2, written U·diag(1, s, 0)·Vᵀ and moved by
//! two rotations and the ratio s (Bartoli and Sturm 2004), so every step is a fundamental matrix.

use super::eigen::right_singular;
use super::fit::Pair;
use super::fundamental::{Fundamental, cross};
use super::linear::{Square, solve_positive};

/// The factors of a matrix of rank 2 and size 1.
#[derive(Debug, Clone, Copy)]
struct Factors {
    /// Left singular vectors, one a row.
    left: [[f64; 3]; 3],
    /// Right singular vectors, one a row.
    right: [[f64; 3]; 3],
    ratio: f64,
}

impl Factors {
    fn of(f: &Fundamental) -> Option<Self> {
        let mut scaled = f.normalised()?.0;
        let (values, vectors) = right_singular(&mut scaled);
        if values[1] <= 1e-12 * values[0] {
            return None;
        }
        let column = |m: &[[f64; 3]; 3], k: usize, size: f64| m.map(|row| row[k] / size);
        let (u, w) = (column(&scaled, 0, values[0]), column(&scaled, 1, values[1]));
        let (v, z) = (column(&vectors, 0, 1.0), column(&vectors, 1, 1.0));
        Some(Self {
            left: [u, w, cross(&u, &w)],
            right: [v, z, cross(&v, &z)],
            ratio: values[1] / values[0],
        })
    }

    fn product(&self, columns: &[(usize, usize, f64)]) -> [[f64; 3]; 3] {
        let mut sum = [[0.0; 3]; 3];
        for &(l, r, size) in columns {
            for (row, a) in sum.iter_mut().zip(self.left[l]) {
                for (entry, b) in row.iter_mut().zip(self.right[r]) {
                    *entry += size * a * b;
                }
            }
        }
        sum
    }

    fn matrix(&self) -> [[f64; 3]; 3] {
        self.product(&[(0, 0, 1.0), (1, 1, self.ratio)])
    }

    /// Derivatives of the matrix by turns about the three left vectors, the three right ones, and the ratio.
    fn derivatives(&self) -> [[[f64; 3]; 3]; 7] {
        let s = self.ratio;
        [
            self.product(&[(2, 1, s)]),
            self.product(&[(2, 0, -1.0)]),
            self.product(&[(1, 0, 1.0), (0, 1, -s)]),
            self.product(&[(1, 2, s)]),
            self.product(&[(0, 2, -1.0)]),
            self.product(&[(0, 1, 1.0), (1, 0, -s)]),
            self.product(&[(1, 1, 1.0)]),
        ]
    }

    fn moved(&self, step: &[f64; 7]) -> Option<Self> {
        let [a, b, c, d, e, f, s] = *step;
        let next = Self {
            left: turned(&self.left, [a, b, c]),
            right: turned(&self.right, [d, e, f]),
            ratio: self.ratio + s,
        };
        next.ratio.is_finite().then_some(next)
    }
}

/// An orthonormal frame after the rotation exp([turn]×) about its own vectors (Rodrigues).
fn turned(frame: &[[f64; 3]; 3], turn: [f64; 3]) -> [[f64; 3]; 3] {
    let angle = turn.iter().map(|t| t * t).sum::<f64>().sqrt();
    if angle == 0.0 {
        return *frame;
    }
    let axis = turn.map(|t| t / angle);
    let (sin, cos) = angle.sin_cos();
    // Column k of the rotation says what the new k-th vector is made of.
    let made_of = |k: usize| -> [f64; 3] {
        let mut unit = [0.0; 3];
        unit[k] = 1.0;
        let crossed = cross(&axis, &unit);
        std::array::from_fn(|i| cos * unit[i] + sin * crossed[i] + (1.0 - cos) * axis[i] * axis[k])
    };
    std::array::from_fn(|k| {
        let m = made_of(k);
        std::array::from_fn(|c| (0..3).map(|i| m[i] * frame[i][c]).sum())
    })
}

struct Sums {
    normal: Square<7>,
    right: [f64; 7],
    cost: f64,
}

fn cost_of(f: &Fundamental, pairs: &[Pair]) -> f64 {
    let error = |p: &Pair| p.weight * f.sampson_squared((p.x, p.y), (p.u, p.v));
    pairs.iter().map(error).sum()
}

/// Normal equations of the weighted Sampson errors.
fn sums(factors: &Factors, pairs: &[Pair]) -> Sums {
    let f = Fundamental(factors.matrix());
    let directions = factors.derivatives();
    let (mut normal, mut right, mut cost) = ([[0.0; 7]; 7], [0.0; 7], 0.0);
    for p in pairs {
        let at = f.incidence([p.x, p.y, p.u, p.v]);
        let inverse = 1.0 / at.gradient().sqrt();
        let residual = at.algebraic * inverse;
        if !residual.is_finite() {
            continue;
        }
        cost += p.weight * residual * residual;
        let (from, to) = ([p.x, p.y, 1.0], [p.u, p.v, 1.0]);
        let along = residual * inverse;
        let mut slope = [[0.0; 3]; 3];
        for i in 0..3 {
            for j in 0..3 {
                let line = if i < 2 { at.to_line[i] * from[j] } else { 0.0 };
                let other = if j < 2 { at.from_line[j] * to[i] } else { 0.0 };
                slope[i][j] = (to[i] * from[j] - along * (line + other)) * inverse;
            }
        }
        let mut jacobian = [0.0; 7];
        for (entry, direction) in jacobian.iter_mut().zip(&directions) {
            for (row, slopes) in direction.iter().zip(&slope) {
                *entry += row[0] * slopes[0] + row[1] * slopes[1] + row[2] * slopes[2];
            }
        }
        for i in 0..7 {
            let weighted = p.weight * jacobian[i];
            right[i] -= weighted * residual;
            for j in 0..=i {
                normal[i][j] += weighted * jacobian[j];
            }
        }
    }
    Sums {
        normal,
        right,
        cost,
    }
}

/// Levenberg–Marquardt from `start`: the best matrix met, never a worse one.
pub(crate) fn refine(start: &Fundamental, pairs: &[Pair], iterations: usize) -> Fundamental {
    let Some(mut factors) = Factors::of(start) else {
        return *start;
    };
    let mut now = sums(&factors, pairs);
    let mut damping = 1e-6;
    for _ in 0..iterations {
        let mut damped = now.normal;
        let mean = (0..7).map(|i| damped[i][i]).sum::<f64>() / 7.0;
        for (i, row) in damped.iter_mut().enumerate() {
            // The ratio's share vanishes where s does; a part of the mean keeps the system solvable.
            row[i] += damping * (row[i] + 1e-3 * mean);
        }
        let moved = solve_positive(&damped, &now.right).and_then(|step| factors.moved(&step));
        let Some(candidate) = moved else {
            damping *= 100.0;
            if damping > 1e3 {
                break;
            }
            continue;
        };
        let next = cost_of(&Fundamental(candidate.matrix()), pairs);
        if next < now.cost {
            let gain = now.cost - next;
            factors = candidate;
            now = sums(&factors, pairs);
            damping *= 0.1;
            if gain <= 1e-10 * now.cost {
                break;
            }
        } else {
            damping *= 100.0;
            if damping > 1e3 {
                break;
            }
        }
    }
    Fundamental(factors.matrix()).normalised().unwrap_or(*start)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Fundamental = Fundamental([[0.1, -0.8, 0.3], [0.6, 0.2, -0.9], [-0.4, 1.0, 0.05]]);

    #[test]
    fn factors_make_the_matrix_and_derivatives_its_changes() {
        let f = START.rank_two().unwrap();
        let factors = Factors::of(&f).unwrap();
        let again = Fundamental(factors.matrix()).normalised().unwrap();
        for (a, b) in f.0.iter().flatten().zip(again.0.iter().flatten()) {
            assert!((a - b).abs() < 1e-13);
        }
        let step = 1e-6;
        for (k, derivative) in factors.derivatives().iter().enumerate() {
            let at = |size: f64| {
                let mut steps = [0.0; 7];
                steps[k] = size;
                factors.moved(&steps).unwrap().matrix()
            };
            let (plus, minus) = (at(step), at(-step));
            for i in 0..3 {
                for j in 0..3 {
                    let slope = (plus[i][j] - minus[i][j]) / (2.0 * step);
                    assert!((slope - derivative[i][j]).abs() < 1e-8, "{k}");
                }
            }
        }
    }

    #[test]
    fn refinement_never_makes_it_worse_and_finds_the_exact_matrix() {
        let truth = START.rank_two().unwrap();
        // Points put on their lines.
        let pairs: Vec<Pair> = (0..30)
            .map(|i| {
                let (x, y) = ((f64::from(i) * 0.7).sin(), (f64::from(i) * 1.3).cos());
                let [a, b, c] = truth.line_in_second(x, y);
                let u = (f64::from(i) * 2.1).sin();
                let (u, v) = if b.abs() > a.abs() {
                    (u, -(a * u + c) / b)
                } else {
                    (-(b * u + c) / a, u)
                };
                let weight = 1.0;
                Pair { x, y, u, v, weight }
            })
            .collect();
        let mut off = truth;
        off.0[0][1] += 0.02;
        off.0[2][0] -= 0.01;
        let off = off.rank_two().unwrap();
        let found = refine(&off, &pairs, 30);
        assert!(
            cost_of(&found, &pairs) < 1e-16,
            "{}",
            cost_of(&found, &pairs)
        );
        assert!(found.determinant().abs() < 1e-14);
    }
}
