//! Making what a name says, and opening it again.

use std::path::Path;

use rayon::prelude::*;

use super::engine::Engine;
use super::finer::{Finer, FinerCodes};
use crate::codes::{Additive, Coder, Floats, Halves, Product, Scalar, ScalarBits, StoredCoder};
use crate::files::Mapped;
use crate::lists::{VectorLists, VectorListsConfig};
use crate::navigable::{Navigable, NavigableConfig};
use crate::{Error, IndexName, Looking, Metric, VectorCodes};

/// Vectors of a task that goes through them in parts.
const PART: usize = 1 << 15;

/// Vectors that an index is made of, as they are coded. `read` is called from many threads.
pub(super) struct Source<'a> {
    pub ids: &'a [i64],
    pub dimension: usize,
    pub metric: Metric,
    pub seed: u64,
    /// Some of them, to learn from.
    pub samples: &'a [f32],
    pub read: &'a (dyn Fn(usize, &mut [f32]) + Sync),
    /// Hears how many are done.
    pub progress: &'a (dyn Fn(usize) + Sync),
}

/// Runs `$then` with a coder of these codes, learned from samples.
macro_rules! with_coder {
    ($codes:expr, $samples:expr, $dimension:expr, $seed:expr, $coder:ident => $then:expr) => {
        match $codes {
            VectorCodes::Floats => {
                let $coder = Floats {
                    dimension: $dimension,
                };
                $then
            }
            VectorCodes::Halves => {
                let $coder = Halves::new($dimension);
                $then
            }
            VectorCodes::Scalar(bits) => {
                let bits = ScalarBits::of(bits);
                let $coder = Scalar::train($samples, $dimension, bits, $seed)?;
                $then
            }
            VectorCodes::Product { parts, bits, .. } => {
                let $coder = Product::train($samples, $dimension, parts, bits as usize, $seed)?;
                $then
            }
            VectorCodes::Residual(stages) => {
                let $coder = Additive::train($samples, $dimension, stages, $seed)?;
                $then
            }
            VectorCodes::RaBitQ(_) => return Err(only_in_lists($codes)),
        }
    };
}

/// Runs `$then` with the type of the coder of these codes.
macro_rules! with_coder_type {
    ($codes:expr, $coder:ident => $then:expr) => {
        match $codes {
            VectorCodes::Floats => {
                type $coder = Floats;
                $then
            }
            VectorCodes::Halves => {
                type $coder = Halves;
                $then
            }
            VectorCodes::Scalar(_) => {
                type $coder = Scalar;
                $then
            }
            VectorCodes::Product { .. } => {
                type $coder = Product;
                $then
            }
            VectorCodes::Residual(_) => {
                type $coder = Additive;
                $then
            }
            VectorCodes::RaBitQ(_) => return Err(only_in_lists($codes)),
        }
    };
}

fn only_in_lists(codes: VectorCodes) -> Error {
    Error::UnknownName {
        what: "codes that are read one by one",
        name: codes.to_string(),
        known: "Flat, SQfp16, SQ8, SQ4, a product or a residual quantiser".to_owned(),
    }
}

/// Makes the engine of a name.
pub(super) fn engine(name: &IndexName, source: &Source<'_>) -> Result<Box<dyn Engine>, Error> {
    let (samples, dimension, seed) = (source.samples, source.dimension, source.seed);
    match name.looking {
        Looking::Graph(neighbours) => {
            let config = NavigableConfig {
                degree: 2 * neighbours,
                seed,
                ..NavigableConfig::default()
            };
            with_coder!(name.codes, samples, dimension, seed, coder => {
                Ok(Box::new(Navigable::build(
                    coder, source.ids, source.read, source.metric, &config, source.progress,
                )?))
            })
        }
        Looking::All => lists(1, name.codes, source),
        Looking::Lists(lists_wanted) => lists(lists_wanted, name.codes, source),
    }
}

fn lists(wanted: usize, codes: VectorCodes, source: &Source<'_>) -> Result<Box<dyn Engine>, Error> {
    let dimension = source.dimension;
    let config = VectorListsConfig {
        metric: source.metric,
        seed: source.seed,
        ..VectorListsConfig::new(wanted, codes)
    };
    let mut lists = VectorLists::train(source.samples, dimension, &config)?;
    let mut rows = Vec::new();
    for (part, ids) in source.ids.chunks(PART).enumerate() {
        rows.resize(ids.len() * dimension, 0.0);
        read_rows(source, part * PART, &mut rows);
        lists.extend(ids, &rows)?;
        (source.progress)(part * PART + ids.len());
    }
    Ok(Box::new(lists))
}

/// Reads the rows from `first` on, in parallel.
fn read_rows(source: &Source<'_>, first: usize, rows: &mut [f32]) {
    let each = rows.par_chunks_exact_mut(source.dimension).enumerate();
    each.for_each(|(at, row)| (source.read)(first + at, row));
}

/// Opens the engine of a name that was written to these bytes.
pub(super) fn open_engine(
    name: &IndexName,
    map: Mapped,
    path: &Path,
) -> Result<Box<dyn Engine>, Error> {
    match name.looking {
        Looking::Graph(_) => with_coder_type!(name.codes, C => {
            Ok(Box::new(Navigable::<C>::of_mapped(map, path)?))
        }),
        Looking::All | Looking::Lists(_) => Ok(Box::new(VectorLists::of_mapped(map, path)?)),
    }
}

/// Finer codes: what was learned, and the code of every row.
pub(super) fn finer_codes(
    codes: VectorCodes,
    source: &Source<'_>,
) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let dimension = source.dimension;
    with_coder!(codes, source.samples, dimension, source.seed, coder => {
        let bytes = coder.code_bytes();
        let mut all = vec![0; bytes * source.ids.len()];
        let mut rows = Vec::new();
        for (part, codes) in all.chunks_mut(PART * bytes).enumerate() {
            rows.resize(codes.len() / bytes * dimension, 0.0);
            read_rows(source, part * PART, &mut rows);
            coder.encode_all(&rows, codes);
        }
        Ok((StoredCoder::to_bytes(&coder), all))
    })
}

/// Finer codes of a file; `None` where the bytes are none of so many rows of this dimension.
pub(super) fn open_finer(
    codes: VectorCodes,
    coder: &[u8],
    map: Mapped,
    dimension: usize,
    rows: usize,
) -> Result<Option<Box<dyn Finer>>, Error> {
    with_coder_type!(codes, C => {
        let Some(coder) = <C as StoredCoder>::from_bytes(coder) else {
            return Ok(None);
        };
        let whole = coder.code_bytes().checked_mul(rows) == Some(map.bytes().len());
        Ok(match whole && coder.dimension() == dimension {
            true => Some(Box::new(FinerCodes { coder, codes: map })),
            false => None,
        })
    })
}
