//! A learned hash and its file.

use std::path::Path;

use rayon::prelude::*;

use super::itq::{learn_rotation, random_rotation};
use super::method::HashMethod;
use super::spectral::{Wave, Waves};
use crate::Error;
use crate::binary_codes::BinaryCodes;
use crate::distance::dot_f32;
use crate::files::{AtomicFile, FileFormat, content_id, f32s, u32_at, u32s};
use crate::points::{count_points, in_range};
use crate::projection::{MAX_DIMENSION, Projection};

/// Most bits of a learned code.
const MOST_BITS: usize = 4096;
/// Rounds in which a rotation is learned.
const ROUNDS: usize = 50;
const FORMAT: FileFormat = FileFormat {
    magic: b"VZBH",
    kind: "hash",
    version: 1,
    header: 32,
};
/// Bytes of a projection beside its numbers.
const PROJECTION_HEADER: usize = 28;
const MAX_BYTES: u64 = 1 << 31;
/// Vectors one task encodes.
const CHUNK: usize = 256;

/// Learned binary codes of float vectors.
///
/// The file, `VZBH`, little-endian: magic, version 1, method, bits, input dimension, components, CRC-32 of what follows the
/// header, CRC-32 of the header up to here (4 bytes each), and a projection file of the principal components. Then, for
/// spectral hashing, the low ends of the box and the lengths of its sides (f32), component and half waves of each bit (u32); for
/// iterative quantisation a row of the rotation (f32) for each bit.
#[derive(Debug, Clone, PartialEq)]
pub struct BinaryHasher {
    projection: Projection,
    form: Form,
    id: String,
}

#[derive(Debug, Clone, PartialEq)]
enum Form {
    Spectral(Waves),
    /// Transposed: a row for each bit.
    Itq(Vec<f32>),
}

impl BinaryHasher {
    /// Learns codes of `bits` (1 to 4,096) from `samples`, rows of `dimension` numbers. The seed is that of the first rotation;
    /// spectral hashing draws nothing.
    ///
    /// # Errors
    /// The samples are not whole rows of finite numbers, or fewer than two; or, for iterative quantisation, they span fewer
    /// dimensions than there are bits.
    pub fn learn(
        samples: &[f32],
        dimension: usize,
        bits: usize,
        method: HashMethod,
        seed: u64,
    ) -> Result<Self, Error> {
        in_range("the bits of a code", bits, 1, MOST_BITS)?;
        let spanned = Projection::pca(samples, dimension, 0, false)?;
        let projection = spanned.truncated(bits);
        let project = |sample| projection.apply(sample);
        let projected: Vec<f32> = samples
            .par_chunks_exact(dimension)
            .flat_map_iter(project)
            .collect();
        if !projected.iter().all(|x| x.is_finite()) {
            return Err(Error::Decomposition);
        }
        let form = match method {
            HashMethod::Spectral => {
                let (low, sides) = box_around(&projected, projection.output());
                Form::Spectral(Waves::longest(low, sides, bits))
            }
            HashMethod::Itq => {
                if projection.output() < bits {
                    return Err(Error::TooFew {
                        what: "dimensions spanned by the samples",
                        found: projection.output(),
                        needed: bits,
                    });
                }
                let start = random_rotation(bits, seed);
                let rotation = learn_rotation(&projected, start, ROUNDS)?;
                let columns = rotation.col_iter();
                let columns = columns.flat_map(|column| column.iter().map(|&x| x as f32));
                Form::Itq(columns.collect())
            }
        };
        Ok(Self::assemble(projection, form))
    }

    fn assemble(projection: Projection, form: Form) -> Self {
        let mut hasher = Self {
            projection,
            form,
            id: String::new(),
        };
        hasher.id = content_id(&hasher.to_bytes());
        hasher
    }

    /// How it was learned.
    pub fn method(&self) -> HashMethod {
        match self.form {
            Form::Spectral(_) => HashMethod::Spectral,
            Form::Itq(_) => HashMethod::Itq,
        }
    }

