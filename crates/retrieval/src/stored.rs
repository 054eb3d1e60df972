//! Features as they lie in the catalog: quantised geometry, visual word, binary signature.
//!
//! The query is compared with these alone; gallery files are not opened. Features are sorted by word,
//! so words cost about one byte each (differences, as variable-length integers), and a query meets them by a
//! merge. Layout, little-endian, arrays one after another:
//!
//! ```text
//! u8 version = 1 | u32 count | count × varint word difference | count × 3 bytes x,y (12 bits each,
//! fraction of width and height) | count × u8 log-scale | count × u8 angle | count × 12 bytes signature
//! ```
//!
//! About 18.1 bytes a feature: 9 kB for 500 features. Of the 128 bits of a signature 96 are kept: measured,
//! the last 32 change no figure that matters and cost a fifth of the space.

use vizsla_features::Keypoint;
use vizsla_words::Signature;

const VERSION: u8 = 1;
const GRID: f32 = 4095.0;
const STEPS_PER_OCTAVE: f32 = 16.0;
/// Bytes kept of a signature.
const SIGNATURE: usize = 12;
/// Bytes of a feature besides its word.
const FIXED: usize = 3 + 1 + 1 + SIGNATURE;
/// No image may hold more features than this.
const MOST: usize = 1 << 20;

/// One feature of a gallery image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct StoredFeature {
    /// Visual word.
    pub word: u32,
    /// Fraction of the image's width, 0 to 1.
    pub x: f32,
    /// Fraction of the image's height, 0 to 1.
    pub y: f32,
    /// Sigma in full-resolution pixels.
    pub scale: f32,
    /// Radians, 0 to 2π.
    pub angle: f32,
    /// Binary signature within the word, its first 96 bits; the rest is zero.
    pub signature: Signature,
}

impl StoredFeature {
    /// From a keypoint of an analysed image: `width` × `height` pixels, each `zoom` full-resolution pixels.
    pub(crate) fn new(
        keypoint: &Keypoint,
        (width, height): (f32, f32),
        zoom: f32,
        word: u32,
        signature: Signature,
    ) -> Self {
        Self {
            word,
            x: ((keypoint.x + 0.5) / width).clamp(0.0, 1.0),
            y: ((keypoint.y + 0.5) / height).clamp(0.0, 1.0),
            scale: keypoint.scale * zoom,
            angle: keypoint.angle,
            signature: kept(signature),
        }
    }
}

/// The part of a signature that is stored; distances are between such parts.
pub(crate) fn kept(signature: Signature) -> Signature {
    Signature([signature.0[0], signature.0[1] & 0xffff_ffff])
}

/// Writes features, sorted by word.
pub(crate) fn encode(features: &mut [StoredFeature]) -> Vec<u8> {
    features.sort_by(|a, b| {
        a.word
            .cmp(&b.word)
            .then(a.y.total_cmp(&b.y))
            .then(a.x.total_cmp(&b.x))
    });
    let mut bytes = Vec::with_capacity(5 + features.len() * 23);
    bytes.push(VERSION);
    bytes.extend_from_slice(&(features.len() as u32).to_le_bytes());
    let mut last = 0;
    for feature in features.iter() {
        push_varint(&mut bytes, feature.word - last);
        last = feature.word;
    }
    for feature in features.iter() {
        let x = (feature.x * GRID).round() as u32;
        let y = (feature.y * GRID).round() as u32;
        let packed = (x.min(4095) << 12) | y.min(4095);
        bytes.extend_from_slice(&packed.to_le_bytes()[..3]);
    }
    for feature in features.iter() {
        let step = (feature.scale.max(0.5).log2() + 1.0) * STEPS_PER_OCTAVE;
        bytes.push(step.round().clamp(0.0, 255.0) as u8);
    }
    for feature in features.iter() {
        let turn = feature.angle.rem_euclid(std::f32::consts::TAU) / std::f32::consts::TAU;
        bytes.push(((turn * 256.0).round() as u32 & 255) as u8);
    }
    for feature in features.iter() {
        let [low, high] = feature.signature.0;
        bytes.extend_from_slice(&low.to_le_bytes());
        bytes.extend_from_slice(&(high as u32).to_le_bytes());
    }
    bytes
}

