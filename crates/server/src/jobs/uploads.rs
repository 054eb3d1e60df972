//! Pictures that are uploaded into a collection: a folder for each collection below the configured one.
//!
//! Names come from strangers. What is kept of one are letters, digits and a few signs of its last part; before it stands a
//! hash of the content, so that no file takes another's place and the same picture twice is one file.
//!
//! What is sent waits in a folder of its own, under names that no ingest takes for pictures. It goes to the pictures of
//! the collection when its job begins, and is deleted when the job never does: refused, cancelled, its client gone, the
//! server ended or killed. Before the first picture is moved, the folder notes which ones will be: what the catalog does not
//! list when the job has ended is deleted again, by the job or, when it was killed, by the next server. So only what was
//! promised to be taken in ever is.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use vizsla_retrieval::Scratch;

use crate::Error;
use crate::problem::{Problem, log};
use crate::served::Served;

/// Most characters that are kept of a name.
const MOST_NAME: usize = 80;
/// Beginning of the name of folders where pictures wait. No collection has such a name, for it begins with a dot.
const STAGING: &str = ".vizsla-staging-";
/// The file that notes which pictures are being taken in.
const MOVING: &str = "moving.json";

/// Where uploaded pictures lie and wait.
pub(crate) struct Uploaded(Option<Place>);

struct Place {
    /// Without symbolic links.
    root: PathBuf,
    staging: Scratch,
}

/// Which pictures a job takes in.
#[derive(Serialize, Deserialize)]
struct Moving {
    collection: String,
    files: Vec<String>,
}

impl Uploaded {
    /// Makes the folder when it is not there, and clears away what killed servers left; `served` finds a collection.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(
        folder: Option<&Path>,
        served: impl Fn(&str) -> Option<Arc<Served>>,
    ) -> Result<Self, Error> {
        let Some(folder) = folder else {
            return Ok(Self(None));
        };
        fs_err::create_dir_all(folder)?;
        let root = fs_err::canonicalize(folder)?;
        let staging = Scratch::after(&root, STAGING, |left| undo_all(left, &root, &served))?;
        Ok(Self(Some(Place { root, staging })))
    }

    /// The folder that all uploaded pictures lie below.
    pub fn root(&self) -> Option<&Path> {
        Some(&self.0.as_ref()?.root)
    }

    /// The folder of a collection.
    pub fn folder(&self, collection: &str) -> Option<PathBuf> {
        // Names of collections are checked when the server starts: no separators, no dot in front.
        Some(self.root()?.join(collection))
    }

    /// Keeps pictures for a job that takes them into a collection; they are deleted when it never begins.
    ///
    /// # Errors
    /// 403 where nothing may be uploaded; 500 when the disk refuses.
    pub fn stage(
        &self,
        collection: &str,
        files: &[(Option<String>, Bytes)],
    ) -> Result<Staged, Problem> {
        let (Some(place), Some(target)) = (&self.0, self.folder(collection)) else {
            return Err(not_here());
        };
        let folder = TempDir::with_prefix_in("job-", place.staging.path())?;
        let mut names = Vec::with_capacity(files.len());
        for (at, (name, bytes)) in files.iter().enumerate() {
            fs_err::write(folder.path().join(at.to_string()), bytes)?;
            let hash = blake3::hash(bytes).to_hex();
            let name = safe_name(name.as_deref().unwrap_or_default());
            names.push(format!("{}-{name}", &hash[..16]));
        }
        Ok(Staged {
            folder,
            target,
            moving: Moving {
                collection: collection.to_owned(),
                files: names,
            },
        })
    }
}

/// What is said where nothing may be uploaded.
pub(crate) fn not_here() -> Problem {
    Problem::forbidden(
        "pictures cannot be uploaded into collections here; start the server with --upload-dir",
    )
}

/// Pictures that wait for their job; deleted when this is dropped.
pub(crate) struct Staged {
    folder: TempDir,
    /// The folder of the collection's pictures.
    target: PathBuf,
    moving: Moving,
}

impl Staged {
    /// Puts the pictures where those of the collection lie.
    ///
    /// # Errors
    /// 500 when the disk refuses; what was moved is deleted.
    pub fn take(self, served: &Arc<Served>) -> Result<Taken, Problem> {
        fs_err::create_dir_all(&self.target)?;
        let target = fs_err::canonicalize(&self.target)?;
        let note = serde_json::to_vec(&self.moving).map_err(|error| Problem::internal(&error))?;
        fs_err::write(self.folder.path().join(MOVING), note)?;
        let mut paths: Vec<PathBuf> = Vec::with_capacity(self.moving.files.len());
        paths.extend(self.moving.files.iter().map(|name| target.join(name)));
        let taken = Taken {
            folder: target,
            paths,
            served: Arc::clone(served),
            staging: Some(self.folder),
        };
        let staging = taken.staging.as_ref().map(TempDir::path);
        for (at, path) in taken.paths.iter().enumerate() {
            let waiting = staging.unwrap_or(&taken.folder).join(at.to_string());
            // One that is there already has the same content, by its name.
            fs_err::rename(waiting, path)?;
        }
        Ok(taken)
    }
}

