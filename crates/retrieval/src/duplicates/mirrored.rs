//! A picture as its mirror image asks for it.

use vizsla_pixels::{DecodeOptions, Gray};

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
        let read =
            vizsla_pixels::read_gray(path, &options).and_then(|decoded| flipped(&decoded.image));
        match read {
            Ok(gray) => return Ok(Query::image(QueryImage::Gray(gray))),
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

/// A picture with left and right changed over.
fn flipped(image: &Gray) -> Result<Gray, vizsla_pixels::Error> {
    let rows = image.data().chunks(image.width().max(1));
    let pixels = rows.flat_map(|row| row.iter().rev().copied()).collect();
    Gray::new(image.width(), image.height(), pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn left_and_right_change_over() {
        let image = Gray::new(3, 2, vec![1, 2, 3, 4, 5, 6]).unwrap();
        assert_eq!(flipped(&image).unwrap().data(), [3, 2, 1, 6, 5, 4]);
    }
}