/// Reads what [`encode`] wrote; `None` when the bytes are not that.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<StoredFeature>> {
    let (&version, rest) = bytes.split_first()?;
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    let count = u32::from_le_bytes(*count) as usize;
    // A wrong count cannot make us reserve more than a few times the input.
    if version != VERSION || count > MOST || rest.len() < count * (1 + FIXED) {
        return None;
    }
    let mut words = Vec::with_capacity(count);
    let mut word = 0u32;
    for _ in 0..count {
        word = word.checked_add(take_varint(&mut rest)?)?;
        words.push(word);
    }
    if rest.len() != count * FIXED {
        return None;
    }
    let (places, rest) = rest.split_at(count * 3);
    let (scales, rest) = rest.split_at(count);
    let (angles, signatures) = rest.split_at(count);
    let (places, _) = places.as_chunks::<3>();
    let (signatures, _) = signatures.as_chunks::<SIGNATURE>();
    let features = words
        .iter()
        .zip(places)
        .zip(scales)
        .zip(angles)
        .zip(signatures);
    Some(
        features
            .map(|((((&word, place), &scale), &angle), signature)| {
                let packed = u32::from_le_bytes([place[0], place[1], place[2], 0]);
                let (low, high) = signature.split_at(8);
                let number = |bytes: &[u8]| {
                    bytes
                        .iter()
                        .rev()
                        .fold(0u64, |n, &byte| n << 8 | u64::from(byte))
                };
                StoredFeature {
                    word,
                    x: (packed >> 12) as f32 / GRID,
                    y: (packed & 0xfff) as f32 / GRID,
                    scale: (f32::from(scale) / STEPS_PER_OCTAVE - 1.0).exp2(),
                    angle: f32::from(angle) / 256.0 * std::f32::consts::TAU,
                    signature: Signature([number(low), number(high)]),
                }
            })
            .collect(),
    )
}

fn push_varint(bytes: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u32> {
    let mut value = 0u64;
    for shift in [0, 7, 14, 21, 28] {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return u32::try_from(value).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some_features(count: u32) -> Vec<StoredFeature> {
        (0..count)
            .map(|i| StoredFeature {
                word: i.wrapping_mul(2_654_435_761) % 65_536,
                x: (i % 97) as f32 / 96.0,
                y: (i % 89) as f32 / 88.0,
                scale: 0.8 + i as f32 * 0.1,
                angle: i as f32 % std::f32::consts::TAU,
                signature: kept(Signature([u64::from(i) << 40, !u64::from(i)])),
            })
            .collect()
    }

    #[test]
    fn what_is_written_is_read_within_the_quantisation() {
        let mut features = some_features(500);
        let bytes = encode(&mut features);
        let back = decode(&bytes).unwrap();
        assert_eq!(back.len(), 500);
        for (a, b) in features.iter().zip(&back) {
            assert_eq!((a.word, a.signature), (b.word, b.signature));
            assert!((a.x - b.x).abs() < 1.3e-4 && (a.y - b.y).abs() < 1.3e-4);
            assert!((a.scale / b.scale).log2().abs() <= 0.5 / STEPS_PER_OCTAVE + 1e-3);
            let turn = (a.angle - b.angle).abs();
            assert!(turn.min(std::f32::consts::TAU - turn) < 0.0124);
        }
    }

    #[test]
    fn five_hundred_features_take_less_than_ten_kilobytes() {
        assert!(encode(&mut some_features(500)).len() < 10_000);
    }

    #[test]
    fn damaged_bytes_are_refused_or_read_without_panic() {
        let bytes = encode(&mut some_features(20));
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_none());
        }
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 0xff;
            let _ = decode(&broken);
        }
        assert!(decode(&[VERSION, 0xff, 0xff, 0xff, 0xff]).is_none());
    }
}
