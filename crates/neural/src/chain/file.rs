//! The file of a chain of convolutions.
//!
//! `VZCN`, little-endian: magic, version 1, number of layers, CRC-32 of what follows the header, CRC-32 of the header up to here (4 bytes
//! each). Then each layer: kind (1 byte: 0 full, 1 depthwise, 2 pointwise), stride (1), channels in and out (2 each), length of the
//! name (1), the name, weights (16-bit floats) and one bias for each channel that comes out (32-bit floats). Weights are rows × columns × in ×
//! out of a 3 × 3 window, without `in` where it is depthwise, and in × out where it is pointwise.

use std::path::Path;

use half::f16;
use vizsla_vectors::{FileFormat, f32s, u32_at};

use crate::error::Error;

const FORMAT: FileFormat = FileFormat {
    magic: b"VZCN",
    kind: "chain of convolutions",
    version: 1,
    header: 20,
};
/// Most layers.
const MOST_LAYERS: u32 = 256;
/// Most channels.
const MOST_CHANNELS: usize = 4096;
/// Places of a window.
pub(super) const WINDOW: usize = 9;

/// What a layer sees of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// All channels in a window of 3 × 3.
    Full,
    /// Each channel for itself, in a window of 3 × 3.
    Depthwise,
    /// All channels of one place.
    Pointwise,
}

/// A convolution, cut off below 0 and above 6.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layer {
    pub name: String,
    pub kind: Kind,
    pub stride: usize,
    pub inputs: usize,
    pub outputs: usize,
    pub weights: Vec<f32>,
    pub bias: Vec<f32>,
}

/// The layers of a file.
///
/// # Errors
/// It is damaged, of another kind, or newer.
pub(super) fn decode(bytes: &[u8], path: &Path) -> Result<Vec<Layer>, Error> {
    let length = bytes.len().checked_sub(FORMAT.header);
    let payload = FORMAT.payload(bytes, path, |header| {
        length.filter(|_| u32_at(header, 8) <= MOST_LAYERS)
    })?;
    let mut rest = payload;
    let mut layers: Vec<Layer> = Vec::new();
    for _ in 0..u32_at(bytes, 8) {
        let layer = layer(&mut rest).filter(|layer| {
            let before = layers.last().map_or(3, |before| before.outputs);
            before == layer.inputs
        });
        layers.push(layer.ok_or_else(|| FORMAT.damaged("a layer", path))?);
    }
    match rest.is_empty() && !layers.is_empty() {
        true => Ok(layers),
        false => Err(FORMAT.damaged("layers", path).into()),
    }
}

/// The next layer; `None` where it is none.
fn layer(rest: &mut &[u8]) -> Option<Layer> {
    let &[kind, stride, in_low, in_high, out_low, out_high, name] = take(rest, 7)?.first_chunk()?;
    let channels = |low, high| usize::from(u16::from_le_bytes([low, high]));
    let (inputs, outputs) = (channels(in_low, in_high), channels(out_low, out_high));
    let name = String::from_utf8(take(rest, usize::from(name))?.to_vec()).ok()?;
    let (kind, weights) = match kind {
        0 => (Kind::Full, WINDOW * inputs * outputs),
        1 if inputs == outputs => (Kind::Depthwise, WINDOW * inputs),
        2 if stride == 1 => (Kind::Pointwise, inputs * outputs),
        _ => return None,
    };
    let sound = |channels: usize| (1..=MOST_CHANNELS).contains(&channels);
    if !(sound(inputs) && sound(outputs) && (1..=2).contains(&stride)) {
        return None;
    }
    let weights = take(rest, 2 * weights)?.as_chunks().0;
    let bias = take(rest, 4 * outputs)?;
    let layer = Layer {
        name,
        kind,
        stride: usize::from(stride),
        inputs,
        outputs,
        weights: weights
            .iter()
            .map(|&w| f16::from_le_bytes(w).to_f32())
            .collect(),
        bias: f32s(bias).collect(),
    };
    let mut numbers = layer.weights.iter().chain(&layer.bias);
    numbers.all(|number| number.is_finite()).then_some(layer)
}

fn take<'a>(rest: &mut &'a [u8], bytes: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(bytes)?;
    *rest = left;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(layers: u32, payload: &[u8]) -> Vec<u8> {
        FORMAT.encode(&[layers], payload)
    }

    #[test]
    fn what_is_damaged_is_refused_and_nothing_panics() {
        let path = Path::new("small.vzcn");
        let mut layer = vec![2, 1, 3, 0, 2, 0, 1, b'p'];
        layer.extend([0; 12 + 8]);
        let read = decode(&file(1, &layer), path).unwrap();
        assert_eq!((read.len(), read[0].name.as_str()), (1, "p"));
        for end in 0..layer.len() {
            assert!(decode(&file(1, &layer[..end]), path).is_err());
        }
        let wrong = [
            (0, 3),
            (1, 2),
            (2, 4),
            (3, 200),
            (4, 0),
            (6, 9),
            (8 + 1, 0x7c),
        ];
        for (at, value) in wrong {
            let mut layer = layer.clone();
            layer[at] = value;
            assert!(decode(&file(1, &layer), path).is_err(), "{at}");
        }
        for layers in [0, 2, u32::MAX] {
            assert!(decode(&file(layers, &layer), path).is_err(), "{layers}");
        }
        let mut flipped = file(1, &layer);
        for at in 0..flipped.len() {
            flipped[at] ^= 0x10;
            assert!(decode(&flipped, path).is_err(), "{at}");
            flipped[at] ^= 0x10;
        }
    }
}
