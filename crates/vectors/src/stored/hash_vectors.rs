//! Vectors in a file, found through binary codes.

use std::path::Path;

use rayon::prelude::*;

use super::exact::OverStored;
use super::file::{Row, Stored};
use super::writer::Gathered;
use crate::binary_codes::BinaryCodes;
use crate::files::{FileFormat, u32_at, u64_at};
use crate::hashing::{BinaryHasher, HashMethod};
use crate::nearest_few::NearestFew;
use crate::points::in_range;
use crate::random::Random;
use crate::{Allowed, Error, TopK, hamming};

static FORMAT: FileFormat = FileFormat {
    magic: b"VZHV",
    kind: "hash of vectors",
    version: 1,
    header: super::file::HEADER,
};
/// Fewer vectors have no codes: they are all compared.
const LEAST: usize = 4096;
/// Vectors that a code is learned from.
const LEARNED_FROM: usize = 16_384;
/// Vectors that a search compares, unless it is told otherwise.
const CANDIDATES: usize = 4096;
/// For each answer that is wanted at least so many.
const CANDIDATES_EACH: usize = 16;
/// Codes one task looks through.
const BLOCK: usize = 1 << 15;

/// How an index is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashVectorsConfig {
    /// How codes are learned; semantic ones are not, see [`HashVectors::create_with`].
    pub method: HashMethod,
    /// Bits of a code, 1 to 4,096; iterative quantisation gives no more than the vectors span dimensions.
    pub bits: usize,
    /// Seed of the vectors that are learned from, and of the first rotation.
    pub seed: u64,
}

impl Default for HashVectorsConfig {
    fn default() -> Self {
        Self {
            method: HashMethod::Itq,
            bits: 128,
            seed: 0,
        }
    }
}

/// Writes a [`HashVectors`] file.
pub struct HashVectorsWriter {
    gathered: Gathered,
    hash: Hash,
}

/// Where the hash of a file comes from.
enum Hash {
    Learned(HashVectorsConfig),
    Given(BinaryHasher),
}

/// A file of vectors and of binary codes of them, open for searching.
///
/// A search counts the bits in which each code differs from the query's, takes the [`HashVectors::candidates`] nearest, and
/// compares their vectors. Codes are for vectors of one length, whose inner products are ordered as Euclidean distances are.
/// Up to 4,096 vectors have no codes and are all compared, and so have vectors that are all equal.
///
/// The structure at the end of the file, after ids, vectors and sample: bytes of the hash (u32), which is that of a
/// [`BinaryHasher`] file, and the words of the codes (u64); nothing where there are no codes.
#[derive(Debug)]
pub struct HashVectors {
    stored: Stored,
    codes: Option<(BinaryHasher, BinaryCodes)>,
    /// As told, where it was told.
    candidates: Option<usize>,
}

impl HashVectorsWriter {
    /// Adds a vector; ids must ascend. Vectors are kept in memory at two bytes a number until [`HashVectorsWriter::finish`].
    ///
    /// # Errors
    /// The vector has another length or holds what is no number of 16 bits, or the id is not above the last one.
    pub fn push(&mut self, id: i64, vector: &[f32]) -> Result<(), Error> {
        self.gathered.push(id, vector)
    }

    /// Learns the codes where none are given, encodes in parallel in the current rayon pool, and writes the file; it appears whole or not at all, and
    /// never in the place of another. The same vectors and configuration give the same bytes.
    ///
    /// # Errors
    /// The file cannot be written, or no code can be learned from vectors of such values.
    pub fn finish(self) -> Result<(), Error> {
        let structure = match self.hasher()? {
            None => Vec::new(),
            Some(hasher) => {
                let bytes = hasher.to_bytes();
                let mut structure = (bytes.len() as u32).to_le_bytes().to_vec();
                structure.extend(bytes);
                let rows = (0..self.gathered.len()).into_par_iter().map_init(
                    || vec![0.0; self.gathered.dimension()],
                    |row, at| {
                        self.gathered.read(at, row);
                        hasher.encode(row)
                    },
                );
                let codes: Vec<Vec<u64>> = rows.collect();
                structure.extend(codes.iter().flatten().flat_map(|word| word.to_le_bytes()));
                structure
            }
        };
        self.gathered.write(&structure)
    }

    /// The hash that was given, or one learned from some of the vectors; none where there are few, or, to learn from, all are equal.
    fn hasher(&self) -> Result<Option<BinaryHasher>, Error> {
        match &self.hash {
            _ if self.gathered.len() <= LEAST => Ok(None),
            Hash::Given(hasher) => Ok(Some(hasher.clone())),
            Hash::Learned(config) => self.learn(config),
        }
    }

    fn learn(&self, config: &HashVectorsConfig) -> Result<Option<BinaryHasher>, Error> {
        let (count, dimension) = (self.gathered.len(), self.gathered.dimension());
        let chosen = Random::new(config.seed).subset(LEARNED_FROM, count);
        let mut samples = vec![0.0; chosen.len() * dimension];
        for (&at, row) in chosen.iter().zip(samples.chunks_exact_mut(dimension)) {
            self.gathered.read(at, row);
        }
        let HashVectorsConfig { method, bits, seed } = *config;
        let learn = |bits| BinaryHasher::learn(&samples, dimension, bits, method, seed);
        match learn(bits) {
            // As many bits as there are dimensions.
            Err(Error::TooFew { found, .. }) if (1..bits).contains(&found) => {
                learn(found).map(Some)
            }
            Err(Error::TooFew { .. }) => Ok(None),
            learned => learned.map(Some),
        }
    }
}