/// Pictures that a job takes in. Those that the catalog does not list are deleted when this is dropped.
pub(crate) struct Taken {
    /// The folder that they lie in, without symbolic links.
    pub folder: PathBuf,
    pub paths: Vec<PathBuf>,
    served: Arc<Served>,
    staging: Option<TempDir>,
}

impl Drop for Taken {
    fn drop(&mut self) {
        if !forget_unlisted(&self.served, &self.paths)
            && let Some(staging) = self.staging.take()
        {
            // The note stays, and a later server looks again.
            let _ = staging.keep();
        }
    }
}

/// Deletes files that a collection does not list; false when it cannot be asked.
fn forget_unlisted(served: &Served, paths: &[PathBuf]) -> bool {
    let Ok(reader) = served.reader() else {
        return false;
    };
    let mut asked = true;
    for path in paths {
        match reader.holds_file(path) {
            Ok(true) => {}
            Ok(false) => forget(path),
            Err(error) => {
                log(&error);
                asked = false;
            }
        }
    }
    asked
}

/// Deletes a file; one that is gone already is as good.
pub(super) fn forget(path: &Path) {
    if let Err(error) = fs_err::remove_file(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        log(&error);
    }
}

/// Undoes what jobs of a killed server began and did not bring to their end.
fn undo_all(staging: &Path, root: &Path, served: &impl Fn(&str) -> Option<Arc<Served>>) {
    let Ok(jobs) = fs_err::read_dir(staging) else {
        return;
    };
    for job in jobs.flatten() {
        let note = fs_err::read(job.path().join(MOVING)).ok();
        let moving = note.and_then(|note| serde_json::from_slice::<Moving>(&note).ok());
        let Some(moving) = moving else { continue };
        // Names of the note are names, whoever wrote it.
        if !is_name(&moving.collection) || !moving.files.iter().all(|name| is_name(name)) {
            continue;
        }
        let (Some(served), Ok(folder)) = (
            served(&moving.collection),
            fs_err::canonicalize(root.join(&moving.collection)),
        ) else {
            continue;
        };
        let paths: Vec<PathBuf> = moving.files.iter().map(|name| folder.join(name)).collect();
        forget_unlisted(&served, &paths);
    }
}

/// Whether a text names a file of a folder, and nothing elsewhere.
fn is_name(text: &str) -> bool {
    let mut parts = Path::new(text).components();
    let first = parts.next();
    matches!(first, Some(Component::Normal(only)) if only == text) && parts.next().is_none()
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
    fn what_waits_is_gone_when_its_job_never_begins() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("up");
        let uploaded = Uploaded::open(Some(&root), |_| None).unwrap();
        let file =
            |name: &str, bytes: &'static [u8]| (Some(name.to_owned()), Bytes::from_static(bytes));
        let files = [file("a.png", b"one"), file("a.png", b"two")];
        let staged = uploaded.stage("photos", &files).unwrap();
        let waiting = staged.folder.path().to_owned();
        assert_eq!(fs_err::read(waiting.join("1")).unwrap(), b"two");
        assert_ne!(staged.moving.files[0], staged.moving.files[1]);
        drop(staged);
        assert!(!waiting.exists() && !root.join("photos").exists());
        // One that is killed leaves it to the next.
        let staged = uploaded.stage("photos", &files).unwrap();
        let waiting = staged.folder.keep();
        let Some(place) = uploaded.0 else { panic!() };
        let left = place.root.join(".vizsla-staging-killed");
        fs_err::create_dir(&left).unwrap();
        fs_err::write(left.join(".vizsla-scratch"), b"").unwrap();
        fs_err::rename(waiting, left.join("job-1")).unwrap();
        let _next = Uploaded::open(Some(&root), |_| None).unwrap();
        assert!(!left.exists() && place.staging.path().exists());
        let none = Uploaded::open(None, |_| None).unwrap();
        assert_eq!(none.stage("photos", &files).err().unwrap().status, 403);
    }

    #[test]
    fn a_note_names_files_of_its_folder_only() {
        for (text, sound) in [
            ("a.png", true),
            ("..", false),
            ("a/b", false),
            ("/etc", false),
            ("", false),
            ("a/", false),
            (".", false),
        ] {
            assert_eq!(is_name(text), sound, "{text:?}");
        }
    }
}
