//! Any bytes behind the header of a TIFF, which are also the notes of a camera: never a panic, never much memory.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vizsla_pixels::{DecodeOptions, ErrorKind, Limits, decode_gray};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { max_pixels: 1 << 20, max_memory_bytes: 1 << 26, ..Limits::default() };
    for head in [b"II*\0", b"MM\0*", b"II+\0"] {
        let file = [&head[..], bytes].concat();
        let error = decode_gray(&file, &DecodeOptions { limits, fit: Some(64) }).err();
        // Panics of decoders are caught and reported so; here they are what is looked for.
        if let Some(ErrorKind::Corrupt { reason, .. }) = error.as_ref().map(|error| error.kind()) {
            assert!(!reason.starts_with("the decoder gave up"), "{reason}");
        }
    }
});
