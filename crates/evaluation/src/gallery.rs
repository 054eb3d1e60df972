//! What a data set is searched for: pictures, and sentences about them.

use std::path::PathBuf;

/// One image to be indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GalleryImage {
    /// Name that is unique in the gallery, such as the path under the gallery's folder with `/` between parts.
    pub key: String,
    /// Where the file is.
    pub path: PathBuf,
}

/// One sentence that describes an image of the gallery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GalleryCaption {
    /// Name that is unique among the captions, such as `beach.jpg#2`.
    pub key: String,
    /// The described image, as position in [`Dataset::gallery`].
    pub image: usize,
    /// The sentence.
    pub text: String,
}
