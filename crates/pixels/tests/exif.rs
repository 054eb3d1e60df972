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
        // Minutes with their fraction, and nothing to say in the seconds.
        (4, 5, 3, rationals([(151, 1), (123, 10), (0, 0)])),
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
    assert!((exif.longitude.unwrap() - 151.205).abs() < 1e-9, "{exif:?}");
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

fn exif_of(bytes: &[u8]) -> Exif {
    decode_gray(bytes, &DecodeOptions::default()).unwrap().exif
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

/// A PNG of 16 x 8 pixels with one more chunk behind its header.
fn png(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let plain = Rgb::filled(16, 8, [9; 3]).unwrap().encode_png().unwrap();
    let body = [kind, data].concat();
    let length = (data.len() as u32).to_be_bytes();
    [
        &plain[..33],
        &length,
        &body,
        &crc32(&body).to_be_bytes(),
        &plain[33..],
    ]
    .concat()
}

/// A WebP of 16 x 8 pixels in the extended form, with one more chunk.
fn webp(kind: &[u8], data: &[u8]) -> Vec<u8> {
    // A picture of one colour without loss: the codes of all channels have one symbol.
    let mut picture = vec![0x2F];
    picture.extend((15u32 | 7 << 14).to_le_bytes());
    picture.extend([0x88, 0x88, 0x08]);
    picture.resize(18, 0);
    let chunk = |kind: &[u8], data: &[u8]| {
        let padding = vec![0; data.len() % 2];
        [kind, &(data.len() as u32).to_le_bytes(), data, &padding].concat()
    };
    let canvas = [8, 0, 0, 0, 15, 0, 0, 7, 0, 0];
    let body = [
        chunk(b"VP8X", &canvas),
        chunk(b"VP8L", &picture),
        chunk(kind, data),
    ]
    .concat();
    let length = (body.len() as u32 + 4).to_le_bytes();
    [b"RIFF", &length[..], b"WEBP", &body].concat()
}

/// A grey TIFF of 1 x 1 pixel with the fields of a block in its own directory.
fn tiff(block: &[u8]) -> Vec<u8> {
    // The entries of the block's first directory stay, and those of a picture come to them.
    let count = usize::from(u16::from_le_bytes([block[8], block[9]]));
    let mut entries: Vec<[u8; 12]> = block[10..10 + 12 * count]
        .chunks_exact(12)
        .map(|entry| entry.try_into().unwrap())
        .collect();
    let picture = [
        (256u16, 1u32),
        (257, 1),
        (258, 8),
        (262, 1),
        (273, 4),
        (278, 1),
        (279, 1),
    ];
    for (tag, value) in picture {
        let mut entry = [0; 12];
        entry[..2].copy_from_slice(&tag.to_le_bytes());
        entry[2..8].copy_from_slice(&[4, 0, 1, 0, 0, 0]);
        entry[8..].copy_from_slice(&value.to_le_bytes());
        entries.push(entry);
    }
    entries.sort();
    let mut bytes = block.to_vec();
    let at = bytes.len() as u32;
    bytes[4..8].copy_from_slice(&at.to_le_bytes());
    bytes.extend((entries.len() as u16).to_le_bytes());
    bytes.extend(entries.concat());
    bytes.extend([0; 4]);
    bytes
}

fn hexadecimal(block: &[u8]) -> Vec<u8> {
    let digits: Vec<String> = block.iter().map(|byte| format!("{byte:02x}")).collect();
    let lines: Vec<String> = digits.chunks(36).map(<[String]>::concat).collect();
    format!("\nexif\n{:8}\n{}\n", block.len(), lines.join("\n")).into_bytes()
}

#[test]
fn every_container_brings_the_same_fields() {
    let block = block(6, "2024:01:31 12:00:05", gps());
    let wanted = exif_of(&jpeg(&block));
    assert_eq!(wanted.orientation, 6);
    assert!(wanted.taken.is_some() && wanted.camera.is_some() && wanted.longitude.is_some());
    let marked = [b"Exif\0\0", &block[..]].concat();
    let twice = [b"Exif\0\0", &marked[..]].concat();
    let profile = [b"Raw profile type exif\0", &hexadecimal(&marked)[..]].concat();
    // A stored block of deflate needs no compressor: 78 01, one final block, its length twice.
    let text = hexadecimal(&block);
    let length = (text.len() as u16).to_le_bytes();
    let complement = (!(text.len() as u16)).to_le_bytes();
    let sum = text.iter().fold((1u32, 0u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (a + b) % 65_521)
    });
    let adler = (sum.1 << 16 | sum.0).to_be_bytes();
    let packed = [&[0x78, 1, 1], &length[..], &complement, &text, &adler].concat();
    let packed_profile = [b"Raw profile type APP1\0\0", &packed[..]].concat();
    let international = [b"Raw profile type exif\0\x01\0en\0name\0", &packed[..]].concat();
    let files = [
        ("png", png(b"eXIf", &block)),
        ("png with words before it", png(b"eXIf", &marked)),
        ("png profile", png(b"tEXt", &profile)),
        ("png packed profile", png(b"zTXt", &packed_profile)),
        ("png international profile", png(b"iTXt", &international)),
        ("webp", webp(b"EXIF", &block)),
        ("webp with words before it", webp(b"EXIF", &marked)),
        ("jpeg with words twice", jpeg(&twice[6..])),
        ("tiff", tiff(&block)),
    ];
    for (name, bytes) in files {
        assert_eq!(exif_of(&bytes), wanted, "{name}");
    }
}

