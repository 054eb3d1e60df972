//! Networks of plain operators, of which it is known beforehand what a run costs.
//!
//! A network that lies in a collection may be a stranger's program, and a few bytes of a program ask for terabytes
//! (decision 015). Networks of convolutions, pooling and enlargements by fixed factors do not: each value has a number of
//! channels and a share of the picture's area that follow from the file alone, so the memory of a run is a number of
//! values for each pixel of the picture.

use std::collections::BTreeMap;

use prost::Message;
use prost::bytes::Bytes;

use super::messages::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};

/// Operators whose answer is as large as what they read.
const SAME: [&str; 5] = [
    "Identity",
    "InstanceNormalization",
    "ReduceMean",
    "Relu",
    "Sigmoid",
];
/// All of them, for people.
const KNOWN: &str = "Add, AveragePool, Constant, Conv, Identity, InstanceNormalization, MaxPool, ReduceMean, Relu, Resize \
                     by fixed factors, Sigmoid";
/// Largest factor of one enlargement along a side.
const MOST_FACTOR: f32 = 64.0;

/// How large a value is for each pixel of the picture.
#[derive(Clone, Copy)]
struct Size {
    channels: f64,
    area: f64,
}

/// How many numbers all values of a network have together for each pixel of a picture of three channels.
///
/// # Errors
/// It has an operator that may make values of any size, or one that cannot be understood; a part of a sentence.
pub(crate) fn numbers_per_pixel(model: &Bytes) -> Result<f64, String> {
    let unread = "its parts contradict each other";
    let model = ModelProto::decode(model.clone()).map_err(|_| unread.to_owned())?;
    let graph = model.graph.ok_or_else(|| unread.to_owned())?;
    let weights = weights(&graph);
    let given = graph.input.iter().filter_map(|input| input.name.as_deref());
    let given = given.filter(|name| !weights.contains_key(name));
    let picture = Size {
        channels: 3.0,
        area: 1.0,
    };
    let mut sizes: BTreeMap<&str, Size> = given.map(|name| (name, picture)).collect();
    let mut total = 3.0;
    for node in graph.node.iter().filter(|node| op(node) != "Constant") {
        let size = answer(node, &sizes, &weights).map_err(|what| {
            let name = node.output.first().map_or("", String::as_str);
            format!("the operator {} of '{name}' {what}", op(node))
        })?;
        total += size.channels * size.area;
        sizes.extend(node.output.iter().map(|name| (name.as_str(), size)));
    }
    Ok(total)
}

/// Weights and constants by their names.
fn weights(graph: &GraphProto) -> BTreeMap<&str, &TensorProto> {
    let constants = graph.node.iter().filter(|node| op(node) == "Constant");
    let constants = constants.filter_map(|node| {
        let value = node.attribute.iter().find_map(|one| one.t.as_ref())?;
        Some((node.output.first()?.as_str(), value))
    });
    let initial = graph.initializer.iter();
    initial
        .filter_map(|weight| Some((weight.name.as_deref()?, weight)))
        .chain(constants)
        .collect()
}

fn op(node: &NodeProto) -> &str {
    node.op_type.as_deref().unwrap_or_default()
}

/// The size of what an operator makes.
fn answer(
    node: &NodeProto,
    sizes: &BTreeMap<&str, Size>,
    weights: &BTreeMap<&str, &TensorProto>,
) -> Result<Size, String> {
    let read = |place: usize| {
        let name = node.input.get(place).map_or("", String::as_str);
        sizes.get(name).copied().ok_or_else(|| {
            format!("reads '{name}', which is not made of the picture by the operators before it")
        })
    };
    let weight = |place: usize| {
        let name = node.input.get(place).map(String::as_str);
        name.and_then(|name| weights.get(name).copied())
    };
    let domain = node.domain.as_deref().unwrap_or_default();
    if !matches!(domain, "" | "ai.onnx") || node.attribute.iter().any(holds_graph) {
        return Err(format!("is not among those that are taken: {KNOWN}"));
    }
    let first = read(0)?;
    match op(node) {
        name if SAME.contains(&name) => Ok(first),
        "Add" => {
            let second = read(1)?;
            Ok(Size {
                channels: first.channels.max(second.channels),
                area: first.area.max(second.area),
            })
        }
        "Conv" => {
            let dims = weight(1).map(|weight| weight.dims.as_slice());
            let Some(&[channels, _, height, width]) = dims else {
                return Err("has no weights of four dimensions".into());
            };
            let area = first.area / windows(node, [height, width])?;
            Ok(Size {
                channels: channels.max(0) as f64,
                area,
            })
        }
        "AveragePool" | "MaxPool" => {
            let kernel = ints(node, "kernel_shape");
            let &[height, width] = kernel else {
                return Err("has no window of two sides".into());
            };
            let area = first.area / windows(node, [height, width])?;
            Ok(Size { area, ..first })
        }
        "Resize" => {
            let factors = weight(2).map(floats).unwrap_or_default();
            let &[one, same, down, across] = factors.as_slice() else {
                return Err("has no fixed factors for four dimensions".into());
            };
            let fits = |factor: f32| factor > 0.0 && factor <= MOST_FACTOR;
            if one != 1.0 || same != 1.0 || !fits(down) || !fits(across) {
                return Err(format!("enlarges by {factors:?}"));
            }
            let area = first.area * f64::from(down) * f64::from(across);
            Ok(Size { area, ..first })
        }
        _ => Err(format!("is not among those that are taken: {KNOWN}")),
    }
}

