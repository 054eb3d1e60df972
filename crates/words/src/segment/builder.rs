//! Collects the words of images and writes them as a segment.

use std::path::Path;

use super::contents::Contents;
use super::format::MAX_IMAGES;
use super::writer::{Entry, ImageEntry, SegmentSummary, SegmentWriter};
use crate::{Error, Pose, Signature};

/// A posting on its way: word, ordinal, signature, pose.
type Collected = (u32, u32, u64, Pose);

/// Collects images in memory, 24 bytes a posting.
#[derive(Debug, Clone)]
pub struct SegmentBuilder {
    words: u32,
    contents: Contents,
    images: Vec<ImageEntry>,
    postings: Vec<Collected>,
}

impl SegmentBuilder {
    /// Begins a segment of [`Contents::Features`] for a codebook with so many words.
    pub fn new(words: u32) -> Self {
        Self::of(words, Contents::Features)
    }

    /// Begins a segment of such postings for a codebook with so many words.
    pub fn of(words: u32, contents: Contents) -> Self {
        Self {
            words,
            contents,
            images: Vec::new(),
            postings: Vec::new(),
        }
    }

    /// What its postings are.
    pub fn contents(&self) -> Contents {
        self.contents
    }

    /// Images added.
    pub fn image_count(&self) -> usize {
        self.images.len()
    }

    /// Features added.
    pub fn posting_count(&self) -> usize {
        self.postings.len()
    }

    /// Adds an image: its id, unique in the segment, and the word and signature of every feature. Of aggregated words every word
    /// comes once, with its code ([`Codebook::aggregate`](crate::Codebook::aggregate)).
    ///
    /// # Errors
    /// [`Error::UnknownWord`], [`Error::TooManyImages`], [`Error::RepeatedWord`] where a word of [`Contents::Aggregated`] comes
    /// twice, [`Error::OtherContents`] where features must have poses; the builder is then as it was.
    pub fn add(&mut self, id: i64, features: &[(u32, Signature)]) -> Result<(), Error> {
        if self.contents == Contents::Posed {
            return Err(Error::OtherContents {
                found: Contents::Features,
                expected: self.contents,
            });
        }
        let features = features.iter();
        self.push(id, features.map(|&(word, s)| (word, s, Pose::default())))
    }

    /// As [`SegmentBuilder::add`], for a segment of [`Contents::Posed`].
    ///
    /// # Errors
    /// As [`SegmentBuilder::add`]; [`Error::OtherContents`] where the segment has no poses.
    pub fn add_posed(&mut self, id: i64, features: &[(u32, Signature, Pose)]) -> Result<(), Error> {
        if self.contents != Contents::Posed {
            return Err(Error::OtherContents {
                found: Contents::Posed,
                expected: self.contents,
            });
        }
        self.push(id, features.iter().copied())
    }

    fn push(
        &mut self,
        id: i64,
        features: impl ExactSizeIterator<Item = (u32, Signature, Pose)> + Clone,
    ) -> Result<(), Error> {
        let mut words: Vec<u32> = features.clone().map(|(word, ..)| word).collect();
        if let Some(&word) = words.iter().find(|word| **word >= self.words) {
            return Err(Error::UnknownWord {
                word,
                words: self.words,
            });
        }
        words.sort_unstable();
        let mut twins = words.windows(2).filter(|pair| pair[0] == pair[1]);
        if let Some(twins) = twins
            .next()
            .filter(|_| self.contents == Contents::Aggregated)
        {
            return Err(Error::RepeatedWord {
                word: twins[0],
                image: id,
            });
        }
        if self.images.len() >= MAX_IMAGES {
            return Err(Error::TooManyImages(MAX_IMAGES));
        }
        let ordinal = self.images.len() as u32;
        self.images.push(ImageEntry {
            id,
            norm: histogram_length(&words),
            features: features.len() as u32,
        });
        let postings = features.map(|(word, s, pose)| (word, ordinal, s.0[0], pose));
        self.postings.extend(postings);
        Ok(())
    }

    /// Writes the segment; the file appears complete or not at all, and never in the place of another.
    ///
    /// # Errors
    /// [`Error::DuplicateImage`], or when the file cannot be written.
    pub fn write(self, path: &Path) -> Result<SegmentSummary, Error> {
        let Self {
            words,
            contents,
            images,
            mut postings,
        } = self;
        let (images, ordinals) = sort_images(images)?;
        for posting in &mut postings {
            posting.1 = ordinals[posting.1 as usize];
        }
        postings.sort_unstable();
        let mut writer = SegmentWriter::create(path, words, contents, &images)?;
        let mut list: Vec<Entry> = Vec::new();
        for postings in postings.chunk_by(|a, b| a.0 == b.0) {
            list.clear();
            list.extend(
                postings
                    .iter()
                    .map(|&(_, ordinal, s, pose)| (ordinal, s, pose)),
            );
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

/// Euclidean length of the histogram of words, which are sorted.
fn histogram_length(words: &[u32]) -> f32 {
    let squares: u64 = words
        .chunk_by(|a, b| a == b)
        .map(|same| (same.len() as u64).pow(2))
        .sum();
    (squares as f32).sqrt()
}
