//! All vectors, found through a randomised kd-forest.

use vizsla_vectors::{KdVectors, KdVectorsConfig};

use super::kind::Kind;

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
};
