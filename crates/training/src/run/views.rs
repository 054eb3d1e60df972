//! From a file to what the network takes, as it is or varied at random.
//!
//! Varied are what retrieval varies: mirrored, and a random part of random size with the aspect of the image, scaled
//! to the same frame (the random resized crop of Szegedy et al. 2015 without its change of aspect, which hides
//! shape).

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use vizsla_neural::Preprocessing;
use vizsla_pixels::{DecodeOptions, Rgb, read_rgb};

use super::config::AugmentConfig;
use super::images::Picture;
use crate::error::Error;

/// Reads and prepares images.
#[derive(Clone, Debug)]
pub(super) struct Views {
    pub preprocessing: Preprocessing,
    pub augment: AugmentConfig,
}

/// Numbers of one image or feature map without its batch.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    /// Channels × height × width, or one number for a vector.
    pub shape: Vec<usize>,
    pub numbers: Vec<f32>,
}

impl Views {
    /// An image as it is, or varied by `rng`.
    ///
    /// # Errors
    /// Those of reading and resizing.
    pub fn item(&self, picture: &Picture, rng: Option<&mut ChaCha8Rng>) -> Result<Item, Error> {
        let mut image = read_rgb(&picture.path, &DecodeOptions::default())?.image;
        if let Some([x, y, width, height]) = picture.region {
            image = image.crop(x, y, width, height)?;
        }
        let mut mirrored = false;
        if let Some(rng) = rng {
            // Both are drawn always, so that a setting does not move the other's numbers.
            let flip = rng.random_bool(0.5);
            let (size, x, y) = (
                rng.random::<f64>(),
                rng.random::<f64>(),
                rng.random::<f64>(),
            );
            mirrored = flip && self.augment.flip;
            image = self.part(&image, size, (x, y))?;
        }
        let mut frame = self.preprocessing.framed(&image)?;
        if mirrored {
            mirror(&mut frame);
        }
        let mut numbers = Vec::with_capacity(frame.data().len());
        self.preprocessing.append(&frame, false, &mut numbers);
        Ok(Item {
            shape: vec![3, frame.height(), frame.width()],
            numbers,
        })
    }

    /// A part with the aspect of the image; numbers from 0 to 1 choose its area and place. It is taken back
    /// to the size of the whole, so that the frame is the same for all views.
    fn part(&self, image: &Rgb, size: f64, (x, y): (f64, f64)) -> Result<Rgb, Error> {
        let share = self.augment.crop + (1.0 - self.augment.crop) * size;
        if share >= 1.0 {
            return Ok(image.clone());
        }
        let (width, height) = (image.width(), image.height());
        let side = |all: usize| ((all as f64 * share.sqrt()).round() as usize).clamp(1, all);
        let (w, h) = (side(width), side(height));
        let start = |left: usize, at: f64| (left as f64 * at).round() as usize;
        let part = image.crop(start(width - w, x), start(height - h, y), w, h)?;
        Ok(part.resized(width, height)?)
    }
}

fn mirror(image: &mut Rgb) {
    let stride = 3 * image.width();
    for row in image.data_mut().chunks_exact_mut(stride) {
        let (pixels, _) = row.as_chunks_mut::<3>();
        pixels.reverse();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;
    use vizsla_neural::{Preset, Resize};

    use super::*;

    #[test]
    fn views_have_one_size_and_repeat_with_their_seed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let data = (0..60 * 40 * 3).map(|i| (i % 251) as u8).collect();
        Rgb::new(60, 40, data).unwrap().save_png(&path).unwrap();
        let views = Views {
            preprocessing: Preprocessing {
                resize: Resize::Longest,
                size: 48,
                crop: None,
                ..Preset::Keras.preprocessing()
            },
            augment: AugmentConfig::default(),
        };
        let picture = Picture {
            name: "a.png".into(),
            path: path.clone(),
            region: None,
        };
        let draw = |seed| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            views.item(&picture, Some(&mut rng)).unwrap()
        };
        let plain = views.item(&picture, None).unwrap();
        assert_eq!(plain.shape, [3, 32, 48]);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert_eq!(draw(3).shape, plain.shape);
        fs_err::write(&path, b"no image").unwrap();
        assert!(views.item(&picture, None).is_err());
    }
}
