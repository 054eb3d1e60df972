//! A run on disk between two steps: one file, complete or not there.
//!
//! ```text
//! "VZCK" | u32 version | u32 bytes of the head | u32 numbers | u32 CRC of the rest | u32 CRC of the header
//! head: JSON | numbers: f32
//! ```
//!
//! The head holds counts and text; every number that was computed is kept bit for bit.

use std::path::Path;

use serde::{Deserialize, Serialize};
use vizsla_vectors::{AtomicFile, FileFormat, f32s, u32_at};

use crate::error::Error;
use crate::losses::Triplet;
use crate::optimiser::SavedState;

const FORMAT: FileFormat = FileFormat {
    magic: b"VZCK",
    kind: "checkpoint of a training run",
    version: 1,
    header: 24,
};
/// Largest checkpoint that is read, bytes.
const MOST_BYTES: u64 = 16 << 30;

/// Hard triplets of an epoch that are kept for `mined.json`.
const HARDEST: usize = 24;

/// First line of `steps.csv` and `log.csv`.
const STEPS_HEAD: &str = "epoch,step,loss,rate,active_share,images_per_second,seconds\n";

/// Everything that a run needs to go on as if nothing had happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Checkpoint {
    pub head: Head,
    /// The trained tensors.
    pub values: Vec<Vec<f32>>,
    pub states: Vec<Option<SavedState>>,
}

/// What is not a tensor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Head {
    /// What the run was told: another configuration or other images do not fit.
    pub fingerprint: String,
    /// Epochs that are complete.
    pub epoch: usize,
    /// Steps of the present one.
    pub step: usize,
    /// Images in one pass: sums of other parts would round otherwise.
    pub chunk: usize,
    /// Sums of the present epoch, as bits: loss, active share, steps with a share, images, seconds.
    pub sums: [u64; 5],
    /// Seconds of training before the present epoch, as bits.
    pub seconds: u64,
    /// Best validation mAP so far, as bits, and its epoch.
    pub best: Option<(u64, usize)>,
    pub finished: bool,
    pub skipped: Vec<(usize, String)>,
    /// Triplets of the present epoch that were chosen at its start.
    pub pool: Vec<[usize; 3]>,
    /// The tables that were written so far.
    pub steps_csv: String,
    pub log_csv: String,
    pub validation_csv: String,
    /// `mined.json` so far, and that of the present epoch.
    pub mined: Vec<MinedEpoch>,
    pub mining: Vec<HardTriplet>,
    /// Lengths of the tensors and of their two moments with the steps taken.
    lengths: Vec<usize>,
    moments: Vec<Option<(usize, usize, usize)>>,
}

/// The hardest negatives of an epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct MinedEpoch {
    pub epoch: usize,
    pub hardest: Vec<HardTriplet>,
}

/// An image, or a caption, that was nearer to the anchor than it should be; images by their paths, captions by their
/// words.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct HardTriplet {
    pub anchor: String,
    pub positive: String,
    pub negative: String,
    /// Cosine similarities of the anchor, rounded: they are for the reader.
    pub similarities: [f32; 2],
}

impl Head {
    /// That of a run that begins, its tables with their first lines.
    pub fn fresh(fingerprint: String, validation_head: &str) -> Head {
        Head {
            fingerprint,
            steps_csv: STEPS_HEAD.into(),
            log_csv: STEPS_HEAD.into(),
            validation_csv: validation_head.into(),
            ..Head::default()
        }
    }

    /// Keeps the hardest triplets of the epoch, these among them.
    pub fn remember(&mut self, found: impl IntoIterator<Item = HardTriplet>) {
        let round = |x: f32| (x * 1e4).round() / 1e4;
        let kept = &mut self.mining;
        kept.extend(found.into_iter().map(|triplet| HardTriplet {
            similarities: triplet.similarities.map(round),
            ..triplet
        }));
        let violation = |t: &HardTriplet| t.similarities[1] - t.similarities[0];
        kept.sort_by(|a, b| {
            violation(b)
                .total_cmp(&violation(a))
                .then_with(|| (&a.anchor, &a.negative).cmp(&(&b.anchor, &b.negative)))
        });
        kept.dedup_by(|a, b| (&a.anchor, &a.negative) == (&b.anchor, &b.negative));
        kept.truncate(HARDEST);
    }

