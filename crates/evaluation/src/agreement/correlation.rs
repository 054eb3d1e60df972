//! Rank correlation, with ties treated as their definitions say: grades of people tie all the time.
//!
//! Everything is computed from dense ranks (0 for the smallest value, equal values share a rank), which the bootstrap
//! can draw from without sorting again. Checked against SciPy (`tests/reference/agreement.json`).

/// Spearman's ρ: Pearson's correlation of the ranks, ties at their mean rank. In −1..=1; `None` when one side is
/// constant or empty. The shorter side decides how many pairs there are; NaN ranks last.
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    PairedRanks::of(x, y).spearman()
}

/// Kendall's τ-b: (C − D) / √((n₀ − n₁)(n₀ − n₂)) with n₀ pairs of pairs, n₁ and n₂ of them tied on a side. In
/// −1..=1; `None` when one side is constant or empty.
pub fn kendall_tau_b(x: &[f64], y: &[f64]) -> Option<f64> {
    PairedRanks::of(x, y).order().tau_b()
}

/// Stuart's τ-c: 2 (C − D) / (n² (m − 1) / m) with m the smaller number of distinct values, for sides that differ in
/// it, as grades 1 to 4 do from similarities. In −1..=1; `None` when one side is constant or empty.
pub fn kendall_tau_c(x: &[f64], y: &[f64]) -> Option<f64> {
    PairedRanks::of(x, y).order().tau_c()
}

/// Of all pairs that differ in `y`, the share that `x` puts into the same order; ties of `x` count half. In 0..=1;
/// `None` when `y` is constant or empty.
pub fn pairwise_accuracy(x: &[f64], y: &[f64]) -> Option<f64> {
    PairedRanks::of(x, y).order().accuracy()
}

/// Two sides of the same length as dense ranks.
#[derive(Debug, Clone)]
pub(super) struct PairedRanks {
    x: Vec<u32>,
    y: Vec<u32>,
}

/// How the pairs of pairs stand to each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Order {
    pairs: f64,
    /// Concordant less discordant.
    balance: f64,
    tied_x: f64,
    tied_y: f64,
    tied_both: f64,
    items: f64,
    /// The smaller number of distinct values.
    levels: f64,
}

impl PairedRanks {
    pub fn of(x: &[f64], y: &[f64]) -> Self {
        let n = x.len().min(y.len());
        Self {
            x: dense_ranks(&x[..n]),
            y: dense_ranks(&y[..n]),
        }
    }

    /// The pairs at these positions, repeated where positions repeat.
    pub fn drawn(&self, positions: &[usize]) -> Self {
        let take = |ranks: &[u32]| positions.iter().map(|&p| ranks[p]).collect();
        Self {
            x: take(&self.x),
            y: take(&self.y),
        }
    }

    pub fn spearman(&self) -> Option<f64> {
        let (x, y) = (mean_ranks(&self.x), mean_ranks(&self.y));
        let middle = (x.len() as f64 + 1.0) / 2.0;
        let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
        for (a, b) in x.iter().zip(&y) {
            let (a, b) = (a - middle, b - middle);
            xy += a * b;
            xx += a * a;
            yy += b * b;
        }
        (xx > 0.0 && yy > 0.0).then(|| xy / (xx * yy).sqrt())
    }

    /// Counts by sorting and a Fenwick tree (Knight 1966 counts the exchanges of a merge sort instead).
    pub fn order(&self) -> Order {
        let mut keys: Vec<u64> = self
            .x
            .iter()
            .zip(&self.y)
            .map(|(&x, &y)| u64::from(x) << 32 | u64::from(y))
            .collect();
        keys.sort_unstable();
        let levels = self.y.iter().max().map_or(0, |&y| y as usize + 1);
        let mut seen = vec![0u32; levels + 1];
        let mut discordant = 0u64;
        for (before, &key) in keys.iter().enumerate() {
            let y = (key & u64::from(u32::MAX)) as usize;
            discordant += before as u64 - not_above(&seen, y);
            insert(&mut seen, y);
        }
        let tied_both = tied(keys.chunk_by(|a, b| a == b).map(<[u64]>::len));
        let tied_x = tied(keys.chunk_by(|a, b| a >> 32 == b >> 32).map(<[u64]>::len));
        let (counts_x, counts_y) = (counts(&self.x), counts(&self.y));
        let tied_y = tied(counts_y.iter().copied());
        let items = keys.len() as f64;
        let pairs = items * (items - 1.0) / 2.0;
        let distinct = |counts: &[usize]| counts.iter().filter(|&&count| count > 0).count();
        Order {
            pairs,
            balance: pairs - tied_x - tied_y + tied_both - 2.0 * discordant as f64,
            tied_x,
            tied_y,
            tied_both,
            items,
            levels: distinct(&counts_x).min(distinct(&counts_y)) as f64,
        }
    }
}

