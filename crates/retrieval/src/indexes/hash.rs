//! All vectors, found through binary codes: learned from them, or by a hash that the collection was given.

use vizsla_vectors::{HashMethod, HashVectors, HashVectorsConfig, HashVectorsWriter};

use super::kind::{Kind, Source};
use crate::Error;

pub(super) static SPECTRAL: Kind = Kind {
    name: "spectral_hash",
    ending: ".vzsh",
    open: |path| Ok(Box::new(HashVectors::open(path)?)),
    make: |path, source| make(path, source, HashMethod::Spectral),
};

pub(super) static ITQ: Kind = Kind {
    name: "itq",
    ending: ".vziq",
    open: |path| Ok(Box::new(HashVectors::open(path)?)),
    make: |path, source| make(path, source, HashMethod::Itq),
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
};

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
