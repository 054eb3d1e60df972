//! A picture as its mirror image asks for it.

use vizsla_pixels::DecodeOptions;

use crate::{ListedImage, Query, QueryImage, Recipe, Skipped};

/// A query by the flipped picture of an image; its first file that can be read is taken.
///
/// Features of a mirrored picture cannot be had from those that are stored: a descriptor's bins could be put in their mirrored
/// order, but only its visual word and a signature relative to that word are kept.
pub(super) fn query(image: &ListedImage, recipe: &Recipe) -> Result<Query, Skipped> {
    let options = DecodeOptions {
        fit: Some(recipe.pixels.max_side),
        ..DecodeOptions::default()
    };
    let mut unread = None;
    for path in &image.paths {
        match vizsla_pixels::read_rgb(path, &options) {
            Ok(decoded) => return Ok(Query::image(QueryImage::Rgb(decoded.image.mirrored()))),
            Err(error) => {
                let skipped = Skipped {
                    path: path.to_string_lossy().into_owned(),
                    reason: error.to_string(),
                };
                unread.get_or_insert(skipped);
            }
        }
    }
    Err(unread.unwrap_or_else(|| Skipped {
        path: format!("image {}", image.image),
        reason: "no file holds it any more".to_owned(),
    }))
}
