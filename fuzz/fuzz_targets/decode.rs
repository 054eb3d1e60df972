//! Any bytes, decoded as a small grey and a full colour image: never a panic, never much memory, and
//! never the one without the other, and at once the same as one after the other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vizsla_pixels::{DecodeOptions, ErrorKind, Limits, decode_both, decode_gray, decode_rgb};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { max_pixels: 1 << 22, max_memory_bytes: 1 << 27, ..Limits::default() };
    let small = DecodeOptions { limits, fit: Some(64) };
    let full = DecodeOptions { limits, fit: None };
    let (gray, rgb) = (decode_gray(bytes, &small), decode_rgb(bytes, &full));
    assert_eq!(gray.is_ok(), rgb.is_ok());
    let both = decode_both(bytes, &small, None);
    if let (Ok(gray), Ok(rgb), Ok(both)) = (&gray, &rgb, &both) {
        assert!(both.image.gray == gray.image && both.image.rgb == rgb.image);
    }
    assert_eq!(both.is_ok(), rgb.is_ok());
    for error in [gray.err(), rgb.err()].into_iter().flatten() {
        // The decoders' panics are caught and reported so; here they are what is looked for.
        if let ErrorKind::Corrupt { reason, .. } = error.kind() {
            assert!(!reason.starts_with("the decoder gave up"), "{error}");
        }
    }
});
