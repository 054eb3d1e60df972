//! Registers of `f32` values, behind one trait.
//!
//! Every inner loop of the scale space and of the descriptors is written once over [`Lanes`] and compiled once per
//! instruction set through [`per_isa!`](crate::per_isa); `f32` itself is the register of one lane and with that the
//! scalar twin. The operations are always inlined into a function that has the instruction set enabled.

#![allow(unsafe_code)]

#[cfg(target_arch = "aarch64")]
use std::arch::aarch64::*;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// A register of [`Lanes::COUNT`] values.
///
/// # Safety
/// Every function may only run on a processor that has the register's instruction set; [`Lanes::load`] and
/// [`Lanes::store`] touch `COUNT` values from the pointer on.
#[allow(clippy::missing_safety_doc)]
pub trait Lanes: Copy {
    /// Values in a register, at most 32.
    const COUNT: usize;
    /// The same value in every lane.
    unsafe fn splat(value: f32) -> Self;
    /// Reads `COUNT` values; no alignment needed.
    unsafe fn load(from: *const f32) -> Self;
    /// Writes `COUNT` values; no alignment needed.
    unsafe fn store(self, to: *mut f32);
    /// `self + other`.
    unsafe fn add(self, other: Self) -> Self;
    /// `self - other`.
    unsafe fn sub(self, other: Self) -> Self;
    /// `self · other`.
    unsafe fn mul(self, other: Self) -> Self;
    /// `self / other`.
    unsafe fn div(self, other: Self) -> Self;
    /// `self · factor + summand`, rounded once where the instruction set can.
    unsafe fn mul_add(self, factor: Self, summand: Self) -> Self;
    /// The smaller value of each lane.
    unsafe fn min(self, other: Self) -> Self;
    /// The larger value of each lane.
    unsafe fn max(self, other: Self) -> Self;
    /// Square root.
    unsafe fn sqrt(self) -> Self;
    /// Absolute value.
    unsafe fn abs(self) -> Self;
    /// `then` in the lanes where `self < other`, elsewhere `otherwise`.
    unsafe fn select_less(self, other: Self, then: Self, otherwise: Self) -> Self;
    /// One bit for every lane where `self >= other`, lane 0 lowest.
    unsafe fn bits_not_less(self, other: Self) -> u32;
    /// The lanes of both in turns, `self` first: the first half of them, then the second.
    unsafe fn interleave(self, other: Self) -> (Self, Self);
    /// Where the pixels of column `self` and row `row`, both whole numbers of at least 0, lie in rows of `width` values: writes
    /// `row · width + self` of every lane, which must be below 2³².
    unsafe fn store_offsets(self, row: Self, width: u32, to: *mut u32);
    /// Writes every lane, from 0 to 2³¹, as the whole number nearest to it, ties to even.
    unsafe fn store_rounded(self, to: *mut u32);
    /// Of every lane the value at its offset behind `from`, and the one after it. Reads `COUNT` offsets.
    unsafe fn load_pairs(from: *const f32, offsets: *const u32) -> (Self, Self);
}

impl Lanes for f32 {
    const COUNT: usize = 1;
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        value
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for the pointer.
        unsafe { *from }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for the pointer.
        unsafe { *to = self }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self + other
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self - other
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self * other
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        self / other
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, summand: Self) -> Self {
        self * factor + summand
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        if self < other { self } else { other }
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        if self > other { self } else { other }
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        f32::sqrt(self)
    }
    #[inline(always)]
    unsafe fn abs(self) -> Self {
        f32::abs(self)
    }
    #[inline(always)]
    unsafe fn select_less(self, other: Self, then: Self, otherwise: Self) -> Self {
        if self < other { then } else { otherwise }
    }
    #[inline(always)]
    unsafe fn bits_not_less(self, other: Self) -> u32 {
        u32::from(self >= other)
    }
    #[inline(always)]
    unsafe fn interleave(self, other: Self) -> (Self, Self) {
        (self, other)
    }
    #[inline(always)]
    unsafe fn store_offsets(self, row: Self, width: u32, to: *mut u32) {
        // SAFETY: the caller vouches for the pointer.
        unsafe { *to = (row as u32).wrapping_mul(width).wrapping_add(self as u32) }
    }
    #[inline(always)]
    unsafe fn store_rounded(self, to: *mut u32) {
        // SAFETY: the caller vouches for the pointer.
        unsafe { *to = self.round_ties_even() as u32 }
    }
    #[inline(always)]
    unsafe fn load_pairs(from: *const f32, offsets: *const u32) -> (Self, Self) {
        // SAFETY: the caller vouches for the pointers.
        unsafe {
            let first = from.add(*offsets as usize);
            (*first, *first.add(1))
        }
    }
}

