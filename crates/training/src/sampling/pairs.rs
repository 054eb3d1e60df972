//! Which pairs of a batch a Siamese network learns from.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::distances::Distances;
use super::mining::Mining;
use crate::error::Error;
use crate::losses::Pair;
use crate::relevance::Relevance;

/// What a miner of pairs found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MinedPairs {
    /// The pairs, by rows of the batch, each once.
    pub pairs: Vec<Pair>,
    /// Share of the irrelevant ones that are nearer than the margin, 0 to 1.
    pub active_share: f64,
}

/// Pairs of a batch; `distances` are plain Euclidean. [`Mining::All`] takes every pair,
/// [`Mining::Random`] all relevant ones and as many irrelevant ones, [`Mining::BatchHard`] for each image
/// its farthest positive and its nearest negative. What is neither positive nor negative is left out.
///
/// # Errors
/// [`Error::Shape`] when a label is missing; [`Error::Setting`] for the others, which are defined for triplets.
pub fn mine_pairs(
    mining: Mining,
    distances: &Distances,
    relevance: &Relevance,
    margin: f32,
    rng: &mut ChaCha8Rng,
) -> Result<MinedPairs, Error> {
    relevance.check(distances.count())?;
    let pair = |first: usize, second: usize| Pair {
        first,
        second,
        relevant: relevance.is_positive(first, second),
    };
    let count = relevance.len();
    let every = || {
        let all = (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b)));
        all.filter(|&(a, b)| relevance.is_known(a, b))
    };
    let pairs: Vec<Pair> = match mining {
        Mining::All => every().map(|(a, b)| pair(a, b)).collect(),
        Mining::Random => {
            let all = every().map(|(a, b)| pair(a, b));
            let (mut chosen, mut far): (Vec<Pair>, Vec<Pair>) = all.partition(|p| p.relevant);
            far.shuffle(rng);
            far.truncate(chosen.len());
            chosen.extend(far);
            chosen
        }
        Mining::BatchHard => {
            let hardest = |row: usize| {
                let of = distances.row(row);
                let by = |a: &usize, b: &usize| of[*a].total_cmp(&of[*b]);
                let positive = relevance.positives(row).into_iter().max_by(by);
                let negative = relevance.negatives(row).into_iter().min_by(by);
                [positive, negative]
                    .into_iter()
                    .flatten()
                    .map(|other| (row.min(other), row.max(other)))
                    .collect::<Vec<_>>()
            };
            let mut found: Vec<(usize, usize)> = (0..count).flat_map(hardest).collect();
            found.sort_unstable();
            found.dedup();
            found.into_iter().map(|(a, b)| pair(a, b)).collect()
        }
        Mining::SemiHard | Mining::Pool => {
            let allowed = "for pairs it is all, random or batch-hard";
            return Err(Error::setting(
                "sampling.mining",
                format!("{mining:?}"),
                allowed,
            ));
        }
    };
    let far = || pairs.iter().filter(|pair| !pair.relevant);
    let near = far().filter(|pair| distances.row(pair.first)[pair.second] < margin);
    Ok(MinedPairs {
        active_share: near.count() as f64 / far().count().max(1) as f64,
        pairs,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::losses::Distance;

    #[test]
    fn pairs_by_each_rule() {
        let distances = Distances::of(&[0.0, 1.0, 4.0, 2.0, 9.0], 1, Distance::Euclidean).unwrap();
        let labels = Relevance::from(vec![0, 0, 0, 1, 1]);
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut mined =
            |mining| mine_pairs(mining, &distances, &labels, 1.5, &mut rng).map(|m| m.pairs);
        assert_eq!(mined(Mining::All).unwrap().len(), 10);
        let random = mined(Mining::Random).unwrap();
        assert_eq!(random.iter().filter(|pair| pair.relevant).count(), 4);
        assert_eq!(random.len(), 8);
        let hard = mined(Mining::BatchHard).unwrap();
        let has = |first, second| hard.iter().any(|p| (p.first, p.second) == (first, second));
        assert!(has(0, 2) && has(0, 3) && has(1, 3) && has(3, 4) && has(2, 4) && !has(0, 1));
        assert!(mined(Mining::SemiHard).is_err());
        let pairs = [[0, 1], [1, 2], [3, 4]];
        let chain = Relevance::with_pairs(vec![0, 0, 0, 1, 1], &pairs).unwrap();
        let all = mine_pairs(Mining::All, &distances, &chain, 1.5, &mut rng).unwrap();
        let relevant = all.pairs.iter().filter(|pair| pair.relevant).count();
        assert_eq!((all.pairs.len(), relevant), (9, 3));
        assert!(!all.pairs.iter().any(|p| (p.first, p.second) == (0, 2)));
    }
}
