//! All descriptors of an image as one vector: the bag of words (Sivic & Zisserman 2003), VLAD (Jégou, Perronnin, Douze, Sánchez,
//! Pérez & Schmid 2012) and the Fisher vector (Perronnin, Sánchez & Mensink 2010), over the whole or over the cells of a
//! [`Pyramid`].
//!
//! Descriptors are scaled to length 1 and reduced by PCA, as the latter two papers do, then aggregated over a small vocabulary:
//! k-means centres for the bag of words and VLAD, a Gaussian mixture for the Fisher vector. The result has length 1 and is compared by its
//! inner product; PCA or whitening on top of it is a [`vizsla_vectors::Projection`]. A network of fully connected layers
//! on top of the projected Fisher vector (Perronnin & Larlus 2015) is `vizsla_neural::VectorEncoder`.
//!
//! The formulas are those of [`vizsla_vectors::vlad`], [`vizsla_vectors::fisher_vector`] and [`Aggregation::Bow`].

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use vizsla_features::{Descriptor, DescriptorKind, UnknownName, named};
use vizsla_vectors::{
    AtomicFile, FileFormat, Gmm, Projection, content_id, f32s, fisher_vector, float_kmeans,
    l2_normalise, u32_at, vlad,
};

use crate::histogram::Histogram;
use crate::pyramid::Pyramid;
use crate::{Codebook, Error};

const FORMAT: FileFormat = FileFormat {
    magic: b"VZAG",
    kind: "aggregator",
    version: 1,
    header: 28,
};
/// Longest file that is read.
const MOST_BYTES: u64 = 1 << 30;
/// Most words of a vocabulary.
const MOST_WORDS: usize = 4096;
/// Most words that a descriptor counts for.
const MOST_NEAREST: usize = 64;
/// Bits of the first field that say what is summed; those above are the number of the kind of descriptors.
const AGGREGATION_BITS: u32 = 16;

/// What is summed over the descriptors of an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// Residuals to the nearest centre, signed square root.
    Vlad,
    /// Residuals to the nearest centre, those of each centre scaled to length 1 (Arandjelović & Zisserman 2013).
    #[default]
    VladIntra,
    /// Gradients by the means and variances of a mixture.
    Fisher,
    /// How many descriptors have each word, times its inverse document frequency, square roots: the Hellinger kernel of
    /// histograms (Sivic & Zisserman 2003; Perronnin, Sánchez & Liu 2010).
    Bow,
}

impl Aggregation {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Vlad, Self::VladIntra, Self::Fisher, Self::Bow];

    /// The name as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vlad => "vlad",
            Self::VladIntra => "vlad_intra",
            Self::Fisher => "fisher",
            Self::Bow => "bow",
        }
    }

    /// Words where nobody says how many.
    pub fn usual_words(self) -> usize {
        match self {
            Self::Vlad | Self::VladIntra | Self::Fisher => 64,
            Self::Bow => 1024,
        }
    }

    /// Numbers of a vector, for so many words of so many components.
    pub fn length(self, words: usize, components: usize) -> usize {
        match self {
            Self::Vlad | Self::VladIntra => words * components,
            Self::Fisher => 2 * words * components,
            Self::Bow => words,
        }
    }
}

impl fmt::Display for Aggregation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Aggregation {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        named("aggregation", text, &Self::ALL, Self::name)
    }
}

/// How an [`Aggregator`] is learned.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregatorConfig {
    /// What is summed.
    pub aggregation: Aggregation,
    /// Centres or Gaussians, 1 to 4096; 16 to 256 are usual, of a bag of words more.
    pub words: usize,
    /// Dimensions of a descriptor after PCA, 1 to 128.
    pub components: usize,
    /// Seed of the vocabulary.
    pub seed: u64,
    /// What the descriptors are.
    pub descriptor: DescriptorKind,
    /// Nearest words that a descriptor counts for in a bag of words, 1 to 64: more than 1 is soft assignment (Philbin, Chum,
    /// Isard, Sivic & Zisserman 2008).
    pub nearest: usize,
    /// Width of soft assignment, for descriptors of length 1 after PCA; the paper's is √6250 for a length of 512.
    pub sigma: f32,
}

impl Default for AggregatorConfig {
    fn default() -> Self {
        Self {
            aggregation: Aggregation::VladIntra,
            words: 64,
            components: 64,
            seed: 1,
            descriptor: DescriptorKind::RootSift,
            nearest: 1,
            sigma: 0.154,
        }
    }
}

