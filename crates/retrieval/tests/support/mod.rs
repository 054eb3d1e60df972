//! Pictures and folders for the tests.
#![allow(clippy::unwrap_used, dead_code, unused_imports)]

mod drawn;

pub use drawn::{picture, view};

use std::path::Path;

use vizsla_retrieval::{Collection, IngestOptions, IngestReport, Silent};

/// Writes `count` different pictures as PNG files.
pub fn fill(folder: &Path, count: u64) {
    fs_err::create_dir_all(folder).unwrap();
    for seed in 0..count {
        picture(seed + 1)
            .save_png(&folder.join(format!("{seed:03}.png")))
            .unwrap();
    }
}

/// Makes or opens the collection and brings it in step with the folder.
pub fn ingest(collection: &Path, folder: &Path) -> IngestReport {
    open(collection)
        .ingest(&[folder.to_owned()], &IngestOptions::default(), &Silent)
        .unwrap()
}

/// Makes or opens a collection with the built-in codebook.
pub fn open(collection: &Path) -> Collection {
    Collection::builder(collection).open_or_create().unwrap()
}
