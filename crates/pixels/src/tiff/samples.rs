//! From packed bits to numbers, and from numbers to 8 bits.

use super::tags::Kind;

/// How samples lie in the bytes of a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packing {
    pub bits: usize,
    pub kind: Kind,
    pub big_endian: bool,
}

impl Packing {
    /// Reads as many samples as `out` holds from a row. Floating-point ones of any width become the bits of
    /// an `f32`; samples behind the end of the row are 0.
    pub fn read(self, row: &[u8], out: impl Iterator<Item = usize>, samples: &mut [u32]) {
        let big = self.big_endian;
        match (self.kind, self.bits) {
            (_, 8) => put(out, samples, row.iter().map(|&byte| u32::from(byte))),
            (Kind::Float, 16) => put(out, samples, halves(row, big).map(|v| half(v).to_bits())),
            (_, 16) => put(out, samples, halves(row, big).map(u32::from)),
            (_, 32) => put(out, samples, words(row, big)),
            (Kind::Float, _) => {
                let (doubles, _) = row.as_chunks::<8>();
                let value = |bytes: &[u8; 8]| match big {
                    true => f64::from_be_bytes(*bytes),
                    false => f64::from_le_bytes(*bytes),
                };
                put(
                    out,
                    samples,
                    doubles.iter().map(|b| (value(b) as f32).to_bits()),
                );
            }
            (_, 24) => put(out, samples, threes(row, big)),
            (_, bits) => put(out, samples, packed(row, bits)),
        }
    }
}

/// Puts values at the places that `out` gives.
fn put(out: impl Iterator<Item = usize>, samples: &mut [u32], values: impl Iterator<Item = u32>) {
    for (at, value) in out.zip(values) {
        if let Some(sample) = samples.get_mut(at) {
            *sample = value;
        }
    }
}

fn halves(row: &[u8], big: bool) -> impl Iterator<Item = u16> {
    let (pairs, _) = row.as_chunks::<2>();
    pairs.iter().map(move |pair| match big {
        true => u16::from_be_bytes(*pair),
        false => u16::from_le_bytes(*pair),
    })
}

fn words(row: &[u8], big: bool) -> impl Iterator<Item = u32> {
    let (fours, _) = row.as_chunks::<4>();
    fours.iter().map(move |four| match big {
        true => u32::from_be_bytes(*four),
        false => u32::from_le_bytes(*four),
    })
}

fn threes(row: &[u8], big: bool) -> impl Iterator<Item = u32> {
    let (threes, _) = row.as_chunks::<3>();
    threes.iter().map(move |&[a, b, c]| match big {
        true => u32::from_be_bytes([0, a, b, c]),
        false => u32::from_le_bytes([a, b, c, 0]),
    })
}

/// Samples of any width up to 32 bits, the most significant bit first, whatever the byte order.
fn packed(row: &[u8], bits: usize) -> impl Iterator<Item = u32> {
    (0..8 * row.len() / bits).map(move |index| {
        let (start, end) = (index * bits, (index + 1) * bits);
        let bytes = row.iter().take(end.div_ceil(8)).skip(start / 8);
        let sum = bytes.fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
        let behind = (8 - end % 8) % 8;
        ((sum >> behind) & ((1 << bits) - 1)) as u32
    })
}

/// A number of 16 bits in the form of IEEE 754.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let fraction = f32::from(bits & 0x3FF);
    sign * match (bits >> 10) & 0x1F {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        exponent => (1024.0 + fraction) * 2f32.powi(i32::from(exponent) - 25),
    }
}

/// A sample of so many bits, at most 16, as one of 8, rounded.
pub(super) fn level(value: u32, bits: usize) -> u8 {
    if bits == 8 {
        return value as u8;
    }
    let most = (1u32 << bits) - 1;
    ((value.min(most) * 255 + most / 2) / most) as u8
}

/// Samples of more range than 8 bits can show, kept until the whole picture is known.
pub(super) struct Deep {
    kind: Kind,
    values: Vec<f32>,
}

impl Deep {
    pub fn new(kind: Kind, values: usize) -> Deep {
        let values = vec![0.0; values];
        Deep { kind, values }
    }

    pub fn set(&mut self, at: usize, value: u32) {
        self.values[at] = match self.kind {
            Kind::Unsigned => value as f32,
            Kind::Signed => value as i32 as f32,
            Kind::Float => f32::from_bits(value),
        };
    }

