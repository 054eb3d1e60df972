//! What the camera wrote beside the pixels: orientation, date, camera and position.
//!
//! EXIF is a courtesy: cameras, phones and editors write it wrong in every way there is. A block that
//! cannot be read is therefore never an error; each field that makes no sense is simply absent, and a
//! position is whole or absent. Fields were compared with what Pillow reads from the same files.

mod containers;

use self::containers::Notes;
use crate::format::Format;
use crate::position::position;
use crate::tiff::ifd::{Block, Directory};

/// Longest camera name kept, characters.
const MAX_CAMERA_CHARS: usize = 80;

/// Tags of the first directory of a block.
mod tag {
    pub const MAKE: u16 = 0x010F;
    pub const MODEL: u16 = 0x0110;
    pub const ORIENTATION: u16 = 0x0112;
    pub const DATE: u16 = 0x0132;
    pub const XMP: u16 = 0x02BC;
    /// The directory of the photograph.
    pub const PHOTO: u16 = 0x8769;
    /// The directory of the position.
    pub const PLACE: u16 = 0x8825;
    pub const DATE_TAKEN: u16 = 0x9003;
    pub const DATE_DIGITIZED: u16 = 0x9004;
}

/// The EXIF fields that the catalog keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct Exif {
    /// How the stored rows lie, 1..=8, 1 when unknown. Decoded images are already upright.
    pub orientation: u8,
    /// When the photograph was taken, camera time without zone: "2024-01-31T12:00:00".
    pub taken: Option<String>,
    /// Maker and model.
    pub camera: Option<String>,
    /// Degrees north, -90..=90; there when the longitude is.
    pub latitude: Option<f64>,
    /// Degrees east, -180..=180; there when the latitude is.
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
    /// Reads the notes in a file of this format; anything unreadable is absent.
    pub(crate) fn of_file(bytes: &[u8], format: Format) -> Exif {
        let notes = Notes::of_file(bytes, format);
        let mut blocks = notes.blocks.iter();
        let Some(main) = blocks.find_map(|block| Block::open(block)?.first()) else {
            return Exif {
                orientation: notes.xmp.and_then(orientation_of_xmp).unwrap_or(1),
                ..Exif::default()
            };
        };
        let xmp = notes.xmp.or_else(|| main.bytes(tag::XMP));
        let orientation = orientation(&main).or_else(|| orientation_of_xmp(xmp?));
        let place = main.below(tag::PLACE).and_then(|place| degrees(&place));
        Exif {
            orientation: orientation.unwrap_or(1),
            taken: taken(&main),
            camera: camera(&main),
            latitude: place.map(|[north, _]| north),
            longitude: place.map(|[_, east]| east),
        }
    }
}

fn orientation(main: &Directory) -> Option<u8> {
    let value = u8::try_from(main.uint(tag::ORIENTATION)?).ok()?;
    (1..=8).contains(&value).then_some(value)
}

/// The orientation that editors write into XMP, as an attribute or as an element.
fn orientation_of_xmp(xmp: &[u8]) -> Option<u8> {
    const NAME: &[u8] = b"tiff:Orientation";
    let at = xmp.windows(NAME.len()).position(|part| part == NAME)?;
    let rest = xmp.get(at + NAME.len()..)?;
    let value = rest.strip_prefix(b"=\"").or(rest.strip_prefix(b">"))?;
    let digit = value.first()?.checked_sub(b'0')?;
    (1..=8).contains(&digit).then_some(digit)
}

/// The date of the photograph, before that of its scan, before that of the last change.
fn taken(main: &Directory) -> Option<String> {
    let photo = main.below(tag::PHOTO);
    let own = |tag| photo.as_ref().and_then(|photo| date(photo.text(tag)?));
    // Scanners and raw converters put the dates of the photograph beside the other tags.
    let beside = |tag| date(main.text(tag)?);
    own(tag::DATE_TAKEN)
        .or_else(|| beside(tag::DATE_TAKEN))
        .or_else(|| own(tag::DATE_DIGITIZED))
        .or_else(|| beside(tag::DATE_DIGITIZED))
        .or_else(|| beside(tag::DATE))
}

