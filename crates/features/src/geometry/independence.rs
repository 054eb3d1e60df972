//! Those of many inliers that are evidence of their own: not near a better one in either image.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// Rows that are looked at together.
const LANES: usize = 8;

/// Pairs of places that were kept so far, in blocks of columns x, y, u and v; what is left of the last block is no number. The
/// memory is used again.
#[derive(Debug, Default)]
pub(crate) struct Independent {
    blocks: Vec<[[f32; LANES]; 4]>,
    count: usize,
}

impl Independent {
    /// Forgets all pairs.
    pub(crate) fn clear(&mut self) {
        self.blocks.clear();
        self.count = 0;
    }

    /// Whether a pair (x, y, u, v) is not nearer to a kept one than the two radii, in either image; it is kept then.
    pub(crate) fn keep(&mut self, pair: [f32; 4], radii: (f32, f32)) -> bool {
        let squared = (radii.0.powi(2), radii.1.powi(2));
        let alone = !self.is_near(&pair, squared);
        if alone {
            let lane = self.count % LANES;
            if lane == 0 {
                self.blocks.push([[f32::NAN; LANES]; 4]);
            }
            if let Some(block) = self.blocks.last_mut() {
                (0..4).for_each(|i| block[i][lane] = pair[i]);
            }
            self.count += 1;
        }
        alone
    }

    fn is_near(&self, pair: &[f32; 4], squared: (f32, f32)) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the feature was found on this processor just above.
                return unsafe { self.is_near_avx2(pair, squared) };
            }
        }
        self.is_near_plain(pair, squared)
    }

    fn is_near_plain(&self, &[x, y, u, v]: &[f32; 4], squared: (f32, f32)) -> bool {
        self.blocks.iter().any(|[xs, ys, us, vs]| {
            (0..LANES).any(|i| {
                let from = (xs[i] - x).powi(2) + (ys[i] - y).powi(2);
                let to = (us[i] - u).powi(2) + (vs[i] - v).powi(2);
                from < squared.0 || to < squared.1
            })
        })
    }

    /// The twin of [`is_near_plain`](Self::is_near_plain), operation for operation.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn is_near_avx2(&self, pair: &[f32; 4], squared: (f32, f32)) -> bool {
        let [x, y, u, v] = pair.map(|value| _mm256_set1_ps(value));
        let limits = (_mm256_set1_ps(squared.0), _mm256_set1_ps(squared.1));
        for block in &self.blocks {
            let load = |column: &[f32; LANES]| {
                // SAFETY: a column of a block has the eight lanes that are read.
                unsafe { _mm256_loadu_ps(column.as_ptr()) }
            };
            let square = |column: &[f32; LANES], value: __m256| {
                let apart = _mm256_sub_ps(load(column), value);
                _mm256_mul_ps(apart, apart)
            };
            let from = _mm256_add_ps(square(&block[0], x), square(&block[1], y));
            let to = _mm256_add_ps(square(&block[2], u), square(&block[3], v));
            let near = _mm256_or_ps(
                _mm256_cmp_ps::<_CMP_LT_OQ>(from, limits.0),
                _mm256_cmp_ps::<_CMP_LT_OQ>(to, limits.1),
            );
            if _mm256_movemask_ps(near) != 0 {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::tentative::tests::scattered;
    use super::*;

    #[test]
    fn who_is_kept_is_near_nobody_kept_before() {
        let mut independent = Independent::default();
        for (count, radii) in [(1, (1.0, 1.0)), (400, (30.0, 10.0)), (60, (0.0, 80.0))] {
            let pairs: Vec<[f32; 4]> = scattered(count)
                .iter()
                .map(|c| [c.from.x, c.from.y, c.to.x, c.to.y].map(|v| v as f32))
                .collect();
            independent.clear();
            let mut kept: Vec<[f32; 4]> = Vec::new();
            for &pair in &pairs {
                let near = |other: &[f32; 4]| {
                    (pair[0] - other[0]).hypot(pair[1] - other[1]) < radii.0
                        || (pair[2] - other[2]).hypot(pair[3] - other[3]) < radii.1
                };
                let alone = !kept.iter().any(near);
                let squared = (radii.0 * radii.0, radii.1 * radii.1);
                assert_eq!(independent.is_near_plain(&pair, squared), !alone);
                assert_eq!(independent.keep(pair, radii), alone);
                if alone {
                    kept.push(pair);
                }
            }
            assert!(count == 1 || (kept.len() > 10 && kept.len() < count));
        }
    }
}
