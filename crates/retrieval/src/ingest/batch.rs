//! The parallel half of ingest: read, hash, describe.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;
use vizsla_pixels::{ErrorKind, Foreign, Limits, Reach};

use super::contents::Contents;
use super::held::Held;
use super::intake::{Failure, Intake, NewImage};
use crate::Reporter;
use crate::scan::{Found, NO_FILE, OUTSIDE};

/// What became of one file.
pub(super) enum Outcome {
    /// Its content is that of an image of the catalog.
    Known(i64),
    /// It was read but not described: a dry run.
    Read([u8; 32]),
    /// A new image.
    Described(Box<NewImage>),
    /// It is of a format that is known and not read.
    Foreign(Foreign),
    /// Its content is that of another file of this run, which is described.
    Same([u8; 32]),
    /// Its content cannot be taken in, for this reason.
    Skipped(String),
    /// The collection's model cannot take it, for this reason: what is indexed of it stays.
    Refused(String),
    /// It could not be read at all, which may pass: what is indexed of it stays.
    Unread(String),
    /// The caller stopped before it.
    Cancelled,
}

/// What becomes of a file whose content could not be described.
fn failed(failure: Failure) -> Outcome {
    match failure {
        Failure::Picture(reason) => Outcome::Skipped(reason),
        Failure::Model(reason) => Outcome::Refused(reason),
    }
}

/// A file of a batch.
pub(super) struct Item {
    pub path: String,
    pub found: Found,
    pub outcome: Outcome,
}

/// Files looked into, in path order.
pub(super) struct Batch {
    pub items: Vec<Item>,
}

/// A content that this run came upon.
pub(super) struct Claim {
    /// The batch in which it was described.
    batch: usize,
    /// Why it cannot be taken in.
    refused: Option<Failure>,
}

/// Content hash → what became of it in this run. Of files that are copies of each other one is described, whichever
/// thread comes first.
#[derive(Default)]
pub(super) struct Claims(Mutex<HashMap<[u8; 32], Claim>>);

impl Claims {
    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Claim>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this is the first file of this run with such content.
    fn claim(&self, hash: [u8; 32], batch: usize) -> bool {
        let mut claims = self.lock();
        let first = !claims.contains_key(&hash);
        let refused = None;
        claims.entry(hash).or_insert(Claim { batch, refused });
        first
    }

    fn refuse(&self, hash: [u8; 32], failure: Failure) {
        if let Some(claim) = self.lock().get_mut(&hash) {
            claim.refused = Some(failure);
        }
    }
}

/// Looks into files.
pub(super) struct Worker<'a> {
    pub contents: &'a Contents,
    pub intake: Option<&'a Intake<'a>>,
    pub claims: &'a Claims,
    pub reporter: &'a dyn Reporter,
    pub limits: Limits,
    /// Where files may be opened: they may have been swapped since the folder was looked through.
    pub reach: &'a Reach,
    /// Pictures that are in no file.
    pub held: &'a Held<'a>,
}

impl Worker<'_> {
    /// Looks into the files of the batch of this number, in parallel, keeping their order.
    pub(super) fn run(&self, number: usize, files: Vec<(String, Found)>) -> Batch {
        let items = files.into_par_iter().with_max_len(1).map(|(path, found)| {
            let outcome = if self.reporter.cancelled() {
                Outcome::Cancelled
            } else {
                self.look(number, &path, &found)
            };
            self.reporter.advance(1);
            Item {
                path,
                found,
                outcome,
            }
        });
        let mut items: Vec<Item> = items.collect();
        // Threads stop at different places. What lies behind the first gap is left to the next run, so that
        // images come in path order however often the work was stopped.
        let stopped = |item: &Item| matches!(item.outcome, Outcome::Cancelled);
        items.truncate(items.iter().position(stopped).unwrap_or(items.len()));
        self.settle(number, &mut items);
        Batch { items }
    }

    /// Gives each content that was described in this batch to its first file in path order, so that images come in the same
    /// order whichever thread was first.
    fn settle(&self, number: usize, items: &mut Vec<Item>) {
        let mut described: HashMap<[u8; 32], usize> = HashMap::new();
        for (at, item) in items.iter().enumerate() {
            if let Outcome::Described(image) = &item.outcome {
                described.insert(image.row.content, at);
            }
        }
        let claims = self.claims.lock();
        for at in 0..items.len() {
            let Outcome::Same(hash) = items[at].outcome else {
                continue;
            };
            let claim = claims.get(&hash);
            if let Some(failure) = claim.and_then(|claim| claim.refused.clone()) {
                items[at].outcome = failed(failure);
                continue;
            }
            match described.get_mut(&hash) {
                Some(place) if *place > at => {
                    let later = std::mem::replace(&mut items[*place].outcome, Outcome::Same(hash));
                    items[at].outcome = later;
                    *place = at;
                }
                // The file that was described lies behind the gap; this one is left to the next run as well.
                None if claim.is_some_and(|claim| claim.batch == number) => {
                    items.truncate(at);
                    break;
                }
                _ => {}
            }
        }
    }

    fn look(&self, number: usize, path: &str, found: &Found) -> Outcome {
        let limit = self.limits.max_file_bytes;
        if found.size as u64 > limit {
            let reason = format!(
                "the file size in bytes is {}, above the limit of {limit}; make a smaller copy",
                found.size
            );
            return Outcome::Skipped(reason);
        }
        let bytes = match self.held.bytes(path) {
            Some(bytes) => Cow::Borrowed(bytes),
            None => match self.reach.read(Path::new(path), limit) {
                Ok(bytes) => Cow::Owned(bytes),
                Err(error) => return refused(error.kind()),
            },
        };
        let hash = *blake3::hash(&bytes).as_bytes();
        let known = self
            .contents
            .read()
            .ok()
            .and_then(|map| map.get(&hash).copied());
        if let (None, Some(foreign)) = (known, Foreign::of_file(Path::new(path), &bytes)) {
            return Outcome::Foreign(foreign);
        }
        match (known, self.intake) {
            (Some(image), _) => Outcome::Known(image),
            (None, None) => Outcome::Read(hash),
            (None, Some(_)) if !self.claims.claim(hash, number) => Outcome::Same(hash),
            (None, Some(intake)) => match intake.describe(&bytes, hash) {
                Ok(described) => Outcome::Described(Box::new(described)),
                Err(failure) => {
                    self.claims.refuse(hash, failure.clone());
                    failed(failure)
                }
            },
        }
    }
}

/// What became of a file that could not be read. It was a sound file when the folder was looked through, so whatever has
/// taken its place may pass.
fn refused(kind: &ErrorKind) -> Outcome {
    let gone = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
    match kind {
        ErrorKind::TooLarge { .. } => Outcome::Skipped(kind.to_string()),
        ErrorKind::Outside => Outcome::Unread(OUTSIDE.to_owned()),
        ErrorKind::NotAFile => Outcome::Unread(NO_FILE.to_owned()),
        ErrorKind::Io(error) if gone(error) => {
            Outcome::Unread("the file went away before it was read".to_owned())
        }
        ErrorKind::Io(error) => {
            Outcome::Unread(format!("the file cannot be read ({})", error.kind()))
        }
        other => Outcome::Unread(other.to_string()),
    }
}
