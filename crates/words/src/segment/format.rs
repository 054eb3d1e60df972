//! Sizes and fields of a segment file.

use std::path::Path;

use vizsla_vectors::{FileFormat, u32_at, u64_at};

use super::contents::Contents;
use super::packed::{MOST_BITS, packed_length};
use crate::Error;

pub(crate) const FORMAT: FileFormat = FileFormat {
    magic: b"VZSG",
    kind: "segment",
    version: PACKED,
    header: HEADER,
};
/// The version that holds nothing but features.
const FIRST: u32 = 1;
/// The first in which ordinals take as many bits as they need.
const PACKED: u32 = 3;
pub(crate) const HEADER: usize = 64;
pub(crate) const IMAGE: usize = 16;
pub(crate) const ENTRY: usize = 24;
/// Postings that share a base ordinal.
pub(crate) const BLOCK: usize = 128;
/// Images a segment may hold.
pub(crate) const MAX_IMAGES: usize = 1 << 28;

/// The header of a segment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Header {
    /// Whether the directory gives bits of an ordinal, not bytes.
    pub packed: bool,
    pub contents: Contents,
    pub words: u32,
    pub images: u32,
    pub entries: u32,
    pub tables_checksum: u32,
    pub lists_checksum: u32,
    pub postings: u64,
    pub directory: u64,
    pub length: u64,
}

impl Header {
    /// Bits of an ordinal, of what the directory says of it; `None` where it can be no such thing.
    pub fn bits(&self, said: u32) -> Option<u32> {
        match (self.packed, said) {
            (true, 0..=MOST_BITS) => Some(said),
            (false, 1 | 2 | 4) => Some(8 * said),
            _ => None,
        }
    }

    pub fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0u8; HEADER];
        bytes[..4].copy_from_slice(FORMAT.magic);
        let fields = [
            PACKED,
            self.words,
            self.images,
            self.entries,
            self.tables_checksum,
            self.lists_checksum,
            self.contents.number(),
        ];
        for (i, field) in fields.iter().enumerate() {
            bytes[4 + 4 * i..][..4].copy_from_slice(&field.to_le_bytes());
        }
        for (i, field) in [self.postings, self.directory, self.length]
            .iter()
            .enumerate()
        {
            bytes[32 + 8 * i..][..8].copy_from_slice(&field.to_le_bytes());
        }
        let checksum = crc32fast::hash(&bytes[..60]);
        bytes[60..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub fn decode(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let header = FORMAT.header(bytes, path)?;
        let version = u32_at(header, 4);
        let contents = match version {
            0..=FIRST => Some(Contents::Features),
            // Plain features had version 1 then, and one segment has one file.
            2 => Contents::of_number(u32_at(header, 28)).filter(|&kind| kind != Contents::Features),
            _ => Contents::of_number(u32_at(header, 28)),
        };
        Ok(Self {
            packed: version >= PACKED,
            contents: contents.ok_or_else(|| FORMAT.damaged("unknown contents", path))?,
            words: u32_at(header, 8),
            images: u32_at(header, 12),
            entries: u32_at(header, 16),
            tables_checksum: u32_at(header, 20),
            lists_checksum: u32_at(header, 24),
            postings: u64_at(header, 32),
            directory: u64_at(header, 40),
            length: u64_at(header, 48),
        })
    }

    /// Whether the sizes agree with each other and with the length of the file.
    pub fn fits(&self, length: usize) -> bool {
        let lists = HEADER as u64 + u64::from(self.images) * IMAGE as u64;
        let directory = u64::from(self.entries) * ENTRY as u64;
        self.images as usize <= MAX_IMAGES
            && self.entries <= self.words
            && self.length == length as u64
            && self.directory >= lists
            && self.directory.checked_add(directory) == Some(self.length)
    }
}

/// Length in bytes of a posting list.
pub(crate) fn list_length(postings: u64, bits: u32, contents: Contents) -> u64 {
    let each = 8 + contents.pose_bytes() as u64;
    let ordinals = postings.div_ceil(BLOCK as u64) * 4 + packed_length(postings, bits.into());
    (postings * each + ordinals).next_multiple_of(8)
}