    /// Puts what was remembered of an epoch to the others.
    pub fn close_epoch(&mut self, epoch: usize) {
        self.mined.push(MinedEpoch {
            epoch,
            hardest: std::mem::take(&mut self.mining),
        });
        self.pool.clear();
    }

    /// Triplets as they are stored.
    pub fn set_pool(&mut self, triplets: &[Triplet]) {
        let plain = |t: &Triplet| [t.anchor, t.positive, t.negative];
        self.pool = triplets.iter().map(plain).collect();
    }
}

impl Checkpoint {
    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written; what was there stays.
    pub fn save(&mut self, path: &Path) -> Result<(), Error> {
        self.head.lengths = self.values.iter().map(Vec::len).collect();
        let moments = |state: &SavedState| (state.steps, state.first.len(), state.second.len());
        self.head.moments = self
            .states
            .iter()
            .map(|s| s.as_ref().map(moments))
            .collect();
        let head = serde_json::to_vec(&self.head).map_err(|e| Error::shape(e.to_string()))?;
        let of_states = self
            .states
            .iter()
            .flatten()
            .flat_map(|s| [&s.first, &s.second]);
        let mut payload = head.clone();
        let mut numbers = 0u64;
        for part in self.values.iter().chain(of_states) {
            payload.extend(part.iter().flat_map(|x| x.to_le_bytes()));
            numbers += part.len() as u64;
        }
        let fields = [head.len() as u32, numbers as u32];
        let bytes = FORMAT.encode(&fields, &payload);
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        Ok(AtomicFile::write_whole(path, &bytes)?)
    }

    /// Reads the file.
    ///
    /// # Errors
    /// When it is no checkpoint, is damaged or of a newer version.
    pub fn open(path: &Path) -> Result<Checkpoint, Error> {
        let bytes = FORMAT.read(path, MOST_BYTES)?;
        let mut head_bytes = 0;
        let payload = FORMAT.payload(&bytes, path, |header| {
            head_bytes = u32_at(header, 8) as usize;
            (u32_at(header, 12) as usize)
                .checked_mul(4)?
                .checked_add(head_bytes)
        })?;
        let damaged = |what| Error::from(FORMAT.damaged(what, path));
        let (text, numbers) = payload.split_at(head_bytes);
        let head: Head = serde_json::from_slice(text).map_err(|_| damaged("head"))?;
        let mut numbers = f32s(numbers);
        let mut left = payload.len().saturating_sub(head_bytes) / 4;
        let mut take = |count: usize| -> Result<Vec<f32>, Error> {
            left = left.checked_sub(count).ok_or_else(|| damaged("sizes"))?;
            Ok(numbers.by_ref().take(count).collect())
        };
        let mut values = Vec::new();
        for &length in &head.lengths {
            values.push(take(length)?);
        }
        let mut states = Vec::new();
        for moments in &head.moments {
            states.push(match *moments {
                Some((steps, first, second)) => Some(SavedState {
                    steps,
                    first: take(first)?,
                    second: take(second)?,
                }),
                None => None,
            });
        }
        Ok(Checkpoint {
            head,
            values,
            states,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_comes_back_to_the_bit_and_damage_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint/state.vzck");
        let mut checkpoint = Checkpoint {
            head: Head {
                fingerprint: "x".into(),
                epoch: 3,
                sums: [0.1f64.to_bits(); 5],
                best: Some((0.7f64.to_bits(), 2)),
                skipped: vec![(4, "torn".into())],
                pool: vec![[1, 2, 3]],
                ..Head::default()
            },
            values: vec![vec![0.1, f32::MIN_POSITIVE / 3.0], vec![]],
            states: vec![
                Some(SavedState {
                    steps: 5,
                    first: vec![1.0 / 3.0, 2.0],
                    second: vec![7.0, 1e-38],
                }),
                None,
            ],
        };
        checkpoint.save(&path).unwrap();
        assert_eq!(Checkpoint::open(&path).unwrap(), checkpoint);
        let bytes = fs_err::read(&path).unwrap();
        for at in [0, 5, 9, 30, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            fs_err::write(&path, &changed).unwrap();
            assert!(Checkpoint::open(&path).is_err(), "{at}");
        }
        fs_err::write(&path, &bytes[..bytes.len() - 4]).unwrap();
        assert!(Checkpoint::open(&path).is_err());
    }
}
