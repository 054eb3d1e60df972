//! Networks: ONNX encoders for images and text, pooling, tokenizers, word vectors, the model registry.
