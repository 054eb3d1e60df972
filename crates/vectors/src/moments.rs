//! What many scores are like.

/// Number, sum and sum of squares of scores: their mean and spread.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moments {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    /// Adds a score.
    pub fn add(&mut self, score: f32) {
        let score = f64::from(score);
        self.count += 1.0;
        self.sum += score;
        self.squares += score * score;
    }

    /// Adds so many scores of zero.
    pub fn add_zeros(&mut self, count: usize) {
        self.count += count as f64;
    }

    /// Adds all scores of another.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    /// The same mean and spread, as of so many scores: what a sample says of all that it stands for.
    pub fn standing_for(&self, count: f64) -> Self {
        let factor = count / self.count.max(1.0);
        Self {
            count: self.count * factor,
            sum: self.sum * factor,
            squares: self.squares * factor,
        }
    }

    /// Number of scores; of an estimate, of those that it stands for.
    pub fn count(&self) -> f64 {
        self.count
    }

    /// Mean; 0 without scores.
    pub fn mean(&self) -> f64 {
        self.sum / self.count.max(1.0)
    }

    /// Standard deviation of the population; 0 without scores.
    pub fn deviation(&self) -> f64 {
        let mean = self.mean();
        (self.squares / self.count.max(1.0) - mean * mean)
            .max(0.0)
            .sqrt()
    }
}
