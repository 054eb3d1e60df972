//! Weights in and out: safetensors and ONNX.

mod onnx;
mod safetensors;
