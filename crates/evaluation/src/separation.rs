//! How well a number separates right from wrong, whatever the threshold.

/// The threshold with the best F1, and the figures there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BestF1 {
    /// Accept everything with at least this score.
    pub threshold: f64,
    /// F1 at that threshold, 0..=1.
    pub f1: f64,
    /// Precision at that threshold, 0..=1.
    pub precision: f64,
    /// Recall at that threshold, 0..=1.
    pub recall: f64,
}

/// Area under the ROC curve: the probability that a positive scores higher than a negative, ties counting half.
///
/// `scored` holds (score, is positive); scores may be infinite but not NaN (NaN sorts above everything). `None`
/// when one of the classes is empty.
pub fn auroc(scored: &[(f64, bool)]) -> Option<f64> {
    let weighted: Vec<Weighted> = scored
        .iter()
        .map(|&(score, positive)| Weighted {
            score,
            positive: u64::from(positive),
            negative: u64::from(!positive),
        })
        .collect();
    weighted_auroc(weighted)
}

/// Some positives and negatives that share a score.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weighted {
    pub(crate) score: f64,
    pub(crate) positive: u64,
    pub(crate) negative: u64,
}

/// [`auroc`] with counts, so that the many images that were never returned need one entry only.
pub(crate) fn weighted_auroc(mut entries: Vec<Weighted>) -> Option<f64> {
    entries.sort_by(|a, b| b.score.total_cmp(&a.score));
    let (mut positives, mut negatives, mut area) = (0u64, 0u64, 0.0);
    let mut above = 0u64;
    for group in entries.chunk_by(|a, b| a.score == b.score) {
        let positive: u64 = group.iter().map(|e| e.positive).sum();
        let negative: u64 = group.iter().map(|e| e.negative).sum();
        area += negative as f64 * (above as f64 + positive as f64 / 2.0);
        above += positive;
        positives += positive;
        negatives += negative;
    }
    (positives > 0 && negatives > 0).then(|| area / (positives as f64 * negatives as f64))
}

/// The best F1 over all thresholds. `positives` is the number of positives there are, also those that are not in
/// `scored`. Equal scores are accepted together; of equal F1 the highest threshold wins. `None` when no threshold
/// accepts a positive.
pub fn best_f1(scored: &[(f64, bool)], positives: usize) -> Option<BestF1> {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut accepted, mut right) = (0usize, 0usize);
    let mut best: Option<BestF1> = None;
    for group in sorted.chunk_by(|a, b| a.0 == b.0) {
        accepted += group.len();
        right += group.iter().filter(|e| e.1).count();
        let f1 = 2.0 * right as f64 / (accepted + positives).max(1) as f64;
        if right > 0 && best.is_none_or(|b| f1 > b.f1) {
            best = Some(BestF1 {
                threshold: group[0].0,
                f1,
                precision: right as f64 / accepted as f64,
                recall: right as f64 / positives.max(1) as f64,
            });
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_count_half() {
        assert_eq!(auroc(&[(1.0, true), (1.0, false)]), Some(0.5));
        assert_eq!(auroc(&[(2.0, true), (1.0, false)]), Some(1.0));
        // pairs: (3,2) right, (3,1) right, (1,2) wrong, (1,1) half
        let scored = [(3.0, true), (1.0, true), (2.0, false), (1.0, false)];
        assert_eq!(auroc(&scored), Some(2.5 / 4.0));
        assert_eq!(auroc(&[(1.0, true)]), None);
        assert_eq!(
            auroc(&[(f64::NEG_INFINITY, false), (f64::NEG_INFINITY, true)]),
            Some(0.5)
        );
    }

    #[test]
    fn best_threshold_accepts_ties_together_and_counts_what_was_missed() {
        let scored = [(5.0, true), (4.0, true), (4.0, false), (1.0, false)];
        let best = best_f1(&scored, 3).expect("a positive is there");
        // at 5: 2·1/(1+3) = 0.5; at 4: 2·2/(3+3) = 2/3; at 1: 4/7
        assert_eq!(best.threshold, 4.0);
        assert!((best.f1 - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(best_f1(&[(1.0, false)], 2), None);
    }
}
