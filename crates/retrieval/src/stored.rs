//! Features as they lie in the catalog: quantised geometry, visual word, binary signature.
//!
//! The query is compared with these alone; gallery files are not opened. Features are sorted by word,
//! so words cost about one byte each (differences, as variable-length integers), and a query meets them by a
//! merge. Layout, little-endian, arrays one after another:
//!
//! ```text
//! u8 version, 1 or 2, and 16 where there are codes | u32 count | count × varint word difference | count × 3 bytes x,y (12 bits each,
//! fraction of width and height) | count × u8 log-scale | count × u8 angle | count × 12 bytes signature
//! version 2 alone: | count × 2 signed bytes shape
//! with codes: | for every word that several features have × 8 bytes code
//! with whole descriptors, version 64 more: | count × 64 bytes
//! with the picture in little, version 32 more: | its bytes | u16 how many
//! ```
//!
//! About 18.1 bytes a feature: 9 kB for 500 features. Of the 128 bits of a signature 96 are kept: measured,
//! the last 32 change no figure that matters and cost a fifth of the space. Version 2 is written where a feature is
//! no circle; its two numbers of a [`Shape`] are in steps of 1/64, so that the ratio of the axes is kept to about 1 %.
//!
//! A collection whose features are aggregated by word (ASMK) keeps the code of a word where it is not the signature of the one
//! feature that has it: 8 bytes for each word of several features.

use std::cmp::Ordering;
use std::sync::LazyLock;

use vizsla_features::{Keypoint, Shape};
use vizsla_words::{QueryWord, Signature};

use crate::trailer;

/// All features are circles.
const CIRCLES: u8 = 1;
/// Features have shapes.
const SHAPES: u8 = 2;
/// Beside either: words of several features have codes.
const CODES: u8 = 16;
/// Bytes of a code.
const CODE: usize = 8;

/// Words, ascending, each with the code of its features.
pub(crate) type Codes = Vec<(u32, u64)>;

const GRID: f32 = 4095.0;
const STEPS_PER_OCTAVE: f32 = 16.0;
/// Steps in which the numbers of a shape are kept.
const SHAPE_STEPS: f32 = 64.0;
/// Bytes kept of a signature.
const SIGNATURE: usize = 12;
/// Bytes of a feature besides its word.
const FIXED: usize = 3 + 1 + 1 + SIGNATURE;
/// No image may hold more features than this.
pub(crate) const MOST: usize = 1 << 20;

/// One feature of a gallery image, as the catalog keeps it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StoredFeature {
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
    /// The ellipse that was described, without its size.
    pub shape: Shape,
    /// Binary signature within the word, its first 96 bits; the rest is zero.
    pub signature: Signature,
}

impl StoredFeature {
    /// Its word as a query asks for it, under this number of a feature.
    pub(crate) fn query_word(&self, feature: u32) -> QueryWord {
        QueryWord {
            feature,
            word: self.word,
            signature: self.signature,
            weight: 1.0,
        }
    }
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
            shape: keypoint.shape,
            signature: kept(signature),
        }
    }
}

/// The part of a signature that is stored; distances are between such parts.
pub(crate) fn kept(signature: Signature) -> Signature {
    Signature([signature.0[0], signature.0[1] & 0xffff_ffff])
}

/// Writes features, sorted by word, and the codes of all words of theirs.
pub(crate) fn encode_with(features: &mut [StoredFeature], codes: &[(u32, Signature)]) -> Vec<u8> {
    let mut bytes = encode(features);
    if let Some(version) = bytes.first_mut() {
        *version |= CODES;
    }
    for word in repeated(features) {
        let at = codes.binary_search_by_key(&word, |&(word, _)| word);
        let code = at.ok().and_then(|at| codes.get(at)).map(|code| code.1);
        bytes.extend_from_slice(&code.unwrap_or_default().0[0].to_le_bytes());
    }
    bytes
}

/// The words that several features have, of features sorted by word.
fn repeated(features: &[StoredFeature]) -> impl Iterator<Item = u32> + '_ {
    let by_word = features.chunk_by(|a, b| a.word == b.word);
    let several = by_word.filter(|same| same.len() > 1);
    several.filter_map(|same| same.first().map(|feature| feature.word))
}

