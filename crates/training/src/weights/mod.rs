//! Weights in and out: safetensors and ONNX.

mod safetensors;
