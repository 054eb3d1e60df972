//! Any bytes as an index of vectors that is called by its name: an error or an index that can be searched, never a panic. What stands in the
//! file's header as checksums is made right, so that what lies behind is reached; `engine` inside has its own.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vizsla_vectors::{Allowed, Effort, NamedVectors, VectorIndex};

/// Bytes of the header; the last four are its checksum.
const HEADER: usize = 128;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    if bytes.len() > HEADER {
        let checksum = crc32fast::hash(&bytes[..HEADER - 4]);
        bytes[HEADER - 4..HEADER].copy_from_slice(&checksum.to_le_bytes());
    }
    let Ok(file) = tempfile::NamedTempFile::new() else {
        return;
    };
    if std::fs::write(file.path(), bytes).is_err() {
        return;
    }
    if let Ok(index) = NamedVectors::open(file.path()) {
        let query = vec![1.0; index.dimension()];
        let _ = index.nearest(&query, 3, &Allowed::All);
        let _ = index.within(&query, 0.0, Effort::of_width(3), &Allowed::All);
        let _ = index.verify();
    }
});
