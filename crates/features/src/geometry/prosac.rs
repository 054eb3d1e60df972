//! PROSAC: samples of the most promising correspondences first (Chum and Matas, CVPR 2005).
//!
//! Correspondences are in falling order of quality. Samples come from the first n of them, and n grows as fast as
//! samples of a uniform search would fall into the first n by chance, so that after some 200,000 the two are alike.
//! The search ends when among some first n the inliers are more than chance would give, and a better set would
//! have been met with the wanted confidence.

use super::sampling::Pcg;

/// Samples after which drawing is uniform.
const GROWTH: f64 = 200_000.0;
/// Share of a bad geometry's agreeing correspondences, for what chance gives.
const CHANCE: f64 = 0.05;
/// Standard deviations of a normal distribution above which 5 % lie.
const FIVE_PER_CENT: f64 = 1.645;
/// Fewest correspondences in front that may end the search.
const SHORTEST: usize = 20;

/// The state of one search.
#[derive(Debug, Clone)]
pub(crate) struct Prosac {
    size: usize,
    count: usize,
    /// How many of the first are drawn from.
    front: usize,
    drawn: usize,
    /// Samples of the uniform search inside the front, on the average.
    average: f64,
    /// Samples after which the front grows.
    until: usize,
}

impl Prosac {
    /// For samples of `size` out of `count`, which is at least `size`.
    pub(crate) fn new(size: usize, count: usize) -> Self {
        let share = |i: usize| (size - i) as f64 / (count - i) as f64;
        Self {
            size,
            count,
            front: size,
            drawn: 0,
            average: GROWTH * (0..size).map(share).product::<f64>(),
            until: 1,
        }
    }

    /// Places in the order of quality of the next sample.
    pub(crate) fn draw(&mut self, generator: &mut Pcg, sample: &mut [u32]) {
        self.drawn += 1;
        while self.drawn > self.until && self.front < self.count {
            let next = self.average * (self.front + 1) as f64 / (self.front + 1 - self.size) as f64;
            self.until += (next - self.average).ceil().clamp(1.0, 1e15) as usize;
            self.average = next;
            self.front += 1;
        }
        if self.drawn > self.until || self.front == self.size {
            generator.fill_distinct(self.front as u32, sample);
        } else if let Some((last, others)) = sample.split_last_mut() {
            // The newest one, which no sample before could hold, and others in front of it.
            generator.fill_distinct(self.front as u32 - 1, others);
            *last = self.front as u32 - 1;
        }
    }

    /// Samples after which the search may end, for agreement in the order of quality; `needed` says how many
    /// samples a number of inliers among a number of correspondences asks for.
    pub(crate) fn bound(
        &self,
        agreeing: impl Iterator<Item = bool>,
        needed: impl Fn(usize, usize) -> f64,
    ) -> f64 {
        let mut best = f64::INFINITY;
        let mut inliers = 0;
        for (i, agrees) in agreeing.enumerate() {
            inliers += usize::from(agrees);
            let count = i + 1;
            let shortest = SHORTEST.max(2 * self.size).min(self.count);
            if count < shortest || !agrees && count < self.count {
                continue;
            }
            if count == self.count || inliers >= self.least_inliers(count) {
                best = best.min(needed(inliers, count));
            }
        }
        best
    }

    /// Inliers among the first `count` that chance gives to a bad geometry with less than 5 % probability.
    fn least_inliers(&self, count: usize) -> usize {
        let others = (count - self.size.min(count)) as f64;
        let spread = (others * CHANCE * (1.0 - CHANCE)).sqrt();
        let least = self.size as f64 + others * CHANCE + FIVE_PER_CENT * spread;
        least.ceil() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_grow_from_the_front() {
        let mut prosac = Prosac::new(4, 200);
        let mut generator = Pcg::new(3);
        let mut sample = [0; 4];
        let mut farthest = 0;
        let mut early = 0;
        for drawn in 0..20_000 {
            prosac.draw(&mut generator, &mut sample);
            let mut sorted = sample;
            sorted.sort_unstable();
            assert!(sorted.windows(2).all(|w| w[0] < w[1]), "{sample:?}");
            farthest = farthest.max(sorted[3]);
            if drawn == 50 {
                early = farthest;
            }
        }
        assert!(early < 100, "{early}");
        assert!(farthest > 100 && farthest < 200, "{farthest}");
    }

    #[test]
    fn a_good_front_ends_the_search_early() {
        let prosac = Prosac::new(4, 1000);
        let needed = |inliers: usize, count: usize| {
            (0.001f64.ln() / (-(inliers as f64 / count as f64).powi(4)).ln_1p()).ceil()
        };
        // The first fifty agree, then one in ten.
        let agreeing = |i: usize| i < 50 || i.is_multiple_of(10);
        let bound = prosac.bound((0..1000).map(agreeing), needed);
        assert!(bound < 20.0, "{bound}");
        let none = prosac.bound((0..1000).map(|i| i == 999), needed);
        assert!(none > 1e6);
    }
}
