//! Any bytes as a network: an error or a network, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vizsla_neural::{RuntimeChoice, Session, SessionOptions};

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = tempfile::NamedTempFile::with_suffix(".onnx") else {
        return;
    };
    if std::fs::write(file.path(), bytes).is_err() {
        return;
    }
    let options = SessionOptions {
        runtime: RuntimeChoice::Rten,
        threads: 1,
    };
    let _ = Session::open(file.path(), &[], &options);
});
