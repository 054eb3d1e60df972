//! Any bytes as a projection: an error or a projection that can be used, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vizsla_vectors::Projection;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(projection) = Projection::from_bytes(bytes) {
        let _ = projection.apply(&vec![1.0; projection.input()]);
    }
});
