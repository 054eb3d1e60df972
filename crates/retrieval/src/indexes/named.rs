//! Vectors found by an index that is called by its name, such as `HNSW16,SQ8,Refine(SQfp16)`.

use std::path::Path;

use vizsla_vectors::{IndexName, NamedVectors, NamedVectorsConfig};

use super::kind::{IndexBytes, Kind, Planned, Source};
use crate::Error;

/// Bytes of vectors that wait in memory for their index, and vectors that it is learned from.
const WAITING: f64 = 64.0 * 1024.0 * 1024.0;
const LEARNED_FROM: f64 = 65_536.0;
/// Answers that an index is tuned for: the shortlist of a search is longer, and its effort grows with it.
const ANSWERS: usize = 20;

pub(super) static KIND: Kind = Kind {
    name: "named",
    ending: ".vznv",
    open: |path| Ok(Box::new(NamedVectors::open(path)?)),
    make,
    bytes,
};

fn bytes(planned: &Planned) -> IndexBytes {
    let name = planned.name.unwrap_or(IndexName::FLAT);
    let vectors = planned.vectors as f64;
    let whole = name.bytes(planned.vectors, planned.dimension) as f64;
    // Finer codes, and the ids that stand with them.
    let finer = name.finer.map_or(0, |finer| finer.bytes(planned.dimension));
    let rest = vectors * (finer + 8) as f64;
    let row = (4 * planned.dimension) as f64;
    IndexBytes {
        walked: whole - rest,
        rest,
        making: whole + (vectors * row).min(WAITING) + 2.0 * vectors.min(LEARNED_FROM) * row,
    }
}

/// Where there are fewer vectors than the name needs, such as lists or centroids, all are compared.
fn make(path: &Path, source: &Source<'_>) -> Result<Option<String>, Error> {
    use vizsla_vectors::Error::{OutOfRange, TooFew};
    let name = source.name.unwrap_or(IndexName::FLAT);
    match written(path, source, name) {
        Err(Error::Vectors(why @ (TooFew { .. } | OutOfRange { .. })))
            if name != IndexName::FLAT =>
        {
            written(path, source, IndexName::FLAT)?;
            Ok(Some(format!(
                "{name} cannot be made of these vectors, all are compared: {why}"
            )))
        }
        done => done.map(|()| None),
    }
}

fn written(path: &Path, source: &Source<'_>, name: IndexName) -> Result<(), Error> {
    let config = NamedVectorsConfig {
        answers: ANSWERS,
        recall: source.recall,
        ..NamedVectorsConfig::new(name)
    };
    let mut writer = NamedVectors::create(path, source.dimension, source.tag, &config)?;
    (source.each)(&mut |id, vector| Ok(writer.push(id, vector)?))?;
    Ok(writer.finish()?)
}
