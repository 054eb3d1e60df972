//! Files that are known by name and not read: pictures of other formats, and videos.
//!
//! Someone who indexes a telephone's photographs must hear that four hundred of them are HEIC, and not that the folder
//! holds "no pictures". An ending is what a walk can see without opening anything; where bytes are at hand, their
//! signature decides.

use std::path::Path;

use crate::format::Format;

/// Endings of the formats that are read, lower case.
const READ: [&str; 16] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "dib", "tif", "tiff", "pnm", "pbm",
    "pgm", "ppm", "pam",
];

/// What cameras call the data of their sensors. Most are TIFF files whose first image is a thumbnail, which must not
/// be taken for the picture.
const RAW: [&str; 25] = [
    "3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "gpr", "iiq", "k25", "kdc", "mef",
    "mos", "mrw", "nef", "nrw", "orf", "pef", "raf", "raw", "rw2", "rwl", "srw", "x3f",
];

/// Pictures of other formats, by name, with their endings.
const PICTURES: [(&str, &[&str]); 17] = [
    ("HEIC", &["heic", "heics", "heif", "heifs", "hif"]),
    ("AVIF", &["avif", "avifs"]),
    ("JPEG XL", &["jxl"]),
    (
        "JPEG 2000",
        &["jp2", "j2k", "j2c", "jpc", "jpf", "jpx", "jpm"],
    ),
    ("JPEG XR", &["jxr", "wdp", "hdp"]),
    ("PSD", &["psd", "psb"]),
    ("XCF", &["xcf"]),
    ("SVG", &["svg", "svgz"]),
    ("PDF", &["pdf"]),
    ("EPS", &["eps"]),
    ("TGA", &["tga"]),
    ("DDS", &["dds"]),
    ("PCX", &["pcx"]),
    ("QOI", &["qoi"]),
    ("ICO", &["ico", "cur"]),
    ("EXR", &["exr"]),
    ("HDR", &["hdr"]),
];

/// Videos, by name, with their endings.
const VIDEOS: [(&str, &[&str]); 8] = [
    ("MP4", &["mp4", "m4v"]),
    ("MOV", &["mov", "qt"]),
    ("AVI", &["avi"]),
    ("MKV", &["mkv", "webm"]),
    ("MTS", &["mts", "m2ts"]),
    ("MPEG", &["mpg", "mpeg"]),
    ("WMV", &["wmv"]),
    ("3GP", &["3gp", "3g2"]),
];

/// A format that is known and not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Foreign {
    /// Its usual name, such as HEIC; RAW for the data of any camera's sensor.
    pub name: &'static str,
    /// Whether it is a video and no picture.
    pub video: bool,
}

impl Foreign {
    const fn picture(name: &'static str) -> Foreign {
        Foreign { name, video: false }
    }

    const fn video(name: &'static str) -> Foreign {
        Foreign { name, video: true }
    }