/// The words of an image, ascending, each with one code of 64 bits: that of the catalog, or the signature of the one feature that
/// has the word. Where neither is there, of a part of an image, bits are those that more of its features have set.
pub(crate) fn aggregated(
    features: &[StoredFeature],
    codes: &[(u32, u64)],
) -> Vec<(u32, Signature)> {
    let by_word = features.chunk_by(|a, b| a.word == b.word);
    let code = |same: &[StoredFeature]| {
        let word = same.first().map_or(0, |feature| feature.word);
        let known = codes.binary_search_by_key(&word, |&(word, _)| word).ok();
        let code = match known.and_then(|at| codes.get(at)) {
            Some(&(_, code)) => code,
            None => majority(same),
        };
        (word, Signature([code, 0]))
    };
    by_word.map(code).collect()
}

/// Bits that more than half of the features have set, of their first 64.
fn majority(features: &[StoredFeature]) -> u64 {
    (0..64).fold(0, |code, bit| {
        let set = features.iter().filter(|f| f.signature.0[0] >> bit & 1 == 1);
        code | u64::from(2 * set.count() > features.len()) << bit
    })
}

/// The order in which features are written: by word, then by place.
pub(crate) fn order(a: &StoredFeature, b: &StoredFeature) -> Ordering {
    let by_place = a.y.total_cmp(&b.y).then(a.x.total_cmp(&b.x));
    a.word.cmp(&b.word).then(by_place)
}

/// Writes features, sorted by word.
pub(crate) fn encode(features: &mut [StoredFeature]) -> Vec<u8> {
    features.sort_by(order);
    let mut bytes = Vec::with_capacity(5 + features.len() * 23);
    let shapes: Vec<[i8; 2]> = features.iter().map(|f| steps(f.shape)).collect();
    let shaped = shapes.iter().any(|&shape| shape != [0, 0]);
    bytes.push(if shaped { SHAPES } else { CIRCLES });
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
    if shaped {
        bytes.extend(shapes.iter().flatten().map(|&step| step as u8));
    }
    bytes
}

/// A shape as it is kept.
fn steps(shape: Shape) -> [i8; 2] {
    // What is no number becomes 0.
    [shape.u, shape.v].map(|x| (x * SHAPE_STEPS).round() as i8)
}

fn shape_of(steps: [u8; 2]) -> Shape {
    let [u, v] = steps.map(|step| f32::from(step as i8) / SHAPE_STEPS);
    let shape = Shape { u, v };
    // More stretched than any view is: only damage says so.
    if shape.is_valid() {
        shape
    } else {
        Shape::CIRCLE
    }
}

/// What each step of a scale stands for: a search reads some ten thousand of them. The function is the one of the machine, as
/// ever, not what a compiler makes of a known number.
static SCALES: LazyLock<[f32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|step| (std::hint::black_box(step) as f32 / STEPS_PER_OCTAVE - 1.0).exp2())
});

/// Reads what [`encode`] or [`encode_with`] wrote; `None` when the bytes are not that.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<StoredFeature>> {
    decode_with(bytes).map(|(features, _)| features)
}

