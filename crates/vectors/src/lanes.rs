//! Registers of one number for each of the sixteen rows of a block.
//!
//! One body of a kernel is written over [`Lanes`] and compiled for every instruction set; see
//! [`FloatPanel`](crate::float_panel::FloatPanel). A sum and a product are two roundings in all of them, so that all give the
//! same bits.
#![allow(unsafe_code)]

use crate::blocks::{BLOCK_ROWS, Column, LaneBest};

/// Sixteen numbers. Every method needs the instructions of its implementor.
pub(crate) trait Lanes: Copy {
    type Number: Copy;
    fn splat(value: Self::Number) -> Self;
    fn load(column: &Column<Self::Number>) -> Self;
    fn stored(self) -> Column<Self::Number>;
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
}

/// Sixteen distances or less.
pub(crate) trait FloatLanes: Lanes<Number = f32> {
    /// [`LaneBest::offer`] of a block of which every row counts. (Left to itself, the compiler takes several points at a time for
    /// this and gathers their lanes.)
    fn offered(self, first_row: u32, best: &mut LaneBest<f32>);
}

/// Sixteen numbers of double precision that can be divided by single-precision numbers known long before.
pub(crate) trait DividedLanes: Lanes<Number = f64> {
    /// `self` / `divisor` rounded to nearest, from `reciprocal`, which is 1 / `divisor` rounded to nearest.
    ///
    /// `divisor` holds numbers of single precision above 0, and `self` is 0 or between 2⁻³⁰⁰ and 2³⁰⁰.
    ///
    /// A division takes as long as a dozen multiplications. Markstein 1990 ("Computation of elementary functions on the IBM RISC
    /// System/6000 processor") does without: q = a·(1/b) is off by at most two units in the last place; what is left, a − q·b, has
    /// few enough bits for a fused multiply-add to give it exactly; and q + (a − q·b)·(1/b) differs from a/b by less than 2⁻¹⁰⁴ of
    /// it before it is rounded. A quotient by a number of 24 bits is never a midpoint of two numbers of 53 bits, nor nearer to
    /// one than 2⁻⁷⁹ of it, so rounding gives the number that a division gives.
    fn divided(self, divisor: Self, reciprocal: Self) -> Self;
}

/// Sixteen sums of products of 16-bit numbers, two products at a time: an entry is a pair of numbers, the first in its lower half.
/// Every method needs the instructions of its implementor.
pub(crate) trait PairLanes: Copy {
    fn splat(pair: i32) -> Self;
    fn load(column: &Column<i32>) -> Self;
    fn stored(self) -> Column<i32>;
    /// Adds the products of the first and of the second numbers.
    fn multiply_add(self, a: Self, b: Self) -> Self;
    fn plus(self, other: Self) -> Self;
    /// [`LaneBest::offer`] of `bias` − 2 · `self`.
    fn offered(self, bias: &Column<i32>, first_row: u32, best: &mut LaneBest<i32>);
    /// `bias` − 2 · `self`.
    fn keys(self, bias: &Column<i32>) -> Self;
    /// Whether a sum is at most this.
    fn any_at_most(self, limit: i32) -> bool;
    /// Of the four bytes of every entry the first and the third, as pairs.
    fn even_bytes(self) -> Self;
    /// Of the four bytes of every entry the second and the fourth, as pairs.
    fn odd_bytes(self) -> Self;
}

/// Implements [`Lanes`] by what all registers are called.
macro_rules! portable {
    ($number:ty) => {
        /// The meaning of the others; compilers vectorise it for NEON.
        impl Lanes for Column<$number> {
            type Number = $number;
            #[inline(always)]
            fn splat(value: $number) -> Self {
                [value; BLOCK_ROWS]
            }
            #[inline(always)]
            fn load(column: &Column<$number>) -> Self {
                *column
            }
            #[inline(always)]
            fn stored(self) -> Column<$number> {
                self
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                std::array::from_fn(|lane| self[lane] + other[lane])
            }
            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                std::array::from_fn(|lane| self[lane] - other[lane])
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                std::array::from_fn(|lane| self[lane] * other[lane])
            }
        }
    };
}

portable!(f32);
portable!(f64);

impl FloatLanes for Column<f32> {
    #[inline(always)]
    fn offered(self, first_row: u32, best: &mut LaneBest<f32>) {
        best.offer(first_row, &self);
    }
}

