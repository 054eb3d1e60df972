//! The caption oracle: pictures compared by what people wrote about them, as tf-idf vectors with the cosine.
//!
//! Gordo & Larlus 2017 use it as the yardstick for representations that see pixels only: it knows what the picture
//! means without looking at it. A picture is the bag of words of all its captions; a caption that is compared with its
//! own picture is taken out of that bag first.

use std::collections::BTreeMap;
use std::path::Path;

use super::similarities::Similarities;
use crate::datasets::read_captions;
use crate::error::Error;

/// Captions of pictures as sparse tf-idf vectors.
pub struct CaptionOracle {
    /// Words of each caption of each picture, as term and count.
    captions: BTreeMap<String, Vec<Vec<(u32, f64)>>>,
    /// ln(pictures / pictures whose captions have the term).
    idf: Vec<f64>,
}

impl CaptionOracle {
    /// An oracle over a table of captions: CSV with an `image` and a `caption` column.
    ///
    /// # Errors
    /// The table cannot be read or is not in its format.
    pub fn open(table: &Path) -> Result<Self, Error> {
        let rows = read_captions(table)?;
        Ok(Self::new(
            rows.iter().map(|(i, c)| (i.as_str(), c.as_str())),
        ))
    }

    /// An oracle over (picture, caption) rows; the n-th caption of a picture, from 0, is called `picture#n`.
    pub fn new<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut terms: BTreeMap<String, u32> = BTreeMap::new();
        let mut captions: BTreeMap<String, Vec<Vec<(u32, f64)>>> = BTreeMap::new();
        for (image, caption) in rows {
            let mut bag = BTreeMap::new();
            for word in words(caption) {
                let next = terms.len() as u32;
                *bag.entry(*terms.entry(word).or_insert(next)).or_insert(0.0) += 1.0;
            }
            let of_image = captions.entry(image.to_owned()).or_default();
            of_image.push(bag.into_iter().collect());
        }
        let mut having = vec![0.0; terms.len()];
        for bags in captions.values() {
            for term in summed(bags.iter()).keys() {
                having[*term as usize] += 1.0;
            }
        }
        let pictures = captions.len() as f64;
        let idf = having
            .into_iter()
            .map(|count: f64| (pictures / count).ln())
            .collect();
        Self { captions, idf }
    }

    /// The bag of a picture, or of a caption when the name is none of a picture.
    fn bag(&self, name: &str, without: Option<usize>) -> Option<BTreeMap<u32, f64>> {
        if let Some(bags) = self.captions.get(name) {
            let kept = bags.iter().enumerate().filter(|(n, _)| Some(*n) != without);
            return Some(summed(kept.map(|(_, bag)| bag)));
        }
        let (image, number) = caption_name(name)?;
        Some(summed([self.captions.get(image)?.get(number)?]))
    }
}

impl Similarities for CaptionOracle {
    /// Cosine of the tf-idf vectors of two pictures or captions by name, 0..=1; `None` for an unknown name.
    fn similarity(&self, first: &str, second: &str) -> Option<f64> {
        let own = |image: &str, caption: &str| {
            caption_name(caption)
                .filter(|(of, _)| *of == image)
                .map(|(_, number)| number)
        };
        let (a, b) = (
            self.bag(first, own(first, second))?,
            self.bag(second, own(second, first))?,
        );
        let weight = |term: u32, count: f64| count * self.idf[term as usize];
        let dot: f64 = a
            .iter()
            .filter_map(|(&term, &count)| Some(weight(term, count) * weight(term, *b.get(&term)?)))
            .sum();
        let norm = |bag: &BTreeMap<u32, f64>| {
            let squares = bag
                .iter()
                .map(|(&term, &count)| weight(term, count).powi(2));
            squares.sum::<f64>().sqrt()
        };
        let norms = norm(&a) * norm(&b);
        Some(if norms > 0.0 { dot / norms } else { 0.0 })
    }
}

/// `beach.jpg#2` as (`beach.jpg`, 2).
pub(super) fn caption_name(name: &str) -> Option<(&str, usize)> {
    let (image, number) = name.rsplit_once('#')?;
    Some((image, number.parse().ok()?))
}

fn summed<'a>(bags: impl IntoIterator<Item = &'a Vec<(u32, f64)>>) -> BTreeMap<u32, f64> {
    let mut sum = BTreeMap::new();
    for &(term, count) in bags.into_iter().flatten() {
        *sum.entry(term).or_insert(0.0) += count;
    }
    sum
}

/// Lower-case runs of letters and digits.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_with_the_same_words_are_similar_and_a_caption_does_not_help_itself() {
        let oracle = CaptionOracle::new([
            ("dog.jpg", "A dog runs ."),
            ("dog.jpg", "The brown DOG plays ."),
            ("cat.jpg", "A cat sleeps ."),
            ("wolf.jpg", "A brown dog ."),
        ]);
        let similar = |a: &str, b: &str| oracle.similarity(a, b).expect("known names");
        assert!(similar("dog.jpg", "wolf.jpg") > similar("dog.jpg", "cat.jpg"));
        assert!((similar("cat.jpg", "cat.jpg") - 1.0).abs() < 1e-12);
        // without its own words, "A dog runs" shares only "dog" with the other caption
        let own = similar("dog.jpg", "dog.jpg#0");
        assert_eq!(own, similar("dog.jpg#1", "dog.jpg#0"));
        assert_eq!(own, similar("dog.jpg#0", "dog.jpg"));
        assert_eq!(oracle.similarity("dog.jpg", "fox.jpg"), None);
        assert_eq!(oracle.similarity("dog.jpg", "dog.jpg#7"), None);
        // the only caption of a picture leaves an empty bag
        assert_eq!(similar("cat.jpg", "cat.jpg#0"), 0.0);
    }
}
