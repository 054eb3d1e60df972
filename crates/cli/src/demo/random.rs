//! Random numbers of the demo: SplitMix64 (Steele, Lea and Flood 2014), one stream for each picture, so
//! that pictures can be rendered in any order and on any number of threads.

/// A stream of random numbers that depends on its seed and label alone.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// The stream of picture `label` of the demo with this seed.
    pub(super) fn new(seed: u64, label: u64) -> Random {
        let mut random = Random(seed ^ label.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    /// Uniform in `low .. high`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `low .. high`, with a random sign.
    pub(super) fn signed(&mut self, low: f64, high: f64) -> f64 {
        let value = self.between(low, high);
        if self.next() >> 63 == 1 {
            -value
        } else {
            value
        }
    }

    /// Uniform in `0 .. bound`; `bound` at least 1.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// A colour.
    pub(super) fn color(&mut self) -> [u8; 3] {
        let [_, _, _, _, _, r, g, b] = self.next().to_be_bytes();
        [r, g, b]
    }

    /// Normally distributed, mean 0 and deviation 1 (Box and Muller 1958).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.between(0.0, 1.0)).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.between(0.0, 1.0)).cos()
    }
}
