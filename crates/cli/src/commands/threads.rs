//! The `--threads` option of the verbs that use all cores.

use anyhow::{Context, Result};
use clap::Args;

/// How many cores a verb may use.
#[derive(Args)]
pub struct Threads {
    /// Threads to work with; 0 takes all cores
    #[arg(long, value_name = "N", default_value_t = 0,
        value_parser = clap::value_parser!(u16).range(..=1024))]
    threads: u16,
}

impl Threads {
    /// Makes the pool that all parallel loops of the program share.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn start(&self) -> Result<()> {
        rayon::ThreadPoolBuilder::new()
            .num_threads(usize::from(self.threads))
            .build_global()
            .with_context(|| format!("cannot start {} threads; ask for fewer", self.threads))
    }
}