impl DividedLanes for Column<f64> {
    #[inline(always)]
    fn divided(self, divisor: Self, _: Self) -> Self {
        std::array::from_fn(|lane| self[lane] / divisor[lane])
    }
}

/// Of two bytes the lower one, in both halves of an entry.
const LOWER_BYTES: i32 = 0x00ff_00ff;

/// The meaning of the others; compilers vectorise it for NEON.
impl PairLanes for Column<i32> {
    #[inline(always)]
    fn splat(pair: i32) -> Self {
        [pair; BLOCK_ROWS]
    }
    #[inline(always)]
    fn load(column: &Column<i32>) -> Self {
        *column
    }
    #[inline(always)]
    fn stored(self) -> Column<i32> {
        self
    }
    #[inline(always)]
    fn multiply_add(self, a: Self, b: Self) -> Self {
        let product = |a: i32, b: i32| i32::from(a as i16) * i32::from(b as i16);
        std::array::from_fn(|lane| {
            let (a, b) = (a[lane], b[lane]);
            self[lane] + product(a, b) + (a >> 16) * (b >> 16)
        })
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        std::array::from_fn(|lane| self[lane] + other[lane])
    }
    #[inline(always)]
    fn offered(self, bias: &Column<i32>, first_row: u32, best: &mut LaneBest<i32>) {
        best.offer(first_row, &self.keys(bias));
    }
    #[inline(always)]
    fn keys(self, bias: &Column<i32>) -> Self {
        std::array::from_fn(|lane| bias[lane] - 2 * self[lane])
    }
    #[inline(always)]
    fn any_at_most(self, limit: i32) -> bool {
        self.iter().fold(false, |any, &sum| any | (sum <= limit))
    }
    #[inline(always)]
    fn even_bytes(self) -> Self {
        self.map(|entry| entry & LOWER_BYTES)
    }
    #[inline(always)]
    fn odd_bytes(self) -> Self {
        self.map(|entry| (entry >> 8) & LOWER_BYTES)
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) mod x86 {
    use std::arch::x86_64::*;

    use super::{
        BLOCK_ROWS, Column, DividedLanes, FloatLanes, LOWER_BYTES, LaneBest, Lanes, PairLanes,
    };

    /// Whether this processor has all instructions of [`PairsVnni`].
    pub(crate) fn has_vnni() -> bool {
        std::arch::is_x86_feature_detected!("avx512bw")
            && std::arch::is_x86_feature_detected!("avx512vnni")
    }

    /// Implements [`Lanes`] for so many registers of so many numbers each.
    macro_rules! registers {
        ($number:ty, $register:ty, $count:literal, $splat:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $mul:ident) => {
            impl Lanes for [$register; $count] {
                type Number = $number;
                #[inline(always)]
                fn splat(value: $number) -> Self {
                    // SAFETY: the caller has the instructions; so for every method below.
                    [unsafe { $splat(value) }; $count]
                }
                #[inline(always)]
                fn load(column: &Column<$number>) -> Self {
                    let parts = column.as_chunks::<{ BLOCK_ROWS / $count }>().0;
                    let mut lanes = Self::splat(0.0);
                    for (i, register) in lanes.iter_mut().enumerate() {
                        // SAFETY: as above, and a part is as long as a register.
                        *register = unsafe { $load(parts[i].as_ptr()) };
                    }
                    lanes
                }
                #[inline(always)]
                fn stored(self) -> Column<$number> {
                    let mut column = [0.0; BLOCK_ROWS];
                    let parts = column.as_chunks_mut::<{ BLOCK_ROWS / $count }>().0;
                    for (i, part) in parts.iter_mut().enumerate() {
                        // SAFETY: as above, and a part is as long as a register.
                        unsafe { $store(part.as_mut_ptr(), self[i]) };
                    }
                    column
                }
                #[inline(always)]
                fn plus(self, other: Self) -> Self {
                    let mut lanes = self;
                    for (i, register) in lanes.iter_mut().enumerate() {
                        // SAFETY: as above.
                        *register = unsafe { $add(*register, other[i]) };
                    }
                    lanes
                }
                #[inline(always)]
                fn minus(self, other: Self) -> Self {
                    let mut lanes = self;
                    for (i, register) in lanes.iter_mut().enumerate() {
                        // SAFETY: as above.
                        *register = unsafe { $sub(*register, other[i]) };
                    }
                    lanes
                }
                #[inline(always)]
                fn times(self, other: Self) -> Self {
                    let mut lanes = self;
                    for (i, register) in lanes.iter_mut().enumerate() {
                        // SAFETY: as above.
                        *register = unsafe { $mul(*register, other[i]) };
                    }
                    lanes
                }
            }
        };
    }

    /// AVX-512 F.
    pub(crate) type Floats512 = [__m512; 1];
    /// AVX.
    pub(crate) type Floats256 = [__m256; 2];
    /// AVX-512 F.
    pub(crate) type Doubles512 = [__m512d; 2];
    /// AVX and FMA.
    pub(crate) type Doubles256 = [__m256d; 4];

    registers!(
        f32,
        __m512,
        1,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_add_ps,
        _mm512_sub_ps,
        _mm512_mul_ps
    );
    registers!(
        f32,
        __m256,
        2,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_add_ps,
        _mm256_sub_ps,
        _mm256_mul_ps
    );
    registers!(
        f64,
        __m512d,
        2,
        _mm512_set1_pd,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_add_pd,
        _mm512_sub_pd,
        _mm512_mul_pd
    );
    registers!(
        f64,
        __m256d,
        4,
        _mm256_set1_pd,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_add_pd,
        _mm256_sub_pd,
        _mm256_mul_pd
    );

    /// Implements [`DividedLanes`] by a fused multiply-add, c + a·b, and its negative, c − a·b.
    macro_rules! divided {
        ($lanes:ty, $fused:ident, $negative:ident) => {
            impl DividedLanes for $lanes {
                #[inline(always)]
                fn divided(self, divisor: Self, reciprocal: Self) -> Self {
                    let mut lanes = self.times(reciprocal);
                    for (i, near) in lanes.iter_mut().enumerate() {
                        // SAFETY: the caller has the instructions.
                        unsafe {
                            let left = $negative(*near, divisor[i], self[i]);
                            *near = $fused(left, reciprocal[i], *near);
                        }
                    }
                    lanes
                }
            }
        };
    }

    divided!(Doubles512, _mm512_fmadd_pd, _mm512_fnmadd_pd);
    divided!(Doubles256, _mm256_fmadd_pd, _mm256_fnmadd_pd);

    impl FloatLanes for Floats512 {
        #[inline(always)]
        fn offered(self, first_row: u32, best: &mut LaneBest<f32>) {
            let (keys, rows) = (best.keys.as_mut_ptr(), best.first_rows.as_mut_ptr());
            // SAFETY: the caller has AVX-512 F, and a column is as long as a register.
            unsafe {
                let smaller = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(self[0], _mm512_loadu_ps(keys));
                _mm512_mask_storeu_ps(keys, smaller, self[0]);
                let first = _mm512_set1_epi32(first_row as i32);
                _mm512_mask_storeu_epi32(rows.cast(), smaller, first);
            }
        }
    }

    impl FloatLanes for Floats256 {
        #[inline(always)]
        fn offered(self, first_row: u32, best: &mut LaneBest<f32>) {
            let keys = best.keys.as_chunks_mut::<8>().0.iter_mut();
            let rows = best.first_rows.as_chunks_mut::<8>().0.iter_mut();
            for ((register, keys), rows) in self.into_iter().zip(keys).zip(rows) {
                let (keys, rows) = (keys.as_mut_ptr(), rows.as_mut_ptr().cast::<f32>());
                // SAFETY: the caller has AVX2, and half a column is as long as a register. What is moved as floats is bits.
                unsafe {
                    let before = _mm256_loadu_ps(keys);
                    let smaller = _mm256_cmp_ps::<_CMP_LT_OQ>(register, before);
                    _mm256_storeu_ps(keys, _mm256_blendv_ps(before, register, smaller));
                    let first = _mm256_castsi256_ps(_mm256_set1_epi32(first_row as i32));
                    let kept = _mm256_blendv_ps(_mm256_loadu_ps(rows), first, smaller);
                    _mm256_storeu_ps(rows, kept);
                }
            }
        }
    }

    /// AVX2.
    #[derive(Clone, Copy)]
    pub(crate) struct Pairs256([__m256i; 2]);
    /// AVX-512 BW.
    #[derive(Clone, Copy)]
    pub(crate) struct Pairs512(__m512i);
    /// AVX-512 VNNI: a multiply-add in one instruction, which takes its time and wants many sums side by side.
    #[derive(Clone, Copy)]
    pub(crate) struct PairsVnni(__m512i);

    impl PairLanes for Pairs256 {
        #[inline(always)]
        fn splat(pair: i32) -> Self {
            // SAFETY: the caller has AVX2; so for every method below.
            Self([unsafe { _mm256_set1_epi32(pair) }; 2])
        }
        #[inline(always)]
        fn load(column: &Column<i32>) -> Self {
            let at = column.as_ptr();
            // SAFETY: as above, and a column is as long as two registers.
            Self(unsafe {
                [
                    _mm256_loadu_si256(at.cast()),
                    _mm256_loadu_si256(at.add(8).cast()),
                ]
            })
        }
        #[inline(always)]
        fn stored(self) -> Column<i32> {
            let mut column = [0; BLOCK_ROWS];
            let at = column.as_mut_ptr();
            // SAFETY: as above, and a column is as long as two registers.
            unsafe {
                _mm256_storeu_si256(at.cast(), self.0[0]);
                _mm256_storeu_si256(at.add(8).cast(), self.0[1]);
            }
            column
        }
        #[inline(always)]
        fn multiply_add(self, a: Self, b: Self) -> Self {
            let (Self([sum, next]), Self(a), Self(b)) = (self, a, b);
            // SAFETY: as above.
            Self(unsafe {
                [
                    _mm256_add_epi32(sum, _mm256_madd_epi16(a[0], b[0])),
                    _mm256_add_epi32(next, _mm256_madd_epi16(a[1], b[1])),
                ]
            })
        }
        #[inline(always)]
        fn plus(self, other: Self) -> Self {
            let (Self(a), Self(b)) = (self, other);
            // SAFETY: as above.
            Self(unsafe { [_mm256_add_epi32(a[0], b[0]), _mm256_add_epi32(a[1], b[1])] })
        }
        #[inline(always)]
        fn offered(self, bias: &Column<i32>, first_row: u32, best: &mut LaneBest<i32>) {
            let bias = bias.as_chunks::<8>().0.iter();
            let keys = best.keys.as_chunks_mut::<8>().0.iter_mut();
            let rows = best.first_rows.as_chunks_mut::<8>().0.iter_mut();
            for (((products, bias), keys), rows) in self.0.into_iter().zip(bias).zip(keys).zip(rows)
            {
                let (keys, rows) = (keys.as_mut_ptr().cast(), rows.as_mut_ptr().cast());
                // SAFETY: as above, and half a column is as long as a register.
                unsafe {
                    let bias = _mm256_loadu_si256(bias.as_ptr().cast());
                    let key = _mm256_sub_epi32(bias, _mm256_slli_epi32::<1>(products));
                    let before = _mm256_loadu_si256(keys);
                    let smaller = _mm256_cmpgt_epi32(before, key);
                    _mm256_storeu_si256(keys, _mm256_blendv_epi8(before, key, smaller));
                    let first = _mm256_set1_epi32(first_row as i32);
                    let kept = _mm256_blendv_epi8(_mm256_loadu_si256(rows), first, smaller);
                    _mm256_storeu_si256(rows, kept);
                }
            }
        }
        #[inline(always)]
        fn keys(self, bias: &Column<i32>) -> Self {
            let mut keys = self.0;
            let bias = bias.as_chunks::<8>().0;
            for (i, key) in keys.iter_mut().enumerate() {
                // SAFETY: as above, and half a column is as long as a register.
                *key = unsafe {
                    let bias = _mm256_loadu_si256(bias[i].as_ptr().cast());
                    _mm256_sub_epi32(bias, _mm256_slli_epi32::<1>(*key))
                };
            }
            Self(keys)
        }
        #[inline(always)]
        fn any_at_most(self, limit: i32) -> bool {
            // SAFETY: as above.
            unsafe {
                let limit = _mm256_set1_epi32(limit);
                let above = _mm256_and_si256(
                    _mm256_cmpgt_epi32(self.0[0], limit),
                    _mm256_cmpgt_epi32(self.0[1], limit),
                );
                _mm256_movemask_epi8(above) != -1
            }
        }
        #[inline(always)]
        fn even_bytes(self) -> Self {
            // SAFETY: as above.
            Self(unsafe {
                let lower = _mm256_set1_epi32(LOWER_BYTES);
                [
                    _mm256_and_si256(self.0[0], lower),
                    _mm256_and_si256(self.0[1], lower),
                ]
            })
        }
        #[inline(always)]
        fn odd_bytes(self) -> Self {
            // SAFETY: as above.
            Self(unsafe {
                [
                    _mm256_srli_epi16::<8>(self.0[0]),
                    _mm256_srli_epi16::<8>(self.0[1]),
                ]
            })
        }
    }

    /// Implements [`PairLanes`] for one register of 512 bits.
    macro_rules! pairs_512 {
        ($lanes:ident, |$sum:ident, $a:ident, $b:ident| $multiply_add:expr) => {
            impl PairLanes for $lanes {
                #[inline(always)]
                fn splat(pair: i32) -> Self {
                    // SAFETY: the caller has the instructions; so for every method below.
                    Self(unsafe { _mm512_set1_epi32(pair) })
                }
                #[inline(always)]
                fn load(column: &Column<i32>) -> Self {
                    // SAFETY: as above, and a column is as long as a register.
                    Self(unsafe { _mm512_loadu_si512(column.as_ptr().cast()) })
                }
                #[inline(always)]
                fn stored(self) -> Column<i32> {
                    let mut column = [0; BLOCK_ROWS];
                    // SAFETY: as above, and a column is as long as a register.
                    unsafe { _mm512_storeu_si512(column.as_mut_ptr().cast(), self.0) };
                    column
                }
                #[inline(always)]
                fn multiply_add(self, a: Self, b: Self) -> Self {
                    let ($sum, $a, $b) = (self.0, a.0, b.0);
                    // SAFETY: as above.
                    Self(unsafe { $multiply_add })
                }
                #[inline(always)]
                fn plus(self, other: Self) -> Self {
                    // SAFETY: as above.
                    Self(unsafe { _mm512_add_epi32(self.0, other.0) })
                }
                #[inline(always)]
                fn offered(self, bias: &Column<i32>, first_row: u32, best: &mut LaneBest<i32>) {
                    let keys = best.keys.as_mut_ptr();
                    let rows = best.first_rows.as_mut_ptr().cast();
                    // SAFETY: as above, and a column is as long as a register.
                    unsafe {
                        let bias = _mm512_loadu_si512(bias.as_ptr().cast());
                        let key = _mm512_sub_epi32(bias, _mm512_slli_epi32::<1>(self.0));
                        let before = _mm512_loadu_si512(keys.cast());
                        let smaller = _mm512_cmplt_epi32_mask(key, before);
                        _mm512_mask_storeu_epi32(keys, smaller, key);
                        let first = _mm512_set1_epi32(first_row as i32);
                        _mm512_mask_storeu_epi32(rows, smaller, first);
                    }
                }
                #[inline(always)]
                fn keys(self, bias: &Column<i32>) -> Self {
                    // SAFETY: as above, and a column is as long as a register.
                    Self(unsafe {
                        let bias = _mm512_loadu_si512(bias.as_ptr().cast());
                        _mm512_sub_epi32(bias, _mm512_slli_epi32::<1>(self.0))
                    })
                }
                #[inline(always)]
                fn any_at_most(self, limit: i32) -> bool {
                    // SAFETY: as above.
                    unsafe { _mm512_cmple_epi32_mask(self.0, _mm512_set1_epi32(limit)) != 0 }
                }
                #[inline(always)]
                fn even_bytes(self) -> Self {
                    // SAFETY: as above.
                    Self(unsafe { _mm512_and_si512(self.0, _mm512_set1_epi32(LOWER_BYTES)) })
                }
                #[inline(always)]
                fn odd_bytes(self) -> Self {
                    // SAFETY: as above.
                    Self(unsafe { _mm512_srli_epi16::<8>(self.0) })
                }
            }
        };
    }

    pairs_512!(Pairs512, |sum, a, b| _mm512_add_epi32(
        sum,
        _mm512_madd_epi16(a, b)
    ));
    pairs_512!(PairsVnni, |sum, a, b| _mm512_dpwssd_epi32(sum, a, b));
}
