//! Visual words and what remains of a descriptor beside its word.
//!
//! A descriptor is quantised to its nearest word (Sivic & Zisserman 2003), found through coarse cells.
//! The residual, descriptor minus word, is rotated and reduced to signs, a signature that tells apart
//! the descriptors of one word (Hamming embedding, Jégou, Douze & Schmid 2008; residual signs as in
//! ASMK, Tolias, Avrithis & Jégou 2013). The thresholds are the word itself, the mean of its
//! descriptors, so a word costs no more than its 128 bytes. All of it is integer arithmetic: a
//! codebook gives the same words and signatures on every machine.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use vizsla_features::{Descriptor, DescriptorKind};
use vizsla_vectors::{AtomicFile, CellIndex, Neighbour, Rotation, content_id};

use crate::Error;
use crate::clustering::{TrainConfig, TrainProgress};
pub use crate::codebook_file::SIGNATURE_BITS;
use crate::codebook_file::{self, MAX_WORDS};
use crate::finder::Finder;
use crate::learn::learn;
use crate::scan::prefetch;
use crate::signature::Signature;
use crate::turned::{Turned, TurnedWords, signs_above, turned};

/// What a word that a codebook does not have is turned to.
const NOTHING: Turned = [0; SIGNATURE_BITS];
/// How many words ahead memory is asked for.
const AHEAD: usize = 3;
/// Most children of a node of a vocabulary tree.
const MOST_BRANCHES: usize = 256;

/// Up to 1,048,576 visual words.
#[derive(Debug, Clone)]
pub struct Codebook {
    pub(crate) index: Finder,
    pub(crate) rotation: Rotation,
    pub(crate) kind: DescriptorKind,
    pub(crate) id: String,
    turned: TurnedWords,
}

impl Codebook {
    /// Learns a codebook from descriptors of many images. The same descriptors, config and seed give
    /// the same codebook. Works in the current rayon pool.
    ///
    /// # Errors
    /// [`Error::WordCount`], [`Error::OutOfRange`], [`Error::TooFewDescriptors`] when there are fewer descriptors than words.
    pub fn train(
        descriptors: &[Descriptor],
        config: &TrainConfig,
        progress: &dyn Fn(TrainProgress),
    ) -> Result<Self, Error> {
        if config.words == 0 || config.words > MAX_WORDS {
            return Err(Error::WordCount(config.words));
        }
        if !(2..=MOST_BRANCHES).contains(&config.branching) {
            return Err(Error::OutOfRange {
                name: "branching",
                value: config.branching as f64,
                low: 2.0,
                high: MOST_BRANCHES as f64,
            });
        }
        if descriptors.len() < config.words {
            return Err(Error::TooFewDescriptors {
                found: descriptors.len(),
                words: config.words,
            });
        }
        let used = config.max_descriptors.max(config.words);
        let thinned;
        let descriptors = if descriptors.len() > used {
            thinned = thin(descriptors, used);
            &thinned[..]
        } else {
            descriptors
        };
        let index = learn(descriptors, config, progress)?;
        let rotation = Rotation::random(config.seed);
        Ok(Self::assemble(index, rotation, config.descriptor))
    }

    /// The codebook that ships with the program, learned from general photographs. Its recipe is in
    /// `codebook/README.md`.
    pub fn builtin() -> Arc<Self> {
        static BUILTIN: OnceLock<Arc<Codebook>> = OnceLock::new();
        BUILTIN
            .get_or_init(|| {
                let bytes = include_bytes!("../codebook/general.vzcb");
                // A test reads the embedded bytes, so the fallback is never taken.
                Arc::new(Self::from_bytes(bytes).unwrap_or_else(|_| Self::empty()))
            })
            .clone()
    }

    fn empty() -> Self {
        let index = CellIndex::build(&[[0; 128]], 1, 1, 0);
        Self::assemble(
            Finder::Cells(index),
            Rotation::random(0),
            DescriptorKind::RootSift,
        )
    }

    fn assemble(index: Finder, rotation: Rotation, kind: DescriptorKind) -> Self {
        let id = content_id(&codebook_file::encode(&index, &rotation, kind));
        Self {
            index,
            rotation,
            kind,
            id,
            turned: TurnedWords::default(),
        }
    }

    /// The codebook as the content of a `.vzcb` file.
    pub fn to_bytes(&self) -> Vec<u8> {
        codebook_file::encode(&self.index, &self.rotation, self.kind)
    }

