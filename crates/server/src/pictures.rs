//! Pictures of a collection as files: what was indexed, and nothing else.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::PathBuf;
use std::sync::Mutex;

use axum::http::StatusCode;
use vizsla_pixels::{DecodeOptions, Format, Limits, decode_rgb};
use vizsla_retrieval::{ListedImage, Scratch};

use crate::problem::{Problem, log};
use crate::roots::Roots;
use crate::served::Served;

/// Bytes of thumbnails kept.
const MOST_BYTES: u64 = 1 << 30;
/// Sizes that thumbnails are made in: the longest side in pixels.
pub(crate) const SIZES: [u32; 4] = [128, 256, 512, 1024];
const QUALITY: u8 = 82;

/// An image of a collection.
///
/// # Errors
/// 404 when there is none of this id.
pub(crate) fn image(served: &Served, id: i64) -> Result<ListedImage, Problem> {
    served
        .reader()?
        .image(id)?
        .ok_or_else(|| Problem::not_found(format!("the collection has no image {id}")))
}

/// The file of an image, open at its start, with its length. Only a file that still holds what was indexed is given, and
/// only from where [`Roots::open`] opens it.
///
/// # Errors
/// 410 when none does.
pub(crate) fn open(image: &ListedImage, roots: &Roots) -> Result<(File, u64), Problem> {
    let most = Limits::default().max_file_bytes;
    let sound = |path: &PathBuf| -> Option<(File, u64)> {
        let mut file = roots.open(path).ok()?;
        let mut hasher = blake3::Hasher::new();
        let length = std::io::copy(&mut (&mut file).take(most + 1), &mut hasher).ok()?;
        file.rewind().ok()?;
        let same = hasher.finalize().to_hex().as_str() == image.content;
        same.then_some((file, length))
    };
    image.paths.iter().find_map(sound).ok_or_else(gone)
}

/// The bytes of the file of an image.
///
/// # Errors
/// As [`open`].
pub(crate) fn read(image: &ListedImage, roots: &Roots) -> Result<Vec<u8>, Problem> {
    let most = Limits::default().max_file_bytes;
    let read = image.read_by(|path| roots.open(path).ok(), most);
    read.ok_or_else(gone)
}

fn gone() -> Problem {
    Problem::new(
        StatusCode::GONE,
        "gone",
        "the file of this image has moved, changed or gone since it was indexed; index the folder again",
    )
}

/// The type of a picture as browsers name it.
pub(crate) fn media_type(format: &str) -> &'static str {
    match format {
        "JPEG" => "image/jpeg",
        "PNG" => "image/png",
        "WebP" => "image/webp",
        "GIF" => "image/gif",
        "BMP" => "image/bmp",
        "TIFF" => "image/tiff",
        "PNM" => "image/x-portable-anymap",
        _ => "application/octet-stream",
    }
}

/// Whether browsers show a picture of this format.
pub(crate) fn is_shown(format: Format) -> bool {
    matches!(
        format,
        Format::Jpeg | Format::Png | Format::WebP | Format::Gif
    )
}

/// Thumbnails on disk, made once. They are named by the content of the picture, so that they stay right whatever happens
/// to collections.
pub(crate) struct Thumbnails {
    folder: PathBuf,
    limits: Limits,
    /// Where they are written before they get their names.
    parts: Scratch,
    /// Bytes of all, counted when first needed.
    bytes: Mutex<Option<u64>>,
}

impl Thumbnails {
    pub fn new(folder: PathBuf, limits: Limits) -> std::io::Result<Self> {
        fs_err::create_dir_all(&folder)?;
        Ok(Self {
            parts: Scratch::new_in(&folder, ".vizsla-part-")?,
            folder,
            limits,
            bytes: Mutex::new(None),
        })
    }

    /// The thumbnail of an image as JPEG, upright, its longest side `size` pixels or less.
    ///
    /// # Errors
    /// 410 when the file is gone, 422 when it cannot be read.
    pub fn get(&self, image: &ListedImage, size: u32, roots: &Roots) -> Result<Vec<u8>, Problem> {
        let path = self.folder.join(format!("{}-{size}.jpg", image.content));
        if let Ok(bytes) = fs_err::read(&path) {
            return Ok(bytes);
        }
        let options = DecodeOptions {
            fit: Some(size),
            limits: self.limits,
        };
        let picture = decode_rgb(&read(image, roots)?, &options)?.image;
        let bytes = picture.encode_jpeg(QUALITY)?;
        // A full disk costs the cache, not the answer.
        if let Err(error) = self.keep(&path, &bytes) {
            log(&format_args!("a thumbnail cannot be kept: {error}"));
        }
        Ok(bytes)
    }

    fn keep(&self, path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(self.parts.path())?;
        std::io::Write::write_all(&mut file, bytes)?;
        file.persist(path).map_err(|error| error.error)?;
        let mut all = self
            .bytes
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let sum = match *all {
            Some(sum) => sum + bytes.len() as u64,
            None => self.sizes()?.iter().map(|(_, size, _)| size).sum(),
        };
        *all = Some(sum);
        if sum > MOST_BYTES {
            *all = Some(self.thin_out()?);
        }
        Ok(())
    }

    /// Removes the oldest until a quarter is free; gives the bytes that are left.
    fn thin_out(&self) -> std::io::Result<u64> {
        let mut files = self.sizes()?;
        files.sort();
        let mut sum: u64 = files.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in files {
            if sum <= MOST_BYTES / 4 * 3 {
                break;
            }
            fs_err::remove_file(path)?;
            sum -= size;
        }
        Ok(sum)
    }

    /// Time, size and path of each thumbnail.
    fn sizes(&self) -> std::io::Result<Vec<(std::time::SystemTime, u64, PathBuf)>> {
        let mut files = Vec::new();
        for entry in fs_err::read_dir(&self.folder)? {
            let entry = entry?;
            let path = entry.path();
            if path.extension().is_some_and(|ending| ending == "jpg") {
                let about = entry.metadata()?;
                files.push((about.modified()?, about.len(), path));
            }
        }
        Ok(files)
    }
}
