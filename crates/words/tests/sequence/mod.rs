//! Numbers for tests, the same on every machine.

/// A small generator (Knuth's constants), so that the tests need no random crate.
pub struct Sequence(pub u64);

impl Sequence {
    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) * bound) >> 31
    }
}
