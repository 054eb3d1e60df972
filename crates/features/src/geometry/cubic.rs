//! Real roots of a homogeneous cubic.

use std::f64::consts::TAU;

/// Leading coefficients this small against the others count as zero.
const NEGLIGIBLE: f64 = 1e-14;

/// Up to three directions (a, b) with `c[0] b³ + c[1] a b² + c[2] a² b + c[3] a³ = 0`, each with the larger
/// entry 1 or near it. A root at infinity of the inhomogeneous cubic is a direction like any other. Empty
/// when a coefficient is not finite or all are zero.
pub(crate) fn real_directions(c: [f64; 4]) -> UpToThree<(f64, f64)> {
    let mut found = UpToThree::default();
    let largest = c.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    if largest == 0.0 || !c.iter().all(|v| v.is_finite()) {
        return found;
    }
    let c = c.map(|v| v / largest);
    let swapped = c[3].abs() < c[0].abs();
    let leading = if swapped { c[0] } else { c[3] };
    if leading.abs() <= NEGLIGIBLE {
        // a b (c[2] a + c[1] b) = 0.
        found.push((0.0, 1.0));
        found.push((1.0, 0.0));
        let size = c[1].abs().max(c[2].abs());
        if size > 0.0 {
            found.push((c[1] / size, -c[2] / size));
        }
        return found;
    }
    let [p, q, r] = if swapped {
        [c[1], c[2], c[3]]
    } else {
        [c[2], c[1], c[0]]
    }
    .map(|v| v / leading);
    for root in monic_roots(p, q, r).iter() {
        found.push(if swapped { (1.0, *root) } else { (*root, 1.0) });
    }
    found
}

/// Real roots of x³ + p x² + q x + r.
fn monic_roots(p: f64, q: f64, r: f64) -> UpToThree<f64> {
    let third = p / 3.0;
    let (a, b) = (
        (p * p - 3.0 * q) / 9.0,
        (2.0 * p * p * p - 9.0 * p * q + 27.0 * r) / 54.0,
    );
    let mut roots = UpToThree::default();
    let polished = |mut x: f64| {
        for _ in 0..3 {
            let value = ((x + p) * x + q) * x + r;
            let slope = (3.0 * x + 2.0 * p) * x + q;
            let next = x - value / slope;
            let better = |x: f64| (((x + p) * x + q) * x + r).abs();
            if !next.is_finite() || better(next) >= value.abs() {
                break;
            }
            x = next;
        }
        x
    };
    if b * b < a * a * a {
        let angle = (b / (a * a.sqrt())).clamp(-1.0, 1.0).acos();
        for turn in [0.0, TAU, -TAU] {
            roots.push(polished(
                -2.0 * a.sqrt() * ((angle + turn) / 3.0).cos() - third,
            ));
        }
    } else {
        let size = (b.abs() + (b * b - a * a * a).sqrt()).cbrt().copysign(-b);
        let other = if size == 0.0 { 0.0 } else { a / size };
        roots.push(polished(size + other - third));
    }
    roots
}

/// At most three values, without a place on the heap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UpToThree<T> {
    values: [Option<T>; 3],
}

impl<T> Default for UpToThree<T> {
    fn default() -> Self {
        Self {
            values: [None, None, None],
        }
    }
}

impl<T> UpToThree<T> {
    /// Adds a value; a fourth is dropped.
    pub(crate) fn push(&mut self, value: T) {
        if let Some(place) = self.values.iter_mut().find(|v| v.is_none()) {
            *place = Some(value);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.values.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratios(c: [f64; 4]) -> Vec<f64> {
        let mut found: Vec<f64> = real_directions(c).iter().map(|(a, b)| a / b).collect();
        found.sort_by(f64::total_cmp);
        found
    }

    #[test]
    fn roots_of_products_are_their_factors() {
        for roots in [[1.0, 2.0, 3.0], [-5.0, 0.25, 100.0], [1e-4, 1.0, 1e4]] {
            let [x, y, z] = roots;
            let found = ratios([-x * y * z, x * y + y * z + z * x, -x - y - z, 1.0]);
            assert_eq!(found.len(), 3);
            for (f, r) in found.iter().zip(roots) {
                assert!((f - r).abs() < 1e-9 * r.abs().max(1e-3), "{found:?}");
            }
        }
        // (x - 4)(x² + 1)
        let found = ratios([-4.0, 1.0, -4.0, 1.0]);
        assert!(found.len() == 1 && (found[0] - 4.0).abs() < 1e-12);
    }

    #[test]
    fn degenerate_cubics_are_defined() {
        // (x - 2)(x + 3) with one root at infinity.
        let found = ratios([-6.0, 1.0, 1.0, 0.0]);
        assert_eq!(found.len(), 3);
        assert!(found.iter().any(|f| f.is_infinite() || f.abs() > 1e12));
        assert!(found.iter().any(|f| (f - 2.0).abs() < 1e-9));
        assert!(ratios([0.0; 4]).is_empty());
        assert!(ratios([f64::NAN, 1.0, 1.0, 1.0]).is_empty());
        assert_eq!(ratios([0.0, 2.0, -1.0, 0.0]).len(), 3);
        assert_eq!(ratios([0.0, 0.0, 0.0, 1.0]), [0.0]);
    }
}
