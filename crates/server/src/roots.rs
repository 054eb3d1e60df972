//! Folders of the server's disk that clients may name: those under the configured roots, and no others.

use std::path::{Component, Path, PathBuf};

use crate::Error;
use crate::problem::Problem;

/// Longest path that is looked at.
const LONGEST: usize = 4096;

/// The configured roots, without symbolic links.
pub(crate) struct Roots(Vec<PathBuf>);

impl Roots {
    /// Looks the roots up.
    ///
    /// # Errors
    /// One is no folder.
    pub fn open(roots: &[PathBuf]) -> Result<Self, Error> {
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
        Ok(Self(roots.iter().map(open).collect::<Result<_, _>>()?))
    }

    /// The folder that is meant, and the root above it. A relative path is looked for below each root in turn; an empty
    /// one is the first root.
    ///
    /// # Errors
    /// 403 when no root is configured or the folder lies outside of them, wherever links lead; 404 when it is not there.
    pub fn resolve(&self, asked: &str) -> Result<(PathBuf, PathBuf), Problem> {
        if self.0.is_empty() {
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
        for root in &self.0 {
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
        let roots = Roots::open(&[place("a"), place("b")]).unwrap();
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
        let none = Roots::open(&[]).unwrap();
        assert_eq!(none.resolve("in").unwrap_err().status, 403);
        assert!(Roots::open(&[place("a/file.jpg")]).is_err());
    }
}
