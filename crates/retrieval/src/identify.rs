//! What is this? Labels of the images that verifiably show what the query shows, voting by their evidence.
//!
//! Only geometry votes by default: an image that merely looks alike says nothing about which painting, cover or
//! building is meant, and "unknown" is then the honest answer.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::{Collection, Error, Query, Remedy, SearchOptions, Verdict};

/// Images that merely look alike that may vote.
const LOOKALIKES: usize = 10;

/// How a query is identified.
#[derive(Debug, Clone, Default)]
pub struct IdentifyOptions {
    /// Images verified geometrically; `None` takes the recipe's value.
    pub shortlist: Option<usize>,
    /// Let the ten most similar images vote when no image is verified.
    pub by_look: bool,
}

/// What a query shows, as far as the collection knows.
#[derive(Debug, Clone, Serialize)]
pub struct Identification {
    /// The label with most evidence; `None` = unknown.
    pub label: Option<String>,
    /// Whether geometry vouches for it.
    pub verified: bool,
    /// All labels that were voted for, best first.
    pub votes: Vec<LabelVote>,
    /// The images that voted, best first.
    pub neighbours: Vec<Labelled>,
    /// Images that verifiably match and have no label.
    pub unlabelled: usize,
    /// Whole time in milliseconds.
    pub ms: f64,
}

/// The evidence for one label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelVote {
    /// The label.
    pub label: String,
    /// Sum of the scores of the images that have it.
    pub weight: f64,
    /// Its part of the weight of all images that voted, 0 to 1.
    pub share: f64,
    /// How many images have it.
    pub images: usize,
}

/// An image that voted.
#[derive(Debug, Clone, Serialize)]
pub struct Labelled {
    /// Identity of the image.
    pub image: i64,
    /// A file that holds it.
    pub path: PathBuf,
    /// Its score: −log10 of the number of false alarms when verified.
    pub score: f64,
    /// Correspondences that agree; 0 when not verified.
    pub inliers: usize,
    /// Its labels.
    pub labels: Vec<String>,
}

impl Collection {
    /// Says what the query shows: the label that the verified images vote for, each with its score.
    ///
    /// # Errors
    /// As [`Collection::search`]; also when no image of the collection has a label.
    pub fn identify(
        &self,
        query: &Query,
        options: &IdentifyOptions,
    ) -> Result<Identification, Error> {
        let labels = self.catalog().labels()?;
        if labels.is_empty() {
            return Err(Error::Lacking {
                what: "no image of the collection has a label".into(),
                remedy: Remedy::GiveLabels,
            });
        }
        let search = SearchOptions {
            top: options.shortlist.unwrap_or(self.recipe.search.shortlist),
            shortlist: options.shortlist,
            ..SearchOptions::default()
        };
        let response = self.search(query, &search)?;
        let mut unlabelled = 0;
        let mut verified = Vec::new();
        let mut alike = Vec::new();
        for (rank, hit) in response.hits.into_iter().enumerate() {
            let matched = hit.verdict == Verdict::Match;
            let Some(labels) = labels.get(&hit.image) else {
                unlabelled += usize::from(matched);
                continue;
            };
            let labelled = Labelled {
                image: hit.image,
                path: hit.path,
                score: hit.score,
                inliers: hit.agreement.filter(|_| matched).map_or(0, |a| a.inliers),
                labels: labels.clone(),
            };
            if matched {
                verified.push(labelled);
            } else if rank < LOOKALIKES {
                alike.push(labelled);
            }
        }
        let proven = !verified.is_empty();
        let neighbours = match (proven, options.by_look) {
            (false, true) => alike,
            _ => verified,
        };
        let votes = count(&neighbours);
        Ok(Identification {
            label: votes.first().map(|vote| vote.label.clone()),
            verified: proven,
            votes,
            neighbours,
            unlabelled,
            ms: response.ms,
        })
    }
}

/// Adds the votes up; equal weights go by the name of the label.
fn count(neighbours: &[Labelled]) -> Vec<LabelVote> {
    let total: f64 = neighbours.iter().map(|neighbour| neighbour.score).sum();
    let mut sums: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
    for neighbour in neighbours {
        for label in &neighbour.labels {
            let sum = sums.entry(label).or_default();
            sum.0 += neighbour.score;
            sum.1 += 1;
        }
    }
    let mut votes: Vec<LabelVote> = sums
        .into_iter()
        .map(|(label, (weight, images))| LabelVote {
            label: label.to_owned(),
            weight,
            share: if total > 0.0 { weight / total } else { 0.0 },
            images,
        })
        .collect();
    votes.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    votes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_counts_and_not_the_number_of_images() {
        let voter = |score, labels: &[&str]| Labelled {
            image: 1,
            path: PathBuf::new(),
            score,
            inliers: 0,
            labels: labels.iter().map(|l| (*l).to_owned()).collect(),
        };
        let votes = count(&[
            voter(60.0, &["tower", "Paris"]),
            voter(10.0, &["bridge"]),
            voter(10.0, &["bridge", "Paris"]),
        ]);
        let shown: Vec<_> = votes
            .iter()
            .map(|v| (v.label.as_str(), v.weight, v.images))
            .collect();
        assert_eq!(
            shown,
            [("Paris", 70.0, 2), ("tower", 60.0, 1), ("bridge", 20.0, 2)]
        );
        assert_eq!(votes[1].share, 0.75);
        assert!(count(&[]).is_empty());
    }
}
