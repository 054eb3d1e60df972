//! The structure of a model: its values and which operator makes which.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use prost::Message;
use prost::bytes::Bytes;

use super::messages::{GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use super::names::nearest;
use super::{bounds, external};
use crate::error::Error;
use crate::tensor::ElementType;

/// Largest file that is read as a model; the format's own limit is 2 GiB, weights beyond it lie in
/// files of their own.
const MAX_BYTES: u64 = 2 << 30;

/// An input or output as the model declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueInfo {
    /// Its name.
    pub name: String,
    /// What its elements are; [`ElementType::Other`] also where the model does not say.
    pub element: ElementType,
    /// Length of each dimension, `None` where any length goes; `None` when the model does not say.
    pub shape: Option<Vec<Option<usize>>>,
    /// The name of each dimension, empty where it has none.
    pub dimension_names: Vec<String>,
}

/// One operator: what it is called, reads and writes.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    pub op: String,
    /// Values read, those that inner graphs (loops, branches) take from outside included.
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    /// The attribute `perm`, which `Transpose` has: where each dimension comes from.
    pub permutation: Option<Vec<i64>>,
}

/// The structure of a model without its weights.
#[derive(Clone, Debug)]
pub(crate) struct Graph {
    /// Inputs that have to be given: weights that are declared as inputs are left out.
    pub inputs: Vec<ValueInfo>,
    /// Declared outputs.
    pub outputs: Vec<ValueInfo>,
    /// Operators in topological order.
    pub operators: Vec<Operator>,
    /// Files beside the model that hold weights, in the order they are first mentioned.
    pub external: Vec<String>,
}

impl Graph {
    /// Reads the structure of a model.
    ///
    /// # Errors
    /// [`Error::WrongKind`] when the bytes are no ONNX model.
    pub fn parse(bytes: &Bytes, path: &Path) -> Result<Graph, Error> {
        let wrong = |what: String| Error::WrongKind {
            expected: "model in ONNX format",
            what,
            path: path.to_path_buf(),
        };
        if bytes.is_empty() {
            return Err(wrong("the file is empty".into()));
        }
        let model = ModelProto::decode(bytes.clone())
            .map_err(|error| wrong(format!("it cannot be parsed, {error}")))?;
        let Some(graph) = model.graph.filter(|graph| !graph.node.is_empty()) else {
            return Err(wrong("it holds no graph with operators".into()));
        };
        let mut external = Vec::new();
        gather_external(&graph, &mut external, &mut BTreeSet::new());
        let weights: BTreeSet<&str> = graph
            .initializer
            .iter()
            .filter_map(|weight| weight.name.as_deref())
            .collect();
        let given =
            |value: &&ValueInfoProto| !weights.contains(value.name.as_deref().unwrap_or(""));
        Ok(Graph {
            inputs: graph.input.iter().filter(given).map(value_info).collect(),
            outputs: graph.output.iter().map(value_info).collect(),
            operators: graph.node.iter().map(operator).collect(),
            external,
        })
    }

    /// All values that an operator makes, in topological order.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &str> {
        let outputs = self.operators.iter().flat_map(|operator| &operator.outputs);
        outputs.map(String::as_str).filter(|name| !name.is_empty())
    }

    /// Checks that the model has a value of this name.
    ///
    /// # Errors
    /// [`Error::UnknownName`], which lists the names most like it.
    pub fn check_value(&self, name: &str, path: &Path) -> Result<(), Error> {
        if self.values().any(|value| value == name) {
            return Ok(());
        }
        Err(Error::UnknownName {
            place: "output",
            name: name.to_owned(),
            known: nearest(name, self.values()),
            path: path.to_path_buf(),
        })
    }
}

