//! Hostile and broken files: each must end in a clear error, quickly, and never in a panic.
#![allow(clippy::unwrap_used)] // a panic is how a test fails

use std::path::Path;

use vizsla_pixels::{
    DecodeOptions, Error, ErrorKind, Limits, Rgb, decode_gray, decode_rgb, read_gray,
};

const HUGE: u32 = 100_000;

fn decode(bytes: &[u8]) -> Result<(), Error> {
    let options = DecodeOptions::default();
    let gray = decode_gray(bytes, &options).map(|_| ());
    let rgb = decode_rgb(bytes, &options).map(|_| ());
    assert_eq!(gray.is_ok(), rgb.is_ok());
    gray
}

fn jpeg_header(width: u16, height: u16, frame: u8) -> Vec<u8> {
    let [h1, h0] = height.to_be_bytes();
    let [w1, w0] = width.to_be_bytes();
    let mut bytes = vec![0xFF, 0xD8, 0xFF, frame, 0, 17, 8, h1, h0, w1, w0, 3];
    bytes.extend([1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0]);
    bytes.extend([
        0xFF, 0xDA, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0, 0, 0, 0xFF, 0xD9,
    ]);
    bytes
}

fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(width.to_be_bytes());
    chunk.extend(height.to_be_bytes());
    chunk.extend([8, 2, 0, 0, 0]);
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    bytes.extend(&chunk);
    bytes.extend(crc32(&chunk).to_be_bytes());
    bytes.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
    bytes
}

/// CRC-32 of PNG, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 {
                crc >> 1 ^ 0xEDB8_8320
            } else {
                crc >> 1
            }
        })
    })
}

fn bmp_header(width: i32, height: i32) -> Vec<u8> {
    let mut bytes = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    bytes.extend(width.to_le_bytes());
    bytes.extend(height.to_le_bytes());
    bytes.extend([1, 0, 24, 0]);
    bytes.extend([0; 24]);
    bytes
}

fn gif_header(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = b"GIF89a".to_vec();
    bytes.extend(width.to_le_bytes());
    bytes.extend(height.to_le_bytes());
    bytes.extend([0x80, 0, 0, 0, 0, 0, 255, 255, 255]);
    bytes
}

/// One GIF frame of 1 x 1 pixel.
const GIF_FRAME: &[u8] = b",\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0";

fn tiff_header(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0\x08\0".to_vec();
    let entries = [
        (256, width),
        (257, height),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 8),
        (278, height),
        (279, 8),
    ];
    for (tag, value) in entries {
        bytes.extend((tag as u16).to_le_bytes());
        bytes.extend([4, 0, 1, 0, 0, 0]);
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 4]);
    bytes
}

fn webp_header(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = b"RIFF\x1a\0\0\0WEBPVP8L\x0e\0\0\0\x2f".to_vec();
    let bits = u32::from(width - 1) & 0x3FFF | (u32::from(height - 1) & 0x3FFF) << 14;
    bytes.extend(bits.to_le_bytes());
    bytes.extend([0; 9]);
    bytes
}

#[test]
fn huge_headers_fail_before_any_memory_is_taken() {
    let files = [
        ("jpeg", jpeg_header(65_535, 65_535, 0xC0)),
        ("progressive jpeg", jpeg_header(60_000, 60_000, 0xC2)),
        ("png", png_header(HUGE, HUGE)),
        ("png of many pixels", png_header(60_000, 60_000)),
        ("bmp", bmp_header(HUGE as i32, HUGE as i32)),
        ("gif", [&gif_header(65_535, 65_535), GIF_FRAME].concat()),
        ("pnm", b"P6 100000 100000 255\n123".to_vec()),
        ("pnm of many pixels", b"P5 60000 60000 255\n123".to_vec()),
        ("tiff", tiff_header(HUGE, HUGE)),
    ];
    for (name, bytes) in files {
        let error = decode(&bytes).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::TooLarge { .. }),
            "{name}: {error}"
        );
    }
    // WebP cannot say much more than this, but this is above 200 megapixels.
    let error = decode(&webp_header(16_383, 16_383)).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::TooLarge { .. }),
        "webp: {error}"
    );
}

