//! A picture seen in the frame of another.

use vizsla_pixels::{Error, Rgb};

use super::plane::Plane;
use crate::Transform;

/// Shorter side at which a picture is not halved any more.
const SMALLEST: usize = 24;
/// Least overlap, in pixels of the frame.
const LEAST: usize = 16;

/// A picture at several sizes, to be seen in the frames of others.
pub struct GroundSource {
    /// The picture, then halved again and again.
    levels: Vec<Rgb>,
    /// The size that transforms are given for.
    size: (f64, f64),
}

impl GroundSource {
    /// Of a picture that shows `size` (width, height) pixels, perhaps smaller.
    ///
    /// # Errors
    /// There is no memory for its smaller forms.
    pub fn new(picture: Rgb, size: (f64, f64)) -> Result<Self, Error> {
        let mut levels = vec![picture];
        while let Some(last) = levels.last()
            && last.width().min(last.height()) >= 2 * SMALLEST
        {
            let half = last.resized(last.width() / 2, last.height() / 2)?;
            levels.push(half);
        }
        Ok(Self { levels, size })
    }

    /// The picture in a frame of `width` × `height` pixels to which `transform` leads, and which pixels of it the picture has. `None` where that
    /// is next to none.
    pub(super) fn seen_in(
        &self,
        transform: &Transform,
        width: usize,
        height: usize,
    ) -> Option<(Plane, Vec<bool>)> {
        let back = transform.inverse()?;
        let (full_width, full_height) = self.size;
        let mut places = Vec::with_capacity(width * height);
        let mut common = Vec::with_capacity(width * height);
        let (mut count, mut centre) = (0usize, (0.0, 0.0));
        for y in 0..height {
            for x in 0..width {
                let (fx, fy) = (x as f64, y as f64);
                let place = back.apply(fx, fy);
                let inside = place.is_some_and(|(u, v)| {
                    u >= -0.5 && v >= -0.5 && u <= full_width - 0.5 && v <= full_height - 0.5
                });
                if inside {
                    count += 1;
                    centre = (centre.0 + fx, centre.1 + fy);
                }
                common.push(inside);
                places.push(place.unwrap_or((0.0, 0.0)));
            }
        }
        if count < LEAST {
            return None;
        }
        let centre = (centre.0 / count as f64, centre.1 / count as f64);
        // How much of the picture a pixel of the frame shows.
        let [[a, b], [c, d]] = back.jacobian_at(centre.0, centre.1)?;
        let zoom = self.levels[0].width() as f64 / full_width;
        let scale = (a * d - b * c).abs().sqrt() * zoom;
        let level = scale.max(1.0).log2().floor() as usize;
        let level = level.min(self.levels.len() - 1);
        let picture = &self.levels[level];
        let ratio = (
            picture.width() as f64 / full_width,
            picture.height() as f64 / full_height,
        );
        // Between two sizes four looks are taken.
        let step = scale / f64::from(1u32 << level.min(31));
        let spread = if step > 1.2 { 0.25 } else { 0.0 };
        let pixels = places.iter().map(|&(u, v)| {
            let at = ((u + 0.5) * ratio.0 - 0.5, (v + 0.5) * ratio.1 - 0.5);
            looked_at(picture, at, spread * step)
        });
        Some((Plane::new(width, height, pixels), common))
    }
}

/// The mean of four looks around a place, or one look where they are the same.
fn looked_at(picture: &Rgb, (x, y): (f64, f64), spread: f64) -> [u8; 3] {
    let mut sum = [0.0; 3];
    let looks: &[(f64, f64)] = match spread > 0.0 {
        true => &[(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)],
        false => &[(0.0, 0.0)],
    };
    for (dx, dy) in looks {
        let look = picture.interpolated(x + dx * spread, y + dy * spread);
        for (sum, value) in sum.iter_mut().zip(look) {
            *sum += value / looks.len() as f64;
        }
    }
    sum.map(|value| value.round() as u8)
}
