//! The bag of words as a vector.

use vizsla_vectors::{NearestRow, f32s, nearest_rows, u32_at};

/// Words with weights, and how descriptors are assigned to them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Histogram {
    dimension: usize,
    /// Words that a descriptor counts for.
    nearest: usize,
    /// Width of soft assignment.
    sigma: f32,
    /// Inverse document frequencies.
    weights: Vec<f32>,
    rows: Vec<f32>,
}

impl Histogram {
    /// Over these centres, which all weigh 1.
    pub fn new(rows: Vec<f32>, dimension: usize, (nearest, sigma): (usize, f32)) -> Self {
        Self {
            weights: vec![1.0; rows.len() / dimension.max(1)],
            dimension,
            nearest,
            sigma,
            rows,
        }
    }

    /// With idf = ln(1 + N/n) from the words of descriptors, so many of each of N images.
    pub fn weighted(mut self, labels: &[u32], images: &[usize]) -> Self {
        let (mut rest, mut with, mut seen) = (labels, vec![0usize; self.words()], 0usize);
        for &count in images {
            let (image, after) = rest.split_at(count.min(rest.len()));
            rest = after;
            if image.is_empty() {
                continue;
            }
            let mut words = image.to_vec();
            words.sort_unstable();
            words.dedup();
            for word in words {
                with[word as usize] += 1;
            }
            seen += 1;
        }
        if seen > 0 {
            let idf = |&n: &usize| (1.0 + seen as f64 / n.max(1) as f64).ln() as f32;
            self.weights = with.iter().map(idf).collect();
        }
        self
    }

    pub fn words(&self) -> usize {
        self.weights.len()
    }

    pub fn nearest(&self) -> usize {
        self.nearest
    }

    /// √(tf · idf) of every word for descriptors, one after the other. Its length is not 1.
    pub fn sum(&self, descriptors: &[f32]) -> Vec<f32> {
        let mut counts = vec![0f64; self.words()];
        let count = self.nearest.clamp(1, self.words().max(1));
        let nearest = nearest_rows(descriptors, &self.rows, self.dimension, count);
        let width = 2.0 * f64::from(self.sigma) * f64::from(self.sigma);
        for nearest in nearest.chunks_exact(count) {
            let least = f64::from(nearest[0].distance);
            let share = |near: &NearestRow| (-(f64::from(near.distance) - least) / width).exp();
            let all: f64 = nearest.iter().map(share).sum();
            for near in nearest {
                counts[near.row as usize] += share(near) / all;
            }
        }
        let weighted = counts.iter().zip(&self.weights);
        weighted
            .map(|(count, &idf)| (count * f64::from(idf)).sqrt() as f32)
            .collect()
    }

    /// Number of nearest words, width, weights, centres.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = (self.nearest as u32).to_le_bytes().to_vec();
        let numbers = [self.sigma].into_iter();
        let numbers = numbers
            .chain(self.weights.iter().copied())
            .chain(self.rows.iter().copied());
        bytes.extend(numbers.flat_map(f32::to_le_bytes));
        bytes
    }

    /// Reads what [`Histogram::to_bytes`] wrote; `None` when the bytes are not that.
    pub fn from_bytes(bytes: &[u8], dimension: usize) -> Option<Self> {
        let (header, numbers) = bytes.split_at_checked(8)?;
        let numbers: Vec<f32> = f32s(numbers).collect();
        let words = numbers.len() / (dimension + 1);
        let sigma = f32s(&header[4..]).next()?;
        let sound = bytes.len() == 8 + 4 * words * (dimension + 1)
            && words > 0
            && sigma > 0.0
            && sigma.is_finite()
            && numbers.iter().all(|x| x.is_finite())
            && numbers[..words].iter().all(|&weight| weight > 0.0);
        let (weights, rows) = numbers.split_at(words);
        sound.then(|| Self {
            dimension,
            nearest: u32_at(header, 0) as usize,
            sigma,
            weights: weights.to_vec(),
            rows: rows.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_few_images_weigh_more() {
        // Four images: words 0 and 1; 1, 1 and 2; none; 1. Word 3 has no image.
        let labels = [0, 1, 1, 1, 2, 1];
        let bag = Histogram::new(vec![0.0, 1.0, 2.0, 3.0], 1, (1, 0.1));
        let bag = bag.weighted(&labels, &[2, 3, 0, 1]);
        // ln(1 + 3 / n) of 1, 3, 1 and, for none, 1 image.
        let expected = [
            1.386_294_4,
            std::f32::consts::LN_2,
            1.386_294_4,
            1.386_294_4,
        ];
        for (found, expected) in bag.weights.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{:?}", bag.weights);
        }
        let vector = bag.sum(&[0.1, 0.9, 1.1, 1.9]);
        let expected = [
            1.386_294_4f32,
            2.0 * std::f32::consts::LN_2,
            1.386_294_4,
            0.0,
        ];
        for (found, expected) in vector.iter().zip(expected) {
            assert!((found - expected.sqrt()).abs() < 1e-6, "{vector:?}");
        }
    }

    #[test]
    fn without_images_all_words_weigh_the_same() {
        let bag = Histogram::new(vec![0.0, 1.0], 1, (2, 0.5));
        assert_eq!(bag.clone().weighted(&[0, 1, 1], &[]), bag);
        // Half way between two words a descriptor counts for both.
        let vector = bag.sum(&[0.5]);
        assert!((vector[0] - 0.5f32.sqrt()).abs() < 1e-6 && vector[0] == vector[1]);
    }
}
