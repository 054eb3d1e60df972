//! Every variety of TIFF against the picture it was made of, and against Pillow where that reads it too.
//!
//! The files and what they must look like come from `tests/cases/tiff/make.py`.
#![allow(clippy::unwrap_used, clippy::panic)] // a panic is how a test fails

use std::path::{Path, PathBuf};

use serde_json::Value;
use vizsla_pixels::{DecodeOptions, ErrorKind, Gray, Limits, decode_gray, decode_rgb};

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/tiff")
}

fn expected(folder: &Path) -> serde_json::Map<String, Value> {
    let text = fs_err::read_to_string(folder.join("expected.json")).unwrap();
    let Value::Object(all) = serde_json::from_str(&text).unwrap() else {
        panic!("expected.json is no object");
    };
    all
}

/// An 8 x 8 thumbnail by Pillow's box filter: the mean of the pixels whose centres lie in a part.
fn thumbnail(image: &Gray) -> Vec<f64> {
    let within = |side: usize, part: usize| {
        let scale = side as f64 / 8.0;
        let centre = (part as f64 + 0.5) * scale;
        (0..side).filter(move |&pixel| {
            let place = (pixel as f64 + 0.5 - centre) / scale.max(1.0);
            place > -0.5 && place <= 0.5
        })
    };
    let mut cells = Vec::new();
    for (row, column) in (0..64).map(|cell| (cell / 8, cell % 8)) {
        let (mut sum, mut count) = (0.0, 0.0);
        for y in within(image.height(), row) {
            for x in within(image.width(), column) {
                sum += f64::from(image.row(y)[x]);
                count += 1.0;
            }
        }
        cells.push(sum / f64::max(count, 1.0));
    }
    cells
}

fn difference(image: &Gray, wanted: &Value) -> f64 {
    let wanted: Vec<f64> = serde_json::from_value(wanted["grey8"].clone()).unwrap();
    let seen = thumbnail(image);
    let sum: f64 = seen.iter().zip(&wanted).map(|(a, b)| (a - b).abs()).sum();
    sum / wanted.len() as f64
}

/// What is wrong with a file, if anything.
fn complaint(bytes: &[u8], wanted: &Value) -> Option<String> {
    let options = DecodeOptions::default();
    let gray = decode_gray(bytes, &options);
    let rgb = decode_rgb(bytes, &options);
    if let Some(words) = wanted["refused"].as_str() {
        return match (gray, rgb) {
            (Err(gray), Err(_)) => {
                let named = matches!(gray.kind(), ErrorKind::Unsupported { .. });
                let text = gray.to_string();
                (!named || !text.contains(words)).then_some(text)
            }
            _ => Some("it was read".to_owned()),
        };
    }
    let (gray, rgb) = match (gray, rgb) {
        (Ok(gray), Ok(rgb)) => (gray, rgb),
        (Err(error), _) | (_, Err(error)) => return Some(error.to_string()),
    };
    let size = [gray.full_width, gray.full_height];
    if Value::from(size.to_vec()) != wanted["size"] || wanted["pages"] != gray.pages {
        return Some(format!("size {size:?}, {} pages", gray.pages));
    }
    let differences = [
        difference(&gray.image, wanted),
        difference(&rgb.image.to_gray(), wanted),
    ];
    // Pillow cuts 16 bits off at 255, which makes white of everything.
    if wanted["grey8"]
        .as_array()
        .unwrap()
        .iter()
        .all(|value| value == 255)
    {
        return None;
    }
    // A right decode differs by rounding, and by how JPEG spreads colour.
    (differences[0].max(differences[1]) >= 3.0).then(|| format!("differs by {differences:.1?}"))
}