/// "2024:01:31 12:00:00", also with the separators of ISO 8601; what follows the seconds is left out.
fn date(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text.get(..19)?).ok()?;
    let [date, clock] = [text.get(..10)?, text.get(11..)?];
    let part = |text: &str, at: usize, length: usize| -> Option<u32> {
        let digits = text.get(at..at + length)?;
        let sound = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| sound)
    };
    let between = |text: &str, at: &[usize], allowed: &[u8]| {
        at.iter().all(|&at| allowed.contains(&text.as_bytes()[at]))
    };
    let separated = between(date, &[4, 7], b":-/.")
        && between(clock, &[2, 5], b":")
        && between(text, &[10], b" T");
    let (year, month, day) = (part(date, 0, 4)?, part(date, 5, 2)?, part(date, 8, 2)?);
    let (hour, minute, second) = (part(clock, 0, 2)?, part(clock, 3, 2)?, part(clock, 6, 2)?);
    let plausible = separated
        && (1800..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    plausible.then(|| format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"))
}

fn days_of(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Maker and model as one name; most models repeat their maker.
fn camera(main: &Directory) -> Option<String> {
    let text = |tag| {
        main.text(tag)
            .map(printable)
            .filter(|text| !text.is_empty())
    };
    match (text(tag::MAKE), text(tag::MODEL)) {
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

/// Degrees north and east, both with their side, or nothing.
fn degrees(place: &Directory) -> Option<[f64; 2]> {
    position(
        angle(place, 2, side(place, 1, b'N', b'S')?)?,
        angle(place, 4, side(place, 3, b'E', b'W')?)?,
    )
}

/// 1 or -1 for the side of the equator or of Greenwich.
fn side(place: &Directory, tag: u16, positive: u8, negative: u8) -> Option<f64> {
    match place
        .text(tag)?
        .trim_ascii_start()
        .first()?
        .to_ascii_uppercase()
    {
        letter if letter == positive => Some(1.0),
        letter if letter == negative => Some(-1.0),
        _ => None,
    }
}

/// Degrees, minutes and seconds as one number with its side. Writers of signed fractions say the side
/// twice, by letter and by sign; either makes it negative.
fn angle(place: &Directory, tag: u16, side: f64) -> Option<f64> {
    let parts = place.count(tag).min(3);
    let mut sum = 0.0;
    let mut whole = true;
    for (index, unit) in [1.0, 60.0, 3600.0].into_iter().enumerate().take(parts) {
        match place.real(tag, index) {
            Some(value) => {
                sum += value / unit;
                whole = value.fract() == 0.0;
            }
            // Cameras that write minutes with their fraction have nothing to say in the seconds.
            None if index == 2 && !whole => {}
            None => return None,
        }
    }
    let negative = side < 0.0 || sum < 0.0;
    (parts > 0).then_some(if negative { -sum.abs() } else { sum })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_real_days() {
        let read = |text: &str| date(text.as_bytes());
        let good = Some("2024-02-29T23:59:60".to_owned());
        assert_eq!(read("2024:02:29 23:59:60"), good);
        assert_eq!(read("2024-02-29T23:59:60+02:00"), good);
        for nonsense in [
            "2023:02:29 10:00:00",
            "0000:00:00 00:00:00",
            "2024:13:01 10:00:00",
            "2024:1 :01 10:00:00",
            "2024:01:01 10:00",
            "2024:01:01 1ö:00:00",
            "    :  :     :  :  ",
        ] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn an_orientation_stands_in_xmp_as_an_attribute_or_an_element() {
        assert_eq!(orientation_of_xmp(b"<a tiff:Orientation=\"6\"/>"), Some(6));
        assert_eq!(orientation_of_xmp(b"<tiff:Orientation>3</"), Some(3));
        assert_eq!(orientation_of_xmp(b"<tiff:Orientation>9</"), None);
        assert_eq!(orientation_of_xmp(b"tiff:Orientation"), None);
    }
}
