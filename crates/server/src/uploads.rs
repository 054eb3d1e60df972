//! Pictures that clients sent to search with, kept for a while.
//!
//! A person who searches by a picture asks many times: with another box, more words, the next page. The picture is sent once
//! and named then. It lies on disk, for an hour after it was last used, and makes room for others when there are too many.
//! Its name is a keyed hash of its content: the same picture is kept once, and nobody can find out whether somebody else
//! sent it.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use vizsla_pixels::{DecodeOptions, Format, Limits, decode_rgb};

use crate::problem::Problem;

/// Pictures kept at a time.
const MOST: usize = 512;
/// Bytes kept at a time.
const MOST_BYTES: u64 = 1 << 30;
/// Time that a picture is kept after it was last used.
const LIFE: Duration = Duration::from_secs(3600);
/// Side at which a picture is read to see that it is one.
const GLANCE: u32 = 64;

/// A picture that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub id: String,
    /// Upright width in pixels.
    pub width: u32,
    /// Upright height in pixels.
    pub height: u32,
    pub format: Format,
    path: PathBuf,
    bytes: u64,
    used: Instant,
}

/// The pictures that are kept.
pub(crate) struct Uploads {
    folder: PathBuf,
    key: [u8; 32],
    limits: Limits,
    kept: Mutex<BTreeMap<String, Upload>>,
}

impl Uploads {
    /// Keeps pictures in a folder, which it makes.
    pub fn new(folder: PathBuf, limits: Limits) -> std::io::Result<Self> {
        fs_err::create_dir_all(&folder)?;
        // The standard library's hashers are seeded by the operating system.
        let mut key = [0; 32];
        for (at, bytes) in key.chunks_mut(8).enumerate() {
            bytes.copy_from_slice(&RandomState::new().hash_one(at).to_le_bytes());
        }
        Ok(Self {
            folder,
            key,
            limits,
            kept: Mutex::new(BTreeMap::new()),
        })
    }

    /// Keeps a picture, once it was seen to be one. Takes time: call it on a worker.
    ///
    /// # Errors
    /// 415, 413 or 422 when it is not a picture that can be read, 500 when it cannot be written.
    pub fn add(&self, bytes: &[u8]) -> Result<Upload, Problem> {
        let options = DecodeOptions {
            limits: self.limits,
            fit: Some(GLANCE),
        };
        let seen = decode_rgb(bytes, &options)?;
        let id = blake3::keyed_hash(&self.key, bytes).to_hex()[..32].to_owned();
        let upload = Upload {
            path: self.folder.join(&id),
            id: id.clone(),
            width: seen.full_width,
            height: seen.full_height,
            format: seen.format,
            bytes: bytes.len() as u64,
            used: Instant::now(),
        };
        let mut kept = self.kept();
        if !kept.contains_key(&id) {
            fs_err::write(&upload.path, bytes)?;
        }
        kept.insert(id, upload.clone());
        make_room(&mut kept);
        Ok(upload)
    }

    /// A picture that is kept, with the bytes that were sent.
    ///
    /// # Errors
    /// 404 when it is not, or not any more.
    pub fn read(&self, id: &str) -> Result<(Upload, Vec<u8>), Problem> {
        let mut kept = self.kept();
        make_room(&mut kept);
        let upload = kept.get_mut(id).ok_or_else(|| {
            Problem::not_found(
                "there is no such upload, or its hour is over; send the picture again",
            )
        })?;
        upload.used = Instant::now();
        let upload = upload.clone();
        let bytes = fs_err::read(&upload.path)?;
        Ok((upload, bytes))
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<String, Upload>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops what was not used for long, and what is too much, least recently used first.
fn make_room(kept: &mut BTreeMap<String, Upload>) {
    loop {
        let bytes: u64 = kept.values().map(|upload| upload.bytes).sum();
        let full = kept.len() > MOST || bytes > MOST_BYTES;
        let oldest = kept.values().min_by_key(|upload| upload.used);
        let Some(oldest) = oldest.filter(|upload| full || upload.used.elapsed() > LIFE) else {
            return;
        };
        // A file that cannot be removed goes with the folder at the end.
        let _ = fs_err::remove_file(&oldest.path);
        let id = oldest.id.clone();
        kept.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vizsla_pixels::Rgb;

    fn png(shade: u8) -> Vec<u8> {
        let picture = Rgb::filled(9, 7, [shade, 0, 0]).unwrap();
        picture.encode_png().unwrap()
    }

    #[test]
    fn the_least_recently_used_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let uploads = Uploads::new(folder.path().join("in"), Limits::default()).unwrap();
        let first = uploads.add(&png(0)).unwrap();
        let second = uploads.add(&png(1)).unwrap();
        assert_eq!(
            (first.width, first.height, first.format),
            (9, 7, Format::Png)
        );
        assert_eq!(uploads.add(&png(0)).unwrap().id, first.id);
        {
            let mut kept = uploads.kept();
            for upload in kept.values_mut() {
                upload.bytes = MOST_BYTES / 2;
            }
        }
        uploads.read(&first.id).unwrap();
        uploads.add(&png(2)).unwrap();
        assert_eq!(uploads.read(&second.id).unwrap_err().status, 404);
        assert_eq!(uploads.read(&first.id).unwrap().1, png(0));
        assert_eq!(
            fs_err::read_dir(folder.path().join("in")).unwrap().count(),
            2
        );
    }

    #[test]
    fn what_is_no_picture_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let uploads = Uploads::new(folder.path().into(), Limits::default()).unwrap();
        assert_eq!(uploads.add(b"hello").unwrap_err().status, 415);
        assert_eq!(uploads.add(&png(1)[..20]).unwrap_err().status, 422);
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0);
    }
}
