//! Any bytes as a file of vectors: an error or vectors that can be searched, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vizsla_vectors::{Allowed, FlatVectors, VectorIndex};

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = tempfile::NamedTempFile::new() else {
        return;
    };
    if std::fs::write(file.path(), bytes).is_err() {
        return;
    }
    if let Ok(flat) = FlatVectors::open(file.path()) {
        let query = vec![1.0; flat.dimension()];
        let _ = flat.nearest(&query, 3, &Allowed::All);
        let _ = flat.verify();
    }
});