    /// Recognises a format that is not read by the ending of a file's name.
    pub fn of_name(path: &Path) -> Option<Foreign> {
        let ending = ending(path)?;
        let named = |list: &'static [(&'static str, &'static [&'static str])]| {
            let mut all = list.iter();
            all.find(|(_, endings)| endings.contains(&ending.as_str()))
                .map(|&(name, _)| name)
        };
        if RAW.contains(&ending.as_str()) {
            return Some(Foreign::picture("RAW"));
        }
        let picture = named(&PICTURES).map(Foreign::picture);
        picture.or_else(|| named(&VIDEOS).map(Foreign::video))
    }

    /// Recognises a format that is not read by the first bytes of a file.
    pub fn of_content(bytes: &[u8]) -> Option<Foreign> {
        if bytes.get(4..8) == Some(b"ftyp") {
            return Some(of_brands(bytes));
        }
        let begins = |signature: &[u8]| bytes.starts_with(signature);
        let any = |signatures: &[&[u8]]| signatures.iter().any(|signature| begins(signature));
        let name = if any(&[b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"]) {
            "JPEG XL"
        } else if any(&[b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n"]) {
            "JPEG 2000"
        } else if begins(b"II\xbc\x01") {
            "JPEG XR"
        } else if is_raw(bytes) {
            "RAW"
        } else if begins(b"8BPS\0") {
            "PSD"
        } else if begins(b"gimp xcf ") {
            "XCF"
        } else if begins(b"%PDF-") {
            "PDF"
        } else if any(&[b"%!PS-Adobe", b"\xc5\xd0\xd3\xc6"]) {
            "EPS"
        } else if begins(b"DDS ") {
            "DDS"
        } else if begins(b"qoif") {
            "QOI"
        } else if any(&[b"\0\0\x01\0", b"\0\0\x02\0"]) && is_icon(bytes) {
            "ICO"
        } else if begins(b"\x76\x2f\x31\x01") {
            "EXR"
        } else if any(&[b"#?RADIANCE\n", b"#?RGBE\n"]) {
            "HDR"
        } else if is_svg(bytes) {
            "SVG"
        } else if bytes.ends_with(b"TRUEVISION-XFILE.\0") {
            "TGA"
        } else if begins(b"RIFF") && bytes.get(8..12) == Some(b"AVI ") {
            return Some(Foreign::video("AVI"));
        } else if begins(b"\x1a\x45\xdf\xa3") {
            return Some(Foreign::video("MKV"));
        } else {
            return None;
        };
        Some(Foreign::picture(name))
    }

    /// What a file is when it is of a format that is not read: by its content, and for the raw files of cameras, which
    /// look like TIFF, by its ending.
    pub fn of_file(path: &Path, bytes: &[u8]) -> Option<Foreign> {
        let raw = |foreign: &Foreign| *foreign == Foreign::picture("RAW");
        match Format::of(bytes) {
            Some(Format::Tiff) => Foreign::of_content(bytes)
                .or_else(|| Foreign::of_name(path))
                .filter(raw),
            Some(_) => None,
            // Formats without a signature, such as TGA, are known by their ending alone.
            None => Foreign::of_content(bytes).or_else(|| {
                let unsigned = |foreign: &Foreign| foreign.name == "TGA" || foreign.name == "PCX";
                Foreign::of_name(path).filter(unsigned)
            }),
        }
    }
}

/// Whether a file has the name of a picture of a format that is read.
pub fn has_picture_name(path: &Path) -> bool {
    ending(path).is_some_and(|ending| READ.contains(&ending.as_str()))
}

fn ending(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}

/// ISO base media files say what they are by brands: the one they were written as, and those they agree with.
fn of_brands(bytes: &[u8]) -> Foreign {
    let length = bytes.first_chunk().map_or(0, |b| u32::from_be_bytes(*b));
    let head = bytes.get(8..(length as usize).clamp(12, 256).min(bytes.len()));
    let (brands, _) = head.unwrap_or_default().as_chunks::<4>();
    for brand in brands {
        match brand {
            b"avif" | b"avis" => return Foreign::picture("AVIF"),
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs" => {
                return Foreign::picture("HEIC");
            }
            b"crx " => return Foreign::picture("RAW"),
            b"qt  " => return Foreign::video("MOV"),
            _ => {}
        }
    }
    match brands.first() {
        Some(b"mif1" | b"msf1" | b"mif2") => Foreign::picture("HEIC"),
        Some([b'3', b'g', ..]) => Foreign::video("3GP"),
        _ => Foreign::video("MP4"),
    }
}

/// Raw files that their makers gave a signature of their own.
fn is_raw(bytes: &[u8]) -> bool {
    let own: [&[u8]; 8] = [
        b"FUJIFILMCCD-RAW",
        b"IIRO",
        b"IIRS",
        b"MMOR",
        b"IIU\0",
        b"FOVb",
        b"\0MRM",
        b"II\x1a\0\0\0HEAPCCDR",
    ];
    let canon = bytes.starts_with(b"II*\0") && bytes.get(8..10) == Some(b"CR");
    canon || own.iter().any(|signature| bytes.starts_with(signature))
}

/// Icons begin with so few signs that the number of images must make sense too.
fn is_icon(bytes: &[u8]) -> bool {
    let count = bytes
        .get(4..6)
        .map_or(0, |n| u16::from_le_bytes([n[0], n[1]]));
    let reserved = bytes.get(9).copied();
    (1..=256).contains(&count) && reserved == Some(0)
}

