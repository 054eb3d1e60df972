//! What the readers of all parts of a TIFF share: its tags, kinds of samples, and the word for what is not read.

use crate::error::Error;

/// The name of the format in messages.
pub(super) const TIFF: &str = "TIFF";

/// The tags that are read (TIFF 6.0).
pub(super) mod tag {
    pub const NEW_SUBFILE: u16 = 254;
    pub const OLD_SUBFILE: u16 = 255;
    pub const WIDTH: u16 = 256;
    pub const HEIGHT: u16 = 257;
    pub const BITS: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const PHOTOMETRIC: u16 = 262;
    pub const FILL_ORDER: u16 = 266;
    pub const STRIP_OFFSETS: u16 = 273;
    pub const SAMPLES: u16 = 277;
    pub const ROWS_PER_STRIP: u16 = 278;
    pub const STRIP_BYTES: u16 = 279;
    pub const PLANAR: u16 = 284;
    pub const GROUP3_OPTIONS: u16 = 292;
    pub const PREDICTOR: u16 = 317;
    pub const COLOUR_MAP: u16 = 320;
    pub const TILE_WIDTH: u16 = 322;
    pub const TILE_HEIGHT: u16 = 323;
    pub const TILE_OFFSETS: u16 = 324;
    pub const TILE_BYTES: u16 = 325;
    pub const INK_SET: u16 = 332;
    pub const EXTRA_SAMPLES: u16 = 338;
    pub const SAMPLE_FORMAT: u16 = 339;
    pub const JPEG_TABLES: u16 = 347;
    pub const JPEG_OFFSET: u16 = 513;
    pub const JPEG_RESTART: u16 = 515;
    pub const JPEG_QUANTISATION: u16 = 519;
    pub const JPEG_DC: u16 = 520;
    pub const JPEG_AC: u16 = 521;
    pub const YCC_COEFFICIENTS: u16 = 529;
    pub const YCC_SUBSAMPLING: u16 = 530;
    pub const REFERENCE_BLACK_WHITE: u16 = 532;
}

/// What a sample's bits mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Unsigned,
    Signed,
    Float,
}

/// An error for a valid file that is not read, with what it is that is not read.
pub(super) fn unread(what: impl std::fmt::Display) -> Error {
    Error::unsupported(TIFF, what)
}
