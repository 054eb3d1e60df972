//! The `vizsla` binary.
fn main() {}
