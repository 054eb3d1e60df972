//! Poolings that are learned from images before they can be used.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::{FisherPooling, NetVlad, Pooling};
use crate::error::Error;

/// Dimensions of a place after the PCA of Fisher vectors, where the map has as many channels.
const FISHER_DIMENSION: usize = 64;

/// What is to be learned, as `netvlad:16` or `fisher:16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolingLearner {
    /// [`NetVlad`] with so many centres, found by k-means.
    NetVlad {
        /// Number of centres.
        centres: usize,
    },
    /// [`FisherPooling`] with a mixture of so many Gaussians.
    Fisher {
        /// Number of Gaussians.
        gaussians: usize,
    },
}

impl PoolingLearner {
    /// Learns from the local vectors of maps, rows of `channels` numbers and length 1, as
    /// [`crate::FeatureMap::local_vectors`] gives them.
    ///
    /// # Errors
    /// When the vectors are not whole rows of finite numbers, or too few.
    pub fn learn(self, places: &[f32], channels: usize, seed: u64) -> Result<Pooling, Error> {
        Ok(match self {
            Self::NetVlad { centres } => {
                Pooling::NetVlad(Arc::new(NetVlad::train(places, channels, centres, seed)?))
            }
            Self::Fisher { gaussians } => {
                let keep = FISHER_DIMENSION.min(channels);
                let fisher = FisherPooling::train(places, channels, keep, gaussians, seed)?;
                Pooling::Fisher(Arc::new(fisher))
            }
        })
    }
}

impl FromStr for PoolingLearner {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = || Error::Value {
            name: "the pooling to learn",
            value: text.to_owned(),
            allowed: "netvlad and fisher take 1 to 256 words, as netvlad:16".into(),
        };
        let (name, count) = text.split_once(':').ok_or_else(refused)?;
        let count = count.parse().map_err(|_| refused())?;
        match name {
            _ if !(1..=256).contains(&count) => Err(refused()),
            "netvlad" => Ok(Self::NetVlad { centres: count }),
            "fisher" => Ok(Self::Fisher { gaussians: count }),
            _ => Err(refused()),
        }
    }
}

impl fmt::Display for PoolingLearner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NetVlad { centres } => write!(f, "netvlad:{centres}"),
            Self::Fisher { gaussians } => write!(f, "fisher:{gaussians}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FeatureMap, PoolingName};

    #[test]
    fn what_was_learned_is_opened_again_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let data: Vec<f32> = (0..6 * 8 * 8).map(|i| ((i * 37) % 23) as f32).collect();
        let map = FeatureMap::new(6, 8, 8, data).unwrap();
        let places = map.local_vectors(true);
        for name in ["netvlad:3", "fisher:2"] {
            let learner: PoolingLearner = name.parse().unwrap();
            assert_eq!(learner.to_string(), name);
            let pooling =
                Pooling::Joined(vec![Pooling::Mac, learner.learn(&places, 6, 1).unwrap()]);
            let file = |id: &str| folder.path().join(id);
            for part in pooling.learned() {
                part.save_learned(&file(part.learned_id().unwrap()))
                    .unwrap();
            }
            let again = pooling.name().open(&file).unwrap();
            assert_eq!(again, pooling);
            assert_eq!(again.pool(&map), pooling.pool(&map));
        }
        for name in ["netvlad", "netvlad:0", "fisher:300", "gem:3", "netvlad:x"] {
            assert!(name.parse::<PoolingLearner>().is_err(), "{name}");
        }
        let missing = "netvlad:nothing"
            .parse::<PoolingName>()
            .unwrap()
            .open(&|id| folder.path().join(id));
        assert!(missing.unwrap_err().to_string().contains("nothing"));
    }
}
