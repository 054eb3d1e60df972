//! NetVLAD (Arandjelović, Gronat, Torii, Pajdla & Sivic 2016), as it stands before any training.
//!
//! V_k = Σ over places of a_k(x)·(x − c_k) with x the vector of the place, scaled to length 1, and
//! a_k(x) = softmax over k of (w_k·x + b_k), w_k = 2α·c_k, b_k = −α‖c_k‖². Every V_k is scaled to length 1. The centres
//! come from k-means, and α is chosen, as the paper's authors do, so that the nearest centre gets on average a
//! hundred times the share of the second nearest.

use std::path::Path;

use vizsla_vectors::{
    AtomicFile, FileFormat, content_id, dot_f32, f32_at, f32s, float_kmeans, l2_norm, l2_normalise,
    l2_squared_f32, u32_at,
};

use crate::error::Error;
use crate::feature_map::FeatureMap;

const FORMAT: FileFormat = FileFormat {
    magic: b"VZNV",
    kind: "NetVLAD",
    version: 1,
    header: 24,
};
/// Most centres, and most channels.
const MOST: usize = 1 << 16;
/// Most numbers of all centres.
const MOST_NUMBERS: usize = 1 << 26;
/// Share of the nearest centre over the share of the next.
const RATIO: f64 = 100.0;

/// Centres of local vectors and how sharply vectors are assigned to them.
///
/// The file, `VZNV`, little-endian: magic, version 1, number of centres, channels, CRC-32 of what follows the
/// header, CRC-32 of the header up to here (4 bytes each), α, and the centres row by row (f32).
#[derive(Debug, Clone, PartialEq)]
pub struct NetVlad {
    channels: usize,
    alpha: f32,
    centres: Vec<f32>,
    id: String,
}

impl NetVlad {
    /// Learns `centres` centres from the local vectors of maps, rows of `channels` numbers and length 1, as
    /// [`FeatureMap::local_vectors`] gives them.
    ///
    /// # Errors
    /// When the vectors are not whole rows of finite numbers, or fewer than the centres.
    pub fn train(
        vectors: &[f32],
        channels: usize,
        centres: usize,
        seed: u64,
    ) -> Result<Self, Error> {
        let found = float_kmeans(vectors, channels, centres, 25, seed)?;
        let gaps = vectors.chunks_exact(channels).map(|vector| {
            let mut nearest = [f32::INFINITY; 2];
            for centre in found.centroids.chunks_exact(channels) {
                let distance = l2_squared_f32(vector, centre);
                if distance < nearest[0] {
                    nearest = [distance, nearest[0]];
                } else if distance < nearest[1] {
                    nearest[1] = distance;
                }
            }
            f64::from(nearest[1] - nearest[0])
        });
        let rows = (vectors.len() / channels) as f64;
        let gap = gaps.filter(|gap| gap.is_finite()).sum::<f64>() / rows;
        let alpha = RATIO.ln() / gap.max(1e-6);
        Ok(Self::assemble(channels, alpha as f32, found.centroids))
    }

    fn assemble(channels: usize, alpha: f32, centres: Vec<f32>) -> Self {
        let mut netvlad = Self {
            channels,
            alpha,
            centres,
            id: String::new(),
        };
        netvlad.id = content_id(&netvlad.to_bytes());
        netvlad
    }

    /// A NetVLAD from its parts: centres are rows of `channels` numbers.
    ///
    /// # Errors
    /// [`Error::Length`] when the centres are not whole rows.
    pub fn from_parts(channels: usize, alpha: f32, centres: Vec<f32>) -> Result<Self, Error> {
        if channels == 0 || centres.is_empty() || !centres.len().is_multiple_of(channels) {
            return Err(Error::Length {
                what: format!("whole centres of {channels} channels"),
                expected: centres
                    .len()
                    .next_multiple_of(channels.max(1))
                    .max(channels),
                found: centres.len(),
            });
        }
        Ok(Self::assemble(channels, alpha, centres))
    }

    /// Channels of the maps it takes.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Numbers of a vector: centres times channels.
    pub fn dimension(&self) -> usize {
        self.centres.len()
    }

