//! Where the channels of a picture or a feature map are, as the operators around it show.
//!
//! Operators of convolution and pooling take batch × channels × height × width and nothing else (ONNX specification of
//! `Conv`), so the first of them behind an input tells how its dimensions are meant, however the input is declared.
//! Programs that keep channels last are exported with a `Transpose` before the first convolution and after the last.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Graph, Operator};

/// Operators whose output has the dimensions of their first input in the same order.
const KEEPING: [&str; 29] = [
    "Add",
    "Cast",
    "Clip",
    "Concat",
    "DequantizeLinear",
    "Div",
    "Dropout",
    "DynamicQuantizeLinear",
    "Elu",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "LeakyRelu",
    "Max",
    "Min",
    "Mul",
    "Neg",
    "PRelu",
    "Pad",
    "Pow",
    "QuantizeLinear",
    "Relu",
    "Resize",
    "Sigmoid",
    "Slice",
    "Sub",
    "Tanh",
    "Upsample",
];

/// Operators that take channels as the second dimension.
const CHANNELS_SECOND: [&str; 12] = [
    "AveragePool",
    "BatchNormalization",
    "Conv",
    "ConvInteger",
    "DepthToSpace",
    "FusedConv",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "InstanceNormalization",
    "MaxPool",
    "QLinearConv",
    "SpaceToDepth",
];

/// The dimension of the input `name`, of `rank` dimensions, that holds the channels; `None` when nothing shows it.
pub(crate) fn of_input(graph: &Graph, name: &str, rank: usize) -> Option<usize> {
    // Of every value that the input passes on to, which dimension of the input each of its dimensions is.
    let mut places: BTreeMap<&str, Vec<Option<usize>>> = BTreeMap::new();
    places.insert(name, (0..rank).map(Some).collect());
    for operator in &graph.operators {
        let known = |input: &String| places.get(input.as_str()).cloned();
        let Some(place) = operator.inputs.iter().find_map(known) else {
            continue;
        };
        if CHANNELS_SECOND.contains(&operator.op.as_str()) {
            return place.get(1).copied().flatten();
        }
        if let Some(output) = operator.outputs.first()
            && let Some(place) = moved(operator, place)
        {
            places.insert(output, place);
        }
    }
    None
}

/// Where the dimensions of an operator's output come from, given those of its input.
fn moved(operator: &Operator, place: Vec<Option<usize>>) -> Option<Vec<Option<usize>>> {
    match operator.op.as_str() {
        "Transpose" => match &operator.permutation {
            None => Some(place.into_iter().rev().collect()),
            Some(permutation) => permutation
                .iter()
                .map(|&from| place.get(usize::try_from(from).ok()?).copied())
                .collect(),
        },
        // A picture without a batch gets one.
        "Unsqueeze" if place.len() == 3 => Some([vec![None], place].concat()),
        op if KEEPING.contains(&op) => Some(place),
        _ => None,
    }
}

/// True when the value `name` is batch × height × width × channels: when it comes out of a `Transpose` that moved the
/// channels to the end, and of operators behind it that leave the dimensions where they are.
pub(crate) fn are_last(graph: &Graph, name: &str) -> bool {
    let made: BTreeSet<&str> = graph.values().collect();
    let mut wanted = name;
    for operator in graph.operators.iter().rev() {
        if !operator.outputs.iter().any(|output| output == wanted) {
            continue;
        }
        if operator.op == "Transpose" {
            return operator.permutation.as_deref() == Some(&[0, 2, 3, 1]);
        }
        if !KEEPING.contains(&operator.op.as_str()) {
            return false;
        }
        let is_made = |input: &&String| made.contains(input.as_str());
        match operator.inputs.iter().find(is_made) {
            Some(input) => wanted = input,
            None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operator(op: &str, input: &str, output: &str, permutation: Option<&[i64]>) -> Operator {
        Operator {
            op: op.into(),
            inputs: vec![input.into(), "weight".into()],
            outputs: vec![output.into()],
            permutation: permutation.map(<[i64]>::to_vec),
        }
    }

    fn graph(operators: Vec<Operator>) -> Graph {
        Graph {
            inputs: Vec::new(),
            outputs: Vec::new(),
            operators,
            external: Vec::new(),
        }
    }

    #[test]
    fn the_first_convolution_tells() {
        let first = graph(vec![
            operator("Sub", "x", "a", None),
            operator("Conv", "a", "b", None),
        ]);
        assert_eq!(of_input(&first, "x", 4), Some(1));
        let last = graph(vec![
            operator("Cast", "x", "a", None),
            operator("Transpose", "a", "b", Some(&[0, 3, 1, 2])),
            operator("Pad", "b", "c", None),
            operator("Conv", "c", "d", None),
        ]);
        assert_eq!(of_input(&last, "x", 4), Some(3));
        let single = graph(vec![
            operator("Unsqueeze", "x", "a", None),
            operator("Transpose", "a", "b", Some(&[0, 3, 1, 2])),
            operator("Conv", "b", "c", None),
        ]);
        assert_eq!(of_input(&single, "x", 3), Some(2));
        let dense = graph(vec![
            operator("Reshape", "x", "a", None),
            operator("MatMul", "a", "b", None),
        ]);
        assert_eq!(of_input(&dense, "x", 4), None);
    }

    #[test]
    fn maps_with_channels_last_are_told() {
        let graph = graph(vec![
            operator("Conv", "x", "a", None),
            operator("Transpose", "a", "b", Some(&[0, 2, 3, 1])),
            operator("Relu", "b", "c", None),
        ]);
        assert!(are_last(&graph, "c") && are_last(&graph, "b"));
        assert!(!are_last(&graph, "a") && !are_last(&graph, "nothing"));
    }
}
