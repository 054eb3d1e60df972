//! What the camera wrote beside the pixels: orientation, date, camera and position.
//!
//! EXIF is a courtesy: cameras, phones and editors write it wrong in every way there is. A block that
//! cannot be read is therefore never an error; each field that makes no sense is simply absent.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use exif::{In, Reader, Tag, Value};

/// Longest camera name kept, characters.
const MAX_CAMERA_CHARS: usize = 80;

/// The EXIF fields that the catalog keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct Exif {
    /// How the stored rows lie, 1..=8, 1 when unknown. Decoded images are already upright.
    pub orientation: u8,
    /// When the photograph was taken, camera time without zone: "2024-01-31T12:00:00".
    pub taken: Option<String>,
    /// Maker and model.
    pub camera: Option<String>,
    /// Degrees north, -90..=90.
    pub latitude: Option<f64>,
    /// Degrees east, -180..=180.
    pub longitude: Option<f64>,
}

impl Default for Exif {
    fn default() -> Exif {
        Exif {
            orientation: 1,
            taken: None,
            camera: None,
            latitude: None,
            longitude: None,
        }
    }
}

impl Exif {
    /// Reads the EXIF block of a JPEG, PNG, WebP or TIFF file; anything unreadable is absent.
    pub(crate) fn of_file(bytes: &[u8]) -> Exif {
        // The parser walks offsets chosen by whoever made the file. A panic in it must cost the
        // courtesy of the fields and nothing else.
        catch_unwind(AssertUnwindSafe(|| parse(bytes)))
            .ok()
            .flatten()
            .unwrap_or_default()
    }
}

fn parse(bytes: &[u8]) -> Option<Exif> {
    let block = Reader::new()
        .continue_on_error(true)
        .read_from_container(&mut Cursor::new(bytes))
        .or_else(|error| error.distill_partial_result(|_| ()))
        .ok()?;
    let orientation = block
        .get_field(Tag::Orientation, In::PRIMARY)
        .and_then(|field| field.value.get_uint(0))
        .and_then(|value| u8::try_from(value).ok())
        .filter(|value| (1..=8).contains(value))
        .unwrap_or(1);
    let taken = [Tag::DateTimeOriginal, Tag::DateTimeDigitized, Tag::DateTime]
        .into_iter()
        .find_map(|tag| date(&block, tag));
    Some(Exif {
        orientation,
        taken,
        camera: camera(&block),
        latitude: degrees(&block, Tag::GPSLatitude, Tag::GPSLatitudeRef, b'S', 90.0),
        longitude: degrees(&block, Tag::GPSLongitude, Tag::GPSLongitudeRef, b'W', 180.0),
    })
}

fn ascii(block: &exif::Exif, tag: Tag) -> Option<&[u8]> {
    match &block.get_field(tag, In::PRIMARY)?.value {
        Value::Ascii(parts) => parts.first().map(Vec::as_slice),
        _ => None,
    }
}

fn date(block: &exif::Exif, tag: Tag) -> Option<String> {
    let d = exif::DateTime::from_ascii(ascii(block, tag)?).ok()?;
    let plausible = (1800..=9999).contains(&d.year)
        && (1..=12).contains(&d.month)
        && (1..=31).contains(&d.day)
        && d.hour < 24
        && d.minute < 60
        && d.second <= 60;
    plausible.then(|| {
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            d.year, d.month, d.day, d.hour, d.minute, d.second
        )
    })
}

/// Maker and model as one name; most models repeat their maker.
fn camera(block: &exif::Exif) -> Option<String> {
    let text = |tag| {
        ascii(block, tag)
            .map(printable)
            .filter(|text| !text.is_empty())
    };
    match (text(Tag::Make), text(Tag::Model)) {
        (Some(make), Some(model)) => {
            let repeats = model.to_lowercase().starts_with(&make.to_lowercase());
            Some(if repeats {
                model
            } else {
                printable(format!("{make} {model}").as_bytes())
            })
        }
        (make, model) => model.or(make),
    }
}

/// Text without control characters, trimmed, of bounded length.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let clean: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_CAMERA_CHARS)
        .collect();
    clean.trim().to_string()
}

fn degrees(block: &exif::Exif, tag: Tag, side: Tag, negative: u8, bound: f64) -> Option<f64> {
    let Value::Rational(parts) = &block.get_field(tag, In::PRIMARY)?.value else {
        return None;
    };
    let mut value = 0.0;
    for (part, unit) in parts.iter().take(3).zip([1.0, 60.0, 3600.0]) {
        // 0/0 stands for "not known" in the seconds of many phones; without degrees there is nothing.
        match part.denom {
            0 if unit > 1.0 => continue,
            0 => return None,
            _ => value += part.to_f64() / unit,
        }
    }
    if parts.is_empty() || !value.is_finite() || value > bound {
        return None;
    }
    let is_negative = ascii(block, side)?.first()?.eq_ignore_ascii_case(&negative);
    Some(if is_negative { -value } else { value })
}