/// Writes the operations that are one intrinsic each.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! intrinsics {
    ($splat:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $mul:ident, $div:ident, $min:ident, $max:ident,
     $sqrt:ident) => {
        // SAFETY, for all of them: the caller vouches for the instruction set and the pointers.
        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            unsafe { $splat(value) }
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            unsafe { $load(from) }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe { $store(to, self) }
        }
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            unsafe { $add(self, other) }
        }
        #[inline(always)]
        unsafe fn sub(self, other: Self) -> Self {
            unsafe { $sub(self, other) }
        }
        #[inline(always)]
        unsafe fn mul(self, other: Self) -> Self {
            unsafe { $mul(self, other) }
        }
        #[inline(always)]
        unsafe fn div(self, other: Self) -> Self {
            unsafe { $div(self, other) }
        }
        #[inline(always)]
        unsafe fn min(self, other: Self) -> Self {
            unsafe { $min(self, other) }
        }
        #[inline(always)]
        unsafe fn max(self, other: Self) -> Self {
            unsafe { $max(self, other) }
        }
        #[inline(always)]
        unsafe fn sqrt(self) -> Self {
            unsafe { $sqrt(self) }
        }
    };
}

#[cfg(target_arch = "x86_64")]
impl Lanes for __m256 {
    const COUNT: usize = 8;
    intrinsics!(
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_add_ps,
        _mm256_sub_ps,
        _mm256_mul_ps,
        _mm256_div_ps,
        _mm256_min_ps,
        _mm256_max_ps,
        _mm256_sqrt_ps
    );
    // SAFETY, for all of them: the caller vouches for the instruction set.
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, summand: Self) -> Self {
        unsafe { _mm256_fmadd_ps(self, factor, summand) }
    }
    #[inline(always)]
    unsafe fn abs(self) -> Self {
        unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), self) }
    }
    #[inline(always)]
    unsafe fn select_less(self, other: Self, then: Self, otherwise: Self) -> Self {
        unsafe { _mm256_blendv_ps(otherwise, then, _mm256_cmp_ps::<_CMP_LT_OQ>(self, other)) }
    }
    #[inline(always)]
    unsafe fn bits_not_less(self, other: Self) -> u32 {
        unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GE_OQ>(self, other)) as u32 }
    }
    #[inline(always)]
    unsafe fn interleave(self, other: Self) -> (Self, Self) {
        unsafe {
            let (low, high) = (
                _mm256_unpacklo_ps(self, other),
                _mm256_unpackhi_ps(self, other),
            );
            (
                _mm256_permute2f128_ps::<0x20>(low, high),
                _mm256_permute2f128_ps::<0x31>(low, high),
            )
        }
    }
    #[inline(always)]
    unsafe fn store_offsets(self, row: Self, width: u32, to: *mut u32) {
        unsafe {
            let (column, row) = (_mm256_cvttps_epi32(self), _mm256_cvttps_epi32(row));
            let rows = _mm256_mullo_epi32(row, _mm256_set1_epi32(width as i32));
            _mm256_storeu_si256(to.cast(), _mm256_add_epi32(rows, column));
        }
    }
    #[inline(always)]
    unsafe fn store_rounded(self, to: *mut u32) {
        unsafe { _mm256_storeu_si256(to.cast(), _mm256_cvtps_epi32(self)) }
    }
    #[inline(always)]
    unsafe fn load_pairs(from: *const f32, offsets: *const u32) -> (Self, Self) {
        unsafe {
            let pair = |i: usize| from.add(*offsets.add(i) as usize).cast::<f64>();
            let two = |i: usize| _mm_loadh_pd(_mm_load_sd(pair(i)), pair(i + 1));
            let four = |i: usize| _mm256_castpd_ps(_mm256_set_m128d(two(i + 4), two(i)));
            let (a, b) = (four(0), four(2));
            (
                _mm256_shuffle_ps::<0b10_00_10_00>(a, b),
                _mm256_shuffle_ps::<0b11_01_11_01>(a, b),
            )
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Lanes for __m512 {
    const COUNT: usize = 16;
    intrinsics!(
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_add_ps,
        _mm512_sub_ps,
        _mm512_mul_ps,
        _mm512_div_ps,
        _mm512_min_ps,
        _mm512_max_ps,
        _mm512_sqrt_ps
    );
    // SAFETY, for all of them: the caller vouches for the instruction set.
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, summand: Self) -> Self {
        unsafe { _mm512_fmadd_ps(self, factor, summand) }
    }
    #[inline(always)]
    unsafe fn abs(self) -> Self {
        unsafe { _mm512_abs_ps(self) }
    }
    #[inline(always)]
    unsafe fn select_less(self, other: Self, then: Self, otherwise: Self) -> Self {
        unsafe {
            _mm512_mask_blend_ps(
                _mm512_cmp_ps_mask::<_CMP_LT_OQ>(self, other),
                otherwise,
                then,
            )
        }
    }
    #[inline(always)]
    unsafe fn bits_not_less(self, other: Self) -> u32 {
        unsafe { u32::from(_mm512_cmp_ps_mask::<_CMP_GE_OQ>(self, other)) }
    }
    #[inline(always)]
    unsafe fn interleave(self, other: Self) -> (Self, Self) {
        // Lane 16 + i is lane i of `other`.
        unsafe {
            let first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            let second = _mm512_add_epi32(first, _mm512_set1_epi32(8));
            (
                _mm512_permutex2var_ps(self, first, other),
                _mm512_permutex2var_ps(self, second, other),
            )
        }
    }
    #[inline(always)]
    unsafe fn store_offsets(self, row: Self, width: u32, to: *mut u32) {
        unsafe {
            let (column, row) = (_mm512_cvttps_epi32(self), _mm512_cvttps_epi32(row));
            let rows = _mm512_mullo_epi32(row, _mm512_set1_epi32(width as i32));
            _mm512_storeu_si512(to.cast(), _mm512_add_epi32(rows, column));
        }
    }
    #[inline(always)]
    unsafe fn store_rounded(self, to: *mut u32) {
        unsafe { _mm512_storeu_si512(to.cast(), _mm512_cvtps_epi32(self)) }
    }
    #[inline(always)]
    unsafe fn load_pairs(from: *const f32, offsets: *const u32) -> (Self, Self) {
        unsafe {
            let (low, high) = (
                <__m256 as Lanes>::load_pairs(from, offsets),
                <__m256 as Lanes>::load_pairs(from, offsets.add(8)),
            );
            let join = |low: __m256, high: __m256| {
                let wide = _mm512_castpd256_pd512(_mm256_castps_pd(low));
                _mm512_castpd_ps(_mm512_insertf64x4::<1>(wide, _mm256_castps_pd(high)))
            };
            (join(low.0, high.0), join(low.1, high.1))
        }
    }
}

#[cfg(target_arch = "aarch64")]
impl Lanes for float32x4_t {
    const COUNT: usize = 4;
    intrinsics!(
        vdupq_n_f32,
        vld1q_f32,
        vst1q_f32,
        vaddq_f32,
        vsubq_f32,
        vmulq_f32,
        vdivq_f32,
        vminq_f32,
        vmaxq_f32,
        vsqrtq_f32
    );
    // SAFETY, for all of them: every AArch64 processor has these.
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, summand: Self) -> Self {
        unsafe { vfmaq_f32(summand, self, factor) }
    }
    #[inline(always)]
    unsafe fn abs(self) -> Self {
        unsafe { vabsq_f32(self) }
    }
    #[inline(always)]
    unsafe fn select_less(self, other: Self, then: Self, otherwise: Self) -> Self {
        unsafe { vbslq_f32(vcltq_f32(self, other), then, otherwise) }
    }
    #[inline(always)]
    unsafe fn bits_not_less(self, other: Self) -> u32 {
        unsafe {
            let weights = vld1q_u32([1u32, 2, 4, 8].as_ptr());
            vaddvq_u32(vandq_u32(vcgeq_f32(self, other), weights))
        }
    }
    #[inline(always)]
    unsafe fn interleave(self, other: Self) -> (Self, Self) {
        unsafe { (vzip1q_f32(self, other), vzip2q_f32(self, other)) }
    }
    #[inline(always)]
    unsafe fn store_offsets(self, row: Self, width: u32, to: *mut u32) {
        unsafe {
            let (column, row) = (vcvtq_u32_f32(self), vcvtq_u32_f32(row));
            vst1q_u32(to, vmlaq_u32(column, row, vdupq_n_u32(width)));
        }
    }
    #[inline(always)]
    unsafe fn store_rounded(self, to: *mut u32) {
        unsafe { vst1q_u32(to, vcvtnq_u32_f32(self)) }
    }
    #[inline(always)]
    unsafe fn load_pairs(from: *const f32, offsets: *const u32) -> (Self, Self) {
        unsafe {
            let pair = |i: usize| vld1_f32(from.add(*offsets.add(i) as usize));
            let (a, b) = (
                vcombine_f32(pair(0), pair(1)),
                vcombine_f32(pair(2), pair(3)),
            );
            (vuzp1q_f32(a, b), vuzp2q_f32(a, b))
        }
    }
}

