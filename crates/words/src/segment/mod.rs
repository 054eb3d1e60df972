//! The inverted file in immutable segments.
//!
//! A segment lists, for every visual word, the images that contain it and the first 64 bits of the
//! signature of each occurrence. It is written once, mapped into memory, and never changed: adding
//! images writes another segment, removing is left to the caller's filter, [`merge`] makes one segment
//! of several. Images are numbered from 0 inside a segment, by ascending id, so that the bytes depend
//! on the images and not on the order in which they were added.
//!
//! # The file, `VZSG`
//!
//! Numbers are little-endian.
//!
//! | bytes | content |
//! |---|---|
//! | 64 | header, see below |
//! | *n* · 16 | per image: id (i64), length of its word histogram (f32), number of its features (u32) |
//! | … | posting lists, each padded with zeros to a multiple of 8 |
//! | *e* · 24 | directory, by ascending word: word, postings, images (u32 each), bits of an ordinal (u32), offset of the list in the file (u64) |
//!
//! Header: magic `VZSG`; version; words of the codebook; images *n*; directory entries *e*; CRC-32 of
//! the image table and the directory; CRC-32 of the posting lists; contents; postings (u64); offset of the
//! directory (u64); length of the file (u64); zero; CRC-32 of the header up to here.
//!
//! A posting list of *p* postings is *p* signatures (u64), then for every 128 postings the ordinal of the
//! first image (u32), then for every posting its ordinal minus that one, in as many bits as the greatest of the list needs, one behind the
//! other. Differences of neighbours would save one byte in twenty, but a search looks at the ordinals of few postings, those whose
//! signature is near, and here it need not decode the others.
//!
//! # Versions
//!
//! Version 3 is written. [`Contents`] are:
//!
//! * contents 0: a posting for each feature;
//! * contents 1, features with poses: behind the ordinals of a list come for every posting its direction and its scale, a byte
//!   each ([`Pose`](crate::Pose)). That is 2 bytes of some 10 a posting more.
//! * contents 2, aggregated words: an image has one posting of a word at most. Nothing else differs, and files become shorter.
//!
//! Versions 1 and 2 are read: ordinals take 1, 2 or 4 whole bytes there, of which the directory says how many. Version 1 has contents 0 alone.

mod builder;
mod contents;
mod format;
mod merge;
mod packed;
mod reader;
mod shape;
mod writer;

pub use builder::SegmentBuilder;
pub use contents::Contents;
pub use merge::merge;
pub(crate) use reader::{LENGTHS, List, of_features};
pub use reader::{Posting, Segment};
pub use shape::SegmentShape;
pub use writer::SegmentSummary;
