//! What this process may use from now on.

use crate::error::Error;

/// Gives up memory beyond `memory` bytes, more than so many seconds of the processors, and dumps of memory. Files stay
/// allowed: ONNX Runtime keeps some of its memory in one without a name.
///
/// # Errors
/// When the system refuses.
#[cfg(unix)]
pub(super) fn set(memory: u64, seconds: u64) -> Result<(), Error> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limits = [
        (Resource::As, memory),
        (Resource::Cpu, seconds),
        (Resource::Core, 0),
    ];
    for (resource, most) in limits {
        // What is below already stays.
        let most = getrlimit(resource)
            .maximum
            .map_or(most, |now| now.min(most));
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        match setrlimit(resource, limit) {
            // macOS knows a limit of addresses and refuses to set it.
            Err(_) if cfg!(target_os = "macos") && matches!(resource, Resource::As) => {}
            set => set.map_err(std::io::Error::from)?,
        }
    }
    Ok(())
}

/// Elsewhere only the time is limited, by the process that asked.
#[cfg(not(unix))]
pub(super) fn set(_memory: u64, _seconds: u64) -> Result<(), Error> {
    Ok(())
}
