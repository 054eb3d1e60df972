//! How verbs end.

/// How a verb ended when it did not fail.
pub enum Outcome {
    /// All is well.
    Done,
    /// It ran, and what it found calls for exit code 1: problems, or skipped files under `--strict`.
    Found,
    /// Ctrl-C stopped it; what was done is kept.
    Interrupted,
}
