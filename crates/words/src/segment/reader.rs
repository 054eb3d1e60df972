//! Reads segment files.

use std::path::{Path, PathBuf};

use vizsla_vectors::{CUT_SHORT, Mapped, f32_at, i64_at, u32_at, u64_at};

use super::contents::Contents;
use super::format::{BLOCK, ENTRY, FORMAT, HEADER, Header, IMAGE, list_length};
use super::packed::{packed_length, unpack};
use crate::pose::POSE_BYTES;
use crate::scan::prefetch;
use crate::scoring::Normalisation;
use crate::{Error, Pose};

/// How many bytes of signatures are fetched before they are compared.
const AHEAD: usize = 1024;

/// An occurrence of a word in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting {
    /// Ordinal of the image in the segment.
    pub image: u32,
    /// First 64 bits of the signature.
    pub signature: u64,
}

/// A segment file, open for reading.
#[derive(Debug)]
pub struct Segment {
    file: Mapped,
    header: Header,
    path: PathBuf,
    /// Of every [`LENGTHS`] images the least lengths.
    least: Vec<LeastLengths>,
}

/// Images whose least lengths are known.
pub(crate) const LENGTHS: usize = 64;

/// The least lengths of some images that scores are divided by, at least 1.
#[derive(Debug, Clone, Copy)]
struct LeastLengths {
    /// The square root of the number of features.
    features: f32,
    /// That of the histogram.
    histogram: f32,
}

impl LeastLengths {
    /// Of a piece of the image table.
    fn of(images: &[u8]) -> Self {
        let (mut features, mut histogram) = (u32::MAX, f32::INFINITY);
        for image in images.chunks_exact(IMAGE) {
            features = features.min(u32_at(image, 12));
            // What is no number counts 1 in a division.
            histogram = histogram.min(f32_at(image, 8).max(1.0));
        }
        Self {
            features: (features as f32).sqrt().max(1.0),
            histogram,
        }
    }
}

/// The posting list of a word.
#[derive(Debug, Clone, Copy)]
pub(crate) struct List<'a> {
    /// 8 bytes a posting.
    pub signatures: &'a [u8],
    bases: &'a [u8],
    offsets: &'a [u8],
    /// 2 bytes a posting, or none.
    poses: &'a [u8],
    /// Bits of an ordinal.
    bits: u32,
    images: u32,
    /// Images that contain the word.
    pub documents: u32,
}

impl<'a> List<'a> {
    /// Asks the processor to bring the beginning of the list near.
    pub fn prefetch_begin(&self) {
        prefetch(piece(self.signatures, 0, AHEAD));
    }

    /// Asks the processor to bring what is needed of so many postings near, and of the signatures those that follow soon.
    pub fn prefetch_turn(&self, first: usize, count: usize) {
        prefetch(piece(self.signatures, 8 * first + AHEAD, 8 * count));
        let blocks = first / BLOCK..(first + count).div_ceil(BLOCK);
        prefetch(piece(self.bases, 4 * blocks.start, 4 * blocks.len()));
        let bits = self.bits as usize;
        prefetch(piece(self.offsets, bits * first / 8, bits * count / 8 + 1));
        let each = self.poses.len() / self.len().max(1);
        prefetch(piece(self.poses, each * first, each * count));
    }

    /// Number of postings.
    pub fn len(&self) -> usize {
        self.signatures.len() / 8
    }

    /// Ordinal of the image of a posting; `None` when the number in the file is no image.
    #[inline]
    pub fn ordinal(&self, posting: usize) -> Option<u32> {
        let base = u32_at(self.bases, posting / BLOCK * 4);
        base.checked_add(unpack(self.offsets, posting, self.bits))
            .filter(|&image| image < self.images)
    }

    /// Pose of a posting; `None` where the segment has none.
    #[inline]
    pub fn pose(&self, posting: usize) -> Option<Pose> {
        let (poses, _) = self.poses.as_chunks::<POSE_BYTES>();
        poses.get(posting).map(|&bytes| Pose::of_bytes(bytes))
    }

    /// Image, signature and pose of the postings, without those whose image does not exist.
    pub fn entries(self) -> impl Iterator<Item = (u32, u64, Pose)> + 'a {
        (0..self.len()).filter_map(move |i| {
            let pose = self.pose(i).unwrap_or_default();
            Some((self.ordinal(i)?, u64_at(self.signatures, 8 * i), pose))
        })
    }

    /// How many postings every image has that has any, by ascending image.
    pub fn counts(self) -> impl Iterator<Item = (u32, u32)> + 'a {
        let mut ordinals = (0..self.len())
            .filter_map(move |posting| self.ordinal(posting))
            .peekable();
        std::iter::from_fn(move || {
            let image = ordinals.next()?;
            let mut count = 1;
            while ordinals.next_if_eq(&image).is_some() {
                count += 1;
            }
            Some((image, count))
        })
    }

    /// The postings, without those whose image does not exist.
    pub fn postings(self) -> impl Iterator<Item = Posting> + 'a {
        let entries = self.entries();
        entries.map(|(image, signature, _)| Posting { image, signature })
    }
}

