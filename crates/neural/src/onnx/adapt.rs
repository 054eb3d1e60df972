//! Rewriting what is valid in ONNX but not read by rten.
//!
//! Three things: a convolution may leave `kernel_shape` out, as its weights say it too; models
//! exported for training hold `Dropout`, which passes its input on when nobody trains; and before
//! version 13 of the operators `Softmax` worked along axis 1, and what lay behind it, where none was
//! named. The last is exact where nothing lies behind axis 1, as in every classifier.

use std::collections::BTreeMap;

use prost::Message;

use super::edit::{GRAPH_INITIALIZER, GRAPH_NODE, MODEL_GRAPH};
use super::messages::{NodeProto, OperatorSetIdProto, TensorProto};
use super::wire::{Field, append, append_number, fields};

const MODEL_OPSET: u64 = 8;
const NODE_INPUT: u64 = 1;
const NODE_OUTPUT: u64 = 2;
const NODE_OP_TYPE: u64 = 4;
const NODE_ATTRIBUTE: u64 = 5;

/// The model with these rewritten, or `None` when it has none of them.
pub(crate) fn for_rten(model: &[u8]) -> Option<Vec<u8>> {
    let root: Vec<Field<'_>> = fields(model).collect::<Option<_>>()?;
    let graph = root.iter().find(|field| field.number == MODEL_GRAPH)?;
    let parts: Vec<Field<'_>> = fields(graph.content).collect::<Option<_>>()?;
    let mut kernels = BTreeMap::new();
    for part in parts.iter().filter(|part| part.number == GRAPH_INITIALIZER) {
        let (name, dims) = name_and_dims(part.content)?;
        if dims.len() > 2 {
            kernels.insert(name, dims[2..].to_vec());
        }
    }
    let opset = root
        .iter()
        .filter(|field| field.number == MODEL_OPSET)
        .filter_map(|field| OperatorSetIdProto::decode(field.content).ok())
        .find(|set| set.domain.as_deref().unwrap_or("").is_empty())
        .and_then(|set| set.version)
        .unwrap_or(i64::MAX);
    let mut changed = false;
    let mut content = Vec::with_capacity(graph.content.len() + 1024);
    for part in &parts {
        let rewritten = match part.number {
            GRAPH_NODE => rewrite(part.content, &kernels, opset),
            _ => None,
        };
        match rewritten {
            Some(node) => {
                changed = true;
                append(&mut content, GRAPH_NODE, &node);
            }
            None => content.extend_from_slice(part.whole),
        }
    }
    if !changed {
        return None;
    }
    let mut bytes = Vec::with_capacity(model.len() + 1024);
    for field in &root {
        match field.number {
            MODEL_GRAPH => append(&mut bytes, MODEL_GRAPH, &content),
            _ => bytes.extend_from_slice(field.whole),
        }
    }
    Some(bytes)
}

/// Name and shape of a weight, its data left alone.
fn name_and_dims(content: &[u8]) -> Option<(String, Vec<i64>)> {
    const RAW_DATA: u64 = 9;
    let mut small = Vec::new();
    for field in fields(content) {
        let field = field?;
        // Numbers and short fields only: dims, type and name.
        if field.number != RAW_DATA && field.whole.len() < 1024 && small.len() < 4096 {
            small.extend_from_slice(field.whole);
        }
    }
    let tensor = TensorProto::decode(small.as_slice()).ok()?;
    Some((tensor.name.unwrap_or_default(), tensor.dims))
}

fn rewrite(content: &[u8], kernels: &BTreeMap<String, Vec<i64>>, opset: i64) -> Option<Vec<u8>> {
    let node = NodeProto::decode(content).ok()?;
    let has = |name| {
        node.attribute
            .iter()
            .any(|a| a.name.as_deref() == Some(name))
    };
    let attribute = match node.op_type.as_deref()? {
        "Dropout" => return pass_on(content),
        "Conv" | "ConvInteger" | "ConvTranspose" if !has("kernel_shape") => {
            kernel_shape(kernels.get(node.input.get(1)?)?)
        }
        "Softmax" | "LogSoftmax" if opset < 13 && !has("axis") => axis(1),
        _ => return None,
    };
    let mut bytes = content.to_vec();
    append(&mut bytes, NODE_ATTRIBUTE, &attribute);
    Some(bytes)
}

/// The node as an `Identity` of its first input.
fn pass_on(content: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut seen = [false; 3];
    for field in fields(content) {
        let field = field?;
        match field.number {
            NODE_INPUT | NODE_OUTPUT => {
                let first = !std::mem::replace(&mut seen[field.number as usize], true);
                if first {
                    bytes.extend_from_slice(field.whole);
                }
            }
            NODE_OP_TYPE => append(&mut bytes, NODE_OP_TYPE, b"Identity"),
            NODE_ATTRIBUTE => {}
            _ => bytes.extend_from_slice(field.whole),
        }
    }
    Some(bytes)
}

const ATTRIBUTE_NAME: u64 = 1;
const ATTRIBUTE_INT: u64 = 3;
const ATTRIBUTE_INTS: u64 = 8;
const ATTRIBUTE_TYPE: u64 = 20;
const TYPE_INT: u64 = 2;
const TYPE_INTS: u64 = 7;

fn axis(value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    append(&mut bytes, ATTRIBUTE_NAME, b"axis");
    append_number(&mut bytes, ATTRIBUTE_INT, value);
    append_number(&mut bytes, ATTRIBUTE_TYPE, TYPE_INT);
    bytes
}

fn kernel_shape(kernel: &[i64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    append(&mut bytes, ATTRIBUTE_NAME, b"kernel_shape");
    for &side in kernel {
        append_number(&mut bytes, ATTRIBUTE_INTS, side.max(0) as u64);
    }
    append_number(&mut bytes, ATTRIBUTE_TYPE, TYPE_INTS);
    bytes
}
