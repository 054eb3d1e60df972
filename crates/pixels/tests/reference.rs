//! Decoded values beside OpenCV's on the same files (`reference/make.py` made both).

use std::path::Path;

use serde_json::Value;
use vizsla_pixels::{DecodeOptions, Rgb, decode_gray, decode_rgb, read_gray, read_rgb};

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

/// A smooth scene with fine texture, large enough for every reduction.
fn scene(width: usize, height: usize) -> Rgb {
    let mut data = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        for x in 0..width {
            let (u, v) = (x as f64 / 17.0, y as f64 / 23.0);
            let fine = 25.0 * ((x as f64) * 0.9).sin() * ((y as f64) * 0.7).cos();
            let red = 120.0 + 70.0 * u.sin() * v.cos() + fine;
            data.extend([red, 130.0 + 60.0 * v.sin(), 110.0 + 50.0 * u.cos()].map(|c| c as u8));
        }
    }
    Rgb::new(width, height, data).unwrap()
}

/// A photograph reduced while it is decoded must look like one that was decoded and then resized, and
/// lie at the same place: sizes that no reduction divides are where a shift would show.
#[test]
fn reduced_decoding_equals_decoding_and_resizing() {
    for (width, height) in [(1003, 749), (640, 480), (801, 1203)] {
        let bytes = scene(width, height).encode_jpeg(92).unwrap();
        let full = decode_gray(&bytes, &DecodeOptions::default())
            .unwrap()
            .image;
        let full_rgb = decode_rgb(&bytes, &DecodeOptions::default()).unwrap().image;
        for fit in [600, 400, 250, 100, 60] {
            let options = DecodeOptions {
                fit: Some(fit),
                ..DecodeOptions::default()
            };
            let small = decode_gray(&bytes, &options).unwrap();
            assert_eq!(
                (small.full_width, small.full_height),
                (width as u32, height as u32)
            );
            let resized = full.fit_within(fit as usize).unwrap();
            assert_eq!(
                (small.image.width(), small.image.height()),
                (resized.width(), resized.height())
            );
            let theirs: Vec<i32> = resized.data().iter().map(|&v| i32::from(v)).collect();
            let (mean, max) = difference(small.image.data(), &theirs);
            assert!(
                mean < 3.0 && max < 40,
                "{width}x{height} at {fit}: {mean} {max}"
            );
            let small = decode_rgb(&bytes, &options).unwrap().image;
            let resized = full_rgb.fit_within(fit as usize).unwrap();
            let theirs: Vec<i32> = resized.data().iter().map(|&v| i32::from(v)).collect();
            let (mean, max) = difference(small.data(), &theirs);
            assert!(
                mean < 3.0 && max < 40,
                "{width}x{height} at {fit}, colour: {mean} {max}"
            );
        }
    }
}
