//! A text's vector from those of its words.

use super::cut::words;
use vizsla_vectors::{l2_norm, l2_normalise};

use super::aggregation::Aggregation;
use super::statistics::WordStatistics;
use crate::error::Error;
use crate::word_vectors::WordVectors;

/// Steps of the power iteration; the first direction of sentence vectors is far above the second.
const ITERATIONS: usize = 100;

/// Word vectors and the way they are summed.
#[derive(Debug)]
pub struct WordEncoder {
    vectors: WordVectors,
    aggregation: Aggregation,
    statistics: Option<WordStatistics>,
    lower_case: bool,
}

/// The sum over one text.
pub(super) struct WordSum {
    pub vector: Vec<f32>,
    pub tokens: usize,
    pub out_of_vocabulary: usize,
}

impl WordEncoder {
    /// An encoder by the given vectors. `lower_case` lower-cases texts first, as most tables want it.
    ///
    /// # Errors
    /// [`Error::Value`] when the aggregation weighs words and nothing says how frequent they are: tf-idf needs
    /// statistics, SIF takes the counts of a fastText `.bin` where there are none; or when the statistics were
    /// made with another case or for vectors of another dimension.
    pub fn new(
        vectors: WordVectors,
        aggregation: Aggregation,
        statistics: Option<WordStatistics>,
        lower_case: bool,
    ) -> Result<WordEncoder, Error> {
        let refused = |allowed: String| Error::Value {
            name: "the aggregation of word vectors",
            value: aggregation.to_string(),
            allowed,
        };
        let counted = match aggregation {
            Aggregation::Sum | Aggregation::Mean => true,
            Aggregation::TfIdf => statistics.is_some(),
            Aggregation::Sif { .. } => statistics.is_some() || vectors.tokens().is_some(),
        };
        if !counted {
            return Err(refused(
                "it needs word statistics, learnt from texts such as the captions; without them use sum or mean"
                    .into(),
            ));
        }
        if let Some(statistics) = &statistics {
            if statistics.lower_case() != lower_case {
                return Err(refused(format!(
                    "the word statistics were made with lower_case = {}",
                    statistics.lower_case()
                )));
            }
            let common = statistics.common().len();
            if common != 0 && common != vectors.dimension() {
                return Err(refused(format!(
                    "the word statistics are for vectors of {common} numbers, these have {}",
                    vectors.dimension()
                )));
            }
        }
        Ok(WordEncoder {
            vectors,
            aggregation,
            statistics,
            lower_case,
        })
    }

    /// Numbers in each vector.
    pub fn dimension(&self) -> usize {
        self.vectors.dimension()
    }

    /// The vectors of the words.
    pub fn vectors(&self) -> &WordVectors {
        &self.vectors
    }

    /// The statistics, with what [`WordEncoder::learn_common`] found.
    pub fn statistics(&self) -> Option<&WordStatistics> {
        self.statistics.as_ref()
    }

    /// Finds the direction that texts have in common, the first singular vector of their sums, which SIF takes
    /// away from each (Arora et al. 2017). It is kept in the statistics; without statistics, they are learnt from
    /// the same texts. Returns the share of the sums' energy in that direction, in 0..=1.
    ///
    /// # Errors
    /// As [`WordVectors::vector`].
    pub fn learn_common(&mut self, texts: &[&str]) -> Result<f64, Error> {
        let mut statistics = match self.statistics.take() {
            Some(statistics) => statistics,
            None => WordStatistics::learn(texts.iter().copied(), self.lower_case),
        };
        statistics.set_common(Vec::new());
        self.statistics = Some(statistics);
        let mut sums = Vec::with_capacity(texts.len());
        for text in texts {
            let mut sum = self.sum(text)?.vector;
            l2_normalise(&mut sum);
            sums.push(sum);
        }
        let (common, share) = first_direction(&sums, self.dimension());
        if let Some(statistics) = &mut self.statistics {
            statistics.set_common(common);
        }
        Ok(share)
    }

    /// What decides the vectors beside the table.
    pub(super) fn description(&self) -> String {
        let statistics = self.statistics.as_ref().map(WordStatistics::digest);
        format!("{} {} {statistics:?}", self.aggregation, self.lower_case)
    }

