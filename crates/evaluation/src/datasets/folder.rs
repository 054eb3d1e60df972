//! Files of a data set: which images lie under a folder, in an order that does not depend on the file system.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use vizsla_pixels::has_picture_name;
use vizsla_retrieval::{left_out_by_default, lists};
use walkdir::WalkDir;

use crate::error::Error;
use crate::gallery::GalleryImage;

/// All images under `root` by extension, sorted by key (path under `root`, `/` between parts). Hidden files,
/// what systems keep beside pictures, and broken links are left out.
pub(crate) fn list_images(root: &Path) -> Result<Vec<GalleryImage>, Error> {
    if !root.is_dir() {
        return Err(Error::missing("image folder", "check the path", root));
    }
    let mut images = Vec::new();
    let walk = WalkDir::new(root).follow_links(true).sort_by_file_name();
    for entry in walk
        .into_iter()
        .filter_entry(|e| e.depth() == 0 || !left_out_by_default(e.path(), e.file_type().is_dir()))
    {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.depth() > 0 && is_broken_link(&error) => continue,
            Err(error) => return Err(Error::Io(error.into())),
        };
        if entry.file_type().is_file() && has_picture_name(entry.path()) {
            let key = key_under(root, entry.path());
            images.push(GalleryImage {
                key,
                path: entry.into_path(),
            });
        }
    }
    images.sort_by(|a, b| a.key.cmp(&b.key).then_with(|| a.path.cmp(&b.path)));
    if images.is_empty() {
        return Err(Error::missing(
            "an image",
            "name the folder with the image files",
            root,
        ));
    }
    Ok(images)
}

fn is_broken_link(error: &walkdir::Error) -> bool {
    error
        .io_error()
        .is_some_and(|e| e.kind() == std::io::ErrorKind::NotFound)
}

fn key_under(root: &Path, path: &Path) -> String {
    let parts = path.strip_prefix(root).unwrap_or(path).components();
    parts
        .map(|c| c.as_os_str().to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join("/")
}

/// Position in the gallery by file name without extension.
///
/// # Errors
/// Two files with the same name.
pub(crate) fn by_stem(gallery: &[GalleryImage]) -> Result<BTreeMap<String, usize>, Error> {
    let mut positions = BTreeMap::new();
    for (position, image) in gallery.iter().enumerate() {
        let stem = stem(&image.path);
        if let Some(other) = positions.insert(stem.clone(), position) {
            let first: &PathBuf = &gallery[other].path;
            return Err(Error::invalid(
                format!(
                    "the name {stem} is also {}; keep one of them",
                    first.display()
                ),
                &image.path,
            ));
        }
    }
    Ok(positions)
}

/// File name without its extension, as text.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem()
        .map_or_else(String::new, |s| s.to_string_lossy().into_owned())
}

/// The text of a ground-truth file, not longer than a gigabyte, in any encoding that is told for certain.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    Ok(lists::read_text(path, lists::MOST_BYTES)?.content)
}

/// Reads a JSON file; the error says where in the file it went wrong.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    serde_json::from_str(&read_text(path)?)
        .map_err(|e| Error::invalid(format!("not the expected JSON ({e})"), path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_listed_by_key_without_hidden_and_other_files() {
        let root = tempfile::tempdir().expect("temp dir");
        fs_err::create_dir_all(root.path().join("b/.cache")).expect("dir");
        for name in [
            "b/2.JPG",
            "a.png",
            "b/1.tiff",
            "notes.txt",
            "b/._1.jpg",
            "b/.cache/x.jpg",
        ] {
            fs_err::write(root.path().join(name), b"").expect("file");
        }
        let keys: Vec<String> = list_images(root.path())
            .expect("images")
            .into_iter()
            .map(|i| i.key)
            .collect();
        assert_eq!(keys, ["a.png", "b/1.tiff", "b/2.JPG"]);
    }

    #[cfg(unix)]
    #[test]
    fn broken_links_are_left_out() {
        let root = tempfile::tempdir().expect("temp dir");
        fs_err::write(root.path().join("a.png"), b"").expect("file");
        std::os::unix::fs::symlink("nowhere.jpg", root.path().join("b.jpg")).expect("link");
        assert_eq!(list_images(root.path()).expect("images").len(), 1);
    }

    #[test]
    fn an_empty_or_missing_folder_is_named() {
        let root = tempfile::tempdir().expect("temp dir");
        let empty = list_images(root.path()).expect_err("no images").to_string();
        assert!(
            empty.ends_with(&root.path().display().to_string()),
            "{empty}"
        );
        assert!(list_images(&root.path().join("none")).is_err());
    }

    #[test]
    fn the_same_name_twice_is_refused() {
        let image = |p: &str| GalleryImage {
            key: p.into(),
            path: p.into(),
        };
        assert!(by_stem(&[image("a/x.jpg"), image("b/x.png")]).is_err());
    }
}
