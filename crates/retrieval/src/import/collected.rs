//! What lists and files beside pictures say, as far as it was read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::Skipped;
use crate::catalog::Datum;
use crate::lists::Unread;

/// Records without a picture that a report lists.
pub(super) const MOST_LISTED: usize = 20;
/// What labels taken from folders have as their source.
pub(super) const FOLDERS: &str = "folders";

/// What a file says of one picture.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Said {
    pub(crate) captions: Vec<String>,
    pub(crate) data: Vec<Datum>,
}

/// What is taken from a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Captions,
    Metadata,
}

/// All that a source says of each image.
#[derive(Default)]
pub(super) struct Collected {
    pub(crate) report: ImportReport,
    pub(crate) images: BTreeMap<i64, Said>,
}

impl Collected {
    /// Adds what a record says of an image to what others said.
    pub(super) fn add(&mut self, image: i64, said: Said) {
        let known = self.images.entry(image).or_default();
        known.captions.extend(said.captions);
        for datum in said.data {
            if !known.data.contains(&datum) {
                known.data.push(datum);
            }
        }
    }
}

/// What an import did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ImportReport {
    /// The file or folder it came from.
    pub source: PathBuf,
    /// Records of the file that could be read, or files beside pictures.
    pub records: usize,
    /// Images of the collection that they are about.
    pub images: usize,
    /// Captions or values that are new.
    pub added: usize,
    /// Captions or values of the same source that are gone or were replaced.
    pub removed: usize,
    /// Captions or values that were there already.
    pub unchanged: usize,
    /// Records about pictures that are not in the collection.
    pub unmatched: usize,
    /// The first 20 of them, with reasons.
    pub unmatched_listed: Vec<Skipped>,
    /// Lines that could not be read.
    pub unread: usize,
    /// The first 20 of them, with reasons.
    pub unread_listed: Vec<Unread>,
    /// What should be known of how the file was read: an encoding or columns that were assumed.
    pub notes: Vec<String>,
}
