//! Decoding once, as grey and in colour, gives what decoding twice gives, byte for byte.
#![allow(clippy::unwrap_used)] // a panic is how a test fails

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageFormat};
use vizsla_pixels::{DecodeOptions, decode_both, decode_gray, decode_rgb, read_both};

/// Sizes of the grey and of the coloured picture.
const FITS: [(Option<u32>, Option<u32>); 4] = [
    (None, None),
    (Some(24), Some(24)),
    (Some(20), Some(33)),
    (None, Some(16)),
];

fn fit(fit: Option<u32>) -> DecodeOptions {
    DecodeOptions {
        fit,
        ..DecodeOptions::default()
    }
}

/// How many of the sizes could be decoded.
fn agree(name: &str, bytes: &[u8]) -> usize {
    let mut decoded = 0;
    for (gray_fit, colour_fit) in FITS {
        let gray = decode_gray(bytes, &fit(gray_fit));
        let rgb = decode_rgb(bytes, &fit(colour_fit));
        match (decode_both(bytes, &fit(gray_fit), colour_fit), gray, rgb) {
            (Ok(both), Ok(gray), Ok(rgb)) => {
                assert_eq!(both.image.gray, gray.image, "{name}, grey {gray_fit:?}");
                assert_eq!(both.image.rgb, rgb.image, "{name}, colour {colour_fit:?}");
                assert_eq!(
                    (both.full_width, both.full_height, both.pages, &both.exif),
                    (rgb.full_width, rgb.full_height, rgb.pages, &rgb.exif),
                    "{name}"
                );
                decoded += 1;
            }
            (Err(both), gray, rgb) => {
                let one = gray.err().or(rgb.err()).map(|error| error.to_string());
                assert_eq!(Some(both.to_string()), one, "{name}");
            }
            (Ok(_), gray, rgb) => {
                assert_eq!(
                    (
                        gray.err().map(|e| e.to_string()),
                        rgb.err().map(|e| e.to_string())
                    ),
                    (None, None),
                    "{name}"
                );
            }
        }
    }
    decoded
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(files_under(&path)),
            false => files.push(path),
        }
    }
    files.sort();
    files
}

#[test]
fn every_file_at_hand_is_decoded_once_as_it_is_twice() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut decoded, mut tiffs) = (0, 0);
    for folder in ["../../tests/cases", "tests/reference"] {
        for path in files_under(&here.join(folder)) {
            let sizes = agree(&path.display().to_string(), &fs_err::read(&path).unwrap());
            decoded += sizes;
            tiffs += usize::from(sizes > 0 && path.extension().is_some_and(|e| e == "tif"));
        }
    }
    assert!(decoded > 100 && tiffs > 30, "{decoded}, {tiffs} of TIFF");
}

/// A picture of much colour and detail, see-through at the right.
fn picture() -> DynamicImage {
    let mut rgba = image::RgbaImage::new(93, 70);
    for (x, y, pixel) in rgba.enumerate_pixels_mut() {
        pixel.0 = [
            (x * y) as u8,
            (x ^ (3 * y)) as u8,
            (5 * x + 2 * y) as u8,
            255 - (x / 2) as u8,
        ];
    }
    rgba.into()
}

#[test]
fn every_layout_of_every_format_is_decoded_once_as_it_is_twice() {
    let rgba = picture();
    let layouts: [(&str, DynamicImage); 7] = [
        ("grey", rgba.to_luma8().into()),
        ("rgb", rgba.to_rgb8().into()),
        ("grey and alpha", rgba.to_luma_alpha8().into()),
        ("rgba", rgba.clone()),
        ("deep grey", rgba.to_luma16().into()),
        ("deep rgb", rgba.to_rgb16().into()),
        ("deep rgba", rgba.to_rgba16().into()),
    ];
    let formats = [
        ImageFormat::Png,
        ImageFormat::WebP,
        ImageFormat::Gif,
        ImageFormat::Bmp,
        ImageFormat::Pnm,
        ImageFormat::Jpeg,
    ];
    for format in formats {
        let mut decoded = 0;
        for (name, picture) in &layouts {
            let mut bytes = Cursor::new(Vec::new());
            // Not every format has every layout.
            if picture.write_to(&mut bytes, format).is_ok() {
                decoded += agree(&format!("{format:?} {name}"), bytes.get_ref());
            }
        }
        assert!(decoded >= FITS.len(), "{format:?}");
    }
}

/// An EXIF block that says how the picture is turned, behind the first marker of a JPEG.
fn turned(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut block = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    block.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    let length = (block.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xE1], &length, &block, &jpeg[2..]].concat()
}

#[test]
fn both_are_turned_upright() {
    let mut bytes = Cursor::new(Vec::new());
    let picture: DynamicImage = picture().to_rgb8().into();
    picture.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    for orientation in 1..=8 {
        let bytes = turned(bytes.get_ref(), orientation);
        assert_eq!(
            agree(&format!("orientation {orientation}"), &bytes),
            FITS.len()
        );
        let both = decode_both(&bytes, &fit(None), None).unwrap().image;
        let upright = if orientation < 5 { (93, 70) } else { (70, 93) };
        assert_eq!((both.gray.width(), both.gray.height()), upright);
        assert_eq!((both.rgb.width(), both.rgb.height()), upright);
    }
}

#[test]
fn what_is_cut_is_refused_as_it_is_in_colour() {
    let mut bytes = Cursor::new(Vec::new());
    let picture: DynamicImage = picture().to_rgb8().into();
    picture.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    let bytes = bytes.into_inner();
    for length in (0..bytes.len()).step_by(97) {
        agree(&format!("{length} bytes"), &bytes[..length]);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.jpg");
    fs_err::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = read_both(&path, &fit(None), None).unwrap_err().to_string();
    assert!(error.ends_with("cut.jpg"), "{error}");
    fs_err::write(&path, &bytes).unwrap();
    let read = read_both(&path, &fit(Some(40)), Some(50)).unwrap().image;
    assert_eq!((read.gray.width(), read.rgb.width()), (40, 50));
}
