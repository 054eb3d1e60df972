//! A run over labelled images, from the configuration to the result.

use std::path::Path;

use super::config::RunConfig;
use super::observer::TrainObserver;
use super::options::TrainOptions;
use super::prepare::Prepared;
use super::result::{self, RunResult};
use super::rounds;
use super::trainer::Trainer;
use crate::error::Error;

/// Trains as configured and writes the run to `folder`; `None` when the observer stopped it, after a checkpoint.
///
/// # Errors
/// Whatever is wrong with the configuration, the images or the network; [`Error::Diverged`] when numbers are no
/// longer finite; [`Error::Invalid`] when the folder holds a run already, or with `resume` the run of another
/// configuration.
pub fn train(
    config: &RunConfig,
    folder: &Path,
    options: TrainOptions,
    observer: &dyn TrainObserver,
) -> Result<Option<RunResult>, Error> {
    config.check()?;
    let saved = rounds::begin(folder, options, &config.to_toml()?)?;
    let Some(prepared) = Prepared::new(config, folder, observer)? else {
        return Ok(None);
    };
    let mut trainer = Trainer::new(config, folder, prepared, saved)?;
    if !trainer.saved.head.finished {
        trainer.check_trains()?;
        if !rounds::train_on(&mut trainer, observer)? {
            return Ok(None);
        }
    }
    trainer.take_best()?;
    result::finish(&mut trainer, observer).map(Some)
}
