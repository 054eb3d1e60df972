//! Any bytes as a codebook: an error or a codebook that can be used, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vizsla_words::Codebook;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(codebook) = Codebook::from_bytes(bytes) {
        let word = codebook.assign(&[7; 128]);
        let _ = codebook.signature(&[7; 128], word);
    }
});
