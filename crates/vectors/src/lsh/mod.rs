//! Locality-sensitive hashing: near points fall into the same bucket more often than far ones.
//!
//! Each table hashes a point with several functions together, so that far points rarely meet, and there are several tables, so that near ones
//! meet in one of them (Indyk & Motwani 1998). What is found in the buckets of a query is compared exactly. For Euclidean
//! distances the functions are projections on normal vectors, cut into steps (Datar, Immorlica, Indyk & Mirrokni 2004), and
//! further buckets of the same table are looked into in the order in which they are likely to hold neighbours (Lv et al. 2007),
//! which saves most of the tables. For binary codes the functions are bits of the code.
//!
//! Hash values are checked against NumPy, see `tests/reference/neighbours.py`. A search whose
//! buckets hold nothing finds nothing: for descriptors the forest is the better index, these are for comparison, for codes,
//! and for where the cost of a query must be known beforehand.

mod bits;
mod buckets;
mod euclidean;
mod p_stable;
mod probes;

pub use self::bits::{BitSamplingConfig, BitSamplingLsh};
pub use self::euclidean::{EuclideanLsh, LshConfig};
pub use self::p_stable::PStableHash;
