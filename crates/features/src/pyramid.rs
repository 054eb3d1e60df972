//! The blurred copies of an image from which patches are read.
//!
//! A patch that is read from pixels finer than its own spacing shows patterns that the image does not have, so there is a
//! copy for every scale: the Gaussian scale space of the detectors, with the one whose blur suits a patch picked by
//! [`Pyramid::level`].

use vizsla_pixels::{Gray, Isa, Plane, ScaleSpace, ScaleSpaceConfig};

/// The Gaussian scale space of one image, from twice its resolution down to a dozen pixels.
#[derive(Clone, Debug)]
pub struct Pyramid {
    space: ScaleSpace,
    /// Planes 0, `layers + 1` and `layers + 2` of an octave that is shown, of which the scale space keeps a few rows only.
    ends: [Plane; 3],
}

/// One octave with all of its `layers + 3` planes.
pub(crate) struct Octave<'a> {
    planes: &'a [Plane],
    ends: &'a [Plane; 3],
}

/// A plane and where it lies in the image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level<'a> {
    pub(crate) plane: &'a Plane,
    /// Where its first pixel lies, in pixels of the image.
    pub(crate) offset: f32,
    /// How far its pixels are apart, in pixels of the image.
    pub(crate) step: f32,
    /// Standard deviation of its blur, in pixels of the image.
    pub(crate) sigma: f32,
}

impl Pyramid {
    /// The pyramid of an image. One of less than 6 pixels on a side has no levels, and nothing can be read from it.
    ///
    /// It takes about 65 bytes per pixel.
    #[must_use]
    pub fn of(image: &Gray) -> Self {
        let mut pyramid = Self::with_layout(ScaleSpaceConfig::default());
        pyramid.build_rows(image, |_, _, _| {});
        pyramid
    }

    /// An empty pyramid.
    pub(crate) fn with_layout(layout: ScaleSpaceConfig) -> Self {
        Self {
            space: ScaleSpace::new(layout),
            ends: Default::default(),
        }
    }

    /// Fills it with an image; every row of an octave is shown, as by [`ScaleSpace::build`].
    pub(crate) fn build_rows(&mut self, image: &Gray, on_row: impl FnMut(usize, usize, &[Plane])) {
        let (width, height) = (image.width(), image.height());
        self.space.build(image.data(), width, height, on_row);
    }

    /// Fills it with an image; each octave is shown with its number as soon as it is there, the finest first.
    pub(crate) fn build(&mut self, image: &Gray, mut on_octave: impl FnMut(usize, &Octave<'_>)) {
        let (space, ends) = (&mut self.space, &mut self.ends);
        let layers = space.config().layers;
        space.build(
            image.data(),
            image.width(),
            image.height(),
            |octave, y, planes| {
                for (end, index) in ends.iter_mut().zip([0, layers + 1, layers + 2]) {
                    if y == 0 {
                        end.reset(planes[index].width(), planes[index].height());
                    }
                    end.row_mut(y).copy_from_slice(planes[index].row(y));
                }
                if y + 1 == planes[0].height() {
                    on_octave(octave, &Octave { planes, ends });
                }
            },
        );
    }

    /// The scale space.
    pub(crate) fn space(&self) -> &ScaleSpace {
        &self.space
    }

    /// The instruction set in use.
    pub(crate) fn isa(&self) -> Isa {
        self.space.isa()
    }

    /// Memory held.
    pub(crate) fn bytes(&self) -> usize {
        let end = |plane: &Plane| size_of_val(plane.data());
        self.space.bytes() + self.ends.iter().map(end).sum::<usize>()
    }

    /// The level whose blur is nearest to `sigma`, in pixels of the image, by ratio; `None` where there are no levels.
    pub(crate) fn level(&self, sigma: f32) -> Option<Level<'_>> {
        let layers = self.space.config().layers;
        let count = self.space.octaves().len() * layers;
        let finest = self.blur(0, 1);
        let steps = (layers as f32 * (sigma / finest).log2()).round();
        // A sigma that is no number ends at the finest.
        let index = (steps.max(0.0) as usize).min(count.checked_sub(1)?);
        let (octave, layer) = (index / layers, index % layers + 1);
        let (offset, step) = self.space.placement(octave);
        Some(Level {
            plane: &self.space.octaves()[octave].planes[layer],
            offset,
            step,
            sigma: self.blur(octave, layer),
        })
    }

    /// Blur of a plane in pixels of the image.
    fn blur(&self, octave: usize, layer: usize) -> f32 {
        let config = self.space.config();
        let (_, step) = self.space.placement(octave);
        config.sigma * step * 2.0f32.powf(layer as f32 / config.layers as f32)
    }
}

impl<'a> Octave<'a> {
    /// Plane `index`, whose blur is `sigma · 2^(index / layers)` pixels of the octave.
    pub(crate) fn plane(&self, index: usize) -> &'a Plane {
        let layers = self.layers();
        match index {
            0 => &self.ends[0],
            _ if index <= layers => &self.planes[index],
            _ => &self.ends[(index - layers).min(2)],
        }
    }

    /// Intervals in the octave.
    pub(crate) fn layers(&self) -> usize {
        self.planes.len() - 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texture(width: usize, height: usize) -> Gray {
        let value = |i: usize| {
            let (x, y) = ((i % width) as f32, (i / width) as f32);
            (128.0 + 90.0 * (x * 0.2).sin() * (y * 0.13).cos()) as u8
        };
        Gray::new(width, height, (0..width * height).map(value).collect()).unwrap()
    }

    #[test]
    fn levels_go_from_fine_to_coarse_and_end_where_the_pyramid_does() {
        let pyramid = Pyramid::of(&texture(90, 70));
        let sigmas = [f32::NAN, -1.0, 0.1, 1.0, 1.3, 2.0, 2.9, 5.0, 11.0, 1e9];
        let found: Vec<f32> = sigmas.map(|s| pyramid.level(s).unwrap().sigma).to_vec();
        assert!(found.is_sorted(), "{found:?}");
        for (wanted, found) in sigmas.iter().zip(&found).skip(4).take(4) {
            assert!((wanted / found).log2().abs() <= 0.5 / 3.0 + 1e-3);
        }
        let last = pyramid.level(1e9).unwrap();
        assert_eq!(last.plane.height(), 70 * 2 / 8);
        assert_eq!((last.offset, last.step), (-0.25, 4.0));
    }

    #[test]
    fn an_octave_shows_the_planes_that_the_space_keeps_and_the_others() {
        let mut pyramid = Pyramid::with_layout(ScaleSpaceConfig::default());
        let mut variances = Vec::new();
        pyramid.build(&texture(64, 64), |octave, planes| {
            assert_eq!(planes.layers(), 3);
            assert_eq!(planes.plane(5).width(), 128 >> octave);
            // A sine keeps its form and loses height with the blur.
            let energy = |plane: &Plane| {
                let mean = plane.data().iter().sum::<f32>() / plane.data().len() as f32;
                plane.data().iter().map(|v| (v - mean).powi(2)).sum::<f32>()
            };
            if octave == 0 {
                variances = (0..6).map(|i| energy(planes.plane(i))).collect();
            }
        });
        assert_eq!(variances.len(), 6);
        assert!(variances.is_sorted_by(|a, b| a > b), "{variances:?}");
    }

    #[test]
    fn too_small_an_image_has_no_levels() {
        for (width, height) in [(1, 1), (1, 500), (500, 1), (5, 40)] {
            let image = Gray::filled(width, height, 7).unwrap();
            assert!(Pyramid::of(&image).level(2.0).is_none());
        }
    }
}