    /// Dimension of the vectors it takes.
    pub fn input(&self) -> usize {
        self.projection.input()
    }

    /// Bits of a code.
    pub fn bits(&self) -> usize {
        match &self.form {
            Form::Spectral(waves) => waves.waves.len(),
            Form::Itq(_) => self.projection.output(),
        }
    }

    /// The principal components that codes are made from.
    pub fn projection(&self) -> &Projection {
        &self.projection
    }

    /// Of iterative quantisation the rotation, row by row: a row for each bit, of as many numbers as there are bits.
    pub fn rotation(&self) -> Option<&[f32]> {
        match &self.form {
            Form::Spectral(_) => None,
            Form::Itq(rotation) => Some(rotation),
        }
    }

    /// Of spectral hashing the component and the number of half waves of each bit.
    pub fn waves(&self) -> Option<Vec<(u32, u32)>> {
        match &self.form {
            Form::Spectral(waves) => {
                let waves = waves.waves.iter();
                Some(waves.map(|wave| (wave.axis, wave.halves)).collect())
            }
            Form::Itq(_) => None,
        }
    }

    /// Hash of the content, 32 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The code of a vector, ⌈bits / 64⌉ words, the first bit in the lowest place. Of a vector of another dimension the common
    /// part counts; where a component is no number its bits are 0.
    pub fn encode(&self, vector: &[f32]) -> Vec<u64> {
        let projected = self.projection.apply(vector);
        let mut words = vec![0u64; self.bits().div_ceil(64)];
        let mut set = |bit: usize| words[bit / 64] |= 1 << (bit % 64);
        match &self.form {
            Form::Spectral(waves) => {
                let signs = waves.signs(&projected).enumerate();
                signs
                    .filter(|&(_, sign)| sign)
                    .for_each(|(bit, _)| set(bit));
            }
            Form::Itq(rotation) => {
                let rows = rotation.chunks_exact(self.projection.output()).enumerate();
                rows.filter(|(_, row)| dot_f32(row, &projected) >= 0.0)
                    .for_each(|(bit, _)| set(bit));
            }
        }
        words
    }

    /// The codes of vectors, row by row, in parallel in the current rayon pool.
    ///
    /// # Errors
    /// The vectors are not whole rows of finite numbers.
    pub fn encode_all(&self, vectors: &[f32]) -> Result<BinaryCodes, Error> {
        count_points(vectors, self.input())?;
        let rows = vectors.par_chunks_exact(self.input()).with_min_len(CHUNK);
        let words = rows.flat_map_iter(|vector| self.encode(vector));
        BinaryCodes::new(self.bits(), words.collect())
    }

    /// The content of a hash file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut payload = self.projection.to_bytes();
        match &self.form {
            Form::Spectral(waves) => {
                let ends = waves.low.iter().chain(&waves.sides);
                payload.extend(ends.flat_map(|x| x.to_le_bytes()));
                let waves = waves.waves.iter().flat_map(|wave| [wave.axis, wave.halves]);
                payload.extend(waves.flat_map(u32::to_le_bytes));
            }
            Form::Itq(rotation) => payload.extend(rotation.iter().flat_map(|x| x.to_le_bytes())),
        }
        let sizes = [self.bits(), self.input(), self.projection.output()].map(|size| size as u32);
        let fields = [self.method().number(), sizes[0], sizes[1], sizes[2]];
        FORMAT.encode(&fields, &payload)
    }

    /// Reads what [`BinaryHasher::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are not a hash, are of a newer version, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::decode(bytes, Path::new("(bytes)"))
    }

    fn decode(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let payload = FORMAT.payload(bytes, path, |header| {
            let sizes = Sizes::read(header)?;
            Some(sizes.projection + sizes.form)
        })?;
        let unsound = || FORMAT.damaged("sizes out of range", path);
        let sizes = Sizes::read(bytes).ok_or_else(unsound)?;
        let (projection, form) = payload.split_at(sizes.projection);
        let projection = Projection::from_bytes(projection)?;
        if (projection.input(), projection.output()) != (sizes.input, sizes.components) {
            return Err(unsound());
        }
        let form = sizes
            .form(form)
            .ok_or_else(|| FORMAT.damaged("numbers", path))?;
        Ok(Self {
            projection,
            form,
            id: content_id(bytes),
        })
    }

    /// Writes the hash to a file, which appears complete or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        Ok(AtomicFile::write_whole(path, &self.to_bytes())?)
    }

    /// Reads a hash file.
    ///
    /// # Errors
    /// When the file cannot be read, is not a hash, is of a newer version, or damaged.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::decode(&FORMAT.read(path, MAX_BYTES)?, path)
    }
}