    /// As 8 bits. What writers mean by white is not said anywhere: it is the least of what they usually mean that is
    /// hardly ever exceeded, and the greatest value where that is far below. Negative samples are black.
    pub fn levels(self) -> Vec<u8> {
        let usual: &[f32] = match self.kind {
            Kind::Float => &[1.0, 255.0, 65_535.0],
            // All bits of a sample, or of as many as are used: 8, 16, 24, 31 and 32.
            _ => &[
                255.0,
                65_535.0,
                16_777_215.0,
                2_147_483_647.0,
                4_294_967_295.0,
            ],
        };
        // Highlights above white are no reason to take the whole picture for a dark one.
        let most_above = match self.kind {
            Kind::Float => self.values.len() / 50,
            _ => 0,
        };
        let finite = self
            .values
            .iter()
            .copied()
            .filter(|value| value.is_finite());
        let greatest = finite.fold(0.0, f32::max);
        let above = |white: f32| self.values.iter().filter(|&&value| value > white).count();
        let white = usual
            .iter()
            .copied()
            .find(|&white| above(white) <= most_above);
        let white = match white {
            Some(white) if white <= 65_535.0 || greatest > white / 4.0 => white,
            _ => greatest.max(1.0),
        };
        // What is no number becomes 0 by the rules of `as`.
        let level = |value: &f32| ((value / white).clamp(0.0, 1.0) * 255.0).round() as u8;
        self.values.iter().map(level).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(row: &[u8], bits: usize, kind: Kind, big_endian: bool, count: usize) -> Vec<u32> {
        let mut samples = vec![0; count];
        let packing = Packing {
            bits,
            kind,
            big_endian,
        };
        packing.read(row, 0..count, &mut samples);
        samples
    }

    #[test]
    fn samples_of_any_width_are_unpacked() {
        let unsigned = |row: &[u8], bits, count| read(row, bits, Kind::Unsigned, false, count);
        assert_eq!(unsigned(&[0b1010_0000], 1, 4), [1, 0, 1, 0]);
        assert_eq!(unsigned(&[0x1B], 2, 4), [0, 1, 2, 3]);
        assert_eq!(unsigned(&[0xAB, 0xC0], 4, 3), [10, 11, 12]);
        assert_eq!(unsigned(&[0xAB, 0xCD, 0xEF], 12, 2), [0xABC, 0xDEF]);
        assert_eq!(unsigned(&[0x34, 0x12], 16, 1), [0x1234]);
        assert_eq!(unsigned(&[1, 2, 3, 4, 5, 6], 24, 2), [0x030201, 0x060504]);
        assert_eq!(unsigned(&[1], 16, 2), [0, 0]);
        let float = |row: &[u8], bits| f32::from_bits(read(row, bits, Kind::Float, true, 1)[0]);
        assert_eq!(float(&[0x3C, 0x00], 16), 1.0);
        assert_eq!(float(&[0x00, 0x01], 16), 2f32.powi(-24));
        assert_eq!(float(&0.25f32.to_be_bytes(), 32), 0.25);
        assert_eq!(float(&(-7.5f64).to_be_bytes(), 64), -7.5);
    }

    #[test]
    fn levels_are_rounded_not_cut() {
        assert_eq!([0, 1].map(|v| level(v, 1)), [0, 255]);
        assert_eq!([0, 7, 8, 15].map(|v| level(v, 4)), [0, 119, 136, 255]);
        assert_eq!(
            [0, 128, 129, 257, 65_406, 65_535].map(|v| level(v, 16)),
            [0, 0, 1, 1, 254, 255]
        );
    }

    #[test]
    fn the_white_of_deep_samples_is_what_holds_them() {
        let levels = |values: &[f32]| {
            let mut deep = Deep::new(Kind::Float, values.len());
            (0..)
                .zip(values)
                .for_each(|(at, value)| deep.set(at, value.to_bits()));
            deep.levels()
        };
        assert_eq!(
            levels(&[0.0, 0.5, 1.0, -1.0, f32::NAN]),
            [0, 128, 255, 0, 0]
        );
        assert_eq!(levels(&[0.0, 51.0, 200.0]), [0, 51, 200]);
        assert_eq!(levels(&[0.0, 65_535.0]), [0, 255]);
        assert_eq!(levels(&[0.0, 1e6, 2e6]), [0, 128, 255]);
        let mut glare = vec![0.5; 100];
        glare[7] = 9.0;
        assert_eq!(
            levels(&glare)[..9],
            [128, 128, 128, 128, 128, 128, 128, 255, 128]
        );
        let mut deep = Deep::new(Kind::Signed, 2);
        (0..)
            .zip([-5i32, 40])
            .for_each(|(at, value)| deep.set(at, value as u32));
        assert_eq!(deep.levels(), [0, 40]);
    }
}