/// Reads a model's file. Its length, the number and the depth of its parts and the sizes of its weights are bounded, so
/// that decoding it takes no more memory than a bounded number of times its length.
///
/// # Errors
/// [`Error::WrongKind`] when it is larger than the format allows or a bound is passed, [`Error::Io`] when it cannot be
/// read.
pub fn read(path: &Path) -> Result<Bytes, Error> {
    let wrong = |what: String| Error::WrongKind {
        expected: "model in ONNX format",
        what,
        path: path.to_path_buf(),
    };
    let file = fs_err::metadata(path)?;
    if !file.is_file() {
        return Err(wrong("it is no file".into()));
    }
    let mut bytes = Vec::new();
    let reader = fs_err::File::open(path)?;
    reader.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(wrong(format!(
            "{} bytes, the format ends at {MAX_BYTES}",
            file.len()
        )));
    }
    bounds::check(&bytes).map_err(wrong)?;
    Ok(Bytes::from(bytes))
}

/// The files beside a model that hold weights of it, in the order they are first mentioned, as the model names them;
/// [`super::external_path`] says where they are.
///
/// # Errors
/// When the model cannot be read, or refers to a place outside its folder.
pub(crate) fn external_names(path: &Path) -> Result<Vec<String>, Error> {
    let graph = Graph::parse(&read(path)?, path)?;
    for name in &graph.external {
        external::check_name(path, name)?;
    }
    Ok(graph.external)
}

fn gather_external(graph: &GraphProto, found: &mut Vec<String>, seen: &mut BTreeSet<String>) {
    let mut add = |tensor: &TensorProto| {
        let location = tensor
            .external_data
            .iter()
            .find(|entry| entry.key.as_deref() == Some("location"))
            .and_then(|entry| entry.value.clone());
        if let Some(location) = location
            && tensor.data_location == Some(1)
            && seen.insert(location.clone())
        {
            found.push(location);
        }
    };
    graph.initializer.iter().for_each(&mut add);
    for attribute in graph.node.iter().flat_map(|node| &node.attribute) {
        attribute.t.iter().for_each(&mut add);
    }
    for inner in graph.node.iter().flat_map(inner_graphs) {
        gather_external(inner, found, seen);
    }
}

fn inner_graphs(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    node.attribute
        .iter()
        .flat_map(|attribute| attribute.g.as_deref().into_iter().chain(&attribute.graphs))
}

fn operator(node: &NodeProto) -> Operator {
    let mut inputs = node.input.clone();
    for inner in inner_graphs(node) {
        gather_inputs(inner, &mut inputs);
    }
    Operator {
        op: node.op_type.clone().unwrap_or_default(),
        inputs,
        outputs: node.output.clone(),
        permutation: node
            .attribute
            .iter()
            .find(|attribute| attribute.name.as_deref() == Some("perm"))
            .map(|attribute| attribute.ints.clone()),
    }
}

/// Every name that an inner graph reads, whether it comes from outside or not: too many names keep
/// an operator too many, too few would break the model.
fn gather_inputs(graph: &GraphProto, found: &mut Vec<String>) {
    for node in &graph.node {
        found.extend(node.input.iter().cloned());
        for inner in inner_graphs(node) {
            gather_inputs(inner, found);
        }
    }
    found.extend(graph.output.iter().filter_map(|value| value.name.clone()));
}

fn value_info(value: &ValueInfoProto) -> ValueInfo {
    let tensor = value.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let element = tensor.and_then(|tensor| tensor.elem_type).unwrap_or(0);
    let declared = tensor.and_then(|tensor| tensor.shape.as_ref());
    let shape = declared.map(|shape| {
        let length = |value: i64| usize::try_from(value).ok().filter(|&length| length > 0);
        let dimensions = shape.dim.iter();
        dimensions
            .map(|dimension| dimension.dim_value.and_then(length))
            .collect()
    });
    let names = declared.into_iter().flat_map(|shape| &shape.dim);
    ValueInfo {
        name: value.name.clone().unwrap_or_default(),
        element: ElementType::of_onnx(element),
        shape,
        dimension_names: names
            .map(|dimension| dimension.dim_param.clone().unwrap_or_default())
            .collect(),
    }
}
