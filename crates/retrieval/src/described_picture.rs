//! One picture with its local features, outside of any collection, and a drawing of them.

use vizsla_features::{Extractor, Features, Keypoint};
use vizsla_pixels::{DecodeOptions, Limits, Rgb};

use crate::colours::{GREEN, LIGHT_BLUE, ORANGE, RED, YELLOW};
use crate::describe::local_extractor;
use crate::{Error, Recipe, Source};

/// Radius of the region that a descriptor sees of a feature, over its scale.
const REACH: f64 = 3.0;
/// Corners of a drawn ellipse.
const CORNERS: usize = 36;
/// Colours of features, in turn.
const COLOURS: [[u8; 3]; 5] = [GREEN, ORANGE, LIGHT_BLUE, YELLOW, RED];

/// A picture as it was analysed.
#[derive(Debug, Clone)]
pub struct DescribedPicture {
    /// The picture, perhaps smaller than it is.
    pub picture: Rgb,
    /// Its upright full-resolution size.
    pub size: [u32; 2],
    /// Its local features, in pixels of `picture`, strongest first.
    pub features: Features,
}

/// Reads a picture and finds its local features as `recipe` takes them of a gallery.
///
/// # Errors
/// The picture cannot be read, a value of the recipe is out of range, or the network of learned features, whose file
/// `local.model` names, is not there or failed.
pub fn describe_picture(
    source: Source<'_>,
    recipe: &Recipe,
    limits: Limits,
) -> Result<DescribedPicture, Error> {
    recipe.check()?;
    described_by(&*local_extractor(recipe, 1)?, source, recipe, limits)
}

/// As [`describe_picture`], by what was made for several pictures.
pub(crate) fn described_by(
    extractor: &dyn Extractor,
    source: Source<'_>,
    recipe: &Recipe,
    limits: Limits,
) -> Result<DescribedPicture, Error> {
    let options = DecodeOptions {
        fit: Some(recipe.pixels.max_side),
        limits,
    };
    let decoded = match source {
        Source::File(path) => vizsla_pixels::read_rgb(path, &options)?,
        Source::Bytes { bytes, .. } => vizsla_pixels::decode_rgb(bytes, &options)?,
    };
    Ok(DescribedPicture {
        features: extractor.extract(&decoded.image.to_gray())?,
        size: [decoded.full_width, decoded.full_height],
        picture: decoded.image,
    })
}

impl DescribedPicture {
    /// Full-resolution pixels for each pixel of the picture.
    pub fn zoom(&self) -> f64 {
        f64::from(self.size[0].max(1)) / self.picture.width().max(1) as f64
    }

    /// Where a feature is in the picture at full resolution, pixels; centres of pixels have whole coordinates.
    pub fn place(&self, keypoint: &Keypoint) -> [f64; 2] {
        let zoom = self.zoom();
        [keypoint.x, keypoint.y].map(|v| (f64::from(v) + 0.5) * zoom - 0.5)
    }

    /// The outline in the picture of what the descriptor of a feature sees: the ellipse of three scales.
    pub fn outline(keypoint: &Keypoint) -> Vec<(f32, f32)> {
        let [[a, b], [c, d]] = keypoint.shape.matrix();
        let radius = REACH * f64::from(keypoint.scale);
        let corner = |k: usize| {
            // The first corner lies where the feature points to.
            let turn = std::f64::consts::TAU * k as f64 / CORNERS as f64;
            let (sine, cosine) = (f64::from(keypoint.angle) + turn).sin_cos();
            let x = radius * (a * cosine + b * sine);
            let y = radius * (c * cosine + d * sine);
            (keypoint.x + x as f32, keypoint.y + y as f32)
        };
        (0..CORNERS).map(corner).collect()
    }

    /// The picture with an ellipse for each feature, the size of what its descriptor sees, and a line from its middle in
    /// the direction by which it was turned.
    pub fn draw(&self) -> Rgb {
        let mut drawn = self.picture.clone();
        for (number, keypoint) in self.features.keypoints.iter().enumerate() {
            let outline = Self::outline(keypoint);
            let colour = COLOURS[number % COLOURS.len()];
            drawn.polyline(&outline, true, colour, 1.0);
            drawn.line((keypoint.x, keypoint.y), outline[0], colour, 1.0);
        }
        drawn
    }
}

#[cfg(test)]
mod tests {
    use vizsla_features::Shape;

    use super::*;

    #[test]
    fn an_outline_is_the_ellipse_of_three_scales() {
        let circle = Keypoint {
            x: 50.0,
            y: 40.0,
            scale: 4.0,
            angle: 0.0,
            shape: Shape::CIRCLE,
            response: 0.0,
        };
        let outline = DescribedPicture::outline(&circle);
        assert!((outline[0].0 - 62.0).abs() < 1e-4 && (outline[0].1 - 40.0).abs() < 1e-4);
        for (x, y) in outline {
            assert!(((x - 50.0).hypot(y - 40.0) - 12.0).abs() < 1e-4);
        }
        // Twice as long along x as along y: 12 √2 and 12 / √2.
        let shape = Shape {
            u: 0.5 * std::f32::consts::LN_2,
            v: 0.0,
        };
        let outline = DescribedPicture::outline(&Keypoint { shape, ..circle });
        let widest = outline
            .iter()
            .map(|p| (p.0 - 50.0).abs())
            .fold(0.0, f32::max);
        let tallest = outline
            .iter()
            .map(|p| (p.1 - 40.0).abs())
            .fold(0.0, f32::max);
        assert!((widest - 16.97).abs() < 0.01 && (tallest - 8.485).abs() < 0.01);
    }

    #[test]
    fn features_are_drawn_where_they_are() {
        let mut picture = Rgb::filled(160, 120, [128; 3]).unwrap();
        picture.fill_rectangle(60, 40, 30, 30, [250; 3]);
        let bytes = picture.encode_png().unwrap();
        let source = Source::Bytes {
            name: "square",
            bytes: &bytes,
        };
        let found = describe_picture(source, &Recipe::default(), Limits::default()).unwrap();
        assert!(!found.features.is_empty());
        assert_eq!((found.size, found.zoom()), ([160, 120], 1.0));
        let drawn = found.draw();
        assert_ne!(drawn.data(), picture.data());
        assert_eq!((drawn.width(), drawn.height()), (160, 120));
    }
}
