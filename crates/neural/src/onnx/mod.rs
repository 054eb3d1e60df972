//! What a file in ONNX format says of itself, and the one change that is made to it: other outputs.
//!
//! Runtimes only promise the outputs that a model declares; what lies between may be fused away.
//! To read an intermediate value, [`with_outputs`] writes a model whose outputs are the wanted values
//! and which has left only the operators that they need, so that no time is spent behind them.
//!
//! The format: <https://onnx.ai/onnx/repo-docs/IR.html>. It has no magic number; a file is taken for
//! ONNX when it parses as its root message and holds a graph with nodes.

mod adapt;
mod bounds;
pub(crate) mod channels;
mod edit;
mod external;
mod graph;
pub mod messages;
mod names;
mod plain;
mod reach;
mod wire;

pub(crate) use adapt::for_rten;
pub(crate) use edit::with_outputs;
pub(crate) use external::resolve as external_path;
pub use graph::read;
pub(crate) use graph::{Graph, external_names};
pub(crate) use names::nearest;
pub(crate) use plain::numbers_per_pixel;

pub use graph::ValueInfo;
