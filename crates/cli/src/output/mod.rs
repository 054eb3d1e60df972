//! What the program shows: tables and reports for people on standard output, one JSON object for
//! scripts, progress and warnings on standard error.
//!
//! Everything that goes to standard output passes through [`show`] or [`json`], so that a reader
//! that closes the pipe early (`vizsla list photos.vizsla | head`) ends the program quietly.

mod number;
mod progress;
mod table;
#[cfg(feature = "training")]
mod training;

use std::io::Write;

use anyhow::Result;
use serde::Serialize;

pub use number::{bytes, count, duration, plural};
pub use progress::Progress;
pub use table::Table;
#[cfg(feature = "training")]
pub use training::TrainProgress;

/// Writes text to standard output as it is.
///
/// # Errors
/// When standard output cannot be written; a closed pipe is told apart by [`is_closed_pipe`].
pub fn show(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Writes one JSON object to standard output.
///
/// # Errors
/// As [`show`], and when a value cannot be written as JSON.
pub fn json(value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    show(&text)
}

/// Writes a warning to standard error.
pub fn warn(text: &str) {
    // A warning that cannot be shown must not stop the work it is about.
    let _ = writeln!(std::io::stderr().lock(), "warning: {text}");
}

/// An error with its causes, each said once: many messages already hold what their cause says.
pub fn told(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if text.contains(&cause) {
            break;
        }
        text.push_str(&format!(": {cause}"));
    }
    text
}

/// True when the error says that nobody reads standard output any longer.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
