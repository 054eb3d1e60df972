//! What the program shows: tables and reports for people on standard output, one JSON object for
//! scripts, progress and warnings on standard error.
//!
//! Everything that goes to standard output passes through [`show`] or [`json`], so that a reader
//! that closes the pipe early (`vizsla list photos.vizsla | head`) ends the program quietly, and so that names of
//! files, which strangers choose, never steer the terminal: what is no printable character is shown as an escape.
//! JSON keeps the true name, escaped as JSON does.

mod advice;
mod number;
mod progress;
mod table;
#[cfg(feature = "training")]
mod training;

use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use vizsla_pixels::{is_printable, printable};

pub use advice::{how, with_how};
pub use number::{bytes, count, duration, plural};
pub use progress::Progress;
pub use table::Table;
#[cfg(feature = "training")]
pub use training::TrainProgress;

/// Writes text to standard output, for people.
///
/// # Errors
/// When standard output cannot be written; a closed pipe is told apart by [`is_closed_pipe`].
pub fn show(text: &str) -> Result<()> {
    raw(&printable_lines(text))
}

/// Writes text to standard output as it is: pictures, which are escape sequences of this program's own.
///
/// # Errors
/// As [`show`].
pub fn raw(text: &str) -> Result<()> {
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
    let mut text = plain_json(&serde_json::to_string_pretty(value)?);
    text.push('\n');
    raw(&text)
}

/// JSON in which every character that is not printable is an escape of JSON. Between strings there are none but line
/// breaks, so that each stands in a string, where the escape means the same.
fn plain_json(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || is_printable(c) {
            plain.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                plain.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    plain
}

/// Text of several lines without anything that steers a terminal.
fn printable_lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(printable).collect();
    lines.join("\n")
}

/// Writes a warning to standard error.
pub fn warn(text: &str) {
    // A warning that cannot be shown must not stop the work it is about.
    let _ = writeln!(std::io::stderr().lock(), "warning: {}", printable(text));
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
    // What a library says of its own has its advice; what the system says has none.
    if !text.contains("; ")
        && let Some(advice) = advice::of_the_system(error)
    {
        text.push_str("; ");
        text.push_str(advice);
    }
    printable_lines(&advice::with_commands(&text, error))
}

/// True when the error says that nobody reads standard output any longer.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "a\u{1b}[2J\u{9b}31m\u{7f}\u{202e}gpj.é";

    #[test]
    fn nothing_that_is_shown_steers_a_terminal() {
        let shown = printable_lines(&format!("one\n{NAME}\n"));
        assert_eq!(shown, "one\na\\x1b[2J\\u{9b}31m\\x7f\\u{202e}gpj.é\n");
        let error = anyhow::anyhow!("not found: {NAME}");
        assert!(told(&error).chars().all(is_printable));
    }

    #[test]
    fn a_refusal_of_the_system_comes_with_advice() {
        let absent = fs_err::read("not/here.toml").unwrap_err();
        let shown = told(&anyhow::Error::from(absent));
        assert!(shown.contains("not/here.toml"), "{shown}");
        assert!(shown.ends_with("; check the path"), "{shown}");
        let advised = anyhow::anyhow!(std::io::Error::from(std::io::ErrorKind::NotFound))
            .context("no collection is here; make one with `vizsla index`: a.vizsla");
        let shown = told(&advised);
        assert_eq!(shown.matches("; ").count(), 1, "{shown}");
    }

    #[test]
    fn json_keeps_the_name_and_holds_only_what_is_printable() {
        let text = plain_json(&serde_json::to_string_pretty(&[NAME]).unwrap());
        assert!(text.chars().all(|c| c == '\n' || is_printable(c)), "{text}");
        let back: Vec<String> = serde_json::from_str(&text).unwrap();
        assert_eq!(back, [NAME]);
    }
}