    /// How sharply vectors are assigned.
    pub fn alpha(&self) -> f32 {
        self.alpha
    }

    /// The centres, rows of [`NetVlad::channels`] numbers.
    pub fn centres(&self) -> &[f32] {
        &self.centres
    }

    /// Hash of the content, 32 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Shares of the centres in a vector.
    fn assignment(&self, vector: &[f32]) -> Vec<f64> {
        let alpha = f64::from(self.alpha);
        let logits: Vec<f64> = self
            .centres
            .chunks_exact(self.channels)
            .map(|centre| {
                let inner = f64::from(dot_f32(vector, centre));
                let length = f64::from(dot_f32(centre, centre));
                alpha * (2.0 * inner - length)
            })
            .collect();
        let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = logits.iter().map(|l| (l - most).exp()).sum();
        logits.iter().map(|l| (l - most).exp() / total).collect()
    }

    fn residuals(&self, vectors: &[f32]) -> Vec<f32> {
        let mut sums = vec![0f64; self.centres.len()];
        for vector in vectors.chunks_exact(self.channels) {
            let shares = self.assignment(vector);
            let rows = sums.chunks_exact_mut(self.channels);
            let centres = self.centres.chunks_exact(self.channels);
            for ((sum, centre), share) in rows.zip(centres).zip(shares) {
                if share > 1e-9 {
                    for ((sum, &x), &c) in sum.iter_mut().zip(vector).zip(centre) {
                        *sum += share * (f64::from(x) - f64::from(c));
                    }
                }
            }
        }
        sums.into_iter().map(|x| x as f32).collect()
    }

    pub(super) fn pool(&self, map: &FeatureMap) -> Vec<f32> {
        let mut result = self.residuals(&map.local_vectors(true));
        result
            .chunks_exact_mut(self.channels)
            .for_each(l2_normalise);
        result
    }

    pub(super) fn shares(&self, map: &FeatureMap, gain: &[f32]) -> Vec<f64> {
        let vectors = map.local_vectors(true);
        let norms: Vec<f64> = self
            .residuals(&vectors)
            .chunks_exact(self.channels)
            .map(l2_norm)
            .collect();
        let of_place = |vector: &[f32]| {
            let gains = gain.chunks_exact(self.channels);
            let centres = self.centres.chunks_exact(self.channels);
            let parts = self.assignment(vector).into_iter().zip(gains).zip(centres);
            parts
                .zip(&norms)
                .filter(|(_, norm)| **norm > 0.0)
                .map(|(((share, gain), centre), norm)| {
                    share * f64::from(dot_f32(gain, vector) - dot_f32(gain, centre)) / norm
                })
                .sum()
        };
        vectors.chunks_exact(self.channels).map(of_place).collect()
    }

    /// The content of a NetVLAD file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut payload = self.alpha.to_le_bytes().to_vec();
        payload.extend(self.centres.iter().flat_map(|x| x.to_le_bytes()));
        let count = self.centres.len() / self.channels.max(1);
        FORMAT.encode(&[count as u32, self.channels as u32], &payload)
    }

    /// Writes it to a file, which appears complete or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        Ok(AtomicFile::write_whole(path, &self.to_bytes())?)
    }

    /// Reads a NetVLAD file.
    ///
    /// # Errors
    /// When the file cannot be read, is not a NetVLAD, is of a newer version, or damaged.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let bytes = FORMAT.read(path, 28 + 4 * MOST_NUMBERS as u64)?;
        let payload = FORMAT.payload(&bytes, path, |header| {
            let (count, channels) = (u32_at(header, 8) as usize, u32_at(header, 12) as usize);
            let sizes = 1..=MOST;
            let fits = sizes.contains(&count)
                && sizes.contains(&channels)
                && count * channels <= MOST_NUMBERS;
            fits.then(|| 4 + 4 * count * channels)
        })?;
        let alpha = f32_at(payload, 0);
        let centres: Vec<f32> = f32s(&payload[4..]).collect();
        if !alpha.is_finite() || !centres.iter().all(|x| x.is_finite()) {
            return Err(FORMAT.damaged("not finite", path).into());
        }
        Self::from_parts(u32_at(&bytes, 12) as usize, alpha, centres)
    }
}
