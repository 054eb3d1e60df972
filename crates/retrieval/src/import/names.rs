//! Which image a name in a file means.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use crate::catalog::FileRow;

/// The files of a collection by path and by name.
pub(super) struct Names<'a> {
    paths: BTreeMap<&'a Path, i64>,
    by_name: HashMap<&'a OsStr, Vec<&'a FileRow>>,
    by_stem: HashMap<&'a OsStr, Vec<&'a FileRow>>,
    /// Folders that relative names may start from, in order.
    folders: Vec<PathBuf>,
}

impl<'a> Names<'a> {
    pub(super) fn new(files: &'a [FileRow], folders: Vec<PathBuf>) -> Self {
        let mut names = Self {
            paths: BTreeMap::new(),
            by_name: HashMap::new(),
            by_stem: HashMap::new(),
            folders,
        };
        for row in files {
            let path = Path::new(&row.path);
            names.paths.insert(path, row.image);
            if let Some(name) = path.file_name() {
                names.by_name.entry(name).or_default().push(row);
            }
            if let Some(stem) = path.file_stem() {
                names.by_stem.entry(stem).or_default().push(row);
            }
        }
        names
    }

    /// The image that is meant, or why none is.
    pub(super) fn find(&self, name: &str) -> Result<i64, String> {
        let name = Path::new(name.trim());
        for folder in &self.folders {
            // An absolute name takes the place of the folder.
            if let Some(image) = self.paths.get(plain(&folder.join(name)).as_path()) {
                return Ok(*image);
            }
        }
        let tail: PathBuf = plain(name);
        let Some(last) = tail.file_name().filter(|_| !tail.is_absolute()) else {
            return Err("no such file is in the collection".into());
        };
        let ends = |rows: Option<&Vec<&FileRow>>, fits: &dyn Fn(&Path) -> bool| {
            let rows = rows.into_iter().flatten();
            let images = rows
                .filter(|row| fits(Path::new(&row.path)))
                .map(|row| row.image);
            images.collect::<BTreeSet<i64>>()
        };
        let mut images = ends(self.by_name.get(last), &|path| path.ends_with(&tail));
        if images.is_empty() {
            let bare = |path: &Path| path.with_extension("").ends_with(&tail);
            images = ends(self.by_stem.get(last), &bare);
        }
        match (images.len(), images.first()) {
            (1, Some(image)) => Ok(*image),
            (0, _) => Err("no such file is in the collection".into()),
            (several, _) => Err(format!(
                "{several} images of the collection have this name; write more of the path"
            )),
        }
    }
}

/// The path without `.` and with `..` taken back; links are not followed.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<FileRow> {
        let row = |(path, image): (&str, i64)| FileRow {
            path: path.into(),
            image,
            size: 0,
            modified_ns: 0,
        };
        [
            ("/p/2023/a.jpg", 1),
            ("/p/2024/a.jpg", 2),
            ("/p/2024/b.c.jpg", 3),
            ("/p/copy/b.c.jpg", 3),
            ("/q/a.jpg", 4),
        ]
        .map(row)
        .to_vec()
    }

    #[test]
    fn a_name_is_found_from_its_folder_or_by_its_end() {
        let files = files();
        let names = Names::new(&files, vec!["/lists".into(), "/q".into()]);
        assert_eq!(names.find("/p/2023/a.jpg"), Ok(1));
        assert_eq!(names.find("../p/2024/./a.jpg"), Ok(2));
        assert_eq!(names.find("a.jpg"), Ok(4), "the folder goes before the end");
        assert_eq!(names.find("2024/a.jpg"), Ok(2));
        assert_eq!(names.find("b.c.jpg"), Ok(3), "two files, one image");
        assert_eq!(names.find("b.c"), Ok(3));
        for name in ["", "c.jpg", "/x/a.jpg", "024/a.jpg", "..", "jpg"] {
            assert!(names.find(name).is_err(), "{name}");
        }
        let names = Names::new(&files, vec!["/lists".into()]);
        assert!(names.find("a.jpg").unwrap_err().contains("3 images"));
    }
}