impl AggregatorConfig {
    /// Checks every number against its range.
    ///
    /// # Errors
    /// Names the number that is out of range, and the range.
    pub fn check(&self) -> Result<(), Error> {
        let within = |what, found, most| match (1..=most).contains(&found) {
            true => Ok(()),
            false => Err(Error::Vectors(vizsla_vectors::Error::OutOfRange {
                what,
                found,
                least: 1,
                most,
            })),
        };
        within("the number of words", self.words, MOST_WORDS)?;
        let nearest = match self.aggregation {
            Aggregation::Bow => MOST_NEAREST,
            _ => 1,
        };
        within("the number of nearest words", self.nearest, nearest)?;
        if !(1e-3..=1e3).contains(&self.sigma) {
            return Err(Error::OutOfRange {
                name: "sigma",
                value: self.sigma.into(),
                low: 1e-3,
                high: 1e3,
            });
        }
        within(
            "the number of components",
            self.components,
            size_of::<Descriptor>(),
        )
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Vocabulary {
    Centres { rows: Vec<f32>, intra: bool },
    Mixture(Gmm),
    Histogram(Histogram),
}

/// Turns the descriptors of an image into one vector.
///
/// The file, `VZAG`, little-endian: magic, version 1, what is summed (0 VLAD, 1 with intra-normalisation, 2 Fisher, 3 bag of words; in the
/// upper half the number of the [`DescriptorKind`]), length of the projection, length of the vocabulary, CRC-32 of what follows the header, CRC-32 of the header up to here
/// (4 bytes each), a projection file, and the centres (f32) or a mixture file; of a bag of words the number of nearest words (u32),
/// the width of soft assignment, the weight of every word and the centres (f32).
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregator {
    projection: Projection,
    vocabulary: Vocabulary,
    kind: DescriptorKind,
    id: String,
}

impl Aggregator {
    /// Learns PCA and vocabulary from descriptors of many images. The same descriptors and config give the same
    /// aggregator. Works in the current rayon pool.
    ///
    /// # Errors
    /// When there are too few descriptors, or a number of the config is out of range.
    pub fn train(descriptors: &[Descriptor], config: &AggregatorConfig) -> Result<Self, Error> {
        Self::train_of_images(descriptors, &[], config)
    }

    /// As [`Aggregator::train`], from descriptors of which the first so many are of one image, the next so many of another, and so
    /// on. A bag of words learns from that how many images have each word: idf = ln(1 + N/n). Without images every word weighs the
    /// same.
    ///
    /// # Errors
    /// As [`Aggregator::train`].
    pub fn train_of_images(
        descriptors: &[Descriptor],
        images: &[usize],
        config: &AggregatorConfig,
    ) -> Result<Self, Error> {
        config.check()?;
        let rows = units(descriptors);
        let dimension = config.components;
        let projection = Projection::pca(&rows, size_of::<Descriptor>(), dimension, false)?;
        let reduced = projection.apply_all(&rows);
        let vocabulary = match config.aggregation {
            Aggregation::Fisher => Vocabulary::Mixture(Gmm::train(
                &reduced,
                dimension,
                config.words,
                50,
                config.seed,
            )?),
            Aggregation::Bow => {
                let found = float_kmeans(&reduced, dimension, config.words, 25, config.seed)?;
                let soft = (config.nearest, config.sigma);
                let histogram = Histogram::new(found.centroids, dimension, soft);
                Vocabulary::Histogram(histogram.weighted(&found.labels, images))
            }
            Aggregation::Vlad | Aggregation::VladIntra => Vocabulary::Centres {
                rows: float_kmeans(&reduced, dimension, config.words, 25, config.seed)?.centroids,
                intra: config.aggregation == Aggregation::VladIntra,
            },
        };
        Ok(Self::assemble(projection, vocabulary, config.descriptor))
    }

    /// Learns from the words of a codebook: they lie where descriptors do, more of them where these are dense. Of the config
    /// the kind of descriptors is the codebook's.
    ///
    /// # Errors
    /// When the codebook has too few words, or a number of the config is out of range.
    pub fn of_codebook(codebook: &Codebook, config: &AggregatorConfig) -> Result<Self, Error> {
        let config = AggregatorConfig {
            descriptor: codebook.kind(),
            ..config.clone()
        };
        Self::train(codebook.words(), &config)
    }

    fn assemble(projection: Projection, vocabulary: Vocabulary, kind: DescriptorKind) -> Self {
        let mut aggregator = Self {
            projection,
            vocabulary,
            kind,
            id: String::new(),
        };
        aggregator.id = content_id(&aggregator.to_bytes());
        aggregator
    }

    /// The vector of an image with these descriptors: length 1, or all zeros without any.
    pub fn describe(&self, descriptors: &[Descriptor]) -> Vec<f32> {
        let mut vector = self.sum(&self.reduced(descriptors));
        if matches!(self.vocabulary, Vocabulary::Histogram(_)) {
            l2_normalise(&mut vector);
        }
        vector
    }

    /// The vector of an image with these descriptors at these places (fractions of width and height), over the cells of a pyramid:
    /// as long as [`Aggregator::dimension`] times its cells, length 1, or all zeros without descriptors. Levels come one after the
    /// other, their cells row by row. A cell of VLAD or Fisher has the vector of its descriptors, so that every cell with any says
    /// as much; one of a bag of words says as much as it has descriptors.
    ///
    /// Descriptors without a place are left out.
    pub fn describe_in(
        &self,
        descriptors: &[Descriptor],
        places: &[(f32, f32)],
        pyramid: &Pyramid,
    ) -> Vec<f32> {
        let count = descriptors.len().min(places.len());
        let reduced = self.reduced(&descriptors[..count]);
        let width = self.components().max(1);
        let mut vector = Vec::with_capacity(self.dimension() * pyramid.cells());
        let weights = pyramid.weights();
        for (cells, weight) in pyramid.split(&places[..count]).iter().zip(weights) {
            let start = vector.len();
            for cell in cells {
                let rows = cell
                    .iter()
                    .filter_map(|&at| reduced.get(at * width..(at + 1) * width));
                let rows: Vec<f32> = rows.flatten().copied().collect();
                vector.extend(self.sum(&rows));
            }
            let level = &mut vector[start..];
            l2_normalise(level);
            level.iter_mut().for_each(|x| *x *= weight.sqrt() as f32);
        }
        l2_normalise(&mut vector);
        vector
    }

    /// Descriptors at length 1 after PCA, one after the other.
    fn reduced(&self, descriptors: &[Descriptor]) -> Vec<f32> {
        self.projection.apply_all(&units(descriptors))
    }

    /// A VLAD or Fisher vector of length 1, or a bag of words of another length.
    fn sum(&self, reduced: &[f32]) -> Vec<f32> {
        match &self.vocabulary {
            Vocabulary::Centres { rows, intra } => {
                vlad(reduced, rows, self.projection.output(), *intra)
            }
            Vocabulary::Mixture(mixture) => fisher_vector(reduced, mixture),
            Vocabulary::Histogram(histogram) => histogram.sum(reduced),
        }
    }

    /// Numbers of a vector: words times dimensions, twice that for Fisher vectors, words for a bag of words.
    pub fn dimension(&self) -> usize {
        self.aggregation().length(self.words(), self.components())
    }

    /// What it takes of each descriptor: components after PCA.
    pub fn components(&self) -> usize {
        self.projection.output()
    }

    /// Centres or Gaussians.
    pub fn words(&self) -> usize {
        match &self.vocabulary {
            Vocabulary::Centres { rows, .. } => rows.len() / self.components().max(1),
            Vocabulary::Mixture(mixture) => mixture.len(),
            Vocabulary::Histogram(histogram) => histogram.words(),
        }
    }

    /// What the descriptors are that it takes.
    pub fn kind(&self) -> DescriptorKind {
        self.kind
    }

    /// What is summed.
    pub fn aggregation(&self) -> Aggregation {
        match &self.vocabulary {
            Vocabulary::Centres { intra: false, .. } => Aggregation::Vlad,
            Vocabulary::Centres { intra: true, .. } => Aggregation::VladIntra,
            Vocabulary::Mixture(_) => Aggregation::Fisher,
            Vocabulary::Histogram(_) => Aggregation::Bow,
        }
    }

    /// Hash of the content, 32 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The content of an aggregator file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let projection = self.projection.to_bytes();
        let vocabulary = match &self.vocabulary {
            Vocabulary::Centres { rows, .. } => rows.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Vocabulary::Mixture(mixture) => mixture.to_bytes(),
            Vocabulary::Histogram(histogram) => histogram.to_bytes(),
        };
        let fields = [
            self.aggregation() as u32 | self.kind.number() << AGGREGATION_BITS,
            projection.len() as u32,
            vocabulary.len() as u32,
        ];
        FORMAT.encode(&fields, &[projection, vocabulary].concat())
    }

    fn decode(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let lengths = |header: &[u8]| [12, 16].map(|at| u32_at(header, at) as usize);
        let payload = FORMAT.payload(bytes, path, |header| Some(lengths(header).iter().sum()))?;
        let (projection, vocabulary) = payload.split_at(lengths(bytes)[0]);
        let projection = Projection::from_bytes(projection)?;
        let damaged = |what| Error::from(FORMAT.damaged(what, path));
        let summed = u32_at(bytes, 8);
        let kind = DescriptorKind::of_number(summed >> AGGREGATION_BITS)
            .ok_or_else(|| damaged("unknown kind of descriptors"))?;
        let vocabulary = match summed & ((1 << AGGREGATION_BITS) - 1) {
            2 => Vocabulary::Mixture(Gmm::from_bytes(vocabulary)?),
            3 => Vocabulary::Histogram(
                Histogram::from_bytes(vocabulary, projection.output())
                    .filter(|histogram| (1..=MOST_NEAREST).contains(&histogram.nearest()))
                    .ok_or_else(|| damaged("values out of range"))?,
            ),
            intra @ 0..=1 => Vocabulary::Centres {
                rows: f32s(vocabulary).collect(),
                intra: intra == 1,
            },
            _ => return Err(damaged("unknown kind")),
        };
        let fits = match &vocabulary {
            Vocabulary::Centres { rows, .. } => {
                !rows.is_empty()
                    && rows.len().is_multiple_of(projection.output())
                    && rows.iter().all(|x| x.is_finite())
            }
            Vocabulary::Mixture(mixture) => mixture.dimension() == projection.output(),
            Vocabulary::Histogram(_) => true,
        };
        if !fits || projection.input() != size_of::<Descriptor>() {
            return Err(damaged("dimensions disagree"));
        }
        Ok(Self::assemble(projection, vocabulary, kind))
    }

    /// Reads what [`Aggregator::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are not an aggregator, are of a newer version, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::decode(bytes, Path::new("(bytes)"))
    }

