//! Writes a segment file, list by list.

use std::io::Write;
use std::path::Path;

use vizsla_vectors::AtomicFile;

use super::contents::Contents;
use super::format::{BLOCK, HEADER, Header, IMAGE};
use super::packed::{bits_of, pack};
use crate::{Error, Pose};

/// A posting of a list: ordinal of its image, signature, pose. Poses are written where the contents have them.
pub(crate) type Entry = (u32, u64, Pose);

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentSummary {
    /// Number of images.
    pub images: u32,
    /// Number of postings.
    pub postings: u64,
    /// Length of the file in bytes.
    pub bytes: u64,
}

/// An image of the image table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ImageEntry {
    pub id: i64,
    pub norm: f32,
    pub features: u32,
}

/// A segment file in the making.
pub(crate) struct SegmentWriter {
    file: AtomicFile,
    header: Header,
    tables: crc32fast::Hasher,
    lists: crc32fast::Hasher,
    directory: Vec<u8>,
    at: u64,
    list: Vec<u8>,
}

impl SegmentWriter {
    /// Begins a file with its image table.
    pub fn create(
        path: &Path,
        words: u32,
        contents: Contents,
        images: &[ImageEntry],
    ) -> Result<Self, Error> {
        let mut file = AtomicFile::create_new(path)?;
        file.write_all(&[0; HEADER])?;
        let mut tables = crc32fast::Hasher::new();
        for image in images {
            let mut entry = [0u8; IMAGE];
            entry[..8].copy_from_slice(&image.id.to_le_bytes());
            entry[8..12].copy_from_slice(&image.norm.to_le_bytes());
            entry[12..].copy_from_slice(&image.features.to_le_bytes());
            tables.update(&entry);
            file.write_all(&entry)?;
        }
        Ok(Self {
            file,
            header: Header {
                contents,
                words,
                images: images.len() as u32,
                ..Header::default()
            },
            tables,
            lists: crc32fast::Hasher::new(),
            directory: Vec::new(),
            at: (HEADER + images.len() * IMAGE) as u64,
            list: Vec::new(),
        })
    }

    /// Appends the list of a word. Words come in ascending order; postings come by
    /// ascending ordinal, at least one.
    pub fn push_list(&mut self, word: u32, postings: &[Entry]) -> Result<(), Error> {
        self.list.clear();
        for (_, signature, _) in postings {
            self.list.extend(signature.to_le_bytes());
        }
        let mut widest = 0;
        for block in postings.chunks(BLOCK) {
            let (base, last) = (block[0].0, block[block.len() - 1].0);
            self.list.extend(base.to_le_bytes());
            widest = widest.max(last - base);
        }
        let bits = bits_of(widest);
        let offsets = postings.chunks(BLOCK).flat_map(|block| {
            let base = block[0].0;
            block.iter().map(move |(ordinal, ..)| ordinal - base)
        });
        pack(offsets, bits, &mut self.list);
        if self.header.contents == Contents::Posed {
            let poses = postings.iter().flat_map(|(.., pose)| pose.to_bytes());
            self.list.extend(poses);
        }
        self.list.resize(self.list.len().next_multiple_of(8), 0);

        let images = 1 + postings.windows(2).filter(|w| w[0].0 != w[1].0).count();
        for field in [word, postings.len() as u32, images as u32, bits] {
            self.directory.extend(field.to_le_bytes());
        }
        self.directory.extend(self.at.to_le_bytes());
        self.lists.update(&self.list);
        self.file.write_all(&self.list)?;
        self.at += self.list.len() as u64;
        self.header.entries += 1;
        self.header.postings += postings.len() as u64;
        Ok(())
    }

    /// Writes the directory and the header, and gives the file its name.
    pub fn finish(mut self) -> Result<SegmentSummary, Error> {
        self.tables.update(&self.directory);
        self.file.write_all(&self.directory)?;
        self.header.directory = self.at;
        self.header.length = self.at + self.directory.len() as u64;
        self.header.tables_checksum = self.tables.finalize();
        self.header.lists_checksum = self.lists.finalize();
        self.file.commit(&self.header.encode())?;
        Ok(SegmentSummary {
            images: self.header.images,
            postings: self.header.postings,
            bytes: self.header.length,
        })
    }
}
