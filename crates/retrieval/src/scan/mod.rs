//! Finding picture files under folders.
//!
//! One walk serves everything that looks for pictures. What it leaves out is decided in [`ground`]; what was named by
//! itself, a folder or a file, is always looked at.

mod ground;
mod rules;
mod shown;
mod usual;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use fs_err as fs;
use vizsla_pixels::{Foreign, has_picture_name};
use walkdir::DirEntry;

use self::ground::{Ground, Verdict};
pub(crate) use self::rules::KeptRules;
pub use self::rules::WalkRules;
pub(crate) use self::shown::shown;
use crate::{Collection, Error, Skipped};

/// Why something behind a link is left alone.
pub(crate) const OUTSIDE: &str = "it leads out of the folder that may be taken in";
/// Why a folder, a pipe or a device is left alone.
pub(crate) const NO_FILE: &str = "this is not a regular file";

/// A picture file on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub size: i64,
    pub modified_ns: i64,
}

/// What a walk may see.
#[derive(Default)]
pub(crate) struct Sight<'a> {
    /// The folder that links may not lead out of; `None` = they are followed wherever they lead.
    pub within: Option<&'a Path>,
    /// What the collection remembers.
    pub kept: KeptRules,
    /// Rules given for all sources now, in place of what was remembered.
    pub given: Option<&'a WalkRules>,
}

/// What a walk over the sources saw.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Absolute sources, without symbolic links.
    roots: BTreeSet<PathBuf>,
    /// Picture files by absolute path.
    pub files: BTreeMap<String, Found>,
    /// What cannot be taken in.
    pub skipped: Vec<Skipped>,
    /// Files that are no pictures by their name.
    pub ignored: usize,
    /// Pictures of formats that are not read, and videos.
    pub foreign: BTreeMap<Foreign, usize>,
    /// Pictures and folders that a rule leaves out, with the reason.
    pub left_out: BTreeMap<PathBuf, String>,
    /// How many of these are folders.
    pub left_out_folders: usize,
    /// Patterns given now that left nothing out.
    pub unused: Vec<String>,
    /// What the collection has to remember from now on.
    pub kept: KeptRules,
    /// Folders and files that the system did not let us look at: what is below them is unknown, not gone.
    unseen: BTreeSet<PathBuf>,
    /// The folder that links may not lead out of, without symbolic links itself.
    within: Option<PathBuf>,
    /// Patterns that were of use.
    used: BTreeSet<String>,
}

impl Scan {
    /// Walks folders (and takes files named directly, whatever they are called).
    pub(crate) fn of(sources: &[PathBuf], sight: Sight<'_>) -> Result<Self, Error> {
        let mut scan = Self {
            within: sight.within.map(fs::canonicalize).transpose()?,
            kept: sight.kept,
            ..Self::default()
        };
        let mut roots = Vec::new();
        for source in sources {
            check_source(source)?;
            roots.push(fs::canonicalize(source)?);
        }
        let inside = roots.iter().filter(|root| !scan.is_outside(root));
        scan.roots = inside.cloned().collect();
        if let Some(given) = sight.given {
            // Folders come after those they lie in.
            for folder in scan.roots.iter().filter(|root| root.is_dir()) {
                scan.kept.give(folder, given)?;
            }
        }
        for (source, root) in sources.iter().zip(roots) {
            if scan.is_outside(&root) {
                scan.skip(source, OUTSIDE);
            } else {
                scan.look_into(&root)?;
            }
        }
        if let Some(given) = sight.given {
            scan.unused = given.unused(&scan.used).map(str::to_owned).collect();
        }
        scan.skipped.sort();
        scan.skipped.dedup();
        Ok(scan)
    }

    /// Whether `path` lies under one of the sources, where it would have been seen if it were there.
    pub(crate) fn covers(&self, path: &str) -> bool {
        let below = |folders: &BTreeSet<PathBuf>| {
            let mut above = Path::new(path).ancestors();
            above.any(|folder| folders.contains(folder))
        };
        below(&self.roots) && !below(&self.unseen)
    }

    /// Whether a rule leaves `path` out, or a folder above it.
    pub(crate) fn leaves_out(&self, path: &str) -> bool {
        let mut above = Path::new(path).ancestors();
        above.any(|path| self.left_out.contains_key(path))
    }