impl Order {
    pub fn tau_b(&self) -> Option<f64> {
        let open = (self.pairs - self.tied_x) * (self.pairs - self.tied_y);
        (open > 0.0).then(|| self.balance / open.sqrt())
    }

    pub fn tau_c(&self) -> Option<f64> {
        let bound = self.items * self.items * (self.levels - 1.0) / self.levels;
        (self.levels > 1.0).then(|| 2.0 * self.balance / bound)
    }

    pub fn accuracy(&self) -> Option<f64> {
        // Pairs that differ in y: concordant, discordant, and those that x alone ties.
        let judged = self.pairs - self.tied_y;
        let ordered = judged - (self.tied_x - self.tied_both);
        let concordant = (ordered + self.balance) / 2.0;
        (judged > 0.0).then(|| (concordant + (self.tied_x - self.tied_both) / 2.0) / judged)
    }
}

fn dense_ranks(values: &[f64]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0; values.len()];
    let mut rank = 0;
    for (place, &at) in order.iter().enumerate() {
        if place > 0 && values[at] != values[order[place - 1]] {
            rank += 1;
        }
        ranks[at] = rank;
    }
    ranks
}

/// Mean rank of every item, from 1, of items given by dense ranks (levels may be empty).
fn mean_ranks(dense: &[u32]) -> Vec<f64> {
    let mut below = 0.0;
    let of_level: Vec<f64> = counts(dense)
        .into_iter()
        .map(|count| {
            let mean = below + (count as f64 + 1.0) / 2.0;
            below += count as f64;
            mean
        })
        .collect();
    dense
        .iter()
        .map(|&level| of_level[level as usize])
        .collect()
}

fn counts(dense: &[u32]) -> Vec<usize> {
    let levels = dense.iter().max().map_or(0, |&level| level as usize + 1);
    let mut counts = vec![0; levels];
    for &level in dense {
        counts[level as usize] += 1;
    }
    counts
}

/// Pairs within groups of these sizes.
fn tied(groups: impl Iterator<Item = usize>) -> f64 {
    groups.map(|n| (n * n.saturating_sub(1) / 2) as f64).sum()
}

/// How many of the values inserted so far are at most `value`.
fn not_above(tree: &[u32], value: usize) -> u64 {
    let (mut at, mut sum) = (value + 1, 0);
    while at > 0 {
        sum += u64::from(tree[at]);
        at &= at - 1;
    }
    sum
}

fn insert(tree: &mut [u32], value: usize) {
    let mut at = value + 1;
    while at < tree.len() {
        tree[at] += 1;
        at += at & at.wrapping_neg();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_are_counted_by_their_definitions() {
        let (x, y) = ([1.0, 2.0, 2.0, 3.0], [1.0, 1.0, 2.0, 2.0]);
        // pairs of pairs that differ in y: (0,2) right, (0,3) right, (1,2) tied in x, (1,3) right
        assert_eq!(pairwise_accuracy(&x, &y), Some(3.5 / 4.0));
        // C = 3, D = 0, n0 = 6, n1 = 1, n2 = 2
        assert_eq!(kendall_tau_b(&x, &y), Some(3.0 / 20f64.sqrt()));
        assert_eq!(kendall_tau_c(&x, &y), Some(6.0 / 8.0));
    }

    #[test]
    fn reversed_order_is_minus_one_and_constants_are_nothing() {
        let (x, y) = ([1.0, 2.0, 3.0], [9.0, 5.0, 1.0]);
        for value in [
            spearman(&x, &y),
            kendall_tau_b(&x, &y),
            kendall_tau_c(&x, &y),
        ] {
            assert!((value.expect("both vary") + 1.0).abs() < 1e-12);
        }
        assert_eq!(pairwise_accuracy(&x, &y), Some(0.0));
        assert_eq!(spearman(&x, &[1.0; 3]), None);
        assert_eq!(kendall_tau_b(&[1.0; 3], &y), None);
        assert_eq!(kendall_tau_c(&[], &[]), None);
        assert_eq!(pairwise_accuracy(&[], &[]), None);
    }
}