#[test]
fn every_variety_is_the_picture_it_was_made_of() {
    let mut complaints = Vec::new();
    let all = expected(&cases());
    assert!(all.len() > 50);
    for (name, wanted) in &all {
        let bytes = fs_err::read(cases().join(name)).unwrap();
        complaints.extend(complaint(&bytes, wanted).map(|what| format!("{name}: {what}")));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Files of other programs, where they are at hand.
#[test]
fn files_of_other_programs_are_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let data = std::env::var_os("VIZSLA_DATA").map_or(root.join("../shared/data"), PathBuf::from);
    let folder = data.join("cases");
    if !folder.join("expected.json").exists() {
        eprintln!("skipped: no cases under {}", folder.display());
        return;
    }
    let mut complaints = Vec::new();
    for (name, wanted) in expected(&folder) {
        let Some(bytes) = (name.starts_with("tiff/") || name.starts_with("exif/"))
            .then(|| fs_err::read(folder.join(&name)).unwrap())
        else {
            continue;
        };
        complaints.extend(complaint(&bytes, &wanted).map(|what| format!("{name}: {what}")));
        let Ok(decoded) = decode_gray(&bytes, &DecodeOptions::default()) else {
            continue;
        };
        let exif = decoded.exif;
        let taken = wanted["taken"].as_str();
        let taken = taken.map(|text| text.replacen(':', "-", 2).replace(' ', "T"));
        if exif.taken != taken
            || u64::from(exif.orientation) != wanted["orientation"].as_u64().unwrap_or(1)
        {
            complaints.push(format!("{name}: {exif:?}"));
        }
        let place = exif.latitude.zip(exif.longitude);
        let position: Option<[f64; 2]> =
            serde_json::from_value(wanted["position"].clone()).unwrap();
        let same = match (place, position) {
            (None, None) => true,
            (Some((north, east)), Some(wanted)) => {
                (north - wanted[0]).abs() < 1e-3 && (east - wanted[1]).abs() < 1e-3
            }
            _ => false,
        };
        if !same {
            complaints.push(format!("{name}: {place:?} is not {position:?}"));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Flipped bytes and cuts: any answer is right but a panic or much memory.
#[test]
fn damaged_files_never_panic() {
    let mut state = 0x2545_F491_4F6C_DD1Du64;
    let mut random = move |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % bound
    };
    let limits = Limits {
        max_pixels: 1 << 20,
        max_memory_bytes: 1 << 26,
        ..Limits::default()
    };
    let options = DecodeOptions {
        limits,
        fit: Some(8),
    };
    for name in expected(&cases()).keys() {
        let original = fs_err::read(cases().join(name)).unwrap();
        for round in 0..40 {
            let mut bytes = original.clone();
            for _ in 0..1 + random(6) {
                let at = random(bytes.len());
                bytes[at] = random(256) as u8;
            }
            if round % 4 == 0 {
                bytes.truncate(random(bytes.len()));
            }
            let Err(error) = decode_rgb(&bytes, &options) else {
                continue;
            };
            assert!(
                !error.to_string().contains("the decoder gave up"),
                "{name}: {error}"
            );
        }
    }
}

/// Half a picture is never taken for a whole one, whatever the compression.
#[test]
fn cut_strips_are_errors() {
    // What little may be missing of a JPEG is judged elsewhere, and of a fax the rest is paper.
    let not_cut = [
        "fax",
        "not_read",
        "page_and",
        "three_pages",
        "old_jpeg",
        "jpeg",
    ];
    for name in expected(&cases()).keys() {
        if not_cut.iter().any(|start| name.starts_with(start)) {
            continue;
        }
        let bytes = fs_err::read(cases().join(name)).unwrap();
        let whole = decode_gray(&bytes, &DecodeOptions::default()).unwrap();
        for length in (8..bytes.len() - 1).step_by((bytes.len() / 40).max(1)) {
            // A directory at the end is cut with the file; one at the beginning leaves a strip cut.
            if let Ok(decoded) = decode_gray(&bytes[..length], &DecodeOptions::default()) {
                assert_eq!(decoded.image, whole.image, "{name} cut to {length} bytes");
            }
        }
    }
}
