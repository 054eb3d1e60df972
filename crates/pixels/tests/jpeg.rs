//! JPEGs that decoders disagree on, beside what Pillow with libjpeg-turbo makes of them
//! (`tests/cases/jpeg/make.py` made the files and the thumbnails).
#![allow(clippy::unwrap_used, clippy::panic)] // a panic is how a test fails

use std::path::{Path, PathBuf};

use serde_json::Value;
use vizsla_pixels::{
    DecodeOptions, ErrorKind, Gray, Limits, Rgb, decode_gray, decode_rgb, read_gray, read_rgb,
};

/// Mean absolute difference of thumbnails below which two decodes show the same.
const SAME: f64 = 3.0;

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/jpeg")
}

fn values(value: &Value) -> Vec<f64> {
    let values = value.as_array().unwrap();
    values.iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Means of an 8 x 8 raster over samples of `channels` each, every sample by its share of a cell.
fn thumbnail(data: &[u8], width: usize, height: usize, channels: usize) -> Vec<f64> {
    let weights = |cell: usize, size: usize| {
        let (from, to) = (
            cell as f64 * size as f64 / 8.0,
            (cell + 1) as f64 * size as f64 / 8.0,
        );
        (from as usize..(to.ceil() as usize).min(size)).map(move |at| {
            let weight = to.min(at as f64 + 1.0) - from.max(at as f64);
            (at, weight / (to - from))
        })
    };
    let mut result = Vec::new();
    for cell in 0..64 {
        for channel in 0..channels {
            let mut sum = 0.0;
            for (y, down) in weights(cell / 8, height) {
                for (x, across) in weights(cell % 8, width) {
                    sum += down * across * f64::from(data[(y * width + x) * channels + channel]);
                }
            }
            result.push(sum);
        }
    }
    result
}

fn difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>() / a.len() as f64
}

fn of_gray(image: &Gray) -> Vec<f64> {
    thumbnail(image.data(), image.width(), image.height(), 1)
}

fn of_rgb(image: &Rgb) -> Vec<f64> {
    thumbnail(image.data(), image.width(), image.height(), 3)
}

#[test]
fn odd_files_show_what_libjpeg_shows_or_are_refused_for_their_reason() {
    let text = fs_err::read_to_string(cases().join("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let options = DecodeOptions::default();
    for (name, expected) in expected.as_object().unwrap() {
        let path = cases().join(format!("{name}.jpg"));
        let (gray, rgb) = (read_gray(&path, &options), read_rgb(&path, &options));
        if let Some(reason) = expected.get("refused") {
            for error in [gray.map(|_| ()).unwrap_err(), rgb.map(|_| ()).unwrap_err()] {
                let text = error.to_string();
                assert!(text.contains(reason.as_str().unwrap()), "{name}: {text}");
            }
            continue;
        }
        let (gray, rgb) = (gray.unwrap().image, rgb.unwrap().image);
        let size = values(&expected["size"]);
        assert_eq!(
            [gray.width() as f64, gray.height() as f64],
            size[..],
            "{name}"
        );
        // The luma plane is not exactly the luma of the colours, where those were clipped.
        let gray = difference(&of_gray(&gray), &values(&expected["gray"]));
        assert!(gray < SAME, "{name}: grey {gray}");
        // The pixels are the same; the means are rounded.
        let rgb = difference(&of_rgb(&rgb), &values(&expected["rgb"]));
        assert!(rgb < 0.1, "{name}: colour {rgb}");
    }
}

/// The files of the shared data, where they are.
#[test]
fn the_shared_cases_come_out_right() {
    let data = std::env::var_os("VIZSLA_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let Ok(text) = fs_err::read_to_string(data.join("cases/expected.json")) else {
        eprintln!("no cases in {}; skipped", data.display());
        return;
    };
    let expected: Value = serde_json::from_str(&text).unwrap();
    let files = expected.as_object().unwrap().iter();
    for (name, expected) in files.filter(|(name, _)| name.ends_with(".jpg")) {
        let read = read_gray(&data.join("cases").join(name), &DecodeOptions::default());
        if expected.get("refused").is_some() {
            assert!(read.is_err(), "{name} is to be refused");
            continue;
        }
        let image = read.unwrap().image;
        let size = values(&expected["size"]);
        assert_eq!(
            [image.width() as f64, image.height() as f64],
            size[..],
            "{name}"
        );
        let gray = difference(&of_gray(&image), &values(&expected["grey8"]));
        assert!(gray < SAME, "{name}: {gray}");
    }
}

/// A progressive file of one grey block row, its first scan `scans` times.
fn of_many_scans(scans: usize) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0];
    bytes.extend([1; 64]);
    bytes.extend([0xFF, 0xC2, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0]);
    // One code of one bit for "no difference".
    bytes.extend([0xFF, 0xC4, 0, 20, 0x00, 1]);
    bytes.extend([0; 15]);
    bytes.push(0);
    for scan in 0..scans {
        // The first bits of the mean, and then the next one again and again.
        let bits = if scan == 0 { 0x01 } else { 0x10 };
        bytes.extend([0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 0, bits, 0x7F]);
    }
    bytes.extend([0xFF, 0xD9]);
    bytes
}

#[test]
fn a_file_of_endless_scans_is_refused() {
    let options = DecodeOptions::default();
    assert!(decode_gray(&of_many_scans(100), &options).is_ok());
    let error = decode_gray(&of_many_scans(5_000), &options).unwrap_err();
    assert!(error.to_string().contains("the number of scans"), "{error}");
}

/// The coefficients of files of several scans count before any memory is taken.
#[test]
fn memory_is_bounded_by_the_header() {
    let bytes = fs_err::read(cases().join("one_scan_each_444.jpg")).unwrap();
    let with = |max_memory_bytes| {
        let limits = Limits {
            max_memory_bytes,
            ..Limits::default()
        };
        decode_rgb(&bytes, &DecodeOptions { limits, fit: None })
    };
    // 93 x 77 pixels of three components: 43 kB of coefficients, 6 to 9 bytes a pixel of samples.
    let error = with(100_000).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::TooLarge { .. }),
        "{error}"
    );
    assert!(with(200_000).is_ok());
}

/// A header of 200 megapixels with nothing behind it costs nothing.
#[test]
fn a_picture_that_its_file_cannot_hold_is_refused_at_once() {
    let mut bytes = fs_err::read(cases().join("fill_bytes.jpg")).unwrap();
    let frame = bytes
        .windows(2)
        .position(|pair| pair == [0xFF, 0xC0])
        .unwrap();
    bytes[frame + 5..frame + 9].copy_from_slice(&[0x36, 0xB0, 0x36, 0xB0]); // 14,000 x 14,000
    let error = decode_gray(&bytes, &DecodeOptions::default()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Truncated(_)), "{error}");
}

/// Every cut of files of several scans: refused, or all that counts was there.
#[test]
fn cut_files_of_several_scans_are_never_half_a_picture() {
    let options = DecodeOptions::default();
    for name in [
        "one_scan_each_420",
        "two_scans_440",
        "arithmetic",
        "progressive_restarts",
    ] {
        let bytes = fs_err::read(cases().join(format!("{name}.jpg"))).unwrap();
        let whole = of_gray(&decode_gray(&bytes, &options).unwrap().image);
        for length in (0..bytes.len() - 2).step_by(17) {
            if let Ok(cut) = decode_gray(&bytes[..length], &options) {
                let difference = difference(&of_gray(&cut.image), &whole);
                assert!(difference < 0.5, "{name} cut to {length}: {difference}");
            }
        }
    }
}
