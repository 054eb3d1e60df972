//! The pictures of a folder that a list names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::names::{Names, NotFound};
use crate::{Error, find_pictures};

/// A folder that names are relative to. It is walked only when a name is not a path from it.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    known: HashMap<String, Result<String, NotFound>>,
    walked: Option<(Names<usize>, Vec<String>)>,
}

impl Folder {
    /// A folder; nothing of it is looked at yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            known: HashMap::new(),
            walked: None,
        }
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The picture that one of several names means, as its path from the folder with `/` between parts. The same picture
    /// has the same path under every name.
    ///
    /// # Errors
    /// The folder cannot be walked.
    pub fn find(&mut self, names: &[String]) -> Result<Result<String, NotFound>, Error> {
        let Some(first) = names.first() else {
            return Ok(Err(NotFound::Unknown { alike: None }));
        };
        if let Some(known) = self.known.get(first) {
            return Ok(known.clone());
        }
        let found = match names.iter().find_map(|name| self.direct(name)) {
            Some(key) => Ok(key),
            None => {
                let (known, keys) = self.walked()?;
                known.find_any(names).map(|found| keys[found.file].clone())
            }
        };
        self.known.insert(first.clone(), found.clone());
        Ok(found)
    }

    /// A name that is the path of a file from the folder.
    fn direct(&self, name: &str) -> Option<String> {
        let parts: Vec<&str> = name
            .trim()
            .split('/')
            .filter(|part| !matches!(*part, "" | "."))
            .collect();
        let relative = !name.trim().starts_with('/') && !parts.is_empty() && !parts.contains(&"..");
        let key = parts.join("/");
        (relative && self.root.join(&key).is_file()).then_some(key)
    }

    fn walked(&mut self) -> Result<&(Names<usize>, Vec<String>), Error> {
        if self.walked.is_none() {
            let root = fs::canonicalize(&self.root)?;
            let (paths, _) = find_pictures(std::slice::from_ref(&root))?;
            let below = |path: &PathBuf| {
                let below = path.strip_prefix(&root).ok()?;
                let parts = below
                    .components()
                    .map(|part| part.as_os_str().to_string_lossy());
                Some(parts.collect::<Vec<_>>().join("/"))
            };
            let keys: Vec<String> = paths.iter().filter_map(below).collect();
            let shown = root.to_string_lossy();
            let paths = keys
                .iter()
                .enumerate()
                .map(|(at, key)| (format!("{shown}/{key}"), at));
            let names = Names::new(paths, std::slice::from_ref(&root));
            return Ok(self.walked.insert((names, keys)));
        }
        match &self.walked {
            Some(walked) => Ok(walked),
            None => Err(Error::NoSource(self.root.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_one_path_under_all_its_names() {
        let root = tempfile::tempdir().unwrap();
        for name in ["sub/M\u{fc}ller.JPG", "a.png", "b/x.png", "c/x.png"] {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let mut folder = Folder::new(root.path());
        let mut find = |name: &str| folder.find(&[name.to_owned()]).unwrap();
        let absolute = root.path().join("a.png");
        for name in [
            "a.png",
            "./a.png",
            "A.PNG",
            "a",
            &absolute.to_string_lossy(),
            "D:\\p\\a.png",
        ] {
            assert_eq!(find(name).as_deref(), Ok("a.png"), "{name}");
        }
        assert_eq!(
            find("sub\\mu\u{308}ller.jpg").as_deref(),
            Ok("sub/M\u{fc}ller.JPG")
        );
        assert!(matches!(
            find("x.png"),
            Err(NotFound::Ambiguous { count: 2, .. })
        ));
        assert!(find("y.png").is_err());
    }
}
