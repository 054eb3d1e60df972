//! Visual search: index photographs and find the same object again, from another photograph or from a region
//! drawn in one.
//!
//! This crate has no code of its own. It gathers the floors of the system under one name for programs that embed
//! it; each module is a crate that can be used alone.
//!
//! ```
//! use vizsla::pixels::Rgb;
//! use vizsla::retrieval::{Collection, IngestOptions, Query, Recipe, SearchOptions, Silent};
//! use vizsla::words::Codebook;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! std::fs::create_dir(folder.path().join("photos"))?;
//! Rgb::filled(64, 48, [200, 30, 30])?.save_png(&folder.path().join("photos/red.png"))?;
//!
//! let place = folder.path().join("photos.vizsla");
//! let mut photos = Collection::create(&place, Recipe::default(), Codebook::builtin())?;
//! let report = photos.ingest(&[folder.path().join("photos")], &IngestOptions::default(), &Silent)?;
//! assert_eq!(report.added, 1);
//!
//! let query = Query::file(folder.path().join("photos/red.png"));
//! for hit in photos.search(&query, &SearchOptions::default())?.hits {
//!     println!("{:?} {:.2} {}", hit.verdict, hit.score, hit.path.display());
//! }
//! # Ok(())
//! # }
//! ```

#[doc(inline)]
pub use vizsla_evaluation as evaluation;
#[doc(inline)]
pub use vizsla_features as features;
#[doc(inline)]
pub use vizsla_neural as neural;
#[doc(inline)]
pub use vizsla_pixels as pixels;
#[doc(inline)]
pub use vizsla_retrieval as retrieval;
#[doc(inline)]
pub use vizsla_vectors as vectors;
#[doc(inline)]
pub use vizsla_words as words;
