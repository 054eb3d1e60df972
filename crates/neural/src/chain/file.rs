//! The file of a chain of convolutions.
//!
//! `VZCN`, little-endian: magic, version 1, number of layers, CRC-32 of what follows the header, CRC-32 of the header up to here (4 bytes
//! each). Then each layer: kind (1 byte: 0 full, 1 depthwise, 2 pointwise), stride (1), channels in and out (2 each), length of the
//! name (1), the name, and weights. Those of a 3 × 3 window are 16-bit floats, rows × columns × in × out, without `in` where it is depthwise; those of a
//! pointwise layer are whole numbers of one byte, in × out, and a scale for each channel that comes out (32-bit floats). Last, a bias for
//! each channel that comes out (32-bit floats).

use std::path::Path;

use half::f16;
use vizsla_vectors::{FileFormat, f32s, u32_at};

use super::bytes::BytePanel;
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

/// What a layer sees of its input, and by what it multiplies.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// All channels in a window of 3 × 3.
    Full(Window),
    /// Each channel for itself, in a window of 3 × 3.
    Depthwise(Window),
    /// All channels of one place.
    Pointwise(BytePanel),
}

/// The weights of a window, and what is added.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Window {
    pub stride: usize,
    /// That come in.
    pub channels: usize,
    pub weights: Vec<f32>,
    pub bias: Vec<f32>,
}

/// A convolution, cut off below 0 and above 6.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layer {
    pub name: String,
    pub kind: Kind,
    pub stride: usize,
    pub inputs: usize,
    pub outputs: usize,
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
    let sound = |channels: usize| (1..=MOST_CHANNELS).contains(&channels);
    let stride = usize::from(stride);
    if !(sound(inputs) && sound(outputs) && (1..=2).contains(&stride)) {
        return None;
    }
    let kind = match kind {
        0 => Kind::Full(window(rest, stride, inputs, inputs * outputs, outputs)?),
        1 if inputs == outputs => Kind::Depthwise(window(rest, stride, inputs, inputs, outputs)?),
        2 if stride == 1 => {
            let weights = take(rest, inputs * outputs)?;
            let weights: Vec<i8> = weights.iter().map(|byte| byte.cast_signed()).collect();
            let (scales, bias) = (floats(rest, outputs)?, floats(rest, outputs)?);
            Kind::Pointwise(BytePanel::new(&weights, &scales, &bias))
        }
        _ => return None,
    };
    Some(Layer {
        name,
        kind,
        stride,
        inputs,
        outputs,
    })
}

/// A window with so many weights for each of its places.
fn window(
    rest: &mut &[u8],
    stride: usize,
    channels: usize,
    of_place: usize,
    outputs: usize,
) -> Option<Window> {
    let halves = take(rest, 2 * WINDOW * of_place)?.as_chunks().0.iter();
    let weights: Vec<f32> = halves
        .map(|&half| f16::from_le_bytes(half).to_f32())
        .collect();
    let bias = floats(rest, outputs)?;
    let sound = weights.iter().all(|weight| weight.is_finite());
    sound.then_some(Window {
        stride,
        channels,
        weights,
        bias,
    })
}

/// So many 32-bit floats.
fn floats(rest: &mut &[u8], count: usize) -> Option<Vec<f32>> {
    let numbers: Vec<f32> = f32s(take(rest, 4 * count)?).collect();
    let sound = numbers.iter().all(|number| number.is_finite());
    sound.then_some(numbers)
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
        layer.extend([0; 6 + 8 + 8]);
        let read = decode(&file(1, &layer), path).unwrap();
        assert_eq!((read.len(), read[0].name.as_str()), (1, "p"));
        for end in 0..layer.len() {
            assert!(decode(&file(1, &layer[..end]), path).is_err());
        }
        let wrong = [(0, 3), (1, 2), (2, 4), (3, 200), (4, 0), (6, 9)];
        for (at, value) in wrong {
            let mut layer = layer.clone();
            layer[at] = value;
            assert!(decode(&file(1, &layer), path).is_err(), "{at}");
        }
        let mut infinite = layer.clone();
        infinite[8 + 6..8 + 6 + 4].copy_from_slice(&f32::INFINITY.to_le_bytes());
        assert!(decode(&file(1, &infinite), path).is_err());
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