/// What the header of a file says, within bounds.
struct Sizes {
    method: HashMethod,
    bits: usize,
    input: usize,
    components: usize,
    /// Bytes of the projection, and of what follows it.
    projection: usize,
    form: usize,
}

impl Sizes {
    fn read(header: &[u8]) -> Option<Self> {
        let [bits, input, components] = [12, 16, 20].map(|at| u32_at(header, at) as usize);
        let mut methods = HashMethod::ALL.into_iter();
        let method = methods.find(|method| method.number() == u32_at(header, 8))?;
        let most = input.min(bits);
        let fits = (1..=MOST_BITS).contains(&bits) && (1..=MAX_DIMENSION).contains(&input);
        if !fits || !(1..=most).contains(&components) {
            return None;
        }
        let form = match method {
            HashMethod::Spectral => 8 * components + 8 * bits,
            HashMethod::Itq if components == bits => 4 * bits * bits,
            HashMethod::Itq => return None,
        };
        Some(Self {
            method,
            bits,
            input,
            components,
            projection: PROJECTION_HEADER + 4 * (input + input * components),
            form,
        })
    }

    fn form(&self, bytes: &[u8]) -> Option<Form> {
        if self.method == HashMethod::Itq {
            let rotation: Vec<f32> = f32s(bytes).collect();
            let finite = rotation.iter().all(|x| x.is_finite());
            return finite.then_some(Form::Itq(rotation));
        }
        let (ends, waves) = bytes.split_at_checked(8 * self.components)?;
        let mut ends = f32s(ends);
        let low: Vec<f32> = ends.by_ref().take(self.components).collect();
        let sides: Vec<f32> = ends.collect();
        let waves: Vec<u32> = u32s(waves).collect();
        let waves = waves.chunks_exact(2).map(|pair| Wave {
            axis: pair[0],
            halves: pair[1],
        });
        let waves: Vec<Wave> = waves.collect();
        let in_box = |wave: &Wave| (wave.axis as usize) < self.components;
        let sound = low.iter().all(|x| x.is_finite())
            && sides.iter().all(|x| x.is_finite() && *x > 0.0)
            && waves.len() == self.bits
            && waves.iter().all(in_box);
        sound.then_some(Form::Spectral(Waves { low, sides, waves }))
    }
}

/// Low ends and lengths of the sides of the box around rows of `dimension` numbers; no side is 0.
fn box_around(rows: &[f32], dimension: usize) -> (Vec<f32>, Vec<f32>) {
    let mut low = vec![f32::INFINITY; dimension];
    let mut high = vec![f32::NEG_INFINITY; dimension];
    for row in rows.chunks_exact(dimension) {
        for ((low, high), &x) in low.iter_mut().zip(&mut high).zip(row) {
            *low = low.min(x);
            *high = high.max(x);
        }
    }
    let sides = low.iter().zip(&high).map(|(low, high)| high - low);
    let sides = sides
        .map(|side| side.clamp(f32::MIN_POSITIVE, f32::MAX))
        .collect();
    (low, sides)
}
