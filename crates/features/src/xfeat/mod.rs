//! XFeat (Potje, Cadar, Araujo, Martins & Nascimento, "XFeat: accelerated features for lightweight image matching", CVPR 2024):
//! what goes before and after its network.
//!
//! The network sees a grey picture whose sides are multiples of 32 and answers with three maps of one cell for 8 × 8 pixels: 64
//! numbers that describe the cell, 65 logits of where in it a keypoint is (the last: nowhere), and how reliable it is. A
//! keypoint is a pixel whose probability is above 0.05 and not below any other within two pixels; its score is the
//! probability times the reliability there. Descriptors of unit length are read at keypoints by bicubic interpolation, and made unit
//! length again. As the authors' program does, places are looked up in the maps a little towards the outside (`x / (width - 1)` of the
//! whole where `(x + ½) / width` lies), what lies outside counts as zero, and the last column and row have no
//! keypoints. Checked against that program (`tests/reference/xfeat.py`, and with its network in `vizsla-retrieval`).
//!
//! Running the network is the business of a floor above: [`Xfeat::input`] says what it is given, [`XfeatMaps`] holds what it
//! answered, [`Xfeat::features`] makes features of it.
//!
//! XFeat gives neither scale nor direction. Each keypoint is an upright circle whose [`Keypoint::scale`] is 8/3 pixels of the network's
//! picture: a descriptor's window, twelve scales wide, is the four cells that bicubic interpolation reads. So a pair of
//! keypoints proposes that the pictures are shifted and as large as they were analysed; geometric verification tolerates a turn of
//! 0.6 radians and a change of size by two from there.

mod cell;
mod input;
mod maps;
mod peaks;
mod sampling;

pub use input::XfeatInput;
pub use maps::XfeatMaps;

use vizsla_pixels::Gray;

use self::cell::{CELL, NUMBERS};
use crate::budget::{self, Bid};
use crate::extractor::ExtractError;
use crate::keypoint::{Descriptor, Features, Keypoint};
use crate::shape::Shape;

/// Scale of a keypoint in pixels of the network's picture: four cells are twelve scales.
const SCALE: f32 = 4.0 * CELL as f32 / 12.0;
/// From unit length to bytes, as SURF's.
const QUANTUM: f32 = 256.0;

/// Which keypoints [`Xfeat`] takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct XfeatConfig {
    /// Largest number of features of an image; 0 keeps all, at 0.05 about one for every fifty pixels.
    pub budget: usize,
    /// Whether the budget is spread over the image instead of going to the strongest alone, as the authors' does; default
    /// true.
    pub spread: bool,
    /// Probability that a keypoint must exceed, `[0, 1]`; default 0.05.
    pub threshold: f32,
}

impl Default for XfeatConfig {
    fn default() -> Self {
        Self {
            budget: 0,
            spread: true,
            threshold: 0.05,
        }
    }
}

/// XFeat without its network. Holds only its configuration: one value serves any number of threads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Xfeat {
    config: XfeatConfig,
}

impl Xfeat {
    /// For this configuration.
    #[must_use]
    pub fn new(config: XfeatConfig) -> Self {
        Self { config }
    }

    /// What the network is given of an image; `None` where all pixels are the same, which has no features.
    ///
    /// # Errors
    /// The image cannot be resized.
    pub fn input(&self, image: &Gray) -> Result<Option<XfeatInput>, ExtractError> {
        XfeatInput::of(image)
    }

    /// The features of an image of `size` = (columns, rows), for whose [`XfeatInput`] the network answered with `maps`;
    /// strongest first.
    ///
    /// Bytes of a descriptor are 128 + 256 · number, rounded and cut to `[0, 255]`, so that the Euclidean distance is 256
    /// times that of unit vectors; the other 64 are zero. Of numbers beyond ±1/2, one in ten thousand, the excess is cut.
    #[must_use]
    pub fn features(&self, size: (usize, usize), maps: &XfeatMaps) -> Features {
        let (width, height) = (size.0.max(1) as f32, size.1.max(1) as f32);
        let network = ((CELL * maps.columns) as f32, (CELL * maps.rows) as f32);
        let zoom = (width / network.0, height / network.1);
        let found = peaks::find(maps, self.config.threshold);
        // Centres of pixels have whole coordinates.
        let moved =
            |at: u32, zoom: f32, side: f32| ((at as f32 + 0.5) * zoom - 0.5).clamp(0.0, side - 1.0);
        let bid = |peak: &peaks::Peak| Bid {
            x: moved(peak.x, zoom.0, width),
            y: moved(peak.y, zoom.1, height),
            response: peak.score,
        };
        let bids: Vec<Bid> = found.iter().map(bid).collect();
        let chosen = budget::choose(&bids, size, self.config.budget, self.config.spread);
        let cells = sampling::UnitCells::new(maps);
        let mut features = Features {
            width: size.0 as u32,
            height: size.1 as u32,
            ..Features::default()
        };
        for index in chosen {
            let (bid, peak) = (bids[index], found[index]);
            features.keypoints.push(Keypoint {
                x: bid.x,
                y: bid.y,
                scale: SCALE * (zoom.0 * zoom.1).sqrt(),
                angle: 0.0,
                shape: Shape::CIRCLE,
                response: bid.response,
            });
            features
                .descriptors
                .push(quantised(&cells.descriptor(peak.x, peak.y)));
        }
        features
    }
}

/// Numbers of a unit vector as bytes.
fn quantised(numbers: &[f32; NUMBERS]) -> Descriptor {
    let mut bytes = [0; 128];
    for (byte, number) in bytes.iter_mut().zip(numbers) {
        *byte = (128.0 + QUANTUM * number).round().clamp(0.0, 255.0) as u8;
    }
    bytes
}

#[cfg(test)]
mod tests;
