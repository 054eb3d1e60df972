//! All vectors, found through a randomised kd-forest.

use vizsla_vectors::{KdVectors, KdVectorsConfig};

use super::kind::{IndexBytes, Kind};

pub(super) static KIND: Kind = Kind {
    name: "kd_forest",
    ending: ".vzkd",
    open: |path| Ok(Box::new(KdVectors::open(path)?)),
    make: |path, source| {
        let config = KdVectorsConfig::default();
        let mut writer = KdVectors::create(path, source.dimension, source.tag, &config)?;
        (source.each)(&mut |id, vector| Ok(writer.push(id, vector)?))?;
        writer.finish()?;
        Ok(None)
    },
    bytes: |planned| {
        let trees = planned.vectors as f64 * TREES;
        IndexBytes {
            walked: trees + planned.sample(),
            rest: planned.rows(),
            making: planned.rows() + 2.0 * trees,
        }
    },
};

/// Bytes of a vector in four trees: its number in each, and its part of a leaf and of a branch, of twelve bytes each.
const TREES: f64 = 4.0 * (4.0 + 24.0 / FILLED);
/// Vectors of a middling leaf, of at most sixteen.
const FILLED: f64 = 11.0;
