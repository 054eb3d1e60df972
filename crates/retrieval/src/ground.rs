//! A picture in little, kept with its features: what lies between them is compared by it.
//!
//! It is a JPEG of at most 4 kB with a longest side of 96 pixels, 2 to 3 kB of most pictures, in colour.

use vizsla_pixels::{DecodeOptions, Limits, Rgb};

/// Longest side, pixels.
pub(crate) const SIDE: usize = 96;
/// Most bytes.
pub(crate) const MOST: usize = 4096;
/// Tried in turn until the bytes suffice.
const QUALITIES: [u8; 4] = [60, 40, 20, 5];

/// The picture in little, as it is kept; `None` where it could not be made.
pub(crate) fn record(picture: &Rgb) -> Option<Vec<u8>> {
    let little = fitted(picture)?;
    let written = QUALITIES.iter().map(|&quality| little.encode_jpeg(quality));
    written
        .filter_map(Result::ok)
        .find(|bytes| bytes.len() <= MOST)
}

/// The picture in little.
pub(crate) fn fitted(picture: &Rgb) -> Option<Rgb> {
    match picture.width().max(picture.height()) > SIDE {
        true => picture.fit_within(SIDE).ok(),
        false => Some(picture.clone()),
    }
}

/// Reads what [`record`] wrote; `None` when the bytes are not that.
pub(crate) fn little(record: &[u8]) -> Option<Rgb> {
    if record.len() > MOST {
        return None;
    }
    let options = DecodeOptions {
        fit: None,
        limits: Limits {
            max_pixels: (SIDE * SIDE) as u64,
            ..Limits::default()
        },
    };
    let decoded = vizsla_pixels::decode_rgb(record, &options).ok()?;
    Some(decoded.image).filter(|picture| picture.width().max(picture.height()) <= SIDE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(width: usize, height: usize) -> Rgb {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        Rgb::new(
            width,
            height,
            (0..3 * width * height).map(|_| next()).collect(),
        )
        .unwrap()
    }

    #[test]
    fn even_noise_is_kept_in_four_kilobytes() {
        for (width, height) in [(640, 480), (96, 96), (1, 1), (1, 3000), (3000, 2), (40, 70)] {
            let kept = record(&noise(width, height)).unwrap();
            assert!(kept.len() <= MOST, "{}", kept.len());
            let back = little(&kept).unwrap();
            assert!(back.width().max(back.height()) <= SIDE);
            assert_eq!(back.width().max(back.height()), SIDE.min(width.max(height)));
        }
    }

    #[test]
    fn what_is_no_record_is_none() {
        assert!(little(&[]).is_none() && little(b"not a picture").is_none());
        let large = noise(200, 20).encode_jpeg(5).unwrap();
        assert!(little(&large).is_none());
        let kept = record(&noise(90, 60)).unwrap();
        for end in 0..kept.len() {
            let _ = little(&kept[..end]);
        }
    }
}