fn is_svg(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]);
    let text = head.trim_start_matches('\u{feff}').trim_start();
    let document = text.starts_with("<?xml") || text.starts_with("<!--");
    text.starts_with("<svg")
        || ((document || text.starts_with("<!DOCTYPE svg")) && text.contains("<svg"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(path: &str) -> Option<&'static str> {
        Foreign::of_name(Path::new(path)).map(|foreign| foreign.name)
    }

    fn content(bytes: &[u8]) -> Option<&'static str> {
        Foreign::of_content(bytes).map(|foreign| foreign.name)
    }

    fn media(brands: &[&[u8; 4]]) -> Vec<u8> {
        let mut bytes = (8 + 4 * (brands.len() as u32 + 1)).to_be_bytes().to_vec();
        bytes.extend(b"ftyp");
        bytes.extend(brands[0]);
        bytes.extend([0; 4]);
        bytes.extend(brands[1..].iter().copied().flatten());
        bytes.extend(b"\0\0\0\x08mdat");
        bytes
    }

    #[test]
    fn endings_name_what_cannot_be_read() {
        assert_eq!(name("a/IMG_0001.HEIC"), Some("HEIC"));
        assert_eq!(name("a.hif"), Some("HEIC"));
        assert_eq!(name("a.NEF"), Some("RAW"));
        assert_eq!(name("a.dng"), Some("RAW"));
        assert_eq!(name("a.j2k"), Some("JPEG 2000"));
        assert_eq!(name("a.mov"), Some("MOV"));
        for other in ["a.jpg", "a.txt", "heic", ".heic", "a.heic.xmp"] {
            assert_eq!(name(other), None, "{other}");
        }
        assert!(has_picture_name(Path::new("A.JPG")) && !has_picture_name(Path::new("jpg")));
    }

    #[test]
    fn no_ending_has_two_meanings() {
        let lists = PICTURES.iter().chain(&VIDEOS).flat_map(|(_, list)| *list);
        let mut all: Vec<&str> = lists.chain(&RAW).chain(&READ).copied().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn signatures_name_what_cannot_be_read() {
        assert_eq!(content(&media(&[b"heic", b"mif1"])), Some("HEIC"));
        assert_eq!(content(&media(&[b"mif1", b"heic"])), Some("HEIC"));
        assert_eq!(content(&media(&[b"mif1", b"miaf", b"avif"])), Some("AVIF"));
        assert_eq!(content(&media(&[b"crx ", b"isom"])), Some("RAW"));
        assert_eq!(content(&media(&[b"isom", b"mp42"])), Some("MP4"));
        assert_eq!(content(&media(&[b"qt  "])), Some("MOV"));
        assert_eq!(content(b"II*\0\x10\0\0\0CR\x02\0"), Some("RAW"));
        assert_eq!(content(b"FUJIFILMCCD-RAW 0201"), Some("RAW"));
        assert_eq!(content(b"8BPS\0\x01"), Some("PSD"));
        assert_eq!(content(b"%PDF-1.7"), Some("PDF"));
        assert_eq!(content(b"\0\0\x01\0\x02\0\x10\x10\0\0"), Some("ICO"));
        assert_eq!(content(b"\0\0\x01\0\0\0\0\0\0\0"), None);
        let svg = b"<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
        assert_eq!(content(svg), Some("SVG"));
        assert_eq!(content(b"<html><svg/></html>"), None);
        for other in [&b""[..], b"II", b"\0\0\0\0", b"Dear diary", b"\xff\xd8\xff"] {
            assert_eq!(content(other), None, "{other:?}");
        }
        // A box whose length lies is read no further than it reaches.
        assert_eq!(content(b"\xff\xff\xff\xffftypheic"), Some("HEIC"));
        assert_eq!(content(b"\0\0\0\0ftyp"), Some("MP4"));
    }

    #[test]
    fn the_thumbnail_in_a_raw_file_is_not_the_picture() {
        let tiff = b"II*\0\x08\0\0\0\0\0\0\0\0\0";
        let of =
            |path: &str, bytes: &[u8]| Foreign::of_file(Path::new(path), bytes).map(|f| f.name);
        assert_eq!(of("a.nef", tiff), Some("RAW"));
        assert_eq!(of("a.tif", tiff), None);
        // Content goes before the name.
        assert_eq!(of("a.heic", b"\xff\xd8\xff\xe0"), None);
        assert_eq!(of("a.jpg", &media(&[b"heic"])), Some("HEIC"));
        assert_eq!(of("a.jpg", b"Dear diary"), None);
        assert_eq!(of("a.tga", b"\0\0\x02\0\0\0"), Some("TGA"));
    }
}
