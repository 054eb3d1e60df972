//! What every file of this crate begins with: magic, version, and a checksum at the end of the header.
//!
//! The header keeps its length and its checksum in all versions, so that a file of a later version is told
//! from a damaged one.

use std::path::Path;

use crate::Error;
use crate::fields::u32_at;

/// A kind of file.
pub(crate) struct Format {
    /// Its first four bytes.
    pub magic: &'static [u8; 4],
    /// Its name in messages.
    pub kind: &'static str,
    /// The version that is written, and the newest that is read.
    pub version: u32,
    /// Bytes of the header; the last four are the CRC-32 of the others.
    pub header: usize,
}

impl Format {
    /// The header of a file, once its magic, checksum and version are as they must be.
    pub fn header<'a>(&self, bytes: &'a [u8], path: &Path) -> Result<&'a [u8], Error> {
        if bytes.get(..4) != Some(&self.magic[..]) {
            return Err(Error::WrongKind {
                expected: self.kind,
                path: path.to_path_buf(),
            });
        }
        let Some(header) = bytes.get(..self.header) else {
            return Err(self.damaged("too short", path));
        };
        let (fields, _) = header.split_at(self.header - 4);
        if crc32fast::hash(fields) != u32_at(header, self.header - 4) {
            return Err(self.damaged("header checksum", path));
        }
        let found = u32_at(header, 4);
        if found > self.version {
            return Err(Error::NewerVersion {
                kind: self.kind,
                found,
                supported: self.version,
                path: path.to_path_buf(),
            });
        }
        Ok(header)
    }

    /// The error of a file of this kind that fails a check.
    pub fn damaged(&self, what: &'static str, path: &Path) -> Error {
        Error::Damaged {
            kind: self.kind,
            what,
            path: path.to_path_buf(),
        }
    }
}
