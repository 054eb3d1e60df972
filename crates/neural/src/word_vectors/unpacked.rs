//! Files of word vectors as they are downloaded: packed with gzip, or something else under the name of one.
//!
//! Vectors are read where they lie, so a packed file is unpacked once when it is opened: a small one into memory, a large
//! one into a temporary file. What a file is, is seen from its first bytes.

use std::io::{Read, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use tempfile::NamedTempFile;
use vizsla_vectors::Mapped;

use super::damage::File;
use crate::error::Error;

const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Largest content that is kept in memory.
const IN_MEMORY: u64 = 64 << 20;
/// Largest content of a packed file: ten times the largest published table.
const LARGEST: u64 = 64 << 30;

/// First bytes of what is mistaken for word vectors, its name, and what to do.
const OTHERS: [(&[u8], &str, &str); 16] = [
    (
        b"PK\x03\x04",
        "a zip archive",
        "unpack it first: `unzip FILE`",
    ),
    (b"PK\x05\x06", "an empty zip archive", "download it again"),
    (
        b"BZh",
        "packed with bzip2",
        "unpack it first: `bunzip2 --keep FILE`",
    ),
    (
        b"\xfd7zXZ\0",
        "packed with xz",
        "unpack it first: `unxz --keep FILE`",
    ),
    (
        b"\x28\xb5\x2f\xfd",
        "packed with zstd",
        "unpack it first: `unzstd FILE`",
    ),
    (
        b"7z\xbc\xaf\x27\x1c",
        "a 7z archive",
        "unpack it first: `7z x FILE`",
    ),
    (b"Rar!", "a rar archive", "unpack it first: `unrar x FILE`"),
    (b"\x93NUMPY", "an array of NumPy", SAVE),
    (b"\x80\x02", "a pickle of Python", SAVE),
    (b"\x80\x03", "a pickle of Python", SAVE),
    (b"\x80\x04", "a pickle of Python", SAVE),
    (b"\x80\x05", "a pickle of Python", SAVE),
    (b"\x89HDF", "an HDF5 file", SAVE),
    (
        b"\xff\xfe",
        "text in UTF-16",
        "write it as UTF-8: `iconv -f utf-16 -t utf-8`",
    ),
    (
        b"\xfe\xff",
        "text in UTF-16",
        "write it as UTF-8: `iconv -f utf-16 -t utf-8`",
    ),
    (
        b"version https://git-lfs",
        "a pointer of Git LFS",
        "fetch the file: `git lfs pull`",
    ),
];
const SAVE: &str = "save the vectors from there: `save_word2vec_format`";

/// The content of a file, and the temporary file that holds it.
#[derive(Debug)]
pub(super) struct Unpacked {
    // Unmapped before the file goes.
    pub map: Mapped,
    _held: Option<NamedTempFile>,
}

/// Opens a file, unpacked where it is packed.
///
/// # Errors
/// [`Error::WrongKind`] for what is told by name to be something else, [`Error::Damaged`] when it cannot be unpacked.
pub(super) fn open(path: &Path, file: &File) -> Result<Unpacked, Error> {
    if !fs_err::metadata(path)?.is_file() {
        return Err(file.wrong_kind("it is no file"));
    }
    let map = Mapped::open(path)?;
    let unpacked = match map.bytes().starts_with(&GZIP) {
        true => unpack(map.bytes(), file)?,
        false => Unpacked { map, _held: None },
    };
    check(unpacked.map.bytes(), file)?;
    Ok(unpacked)
}

fn unpack(bytes: &[u8], file: &File) -> Result<Unpacked, Error> {
    let broken = |error: std::io::Error| file.damaged(format!("it cannot be unpacked, {error}"));
    let mut reader = MultiGzDecoder::new(bytes).take(LARGEST + 1);
    let mut small = Vec::new();
    reader
        .by_ref()
        .take(IN_MEMORY)
        .read_to_end(&mut small)
        .map_err(broken)?;
    if (small.len() as u64) < IN_MEMORY {
        let map = Mapped::from(small);
        return Ok(Unpacked { map, _held: None });
    }
    let mut held = NamedTempFile::new()?;
    held.write_all(&small)?;
    let mut length = small.len() as u64;
    let mut buffer = small;
    buffer.truncate(1 << 20);
    loop {
        let read = reader.read(&mut buffer).map_err(broken)?;
        if read == 0 {
            break;
        }
        held.write_all(&buffer[..read])?;
        length += read as u64;
    }
    if length > LARGEST {
        return Err(file.wrong_kind(format!("it unpacks to more than {} GiB", LARGEST >> 30)));
    }
    held.flush()?;
    Ok(Unpacked {
        map: Mapped::open(held.path())?,
        _held: Some(held),
    })
}

/// Refuses what is known to be something else.
fn check(bytes: &[u8], file: &File) -> Result<(), Error> {
    if let Some((_, name, remedy)) = OTHERS.iter().find(|(magic, ..)| bytes.starts_with(magic)) {
        return Err(file.wrong_kind(format!("it is {name}; {remedy}")));
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return Err(file.wrong_kind("it is a tar archive; unpack it first: `tar xf FILE`"));
    }
    let start = bytes.trim_ascii_start();
    let start = start[..start.len().min(14)].to_ascii_lowercase();
    if start.starts_with(b"<!doctype html") || start.starts_with(b"<html") {
        let what = "it is a page of a web site; download the file that the page leads to";
        return Err(file.wrong_kind(what));
    }
    Ok(())
}
