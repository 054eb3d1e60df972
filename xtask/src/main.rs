//! Project tasks: test, floors, bench.
fn main() {}
