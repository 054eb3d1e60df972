//! Candidates that change places.
//!
//! Scores keep their places and images change theirs: a score means what it meant, what stands behind the head stays behind it, and
//! what geometry proved stays proven.

use super::candidate::Ranking;

/// Gives the greatest similarity at these places to the candidate at the least distance, and so on.
pub(super) fn exchange(ranking: &mut Ranking, places: &[usize], distances: &[f32]) {
    let candidates = &mut ranking.candidates;
    let mut scores: Vec<(f64, usize)> = places
        .iter()
        .map(|&place| (candidates[place].similarity, candidates[place].rank))
        .collect();
    scores.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|&a, &b| distances[a].total_cmp(&distances[b]).then(a.cmp(&b)));
    for (at, (similarity, rank)) in order.into_iter().zip(scores) {
        let candidate = &mut candidates[places[at]];
        (candidate.similarity, candidate.rank) = (similarity, rank);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::candidate::Candidate;

    #[test]
    fn images_change_places_and_scores_do_not() {
        let candidate = |image: i64, similarity: f64, rank: usize| Candidate {
            similarity,
            rank,
            ..Candidate::new(image)
        };
        let mut ranking = Ranking::of(vec![
            candidate(1, 0.9, 1),
            candidate(2, 0.8, 2),
            candidate(3, 0.7, 3),
            candidate(4, 0.7, 4),
        ]);
        // The second has no vector.
        exchange(&mut ranking, &[0, 2, 3], &[0.3, 0.3, 0.1]);
        ranking.order();
        let shown: Vec<_> = ranking
            .candidates
            .iter()
            .map(|c| (c.image, c.similarity))
            .collect();
        assert_eq!(shown, [(4, 0.9), (2, 0.8), (1, 0.7), (3, 0.7)]);
        exchange(&mut ranking, &[], &[]);
    }
}