    /// Reads what [`Codebook::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are not a codebook, are of a newer version, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::of_file(bytes, Path::new("(bytes)"))
    }

    /// Writes the codebook to a file, which appears complete or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        Ok(AtomicFile::write_whole(path, &self.to_bytes())?)
    }

    /// Reads a codebook file.
    ///
    /// # Errors
    /// When the file cannot be read, is not a codebook, is of a newer version, or damaged.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::of_file(&codebook_file::read(path)?, path)
    }

    fn of_file(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let (index, rotation, kind) = codebook_file::decode(bytes, path)?;
        let id = content_id(bytes);
        Ok(Self {
            index,
            rotation,
            kind,
            id,
            turned: TurnedWords::default(),
        })
    }

    /// Hash of the content, 32 hexadecimal digits. Equal codebooks have equal ids.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What its descriptors are. It says nothing of descriptors of another kind.
    pub fn kind(&self) -> DescriptorKind {
        self.kind
    }

    /// Number of words.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are no words; never true of a codebook that was trained or read.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The words as descriptors, by word number.
    pub fn words(&self) -> &[Descriptor] {
        self.index.rows()
    }

    /// Whether descriptors are given words by way of a vocabulary tree.
    pub fn is_tree(&self) -> bool {
        matches!(self.index, Finder::Tree(_))
    }

    /// The word nearest to a descriptor, found among the words of the nearest cells; that at the end of the tree's path where the
    /// codebook is a tree.
    pub fn assign(&self, descriptor: &Descriptor) -> u32 {
        self.index.nearest(descriptor)
    }

    /// The `count` words nearest to a descriptor as (word, squared distance), nearest first. They
    /// replace what `out` held. Of a tree, that of [`Codebook::assign`] is among them.
    pub fn assign_many(&self, descriptor: &Descriptor, count: usize, out: &mut Vec<(u32, u32)>) {
        let found = self.index.nearest_many(descriptor, count);
        out.clear();
        out.extend(found.iter().map(|n| (n.row, n.distance)));
    }

    /// [`Codebook::assign`] of each of many descriptors, several times as fast.
    pub fn assign_each(&self, descriptors: &[Descriptor]) -> Vec<u32> {
        self.index.nearest_of_each(descriptors)
    }

    /// [`Codebook::assign_many`] of each of many descriptors, several times as fast.
    pub fn assign_many_each(
        &self,
        descriptors: &[Descriptor],
        count: usize,
    ) -> Vec<Vec<(u32, u32)>> {
        let found = self.index.nearest_many_of_each(descriptors, count);
        let words = |found: Vec<Neighbour>| found.iter().map(|n| (n.row, n.distance)).collect();
        found.into_iter().map(words).collect()
    }

    /// The `count` words nearest to a descriptor as (word, share), nearest first (soft assignment, Philbin, Chum, Isard, Sivic &
    /// Zisserman, "Lost in quantization", CVPR 2008). A word at distance *d* gets exp(−*d*²/2σ²), and the shares sum to 1; `sigma` is in
    /// the units of descriptors, the paper's is √6250 ≈ 79. Of one that is no number above 0 all goes to the nearest word. They
    /// replace what `out` held.
    pub fn assign_soft(
        &self,
        descriptor: &Descriptor,
        count: usize,
        sigma: f32,
        out: &mut Vec<(u32, f32)>,
    ) {
        *out = shares(&self.index.nearest_many(descriptor, count), sigma);
    }

    /// [`Codebook::assign_soft`] of each of many descriptors, several times as fast.
    pub fn assign_soft_each(
        &self,
        descriptors: &[Descriptor],
        count: usize,
        sigma: f32,
    ) -> Vec<Vec<(u32, f32)>> {
        let found = self.index.nearest_many_of_each(descriptors, count);
        found.iter().map(|found| shares(found, sigma)).collect()
    }

    /// Signs of the rotated residual of a descriptor at a word; a bit is set where the residual is
    /// positive. A word the codebook does not have gives the residual to zero.
    pub fn signature(&self, descriptor: &Descriptor, word: u32) -> Signature {
        Signature::of_signs(self.rotated(descriptor, word))
    }

    /// [`Codebook::signature`] of a descriptor at each of many words, in their order. The codebook remembers half a kilobyte for every word it
    /// met here.
    pub fn signatures(&self, descriptor: &Descriptor, words: &[u32]) -> Vec<Signature> {
        let own = turned(&self.rotation, descriptor);
        let rows = self.index.rows();
        let known = words.iter();
        let known: Vec<&Turned> = known
            .map(|&word| {
                self.turned
                    .of(&self.rotation, rows, word)
                    .unwrap_or(&NOTHING)
            })
            .collect();
        let mut signatures = Vec::with_capacity(known.len());
        for (at, word) in known.iter().enumerate() {
            // They lie all over the memory: most of the time would go into waiting for them.
            if let Some(next) = known.get(at + AHEAD) {
                prefetch(&next[..]);
            }
            signatures.push(signs_above(&own, word));
        }
        signatures
    }

    /// The rotated residual of a descriptor at a word.
    pub(crate) fn rotated(&self, descriptor: &Descriptor, word: u32) -> [i32; SIGNATURE_BITS] {
        self.rotation.apply(&self.residual(descriptor, word))
    }

    /// A descriptor minus a word.
    pub(crate) fn residual(&self, descriptor: &Descriptor, word: u32) -> [i16; SIGNATURE_BITS] {
        let centre = self.index.rows().get(word as usize);
        let mut residual = descriptor.map(i16::from);
        if let Some(centre) = centre {
            for (r, &c) in residual.iter_mut().zip(centre) {
                *r -= i16::from(c);
            }
        }
        residual
    }
}

/// What words get of a descriptor, in their order.
fn shares(found: &[Neighbour], sigma: f32) -> Vec<(u32, f32)> {
    let least = found.first().map_or(0, |nearest| nearest.distance);
    let width = 2.0 * f64::from(sigma) * f64::from(sigma);
    let hard = !(sigma > 0.0 && sigma.is_finite());
    let shares = found.iter().enumerate().map(|(at, n)| match hard {
        true => f64::from(u8::from(at == 0)),
        // Beside the nearest: the quotient is the same, and nothing is too small for a number.
        false => (-f64::from(n.distance - least) / width).exp(),
    });
    let shares: Vec<f64> = shares.collect();
    let sum: f64 = shares.iter().sum();
    let rows = found.iter().map(|nearest| nearest.row);
    rows.zip(shares)
        .map(|(row, share)| (row, (share / sum) as f32))
        .collect()
}

/// Every so many-th descriptor, `count` in all.
fn thin(descriptors: &[Descriptor], count: usize) -> Vec<Descriptor> {
    (0..count)
        .map(|i| descriptors[(i as u128 * descriptors.len() as u128 / count as u128) as usize])
        .collect()
}
