//! Images: the bottom floor of Vizsla, where bytes become pixels.
//!
//! Files come from strangers, so everything here assumes that they lie: the format is taken from the
//! content and not from the name, sizes are checked against [`Limits`] in the header before any
//! memory is taken, and whatever is wrong with a file ends in an [`Error`] that says what happened
//! and what to do. Pixels are kept in the two layouts that the floors above need and no other:
//! [`Gray`] for detectors and descriptors, [`Rgb`] for people.
//!
//! Images are upright (EXIF orientation is applied while reading), opaque (alpha is composited over
//! white) and 8 bits deep. Coordinates count from the top-left pixel, x to the right and y down; the
//! centre of that pixel is (0, 0).
//!
//! ```
//! use vizsla_pixels::{DecodeOptions, Rgb, decode_gray};
//!
//! let png = Rgb::filled(64, 48, [255, 0, 0])?.encode_png()?;
//! let options = DecodeOptions { fit: Some(32), ..DecodeOptions::default() };
//! let decoded = decode_gray(&png, &options)?;
//! assert_eq!((decoded.image.width(), decoded.image.height()), (32, 24));
//! assert_eq!((decoded.full_width, decoded.full_height), (64, 48));
//! # Ok::<(), vizsla_pixels::Error>(())
//! ```

mod budget;
mod decode;
mod draw;
mod encode;
mod error;
mod exif;
mod files;
mod font;
mod foreign;
mod format;
mod gray;
mod guarded;
mod jpeg;
mod layout;
mod limits;
mod options;
mod orientation;
mod other_formats;
mod over_white;
mod png;
mod position;
mod printable;
mod resize;
mod rgb;
mod scale_space;
mod sheet;
mod tiff;
mod warp;

pub use budget::{decode_memory, set_decode_memory};
pub use decode::{Decoded, decode_both, decode_gray, decode_rgb, read_both, read_gray, read_rgb};
pub use draw::Color;
pub use error::{Error, ErrorKind};
pub use exif::Exif;
pub use files::Reach;
pub use font::{GLYPH_HEIGHT, GLYPH_WIDTH, text_width};
pub use foreign::{Foreign, has_picture_name};
pub use format::Format;
pub use gray::Gray;
pub use guarded::guarded;
pub use layout::Both;
pub use limits::Limits;
pub use options::DecodeOptions;
pub use position::position;
pub use printable::{is_printable, printable};
pub use resize::fitted_size;
pub use rgb::Rgb;
pub use scale_space::{
    Isa, IsaKind, Lanes, OctavePlanes, Plane, ROWS_KEPT, ScaleSpace, ScaleSpaceConfig,
};
pub use sheet::{ContactSheet, Tile};
pub use warp::{blur, warp};