#[test]
fn limits_of_the_caller_are_kept() {
    let bytes = Rgb::filled(100, 50, [1, 2, 3])
        .unwrap()
        .encode_jpeg(80)
        .unwrap();
    let with = |limits| decode_gray(&bytes, &DecodeOptions { limits, fit: None });
    assert!(with(Limits::default()).is_ok());
    assert!(
        with(Limits {
            max_side: 99,
            ..Limits::default()
        })
        .is_err()
    );
    assert!(
        with(Limits {
            max_pixels: 4_999,
            ..Limits::default()
        })
        .is_err()
    );
    assert!(
        with(Limits {
            max_memory_bytes: 10_000,
            ..Limits::default()
        })
        .is_err()
    );
    assert!(
        with(Limits {
            max_file_bytes: 100,
            ..Limits::default()
        })
        .is_err()
    );
}

#[test]
fn what_is_no_image_is_named_as_such() {
    let kind = |bytes: &[u8]| decode(bytes).unwrap_err().to_string();
    assert!(kind(b"").contains("empty"));
    assert!(kind(b"Dear diary, today I renamed this to .jpg").contains("not an image"));
    assert!(kind(&[0; 1000]).contains("not an image"));
    assert!(kind(b"\0\0\0\x18ftypheic").contains("HEIC"));
    assert!(kind(b"\xFF\xD8\xFF").contains("end before"));
}

#[test]
fn sides_of_zero_are_refused() {
    for bytes in [
        jpeg_header(0, 10, 0xC0),
        jpeg_header(10, 0, 0xC0),
        png_header(0, 10),
        bmp_header(0, 10),
        gif_header(0, 0),
        b"P5 0 10 255\n".to_vec(),
        tiff_header(0, 10),
    ] {
        assert!(decode(&bytes).is_err());
    }
}

/// Every cut of every format's file: never a panic, and for JPEG, PNG and GIF never half a picture.
#[test]
fn truncated_files_are_errors() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    let names = [
        "baseline_420.jpg",
        "progressive_444.jpg",
        "palette.png",
        "lossless.webp",
    ];
    let others = [
        "palette.gif",
        "plain.tif",
        "plain.bmp",
        "plain.ppm",
        "cmyk.jpg",
    ];
    for name in names.iter().chain(&others) {
        let bytes = fs_err::read(folder.join(name)).unwrap();
        let step = (bytes.len() / 150).max(1);
        for length in (0..bytes.len() - 13).step_by(step) {
            let result = decode(&bytes[..length]);
            if names.contains(name) {
                assert!(
                    result.is_err(),
                    "{name} cut to {length} of {} bytes",
                    bytes.len()
                );
            }
        }
    }
}

/// Random damage: any answer is right but a panic, which `decode` of this test would pass on.
#[test]
fn flipped_bytes_never_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut random = move |bound: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    };
    for name in [
        "baseline_420.jpg",
        "progressive_444.jpg",
        "deep.png",
        "lossless.webp",
        "palette.gif",
        "plain.tif",
        "plain.bmp",
        "plain.ppm",
        "cmyk.jpg",
    ] {
        let original = fs_err::read(folder.join(name)).unwrap();
        for _ in 0..60 {
            let mut bytes = original.clone();
            for _ in 0..1 + random(8) {
                let at = random(bytes.len());
                bytes[at] = random(256) as u8;
            }
            let options = DecodeOptions {
                fit: Some(8),
                ..DecodeOptions::default()
            };
            let _ = decode_gray(&bytes, &options);
            let _ = decode_rgb(&bytes, &options);
        }
    }
}

#[test]
fn only_the_first_frame_of_an_endless_gif_is_read() {
    let mut bytes = gif_header(1, 1);
    for _ in 0..100_000 {
        bytes.extend(GIF_FRAME);
    }
    // No trailer, and rubbish at the end that a second look would trip over.
    bytes.extend([0xEE; 100]);
    let decoded = decode_gray(&bytes, &DecodeOptions::default()).unwrap();
    assert_eq!((decoded.image.width(), decoded.image.height()), (1, 1));
}

#[test]
fn paths_that_are_no_files_are_named_last() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("holiday.jpg");
    fs_err::create_dir_all(&directory).unwrap();
    let options = DecodeOptions::default();
    let error = read_gray(&directory, &options).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotAFile), "{error}");
    assert!(error.to_string().ends_with("holiday.jpg"), "{error}");
    let missing = folder.path().join("missing.jpg");
    let error = read_gray(&missing, &options).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Io(_)), "{error}");
    assert_eq!(error.path(), Some(missing.as_path()));
    assert_eq!(
        error.to_string().matches("missing.jpg").count(),
        1,
        "{error}"
    );
}
