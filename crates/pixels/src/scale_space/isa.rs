//! Which instruction set the inner loops run with.
//!
//! Every loop of the scale space is written once, in safe code over fixed-size lane arrays, and compiled once per
//! instruction set; [`Isa::detect`] picks the widest that the processor has. The baseline version is the scalar twin
//! that the tests compare the others with: it differs only by the single rounding of a fused multiply-add.

/// An instruction set for which the inner loops were compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// What every processor of the target has, without fused multiply-add.
    Baseline,
    /// x86-64 with AVX2 and FMA (256-bit vectors).
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ and VL (512-bit vectors).
    Avx512,
    /// AArch64 Advanced SIMD, which every such processor has.
    Neon,
}

impl Isa {
    /// The widest instruction set of the processor that runs this.
    #[must_use]
    pub fn detect() -> Self {
        let mut found = Self::available();
        found.pop().unwrap_or(Self::Baseline)
    }

    /// Every instruction set this processor can run, narrowest first; starts with [`Isa::Baseline`].
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut found = vec![Self::Baseline];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                found.push(Self::Avx2);
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                {
                    found.push(Self::Avx512);
                }
            }
        }
        #[cfg(target_arch = "aarch64")]
        found.push(Self::Neon);
        found
    }
}
