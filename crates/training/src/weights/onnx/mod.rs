//! Networks in and out of the ONNX format.
//!
//! What is written runs in [`vizsla_neural::Session`] without this floor: searching never needs the training engine.
//! What is read are convolutional networks of the operators that [`crate::Operator`] knows; the tests hold both
//! directions against PyTorch and the runtime. The format: <https://onnx.ai/onnx/repo-docs/IR.html>.

mod attributes;
mod constants;
mod export;
mod import;
mod parts;