    /// The aggregate of one text, not normalised.
    pub(super) fn sum(&self, text: &str) -> Result<WordSum, Error> {
        let mut sum = WordSum {
            vector: vec![0.0; self.dimension()],
            tokens: 0,
            out_of_vocabulary: 0,
        };
        let mut total = vec![0.0f64; self.dimension()];
        let mut found = 0u32;
        for word in words(text, self.lower_case) {
            sum.tokens += 1;
            sum.out_of_vocabulary += usize::from(!self.vectors.contains(&word));
            if let Some(vector) = self.vectors.vector(&word)? {
                found += 1;
                let weight = self.weight(&word);
                let terms = total.iter_mut().zip(vector);
                terms.for_each(|(t, x)| *t += weight * f64::from(x));
            }
        }
        let scale = match self.aggregation {
            Aggregation::Sum => 1.0,
            _ => 1.0 / f64::from(found.max(1)),
        };
        let values = sum.vector.iter_mut().zip(total);
        values.for_each(|(x, t)| *x = (t * scale) as f32);
        if matches!(self.aggregation, Aggregation::Sif { .. }) {
            let common = self.statistics.as_ref().map(WordStatistics::common);
            take_away(&mut sum.vector, common.unwrap_or_default());
        }
        Ok(sum)
    }

    fn weight(&self, word: &str) -> f64 {
        match (self.aggregation, &self.statistics) {
            (Aggregation::TfIdf, Some(statistics)) => statistics.inverse_document_frequency(word),
            (Aggregation::Sif { a }, Some(statistics)) => a / (a + statistics.probability(word)),
            (Aggregation::Sif { a }, None) => {
                let tokens = self.vectors.tokens().unwrap_or(0).max(1);
                let count = self.vectors.count(word).unwrap_or(0);
                a / (a + count as f64 / tokens as f64)
            }
            _ => 1.0,
        }
    }
}

/// x − (x·d) d; nothing for an empty d.
fn take_away(vector: &mut [f32], direction: &[f32]) {
    let pairs = vector.iter().zip(direction);
    let along: f64 = pairs.map(|(&x, &d)| f64::from(x) * f64::from(d)).sum();
    let pairs = vector.iter_mut().zip(direction);
    pairs.for_each(|(x, &d)| *x -= (along * f64::from(d)) as f32);
}

/// The first right singular vector of the rows, its first component not negative, and its share of the sum
/// of squares. By power iteration from the sum of the rows.
fn first_direction(rows: &[Vec<f32>], dimension: usize) -> (Vec<f32>, f64) {
    let mut direction = vec![0.0f32; dimension];
    for row in rows {
        direction.iter_mut().zip(row).for_each(|(d, x)| *d += x);
    }
    if l2_norm(&direction) == 0.0 {
        direction.fill(1.0);
    }
    l2_normalise(&mut direction);
    let mut energy = 0.0;
    for _ in 0..ITERATIONS {
        let mut next = vec![0.0f64; dimension];
        energy = 0.0;
        for row in rows {
            let pairs = row.iter().zip(&direction);
            let along: f64 = pairs.map(|(&x, &d)| f64::from(x) * f64::from(d)).sum();
            energy += along * along;
            next.iter_mut()
                .zip(row)
                .for_each(|(n, &x)| *n += along * f64::from(x));
        }
        direction = next.iter().map(|&x| x as f32).collect();
        l2_normalise(&mut direction);
    }
    if direction.first().is_some_and(|&x| x < 0.0) {
        direction.iter_mut().for_each(|x| *x = -*x);
    }
    let all: f64 = rows.iter().map(|row| l2_norm(row).powi(2)).sum();
    (direction, if all > 0.0 { energy / all } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_direction_is_found_and_taken_away() {
        let rows: Vec<Vec<f32>> = (0..40)
            .map(|i| vec![3.0, (i as f32).sin(), 4.0, 0.3 * (i as f32).cos()])
            .collect();
        let (direction, share) = first_direction(&rows, 4);
        assert!((direction[0] - 0.6).abs() < 0.02 && (direction[2] - 0.8).abs() < 0.02);
        assert!(share > 0.97 && share <= 1.0, "{share}");
        let mut row = rows[3].clone();
        take_away(&mut row, &direction);
        assert!(row[0].abs() < 0.1 && row[2].abs() < 0.1);
        take_away(&mut row, &[]);
        assert_eq!(first_direction(&[], 2).1, 0.0);
    }
}
