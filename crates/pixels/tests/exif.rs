//! EXIF blocks built by hand, whole and broken, inside JPEG files.
#![allow(clippy::unwrap_used)] // a panic is how a test fails

use vizsla_pixels::{DecodeOptions, Exif, Rgb, decode_gray, decode_rgb};

/// One entry of a directory: tag, type, count and raw value.
type Entry = (u16, u16, u32, Vec<u8>);

fn rationals(values: [(u32, u32); 3]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|(n, d)| [n.to_le_bytes(), d.to_le_bytes()].concat())
        .collect()
}

/// A little-endian TIFF directory at `offset`, its long values behind it.
fn directory(entries: &[Entry], offset: usize) -> Vec<u8> {
    let mut head = (entries.len() as u16).to_le_bytes().to_vec();
    let mut tail: Vec<u8> = Vec::new();
    let tail_at = offset + 2 + 12 * entries.len() + 4;
    for (tag, kind, count, value) in entries {
        head.extend(tag.to_le_bytes());
        head.extend(kind.to_le_bytes());
        head.extend(count.to_le_bytes());
        if value.len() <= 4 {
            let mut short = value.clone();
            short.resize(4, 0);
            head.extend(short);
        } else {
            head.extend(((tail_at + tail.len()) as u32).to_le_bytes());
            tail.extend(value);
        }
    }
    head.extend([0; 4]);
    head.extend(tail);
    head
}

fn text(tag: u16, value: &str) -> Entry {
    let bytes = [value.as_bytes(), b"\0"].concat();
    (tag, 2, bytes.len() as u32, bytes)
}

fn block(orientation: u16, taken: &str, gps: Vec<Entry>) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0".to_vec();
    let long = |tag, value: usize| (tag, 4, 1, (value as u32).to_le_bytes().to_vec());
    let first = |exif_at, gps_at| {
        vec![
            text(0x010F, "Canon"),
            text(0x0110, "Canon EOS 5D"),
            (0x0112, 3, 1, orientation.to_le_bytes().to_vec()),
            long(0x8769, exif_at),
            long(0x8825, gps_at),
        ]
    };
    let exif_at = 8 + directory(&first(0, 0), 8).len();
    let exif = directory(&[text(0x9003, taken)], exif_at);
    let gps_at = exif_at + exif.len();
    tiff.extend(directory(&first(exif_at, gps_at), 8));
    tiff.extend(exif);
    tiff.extend(directory(&gps, gps_at));
    tiff
}

/// A JPEG of 16 x 8 pixels, red on its left half, with an EXIF segment.
fn jpeg(block: &[u8]) -> Vec<u8> {
    let mut image = Rgb::filled(16, 8, [0, 0, 255]).unwrap();
    image.fill_rectangle(0, 0, 8, 8, [255, 0, 0]);
    let plain = image.encode_jpeg(95).unwrap();
    let length = (block.len() + 8) as u16;
    let mut bytes = plain[..2].to_vec();
    bytes.extend([0xFF, 0xE1]);
    bytes.extend(length.to_be_bytes());
    bytes.extend(b"Exif\0\0");
    bytes.extend(block);
    bytes.extend(&plain[2..]);
    bytes
}

fn gps() -> Vec<Entry> {
    vec![
        text(1, "S"),
        (2, 5, 3, rationals([(33, 1), (51, 1), (3654, 100)])),
        text(3, "E"),
        (4, 5, 3, rationals([(151, 1), (12, 1), (0, 0)])),
    ]
}

#[test]
fn the_fields_are_read() {
    let bytes = jpeg(&block(1, "2024:01:31 12:00:05", gps()));
    let exif = decode_gray(&bytes, &DecodeOptions::default()).unwrap().exif;
    assert_eq!(exif.taken.as_deref(), Some("2024-01-31T12:00:05"));
    assert_eq!(exif.camera.as_deref(), Some("Canon EOS 5D"));
    assert!(
        (exif.latitude.unwrap() + 33.860_15).abs() < 1e-9,
        "{exif:?}"
    );
    assert!((exif.longitude.unwrap() - 151.2).abs() < 1e-9, "{exif:?}");
}

#[test]
fn orientation_turns_the_image_and_its_size() {
    // Where the stored left half, red, lies after turning: left, right, right, left, then top and bottom.
    let red_at: [(usize, usize); 8] = [
        (1, 4),
        (14, 4),
        (14, 4),
        (1, 4),
        (4, 1),
        (4, 1),
        (4, 14),
        (4, 14),
    ];
    for (orientation, (x, y)) in (1u16..).zip(red_at) {
        let bytes = jpeg(&block(orientation, "", vec![]));
        for fit in [None, Some(8)] {
            let options = DecodeOptions {
                fit,
                ..DecodeOptions::default()
            };
            let decoded = decode_rgb(&bytes, &options).unwrap();
            let upright = if orientation < 5 { (16, 8) } else { (8, 16) };
            assert_eq!((decoded.full_width, decoded.full_height), upright);
            assert_eq!(decoded.exif.orientation, orientation as u8);
            let shrink = if fit.is_some() { 2 } else { 1 };
            let pixel = decoded.image.pixel(x / shrink, y / shrink);
            assert!(
                pixel[0] > 200 && pixel[2] < 60,
                "{orientation} {fit:?}: {pixel:?}"
            );
        }
    }
}

#[test]
fn nonsense_is_absent_and_never_an_error() {
    let odd = vec![
        text(1, "S"),
        (2, 5, 3, rationals([(200, 1), (0, 1), (0, 1)])),
    ];
    let exif = |block: &[u8]| {
        decode_gray(&jpeg(block), &DecodeOptions::default())
            .unwrap()
            .exif
    };
    let read = exif(&block(77, "0000:00:00 00:00:00", odd));
    assert_eq!(
        (read.orientation, read.taken, read.latitude),
        (1, None, None)
    );
    let whole = block(6, "2024:13:31 12:00:00", gps());
    assert_eq!(exif(&whole).taken, None);
    for length in 0..whole.len() {
        let _ = exif(&whole[..length]);
    }
    for at in 0..whole.len() {
        let mut broken = whole.clone();
        broken[at] = 0xFF;
        let _ = exif(&broken);
    }
    assert_eq!(exif(b"rubbish"), Exif::default());
}
