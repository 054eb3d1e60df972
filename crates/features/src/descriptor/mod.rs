//! The SIFT descriptor (Lowe 2004, section 6) and its RootSIFT form (Arandjelović & Zisserman 2012).
//!
//! Lowe read the gradients on a grid that turns with the keypoint; most programs since then walk over the pixels
//! instead and spread each among eight bins. Here it is the grid again: 20 × 20 gradients, four to a cell, a spacing
//! of 3/4 of the keypoint's sigma, close enough to lose nothing of an image that was smoothed with that sigma. On a
//! fixed grid the window and the shares of the cells are constants, the rotation is already done, and nothing is
//! scattered: every step is a loop over whole rows of the grid.
//!
//! The order of the 128 values is OpenCV's: rows of the rotated window, columns, then eight directions that turn from
//! the keypoint's own against the (downward) y axis. [`pixelwise`] is the definition that walks over the pixels, kept
//! as the twin that tests compare with.

mod grid;
mod layout;
#[cfg(test)]
mod pixelwise;

use vizsla_pixels::{Isa, Plane};

pub(crate) use layout::{Window, quantise};

use crate::keypoint::Descriptor;

/// Describes one window of a Gaussian plane of at least 2 × 2 pixels.
pub(crate) fn describe(isa: Isa, plane: &Plane, window: &Window, root: bool) -> Descriptor {
    grid::describe(isa, plane, window, root)
}

#[cfg(test)]
mod tests {
    use vizsla_pixels::{Isa, Plane, ScaleSpace, ScaleSpaceConfig};

    use super::{Window, describe, pixelwise};
    use crate::keypoint::Descriptor;

    /// A smooth plane without symmetries.
    fn plane() -> Plane {
        let mut state = 5u32;
        let noise = (0..160 * 120).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        let data: Vec<u8> = noise.collect();
        let mut space = ScaleSpace::with_isa(ScaleSpaceConfig::default(), Isa::SCALAR);
        space.build(&data, 160, 120, |_, _, _| {});
        space.octaves()[0].planes[1].clone()
    }

    fn windows() -> Vec<Window> {
        let at = |x, y, sigma, angle| Window { x, y, sigma, angle };
        vec![
            at(100.3, 80.7, 2.0, 0.0),
            at(150.0, 100.5, 2.5, 1.1),
            at(90.2, 140.9, 1.8, 4.0),
            at(200.6, 120.1, 3.1, 6.2),
            at(5.2, 6.1, 2.0, 2.5),
            at(314.0, 233.9, 3.0, 0.7),
        ]
    }

    fn distance(a: &Descriptor, b: &Descriptor) -> f32 {
        let square = |(&x, &y): (&u8, &u8)| (f32::from(x) - f32::from(y)).powi(2);
        a.iter().zip(b).map(square).sum::<f32>().sqrt()
    }

    #[test]
    fn all_instruction_sets_agree_with_the_scalar_twin() {
        let plane = plane();
        for window in windows() {
            for root in [false, true] {
                let twin = describe(Isa::SCALAR, &plane, &window, root);
                for isa in Isa::available() {
                    let apart = distance(&twin, &describe(isa, &plane, &window, root));
                    assert!(apart <= 3.0, "{isa:?} {window:?}: {apart}");
                }
            }
        }
    }

    #[test]
    fn the_grid_reads_what_the_pixels_say() {
        let plane = plane();
        for window in windows() {
            let apart = distance(
                &describe(Isa::detect(), &plane, &window, false),
                &pixelwise::describe(&plane, &window, false),
            );
            assert!(apart < 80.0, "{window:?}: {apart}");
        }
    }

    #[test]
    fn root_descriptors_have_the_length_512_and_flat_windows_none() {
        let plane = plane();
        for window in windows() {
            let descriptor = describe(Isa::detect(), &plane, &window, true);
            assert!((distance(&descriptor, &[0; 128]) - 512.0).abs() < 6.0);
        }
        let flat = Plane::new(64, 64);
        let window = Window {
            x: 30.0,
            y: 30.0,
            sigma: 2.0,
            angle: 0.0,
        };
        assert_eq!(describe(Isa::detect(), &flat, &window, true), [0; 128]);
        assert_eq!(describe(Isa::detect(), &flat, &window, false), [0; 128]);
    }
}