/// Some bytes of a list, as far as there are any.
fn piece(bytes: &[u8], from: usize, count: usize) -> &[u8] {
    let from = from.min(bytes.len());
    &bytes[from..bytes.len().min(from + count)]
}

impl Segment {
    /// Opens a segment written for a codebook of `words` words. Header, image table and directory are
    /// checked against their checksums, the posting lists only by [`Segment::verify`]; a damaged
    /// list gives wrong postings, never an invalid read.
    ///
    /// # Errors
    /// When the file cannot be read, is no segment, is of a newer version, damaged, or of another
    /// codebook.
    pub fn open(path: &Path, words: u32) -> Result<Self, Error> {
        let segment = Self::open_of_any_codebook(path)?;
        if segment.header.words != words {
            return Err(Error::OtherCodebook {
                found: segment.header.words,
                expected: words,
                path: segment.path,
            });
        }
        Ok(segment)
    }

    /// As [`Segment::open`], whatever codebook it was written for.
    ///
    /// # Errors
    /// As [`Segment::open`], but for the codebook.
    pub fn open_of_any_codebook(path: &Path) -> Result<Self, Error> {
        let file = Mapped::open(path)?;
        let header = Header::decode(file.bytes(), path)?;
        let mut segment = Self {
            file,
            header,
            path: path.to_path_buf(),
            least: Vec::new(),
        };
        if !header.fits(segment.file.bytes().len()) {
            return Err(segment.damaged("length"));
        }
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(segment.image_table());
        checksum.update(segment.directory());
        if checksum.finalize() != header.tables_checksum {
            return Err(segment.damaged("checksum of the tables"));
        }
        if !segment.directory_is_sound() {
            return Err(segment.damaged("directory"));
        }
        let blocks = segment.image_table().chunks(LENGTHS * IMAGE);
        segment.least = blocks.map(LeastLengths::of).collect();
        Ok(segment)
    }

    /// Reads every byte and compares the checksum of the posting lists and the order of the images.
    ///
    /// # Errors
    /// [`vizsla_vectors::Error::Damaged`].
    pub fn verify(&self) -> Result<(), Error> {
        let lists = &self.file.bytes()[self.lists_start()..self.header.directory as usize];
        if crc32fast::hash(lists) != self.header.lists_checksum {
            return Err(self.damaged("checksum of the posting lists"));
        }
        Ok(())
    }

    /// Whether the file is still as long as when it was opened, and was so while it was read. What was read of one that is
    /// not may be zeros, and no result of it may go anywhere.
    ///
    /// # Errors
    /// [`vizsla_vectors::Error::Damaged`] when not.
    pub fn check_whole(&self) -> Result<(), Error> {
        match self.file.is_whole() {
            true => Ok(()),
            false => Err(self.damaged(CUT_SHORT)),
        }
    }

    /// What its postings are.
    pub fn contents(&self) -> Contents {
        self.header.contents
    }

    /// Whether its postings are these.
    ///
    /// # Errors
    /// [`Error::OtherContents`] when they are others.
    pub(crate) fn expect(&self, expected: Contents) -> Result<(), Error> {
        match self.header.contents {
            found if found == expected => Ok(()),
            found => Err(Error::OtherContents { found, expected }),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Words of the codebook the segment was written for.
    pub fn words(&self) -> u32 {
        self.header.words
    }

    /// Number of images.
    pub fn image_count(&self) -> u32 {
        self.header.images
    }

    /// Number of postings.
    pub fn posting_count(&self) -> u64 {
        self.header.postings
    }

    /// Length of the file.
    pub fn bytes(&self) -> u64 {
        self.header.length
    }

    /// Id of an image; `None` beyond the last.
    pub fn id(&self, ordinal: u32) -> Option<i64> {
        self.image(ordinal).map(|image| i64_at(image, 0))
    }

    /// Euclidean length of the word histogram of an image, 0 when it has no features.
    pub fn norm(&self, ordinal: u32) -> f32 {
        self.image(ordinal).map_or(0.0, |image| f32_at(image, 8))
    }

    /// Number of features of an image.
    pub fn feature_count(&self, ordinal: u32) -> u32 {
        self.image(ordinal).map_or(0, |image| u32_at(image, 12))
    }

    /// What no score of the images of a block of [`LENGTHS`] is divided by less than, at least 1.
    pub(crate) fn least_length(&self, block: usize, normalisation: Normalisation) -> f32 {
        let least = self.least.get(block);
        least.map_or(1.0, |least| match normalisation {
            Normalisation::None => 1.0,
            Normalisation::Features => least.features,
            Normalisation::Histogram => least.histogram,
        })
    }

    /// All ids, ascending.
    pub fn ids(&self) -> impl Iterator<Item = i64> + '_ {
        self.image_table()
            .chunks_exact(IMAGE)
            .map(|image| i64_at(image, 0))
    }

    /// Number of images that contain a word.
    pub fn document_frequency(&self, word: u32) -> u32 {
        self.list(word).map_or(0, |list| list.documents)
    }

    /// Occurrences of a word by ascending image; none for a word that does not occur.
    pub fn postings(&self, word: u32) -> impl Iterator<Item = Posting> + '_ {
        self.list(word).into_iter().flat_map(List::postings)
    }