/// As [`decode`], with the codes of the words that several features have, as far as they are kept.
pub(crate) fn decode_with(bytes: &[u8]) -> Option<(Vec<StoredFeature>, Codes)> {
    let version = *bytes.first()?;
    let rest = trailer::split(bytes)?.features;
    let coded = version & CODES != 0;
    let version = version & !(CODES | trailer::FLAGS);
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    let count = u32::from_le_bytes(*count) as usize;
    // A wrong count cannot make us reserve more than a few times the input.
    let fixed = match version {
        CIRCLES => FIXED,
        SHAPES => FIXED + 2,
        _ => return None,
    };
    if count > MOST || rest.len() < count * (1 + fixed) {
        return None;
    }
    let mut words = Vec::with_capacity(count);
    let mut word = 0u32;
    for _ in 0..count {
        word = word.checked_add(take_varint(&mut rest)?)?;
        words.push(word);
    }
    let (rest, codes) = rest.split_at_checked(count * fixed)?;
    let of_several = words.chunk_by(|a, b| a == b).filter(|same| same.len() > 1);
    let of_several: Vec<u32> = of_several.map(|same| same[0]).collect();
    if codes.len() != if coded { of_several.len() * CODE } else { 0 } {
        return None;
    }
    let (codes, _) = codes.as_chunks::<CODE>();
    let codes = codes.iter().map(|&code| u64::from_le_bytes(code));
    let codes = of_several.into_iter().zip(codes).collect();
    let (places, rest) = rest.split_at(count * 3);
    let (scales, rest) = rest.split_at(count);
    let (angles, rest) = rest.split_at(count);
    let (signatures, shapes) = rest.split_at(count * SIGNATURE);
    let (places, _) = places.as_chunks::<3>();
    let (signatures, _) = signatures.as_chunks::<SIGNATURE>();
    let (shapes, _) = shapes.as_chunks::<2>();
    let mut features = Vec::with_capacity(count);
    let fixed = places.iter().zip(scales).zip(angles).zip(signatures);
    for ((&word, (((place, &scale), &angle), signature)), at) in words.iter().zip(fixed).zip(0..) {
        let packed = u32::from_le_bytes([place[0], place[1], place[2], 0]);
        let [a, b, c, d, e, f, g, h, high @ ..] = *signature;
        features.push(StoredFeature {
            word,
            x: (packed >> 12) as f32 / GRID,
            y: (packed & 0xfff) as f32 / GRID,
            scale: SCALES[usize::from(scale)],
            angle: f32::from(angle) / 256.0 * std::f32::consts::TAU,
            shape: shapes.get(at).copied().map_or(Shape::CIRCLE, shape_of),
            signature: Signature([
                u64::from_le_bytes([a, b, c, d, e, f, g, h]),
                u64::from(u32::from_le_bytes(high)),
            ]),
        });
    }
    Some((features, codes))
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
    use vizsla_features::Descriptor;

    use super::*;
    use crate::trailer::{add_fine, add_little, descriptors, little};

    fn some_features(count: u32) -> Vec<StoredFeature> {
        (0..count)
            .map(|i| StoredFeature {
                word: i.wrapping_mul(2_654_435_761) % 65_536,
                x: (i % 97) as f32 / 96.0,
                y: (i % 89) as f32 / 88.0,
                scale: 0.8 + i as f32 * 0.1,
                angle: i as f32 % std::f32::consts::TAU,
                shape: Shape::CIRCLE,
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
        for version in [CIRCLES, SHAPES] {
            assert!(decode(&[version, 0xff, 0xff, 0xff, 0xff]).is_none());
        }
    }

    /// Two features as the first version of the program wrote them.
    const FIRST: [u8; 5 + 2 + 2 * FIXED] = [
        1, 2, 0, 0, 0, 7, 9, 0, 8, 128, 255, 15, 0, 16, 48, 0, 64, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
        11, 12, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
    ];

    #[test]
    fn circles_are_written_as_they_ever_were() {
        let mut features = decode(&FIRST).unwrap();
        assert!(features.iter().all(|feature| feature.shape.is_circle()));
        assert_eq!((features[0].word, features[1].word), (7, 16));
        assert_eq!(
            features[0].signature.0,
            [0x0807_0605_0403_0201, 0x0c0b_0a09]
        );
        assert_eq!(encode(&mut features), FIRST);
        // What rounds to a circle is one.
        features[1].shape = Shape {
            u: 0.004,
            v: -0.004,
        };
        assert_eq!(encode(&mut features), FIRST);
    }

    fn shaped() -> Vec<StoredFeature> {
        let mut features = some_features(200);
        for (feature, i) in features.iter_mut().zip(0u8..) {
            let (v, u) = (f32::from(i) * 0.1).sin_cos();
            let stretch = f32::from(i) / 128.0;
            feature.shape = Shape {
                u: u * stretch,
                v: v * stretch,
            };
        }
        features
    }

    #[test]
    fn codes_of_words_of_several_features_come_back() {
        for mut features in [some_features(30), shaped()] {
            features[1].word = features[0].word;
            features[5].word = features[0].word;
            features[7].word = features[6].word;
            let codes = |features: &[StoredFeature]| {
                let words = features.iter().map(|f| f.word);
                let mut codes: Vec<_> = words.map(|w| (w, Signature([!u64::from(w), 7]))).collect();
                codes.sort_unstable();
                codes.dedup();
                codes
            };
            let codes = codes(&features);
            let bytes = encode_with(&mut features, &codes);
            let (back, kept) = decode_with(&bytes).unwrap();
            assert_eq!(decode(&bytes).unwrap(), back);
            assert_eq!(back, decode(&encode(&mut features)).unwrap());
            assert!(kept.len() >= 2 && kept.iter().all(|&(word, code)| code == !u64::from(word)));
            let words = aggregated(&back, &kept);
            assert!(words.windows(2).all(|pair| pair[0].0 < pair[1].0));
            for (word, code) in words {
                let of_word: Vec<_> = back.iter().filter(|f| f.word == word).collect();
                match of_word[..] {
                    [one] => assert_eq!(code.0[0], one.signature.0[0]),
                    _ => assert_eq!(code.0[0], !u64::from(word)),
                }
            }
            for end in 0..bytes.len() {
                assert!(decode(&bytes[..end]).is_none());
            }
            for at in 0..bytes.len() {
                let mut broken = bytes.clone();
                broken[at] ^= 0xff;
                let _ = decode(&broken);
            }
        }
    }

    #[test]
    fn descriptors_stand_behind_features_and_before_the_picture() {
        let mut features = some_features(7);
        let mut bytes = encode(&mut features);
        let kept: Vec<Descriptor> = (0..7).map(|n| [17 * n; 128]).collect();
        assert_eq!(descriptors(&bytes), None);
        add_fine(&mut bytes, kept.iter());
        assert_eq!(descriptors(&bytes), Some(kept.clone()));
        add_little(&mut bytes, b"a picture");
        assert_eq!(descriptors(&bytes), Some(kept));
        assert_eq!(little(&bytes), Some(&b"a picture"[..]));
        assert_eq!(decode(&bytes), decode(&encode(&mut features)));
        for end in 0..bytes.len() {
            let _ = (decode(&bytes[..end]), descriptors(&bytes[..end]));
        }
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 0xff;
            let _ = (decode(&broken), descriptors(&broken), little(&broken));
        }
        let mut none = encode(&mut []);
        add_fine(&mut none, [].iter());
        assert_eq!(descriptors(&none), Some(Vec::new()));
    }

    #[test]
    fn a_picture_in_little_stands_behind_any_features() {
        let (mut circles, mut shapes) = (some_features(9), shaped());
        shapes[3].word = shapes[2].word;
        let plain = encode(&mut circles);
        let coded = encode_with(&mut shapes, &[]);
        for bytes in [plain, coded] {
            assert_eq!(little(&bytes), None);
            for kept in [&b"a picture"[..], b""] {
                let mut with = bytes.clone();
                add_little(&mut with, kept);
                assert_eq!(little(&with), Some(kept));
                assert_eq!(decode_with(&with), decode_with(&bytes));
                for end in 0..with.len() {
                    assert!(decode(&with[..end]).is_none() || little(&with[..end]).is_some());
                }
                for at in 0..with.len() {
                    let mut broken = with.clone();
                    broken[at] ^= 0xff;
                    let _ = (decode(&broken), little(&broken));
                }
            }
            let mut too_long = bytes.clone();
            add_little(&mut too_long, &vec![0; 1 << 16]);
            assert_eq!(too_long, bytes);
        }
    }

    #[test]
    fn without_codes_the_bits_of_most_features_count() {
        let mut features = some_features(3);
        for (feature, bits) in features.iter_mut().zip([0b0011, 0b0101, 0b1001]) {
            feature.word = 4;
            feature.signature = Signature([bits, 0]);
        }
        assert_eq!(aggregated(&features, &[]), [(4, Signature([1, 0]))]);
        assert!(aggregated(&[], &[]).is_empty());
    }

    #[test]
    fn shapes_are_read_within_their_steps() {
        let mut features = shaped();
        let bytes = encode(&mut features);
        assert_eq!(bytes[0], SHAPES);
        let back = decode(&bytes).unwrap();
        for (a, b) in features.iter().zip(&back) {
            assert_eq!((a.word, a.signature), (b.word, b.signature));
            let (u, v) = ((a.shape.u - b.shape.u).abs(), (a.shape.v - b.shape.v).abs());
            assert!(u.max(v) <= 0.5 / SHAPE_STEPS + 1e-6, "{a:?} {b:?}");
        }
        assert_eq!(encode(&mut back.clone()), bytes);
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_none());
        }
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 0xff;
            let read = decode(&broken).unwrap_or_default();
            assert!(read.iter().all(|feature| feature.shape.is_valid()));
        }
        // The version decides how long it is.
        let mut other = bytes.clone();
        other[0] = CIRCLES;
        assert!(decode(&other).is_none());
        other[0] = 3;
        assert!(decode(&other).is_none());
    }
}