    /// Looks at what was named by itself, and remembers that where a walk from above would not come to it.
    fn look_into(&mut self, root: &Path) -> Result<(), Error> {
        let mut ground = Ground::default();
        let mut reached = true;
        let way: Vec<&Path> = root.ancestors().collect();
        for pair in way.windows(2).rev() {
            let [entry, folder] = pair else { continue };
            ground.enter(folder, &self.kept, |file| !self.is_outside(file))?;
            let is_folder = *entry != root || root.is_dir();
            let named = *entry != root && self.kept.names(entry);
            reached = named || (reached && ground.verdict(entry, is_folder) == Verdict::Taken);
        }
        let is_folder = root.is_dir();
        if !reached || !(is_folder || has_picture_name(root)) {
            self.kept.name(root);
        }
        if is_folder {
            self.walk(root, ground)?;
        } else {
            self.take(root, true);
        }
        Ok(())
    }

    fn walk(&mut self, root: &Path, mut ground: Ground) -> Result<(), Error> {
        // What is wrong above the folder was asked of nobody.
        ground.faults.clear();
        let walk = walkdir::WalkDir::new(root)
            .follow_links(true)
            .sort_by_file_name();
        let mut entries = walk.into_iter();
        let mut named = Vec::new();
        while let Some(entry) = entries.next() {
            let (path, is_folder) = match &entry {
                Ok(entry) => (entry.path(), entry.file_type().is_dir()),
                Err(error) => (error.path().unwrap_or(root), false),
            };
            ground.leave(path);
            if path != root
                && !self.kept.names(path)
                && let Verdict::LeftOut(reason) = ground.verdict(path, is_folder)
            {
                named.extend(self.leave_out(path, is_folder, &reason));
                if is_folder {
                    entries.skip_current_dir();
                }
                continue;
            }
            match entry {
                Ok(entry) => {
                    if self.goes_into(&entry) {
                        ground.enter(entry.path(), &self.kept, |file| !self.is_outside(file))?;
                    } else if entry.file_type().is_dir() {
                        entries.skip_current_dir();
                    }
                }
                Err(error) => self.miss(root, &error),
            }
        }
        self.skipped.append(&mut ground.faults);
        for path in named
            .into_iter()
            .filter(|path| path.symlink_metadata().is_ok())
        {
            if self.is_outside(&path) {
                self.skip(&path, OUTSIDE);
            } else {
                self.look_into(&path)?;
            }
        }
        Ok(())
    }

    /// Takes note of what a rule leaves out; gives what was named by itself below it.
    fn leave_out(&mut self, path: &Path, is_folder: bool, reason: &ground::Reason) -> Vec<PathBuf> {
        if let ground::Reason::Pattern(pattern) = reason {
            self.used.insert(pattern.clone());
        }
        if !is_folder && !has_picture_name(path) && Foreign::of_name(path).is_none() {
            self.ignored += 1;
            return Vec::new();
        }
        let before = self.left_out.insert(path.to_owned(), reason.to_string());
        if !is_folder {
            return Vec::new();
        }
        self.left_out_folders += usize::from(before.is_none());
        self.kept.named_below(path)
    }

    /// Takes a file; whether the entry is a folder to go into.
    fn goes_into(&mut self, entry: &DirEntry) -> bool {
        let (path, is_folder) = (entry.path(), entry.file_type().is_dir());
        if entry.path_is_symlink() && self.is_outside(path) {
            self.unseen.insert(path.to_owned());
            self.skip(path, OUTSIDE);
            return false;
        }
        if !is_folder {
            self.take(path, self.kept.names(path));
            return false;
        }
        if Collection::exists(path) {
            if entry.depth() == 0 {
                self.skip(
                    path,
                    "this is a collection; name the folder with the pictures",
                );
            }
            return false;
        }
        if has_picture_name(path) && entry.depth() > 0 {
            self.skip(
                path,
                "this is a folder with the name of a picture; what is in it is indexed",
            );
        }
        true
    }

