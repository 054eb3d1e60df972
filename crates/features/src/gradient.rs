//! Directions of gradients by a polynomial, a register at a time.

use vizsla_pixels::Lanes;

/// Coefficients of `atan(q) / 2πq` in `q²`, minimax on `[0, 1]` by Lawson's iteration.
const ARC_TANGENT: [f32; 6] = [
    0.159_151_32,
    -0.052_938_565,
    0.030_802_895,
    -0.018_529_82,
    0.008_379_056,
    -0.001_865_147_5,
];

/// The angles of `(x, y)` in turns, `[0, 1]`, within 10⁻⁶ of a turn; 0 for the zero vector. No branches, no tables.
///
/// # Safety
/// The processor must have the instruction set of `V`.
#[inline(always)]
#[allow(unsafe_code)]
pub(crate) unsafe fn turns<V: Lanes>(y: V, x: V) -> V {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let (ax, ay) = (x.abs(), y.abs());
        let q = ax.min(ay).div(ax.max(ay).add(V::splat(1e-30)));
        let s = q.mul(q);
        let mut p = V::splat(ARC_TANGENT[5]);
        for c in [4, 3, 2, 1, 0] {
            p = p.mul_add(s, V::splat(ARC_TANGENT[c]));
        }
        let octant = p.mul(q);
        let quadrant = V::select_less(ax, ay, V::splat(0.25).sub(octant), octant);
        let zero = V::splat(0.0);
        let half = V::select_less(x, zero, V::splat(0.5).sub(quadrant), quadrant);
        V::select_less(y, zero, V::splat(1.0).sub(half), half)
    }
}

#[cfg(test)]
mod tests {
    #![allow(unsafe_code)]
    use super::turns;

    #[test]
    fn turns_follow_the_arc_tangent() {
        for step in 0..5000 {
            let angle = f64::from(step) / 5000.0 * std::f64::consts::TAU;
            let (x, y) = ((7.3 * angle.cos()) as f32, (7.3 * angle.sin()) as f32);
            // SAFETY: plain values need no instruction set.
            let found = f64::from(unsafe { turns(y, x) });
            let off = (found - angle / std::f64::consts::TAU).abs();
            assert!(off.min(1.0 - off) < 2e-6, "{angle} {found}");
        }
        // SAFETY: as above.
        assert_eq!(unsafe { turns(0.0f32, 0.0) }, 0.0);
    }
}
