//! Pictures that are uploaded into a collection: a folder for each collection below the configured one.
//!
//! Names come from strangers. What is kept of one are letters, digits and a few signs of its last part; before it stands a
//! hash of the content, so that no file takes another's place and the same picture twice is one file.

use std::path::{Path, PathBuf};

use axum::body::Bytes;

use crate::Error;
use crate::problem::Problem;

/// Most characters that are kept of a name.
const MOST_NAME: usize = 80;

/// Where uploaded pictures lie.
pub(crate) struct Uploaded {
    /// Without symbolic links; `None` where nothing may be uploaded.
    root: Option<PathBuf>,
}

impl Uploaded {
    /// Makes the folder when it is not there.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(folder: Option<&Path>) -> Result<Self, Error> {
        let root = match folder {
            Some(folder) => {
                fs_err::create_dir_all(folder)?;
                Some(fs_err::canonicalize(folder)?)
            }
            None => None,
        };
        Ok(Self { root })
    }

    /// The folder of a collection.
    pub fn folder(&self, collection: &str) -> Option<PathBuf> {
        // Names of collections are checked when the server starts: no separators, no dot in front.
        Some(self.root.as_ref()?.join(collection))
    }

    /// Keeps pictures for a collection; gives the folder and the new files.
    ///
    /// # Errors
    /// 403 where nothing may be uploaded; 500 when the disk refuses.
    pub fn keep(
        &self,
        collection: &str,
        files: &[(Option<String>, Bytes)],
    ) -> Result<(PathBuf, Vec<PathBuf>), Problem> {
        let Some(folder) = self.folder(collection) else {
            return Err(Problem::forbidden(
                "pictures cannot be uploaded into collections here; start the server with --upload-dir",
            ));
        };
        fs_err::create_dir_all(&folder)?;
        let mut kept = Vec::new();
        for (name, bytes) in files {
            let hash = blake3::hash(bytes).to_hex();
            let name = safe_name(name.as_deref().unwrap_or_default());
            let path = folder.join(format!("{}-{name}", &hash[..16]));
            if !path.exists() {
                let mut file = tempfile::NamedTempFile::new_in(&folder)?;
                std::io::Write::write_all(&mut file, bytes)?;
                file.persist(&path).map_err(|error| error.error)?;
            }
            kept.push(path);
        }
        Ok((folder, kept))
    }
}

/// What a file may be called, with an ending by which an ingest knows a picture.
fn safe_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last
        .chars()
        .filter(|c| c.is_alphanumeric() || "-_. ".contains(*c))
        .take(MOST_NAME)
        .collect();
    let kept = kept.trim_matches(['.', ' ']);
    let (stem, ending) = match kept.rsplit_once('.') {
        Some((stem, ending)) => (stem, ending.to_ascii_lowercase()),
        None => (kept, String::new()),
    };
    let known = [
        "jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "pnm", "pbm", "pgm", "ppm",
    ];
    // The content decides what a file is; the ending only says that it is looked at.
    let ending = match known.contains(&ending.as_str()) {
        true => ending.as_str(),
        false => "jpg",
    };
    match stem.trim_matches(['.', ' ']) {
        "" => format!("picture.{ending}"),
        stem => format!("{stem}.{ending}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere() {
        for (given, expected) in [
            ("holiday.JPG", "holiday.jpg"),
            ("../../etc/passwd", "passwd.jpg"),
            ("C:\\Users\\me\\cat.png", "cat.png"),
            ("..", "picture.jpg"),
            ("", "picture.jpg"),
            (".png", "png.jpg"),
            ("a/b/.hidden.gif", "hidden.gif"),
            ("été à la mer.webp", "été à la mer.webp"),
            ("nul\0l\n;rm -rf.tif", "nullrm -rf.tif"),
            ("x.php", "x.jpg"),
            ("a. .png", "a.png"),
        ] {
            assert_eq!(safe_name(given), expected, "{given:?}");
        }
        assert!(safe_name(&"x".repeat(1000)).len() < 100);
    }

    #[test]
    fn the_same_picture_twice_is_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let uploaded = Uploaded::open(Some(&folder.path().join("up"))).unwrap();
        let file =
            |name: &str, bytes: &'static [u8]| (Some(name.to_owned()), Bytes::from_static(bytes));
        let files = [file("a.png", b"one"), file("a.png", b"two")];
        let (place, kept) = uploaded.keep("photos", &files).unwrap();
        assert_eq!(fs_err::read_dir(&place).unwrap().count(), 2);
        assert!(kept.iter().all(|path| path.starts_with(&place)));
        uploaded.keep("photos", &files[..1]).unwrap();
        assert_eq!(fs_err::read_dir(&place).unwrap().count(), 2);
        let none = Uploaded::open(None).unwrap();
        assert_eq!(none.keep("photos", &files).unwrap_err().status, 403);
    }
}
