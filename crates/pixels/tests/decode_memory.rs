//! What decoders take at the highest, beside what they said they would take; and that they keep to one budget.
//!
//! An allocator counts. All is one test: threads of another would be counted too.
#![allow(clippy::unwrap_used, clippy::panic)] // a panic is how a test fails
#![allow(unsafe_code)] // an allocator has no other form; it hands every call on to the system's

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Cursor;
use std::sync::atomic::{AtomicUsize, Ordering};

use image::{DynamicImage, ImageFormat};
use vizsla_pixels::{
    DecodeOptions, ErrorKind, Limits, decode_both, decode_gray, decode_rgb, set_decode_memory,
};

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn count(bytes: usize) {
    let now = NOW.fetch_add(bytes, Ordering::SeqCst) + bytes;
    MOST.fetch_max(now, Ordering::SeqCst);
}

// SAFETY: every call is the system allocator's own; the counters beside it touch no memory of the caller.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::SeqCst);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both may exist for a moment.
        count(size);
        NOW.fetch_sub(layout.size(), Ordering::SeqCst);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Bytes that `work` takes at the highest beyond what there was.
fn most_of(work: impl FnOnce()) -> usize {
    let before = NOW.load(Ordering::SeqCst);
    MOST.store(before, Ordering::SeqCst);
    work();
    MOST.load(Ordering::SeqCst) - before
}

/// A picture with some structure in every layout that files have.
fn layouts() -> Vec<(&'static str, DynamicImage)> {
    let mut rgba = image::RgbaImage::new(900, 700);
    for (x, y, pixel) in rgba.enumerate_pixels_mut() {
        pixel.0 = [
            (x * y) as u8,
            (x ^ y) as u8,
            (x + 3 * y) as u8,
            (x / 4) as u8,
        ];
    }
    let rgba = DynamicImage::from(rgba);
    vec![
        ("grey", rgba.to_luma8().into()),
        ("rgb", rgba.to_rgb8().into()),
        ("grey and alpha", rgba.to_luma_alpha8().into()),
        ("rgba", rgba.clone()),
        ("deep grey", rgba.to_luma16().into()),
        ("deep rgb", rgba.to_rgb16().into()),
        ("deep rgba", rgba.to_rgba16().into()),
    ]
}

/// Every file that the encoders at hand make of them.
fn files() -> Vec<(String, Vec<u8>)> {
    let formats = [
        ImageFormat::Png,
        ImageFormat::WebP,
        ImageFormat::Gif,
        ImageFormat::Bmp,
        ImageFormat::Pnm,
        ImageFormat::Jpeg,
    ];
    let mut files = Vec::new();
    for format in formats {
        for (name, picture) in layouts() {
            let mut bytes = Cursor::new(Vec::new());
            // Not every format has every layout.
            if picture.write_to(&mut bytes, format).is_ok() {
                files.push((format!("{format:?} {name}"), bytes.into_inner()));
            }
        }
    }
    for name in ["grey", "deep grey", "rgb", "rgba", "deep rgb"] {
        let picture = layouts()
            .into_iter()
            .find(|(found, _)| *found == name)
            .unwrap()
            .1;
        files.push((format!("TIFF {name}"), tiff(&picture)));
    }
    files.push((
        "WebP of one colour in the extended form".into(),
        webp(900, 700),
    ));
    files
}

/// A TIFF of one strip, uncompressed.
fn tiff(picture: &DynamicImage) -> Vec<u8> {
    let data = picture.as_bytes();
    let channels = u32::from(picture.color().channel_count());
    let bits = 8 * u32::from(picture.color().bytes_per_pixel()) / channels;
    let mut bytes = b"II*\0".to_vec();
    bytes.extend((8 + data.len() as u32).to_le_bytes());
    bytes.extend(data);
    let tags = [
        (256u16, picture.width()),
        (257, picture.height()),
        (258, bits),
        (262, if channels == 1 { 1 } else { 2 }),
        (273, 8),
        (277, channels),
        (278, picture.height()),
        (279, data.len() as u32),
        // Turned upright, so that a copy is made.
        (274, 6),
    ];
    bytes.extend((tags.len() as u16).to_le_bytes());
    for (tag, value) in tags {
        bytes.extend(tag.to_le_bytes());
        bytes.extend([4, 0, 1, 0, 0, 0]);
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 4]);
    bytes
}

