//! A learned hash and its file.

use std::path::Path;

use rayon::prelude::*;

use super::itq::{learn_rotation, random_rotation};
use super::layers::{HashLayer, Layers};
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
/// header, CRC-32 of the header up to here (4 bytes each). For spectral hashing and iterative quantisation then a projection file of
/// the principal components, and, for spectral hashing, the low ends of the box and the lengths of its sides (f32), component and
/// half waves of each bit (u32); for iterative quantisation a row of the rotation (f32) for each bit. For semantic hashing
/// the number of layers stands where that of the components does, and then follow for each layer its units and its activation (u32;
/// 0 logistic, 1 rectified), and for each its weights, a row for each unit, and its biases (f32).
#[derive(Debug, Clone, PartialEq)]
pub struct BinaryHasher {
    form: Form,
    id: String,
}

#[derive(Debug, Clone, PartialEq)]
enum Form {
    Spectral(Projection, Waves),
    /// The rotation transposed: a row for each bit.
    Itq(Projection, Vec<f32>),
    Semantic(Layers),
}

impl BinaryHasher {
    /// Learns codes of `bits` (1 to 4,096) from `samples`, rows of `dimension` numbers. The seed is that of the first rotation;
    /// spectral hashing draws nothing.
    ///
    /// # Errors
    /// The samples are not whole rows of finite numbers, or fewer than two; or, for iterative quantisation, they span fewer
    /// dimensions than there are bits; or the method is semantic hashing, whose layers a network trainer learns: see
    /// [`BinaryHasher::from_layers`].
    pub fn learn(
        samples: &[f32],
        dimension: usize,
        bits: usize,
        method: HashMethod,
        seed: u64,
    ) -> Result<Self, Error> {
        if method == HashMethod::Semantic {
            return Err(Error::NotLearnedHere {
                hash: method.name(),
            });
        }
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
                Form::Spectral(projection, Waves::longest(low, sides, bits))
            }
            HashMethod::Itq | HashMethod::Semantic => {
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
                Form::Itq(projection, columns.collect())
            }
        };
        Ok(Self::assemble(form))
    }

    /// Codes of an encoder that was trained elsewhere: semantic hashing (Salakhutdinov & Hinton 2009). It takes vectors of `input`
    /// (1 to 131,072) numbers; the last of the 1 to 16 layers is logistic and has a unit for each bit (1 to 4,096). A bit is 1 where
    /// its unit is at 0.5 or above, which is where the sum that goes into the logistic function is not negative.
    ///
    /// # Errors
    /// Numbers outside of these ranges, more than 65,536 units in a layer or 2²⁶ weights in all; weights that are not a row for each
    /// unit, or not finite.
    pub fn from_layers(input: usize, layers: Vec<HashLayer>) -> Result<Self, Error> {
        let layers = Layers::new(input, layers, MOST_BITS)?;
        Ok(Self::assemble(Form::Semantic(layers)))
    }

    fn assemble(form: Form) -> Self {
        let mut hasher = Self {
            form,
            id: String::new(),
        };
        hasher.id = content_id(&hasher.to_bytes());
        hasher
    }

    /// How it was learned.
    pub fn method(&self) -> HashMethod {
        match self.form {
            Form::Spectral(..) => HashMethod::Spectral,
            Form::Itq(..) => HashMethod::Itq,
            Form::Semantic(_) => HashMethod::Semantic,
        }
    }

    /// Dimension of the vectors it takes.
    pub fn input(&self) -> usize {
        match &self.form {
            Form::Spectral(projection, _) | Form::Itq(projection, _) => projection.input(),
            Form::Semantic(layers) => layers.input(),
        }
    }

    /// Bits of a code.
    pub fn bits(&self) -> usize {
        match &self.form {
            Form::Spectral(_, waves) => waves.waves.len(),
            Form::Itq(projection, _) => projection.output(),
            Form::Semantic(layers) => layers.bits(),
        }
    }

    /// The principal components that codes are made from; `None` for semantic hashing.
    pub fn projection(&self) -> Option<&Projection> {
        match &self.form {
            Form::Spectral(projection, _) | Form::Itq(projection, _) => Some(projection),
            Form::Semantic(_) => None,
        }
    }

    /// Of iterative quantisation the rotation, row by row: a row for each bit, of as many numbers as there are bits.
    pub fn rotation(&self) -> Option<&[f32]> {
        match &self.form {
            Form::Itq(_, rotation) => Some(rotation),
            Form::Spectral(..) | Form::Semantic(_) => None,
        }
    }

    /// Of spectral hashing the component and the number of half waves of each bit.
    pub fn waves(&self) -> Option<Vec<(u32, u32)>> {
        match &self.form {
            Form::Spectral(_, waves) => {
                let waves = waves.waves.iter();
                Some(waves.map(|wave| (wave.axis, wave.halves)).collect())
            }
            Form::Itq(..) | Form::Semantic(_) => None,
        }
    }

    /// Of semantic hashing the layers.
    pub fn layers(&self) -> Option<&[HashLayer]> {
        match &self.form {
            Form::Semantic(layers) => Some(layers.all()),
            Form::Spectral(..) | Form::Itq(..) => None,
        }
    }

    /// Hash of the content, 32 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The code of a vector, ⌈bits / 64⌉ words, the first bit in the lowest place. Of a vector of another dimension the common
    /// part counts; where a component is no number its bits are 0.
    pub fn encode(&self, vector: &[f32]) -> Vec<u64> {
        let mut words = vec![0u64; self.bits().div_ceil(64)];
        let mut set = |bits: &mut dyn Iterator<Item = bool>| {
            let ones = bits.enumerate().filter(|&(_, one)| one);
            ones.for_each(|(bit, _)| words[bit / 64] |= 1 << (bit % 64));
        };
        match &self.form {
            Form::Spectral(projection, waves) => {
                set(&mut waves.signs(&projection.apply(vector)));
            }
            Form::Itq(projection, rotation) => {
                let projected = projection.apply(vector);
                let rows = rotation.chunks_exact(projection.output());
                set(&mut rows.map(|row| dot_f32(row, &projected) >= 0.0));
            }
            Form::Semantic(layers) => {
                set(&mut layers.logits(vector).into_iter().map(|logit| logit >= 0.0));
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
        let (parts, payload) = match &self.form {
            Form::Spectral(projection, waves) => {
                let mut payload = projection.to_bytes();
                let ends = waves.low.iter().chain(&waves.sides);
                payload.extend(ends.flat_map(|x| x.to_le_bytes()));
                let waves = waves.waves.iter().flat_map(|wave| [wave.axis, wave.halves]);
                payload.extend(waves.flat_map(u32::to_le_bytes));
                (projection.output(), payload)
            }
            Form::Itq(projection, rotation) => {
                let mut payload = projection.to_bytes();
                payload.extend(rotation.iter().flat_map(|x| x.to_le_bytes()));
                (projection.output(), payload)
            }
            Form::Semantic(layers) => (layers.all().len(), layers.to_bytes()),
        };
        let sizes = [self.bits(), self.input(), parts].map(|size| size as u32);
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
        let payload = FORMAT.payload(bytes, path, |_| Some(Sizes::read(bytes)?.payload))?;
        let sizes = Sizes::read(bytes);
        let form = sizes.and_then(|sizes| sizes.form(payload));
        let form = form.ok_or_else(|| FORMAT.damaged("numbers", path))?;
        Ok(Self {
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

/// What the sizes of a file are, within bounds.
struct Sizes {
    method: HashMethod,
    bits: usize,
    input: usize,
    /// Components of a projection, or layers.
    parts: usize,
    /// Bytes behind the header.
    payload: usize,
}

impl Sizes {
    /// Sizes by the header and, where there is one, the table of layers behind it.
    fn read(bytes: &[u8]) -> Option<Self> {
        let [bits, input, parts] = [12, 16, 20].map(|at| u32_at(bytes, at) as usize);
        let mut methods = HashMethod::ALL.into_iter();
        let method = methods.find(|method| method.number() == u32_at(bytes, 8))?;
        if !(1..=MOST_BITS).contains(&bits) || !(1..=MAX_DIMENSION).contains(&input) {
            return None;
        }
        let payload = match method {
            HashMethod::Semantic => {
                Layers::length(bytes.get(FORMAT.header..)?, input, parts, bits)?
            }
            _ if !(1..=input.min(bits)).contains(&parts) => return None,
            HashMethod::Spectral => projection_bytes(input, parts) + 8 * parts + 8 * bits,
            HashMethod::Itq if parts == bits => projection_bytes(input, parts) + 4 * bits * bits,
            HashMethod::Itq => return None,
        };
        Some(Self {
            method,
            bits,
            input,
            parts,
            payload,
        })
    }

    fn form(&self, bytes: &[u8]) -> Option<Form> {
        if self.method == HashMethod::Semantic {
            let layers = Layers::from_bytes(bytes, self.input, self.parts, MOST_BITS);
            return layers.map(Form::Semantic);
        }
        let (projection, rest) =
            bytes.split_at_checked(projection_bytes(self.input, self.parts))?;
        let projection = Projection::from_bytes(projection).ok()?;
        if (projection.input(), projection.output()) != (self.input, self.parts) {
            return None;
        }
        if self.method == HashMethod::Itq {
            let rotation: Vec<f32> = f32s(rest).collect();
            let finite = rotation.iter().all(|x| x.is_finite());
            return finite.then_some(Form::Itq(projection, rotation));
        }
        let (ends, waves) = rest.split_at_checked(8 * self.parts)?;
        let mut ends = f32s(ends);
        let low: Vec<f32> = ends.by_ref().take(self.parts).collect();
        let sides: Vec<f32> = ends.collect();
        let waves: Vec<u32> = u32s(waves).collect();
        let waves = waves.chunks_exact(2).map(|pair| Wave {
            axis: pair[0],
            halves: pair[1],
        });
        let waves: Vec<Wave> = waves.collect();
        let in_box = |wave: &Wave| (wave.axis as usize) < self.parts;
        let sound = low.iter().all(|x| x.is_finite())
            && sides.iter().all(|x| x.is_finite() && *x > 0.0)
            && waves.len() == self.bits
            && waves.iter().all(in_box);
        sound.then_some(Form::Spectral(projection, Waves { low, sides, waves }))
    }
}

/// Bytes of a projection file.
fn projection_bytes(input: usize, output: usize) -> usize {
    PROJECTION_HEADER + 4 * (input + input * output)
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
