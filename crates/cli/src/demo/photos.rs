//! The photographs that ship with the binary; `assets/photos/README.md` names author and licence.

use rayon::prelude::*;
use vizsla_pixels::{DecodeOptions, Error, Rgb, decode_rgb};

macro_rules! photos {
    ($($name:literal),* $(,)?) => {
        const PHOTOS: &[(&str, &[u8])] = &[
            $(($name, include_bytes!(concat!("../../assets/photos/", $name, ".jpg")))),*
        ];
    };
}

photos![
    "ascent",
    "astronaut",
    "brick",
    "bridge",
    "citrus-left",
    "citrus-right",
    "coffee",
    "coins",
    "dandelion",
    "grass",
    "gravel",
    "handwriting",
    "honey-bee",
    "hubble-left",
    "hubble-right",
    "photographer",
    "raccoon",
    "retina",
    "rocket",
    "tabby-cat",
    "tissue",
];

/// All photographs with their names, in the order of the names.
///
/// # Errors
/// Only when the binary was built from damaged files.
pub(crate) fn photos() -> Result<Vec<(String, Rgb)>, Error> {
    let options = DecodeOptions::default();
    PHOTOS
        .par_iter()
        .map(|(name, bytes)| Ok((name.to_string(), decode_rgb(bytes, &options)?.image)))
        .collect()
}
