//! Work on strangers' data that may panic, without a word on the terminal.
//!
//! Decoders and runtimes are large programs fed by strangers. A panic in one of them must cost one file, and what
//! the user sees is the file's path with the reason, not the messages of a library for its programmers.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

thread_local! {
    /// Guarded calls that this thread is in.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// What the last panic of this thread said, and where.
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Guarded calls of all threads.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);

/// Runs work that may panic. Nothing is printed then; what the panic said is returned.
///
/// Panics on threads of a `rayon` pool are silent too as long as any guarded call runs: they are handed on to the
/// thread that waits for the pool, and there they become this call's error. Threads that the work starts by
/// itself print as usual; call this inside of them.
///
/// What the work has changed before it panicked stays changed: give it nothing that others rely on.
///
/// # Errors
/// The text of the panic and the place in the source where it happened.
///
/// ```
/// let failed = vizsla_pixels::guarded(|| -> u32 { [1, 2, 3][std::hint::black_box(7)] });
/// assert!(failed.unwrap_err().contains("out of bounds"));
/// assert_eq!(vizsla_pixels::guarded(|| 5), Ok(5));
/// ```
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(install);
    let _inside = Inside::enter();
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let said = LAST.take();
        said.unwrap_or_else(|| text(payload.as_ref()))
    })
}

/// Counts this call for as long as it runs, however it ends.
struct Inside;

impl Inside {
    fn enter() -> Inside {
        DEPTH.set(DEPTH.get() + 1);
        ACTIVE.fetch_add(1, Ordering::SeqCst);
        LAST.set(None);
        Inside
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
        ACTIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Puts a hook before the one that there is, which goes on to report all other panics.
fn install() {
    let before = take_hook();
    set_hook(Box::new(move |panic| {
        // A thread that is ending has no locals any more; it is not inside of a call.
        if DEPTH.try_with(Cell::get).unwrap_or(0) > 0 {
            LAST.set(Some(description(panic)));
        } else if ACTIVE.load(Ordering::SeqCst) > 0 && rayon::current_thread_index().is_some() {
            // The pool hands it on to a guarded call.
        } else {
            before(panic);
        }
    }));
}

fn description(panic: &PanicHookInfo) -> String {
    let said = text(panic.payload());
    match panic.location() {
        // The path is that of the machine that built the program.
        Some(place) => {
            let file = place.file().rsplit(['/', '\\']).next().unwrap_or_default();
            format!("{said}, {file}:{}", place.line())
        }
        None => said,
    }
}

/// On one line, since reasons stand in tables.
fn text(payload: &(dyn Any + Send)) -> String {
    let said = match (
        payload.downcast_ref::<&str>(),
        payload.downcast_ref::<String>(),
    ) {
        (Some(said), _) => said,
        (_, Some(said)) => said.as_str(),
        _ => "it panicked without a text",
    };
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::prelude::*;

    #[test]
    fn a_panic_is_an_error_with_its_text_and_place() {
        let said = guarded(|| -> () { panic!("on\n purpose") }).unwrap_err();
        assert!(said.starts_with("on purpose, guarded.rs:"), "{said}");
        let said = guarded(|| std::panic::panic_any(7)).unwrap_err();
        assert!(said.contains("without a text"), "{said}");
        assert_eq!((DEPTH.get(), LAST.take()), (0, None));
    }

    #[test]
    fn calls_inside_of_calls_tell_their_own_panics() {
        let outer = guarded(|| {
            let inner = guarded(|| -> () { panic!("inner") });
            assert!(inner.unwrap_err().starts_with("inner"));
            DEPTH.get()
        });
        assert_eq!(outer, Ok(1));
    }

    #[test]
    fn a_panic_of_a_pool_reaches_the_call() {
        let work = || {
            (0..100)
                .into_par_iter()
                .for_each(|n| assert!(n != 50, "fifty"))
        };
        assert!(guarded(work).unwrap_err().contains("fifty"));
    }
}