#[test]
fn a_block_cut_into_segments_and_a_second_block_are_read() {
    let block = block(3, "2024:01:31 12:00:05", gps());
    let plain = jpeg(b"rubbish");
    let segment = |part: &[u8]| {
        let length = (part.len() as u16 + 8).to_be_bytes();
        [&[0xFF, 0xE1], &length[..], b"Exif\0\0", part].concat()
    };
    let wanted = exif_of(&jpeg(&block));
    let parts = [segment(&block[..70]), segment(&block[70..])].concat();
    let cut = [&plain[..2], &parts, &plain[19..]].concat();
    assert_eq!(exif_of(&cut), wanted);
    // Padding between the segments, and a first block that is none.
    let second = [
        &plain[..19],
        &[0xFF, 0xFF],
        &segment(&block)[1..],
        &plain[19..],
    ]
    .concat();
    assert_eq!(exif_of(&second), wanted);
}

/// The block with its tags stored as these entries: orientation, then the pointers.
fn odd_block(orientation: Entry, pointer: u16, taken: Entry, gps: Vec<Entry>) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0".to_vec();
    let at = |tag, value: usize| (tag, pointer, 1, (value as u32).to_le_bytes().to_vec());
    let first =
        |exif_at, gps_at| vec![orientation.clone(), at(0x8769, exif_at), at(0x8825, gps_at)];
    let exif_at = 8 + directory(&first(0, 0), 8).len();
    let exif = directory(&[taken], exif_at);
    let gps_at = exif_at + exif.len();
    tiff.extend(directory(&first(exif_at, gps_at), 8));
    tiff.extend(exif);
    tiff.extend(directory(&gps, gps_at));
    tiff
}

#[test]
fn neighbouring_types_are_read() {
    let signed = |values: [(i32, i32); 3]| -> Vec<u8> {
        let bytes = |(n, d): &(i32, i32)| [n.to_le_bytes(), d.to_le_bytes()].concat();
        values.iter().flat_map(bytes).collect()
    };
    let taken = b"2024:01:31 12:00:05".to_vec();
    let doubles: Vec<u8> = [11.0f64, 53.0, 6.0]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    let gps = vec![
        // No zero byte behind the letter, and one letter as a byte.
        (1, 2, 1, b"n".to_vec()),
        (2, 10, 3, signed([(43, 1), (28, 1), (281_400, 100_000)])),
        (3, 1, 1, b"E".to_vec()),
        (4, 12, 3, doubles),
    ];
    for (kind, value) in [
        (1, vec![8]),
        (4, vec![8, 0, 0, 0]),
        (9, vec![8, 0, 0, 0]),
        (8, vec![8, 0]),
    ] {
        for pointer in [4, 13, 9] {
            let orientation = (0x0112, kind, 1, value.clone());
            let taken = (0x9003, 7, 19, taken.clone());
            let exif = exif_of(&jpeg(&odd_block(orientation, pointer, taken, gps.clone())));
            assert_eq!(exif.orientation, 8, "type {kind}");
            assert_eq!(exif.taken.as_deref(), Some("2024-01-31T12:00:05"));
            assert!(
                (exif.latitude.unwrap() - 43.467_448).abs() < 1e-5,
                "{exif:?}"
            );
            assert!((exif.longitude.unwrap() - 11.885).abs() < 1e-5, "{exif:?}");
        }
    }
}

#[test]
fn a_position_is_whole_or_absent() {
    let place =
        |north: Option<&str>, a: [(u32, u32); 3], east: Option<&str>, b: [(u32, u32); 3]| {
            let mut gps: Vec<Entry> = Vec::new();
            gps.extend(north.map(|side| text(1, side)));
            gps.push((2, 5, 3, rationals(a)));
            gps.extend(east.map(|side| text(3, side)));
            gps.push((4, 5, 3, rationals(b)));
            let exif = exif_of(&jpeg(&block(1, "", gps)));
            assert_eq!(
                exif.latitude.is_some(),
                exif.longitude.is_some(),
                "{exif:?}"
            );
            exif.latitude.zip(exif.longitude)
        };
    let degrees = |value| [(value, 1), (0, 1), (0, 1)];
    let (n, e) = (Some("N"), Some("E"));
    assert_eq!(place(n, degrees(10), e, degrees(0)), Some((10.0, 0.0)));
    assert_eq!(
        place(Some("S"), degrees(90), Some("W"), degrees(180)),
        Some((-90.0, -180.0))
    );
    assert_eq!(
        place(Some("South"), degrees(1), Some("west"), degrees(2)),
        Some((-1.0, -2.0))
    );
    assert_eq!(place(n, degrees(0), e, degrees(0)), None);
    assert_eq!(place(n, degrees(91), e, degrees(1)), None);
    assert_eq!(place(n, degrees(1), e, degrees(181)), None);
    assert_eq!(place(n, [(90, 1), (0, 1), (1, 1)], e, degrees(1)), None);
    assert_eq!(place(None, degrees(1), e, degrees(1)), None);
    assert_eq!(place(n, degrees(1), None, degrees(1)), None);
    assert_eq!(place(Some("?"), degrees(1), e, degrees(1)), None);
    assert_eq!(place(n, [(1, 0), (0, 1), (0, 1)], e, degrees(1)), None);
    assert_eq!(place(n, [(0, 0), (0, 1), (0, 1)], e, degrees(1)), None);
    assert_eq!(place(n, [(1, 1), (0, 0), (0, 1)], e, degrees(1)), None);
    assert_eq!(place(n, degrees(1), e, [(1, 1), (2, 1), (0, 0)]), None);
    let half = vec![text(1, "N"), (2, 5, 3, rationals(degrees(1)))];
    assert_eq!(exif_of(&jpeg(&block(1, "", half))).latitude, None);
}
