//! Fisher vectors of the places of a feature map (Perronnin & Larlus 2015 take them of SIFT and put a fully connected
//! network on top; here the places of a network's map are the local vectors).
//!
//! The vectors of the places are scaled to length 1, reduced by PCA, and aggregated by
//! [`vizsla_vectors::fisher_vector`].

use std::path::Path;

use vizsla_vectors::{
    AtomicFile, FileFormat, Gmm, Projection, content_id, fisher_gradient, fisher_vector, l2_norm,
    u32_at,
};

use crate::error::Error;
use crate::feature_map::FeatureMap;

const FORMAT: FileFormat = FileFormat {
    magic: b"VZFP",
    kind: "Fisher pooling",
    version: 1,
    header: 24,
};
/// Longest file that is read.
const MOST_BYTES: u64 = 1 << 30;

/// A projection of local vectors and the mixture of what it gives.
///
/// The file, `VZFP`, little-endian: magic, version 1, length of the projection, length of the mixture, CRC-32 of what
/// follows the header, CRC-32 of the header up to here (4 bytes each), a projection file and a mixture file.
#[derive(Debug, Clone, PartialEq)]
pub struct FisherPooling {
    projection: Projection,
    mixture: Gmm,
    id: String,
}

impl FisherPooling {
    /// Learns PCA to `dimension` numbers and a mixture of `gaussians` from the local vectors of maps, rows of `channels`
    /// numbers and length 1, as [`FeatureMap::local_vectors`] gives them.
    ///
    /// # Errors
    /// When the vectors are not whole rows of finite numbers, or too few.
    pub fn train(
        vectors: &[f32],
        channels: usize,
        dimension: usize,
        gaussians: usize,
        seed: u64,
    ) -> Result<Self, Error> {
        let projection = Projection::pca(vectors, channels, dimension, false)?;
        let reduced = projection.apply_all(vectors);
        let mixture = Gmm::train(&reduced, projection.output(), gaussians, 50, seed)?;
        Self::from_parts(projection, mixture)
    }

    /// From a projection and a mixture of its output.
    ///
    /// # Errors
    /// [`Error::Length`] when their dimensions differ.
    pub fn from_parts(projection: Projection, mixture: Gmm) -> Result<Self, Error> {
        if projection.output() != mixture.dimension() {
            return Err(Error::Length {
                what: "the mixture of a Fisher pooling".to_owned(),
                expected: projection.output(),
                found: mixture.dimension(),
            });
        }
        let mut pooling = Self {
            projection,
            mixture,
            id: String::new(),
        };
        pooling.id = content_id(&pooling.to_bytes());
        Ok(pooling)
    }

    /// Channels of the maps it takes.
    pub fn channels(&self) -> usize {
        self.projection.input()
    }

    /// Numbers of a vector: twice the Gaussians times the reduced dimension.
    pub fn dimension(&self) -> usize {
        2 * self.mixture.len() * self.mixture.dimension()
    }

    /// Hash of the content, 32 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    fn reduced(&self, map: &FeatureMap) -> Vec<f32> {
        self.projection.apply_all(&map.local_vectors(true))
    }

    pub(super) fn pool(&self, map: &FeatureMap) -> Vec<f32> {
        fisher_vector(&self.reduced(map), &self.mixture)
    }

    pub(super) fn shares(&self, map: &FeatureMap, gain: &[f32]) -> Vec<f64> {
        let reduced = self.reduced(map);
        let whole = fisher_gradient(&reduced, &self.mixture);
        let rooted: Vec<f32> = whole.iter().map(|x| x.abs().sqrt()).collect();
        let norm = l2_norm(&rooted).max(f64::MIN_POSITIVE);
        // The square root is a factor 1/√|G| on every component of the gradient G.
        let gain: Vec<f64> = gain
            .iter()
            .zip(&rooted)
            .map(|(&gain, &root)| match root {
                0.0 => 0.0,
                root => f64::from(gain) / f64::from(root) / norm,
            })
            .collect();
        let places = map.places() as f64;
        reduced
            .chunks_exact(self.mixture.dimension())
            .map(|vector| {
                let gradient = fisher_gradient(vector, &self.mixture);
                let product: f64 = gradient
                    .iter()
                    .zip(&gain)
                    .map(|(&x, g)| f64::from(x) * g)
                    .sum();
                product / places
            })
            .collect()
    }

    /// The content of a Fisher pooling file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (projection, mixture) = (self.projection.to_bytes(), self.mixture.to_bytes());
        let lengths = [projection.len() as u32, mixture.len() as u32];
        FORMAT.encode(&lengths, &[projection, mixture].concat())
    }

    /// Writes it to a file, which appears complete or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        Ok(AtomicFile::write_whole(path, &self.to_bytes())?)
    }

    /// Reads a Fisher pooling file.
    ///
    /// # Errors
    /// When the file cannot be read, is not a Fisher pooling, is of a newer version, or damaged.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let bytes = FORMAT.read(path, MOST_BYTES)?;
        let payload = FORMAT.payload(&bytes, path, |header| {
            let lengths = [u32_at(header, 8), u32_at(header, 12)];
            Some(lengths.iter().map(|&l| l as usize).sum())
        })?;
        let (projection, mixture) = payload.split_at(u32_at(&bytes, 8) as usize);
        Self::from_parts(
            Projection::from_bytes(projection)?,
            Gmm::from_bytes(mixture)?,
        )
    }
}
