//! Random samples from a seed: PCG-XSH-RR (O'Neill 2014), small enough to live in registers, and the same
//! on every machine.

/// A generator of random numbers, 64 bits of state.
#[derive(Debug, Clone)]
pub(crate) struct Pcg(u64);

impl Pcg {
    pub(crate) fn new(seed: u64) -> Self {
        let mut generator = Self(seed.wrapping_add(0x853c_49e6_748f_ea9b));
        generator.next();
        generator
    }

    #[inline(always)]
    fn next(&mut self) -> u32 {
        let state = self.0;
        self.0 = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((((state >> 18) ^ state) >> 27) as u32).rotate_right((state >> 59) as u32)
    }

    /// A number below `bound`, which must not be zero. The bias is below `bound`/2³².
    #[inline(always)]
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.next()) * u64::from(bound)) >> 32) as u32
    }

    /// `size` different numbers below `bound`, which must be at least `size`; the rest of the array is
    /// left alone.
    #[inline(always)]
    pub(crate) fn distinct(&mut self, bound: u32, size: usize, sample: &mut [u32; 4]) {
        for i in 0..size {
            sample[i] = loop {
                let candidate = self.below(bound);
                if !sample[..i].contains(&candidate) {
                    break candidate;
                }
            };
        }
    }

    /// As many different numbers below `bound` as there are places, which must not be more than `bound`.
    pub(crate) fn fill_distinct(&mut self, bound: u32, sample: &mut [u32]) {
        for i in 0..sample.len() {
            sample[i] = loop {
                let candidate = self.below(bound);
                if !sample[..i].contains(&candidate) {
                    break candidate;
                }
            };
        }
    }

    /// Puts `count` values, or all there are, chosen at random in front, in random order.
    pub(crate) fn shuffle_front<T>(&mut self, values: &mut [T], count: usize) {
        for i in 0..count.min(values.len()) {
            let left = (values.len() - i) as u32;
            values.swap(i, i + self.below(left) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_distinct_even_and_repeatable() {
        let mut generator = Pcg::new(7);
        let mut counts = [0u32; 9];
        let mut sample = [0; 4];
        for _ in 0..9000 {
            generator.distinct(9, 4, &mut sample);
            let mut sorted = sample;
            sorted.sort_unstable();
            assert!(sorted.windows(2).all(|w| w[0] < w[1]) && sorted[3] < 9);
            for s in sample {
                counts[s as usize] += 1;
            }
        }
        assert!(
            counts.iter().all(|&c| (3800..4200).contains(&c)),
            "{counts:?}"
        );
        let (mut a, mut b) = (Pcg::new(1), Pcg::new(1));
        assert!((0..100).all(|_| a.below(1000) == b.below(1000)));
        assert_ne!(Pcg::new(1).below(u32::MAX), Pcg::new(2).below(u32::MAX));
    }
}
