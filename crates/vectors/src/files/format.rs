//! What every file begins with: magic, version, and a checksum at the end of the header.
//!
//! The header keeps its length and its checksum in all versions, so that a file of a later version is told
//! from a damaged one. Files that are read whole hold a few numbers, the CRC-32 of what follows the header, and
//! that; [`FileFormat::encode`] writes them and [`FileFormat::payload`] reads them.

use std::io::Read;
use std::path::Path;

use fs_err as fs;

use super::fields::u32_at;
use crate::Error;

/// The name of a content: the first 32 hexadecimal digits of its BLAKE3 hash.
pub fn content_id(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..32].to_owned()
}

/// A kind of file.
#[derive(Debug)]
pub struct FileFormat {
    /// Its first four bytes.
    pub magic: &'static [u8; 4],
    /// Its name in messages.
    pub kind: &'static str,
    /// The version that is written, and the newest that is read.
    pub version: u32,
    /// Bytes of the header; the last four are the CRC-32 of the others.
    pub header: usize,
}

impl FileFormat {
    /// The header of a file, once its magic, checksum and version are as they must be.
    ///
    /// # Errors
    /// [`Error::WrongKind`], [`Error::Damaged`], [`Error::NewerVersion`].
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

    /// A whole file: magic, version, `fields` (as many as the header has room for), the CRC-32 of the payload,
    /// that of the header, and the payload.
    pub fn encode(&self, fields: &[u32], payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.header + payload.len());
        bytes.extend(self.magic);
        bytes.extend(self.version.to_le_bytes());
        for field in fields {
            bytes.extend(field.to_le_bytes());
        }
        bytes.resize(self.header - 8, 0);
        bytes.extend(crc32fast::hash(payload).to_le_bytes());
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes.extend(payload);
        bytes
    }

    /// The payload of a file written by [`FileFormat::encode`], which `length` says from the header how long it
    /// must be; `None` where the fields are out of range.
    ///
    /// # Errors
    /// As [`FileFormat::header`], and [`Error::Damaged`] when length or checksum differ.
    pub fn payload<'a>(
        &self,
        bytes: &'a [u8],
        path: &Path,
        length: impl FnOnce(&[u8]) -> Option<usize>,
    ) -> Result<&'a [u8], Error> {
        let header = self.header(bytes, path)?;
        let Some(length) = length(header) else {
            return Err(self.damaged("sizes out of range", path));
        };
        let payload = &bytes[self.header..];
        if payload.len() != length {
            return Err(self.damaged("length", path));
        }
        if crc32fast::hash(payload) != u32_at(header, self.header - 8) {
            return Err(self.damaged("checksum", path));
        }
        Ok(payload)
    }

    /// Reads a file of at most `most` bytes.
    ///
    /// # Errors
    /// When it cannot be read, and [`Error::Damaged`] when it is longer.
    pub fn read(&self, path: &Path, most: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        // One byte more than allowed tells a file that is too long from the longest one.
        let read = fs::File::open(path)?
            .take(most + 1)
            .read_to_end(&mut bytes)?;
        if read as u64 > most {
            return Err(self.damaged("too long", path));
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: FileFormat = FileFormat {
        magic: b"TEST",
        kind: "test file",
        version: 2,
        header: 24,
    };

    #[test]
    fn what_was_changed_is_refused() {
        let path = Path::new("f");
        let bytes = FORMAT.encode(&[5, 7], b"hello");
        let length = |header: &[u8]| Some(u32_at(header, 8) as usize);
        assert_eq!(FORMAT.payload(&bytes, path, length).unwrap(), b"hello");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(FORMAT.payload(&changed, path, length).is_err(), "{at}");
            assert!(FORMAT.payload(&bytes[..at], path, length).is_err());
        }
        let newer = FileFormat {
            version: 3,
            ..FORMAT
        };
        let error = FORMAT.header(&newer.encode(&[], b""), path).unwrap_err();
        assert!(matches!(error, Error::NewerVersion { found: 3, .. }));
    }

    #[test]
    fn no_more_is_read_than_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs::write(&path, b"12345").unwrap();
        assert_eq!(FORMAT.read(&path, 5).unwrap(), b"12345");
        assert!(FORMAT.read(&path, 4).is_err());
    }
}
