//! Model against people: the figures, what people reach among themselves, and intervals.
//!
//! Judgements of the same picture hang together, so the bootstrap draws pictures and takes all their judgements.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::correlation::PairedRanks;
use super::judgements::JudgedPair;
use super::similarities::Similarities;
use super::triplets::Triplet;
use crate::bootstrap::{Interval, bootstrap_groups};
use crate::error::Error;
use crate::ordered::Ordered;

/// How far a model and people agree.
///
/// For graded pairs the metrics are `spearman`, `kendall_tau_b`, `kendall_tau_c` and `pairwise_accuracy` over all
/// ratings, each rating of a pair counting as one, as is customary on these judgements. For triplets they are
/// `agreement` (share of triplets where the model takes the side of the majority; where votes are equal there is
/// none) and `vote_agreement` (share of all votes that the model sides with). Equal similarities count half.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Pairs or triplets that were compared.
    pub compared: usize,
    /// Distinct pictures (or queries) among them.
    pub queries: usize,
    /// Name and value.
    pub metrics: Ordered<f64>,
    /// 95 % bootstrap intervals over pictures.
    pub intervals: Ordered<Interval>,
    /// The same metrics for one person against the others, where that is known.
    pub people: Ordered<f64>,
}

/// Compares a model with graded pairs. Captions of the picture itself are usually left out by the caller
/// ([`JudgedPair::is_own`]): they are trivial for whatever reads captions.
///
/// # Errors
/// The model does not know a pair.
pub fn agree_with_judgements(
    judged: &[JudgedPair],
    model: &dyn Similarities,
    seed: u64,
) -> Result<Agreement, Error> {
    let (mut scores, mut ratings, mut others, mut groups) = (vec![], vec![], vec![], Groups::new());
    for pair in judged {
        let score = known(model, &pair.image, &pair.caption)?;
        for &rating in &pair.ratings {
            groups.entry(&pair.image).or_default().push(scores.len());
            scores.push(score);
            ratings.push(rating);
            others.push(pair.ratings.iter().sum::<f64>() - rating);
        }
    }
    let ranks = PairedRanks::of(&scores, &ratings);
    let names = [
        "spearman",
        "kendall_tau_b",
        "kendall_tau_c",
        "pairwise_accuracy",
    ];
    let figures = |ranks: &PairedRanks| {
        let order = ranks.order();
        [
            ranks.spearman(),
            order.tau_b(),
            order.tau_c(),
            order.accuracy(),
        ]
    };
    let people = match judged.iter().all(|pair| pair.ratings.len() > 1) {
        true => figures(&PairedRanks::of(&others, &ratings)),
        false => [None; 4],
    };
    Ok(Agreement {
        compared: judged.len(),
        queries: groups.len(),
        metrics: named(&names, &figures(&ranks)),
        intervals: intervals(&names, groups, seed, &|drawn| figures(&ranks.drawn(drawn))),
        people: named(&names, &people),
    })
}

/// Compares a model with triplets.
///
/// # Errors
/// The model does not know a query with one of its candidates.
pub fn agree_with_triplets(
    triplets: &[Triplet],
    model: &dyn Similarities,
    seed: u64,
) -> Result<Agreement, Error> {
    let (mut judged, mut groups) = (Vec::new(), Groups::new());
    for triplet in triplets {
        let a = known(model, &triplet.query, &triplet.a)?;
        let b = known(model, &triplet.query, &triplet.b)?;
        groups.entry(&triplet.query).or_default().push(judged.len());
        judged.push(Sides::of(triplet, preference(a, b)));
    }
    let names = ["agreement", "vote_agreement"];
    let figures = |drawn: &mut dyn Iterator<Item = &Sides>| {
        let sum = drawn.fold(Sides::default(), |sum, sides| sum.plus(sides));
        [sum.majority.share(), sum.votes.share()]
    };
    let drawn = |positions: &[usize]| figures(&mut positions.iter().map(|&p| &judged[p]));
    let people = judged
        .iter()
        .fold(Tally::default(), |sum, s| sum.plus(s.people));
    Ok(Agreement {
        compared: triplets.len(),
        queries: groups.len(),
        metrics: named(&names, &figures(&mut judged.iter())),
        intervals: intervals(&names, groups, seed, &drawn),
        people: named(&names, &[None, people.share()]),
    })
}

/// Positions of the judgements of each picture, by its name.
type Groups<'a> = BTreeMap<&'a str, Vec<usize>>;

fn known(model: &dyn Similarities, first: &str, second: &str) -> Result<f64, Error> {
    let value = model.similarity(first, second).filter(|v| !v.is_nan());
    value.ok_or_else(|| Error::UnknownPair {
        first: first.to_owned(),
        second: second.to_owned(),
    })
}

fn named(names: &[&str], values: &[Option<f64>]) -> Ordered<f64> {
    let mut metrics = Ordered::new();
    for (name, value) in names.iter().zip(values) {
        metrics.insert_some(*name, *value);
    }
    metrics
}

