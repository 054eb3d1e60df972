//! The loop that every kind of run goes through: epochs of steps, validation, the best so far, checkpoints, tables.
//!
//! A kind of run says how it plans an epoch, takes a step and validates ([`Rounds`]); when it stops, what is written and
//! in which order is said here once, so that all of them go on after a kill in the same way.

use std::path::{Path, PathBuf};

use fs_err as fs;
use vizsla_evaluation::run_files;
use vizsla_vectors::AtomicFile;

use super::checkpoint::{Checkpoint, Head};
use super::config::StopConfig;
use super::curves;
use super::learner::Saved;
use super::observer::{EpochReport, StepReport, TrainObserver};
use super::options::TrainOptions;
use super::schedule::Schedule;
use crate::error::Error;
use crate::optimiser::OptimiserConfig;

/// Settings of the loop.
#[derive(Clone, Copy)]
pub(super) struct Pace<'a> {
    pub stop: &'a StopConfig,
    pub schedule: &'a Schedule,
    pub optimiser: &'a OptimiserConfig,
}

impl Pace<'_> {
    /// The learning rate after so many epochs.
    pub fn rate(&self, epochs: f64) -> f64 {
        self.optimiser.rate * self.schedule.at(epochs, self.stop.epochs)
    }
}

/// Where a step stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// From 1.
    pub epoch: usize,
    /// From 0.
    pub step: usize,
    /// Steps of the epoch.
    pub steps: usize,
}

impl Place {
    /// The learning rate of the step.
    pub fn rate(&self, pace: Pace<'_>) -> f64 {
        pace.rate((self.epoch - 1) as f64 + self.step as f64 / self.steps as f64)
    }
}

/// What a step came to.
pub(super) struct Taken {
    pub loss: f32,
    pub active_share: Option<f64>,
    /// Images, or pairs, of the batch.
    pub images: usize,
    pub seconds: f64,
}

/// One kind of run.
pub(super) trait Rounds {
    /// What one step is given.
    type Batch;

    fn folder(&self) -> &Path;
    fn saved(&mut self) -> &mut Checkpoint;
    fn pace(&self) -> Pace<'_>;
    /// Title of the drawing and name of the validation curve.
    fn titles(&self) -> (&str, &str);
    /// The batches of an epoch, from 1.
    fn plan(&mut self, epoch: usize) -> Result<Vec<Self::Batch>, Error>;
    /// Changes the weights, or ends with [`Error::Diverged`].
    fn step(&mut self, place: Place, batch: &Self::Batch) -> Result<Taken, Error>;
    /// Mean average precision, `None` where there is nothing to validate with; adds its line to the table.
    fn validate(&mut self, epoch: usize) -> Result<Option<f64>, Error>;
    fn save_best(&self) -> Result<(), Error>;
    /// Everything that is trained, and what else the checkpoint holds brought up to date.
    fn save(&mut self) -> Result<Saved, Error>;
}

/// Where the checkpoint of a run lies.
pub(super) fn state(folder: &Path) -> PathBuf {
    folder.join("checkpoint/state.vzck")
}

/// Makes the folder of a run and writes its configuration; gives the checkpoint to go on from.
///
/// # Errors
/// [`Error::Invalid`] when there is none to go on from, or a run that is not to be gone on with.
pub(super) fn begin(
    folder: &Path,
    options: TrainOptions,
    configuration: &str,
) -> Result<Option<Checkpoint>, Error> {
    let state = state(folder);
    let saved = match (options.resume, state.is_file()) {
        (true, true) => Some(Checkpoint::open(&state)?),
        (true, false) => {
            return Err(Error::invalid(
                "there is no checkpoint to go on from",
                &state,
            ));
        }
        (false, true) => {
            let what = "a run is here already; go on with --resume, or name another folder";
            return Err(Error::invalid(what, folder));
        }
        (false, false) => None,
    };
    fs::create_dir_all(folder)?;
    AtomicFile::write_whole(&folder.join(run_files::CONFIG), configuration.as_bytes())?;
    Ok(saved)
}

/// All epochs that are left; false when it was stopped.
pub(super) fn train_on(run: &mut impl Rounds, observer: &dyn TrainObserver) -> Result<bool, Error> {
    let (epochs, patience) = (run.pace().stop.epochs, run.pace().stop.patience);
    while run.saved().head.epoch < epochs && !exhausted(&run.saved().head, patience) {
        let epoch = run.saved().head.epoch + 1;
        if !steps_of(run, epoch, observer)? {
            return Ok(false);
        }
        let map = run.validate(epoch)?;
        close_epoch(run, epoch, map, observer)?;
    }
    if run.saved().head.best.is_none() {
        run.save_best()?;
    }
    run.saved().head.finished = true;
    checkpoint(run)?;
    Ok(true)
}

/// Whether the best epoch is so long ago that it ends; 0 for never.
fn exhausted(head: &Head, patience: usize) -> bool {
    let since = |(_, best): (u64, usize)| head.epoch.saturating_sub(best);
    patience > 0 && head.best.is_some_and(|best| since(best) >= patience)
}

