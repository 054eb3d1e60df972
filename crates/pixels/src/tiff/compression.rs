//! Which compressions are read, and the names of those that are not.

use crate::error::Error;

use super::fax::Coding;
use super::ifd::Directory;
use super::tags::{tag, unread};

/// A compression that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Fax(Coding),
    Lzw,
    OldJpeg,
    Jpeg,
    Deflate,
    PackBits,
    Zstandard,
    WebP,
}

impl Compression {
    pub fn read(directory: &Directory, bits: usize) -> Result<Compression, Error> {
        let number = directory.uint(tag::COMPRESSION).unwrap_or(1);
        let compression = match number {
            0 | 1 => Compression::None,
            2 => Compression::Fax(Coding::Runs { words: false }),
            3 => {
                let options = directory.uint(tag::GROUP3_OPTIONS).unwrap_or(0);
                if options & 2 != 0 {
                    return Err(unread("the uncompressed mode of Group 3 facsimile"));
                }
                let two_dimensions = options & 1 != 0;
                Compression::Fax(Coding::Group3 { two_dimensions })
            }
            4 => Compression::Fax(Coding::Group4),
            5 => Compression::Lzw,
            6 => Compression::OldJpeg,
            7 => Compression::Jpeg,
            8 | 32946 => Compression::Deflate,
            32771 => Compression::Fax(Coding::Runs { words: true }),
            32773 => Compression::PackBits,
            50000 => Compression::Zstandard,
            50001 => Compression::WebP,
            other => {
                return Err(unread(format!(
                    "its compression is {other}, {}",
                    name(other)
                )));
            }
        };
        let fits = match compression {
            Compression::Fax(_) => bits == 1,
            Compression::Jpeg | Compression::OldJpeg | Compression::WebP => bits == 8,
            _ => true,
        };
        match fits {
            true => Ok(compression),
            false => Err(unread(format!(
                "samples of {bits} bits with compression {number}"
            ))),
        }
    }

    /// Whether differences of neighbours may have been taken before it.
    pub fn has_predictor(self) -> bool {
        matches!(
            self,
            Compression::Lzw | Compression::Deflate | Compression::Zstandard
        )
    }

    /// Whether it is a JPEG, which brings its own colours and samplings.
    pub fn is_jpeg(self) -> bool {
        matches!(self, Compression::Jpeg | Compression::OldJpeg)
    }
}

/// What a compression is called that is not read.
fn name(number: u64) -> &'static str {
    match number {
        9 | 10 => "JBIG",
        32766 => "NeXT",
        32767 => "Sony ARW",
        32809 => "ThunderScan",
        32895..=32898 => "of a printing system (IT8)",
        32908 | 32909 => "PixarLog or PixarFilm",
        32947 => "Kodak DCS",
        33003 | 33005 | 33007 | 34712 => "JPEG 2000",
        34661 => "JBIG",
        34676 | 34677 => "SGI Log",
        34713 => "Nikon NEF",
        34715 => "JBIG2",
        34887 => "LERC",
        34892 => "lossy DNG",
        34925 => "LZMA",
        34933 => "PNG",
        34934 => "JPEG XR",
        50002 | 52546 => "JPEG XL",
        65000 => "Kodak DCR",
        _ => "which is not known here",
    }
}
