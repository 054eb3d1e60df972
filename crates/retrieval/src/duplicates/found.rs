//! What a hunt for duplicates found.

use std::path::PathBuf;

use serde::Serialize;

use crate::Skipped;

/// The near-duplicates of a collection.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DuplicatesReport {
    /// Images looked for.
    pub images: usize,
    /// Images in which no feature was found; they are compared by content only.
    pub without_features: usize,
    /// Images with features so few that not even they themselves are recognised; of them nothing can be said.
    pub too_plain: usize,
    /// Pairs of near-duplicates.
    pub pairs: usize,
    /// How many of these are mirrored.
    pub mirrored_pairs: usize,
    /// Pictures that could not be read to look for mirrored copies, with reasons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Skipped>,
    /// Groups, the largest first; also single images that several files hold.
    pub groups: Vec<DuplicateGroup>,
    /// Files that could go if one of each group stays.
    pub spare_files: usize,
    /// Whether it was stopped before the end.
    pub interrupted: bool,
    /// Seconds it took.
    pub seconds: f64,
}

/// Images that are near-duplicates of each other.
#[derive(Debug, Clone, Serialize)]
pub struct DuplicateGroup {
    /// The images, best first: by their pixels, then the one that came in earlier.
    pub images: Vec<Duplicate>,
}

/// What an image of a group is to its first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateKind {
    /// It is the first: the largest.
    Best,
    /// Another size, crop, format or colour.
    Near,
    /// The same from left to right.
    Mirrored,
}

/// An image of a group.
#[derive(Debug, Clone, Serialize)]
pub struct Duplicate {
    /// Identity of the image.
    pub image: i64,
    /// What it is to the first of its group.
    pub kind: DuplicateKind,
    /// The files that hold it; more than one are exact copies.
    pub paths: Vec<PathBuf>,
    /// Upright full-resolution width in pixels.
    pub width: u32,
    /// Upright full-resolution height in pixels.
    pub height: u32,
    /// Its best score with another of the group; 0 when it is alone.
    pub score: f64,
    /// Share, 0 to 1, of what is to be seen over which it agrees with that other one: of the two the one in which it is less.
    pub extent: f64,
}

/// Two images that agree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub(crate) score: f64,
    pub(crate) extent: f64,
    pub(crate) mirrored: bool,
}