/// A few bytes that are a WebP of one colour, of any size.
fn webp(width: u32, height: u32) -> Vec<u8> {
    let mut picture = vec![0x2F];
    picture.extend(((width - 1) | (height - 1) << 14).to_le_bytes());
    // No transforms, no cache, and five codes of one symbol each.
    picture.extend([0x88, 0x88, 0x08, 0, 0, 0, 0]);
    let chunk =
        |kind: &[u8], data: &[u8]| [kind, &(data.len() as u32).to_le_bytes(), data].concat();
    let [w0, w1, w2, _] = (width - 1).to_le_bytes();
    let [h0, h1, h2, _] = (height - 1).to_le_bytes();
    let canvas = [0, 0, 0, 0, w0, w1, w2, h0, h1, h2];
    let body = [chunk(b"VP8X", &canvas), chunk(b"VP8L", &picture)].concat();
    let length = (body.len() as u32 + 4).to_le_bytes();
    [b"RIFF", &length[..], b"WEBP", &body].concat()
}

/// A PNG of one pixel with a chunk that unpacks to `size` zeros.
fn swollen_png(kind: &[u8], size: usize) -> Vec<u8> {
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::copy(
        &mut std::io::Read::take(std::io::repeat(0), size as u64),
        &mut packer,
    )
    .unwrap();
    let name = match kind {
        b"iTXt" => &b"note\0\x01\0\0\0"[..],
        _ => b"note\0\0",
    };
    let data = [name, &packer.finish().unwrap()].concat();
    let plain = vizsla_pixels::Rgb::filled(1, 1, [9; 3])
        .unwrap()
        .encode_png()
        .unwrap();
    let mut sum = flate2::Crc::new();
    sum.update(kind);
    sum.update(&data);
    let length = (data.len() as u32).to_be_bytes();
    [
        &plain[..33],
        &length,
        kind,
        &data,
        &sum.sum().to_be_bytes(),
        &plain[33..],
    ]
    .concat()
}

/// What the decoder says it will need: the reason for which it is refused without any memory.
fn announced(bytes: &[u8], gray: bool) -> u64 {
    let limits = Limits {
        max_memory_bytes: 0,
        ..Limits::default()
    };
    let options = DecodeOptions { limits, fit: None };
    let refused = match gray {
        true => decode_gray(bytes, &options).err().unwrap(),
        false => decode_rgb(bytes, &options).err().unwrap(),
    };
    match refused.kind() {
        ErrorKind::TooLarge { value, .. } => *value,
        other => panic!("{other:?}"),
    }
}

#[test]
fn decoders_keep_to_their_word_and_to_one_budget() {
    let options = DecodeOptions::default();
    // Tables of codes, windows and the like, whatever the size of the picture; the file's own copy for PNG.
    let small = 700_000;
    let mut complaints = Vec::new();
    for (name, bytes) in files() {
        for gray in [true, false] {
            let announced = announced(&bytes, gray) as usize;
            let taken = most_of(|| match gray {
                true => drop(decode_gray(&bytes, &options).unwrap()),
                false => drop(decode_rgb(&bytes, &options).unwrap()),
            });
            if taken > announced + small + bytes.len() {
                complaints.push(format!(
                    "{name}, grey {gray}: {taken} of {announced} announced"
                ));
            }
        }
    }
    for (name, bytes) in files() {
        let announced = announced(&bytes, false) as usize;
        let taken = most_of(|| drop(decode_both(&bytes, &options, None).unwrap()));
        if taken > announced + small + bytes.len() {
            complaints.push(format!("{name}, both: {taken} of {announced} announced"));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));

    for kind in [b"iCCP", b"zTXt", b"iTXt"] {
        let png = swollen_png(kind, 100 << 20);
        let taken = most_of(|| drop(decode_rgb(&png, &options).unwrap()));
        assert!(taken < 2 << 20, "{kind:?}: {taken}");
    }

    let budget = 120 << 20;
    set_decode_memory(budget as u64);
    let hostile = webp(2000, 1500);
    let one = announced(&hostile, false) as usize;
    assert!(one < budget && 8 * one > 3 * budget);
    let taken = most_of(|| {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let small = DecodeOptions {
                        fit: Some(64),
                        ..options
                    };
                    drop(decode_rgb(&hostile, &small).unwrap());
                });
            }
        });
    });
    assert!(taken < budget + 8 * small, "{taken} of {budget}");
    // One that needs more than all of it is refused, and says how much that is.
    let error = decode_rgb(&webp(8000, 5000), &options).err().unwrap();
    assert!(error.to_string().contains(&budget.to_string()), "{error}");
}
