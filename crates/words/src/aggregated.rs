//! All features that an image has of a word as one: the sum of their residuals (Tolias, Avrithis & Jégou 2013).

use vizsla_features::Descriptor;

use crate::codebook::{Codebook, SIGNATURE_BITS};
use crate::signature::Signature;

/// What descriptors of a word sum to, a vector of length 1; all zeros where they are their word.
pub type Residual = [f32; SIGNATURE_BITS];

impl Codebook {
    /// The words of an image, ascending, each with one code: the signs of the sum of the rotated residuals of all its descriptors
    /// of this word. A word that one descriptor has gets the code that [`Codebook::signature`] gives.
    ///
    /// Each descriptor counts for its `nearest` words: 1 for the gallery, and 5 for a query in the paper (multiple assignment). All
    /// of it is integer arithmetic.
    pub fn aggregate(&self, descriptors: &[Descriptor], nearest: usize) -> Vec<(u32, Signature)> {
        self.by_word(descriptors, nearest, |of_word| {
            let rotated = of_word.iter().map(|(word, d)| self.rotated(d, *word));
            Signature::of_signs(summed(rotated))
        })
    }

    /// The words of an image, ascending, each with the sum of the residuals of its descriptors of this word at length 1: what
    /// [`Codebook::aggregate`] has the signs of.
    pub fn residuals(&self, descriptors: &[Descriptor], nearest: usize) -> Vec<(u32, Residual)> {
        self.by_word(descriptors, nearest, |of_word| {
            let sum = summed(of_word.iter().map(|(word, d)| self.residual(d, *word)));
            let square: f64 = sum.iter().map(|&x| (x as f64).powi(2)).sum();
            let length = square.sqrt().max(f64::MIN_POSITIVE);
            sum.map(|x| (x as f64 / length) as f32)
        })
    }

    fn by_word<T>(
        &self,
        descriptors: &[Descriptor],
        nearest: usize,
        make: impl Fn(&[(u32, &Descriptor)]) -> T,
    ) -> Vec<(u32, T)> {
        let mut assigned: Vec<(u32, &Descriptor)> = match nearest {
            1 => self
                .assign_each(descriptors)
                .into_iter()
                .zip(descriptors)
                .collect(),
            _ => {
                let words = self.assign_many_each(descriptors, nearest);
                let words = words.into_iter().zip(descriptors);
                let of_each = |(words, descriptor): (Vec<(u32, u32)>, _)| {
                    let words = words.into_iter();
                    words.map(move |(word, _)| (word, descriptor))
                };
                words.flat_map(of_each).collect()
            }
        };
        assigned.sort_by_key(|&(word, _)| word);
        let by_word = assigned.chunk_by(|a, b| a.0 == b.0);
        by_word.map(|same| (same[0].0, make(same))).collect()
    }
}

fn summed<T: Into<i64>>(rows: impl Iterator<Item = [T; SIGNATURE_BITS]>) -> [i64; SIGNATURE_BITS] {
    let mut sum = [0i64; SIGNATURE_BITS];
    for row in rows {
        sum.iter_mut()
            .zip(row)
            .for_each(|(sum, x)| *sum += x.into());
    }
    sum
}
