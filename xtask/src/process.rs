//! Programs that tasks call.

use std::process::Command;

use anyhow::{Context, Result, bail};

/// The cargo that runs this task, so that a pinned toolchain stays pinned.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs a command with this process's streams and turns a failure into an error that shows it.
pub fn succeed(command: &mut Command) -> Result<()> {
    let shown = format!("{command:?}");
    let status = command
        .status()
        .with_context(|| format!("cannot start {shown}"))?;
    if !status.success() {
        bail!("{shown} ended with {status}");
    }
    Ok(())
}
