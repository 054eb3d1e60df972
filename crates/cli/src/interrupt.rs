//! Ctrl-C and termination signals.
//!
//! The first one asks the work to stop at the next safe point, so that what is done is kept; the
//! second ends the program at once, which a collection survives as well.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

/// Exit code of a program that was stopped by Ctrl-C.
pub const EXIT_CODE: u8 = 130;

static REQUESTED: AtomicBool = AtomicBool::new(false);
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Turns the signals into a request from now on. Without this call they end the program.
pub fn take_over() {
    if TAKEN.swap(true, Ordering::SeqCst) {
        return;
    }
    let handler = || {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            process::exit(i32::from(EXIT_CODE));
        }
        eprintln!("stopping; once more to stop at once");
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        crate::output::warn(&format!("Ctrl-C will end the program at once ({error})"));
    }
}

/// Whether the work was asked to stop.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}
