//! Any bytes as word vectors of any format: an error or vectors, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vizsla_neural::WordVectors;

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = tempfile::NamedTempFile::new() else {
        return;
    };
    if std::fs::write(file.path(), bytes).is_err() {
        return;
    }
    if let Ok(words) = WordVectors::open(file.path()) {
        let _ = words.vector("word");
    }
});
