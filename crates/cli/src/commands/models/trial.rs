//! Trials of models: `models add` and `models pull` start this program once more, to run the model there.

use anyhow::Result;
use clap::Args;
use vizsla_neural::{Error, ModelEntry, SessionOptions, TrialLimits, TrialProcess, answer_trial};

use crate::commands::Outcome;

/// Bytes of the unit that memory is given in.
const MIB: u64 = 1 << 20;

/// What a trial may use.
#[derive(Args)]
pub struct Allowed {
    /// Seconds that the trial of the model may take; left out, 120 and one for each 4 MiB of its files
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    trial_seconds: Option<u64>,
    /// Memory that the trial of the model may take, MiB; left out, 4,096 and ten times its files
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(64..))]
    trial_memory: Option<u64>,
}

impl Allowed {
    /// The entry after its model was tried in a process of its own.
    pub fn tried(&self, entry: &ModelEntry, options: &SessionOptions) -> Result<ModelEntry> {
        let mut limits = TrialLimits::for_entry(entry);
        if let Some(seconds) = self.trial_seconds {
            limits.time = std::time::Duration::from_secs(seconds);
        }
        if let Some(memory) = self.trial_memory {
            limits.memory = memory.saturating_mul(MIB);
        }
        let process = TrialProcess::new(std::env::current_exe()?, ["models", "trial"]);
        match process.tried(entry, options, &limits) {
            Err(Error::Trial {
                what,
                limit: true,
                path,
                ..
            }) => Err(Error::Trial {
                what,
                advice: "allow it more with --trial-seconds and --trial-memory if you trust it",
                limit: true,
                path,
            }
            .into()),
            tried => Ok(tried?),
        }
    }
}

/// Try a model: what is asked comes on standard input, the answer goes to standard output
#[derive(Args)]
pub struct Arguments {}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        answer_trial(std::io::stdin().lock(), std::io::stdout().lock())?;
        Ok(Outcome::Done)
    }
}
