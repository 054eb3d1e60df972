//! All vectors, found through binary codes: learned from them, or by a hash that the collection was given.

use vizsla_vectors::{HashMethod, HashVectors, HashVectorsConfig, HashVectorsWriter};

use super::kind::{IndexBytes, Kind, Planned, Source};
use crate::Error;

pub(super) static SPECTRAL: Kind = Kind {
    name: "spectral_hash",
    ending: ".vzsh",
    open: |path| Ok(Box::new(HashVectors::open(path)?)),
    make: |path, source| make(path, source, HashMethod::Spectral),
    bytes: learned,
};

pub(super) static ITQ: Kind = Kind {
    name: "itq",
    ending: ".vziq",
    open: |path| Ok(Box::new(HashVectors::open(path)?)),
    make: |path, source| make(path, source, HashMethod::Itq),
    bytes: learned,
};

pub(super) static SEMANTIC: Kind = Kind {
    name: "semantic_hash",
    ending: ".vzsm",
    open: |path| Ok(Box::new(HashVectors::open(path)?)),
    make: |path, source| {
        let Some(hash) = source.hash else {
            let what = "an index by a trained hash needs the hash; set one first";
            return Err(Error::Query(what.into()));
        };
        written(
            HashVectors::create_with(path, source.tag, hash.clone())?,
            source,
        )
    },
    bytes: |planned| bytes(planned, planned.bits),
};

/// The bytes of a file with a hash that it learns.
fn learned(planned: &Planned) -> IndexBytes {
    let bits = HashVectorsConfig::default().bits;
    bytes(planned, bits.min(planned.dimension))
}

/// Vectors, codes in whole words, and the hash: it is about as large as its projection.
fn bytes(planned: &Planned, bits: usize) -> IndexBytes {
    let codes = planned.vectors as f64 * (8 * bits.div_ceil(64)) as f64;
    let hash = (4 * planned.dimension * bits) as f64;
    IndexBytes {
        walked: codes + hash + planned.sample(),
        rest: planned.rows(),
        making: planned.rows() + 2.0 * codes + hash,
    }
}

fn make(
    path: &std::path::Path,
    source: &Source<'_>,
    method: HashMethod,
) -> Result<Option<String>, Error> {
    let config = HashVectorsConfig {
        method,
        ..HashVectorsConfig::default()
    };
    written(
        HashVectors::create(path, source.dimension, source.tag, &config)?,
        source,
    )
}

fn written(mut writer: HashVectorsWriter, source: &Source<'_>) -> Result<Option<String>, Error> {
    (source.each)(&mut |id, vector| Ok(writer.push(id, vector)?))?;
    writer.finish()?;
    Ok(None)
}