/// Defines a function that runs `generic::<V>` with the registers `V` of the [`Isa`](crate::Isa) it is given first.
///
/// `narrow` in place of `wide` keeps to eight lanes where sixteen would not divide the data.
#[macro_export]
#[doc(hidden)]
macro_rules! per_isa {
    (@registers wide) => { ::std::arch::x86_64::__m512 };
    (@registers narrow) => { ::std::arch::x86_64::__m256 };
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)?,
     $generic:ident, $width:ident) => {
        $(#[$meta])*
        $vis fn $name(isa: $crate::Isa, $($arg: $ty),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2($($arg: $ty),*) $(-> $ret)? {
                // SAFETY: the registers are those of the enabled instruction set.
                unsafe { $generic::<::std::arch::x86_64::__m256>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx2,fma")]
            unsafe fn avx512($($arg: $ty),*) $(-> $ret)? {
                // SAFETY: as above.
                unsafe { $generic::<$crate::per_isa!(@registers $width)>($($arg),*) }
            }
            match isa.kind() {
                // SAFETY: an `Isa` of this kind exists only where the processor has it.
                #[cfg(target_arch = "x86_64")]
                $crate::IsaKind::Avx512 => unsafe { avx512($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::IsaKind::Avx2 => unsafe { avx2($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "aarch64")]
                $crate::IsaKind::Neon => unsafe { $generic::<::std::arch::aarch64::float32x4_t>($($arg),*) },
                // SAFETY: plain values need no instruction set.
                _ => unsafe { $generic::<f32>($($arg),*) },
            }
        }
    };
}
