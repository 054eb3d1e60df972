//! Texts become vectors: by a network behind a tokenizer, or by the vectors of their words.

mod aggregation;
mod batch;
mod charsmap;
mod cut;
mod encoder;
mod learned;
mod network;
mod statistics;
mod token_pooling;
mod tokenizer;
mod tokenizer_check;
mod tokenizer_files;
mod words;

pub use aggregation::Aggregation;
pub use batch::TextBatch;
pub use cut::words;
pub use encoder::TextEncoder;
pub use learned::LearnedWords;
pub use statistics::WordStatistics;
pub use token_pooling::TokenPooling;
pub use tokenizer::{Tokenized, Tokenizer};
pub use words::WordEncoder;
