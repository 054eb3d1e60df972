//! A convolutional network out of an ONNX model.
//!
//! Names are kept: a node is called as the value it makes, a parameter as its weight. A classifier behind the last feature
//! map is no obstacle where its operators are known (a global pooling followed by 1 × 1 convolutions or fully connected
//! layers works on vectors); else an earlier value is named as the output, and only what it needs is read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burn::tensor::Device;
use prost::Message;
use vizsla_neural::onnx::messages::{GraphProto, ModelProto, NodeProto, ValueInfoProto};
use vizsla_neural::onnx::read;

use super::attributes::Attributes;
use super::constants::{Constant, Constants, Numbers};
use crate::error::Error;
use crate::network::parameters::{near, shape_text};
use crate::network::{Declaration, Initial, Kind, Network, Node, Operator, Parameters};

/// The operators that are read.
const KNOWN: &str = "Conv, BatchNormalization, Relu, Clip, Add, MaxPool, AveragePool, GlobalAveragePool, GlobalMaxPool, \
                     ReduceMean and ReduceMax over places, Flatten behind a global pooling, Gemm, Concat, Dropout, \
                     Identity and Constant are";

impl Network {
    /// The network of a model in ONNX format up to the value `output`, or to the model's own output, and its weights;
    /// all but statistics are trained.
    ///
    /// # Errors
    /// [`Error::WrongKind`] when the file is no such model or does not take images or vectors, [`Error::Operator`] which
    /// names the operator that cannot be trained, [`Error::Value`] when there is no such output.
    pub fn from_onnx(
        path: &Path,
        output: Option<&str>,
        device: &Device,
    ) -> Result<(Network, Parameters), Error> {
        let wrong = |what: String| Error::WrongKind {
            expected: "model in ONNX format",
            what,
            path: path.to_path_buf(),
        };
        let model = ModelProto::decode(read(path)?)
            .map_err(|error| wrong(format!("it cannot be parsed, {error}")))?;
        let graph = model.graph.filter(|graph| !graph.node.is_empty());
        let graph = graph.ok_or_else(|| wrong("it holds no graph with operators".into()))?;
        let output = match output {
            Some(name) => name.to_owned(),
            None => declared_output(&graph).ok_or_else(|| wrong("it has no output".into()))?,
        };
        let needed = needed(&graph, &output);
        if !needed.iter().any(|&needed| needed) {
            let values = graph
                .node
                .iter()
                .flat_map(|node| node.output.iter().map(String::as_str));
            return Err(Error::Value {
                name: "the output",
                value: output.clone(),
                allowed: format!("{}: {}", near(&output, values), path.display()),
            });
        }
        let mut reader = Reader::new(path, &graph, &needed)?;
        for (node, _) in graph
            .node
            .iter()
            .zip(&needed)
            .filter(|(_, needed)| **needed)
        {
            reader.read(node).map_err(|why| reader.refuse(node, why))?;
        }
        let network = reader.finish(&output)?;
        let parameters = Parameters::initial(&network, 0, device);
        Ok((network, parameters))
    }
}

fn declared_output(graph: &GraphProto) -> Option<String> {
    graph.output.first().and_then(|value| value.name.clone())
}

/// Which nodes a value needs, found from the last to the first.
fn needed(graph: &GraphProto, output: &str) -> Vec<bool> {
    let mut wanted = BTreeSet::from([output]);
    let mut needed = vec![false; graph.node.len()];
    for (node, needed) in graph.node.iter().zip(&mut needed).rev() {
        if node
            .output
            .iter()
            .any(|name| wanted.contains(name.as_str()))
        {
            *needed = true;
            wanted.extend(node.input.iter().map(String::as_str));
        }
    }
    needed
}

/// A network in the making.
struct Reader<'a> {
    path: &'a Path,
    constants: BTreeMap<String, Constant>,
    /// The value of the network that each value of the model is.
    values: BTreeMap<String, usize>,
    kinds: Vec<Kind>,
    nodes: Vec<Node>,
    declarations: Vec<Declaration>,
    declared: BTreeMap<String, usize>,
    files: Constants<'a>,
}

