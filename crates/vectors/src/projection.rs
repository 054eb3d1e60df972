//! Fewer dimensions, and dimensions that weigh alike: a mean is taken off and a matrix applied.
//!
//! Three ways to the matrix:
//!
//! * PCA keeps the directions along which the samples differ most;
//! * PCA-whitening also divides each by its standard deviation, so that directions many images share do not
//!   decide alone (Jégou & Chum 2012, "Negative evidences and co-occurences in image retrieval");
//! * learned whitening divides by how much *matching* pairs differ, and then keeps the directions along which
//!   everything else differs most (Mikolajczyk & Matas 2007, used for image vectors by Radenović, Tolias & Chum
//!   2018).
//!
//! Checked against NumPy, see `tests/reference/projection.py`. The arithmetic of learning runs on one thread in
//! double precision, so that the same samples give the same bytes whatever the number of threads.
//!
//! ```
//! use vizsla_vectors::Projection;
//!
//! let samples = [0.0, 0.0, 2.0, 2.0, 4.0, 4.0, 6.0, 6.1];
//! let projection = Projection::pca(&samples, 2, 1, false)?;
//! let far = projection.apply(&[6.0, 6.0])[0] - projection.apply(&[0.0, 0.0])[0];
//! assert!((far.abs() - 72f32.sqrt()).abs() < 1e-3);
//! # Ok::<(), vizsla_vectors::Error>(())
//! ```

use std::path::Path;

use crate::Error;
use crate::distance::dot_f32;
use crate::files::{AtomicFile, FileFormat, content_id, f32s, u32_at};
use crate::float_panel::FloatPanel;
use crate::projection_fit as fit;

/// Most dimensions of a vector that can be projected.
pub(crate) const MAX_DIMENSION: usize = 1 << 17;
/// Most numbers of a matrix.
const MAX_MATRIX: usize = 1 << 28;
const FORMAT: FileFormat = FileFormat {
    magic: b"VZPJ",
    kind: "projection",
    version: 1,
    header: 28,
};
const MAX_BYTES: u64 = (28 + 4 * (MAX_DIMENSION + MAX_MATRIX)) as u64;

/// How a [`Projection`] was learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectionKind {
    /// Principal components, as they are.
    Pca,
    /// Principal components, each divided by its standard deviation or a power of it.
    PcaWhitened,
    /// From pairs of vectors that match.
    Learned,
}

impl ProjectionKind {
    const ALL: [Self; 3] = [Self::Pca, Self::PcaWhitened, Self::Learned];

    /// Its name: `pca`, `pca-whitened` or `learned`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pca => "pca",
            Self::PcaWhitened => "pca-whitened",
            Self::Learned => "learned",
        }
    }
}

/// A mean to subtract and a matrix to apply after that.
///
/// The file, `VZPJ`, little-endian: magic, version 1, input dimension, output dimension, kind, CRC-32 of what
/// follows the header, CRC-32 of the header up to here (4 bytes each), the mean and the rows of the matrix (f32).
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    kind: ProjectionKind,
    mean: Vec<f32>,
    matrix: Vec<f32>,
    id: String,
}

impl Projection {
    /// Principal components of `samples`, rows of `dimension_in` numbers, in descending order of their
    /// variance. `dimension_out` 0 keeps all that the samples span. With `whiten` each is divided by its
    /// standard deviation.
    ///
    /// With fewer samples than dimensions the small problem, of the inner products of the samples, is solved
    /// instead. Of the two signs of a direction the one is taken that makes its largest entry positive.
    ///
    /// # Errors
    /// When the samples are not whole rows of finite numbers, or span fewer than `dimension_out` dimensions.
    pub fn pca(
        samples: &[f32],
        dimension_in: usize,
        dimension_out: usize,
        whiten: bool,
    ) -> Result<Self, Error> {
        let strength = if whiten { 1.0 } else { 0.0 };
        Self::pca_attenuated(samples, dimension_in, dimension_out, strength)
    }

    /// As [`Projection::pca`], each component divided by the `strength`-th power of its standard deviation: 0
    /// is PCA, 1 is whitening, and what lies between weakens the whitening of directions that few samples
    /// tell anything about (attenuated whitening, Mukundan et al. 2019).
    ///
    /// # Errors
    /// As [`Projection::pca`].
    pub fn pca_attenuated(
        samples: &[f32],
        dimension_in: usize,
        dimension_out: usize,
        strength: f64,
    ) -> Result<Self, Error> {
        check_sizes(dimension_in, dimension_out)?;
        let kind = if strength == 0.0 {
            ProjectionKind::Pca
        } else {
            ProjectionKind::PcaWhitened
        };
        let (mean, matrix) = fit::pca(samples, dimension_in, dimension_out, strength)?;
        Self::assemble(kind, mean, matrix)
    }

    /// Whitening learned from `pairs` of matching rows of `samples`: the mean of the first of each pair is
    /// taken off, the covariance of the differences within pairs is made the identity by its inverse Cholesky
    /// factor, and of what then remains of all samples the `dimension_out` principal components are kept (0:
    /// all).
    ///
    /// Where the pairs do not span all dimensions, a small multiple of the identity is added to the covariance of
    /// the differences, the smallest power of ten times its mean diagonal from 10⁻¹⁰ on that makes it
    /// positive definite.
    ///
    /// # Errors
    /// When the samples are not whole rows of finite numbers, a pair names a row that is not there, there are
    /// no pairs, or all pairs are of equal vectors.
    pub fn learned(
        samples: &[f32],
        dimension_in: usize,
        pairs: &[(u32, u32)],
        dimension_out: usize,
    ) -> Result<Self, Error> {
        check_sizes(dimension_in, dimension_out)?;
        let (mean, matrix) = fit::learned(samples, dimension_in, pairs, dimension_out)?;
        Self::assemble(ProjectionKind::Learned, mean, matrix)
    }

