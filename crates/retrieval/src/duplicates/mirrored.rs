//! A picture as its mirror image asks for it.

use vizsla_pixels::{DecodeOptions, Rgb};

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
            vizsla_pixels::read_rgb(path, &options).and_then(|decoded| flipped(&decoded.image));
        match read {
            Ok(picture) => return Ok(Query::image(QueryImage::Rgb(picture))),
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
fn flipped(image: &Rgb) -> Result<Rgb, vizsla_pixels::Error> {
    let (pixels, _) = image.data().as_chunks::<3>();
    let rows = pixels.chunks(image.width().max(1));
    let pixels = rows.flat_map(|row| row.iter().rev().copied().flatten());
    Rgb::new(image.width(), image.height(), pixels.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn left_and_right_change_over() {
        let pixel = |v: u8| [v, v + 10, v + 20];
        let image =
            |values: [u8; 6]| Rgb::new(3, 2, values.into_iter().flat_map(pixel).collect()).unwrap();
        let turned = flipped(&image([1, 2, 3, 4, 5, 6])).unwrap();
        assert_eq!(turned, image([3, 2, 1, 6, 5, 4]));
    }
}