/// The steps that are left of an epoch; false when it was stopped.
fn steps_of(
    run: &mut impl Rounds,
    epoch: usize,
    observer: &dyn TrainObserver,
) -> Result<bool, Error> {
    let batches = run.plan(epoch)?;
    let (steps, between) = (batches.len(), run.pace().stop.checkpoint_steps);
    observer.begin(&format!("epoch {epoch}"), steps as u64);
    observer.advance(run.saved().head.step as u64);
    while run.saved().head.step < steps {
        let step = run.saved().head.step;
        let place = Place { epoch, step, steps };
        let taken = run.step(place, &batches[step])?;
        let rate = place.rate(run.pace());
        observer.step(&note(&mut run.saved().head, place, rate, &taken));
        observer.advance(1);
        if observer.cancelled() {
            checkpoint(run)?;
            observer.end();
            return Ok(false);
        }
        if (step + 1).is_multiple_of(between) {
            checkpoint(run)?;
        }
    }
    observer.end();
    Ok(true)
}

/// Adds a step to the sums of its epoch and to the table of steps.
fn note(head: &mut Head, place: Place, rate: f64, taken: &Taken) -> StepReport {
    let shares = f64::from(u8::from(taken.active_share.is_some()));
    let sums = [
        f64::from(taken.loss),
        taken.active_share.unwrap_or(0.0),
        shares,
        taken.images as f64,
        taken.seconds,
    ];
    for (sum, value) in head.sums.iter_mut().zip(sums) {
        *sum = (f64::from_bits(*sum) + value).to_bits();
    }
    head.step = place.step + 1;
    let line = row(
        [place.epoch, head.step],
        f64::from(taken.loss),
        rate,
        taken.active_share,
        [taken.images as f64, taken.seconds],
    );
    head.steps_csv.push_str(&line);
    let [_, _, _, images, seconds] = head.sums.map(f64::from_bits);
    StepReport {
        epoch: place.epoch,
        step: head.step,
        steps: place.steps,
        loss: taken.loss,
        active_share: taken.active_share,
        images_per_second: images / seconds.max(1e-9),
    }
}

fn close_epoch(
    run: &mut impl Rounds,
    epoch: usize,
    map: Option<f64>,
    observer: &dyn TrainObserver,
) -> Result<(), Error> {
    let (rate, epochs) = (run.pace().rate(epoch as f64), run.pace().stop.epochs);
    let head = &mut run.saved().head;
    head.epoch = epoch;
    let [loss, share, shares, images, seconds] = head.sums.map(f64::from_bits);
    let loss = loss / head.step.max(1) as f64;
    let active = (shares > 0.0).then(|| share / shares);
    let line = row([epoch, head.step], loss, rate, active, [images, seconds]);
    head.log_csv.push_str(&line);
    head.seconds = (f64::from_bits(head.seconds) + seconds).to_bits();
    head.sums = [0; 5];
    head.step = 0;
    let beats = |map: &f64| {
        head.best
            .is_none_or(|(best, _)| *map > f64::from_bits(best))
    };
    let better = map.filter(beats);
    if let Some(map) = better {
        head.best = Some((map.to_bits(), epoch));
        run.save_best()?;
    }
    run.saved().head.close_epoch(epoch);
    checkpoint(run)?;
    draw(run, epoch)?;
    observer.epoch(&EpochReport {
        epoch,
        epochs,
        loss,
        map,
        best: better.is_some(),
    });
    Ok(())
}

/// Writes the checkpoint, then the tables.
fn checkpoint(run: &mut impl Rounds) -> Result<(), Error> {
    let (values, states) = run.save()?;
    let folder = run.folder().to_path_buf();
    let saved = run.saved();
    (saved.values, saved.states) = (values, states);
    saved.save(&state(&folder))?;
    (saved.values, saved.states) = (Vec::new(), Vec::new());
    let head = &saved.head;
    let mined = serde_json::to_string_pretty(&head.mined);
    let mined = mined.map_err(|error| Error::shape(error.to_string()))?;
    for (name, text) in [
        ("steps.csv", &head.steps_csv),
        (run_files::LOG, &head.log_csv),
        (run_files::VALIDATION, &head.validation_csv),
        (run_files::MINED, &mined),
    ] {
        AtomicFile::write_whole(&folder.join(name), text.as_bytes())?;
    }
    Ok(())
}

fn draw(run: &mut impl Rounds, epoch: usize) -> Result<(), Error> {
    let column = |text: &str, column: usize| -> Vec<f32> {
        let rows = text.lines().skip(1);
        rows.filter_map(|line| line.split(',').nth(column)?.parse().ok())
            .collect()
    };
    let head = &run.saved().head;
    let (loss, map) = (column(&head.log_csv, 2), column(&head.validation_csv, 1));
    let (title, validation) = run.titles();
    curves::draw(
        &run.folder().join("curves.png"),
        &format!("{title} after {epoch} epochs"),
        &[("loss", loss), (validation, map)],
    )
}

fn row(
    [epoch, step]: [usize; 2],
    loss: f64,
    rate: f64,
    active: Option<f64>,
    [images, seconds]: [f64; 2],
) -> String {
    let active = active.map_or(String::new(), |share| format!("{share:.4}"));
    let speed = images / seconds.max(1e-9);
    format!("{epoch},{step},{loss:.6},{rate:.6e},{active},{speed:.1},{seconds:.3}\n")
}
