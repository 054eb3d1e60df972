//! Visual words: codebooks, Hamming embedding, the inverted file, VLAD and Fisher vectors.
//!
//! A descriptor becomes a word of a [`Codebook`] and a [`Signature`]; the words of many images become a
//! [`Segment`]; [`search`] ranks the images of segments for the words of a query.
//!
//! ```no_run
//! use std::path::Path;
//! use vizsla_vectors::Allowed;
//! use vizsla_words::{Codebook, QueryWord, ScoringConfig, Segment, SegmentBuilder, search};
//!
//! # fn main() -> Result<(), vizsla_words::Error> {
//! let codebook = Codebook::builtin();
//! let descriptor = [1u8; 128];
//! let word = codebook.assign(&descriptor);
//! let signature = codebook.signature(&descriptor, word);
//!
//! let mut builder = SegmentBuilder::new(codebook.len() as u32);
//! builder.add(17, &[(word, signature)])?;
//! builder.write(Path::new("one.vzsg"))?;
//!
//! let segment = Segment::open(Path::new("one.vzsg"), codebook.len() as u32)?;
//! let query = [QueryWord { feature: 0, word, signature, weight: 1.0 }];
//! for image in search(&[&segment], &query, &ScoringConfig::default(), &Allowed::All, 10)? {
//!     println!("{} {}", image.id, image.score);
//! }
//! # Ok(())
//! # }
//! ```

mod aggregate;
mod aggregated;
mod asmk;
mod bag;
mod best;
mod clustering;
mod codebook;
mod codebook_file;
mod error;
mod finder;
mod histogram;
mod learn;
mod match_kernel;
mod norms;
mod pose;
mod pyramid;
mod reading;
mod scan;
mod scoring;
mod search;
mod segment;
mod signature;
mod tree;
mod turned;
mod votes;
mod weak_geometry;
mod weights;

pub use aggregate::{Aggregation, Aggregator, AggregatorConfig};
pub use aggregated::Residual;
pub use asmk::{AsmkConfig, search_aggregated};
pub use bag::search_bag;
pub use clustering::{Clustering, TrainConfig, TrainProgress};
pub use codebook::{Codebook, SIGNATURE_BITS};
pub use codebook_file::MAX_WORDS;
pub use error::Error;
pub use match_kernel::MatchKernelIndex;
pub use norms::IdfNorms;
pub use pose::Pose;
pub use pyramid::{Pyramid, PyramidError};
pub use scoring::{
    Burstiness, MOST_POSTINGS, Normalisation, QueryWord, Scored, ScoringConfig,
    inverse_document_frequency,
};
pub use search::search;
pub use segment::{
    Contents, Posting, Segment, SegmentBuilder, SegmentShape, SegmentSummary, merge,
};
pub use signature::Signature;
pub use weak_geometry::{RotationPrior, ScalePrior, WeakGeometry, search_consistent};
pub use weights::{BagConfig, Frequency};
