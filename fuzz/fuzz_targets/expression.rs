//! Any text as a query and as a condition: an error that points into the text, or a query, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vizsla_retrieval::{Filter, parse_expression};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = parse_expression(text).map_err(|error| error.to_string());
        let _ = Filter::parse(text).map_err(|error| error.to_string());
    }
});