fn intervals<const N: usize>(
    names: &[&str; N],
    groups: Groups,
    seed: u64,
    figures: &(dyn Fn(&[usize]) -> [Option<f64>; N] + Sync),
) -> Ordered<Interval> {
    let groups: Vec<Vec<usize>> = groups.into_values().collect();
    let mut intervals = Ordered::new();
    for (name, interval) in names.iter().zip(bootstrap_groups(&groups, seed, figures)) {
        intervals.insert_some(*name, interval);
    }
    intervals
}

/// 1 for the first, 0 for the second, ½ for neither.
fn preference(a: f64, b: f64) -> f64 {
    match a.total_cmp(&b) {
        _ if a == b => 0.5,
        std::cmp::Ordering::Greater => 1.0,
        _ => 0.0,
    }
}

/// How much of so many was right.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    right: f64,
    all: f64,
}

impl Tally {
    fn plus(self, other: Self) -> Self {
        Self {
            right: self.right + other.right,
            all: self.all + other.all,
        }
    }

    fn share(self) -> Option<f64> {
        (self.all > 0.0).then(|| self.right / self.all)
    }
}

/// What one triplet adds to each figure.
#[derive(Debug, Clone, Copy, Default)]
struct Sides {
    majority: Tally,
    votes: Tally,
    people: Tally,
}

impl Sides {
    /// `choice` is the model's [`preference`].
    fn of(triplet: &Triplet, choice: f64) -> Self {
        let (a, b) = (f64::from(triplet.votes_a), f64::from(triplet.votes_b));
        let majority = preference(a, b);
        let mut people = Tally::default();
        if a + b > 1.0 {
            // Each voter against the majority of the others.
            people = Tally {
                right: a * preference(a - 1.0, b) + b * (1.0 - preference(a, b - 1.0)),
                all: a + b,
            };
        }
        Self {
            majority: match a == b {
                true => Tally::default(),
                false => Tally {
                    right: 1.0 - (choice - majority).abs(),
                    all: 1.0,
                },
            },
            votes: Tally {
                right: choice * a + (1.0 - choice) * b,
                all: a + b,
            },
            people,
        }
    }

    fn plus(self, other: &Self) -> Self {
        Self {
            majority: self.majority.plus(other.majority),
            votes: self.votes.plus(other.votes),
            people: self.people.plus(other.people),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn triplet(query: &str, votes_a: u32, votes_b: u32) -> Triplet {
        Triplet {
            query: query.into(),
            a: "a".into(),
            b: "b".into(),
            votes_a,
            votes_b,
        }
    }

    #[test]
    fn triplets_count_majorities_and_votes() {
        // the model always takes a, except for "tie"
        let model = |query: &str, candidate: &str| {
            Some(if query != "tie" && candidate == "a" {
                1.0
            } else {
                0.0
            })
        };
        let triplets = [
            triplet("q", 4, 1),
            triplet("r", 0, 3),
            triplet("s", 1, 1),
            triplet("tie", 2, 1),
        ];
        let found = agree_with_triplets(&triplets, &model, 1).expect("all known");
        assert_eq!((found.compared, found.queries), (4, 4));
        // right, wrong, no majority, half
        assert_eq!(found.metrics.get("agreement"), Some(&0.5));
        // 4 + 0 + 1 + 1.5 of 13 votes
        assert_eq!(found.metrics.get("vote_agreement"), Some(&(6.5 / 13.0)));
        // q: 4 agree, the one does not; r: 3; s: none; tie: the two are torn (½ each), the one is not right
        let people = found.people.get("vote_agreement").expect("several votes");
        assert!(
            (people - (4.0 + 3.0 + 0.0 + 1.0) / 13.0).abs() < 1e-12,
            "{people}"
        );
    }

    #[test]
    fn grades_are_compared_rating_by_rating() {
        let pair = |caption: &str, ratings: &[f64]| JudgedPair {
            image: format!("{caption}.jpg"),
            caption: caption.into(),
            ratings: ratings.to_vec(),
        };
        let judged = [
            pair("1", &[1.0, 1.0]),
            pair("2", &[2.0, 1.0]),
            pair("3", &[3.0, 3.0]),
        ];
        let model = |_: &str, caption: &str| caption.parse().ok();
        let found = agree_with_judgements(&judged, &model, 1).expect("all known");
        // of the pairs of ratings that differ none is ordered wrongly, and none of them is of one pair but (2, 1)
        let accuracy = found.metrics.get("pairwise_accuracy").expect("grades vary");
        // differing: (1,2)×2, (1,3)×4, (2,3)×2, (1,3)×2 and the two of "2" (tied by the model)
        assert!((accuracy - 10.5 / 11.0).abs() < 1e-12, "{accuracy}");
        assert!(found.people.get("spearman").is_some());
        assert!(found.intervals.get("spearman").is_some());
        let unknown = |_: &str, _: &str| None;
        let message = agree_with_judgements(&judged, &unknown, 1)
            .expect_err("nothing known")
            .to_string();
        assert!(message.contains("1.jpg"), "{message}");
    }
}
