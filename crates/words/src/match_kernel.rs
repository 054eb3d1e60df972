//! ASMK with the residuals themselves in place of their signs (Tolias, Avrithis & Jégou 2013): 512 bytes a word of an image in
//! place of 8, in memory. It is what the binary form approximates, for measuring what that costs.

use std::collections::BTreeMap;

use vizsla_vectors::{TopK, dot_f32};

use crate::Error;
use crate::aggregated::Residual;
use crate::asmk::AsmkConfig;
use crate::scoring::Scored;

/// Images by the words that they have, with an aggregated residual of each.
#[derive(Debug, Clone, Default)]
pub struct MatchKernelIndex {
    lists: BTreeMap<u32, Vec<(u32, Residual)>>,
    /// Id of every image, and its words.
    images: Vec<(i64, Vec<u32>)>,
}

impl MatchKernelIndex {
    /// An index without images.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an image: an id, and its words as [`Codebook::residuals`](crate::Codebook::residuals) gives them.
    ///
    /// # Errors
    /// [`Error::RepeatedWord`]; [`vizsla_vectors::Error::NotFinite`] with the number of the residual that is not finite. The index
    /// is then as it was.
    pub fn add(&mut self, id: i64, words: &[(u32, Residual)]) -> Result<(), Error> {
        let finite = |(_, residual): &(u32, Residual)| residual.iter().all(|x| x.is_finite());
        if let Some(row) = words.iter().position(|word| !finite(word)) {
            return Err(vizsla_vectors::Error::NotFinite { row }.into());
        }
        let mut numbers: Vec<u32> = words.iter().map(|(word, _)| *word).collect();
        numbers.sort_unstable();
        if let Some(twins) = numbers.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::RepeatedWord {
                word: twins[0],
                image: id,
            });
        }
        let image = self.images.len() as u32;
        for (word, residual) in words {
            self.lists
                .entry(*word)
                .or_default()
                .push((image, *residual));
        }
        self.images.push((id, numbers));
        Ok(())
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// The `top` images with the highest scores, best first, equal scores by ascending id. The score is that of
    /// [`search_aggregated`](crate::search_aggregated) with inner products for similarities.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] from the config.
    pub fn search(
        &self,
        query: &[(u32, Residual)],
        config: &AsmkConfig,
        top: usize,
    ) -> Result<Vec<Scored>, Error> {
        config.check()?;
        let mut sums = vec![0f64; self.images.len()];
        let mut length = 0f64;
        for (word, residual) in query {
            let square = self.idf_square(*word, config);
            length += square;
            for (image, other) in self.lists.get(word).into_iter().flatten() {
                let similarity = dot_f32(residual, other);
                let worth = config.selectivity(similarity);
                if similarity > 0.0 && worth > 0.0 {
                    sums[*image as usize] += square * f64::from(worth);
                }
            }
        }
        let mut best = TopK::new(top);
        for (sum, (id, words)) in sums.into_iter().zip(&self.images) {
            let own: f64 = words
                .iter()
                .map(|&word| self.idf_square(word, config))
                .sum();
            let score = (sum / (own * length).sqrt()) as f32;
            if score > 0.0 && score.is_finite() {
                best.push(score, *id);
            }
        }
        let best = best.into_sorted().into_iter();
        Ok(best.map(|(score, id)| Scored { id, score }).collect())
    }

    fn idf_square(&self, word: u32, config: &AsmkConfig) -> f64 {
        if !config.idf {
            return 1.0;
        }
        let with = self.lists.get(&word).map_or(0, Vec::len);
        let ratio = self.images.len().max(1) as f64 / with.max(1) as f64;
        ratio.ln().powi(2)
    }
}