impl HashVectors {
    /// Begins a file of vectors of this length. The tag, at most 32 bytes, says what made them.
    ///
    /// # Errors
    /// The dimension is 0 or above 65,536, the bits are outside of their range, or the method is one that is not learned here.
    pub fn create(
        path: &Path,
        dimension: usize,
        tag: &str,
        config: &HashVectorsConfig,
    ) -> Result<HashVectorsWriter, Error> {
        in_range("the bits of a code", config.bits, 1, 4096)?;
        if !HashMethod::LEARNED.contains(&config.method) {
            return Err(Error::NotLearnedHere {
                hash: config.method.name(),
            });
        }
        Ok(HashVectorsWriter {
            gathered: Gathered::new(&FORMAT, path, dimension, tag)?,
            hash: Hash::Learned(config.clone()),
        })
    }

    /// Begins a file of vectors that are found through the codes of this hash, of any method.
    ///
    /// # Errors
    /// The hash takes vectors of more than 65,536 numbers.
    pub fn create_with(
        path: &Path,
        tag: &str,
        hasher: BinaryHasher,
    ) -> Result<HashVectorsWriter, Error> {
        Ok(HashVectorsWriter {
            gathered: Gathered::new(&FORMAT, path, hasher.input(), tag)?,
            hash: Hash::Given(hasher),
        })
    }

    /// Opens a file. Its lengths, its header and its hash are checked, the rest only by [`VectorIndex::verify`]. Codes are read
    /// into memory, vectors stay in the file.
    ///
    /// # Errors
    /// It is not such a file, of a newer version, or damaged.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let stored = Stored::open(&FORMAT, path)?;
        let codes = match stored.structure() {
            [] => None,
            structure => Some(read_codes(structure, &stored)?),
        };
        Ok(Self {
            codes,
            candidates: None,
            stored,
        })
    }

    /// The hash, where there are codes.
    pub fn hasher(&self) -> Option<&BinaryHasher> {
        self.codes.as_ref().map(|(hasher, _)| hasher)
    }

    /// Vectors that a search for `k` compares: 4,096, and at least sixteen for each answer, unless it was told otherwise; all where
    /// there are no codes.
    pub fn candidates(&self, k: usize) -> usize {
        match (&self.codes, self.candidates) {
            (None, _) => self.stored.len(),
            (_, None) => CANDIDATES.max(k.saturating_mul(CANDIDATES_EACH)),
            (_, Some(candidates)) => candidates.max(k),
        }
    }

    /// The same index, whose searches compare so many vectors, at least as many as answers are wanted.
    #[must_use]
    pub fn with_candidates(self, candidates: usize) -> Self {
        Self {
            candidates: Some(candidates),
            ..self
        }
    }
}

fn read_codes(structure: &[u8], stored: &Stored) -> Result<(BinaryHasher, BinaryCodes), Error> {
    let length = u32_at(structure, 0) as usize;
    let rest = structure.get(4..).unwrap_or_default();
    let (hasher, codes) = rest.split_at_checked(length).unwrap_or_default();
    let hasher = BinaryHasher::from_bytes(hasher).map_err(|_| stored.damaged("hash"))?;
    let words = hasher.bits().div_ceil(64);
    let expected = stored.len().checked_mul(8 * words);
    if hasher.input() != stored.dimension() || expected != Some(codes.len()) {
        return Err(stored.damaged("codes"));
    }
    let words = codes.chunks_exact(8).map(|word| u64_at(word, 0));
    let codes = BinaryCodes::new(hasher.bits(), words.collect());
    let codes = codes.map_err(|_| stored.damaged("codes"))?;
    Ok((hasher, codes))
}

impl OverStored for HashVectors {
    fn stored(&self) -> &Stored {
        &self.stored
    }

    fn structure(&self) -> &'static str {
        "binary codes"
    }

    fn compared(&self, k: usize) -> usize {
        self.candidates(k)
    }

    /// Some thousand vectors whose codes are nearest.
    fn look(&self, query: &[f32], k: usize, allowed: &Allowed<'_>) -> TopK {
        let mut top = TopK::new(k);
        let Some((hasher, codes)) = &self.codes else {
            return top;
        };
        let code = hasher.encode(query);
        let wanted = self.candidates(k).min(codes.len());
        let blocks: Vec<NearestFew> = (0..codes.len().div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                let mut few = NearestFew::new(wanted);
                for at in block * BLOCK..codes.len().min((block + 1) * BLOCK) {
                    let distance = hamming(&code, codes.code(at));
                    // The set is looked into only for what would be kept.
                    if few.would_keep(distance, at as u32) && allowed.contains(self.stored.id(at)) {
                        few.push(distance, at as u32);
                    }
                }
                few
            })
            .collect();
        let mut few = NearestFew::new(wanted);
        for (distance, at) in blocks.into_iter().flat_map(NearestFew::into_sorted) {
            few.push(distance, at);
        }
        let mut row = Row::new(self.stored.dimension());
        for (_, at) in few.into_sorted() {
            let score = self.stored.score(at as usize, query, &mut row);
            top.push(score, self.stored.id(at as usize));
        }
        top
    }
}