    /// Takes note of what could not be looked at.
    fn miss(&mut self, root: &Path, error: &walkdir::Error) {
        let path = error.path().unwrap_or(root).to_owned();
        let link = path.symlink_metadata().is_ok_and(|m| m.is_symlink());
        // A link that leads nowhere, under another name than a picture's, is nobody's concern.
        if link && error.loop_ancestor().is_none() && !has_picture_name(&path) {
            self.ignored += 1;
            self.unseen.insert(path);
            return;
        }
        let reason = match (error.loop_ancestor(), link) {
            (Some(_), _) => "the link leads back to a folder above it".to_owned(),
            (None, true) => "the link leads nowhere".to_owned(),
            (None, false) => {
                let cause = error.io_error().map(std::io::Error::kind);
                let cause = cause.map(|kind| format!(" ({kind})")).unwrap_or_default();
                self.unseen.insert(path.clone());
                format!("it cannot be read{cause}; what is indexed below it stays")
            }
        };
        self.skip(&path, &reason);
    }

    /// Whether a path leads out of the folder that it may not lead out of.
    fn is_outside(&self, path: &Path) -> bool {
        let inside =
            |within: &PathBuf| fs::canonicalize(path).is_ok_and(|real| real.starts_with(within));
        self.within.as_ref().is_some_and(|within| !inside(within))
    }

    fn take(&mut self, path: &Path, named: bool) {
        if !named && !has_picture_name(path) {
            match Foreign::of_name(path) {
                Some(foreign) => *self.foreign.entry(foreign).or_default() += 1,
                None => self.ignored += 1,
            }
            return;
        }
        let Some(text) = path.to_str() else {
            self.skip(path, "the path is not UTF-8; rename it");
            return;
        };
        match fs::metadata(path) {
            Ok(meta) if meta.is_file() => {
                let found = Found {
                    size: i64::try_from(meta.len()).unwrap_or(i64::MAX),
                    modified_ns: meta.modified().map_or(0, stamp),
                };
                self.files.insert(text.to_owned(), found);
            }
            Ok(_) => self.skip(path, NO_FILE),
            Err(error) => {
                self.unseen.insert(path.to_owned());
                self.skip(path, &format!("it cannot be read ({})", error.kind()));
            }
        }
    }

    fn skip(&mut self, path: &Path, reason: &str) {
        self.skipped.push(Skipped {
            path: shown(path),
            reason: reason.to_owned(),
        });
    }
}

/// Refuses a source that does not exist, before anything is made for it.
///
/// # Errors
/// The source does not exist, or may not be looked at.
pub fn check_source(source: &Path) -> Result<(), Error> {
    match fs::metadata(source) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Error::NoSource(source.to_owned()))
        }
        looked => Ok(looked.map(drop)?),
    }
}

/// The picture files under the sources in path order, found as an ingest finds them, and what cannot be taken.
///
/// # Errors
/// A source does not exist.
pub fn find_pictures(sources: &[PathBuf]) -> Result<(Vec<PathBuf>, Vec<Skipped>), Error> {
    let scan = Scan::of(sources, Sight::default())?;
    Ok((
        scan.files.into_keys().map(PathBuf::from).collect(),
        scan.skipped,
    ))
}

/// Whether a walk leaves a file or folder out of its own accord, when no rule says otherwise: it is hidden, or a system or a
/// program keeps it beside pictures.
pub fn left_out_by_default(path: &Path, is_folder: bool) -> bool {
    usual::is_usual(path, is_folder) || usual::is_hidden(path)
}

/// A time as the catalog keeps it: nanoseconds since 1970, folded into 64 bits.
///
/// From 1677 to 2262 the number is the time. Beyond, it goes round, so that two times are the same number only when they lie
/// exactly 2⁶⁴ ns, some 584 years, apart: a change is seen whatever a clock was set to.
fn stamp(time: SystemTime) -> i64 {
    let nanoseconds = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_nanos(),
        Err(before) => before.duration().as_nanos().wrapping_neg(),
    };
    nanoseconds as i64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn different_times_have_different_stamps() {
        let second = Duration::from_secs(1);
        let year = second * 31_556_952;
        let mut times = vec![UNIX_EPOCH];
        for years in [1, 69, 70, 292, 293, 300, 500, 8000] {
            for off in [Duration::ZERO, Duration::from_nanos(1), second] {
                times.extend(UNIX_EPOCH.checked_add(year * years + off));
                times.extend(UNIX_EPOCH.checked_sub(year * years + off));
            }
        }
        let stamps: BTreeSet<i64> = times.iter().map(|&time| stamp(time)).collect();
        assert_eq!(stamps.len(), times.len());
        // What was stored before is still true.
        assert_eq!(stamp(UNIX_EPOCH + second), 1_000_000_000);
        assert_eq!(stamp(UNIX_EPOCH - second), -1_000_000_000);
    }
}
