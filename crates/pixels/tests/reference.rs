//! Decoded values beside OpenCV's on the same files (`reference/make.py` made both).
#![allow(clippy::unwrap_used)] // a panic is how a test fails

use std::path::Path;

use serde_json::Value;
use vizsla_pixels::{DecodeOptions, read_gray, read_rgb};

fn values(value: &Value) -> Vec<i32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_i64().unwrap() as i32)
        .collect()
}

/// Mean and largest absolute difference.
fn difference(ours: &[u8], theirs: &[i32]) -> (f64, i32) {
    assert_eq!(ours.len(), theirs.len());
    let each: Vec<i32> = ours
        .iter()
        .zip(theirs)
        .map(|(&a, &b)| (i32::from(a) - b).abs())
        .collect();
    (
        f64::from(each.iter().sum::<i32>()) / each.len() as f64,
        *each.iter().max().unwrap(),
    )
}

#[test]
fn decoders_agree_with_opencv() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    let text = fs_err::read_to_string(folder.join("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let options = DecodeOptions::default();
    for (name, expected) in expected.as_object().unwrap() {
        // JPEG decoders may round differently, chroma upsampling may be smooth or plain, and OpenCV
        // converts CMYK and RGB to grey in another order; everything else is lossless.
        let (gray_mean, gray_max, rgb_mean) = match name.as_str() {
            "baseline_420.jpg" => (0.3, 2, 4.0),
            "cmyk.jpg" => (1.5, 6, 2.5),
            "palette.png" => (0.5, 1, 0.0), // libpng's own grey
            "deep.png" => (0.2, 1, 0.0),    // OpenCV weighs the colours before it cuts to 8 bits
            _ if name.ends_with(".jpg") => (0.3, 2, 1.0),
            _ => (0.01, 1, 0.0),
        };
        let path = folder.join(name);
        let gray = read_gray(&path, &options).unwrap();
        assert_eq!(
            gray.image.width(),
            expected["width"].as_u64().unwrap() as usize
        );
        let (mean, max) = difference(gray.image.data(), &values(&expected["gray"]));
        assert!(
            mean <= gray_mean && max <= gray_max,
            "{name}: grey {mean} {max}"
        );
        let rgb = read_rgb(&path, &options).unwrap();
        let (mean, max) = difference(rgb.image.data(), &values(&expected["rgb"]));
        assert!(mean <= rgb_mean, "{name}: colour {mean} {max}");
    }
}
