//! Two pictures side by side with what they agree on, drawn smaller than they are.

use vizsla_features::{GroundCell, Transform};
use vizsla_pixels::{Decoded, Rgb};

use crate::{Error, PointPair, draw_pair};

/// A picture that is drawn, perhaps smaller than it is.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// The picture as it is drawn.
    pub picture: &'a Rgb,
    /// Its full-resolution width, in whose pixels points are given.
    pub width: u32,
}

impl<'a> From<&'a Decoded<Rgb>> for Shown<'a> {
    fn from(decoded: &'a Decoded<Rgb>) -> Self {
        Self {
            picture: &decoded.image,
            width: decoded.full_width,
        }
    }
}

impl Shown<'_> {
    /// Full-resolution pixels for each pixel that is drawn.
    pub(crate) fn zoom(&self) -> f64 {
        f64::from(self.width.max(1)) / self.picture.width().max(1) as f64
    }
}

/// As [`draw_pair`], of pictures that were read smaller than they are; pairs and transform are in full-resolution pixels.
///
/// # Errors
/// As [`draw_pair`].
pub fn draw_agreement(
    left: Shown<'_>,
    right: Shown<'_>,
    pairs: &[PointPair],
    transform: Option<[[f64; 3]; 3]>,
    ground: &[GroundCell],
) -> Result<Rgb, Error> {
    let shrunk = |point: [f32; 2], zoom: f64| point.map(|v| (f64::from(v) / zoom) as f32);
    let pairs = pairs.iter().map(|pair| PointPair {
        query: shrunk(pair.query, left.zoom()),
        gallery: shrunk(pair.gallery, right.zoom()),
    });
    let pairs: Vec<PointPair> = pairs.collect();
    let transform = transform.and_then(|whole| between(&Transform(whole), left, right));
    draw_pair(
        left.picture,
        right.picture,
        &pairs,
        transform.map(|small| small.0),
        ground,
    )
}

/// A transform between whole pictures as one between them as they are drawn.
fn between(whole: &Transform, left: Shown<'_>, right: Shown<'_>) -> Option<Transform> {
    let shrink = Transform::enlargement(right.zoom()).inverse()?;
    let enlarge = Transform::enlargement(left.zoom());
    Some(shrink.compose(whole).compose(&enlarge))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transform_between_shrunk_pictures_moves_shrunk_points() {
        let whole = Transform([[2.0, 0.5, 30.0], [-0.3, 1.5, 8.0], [1e-3, 2e-3, 1.0]]);
        let picture = Rgb::filled(50, 40, [0; 3]).unwrap();
        let shown = |width| Shown {
            picture: &picture,
            width,
        };
        let (left, right) = (shown(100), shown(200));
        let small = between(&whole, left, right).unwrap();
        // Centres of pixels have whole coordinates.
        let shrunk = |v: f64, zoom: f64| (v + 0.5) / zoom - 0.5;
        let (x, y) = whole.apply(40.0, 60.0).unwrap();
        let near = small.apply(shrunk(40.0, 2.0), shrunk(60.0, 2.0)).unwrap();
        assert!((shrunk(x, 4.0) - near.0).abs() < 1e-9 && (shrunk(y, 4.0) - near.1).abs() < 1e-9);
    }
}