fn holds_graph(attribute: &AttributeProto) -> bool {
    attribute.g.is_some() || !attribute.graphs.is_empty()
}

/// By how much the windows of an operator divide the area. They begin within the picture, so that it never grows.
fn windows(node: &NodeProto, kernel: [i64; 2]) -> Result<f64, String> {
    let pads = ints(node, "pads");
    let (begin, end) = pads.split_at(pads.len() / 2);
    let mut both = begin.iter().zip(end).zip(kernel);
    let grows = both.any(|((&before, &after), kernel)| {
        before < 0 || after < 0 || before.saturating_add(after) >= kernel.max(1)
    });
    if !matches!(pads.len(), 0 | 4) || grows {
        return Err(format!(
            "has a border of {pads:?} around windows of {kernel:?}"
        ));
    }
    let strides = ints(node, "strides");
    match strides {
        [] => Ok(1.0),
        &[down, across] if down > 0 && across > 0 => Ok(down as f64 * across as f64),
        _ => Err(format!("has steps of {strides:?}")),
    }
}

fn ints<'a>(node: &'a NodeProto, name: &str) -> &'a [i64] {
    let mut attributes = node.attribute.iter();
    let found = attributes.find(|attribute| attribute.name.as_deref() == Some(name));
    found.map_or(&[], |attribute| &attribute.ints)
}

/// The numbers of a tensor of 32-bit floats; none of another.
fn floats(tensor: &TensorProto) -> Vec<f32> {
    let raw = tensor.raw_data.as_deref().unwrap_or_default();
    match tensor.data_type {
        Some(1) if !tensor.float_data.is_empty() => tensor.float_data.clone(),
        Some(1) => {
            let (numbers, _) = raw.as_chunks::<4>();
            numbers
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::messages::ValueInfoProto;

    fn node(op: &str, inputs: &[&str], ints: &[(&str, &[i64])]) -> NodeProto {
        let attribute = ints.iter().map(|(name, ints)| AttributeProto {
            name: Some((*name).to_owned()),
            ints: ints.to_vec(),
            ..AttributeProto::default()
        });
        NodeProto {
            input: inputs.iter().map(|&name| name.to_owned()).collect(),
            output: vec!["y".into()],
            op_type: Some(op.into()),
            attribute: attribute.collect(),
            ..NodeProto::default()
        }
    }

    fn tensor(name: &str, dims: &[i64], numbers: &[f32]) -> TensorProto {
        TensorProto {
            name: Some(name.into()),
            dims: dims.to_vec(),
            data_type: Some(1),
            float_data: numbers.to_vec(),
            ..TensorProto::default()
        }
    }

    fn cost(node: NodeProto) -> Result<f64, String> {
        let input = ValueInfoProto {
            name: Some("x".into()),
            ..ValueInfoProto::default()
        };
        let graph = GraphProto {
            node: vec![node],
            initializer: vec![
                tensor("w", &[8, 3, 3, 3], &[]),
                tensor("twice", &[4], &[1.0, 1.0, 2.0, 2.0]),
                tensor("channels", &[4], &[1.0, 9.0, 2.0, 2.0]),
                tensor("huge", &[4], &[1.0, 1.0, 1e6, 1e6]),
            ],
            input: vec![input],
            ..GraphProto::default()
        };
        let model = ModelProto {
            graph: Some(graph),
            ..ModelProto::default()
        };
        numbers_per_pixel(&Bytes::from(model.encode_to_vec()))
    }

    #[test]
    fn the_cost_of_a_run_follows_from_the_file() {
        assert_eq!(cost(node("Relu", &["x"], &[])), Ok(6.0));
        let around: (&str, &[i64]) = ("pads", &[1, 1, 1, 1]);
        let conv = |steps: &[i64]| node("Conv", &["x", "w"], &[around, ("strides", steps)]);
        assert_eq!(cost(conv(&[1, 1])), Ok(11.0));
        assert_eq!(cost(conv(&[2, 2])), Ok(5.0));
        let pool = node(
            "AveragePool",
            &["x"],
            &[("kernel_shape", &[4, 4]), ("strides", &[4, 4])],
        );
        assert_eq!(cost(pool), Ok(3.0 + 3.0 / 16.0));
        assert_eq!(cost(node("Resize", &["x", "", "twice"], &[])), Ok(15.0));
    }

    #[test]
    fn what_may_grow_without_end_is_refused() {
        let wide: (&str, &[i64]) = ("pads", &[1000, 1000, 1000, 1000]);
        for strange in [
            node("Loop", &["x"], &[]),
            node("Expand", &["x", "w"], &[]),
            node("Add", &["x", "w"], &[]),
            node("Conv", &["x", "w"], &[wide]),
            node("Conv", &["x", "x"], &[]),
            node("Conv", &["x", "w"], &[("strides", &[0, 1])]),
            node("AveragePool", &["x"], &[]),
            node("Resize", &["x", "", "huge"], &[]),
            node("Resize", &["x", "", "channels"], &[]),
            node("Resize", &["x", "", "", "w"], &[]),
            node("Relu", &["nobody"], &[]),
            NodeProto {
                domain: Some("other".into()),
                ..node("Relu", &["x"], &[])
            },
        ] {
            let error = cost(strange).unwrap_err();
            assert!(error.starts_with("the operator"), "{error}");
        }
    }
}
