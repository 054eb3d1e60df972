//! What a walk leaves out of its own accord: what systems and programs keep beside a person's pictures.
//!
//! Thumbnails, previews and what lies in a bin are copies of pictures, or pictures that somebody threw away; each of them
//! would be found beside, or instead of, the one that is meant.

use std::path::Path;
use std::sync::OnceLock;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Files and folders that are left out wherever they lie, hidden ones taken or not, in the manner of `.gitignore`;
/// upper and lower case are the same.
const USUAL: [&str; 37] = [
    // What was thrown away.
    ".Trash*",
    ".dtrash",
    "$RECYCLE.BIN",
    "RECYCLER",
    "\\#recycle",
    "@Recycle",
    // macOS: what file systems without its forks are given instead, and its own notes.
    "._*",
    "__MACOSX",
    ".DS_Store",
    ".AppleDouble",
    ".DocumentRevisions-V100",
    ".fseventsd",
    ".Spotlight-V100",
    ".TemporaryItems",
    // Windows.
    "System Volume Information",
    "Thumbs.db",
    "ehthumbs*.db",
    "desktop.ini",
    // Linux.
    "lost+found",
    ".thumbnails",
    ".xvpics",
    ".gthumb",
    // Storage on the network: Synology, QNAP.
    "@eaDir",
    "@SynoEAStream",
    "@SynoResource",
    "@tmp",
    "\\#snapshot",
    "@Recently-Snapshot",
    ".@__thumb",
    // Photo programs: Picasa, Lightroom, Apple Photos, iPhoto and Aperture, Capture One.
    ".picasaoriginals",
    "Picasa.ini",
    "*.lrdata",
    "iPod Photo Cache",
    "**/*.photoslibrary/resources",
    "**/*.photolibrary/Thumbnails",
    "**/*.aplibrary/Thumbnails",
    "**/CaptureOne/Cache",
];

/// Whether a path is of those that are left out of the walk's own accord.
pub(super) fn is_usual(path: &Path, is_folder: bool) -> bool {
    static LIST: OnceLock<Gitignore> = OnceLock::new();
    let list = LIST.get_or_init(|| {
        let mut builder = GitignoreBuilder::new("/");
        let lines = match builder.case_insensitive(true) {
            Ok(_) => &USUAL[..],
            Err(_) => &[],
        };
        for line in lines {
            // A test holds that every one of them is a pattern.
            let _ = builder.add_line(None, line);
        }
        builder.build().unwrap_or_else(|_| Gitignore::empty())
    });
    list.matched(path, is_folder).is_ignore()
}

/// Whether a file or folder is hidden: its name begins with a dot.
pub(super) fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_of_the_list_leaves_something_out() {
        for line in USUAL {
            let name = line
                .trim_start_matches("**/")
                .trim_start_matches('\\')
                .replace('*', "x");
            let path = Path::new("/home/ada/pictures").join(name);
            assert!(is_usual(&path, true), "{line}");
        }
    }

    #[test]
    fn what_lies_beside_pictures_is_known_in_any_case() {
        for name in [
            "/p/._IMG_1.jpg",
            "/p/.Trash-1000",
            "/p/.Trashes",
            "/p/a/@eaDir",
            "/p/thumbs.db",
            "/p/$Recycle.Bin",
            "/p/#recycle",
            "/p/Catalog Previews.lrdata",
            "/p/Photos Library.photoslibrary/resources",
        ] {
            assert!(is_usual(Path::new(name), true), "{name}");
        }
        for name in [
            "/p/resources",
            "/p/Trash",
            "/p/recycle",
            "/p/.private",
            "/p/_1.jpg",
            "/p/Photos Library.photoslibrary/originals",
            "/p/Cache",
        ] {
            assert!(!is_usual(Path::new(name), true), "{name}");
        }
    }
}
