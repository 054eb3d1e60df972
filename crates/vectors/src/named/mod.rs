//! Indexes of vectors by their names: what an [`IndexName`] says, made, tuned on its own vectors, kept in a file and searched.
//!
//! ```text
//! config     what is wanted            transform  what is done to vectors first
//! engine     graph or lists            finer      codes for the best
//! make       from a name to these      tune       how hard to look
//! writer     gathers vectors           file       the layout of the file
//! rows       where they wait
//! ```
//!
//! ```
//! use vizsla_vectors::{Allowed, NamedVectors, NamedVectorsConfig, VectorIndex};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("vectors.vznv");
//! let config = NamedVectorsConfig::new("HNSW16,SQ8,RFlat".parse().unwrap());
//! let mut writer = NamedVectors::create(&path, 2, "example", &config)?;
//! for (id, angle) in (1..).zip([0.0f32, 0.5, 1.0, 2.0]) {
//!     writer.push(id, &[angle.cos(), angle.sin()])?;
//! }
//! writer.finish()?;
//! let index = NamedVectors::open(&path)?;
//! let found = index.nearest(&[0.9f32.cos(), 0.9f32.sin()], 2, &Allowed::All)?;
//! assert_eq!(found.best.iter().map(|best| best.0).collect::<Vec<_>>(), [3, 2]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod engine;
mod file;
mod finer;
mod format;
mod index;
mod make;
mod rows;
#[cfg(test)]
mod tests;
mod transform;
mod tune;
mod writer;

pub use self::config::{Effort, NamedVectorsConfig};
pub use self::index::NamedVectors;
pub use self::tune::Tuned;
pub use self::writer::NamedVectorsWriter;
