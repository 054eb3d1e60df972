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
use vizsla_vectors::{
    AtomicFile, CellIndex, HierarchicalConfig, Neighbour, Rotation, content_id, hierarchical_kmeans,
};

use crate::Error;
pub use crate::codebook_file::SIGNATURE_BITS;
use crate::codebook_file::{self, MAX_WORDS};

/// Cells whose words are compared with a descriptor. See `benches/words.md` for the recall.
const PROBES: usize = 8;

/// Signs of a rotated residual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Signature(pub [u64; 2]);

impl Signature {
    /// Number of differing bits, 0 to 128.
    pub fn distance(self, other: Signature) -> u32 {
        (self.0[0] ^ other.0[0]).count_ones() + (self.0[1] ^ other.0[1]).count_ones()
    }
}

/// How a codebook is learned.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainConfig {
    /// Number of visual words, 1 to 65,536.
    pub words: usize,
    /// Rounds of k-means inside the coarse cells.
    pub iterations: usize,
    /// Rounds of k-means over all descriptors and words after that.
    pub refinements: usize,
    /// Most descriptors used; an even subset is taken of more.
    pub max_descriptors: usize,
    /// Seed of the starts and of the rotation.
    pub seed: u64,
    /// What the descriptors are.
    pub descriptor: DescriptorKind,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            words: 32_768,
            iterations: 8,
            refinements: 3,
            max_descriptors: 2_000_000,
            seed: 1,
            descriptor: DescriptorKind::RootSift,
        }
    }
}

/// A stage of the training that was finished.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainProgress {
    /// Stages done.
    pub stage: usize,
    /// Stages there are.
    pub stages: usize,
    /// Mean squared distance of a descriptor to its word before the stage, where known.
    pub distortion: Option<f64>,
}

/// Up to 65,536 visual words.
#[derive(Debug, Clone)]
pub struct Codebook {
    pub(crate) index: CellIndex,
    pub(crate) rotation: Rotation,
    pub(crate) kind: DescriptorKind,
    pub(crate) id: String,
}

impl Codebook {
    /// Learns a codebook from descriptors of many images. The same descriptors, config and seed give
    /// the same codebook. Works in the current rayon pool.
    ///
    /// # Errors
    /// [`Error::WordCount`], [`Error::TooFewDescriptors`] when there are fewer descriptors than words.
    pub fn train(
        descriptors: &[Descriptor],
        config: &TrainConfig,
        progress: &dyn Fn(TrainProgress),
    ) -> Result<Self, Error> {
        if config.words == 0 || config.words > MAX_WORDS {
            return Err(Error::WordCount(config.words));
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
        let hierarchical = HierarchicalConfig {
            clusters: config.words,
            iterations: config.iterations,
            refinements: config.refinements,
            seed: config.seed,
            ..HierarchicalConfig::default()
        };
        let count = descriptors.len() as f64;
        let words = hierarchical_kmeans(descriptors, &hierarchical, &|stage, stages, inertia| {
            progress(TrainProgress {
                stage,
                stages,
                distortion: inertia.map(|inertia| inertia / count),
            });
        });
        let cells = (config.words as f64).sqrt().round().max(1.0) as usize;
        let index = CellIndex::build(&words, cells, 2 * config.iterations, config.seed);
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
        Self::assemble(index, Rotation::random(0), DescriptorKind::RootSift)
    }

    fn assemble(index: CellIndex, rotation: Rotation, kind: DescriptorKind) -> Self {
        let id = content_id(&codebook_file::encode(&index, &rotation, kind));
        Self {
            index,
            rotation,
            kind,
            id,
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

    /// The word nearest to a descriptor, found among the words of the nearest cells.
    pub fn assign(&self, descriptor: &Descriptor) -> u32 {
        self.index
            .nearest(descriptor, PROBES)
            .map_or(0, |nearest| nearest.row)
    }

    /// The `count` words nearest to a descriptor as (word, squared distance), nearest first. They
    /// replace what `out` held.
    pub fn assign_many(&self, descriptor: &Descriptor, count: usize, out: &mut Vec<(u32, u32)>) {
        let mut found: Vec<Neighbour> = Vec::with_capacity(count);
        self.index
            .nearest_many(descriptor, count, PROBES, &mut found);
        out.clear();
        out.extend(found.iter().map(|n| (n.row, n.distance)));
    }

    /// Signs of the rotated residual of a descriptor at a word; a bit is set where the residual is
    /// positive. A word the codebook does not have gives the residual to zero.
    pub fn signature(&self, descriptor: &Descriptor, word: u32) -> Signature {
        let centre = self.index.rows().get(word as usize);
        let mut residual = descriptor.map(i16::from);
        if let Some(centre) = centre {
            for (r, &c) in residual.iter_mut().zip(centre) {
                *r -= i16::from(c);
            }
        }
        let rotated = self.rotation.apply(&residual);
        let mut signature = Signature::default();
        for (half, values) in signature.0.iter_mut().zip(rotated.chunks_exact(64)) {
            for (bit, &value) in values.iter().enumerate() {
                *half |= u64::from(value > 0) << bit;
            }
        }
        signature
    }
}

/// Every so many-th descriptor, `count` in all.
fn thin(descriptors: &[Descriptor], count: usize) -> Vec<Descriptor> {
    (0..count)
        .map(|i| descriptors[(i as u128 * descriptors.len() as u128 / count as u128) as usize])
        .collect()
}
