//! Any bytes as the catalog of a collection: errors or answers, never a panic.
//!
//! Begin with a real one: `cargo +nightly fuzz run catalog crates/retrieval/tests/fixtures/collection-v1`.
#![no_main]

#[path = "../../crates/retrieval/tests/support/whole.rs"]
mod whole;

use std::path::Path;

use libfuzzer_sys::fuzz_target;

const CODEBOOK: &str = "artefacts/codebook-00b4ad3e807d02ab200d39168f430c40.vzcb";

fuzz_target!(|bytes: &[u8]| {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/retrieval/tests/fixtures/collection-v1");
    let Ok(folder) = tempfile::tempdir() else { return };
    let place = folder.path().join("c.vizsla");
    for file in ["segments/00000001.vzsg", CODEBOOK] {
        let to = place.join(file);
        let made = to.parent().map_or(Ok(()), std::fs::create_dir_all);
        if made.and_then(|()| std::fs::copy(fixture.join(file), to)).is_err() {
            return;
        }
    }
    if std::fs::write(place.join("catalog.db"), bytes).is_ok() {
        whole::ask_everything(&place);
    }
});