    /// Writes the aggregator to a file, which appears complete or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        Ok(AtomicFile::write_whole(path, &self.to_bytes())?)
    }

    /// Reads an aggregator file.
    ///
    /// # Errors
    /// When the file cannot be read, is not an aggregator, is of a newer version, or damaged.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::decode(&FORMAT.read(path, MOST_BYTES)?, path)
    }
}

/// Descriptors at length 1, one after the other: what [`vizsla_vectors::l2_normalise`] makes of each, to the bit, as squares of
/// bytes add up to the same in any order.
fn units(descriptors: &[Descriptor]) -> Vec<f32> {
    const WIDTH: usize = size_of::<Descriptor>();
    let mut rows = vec![0f32; descriptors.len() * WIDTH];
    for (row, descriptor) in rows.chunks_exact_mut(WIDTH).zip(descriptors) {
        let square = descriptor.iter().map(|&x| u32::from(x) * u32::from(x));
        let norm = f64::from(square.sum::<u32>()).sqrt();
        if norm > 0.0 {
            for (unit, &x) in row.iter_mut().zip(descriptor) {
                *unit = (f64::from(x) / norm) as f32;
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_have_the_bits_of_l2_normalise() {
        let mut state = 1u32;
        let mut byte = |most: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 24) * most / 255) as u8
        };
        let mut descriptors: Vec<Descriptor> = vec![[0; 128], [255; 128], [1; 128]];
        for most in [3, 40, 255] {
            descriptors.extend((0..200).map(|_| std::array::from_fn::<u8, 128, _>(|_| byte(most))));
        }
        let found = units(&descriptors);
        for (row, descriptor) in found.chunks_exact(128).zip(&descriptors) {
            let mut expected = descriptor.map(f32::from);
            l2_normalise(&mut expected);
            assert_eq!(row, expected);
        }
        assert!(units(&[]).is_empty());
    }
}