    fn assemble(kind: ProjectionKind, mean: Vec<f32>, matrix: Vec<f32>) -> Result<Self, Error> {
        if !matrix.iter().chain(&mean).all(|x| x.is_finite()) {
            return Err(Error::Decomposition);
        }
        let mut projection = Self {
            kind,
            mean,
            matrix,
            id: String::new(),
        };
        projection.id = content_id(&projection.to_bytes());
        Ok(projection)
    }

    /// Dimension of the vectors it takes.
    pub fn input(&self) -> usize {
        self.mean.len()
    }

    /// Dimension of the vectors it gives.
    pub fn output(&self) -> usize {
        self.matrix.len() / self.mean.len().max(1)
    }

    /// How it was learned.
    pub fn kind(&self) -> ProjectionKind {
        self.kind
    }

    /// Hash of the content, 32 hexadecimal digits. Equal projections have equal ids.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What is subtracted, [`Projection::input`] numbers.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// The rows of the matrix, [`Projection::output`] of [`Projection::input`] numbers each.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.matrix.chunks_exact(self.mean.len().max(1))
    }

    /// The projected vector; nothing is normalised. Of a vector of another dimension the common part counts.
    pub fn apply(&self, vector: &[f32]) -> Vec<f32> {
        let centred: Vec<f32> = vector.iter().zip(&self.mean).map(|(x, m)| x - m).collect();
        self.rows().map(|row| dot_f32(row, &centred)).collect()
    }

    /// What [`Projection::apply`] gives of each of many vectors, one after the other, to the bit; `vectors` are rows of
    /// [`Projection::input`] numbers. Works in the current rayon pool.
    pub fn apply_all(&self, vectors: &[f32]) -> Vec<f32> {
        let input = self.input().max(1);
        let mut centred = Vec::with_capacity(vectors.len());
        for row in vectors.chunks_exact(input) {
            centred.extend(row.iter().zip(&self.mean).map(|(x, m)| x - m));
        }
        FloatPanel::new(&self.matrix, input).products(&centred)
    }

    /// The transposed matrix applied to a vector of the output: what each dimension of the input adds to the
    /// inner product of a projected vector with this one.
    pub fn apply_transposed(&self, vector: &[f32]) -> Vec<f32> {
        let mut sum = vec![0f64; self.input()];
        for (row, &weight) in self.rows().zip(vector) {
            for (sum, &x) in sum.iter_mut().zip(row) {
                *sum += f64::from(weight) * f64::from(x);
            }
        }
        sum.into_iter().map(|x| x as f32).collect()
    }

    /// The first `dimension_out` dimensions only; all of them when there are not as many. At least one.
    pub fn truncated(&self, dimension_out: usize) -> Self {
        let keep = dimension_out.clamp(1, self.output().max(1));
        let mut shorter = Self {
            kind: self.kind,
            mean: self.mean.clone(),
            matrix: self.matrix[..keep * self.input()].to_vec(),
            id: String::new(),
        };
        shorter.id = content_id(&shorter.to_bytes());
        shorter
    }

    /// The content of a projection file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let payload: Vec<u8> = self
            .mean
            .iter()
            .chain(&self.matrix)
            .flat_map(|x| x.to_le_bytes())
            .collect();
        let fields = [
            self.input() as u32,
            self.output() as u32,
            ProjectionKind::ALL
                .iter()
                .position(|&kind| kind == self.kind)
                .unwrap_or(0) as u32,
        ];
        FORMAT.encode(&fields, &payload)
    }

    /// Reads what [`Projection::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are not a projection, are of a newer version, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::decode(bytes, Path::new("(bytes)"))
    }

    fn decode(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let payload = FORMAT.payload(bytes, path, |header| {
            let (input, output) = (u32_at(header, 8) as usize, u32_at(header, 12) as usize);
            check_sizes(input, output).ok()?;
            (output > 0).then(|| 4 * (input + input * output))
        })?;
        let kind = ProjectionKind::ALL
            .get(u32_at(bytes, 16) as usize)
            .ok_or_else(|| FORMAT.damaged("unknown kind", path))?;
        let (mean, matrix) = payload.split_at(4 * u32_at(bytes, 8) as usize);
        let projection = Self {
            kind: *kind,
            mean: f32s(mean).collect(),
            matrix: f32s(matrix).collect(),
            id: content_id(bytes),
        };
        let mut numbers = projection.mean.iter().chain(&projection.matrix);
        if !numbers.all(|x| x.is_finite()) {
            return Err(FORMAT.damaged("not finite", path));
        }
        Ok(projection)
    }

    /// Writes the projection to a file, which appears complete or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        Ok(AtomicFile::write_whole(path, &self.to_bytes())?)
    }

    /// Reads a projection file.
    ///
    /// # Errors
    /// When the file cannot be read, is not a projection, is of a newer version, or damaged.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::decode(&FORMAT.read(path, MAX_BYTES)?, path)
    }
}

fn check_sizes(input: usize, output: usize) -> Result<(), Error> {
    let out_of_range = |what, found, most| Error::OutOfRange {
        what,
        found,
        least: 1,
        most,
    };
    if input == 0 || input > MAX_DIMENSION {
        return Err(out_of_range(
            "the dimension of vectors",
            input,
            MAX_DIMENSION,
        ));
    }
    let most = input.min(MAX_MATRIX / input);
    if output > most {
        return Err(out_of_range(
            "the dimension of projected vectors",
            output,
            most,
        ));
    }
    Ok(())
}
