//! The same model with other outputs.

use std::collections::BTreeSet;

use prost::Message;
use prost::bytes::Bytes;

use super::graph::Graph;
use super::messages::ValueInfoProto;
use super::wire::{append, fields};

/// Field of the root message that holds the graph.
pub(super) const MODEL_GRAPH: u64 = 7;
/// Fields of the graph message.
pub(super) const GRAPH_NODE: u64 = 1;
pub(super) const GRAPH_INITIALIZER: u64 = 5;
const GRAPH_INPUT: u64 = 11;
const GRAPH_OUTPUT: u64 = 12;
const GRAPH_VALUE_INFO: u64 = 13;

/// A model whose outputs are `outputs`, in this order, with the operators and weights that they need
/// and no others. `graph` is the structure of the same `model`; every output must be one of its
/// values. `None` when the bytes contradict that.
pub(crate) fn with_outputs(model: &Bytes, graph: &Graph, outputs: &[String]) -> Option<Vec<u8>> {
    let needed = needed_operators(graph, outputs);
    let read: BTreeSet<&str> = graph
        .operators
        .iter()
        .zip(&needed)
        .filter(|(_, needed)| **needed)
        .flat_map(|(operator, _)| operator.inputs.iter().map(String::as_str))
        .collect();
    let mut bytes = Vec::with_capacity(model.len());
    for field in fields(model) {
        let field = field?;
        if field.number == MODEL_GRAPH {
            let content = edit_graph(field.content, &needed, &read, outputs)?;
            append(&mut bytes, MODEL_GRAPH, &content);
        } else {
            bytes.extend_from_slice(field.whole);
        }
    }
    Some(bytes)
}

/// Which operators the outputs need, found from the last to the first.
fn needed_operators(graph: &Graph, outputs: &[String]) -> Vec<bool> {
    let mut wanted: BTreeSet<&str> = outputs.iter().map(String::as_str).collect();
    let mut needed = vec![false; graph.operators.len()];
    for (operator, needed) in graph.operators.iter().zip(&mut needed).rev() {
        if operator
            .outputs
            .iter()
            .any(|name| wanted.contains(name.as_str()))
        {
            *needed = true;
            wanted.extend(operator.inputs.iter().map(String::as_str));
        }
    }
    needed
}

fn edit_graph(
    content: &[u8],
    needed: &[bool],
    read: &BTreeSet<&str>,
    outputs: &[String],
) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(content.len());
    let mut declared = Vec::new();
    let mut nodes = needed.iter();
    for field in fields(content) {
        let field = field?;
        let keep = match field.number {
            GRAPH_NODE => *nodes.next()?,
            GRAPH_INITIALIZER => read.contains(weight_name(field.content)?.as_str()),
            // Declarations of the wanted values are taken over as the new outputs, the others are
            // worth nothing: runtimes infer them.
            GRAPH_OUTPUT | GRAPH_VALUE_INFO => {
                let value = ValueInfoProto::decode(field.content).ok()?;
                if outputs.iter().any(|name| Some(name) == value.name.as_ref()) {
                    declared.push((value, field.content));
                }
                false
            }
            GRAPH_INPUT => {
                let value = ValueInfoProto::decode(field.content).ok()?;
                read.contains(value.name.as_deref().unwrap_or(""))
            }
            _ => true,
        };
        if keep {
            bytes.extend_from_slice(field.whole);
        }
    }
    for name in outputs {
        let known = declared
            .iter()
            .find(|(value, _)| value.name.as_ref() == Some(name));
        match known {
            Some((_, content)) => append(&mut bytes, GRAPH_OUTPUT, content),
            None => {
                let value = ValueInfoProto {
                    name: Some(name.clone()),
                    r#type: None,
                };
                append(&mut bytes, GRAPH_OUTPUT, &value.encode_to_vec());
            }
        }
    }
    Some(bytes)
}

/// The name of a weight, without a copy of its data.
fn weight_name(content: &[u8]) -> Option<String> {
    const NAME: u64 = 8;
    for field in fields(content) {
        let field = field?;
        if field.number == NAME {
            return String::from_utf8(field.content.to_vec()).ok();
        }
    }
    Some(String::new())
}
