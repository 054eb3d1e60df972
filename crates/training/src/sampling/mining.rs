//! Which triplets of a batch are learned from.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::distances::Distances;
use crate::error::Error;
use crate::losses::Triplet;
use crate::relevance::Relevance;

/// How pairs and triplets are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mining {
    /// Every one whose margin is violated (the "batch all" of Hermans et al. 2017).
    All,
    /// For each anchor and positive, any negative.
    Random,
    /// For each anchor and positive, the nearest negative beyond the positive but within the margin
    /// (Schroff et al. 2015); none where there is none.
    SemiHard,
    /// For each anchor the farthest positive and the nearest negative of the batch (Hermans et al. 2017).
    #[default]
    BatchHard,
    /// For each anchor any positive and the nearest negatives among all images, which are embedded again
    /// every epoch (Radenović et al. 2016).
    Pool,
}

/// What a miner found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mined {
    /// The triplets, by rows of the batch.
    pub triplets: Vec<Triplet>,
    /// Share of all that were looked at whose margin is violated, 0 to 1; 0 when there were none. Looked at
    /// are all triplets, by the other miners one for each anchor and positive, or each anchor.
    pub active_share: f64,
}

/// Triplets of a batch with these distances.
///
/// # Errors
/// [`Error::Shape`] when a label is missing; [`Error::Setting`] for [`Mining::Pool`], which looks beyond a batch
/// (see [`crate::hardest_in_pool`]).
pub fn mine_triplets(
    mining: Mining,
    distances: &Distances,
    relevance: &Relevance,
    margin: f32,
    rng: &mut ChaCha8Rng,
) -> Result<Mined, Error> {
    relevance.check(distances.count())?;
    let batch = Batch {
        distances,
        relevance,
        margin,
    };
    Ok(match mining {
        Mining::All => batch.all(),
        Mining::Random => batch.random(rng),
        Mining::SemiHard => batch.semi_hard(),
        Mining::BatchHard => batch.batch_hard(),
        Mining::Pool => {
            let allowed = "in a batch it is all, random, semi-hard or batch-hard";
            return Err(Error::setting("sampling.mining", "pool", allowed));
        }
    })
}

struct Batch<'a> {
    distances: &'a Distances,
    relevance: &'a Relevance,
    margin: f32,
}

impl Batch<'_> {
    fn violated(&self, triplet: &Triplet) -> bool {
        let row = self.distances.row(triplet.anchor);
        row[triplet.positive] + self.margin > row[triplet.negative]
    }

    fn all(&self) -> Mined {
        let (mut triplets, mut looked) = (Vec::new(), 0);
        for anchor in 0..self.relevance.len() {
            let negatives = self.relevance.negatives(anchor);
            for positive in self.relevance.positives(anchor) {
                looked += negatives.len();
                let with = negatives.iter().map(|&negative| Triplet {
                    anchor,
                    positive,
                    negative,
                });
                triplets.extend(with.filter(|triplet| self.violated(triplet)));
            }
        }
        Mined {
            active_share: triplets.len() as f64 / looked.max(1) as f64,
            triplets,
        }
    }

    /// One triplet for each anchor and positive, the negative chosen by `choose` among the negatives.
    fn by_pair(&self, mut choose: impl FnMut(&[f32], f32, &[usize]) -> Option<usize>) -> Mined {
        let (mut triplets, mut looked) = (Vec::new(), 0);
        for anchor in 0..self.relevance.len() {
            let negatives = self.relevance.negatives(anchor);
            let row = self.distances.row(anchor);
            for positive in self.relevance.positives(anchor) {
                looked += 1;
                if let Some(negative) = choose(row, row[positive], &negatives) {
                    triplets.push(Triplet {
                        anchor,
                        positive,
                        negative,
                    });
                }
            }
        }
        self.judged(triplets, looked)
    }

    fn judged(&self, triplets: Vec<Triplet>, looked: usize) -> Mined {
        let active = triplets.iter().filter(|t| self.violated(t)).count();
        Mined {
            active_share: active as f64 / looked.max(1) as f64,
            triplets,
        }
    }

    fn random(&self, rng: &mut ChaCha8Rng) -> Mined {
        self.by_pair(|_, _, negatives| {
            let any = (!negatives.is_empty()).then(|| rng.random_range(0..negatives.len()));
            any.map(|place| negatives[place])
        })
    }

    fn semi_hard(&self) -> Mined {
        self.by_pair(|row, near, negatives| {
            let within = negatives
                .iter()
                .copied()
                .filter(|&negative| row[negative] > near && row[negative] < near + self.margin);
            within.min_by(|&a, &b| row[a].total_cmp(&row[b]))
        })
    }

    fn batch_hard(&self) -> Mined {
        let hardest = |anchor: usize| {
            let row = self.distances.row(anchor);
            let by = |a: &usize, b: &usize| row[*a].total_cmp(&row[*b]);
            Some(Triplet {
                anchor,
                positive: self.relevance.positives(anchor).into_iter().max_by(by)?,
                negative: self.relevance.negatives(anchor).into_iter().min_by(by)?,
            })
        };
        let triplets: Vec<Triplet> = (0..self.relevance.len()).filter_map(hardest).collect();
        let looked = triplets.len();
        self.judged(triplets, looked)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::losses::Distance;

    fn mined(mining: Mining, margin: f32) -> Mined {
        // Points on a line: class 0 at 0, 1 and 4, class 1 at 2 and 9.
        let rows = [0.0, 1.0, 4.0, 2.0, 9.0];
        let distances = Distances::of(&rows, 1, Distance::Euclidean).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let relevance = Relevance::from(vec![0, 0, 0, 1, 1]);
        mine_triplets(mining, &distances, &relevance, margin, &mut rng).unwrap()
    }

    fn triplet(anchor: usize, positive: usize, negative: usize) -> Triplet {
        Triplet {
            anchor,
            positive,
            negative,
        }
    }

    #[test]
    fn the_hardest_of_a_batch() {
        let found = mined(Mining::BatchHard, 0.5);
        let expected = [(0, 2, 3), (1, 2, 3), (2, 0, 3), (3, 4, 1), (4, 3, 2)];
        assert_eq!(found.triplets, expected.map(|(a, p, n)| triplet(a, p, n)));
        assert!((found.active_share - 1.0).abs() < 1e-12);
    }

    #[test]
    fn semi_hard_lies_between_the_positive_and_the_margin() {
        let found = mined(Mining::SemiHard, 1.5);
        assert!(found.triplets.contains(&triplet(0, 1, 3)));
        assert!(
            !found
                .triplets
                .iter()
                .any(|t| (t.anchor, t.positive) == (0, 2))
        );
        assert!(found.active_share < 1.0 && found.active_share > 0.0);
    }

    #[test]
    fn all_are_the_violated_ones() {
        let found = mined(Mining::All, 0.5);
        assert!(found.triplets.contains(&triplet(0, 2, 3)));
        assert!(!found.triplets.contains(&triplet(0, 1, 3)));
        // Class 0: 6 pairs with 2 negatives; class 1: 2 pairs with 3.
        let looked = 18.0;
        assert!((found.active_share - found.triplets.len() as f64 / looked).abs() < 1e-12);
        assert_eq!(
            mined(Mining::All, 1e-6).triplets.len(),
            found.triplets.len()
        );
    }

    #[test]
    fn random_repeats_with_its_seed() {
        let found = mined(Mining::Random, 0.5);
        assert_eq!(found, mined(Mining::Random, 0.5));
        assert_eq!(found.triplets.len(), 8);
    }
}
