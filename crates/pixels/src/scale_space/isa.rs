//! Which instruction set the inner loops run with.

/// An instruction set that this processor was found to have; values of this type cannot be made otherwise, which is
/// what makes calling the loops compiled for it sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Kind);

/// The instruction sets for which the inner loops are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One value at a time, without fused multiply-add: the twin that the others are tested against.
    Scalar,
    /// x86-64 with AVX2 and FMA (256-bit registers).
    Avx2,
    /// x86-64 with AVX-512 F (512-bit registers), AVX2 and FMA.
    Avx512,
    /// AArch64 Advanced SIMD, which every such processor has.
    Neon,
}

impl Isa {
    /// Plain Rust, everywhere.
    pub const SCALAR: Self = Self(Kind::Scalar);

    /// The widest instruction set of the processor that runs this.
    #[must_use]
    pub fn detect() -> Self {
        Self::available().pop().unwrap_or(Self::SCALAR)
    }

    /// Every instruction set this processor can run, narrowest first; starts with [`Isa::SCALAR`].
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut found = vec![Self::SCALAR];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            found.push(Self(Kind::Avx2));
            if is_x86_feature_detected!("avx512f") {
                found.push(Self(Kind::Avx512));
            }
        }
        #[cfg(target_arch = "aarch64")]
        found.push(Self(Kind::Neon));
        found
    }

    /// Which one it is.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.0
    }
}
