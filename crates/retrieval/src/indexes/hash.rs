//! All vectors, found through binary codes that are learned from them.

use vizsla_vectors::{HashMethod, HashVectors, HashVectorsConfig};

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

fn make(path: &std::path::Path, source: &Source<'_>, method: HashMethod) -> Result<(), Error> {
    let config = HashVectorsConfig {
        method,
        ..HashVectorsConfig::default()
    };
    let mut writer = HashVectors::create(path, source.dimension, source.tag, &config)?;
    (source.each)(&mut |id, vector| Ok(writer.push(id, vector)?))?;
    Ok(writer.finish()?)
}
