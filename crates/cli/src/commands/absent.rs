//! Verbs that this build leaves out.

use std::ffi::OsString;

use anyhow::{Result, bail};
use clap::Args;

use super::Outcome;

/// Training, not in this build of vizsla; run it to see how to get it
#[derive(Args)]
#[command(disable_help_flag = true)]
pub struct Arguments {
    /// Whatever the verb would take
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _rest: Vec<OsString>,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        bail!(
            "`train`, `clean`, `report` and `hash train` are not in this build of vizsla; install it with them: \
             cargo install --path crates/cli --features training"
        )
    }
}
