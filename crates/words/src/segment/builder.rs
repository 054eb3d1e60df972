//! Collects the words of images and writes them as a segment.

use std::path::Path;

use super::format::MAX_IMAGES;
use super::writer::{ImageEntry, SegmentSummary, SegmentWriter};
use crate::{Error, Signature};

/// A posting on its way: word, ordinal, signature.
type Collected = (u32, u32, u64);

/// Collects images in memory, 16 bytes a feature.
#[derive(Debug, Clone)]
pub struct SegmentBuilder {
    words: u32,
    images: Vec<ImageEntry>,
    postings: Vec<Collected>,
}

impl SegmentBuilder {
    /// Begins a segment for a codebook with so many words.
    pub fn new(words: u32) -> Self {
        Self {
            words,
            images: Vec::new(),
            postings: Vec::new(),
        }
    }

    /// Images added.
    pub fn image_count(&self) -> usize {
        self.images.len()
    }

    /// Features added.
    pub fn posting_count(&self) -> usize {
        self.postings.len()
    }

    /// Adds an image: its id, unique in the segment, and the word and signature of every feature.
    ///
    /// # Errors
    /// [`Error::UnknownWord`] and [`Error::TooManyImages`]; the builder is then as it was.
    pub fn add(&mut self, id: i64, features: &[(u32, Signature)]) -> Result<(), Error> {
        if let Some(&(word, _)) = features.iter().find(|(word, _)| *word >= self.words) {
            return Err(Error::UnknownWord {
                word,
                words: self.words,
            });
        }
        if self.images.len() >= MAX_IMAGES {
            return Err(Error::TooManyImages(MAX_IMAGES));
        }
        let ordinal = self.images.len() as u32;
        self.images.push(ImageEntry {
            id,
            norm: histogram_length(features),
            features: features.len() as u32,
        });
        self.postings
            .extend(features.iter().map(|&(word, s)| (word, ordinal, s.0[0])));
        Ok(())
    }

    /// Writes the segment; the file appears complete or not at all, and never in the place of another.
    ///
    /// # Errors
    /// [`Error::DuplicateImage`], or when the file cannot be written.
    pub fn write(self, path: &Path) -> Result<SegmentSummary, Error> {
        let Self {
            words,
            images,
            mut postings,
        } = self;
        let (images, ordinals) = sort_images(images)?;
        for posting in &mut postings {
            posting.1 = ordinals[posting.1 as usize];
        }
        postings.sort_unstable();
        let mut writer = SegmentWriter::create(path, words, &images)?;
        let mut list: Vec<(u32, u64)> = Vec::new();
        for postings in postings.chunk_by(|a, b| a.0 == b.0) {
            list.clear();
            list.extend(postings.iter().map(|&(_, ordinal, s)| (ordinal, s)));
            writer.push_list(postings[0].0, &list)?;
        }
        writer.finish()
    }
}

/// Sorts images by id; the second result gives the new ordinal of each old one.
pub(crate) fn sort_images(images: Vec<ImageEntry>) -> Result<(Vec<ImageEntry>, Vec<u32>), Error> {
    let mut order: Vec<usize> = (0..images.len()).collect();
    order.sort_unstable_by_key(|&i| images[i].id);
    let mut ordinals = vec![0u32; images.len()];
    for (ordinal, &i) in order.iter().enumerate() {
        ordinals[i] = ordinal as u32;
    }
    let sorted: Vec<ImageEntry> = order.iter().map(|&i| images[i]).collect();
    match sorted.windows(2).find(|w| w[0].id == w[1].id) {
        Some(twins) => Err(Error::DuplicateImage(twins[0].id)),
        None => Ok((sorted, ordinals)),
    }
}

/// Euclidean length of the histogram of words.
fn histogram_length(features: &[(u32, Signature)]) -> f32 {
    let mut words: Vec<u32> = features.iter().map(|&(word, _)| word).collect();
    words.sort_unstable();
    let squares: u64 = words
        .chunk_by(|a, b| a == b)
        .map(|same| (same.len() as u64).pow(2))
        .sum();
    (squares as f32).sqrt()
}
