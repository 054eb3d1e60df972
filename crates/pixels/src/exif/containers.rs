//! Where the formats keep the camera's notes.
//!
//! A JPEG has them in its first application segments, a PNG in a chunk of its own or, as ImageMagick
//! writes it, as hexadecimal digits in a text, a WebP in a chunk, and a TIFF file is such a block itself.
//! What is compressed is unpacked no further than a block may be long.

use std::borrow::Cow;
use std::io::Read;

use flate2::bufread::ZlibDecoder;

use crate::format::Format;

/// Longest block that is looked at, bytes. JPEG allows 64 KiB a segment, and few have several.
const MOST_BYTES: usize = 4 << 20;
/// Longest packet of XMP that is looked at, bytes.
const MOST_XMP_BYTES: usize = 1 << 20;

/// What a file says of its picture.
#[derive(Default)]
pub(super) struct Notes<'a> {
    /// Blocks that start with a TIFF header, best first.
    pub blocks: Vec<Cow<'a, [u8]>>,
    /// A packet of XMP, which may give an orientation where no block does.
    pub xmp: Option<&'a [u8]>,
}

impl<'a> Notes<'a> {
    pub(super) fn of_file(bytes: &'a [u8], format: Format) -> Notes<'a> {
        let mut notes = match format {
            Format::Jpeg => of_jpeg(bytes),
            Format::Png => of_png(bytes),
            Format::WebP => of_webp(bytes),
            Format::Tiff => Notes {
                blocks: vec![Cow::Borrowed(bytes)],
                xmp: None,
            },
            Format::Gif | Format::Bmp | Format::Pnm => Notes::default(),
        };
        notes.xmp = notes.xmp.map(|xmp| &xmp[..xmp.len().min(MOST_XMP_BYTES)]);
        notes
    }
}

/// The block without the words that say what it is, which some writers put before it, even twice.
fn bare(mut block: &[u8]) -> &[u8] {
    while let Some(rest) = block.strip_prefix(b"Exif\0") {
        // The sixth byte is padding of any value.
        block = rest.get(1..).unwrap_or_default();
    }
    block
}

fn of_jpeg(bytes: &[u8]) -> Notes<'_> {
    let mut segments: Vec<&[u8]> = Vec::new();
    let mut xmp = None;
    let mut at = 2;
    while let Some(&[0xFF, marker]) = bytes.get(at..at + 2) {
        match marker {
            // Padding before a marker, and markers without a length.
            0xFF => at += 1,
            0x01 | 0xD0..=0xD8 => at += 2,
            // The scan, or the end.
            0xD9 | 0xDA => break,
            _ => {
                let Some(segment) = segment(bytes, at + 2) else {
                    break;
                };
                if marker == 0xE1 && segment.starts_with(b"Exif\0") {
                    segments.push(bare(segment));
                } else if marker == 0xE1 {
                    let found = segment.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0");
                    xmp = xmp.or(found);
                }
                at += 4 + segment.len();
            }
        }
    }
    Notes {
        blocks: joined(&segments),
        xmp,
    }
}

fn segment(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let length = u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]);
    bytes.get(at + 2..at + usize::from(length.max(2)))
}

/// A long block is cut into several segments, whose parts follow each other; other files have several
/// blocks of their own. Both readings are offered.
fn joined<'a>(segments: &[&'a [u8]]) -> Vec<Cow<'a, [u8]>> {
    let alone = segments.iter().map(|&segment| Cow::Borrowed(segment));
    let length: usize = segments.iter().map(|segment| segment.len()).sum();
    if segments.len() > 1 && length <= MOST_BYTES {
        return std::iter::once(Cow::Owned(segments.concat()))
            .chain(alone)
            .collect();
    }
    alone.collect()
}

fn of_png(bytes: &[u8]) -> Notes<'_> {
    let mut notes = Notes::default();
    let mut texts = Vec::new();
    let mut at = 8;
    while let Some(header) = bytes.get(at..at + 8) {
        let length = u32::from_be_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let Some(data) = bytes.get(at + 8..).and_then(|rest| rest.get(..length)) else {
            break;
        };
        match &header[4..8] {
            b"eXIf" => notes.blocks.push(Cow::Borrowed(bare(data))),
            b"tEXt" | b"zTXt" | b"iTXt" => match text(&header[4..8], data) {
                Some(Text::Profile(block)) => texts.push(Cow::Owned(block)),
                Some(Text::Xmp(xmp)) => notes.xmp = notes.xmp.or(Some(xmp)),
                None => {}
            },
            b"IEND" => break,
            _ => {}
        }
        at += 12 + length;
    }
    // The chunk made for it is believed before a text.
    notes.blocks.append(&mut texts);
    notes
}

/// A text of a PNG that speaks of the picture.
enum Text<'a> {
    Profile(Vec<u8>),
    Xmp(&'a [u8]),
}

fn text<'a>(kind: &[u8], data: &'a [u8]) -> Option<Text<'a>> {
    let (name, rest) = split(data)?;
    let profile = matches!(name, b"Raw profile type exif" | b"Raw profile type APP1");
    let xmp = name == b"XML:com.adobe.xmp";
    if !profile && !xmp {
        return None;
    }
    let (packed, value) = match kind {
        b"zTXt" => (*rest.first()? == 0, rest.get(1..)?),
        b"iTXt" => {
            // Two bytes on compression, then a language and a translated name.
            let (_language, translated) = split(rest.get(2..)?)?;
            (*rest.first()? == 1, split(translated)?.1)
        }
        _ => (false, rest),
    };
    match (profile, packed) {
        (true, true) => unhex(&inflated(value)?).map(Text::Profile),
        (true, false) => unhex(value).map(Text::Profile),
        (false, false) => Some(Text::Xmp(value)),
        (false, true) => None,
    }
}

/// What lies before the first zero byte, and behind it.
fn split(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = data.iter().position(|&byte| byte == 0)?;
    Some((&data[..end], &data[end + 1..]))
}

fn inflated(packed: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    // Two digits and some line ends for each byte of the block.
    let most = 3 * MOST_BYTES as u64;
    ZlibDecoder::new(packed)
        .take(most)
        .read_to_end(&mut plain)
        .ok()?;
    Some(plain)
}

/// A raw profile: a line end, a name, a length, then hexadecimal digits in lines.
fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let mut lines = text.splitn(4, |&byte| byte == b'\n');
    let digits = lines.nth(3)?;
    let mut block = Vec::with_capacity((digits.len() / 2).min(MOST_BYTES));
    let mut high = None;
    for &byte in digits {
        let Some(value) = char::from(byte).to_digit(16) else {
            continue;
        };
        match high.take() {
            None => high = Some(value),
            Some(high) => block.push((high << 4 | value) as u8),
        }
    }
    let bare = bare(&block).len();
    Some(block.split_off(block.len() - bare))
}

fn of_webp(bytes: &[u8]) -> Notes<'_> {
    let mut notes = Notes::default();
    let mut at = 12;
    while let Some(header) = bytes.get(at..at + 8) {
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        let Some(data) = bytes.get(at + 8..).and_then(|rest| rest.get(..length)) else {
            break;
        };
        match &header[..4] {
            b"EXIF" => notes.blocks.push(Cow::Borrowed(bare(data))),
            b"XMP " => notes.xmp = notes.xmp.or(Some(data)),
            _ => {}
        }
        // Chunks begin at even places.
        at += 8 + length + length % 2;
    }
    notes
}
