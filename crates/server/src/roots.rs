//! Folders of the server's disk that clients may name: those under the configured roots, and no others; and where files of
//! the collections are opened.

use std::fs::File;
use std::path::{Component, Path, PathBuf};

use vizsla_pixels::Reach;

use crate::Error;
use crate::problem::Problem;

/// Longest path that is looked at.
const LONGEST: usize = 4096;

/// The configured roots, without symbolic links.
pub(crate) struct Roots {
    ingest: Vec<PathBuf>,
    /// The folder of uploaded pictures.
    uploads: Option<PathBuf>,
}

impl Roots {
    /// Looks the roots up; `uploads` is the folder of uploaded pictures, without links.
    ///
    /// # Errors
    /// One is no folder.
    pub fn new(roots: &[PathBuf], uploads: Option<&Path>) -> Result<Self, Error> {
        let open = |root: &PathBuf| {
            let real = fs_err::canonicalize(root)?;
            match real.is_dir() {
                true => Ok(real),
                false => Err(Error::Config(format!(
                    "pictures are taken in from folders, this is a file: {}",
                    root.display()
                ))),
            }
        };
        Ok(Self {
            ingest: roots.iter().map(open).collect::<Result<_, _>>()?,
            uploads: uploads.map(Path::to_owned),
        })
    }

    /// Opens a file that a collection lists. What lies below a root was taken in for clients, who may be able to write
    /// there: it is opened beneath that root, wherever links lead meanwhile. Other files were indexed by people of this
    /// machine and are opened where they are.
    ///
    /// # Errors
    /// It leads out of its root, is not a regular file, or cannot be read.
    pub fn open(&self, path: &Path) -> Result<File, vizsla_pixels::Error> {
        let roots = self.ingest.iter().chain(&self.uploads);
        let mut refused = None;
        for root in roots.filter(|root| path.starts_with(root)) {
            match Reach::beneath(root).and_then(|reach| reach.open(path)) {
                Ok(file) => return Ok(file),
                Err(error) => refused = Some(error),
            }
        }
        match refused {
            Some(error) => Err(error),
            None => Reach::anywhere().open(path),
        }
    }

    /// The folder that is meant, and the root above it. A relative path is looked for below each root in turn; an empty
    /// one is the first root.
    ///
    /// # Errors
    /// 403 when no root is configured or the folder lies outside of them, wherever links lead; 404 when it is not there.
    pub fn resolve(&self, asked: &str) -> Result<(PathBuf, PathBuf), Problem> {
        if self.ingest.is_empty() {
            return Err(Problem::forbidden(
                "no folder of this server may be taken in; start it with --ingest-root FOLDER",
            ));
        }
        let path = Path::new(asked);
        let upwards = path.components().any(|part| part == Component::ParentDir);
        if asked.len() > LONGEST || asked.contains('\0') || upwards {
            return Err(outside());
        }
        let mut refused = None;
        for root in &self.ingest {
            let wanted = root.join(path);
            // An absolute path elsewhere is not even looked at: whether it exists is nobody's business.
            if !wanted.starts_with(root) {
                refused = Some(outside());
                continue;
            }
            match fs_err::canonicalize(&wanted) {
                Ok(real) if !real.starts_with(root) => refused = Some(outside()),
                Ok(real) if real.is_dir() => return Ok((real, root.clone())),
                Ok(_) => {
                    refused = Some(Problem::unusable(
                        "no-folder",
                        "this is a file; name the folder that it lies in",
                    ));
                }
                Err(_) => {}
            }
        }
        Err(refused.unwrap_or_else(|| {
            Problem::not_found("there is no such folder below those that may be taken in")
        }))
    }
}

fn outside() -> Problem {
    Problem::forbidden(
        "this folder is not below those that may be taken in; name one below an --ingest-root of the server, without `..`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn nothing_leads_out_of_the_roots() {
        use fs_err::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        for name in ["a/in", "b/more", "secret"] {
            fs_err::create_dir_all(place(name)).unwrap();
        }
        fs_err::write(place("a/file.jpg"), b"x").unwrap();
        symlink(place("secret"), place("a/link")).unwrap();
        symlink(place("a/in"), place("a/inside")).unwrap();
        let roots = Roots::new(&[place("a"), place("b")], None).unwrap();
        let found = |asked: &str| roots.resolve(asked).map(|(folder, _)| folder);
        let real = |name: &str| fs_err::canonicalize(place(name)).unwrap();
        assert_eq!(found("in").unwrap(), real("a/in"));
        assert_eq!(found("inside").unwrap(), real("a/in"));
        assert_eq!(found("more").unwrap(), real("b/more"));
        assert_eq!(found("").unwrap(), real("a"));
        assert_eq!(
            found(real("b/more").to_str().unwrap()).unwrap(),
            real("b/more")
        );
        let status = |asked: &str| found(asked).unwrap_err().status;
        let secret = real("secret");
        for asked in [
            "..",
            "in/../../secret",
            "link",
            secret.to_str().unwrap(),
            "/etc",
            "a\0b",
        ] {
            assert_eq!(status(asked), 403, "{asked}");
        }
        // A path outside is refused the same way whether it exists or not.
        assert_eq!(status("/no/such/place"), 403);
        assert_eq!(status("nothing"), 404);
        assert_eq!(status("file.jpg"), 422);
        let none = Roots::new(&[], None).unwrap();
        assert_eq!(none.resolve("in").unwrap_err().status, 403);
        assert!(Roots::new(&[place("a/file.jpg")], None).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn files_below_a_root_are_opened_beneath_it() {
        use fs_err::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().canonicalize().unwrap().join(name);
        for name in ["root", "up", "home"] {
            fs_err::create_dir_all(place(name)).unwrap();
            fs_err::write(place(name).join("own.jpg"), b"x").unwrap();
            symlink(place("home/own.jpg"), place(name).join("link.jpg")).unwrap();
        }
        let roots = Roots::new(&[place("root")], Some(&place("up"))).unwrap();
        let opens = |name: &str| roots.open(&place(name)).is_ok();
        assert!(opens("root/own.jpg") && opens("up/own.jpg") && opens("home/own.jpg"));
        assert!(!opens("root/link.jpg") && !opens("up/link.jpg") && !opens("root"));
        assert!(opens("home/link.jpg"));
    }
}