    /// Poses of the postings of a word, in the order of [`Segment::postings`]; none where the segment has none.
    pub fn poses(&self, word: u32) -> impl Iterator<Item = Pose> + '_ {
        let posed = self.header.contents == Contents::Posed;
        let list = self.list(word).filter(|_| posed);
        list.into_iter()
            .flat_map(List::entries)
            .map(|(.., pose)| pose)
    }

    /// Words that occur, ascending.
    pub fn occurring_words(&self) -> impl Iterator<Item = u32> + '_ {
        self.directory()
            .chunks_exact(ENTRY)
            .map(|entry| u32_at(entry, 0))
    }

    /// Asks the processor to bring the directory's entry of a word near, where it most likely is.
    pub(crate) fn prefetch_entry(&self, word: u32) {
        prefetch(piece(self.directory(), word as usize * ENTRY, ENTRY));
    }

    /// The posting list of a word.
    pub(crate) fn list(&self, word: u32) -> Option<List<'_>> {
        let directory = self.directory();
        let (mut low, mut high) = (0, self.header.entries as usize);
        // In a large segment every word occurs, and its place is its number.
        let place = word as usize;
        if place < high && u32_at(directory, place * ENTRY) == word {
            (low, high) = (place, place);
        }
        while low < high {
            let middle = (low + high) / 2;
            if u32_at(directory, middle * ENTRY) < word {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let entry = directory.get(low * ENTRY..(low + 1) * ENTRY)?;
        (u32_at(entry, 0) == word).then(|| self.list_of(entry))?
    }

    fn list_of(&self, entry: &[u8]) -> Option<List<'_>> {
        let postings = u32_at(entry, 4) as usize;
        let bits = self.header.bits(u32_at(entry, 12))?;
        let offset = u64_at(entry, 16) as usize;
        let contents = self.header.contents;
        let length = list_length(postings as u64, bits, contents) as usize;
        let bytes = self.file.bytes().get(offset..offset.checked_add(length)?)?;
        let (signatures, rest) = bytes.split_at_checked(postings * 8)?;
        let (bases, rest) = rest.split_at_checked(postings.div_ceil(BLOCK) * 4)?;
        let packed = packed_length(postings as u64, bits.into()) as usize;
        let (offsets, rest) = rest.split_at_checked(packed)?;
        Some(List {
            signatures,
            bases,
            offsets,
            poses: rest.get(..postings * contents.pose_bytes())?,
            bits,
            images: self.header.images,
            documents: u32_at(entry, 8),
        })
    }

    /// Entries ascend and their lists follow each other without gaps up to the directory.
    fn directory_is_sound(&self) -> bool {
        let mut at = self.lists_start() as u64;
        let mut postings = 0u64;
        let mut previous = None;
        for entry in self.directory().chunks_exact(ENTRY) {
            let (word, count) = (u32_at(entry, 0), u64::from(u32_at(entry, 4)));
            let Some(bits) = self.header.bits(u32_at(entry, 12)) else {
                return false;
            };
            let sound = word < self.header.words
                && previous.is_none_or(|previous| previous < word)
                && count > 0
                && u64::from(u32_at(entry, 8)) <= count
                && u64_at(entry, 16) == at;
            if !sound {
                return false;
            }
            previous = Some(word);
            postings += count;
            at += list_length(count, bits, self.header.contents);
        }
        at == self.header.directory && postings == self.header.postings
    }

    fn image(&self, ordinal: u32) -> Option<&[u8]> {
        self.image_table()
            .get(ordinal as usize * IMAGE..(ordinal as usize + 1) * IMAGE)
    }

    fn lists_start(&self) -> usize {
        HEADER + self.header.images as usize * IMAGE
    }

    fn image_table(&self) -> &[u8] {
        &self.file.bytes()[HEADER..self.lists_start()]
    }

    fn directory(&self) -> &[u8] {
        &self.file.bytes()[self.header.directory as usize..]
    }

    fn damaged(&self, what: &'static str) -> Error {
        FORMAT.damaged(what, &self.path).into()
    }
}

/// Refuses segments whose postings do not stand for features.
pub(crate) fn of_features(segments: &[&Segment]) -> Result<(), Error> {
    let aggregated = |segment: &&&Segment| segment.contents() == Contents::Aggregated;
    match segments.iter().find(aggregated) {
        Some(segment) => segment.expect(Contents::Features),
        None => Ok(()),
    }
}
