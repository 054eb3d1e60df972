//! A map of pictures: a page to wander through, and a drawing for a report.
//!
//! The page is one file that needs nothing else: data, thumbnails (sheets of JPEG as data URIs) and script are in it,
//! and its content policy forbids every request. It draws on a plain canvas, coloured points from far, pictures from
//! near.

mod base64;
mod collection;
mod item;
mod labels;
mod page;
mod picture;
mod thumbnails;

pub use base64::data_uri;
pub use collection::{MapLayout, first_values, thumbnail};
pub use item::MapItem;
pub use labels::{Legend, LegendEntry};
pub use page::{MapText, map_page};
pub use picture::map_picture;
pub use thumbnails::{Thumbnails, thumbnail_side};