impl<'a> Reader<'a> {
    fn new(path: &'a Path, graph: &GraphProto, needed: &[bool]) -> Result<Reader<'a>, Error> {
        let wrong = |what: String| Error::WrongKind {
            expected: "model that can be trained",
            what,
            path: path.to_path_buf(),
        };
        let read = graph.node.iter().zip(needed).filter(|(_, needed)| **needed);
        let read: BTreeSet<&str> = read
            .flat_map(|(node, _)| node.input.iter().map(String::as_str))
            .collect();
        let mut files = Constants::beside(path);
        let mut constants = BTreeMap::new();
        for weight in &graph.initializer {
            let name = weight.name.clone().unwrap_or_default();
            if read.contains(name.as_str()) {
                let constant = files
                    .read(weight)
                    .map_err(|why| wrong(format!("weight '{name}': {why}")))?;
                constants.insert(name, constant);
            }
        }
        let mut inputs = graph
            .input
            .iter()
            .filter_map(|value| Some((value.name.as_deref()?, value)));
        let given = |(name, _): &(&str, &ValueInfoProto)| {
            !constants.contains_key(*name) && read.contains(name)
        };
        let (name, input) = inputs
            .find(given)
            .ok_or_else(|| wrong("it has no input".into()))?;
        let kind = kind_of(input).ok_or_else(|| {
            wrong(format!(
                "its input '{name}' is neither N×C×H×W nor N×D with a known C or D"
            ))
        })?;
        Ok(Reader {
            path,
            constants,
            values: BTreeMap::from([(name.to_owned(), 0)]),
            kinds: vec![kind],
            nodes: Vec::new(),
            declarations: Vec::new(),
            declared: BTreeMap::new(),
            files,
        })
    }

    fn finish(mut self, output: &str) -> Result<Network, Error> {
        let last = self.values.get(output).copied().unwrap_or(0);
        self.nodes.truncate(last);
        Network::new(self.kinds[0], self.nodes, self.declarations)
    }

    fn refuse(&self, node: &NodeProto, why: String) -> Error {
        Error::Operator {
            operator: node.op_type.clone().unwrap_or_default(),
            node: node.output.first().cloned().unwrap_or_default(),
            why,
            advice: match self.nodes.last() {
                Some(last) => format!(
                    "name a value before it as the output, such as '{}'",
                    last.name
                ),
                None => "take another model".into(),
            },
            path: self.path.to_path_buf(),
        }
    }

    /// Reads one node; what cannot be read is said as a part of a sentence.
    fn read(&mut self, node: &NodeProto) -> Result<(), String> {
        let settings = Attributes(node);
        if !matches!(node.domain.as_deref(), None | Some("" | "ai.onnx")) {
            return Err(format!(
                "it is of the operator set {}",
                node.domain.as_deref().unwrap_or("")
            ));
        }
        match node.op_type.as_deref().unwrap_or("") {
            "Constant" => self.constant(node),
            "Identity" | "Dropout" => self.pass_on(node),
            "Conv" => self.convolution(node, &settings),
            "BatchNormalization" => self.batch_norm(node, &settings),
            "Gemm" => self.gemm(node, &settings),
            "Relu" => self.add(node, Operator::Relu, &[0], Vec::new()),
            "Clip" => self.clip(node, &settings),
            "Add" => self.add(node, Operator::Add, &[0, 1], Vec::new()),
            "Concat" => {
                settings.only("axis", 1)?;
                let all: Vec<usize> = (0..node.input.len()).collect();
                self.add(node, Operator::Concat, &all, Vec::new())
            }
            "MaxPool" => {
                settings.only("ceil_mode", 0)?;
                let window = settings.window(None)?;
                self.add(node, Operator::MaxPool { window }, &[0], Vec::new())
            }
            "AveragePool" => {
                settings.only("ceil_mode", 0)?;
                let window = settings.window(None)?;
                let count_padding = settings.int("count_include_pad", 0) != 0;
                self.add(
                    node,
                    Operator::AveragePool {
                        window,
                        count_padding,
                    },
                    &[0],
                    Vec::new(),
                )
            }
            "GlobalAveragePool" => self.add(node, Operator::GlobalAverage, &[0], Vec::new()),
            "GlobalMaxPool" => self.add(node, Operator::GlobalMax, &[0], Vec::new()),
            "ReduceMean" => self.reduce(node, &settings, Operator::GlobalAverage),
            "ReduceMax" => self.reduce(node, &settings, Operator::GlobalMax),
            "Flatten" | "Squeeze" | "Reshape" => match self.kind(node, 0)? {
                Kind::Vectors { .. } => self.pass_on(node),
                Kind::Map { .. } => {
                    Err("how long its rows become depends on the size of the image".into())
                }
            },
            _ => Err(format!("{KNOWN} known")),
        }
    }

    fn value(&self, node: &NodeProto, which: usize) -> Result<usize, String> {
        let name = node.input.get(which).ok_or("an input is missing")?;
        self.values
            .get(name)
            .copied()
            .ok_or_else(|| format!("its input '{name}' is not computed from the images"))
    }

    fn kind(&self, node: &NodeProto, which: usize) -> Result<Kind, String> {
        Ok(self.kinds[self.value(node, which)?])
    }

    fn floats(&self, name: &str) -> Result<(&[usize], &[f32]), String> {
        match self.constants.get(name) {
            Some(Constant {
                shape,
                numbers: Numbers::Floats(x),
            }) => Ok((shape, x)),
            Some(_) => Err(format!("'{name}' holds integers")),
            None => Err(format!("'{name}' is no weight of the model")),
        }
    }

    /// A parameter of the network from a weight, with another shape if need be; declared once.
    fn parameter(
        &mut self,
        name: &str,
        shape: Option<&[usize]>,
        statistic: bool,
    ) -> Result<usize, String> {
        let (own, values) = self.floats(name)?;
        let shape = shape.unwrap_or(own).to_vec();
        if let Some(&place) = self.declared.get(name) {
            return match self.declarations[place].shape == shape {
                true => Ok(place),
                false => Err(format!("weight '{name}' is used in two shapes")),
            };
        }
        let declaration = Declaration {
            name: name.to_owned(),
            initial: Initial::Values(values.into()),
            shape,
            statistic,
        };
        self.declarations.push(declaration);
        self.declared
            .insert(name.to_owned(), self.declarations.len() - 1);
        Ok(self.declarations.len() - 1)
    }

    /// Adds a node that reads the inputs at these places.
    fn add(
        &mut self,
        node: &NodeProto,
        operator: Operator,
        inputs: &[usize],
        parameters: Vec<usize>,
    ) -> Result<(), String> {
        let inputs = inputs
            .iter()
            .map(|&which| self.value(node, which))
            .collect::<Result<Vec<_>, _>>()?;
        let kinds: Vec<Kind> = inputs.iter().map(|&input| self.kinds[input]).collect();
        let shapes: Vec<&[usize]> = parameters
            .iter()
            .map(|&p| self.declarations[p].shape.as_slice())
            .collect();
        let kind = operator.infer(&kinds, &shapes)?;
        let name = node.output.first().cloned().unwrap_or_default();
        self.nodes.push(Node {
            name: name.clone(),
            operator,
            inputs,
            parameters,
        });
        self.kinds.push(kind);
        self.values.insert(name, self.nodes.len());
        Ok(())
    }

    /// The node's output is its input, whether weight or value.
    fn pass_on(&mut self, node: &NodeProto) -> Result<(), String> {
        let output = node.output.first().cloned().unwrap_or_default();
        let input = node.input.first().ok_or("an input is missing")?;
        if let Some(constant) = self.constants.get(input).cloned() {
            self.constants.insert(output, constant);
            return Ok(());
        }
        let value = self.value(node, 0)?;
        self.values.insert(output, value);
        Ok(())
    }

    fn constant(&mut self, node: &NodeProto) -> Result<(), String> {
        let tensor = node
            .attribute
            .iter()
            .find_map(|attribute| attribute.t.as_ref());
        let constant = self.files.read(tensor.ok_or("only tensors are known")?)?;
        let name = node.output.first().cloned().unwrap_or_default();
        self.constants.insert(name, constant);
        Ok(())
    }

    fn convolution(&mut self, node: &NodeProto, settings: &Attributes<'_>) -> Result<(), String> {
        let weight = node.input.get(1).cloned().ok_or("its weight is missing")?;
        let shape = self.floats(&weight)?.0.to_vec();
        let &[out, width, kernel_height, kernel_width] = shape.as_slice() else {
            return Err(format!(
                "its weight has shape {}, four dimensions are known",
                shape_text(&shape)
            ));
        };
        let kernel = [kernel_height, kernel_width];
        let window = settings.window(Some(kernel))?;
        let groups = usize::try_from(settings.int("group", 1)).unwrap_or(0);
        // On what a global pooling gave, a 1 × 1 convolution is a fully connected layer.
        let on_vectors = matches!(self.kind(node, 0)?, Kind::Vectors { .. });
        let (operator, shape) = match on_vectors && kernel == [1, 1] && groups == 1 {
            true => (Operator::Linear, Some(vec![out, width])),
            false => (Operator::Convolution { window, groups }, None),
        };
        let mut parameters = vec![self.parameter(&weight, shape.as_deref(), false)?];
        if let Some(bias) = node.input.get(2).filter(|name| !name.is_empty()).cloned() {
            parameters.push(self.parameter(&bias, None, false)?);
        }
        self.add(node, operator, &[0], parameters)
    }

    fn batch_norm(&mut self, node: &NodeProto, settings: &Attributes<'_>) -> Result<(), String> {
        settings.only("training_mode", 0)?;
        let epsilon = settings.float("epsilon", 1e-5);
        let [_, names @ ..] = node.input.as_slice() else {
            return Err("its inputs are missing".into());
        };
        let mut parameters = Vec::with_capacity(4);
        for (which, name) in names.iter().enumerate() {
            parameters.push(self.parameter(name, None, which >= 2)?);
        }
        self.add(node, Operator::BatchNorm { epsilon }, &[0], parameters)
    }

    fn gemm(&mut self, node: &NodeProto, settings: &Attributes<'_>) -> Result<(), String> {
        settings.only("transA", 0)?;
        settings.only("transB", 1)?;
        if settings.float("alpha", 1.0) != 1.0 || settings.float("beta", 1.0) != 1.0 {
            return Err("alpha and beta other than 1 are not known".into());
        }
        let mut parameters = Vec::with_capacity(2);
        for name in node.input.iter().skip(1).filter(|name| !name.is_empty()) {
            parameters.push(self.parameter(name, None, false)?);
        }
        self.add(node, Operator::Linear, &[0], parameters)
    }

    fn clip(&mut self, node: &NodeProto, settings: &Attributes<'_>) -> Result<(), String> {
        let bound = |which: usize, name: &str, default: f64| {
            let input = node.input.get(which).filter(|name| !name.is_empty());
            match input {
                None => Ok(settings.float(name, default)),
                Some(input) => match self.floats(input)?.1 {
                    [x] => Ok(f64::from(*x)),
                    _ => Err(format!("'{input}' is not one number")),
                },
            }
        };
        let (min, max) = (
            bound(1, "min", f64::from(f32::MIN))?,
            bound(2, "max", f64::from(f32::MAX))?,
        );
        self.add(node, Operator::Clip { min, max }, &[0], Vec::new())
    }

    fn reduce(
        &mut self,
        node: &NodeProto,
        settings: &Attributes<'_>,
        operator: Operator,
    ) -> Result<(), String> {
        let axes = match node.input.get(1).and_then(|name| self.constants.get(name)) {
            Some(Constant {
                numbers: Numbers::Integers(axes),
                ..
            }) => axes.clone(),
            _ => settings.ints("axes").unwrap_or_default().to_vec(),
        };
        let mut from_start: Vec<i64> = axes
            .iter()
            .map(|&axis| if axis < 0 { axis + 4 } else { axis })
            .collect();
        from_start.sort_unstable();
        match from_start.as_slice() {
            [2, 3] => self.add(node, operator, &[0], Vec::new()),
            _ => Err(format!(
                "it goes over axes {axes:?}, only over height and width is known"
            )),
        }
    }
}

/// What an input is by its declaration.
fn kind_of(value: &ValueInfoProto) -> Option<Kind> {
    let shape = value
        .r#type
        .as_ref()?
        .tensor_type
        .as_ref()?
        .shape
        .as_ref()?;
    let width = shape
        .dim
        .get(1)?
        .dim_value
        .and_then(|side| usize::try_from(side).ok())?;
    match shape.dim.len() {
        4 => Some(Kind::Map { channels: width }),
        2 => Some(Kind::Vectors { dimension: width }),
        _ => None,
    }
}
