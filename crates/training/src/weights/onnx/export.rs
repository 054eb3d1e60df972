//! A network as an ONNX model.

use std::path::Path;

use prost::Message;
use vizsla_neural::onnx::messages::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
};
use vizsla_neural::r_mac_regions;
use vizsla_vectors::AtomicFile;

use super::parts::{self, Side};
use crate::error::Error;
use crate::network::{Kind, Network, Node, Operator, Padding, Parameters, Window};

/// Version of the format that is written, and of its operator set.
const FORMAT: i64 = 8;
const OPERATOR_SET: i64 = 17;
/// Lengths are at least this before something is divided by them.
const LEAST_LENGTH: f32 = 1e-12;

impl Network {
    /// The network with these parameters as a model in ONNX format, of which nothing but the statistics of batch norm
    /// remembers the training. The input is called `input`, each value has the name of its node, and each parameter its
    /// own. Batch, height and width are free; with `side` height and width are fixed to it, which R-MAC needs.
    ///
    /// # Errors
    /// [`Error::Value`] when R-MAC is written without a side; [`Error::Input`] when images of the side are too small for
    /// the network; those of [`Network::forward`] for parameters of another network.
    pub fn to_onnx(&self, parameters: &Parameters, side: Option<u32>) -> Result<Vec<u8>, Error> {
        let parameters = parameters.select(self)?;
        let mut writer = Writer {
            network: self,
            parameters: &parameters,
            sizes: self.sizes(side)?,
            nodes: Vec::new(),
            weights: Vec::new(),
            written: vec![false; parameters.len()],
        };
        for place in 0..self.nodes().len() {
            writer.write(place)?;
        }
        let output = self
            .nodes()
            .last()
            .map_or("input", |node| node.name.as_str());
        let graph = GraphProto {
            node: writer.nodes,
            name: Some("network".into()),
            initializer: writer.weights,
            input: vec![parts::value("input", sides(self.input(), side))],
            output: vec![parts::value(output, sides(self.output(), None))],
            value_info: Vec::new(),
        };
        let model = ModelProto {
            ir_version: Some(FORMAT),
            producer_name: Some("vizsla".into()),
            graph: Some(graph),
            opset_import: vec![OperatorSetIdProto {
                domain: Some(String::new()),
                version: Some(OPERATOR_SET),
            }],
        };
        Ok(model.encode_to_vec())
    }

    /// Writes [`Network::to_onnx`] to a file, which appears complete or not at all.
    ///
    /// # Errors
    /// As [`Network::to_onnx`], and when the file cannot be written.
    pub fn save_onnx(
        &self,
        parameters: &Parameters,
        side: Option<u32>,
        path: &Path,
    ) -> Result<(), Error> {
        Ok(AtomicFile::write_whole(
            path,
            &self.to_onnx(parameters, side)?,
        )?)
    }

    /// Height and width of all maps for images of this side; `None` where they are free or there are none.
    fn sizes(&self, side: Option<u32>) -> Result<Vec<Option<[usize; 2]>>, Error> {
        let mut sizes = vec![side.map(|side| [side as usize; 2])];
        for node in self.nodes() {
            let input = sizes[node.inputs[0]];
            let size = match (&node.operator, input) {
                (
                    Operator::Convolution { window, .. }
                    | Operator::MaxPool { window }
                    | Operator::AveragePool { window, .. },
                    Some(size),
                ) => Some(window.output_size(size).ok_or_else(|| Error::Input {
                    what: format!("images of side {}", side.unwrap_or(0)),
                    advice: format!("they are too small for '{}'; take a larger side", node.name),
                })?),
                (_, size) => size,
            };
            sizes.push(size);
        }
        Ok(sizes)
    }
}

fn sides(kind: Kind, side: Option<u32>) -> Vec<Side> {
    match (kind, side) {
        (Kind::Vectors { dimension }, _) => vec![Side::Free("batch"), Side::Fixed(dimension)],
        (Kind::Map { channels }, None) => {
            vec![
                Side::Free("batch"),
                Side::Fixed(channels),
                Side::Free("height"),
                Side::Free("width"),
            ]
        }
        (Kind::Map { channels }, Some(side)) => {
            let side = side as usize;
            vec![
                Side::Free("batch"),
                Side::Fixed(channels),
                Side::Fixed(side),
                Side::Fixed(side),
            ]
        }
    }
}

/// A model in the making.
struct Writer<'a> {
    network: &'a Network,
    parameters: &'a Parameters,
    sizes: Vec<Option<[usize; 2]>>,
    nodes: Vec<NodeProto>,
    weights: Vec<TensorProto>,
    written: Vec<bool>,
}

impl Writer<'_> {
    fn write(&mut self, place: usize) -> Result<(), Error> {
        let network = self.network;
        let node = &network.nodes()[place];
        let name = node.name.as_str();
        let input = self.value(node.inputs[0]).to_owned();
        let inputs: Vec<String> = node
            .inputs
            .iter()
            .map(|&i| self.value(i).to_owned())
            .collect();
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        match &node.operator {
            Operator::Convolution { window, groups } => {
                let mut settings = window_settings(window, true);
                settings.push(parts::int("group", *groups as i64));
                self.with_weights("Conv", &input, node, settings)
            }
            Operator::BatchNorm { epsilon } => self.with_weights(
                "BatchNormalization",
                &input,
                node,
                vec![parts::float("epsilon", *epsilon)],
            ),
            Operator::Linear => {
                self.with_weights("Gemm", &input, node, vec![parts::int("transB", 1)])
            }
            Operator::Relu => self.plain("Relu", &inputs, name, vec![]),
            Operator::Add => self.plain("Add", &inputs, name, vec![]),
            Operator::Dropout { .. } => self.plain("Identity", &inputs, name, vec![]),
            Operator::Concat => self.plain("Concat", &inputs, name, vec![parts::int("axis", 1)]),
            Operator::Clip { min, max } => {
                let min = self.constant(name, "min", &[], &[*min as f32]);
                let max = self.constant(name, "max", &[], &[*max as f32]);
                self.plain("Clip", &[&input, &min, &max], name, vec![])
            }
            Operator::MaxPool { window } => {
                self.plain("MaxPool", &inputs, name, window_settings(window, false))
            }
            Operator::AveragePool {
                window,
                count_padding,
            } => {
                let mut settings = window_settings(window, false);
                settings.push(parts::int("count_include_pad", i64::from(*count_padding)));
                self.plain("AveragePool", &inputs, name, settings)
            }
            Operator::GlobalAverage => {
                let map = self.step("GlobalAveragePool", &[&input], name, "map", vec![]);
                self.plain("Flatten", &[&map], name, vec![parts::int("axis", 1)])
            }
            Operator::GlobalMax => self.plain("ReduceMax", &[&input], name, over_places()),
            Operator::Gem { epsilon } => self.gem(&input, node, *epsilon),
            Operator::RMac { levels } => self.r_mac(&input, node, *levels),
            Operator::NetVlad => self.netvlad(&input, node),
            Operator::L2Normalise => {
                self.l2(&input, name, name, 1);
                Ok(())
            }
        }
    }

    /// Name of a value.
    fn value(&self, value: usize) -> &str {
        match value.checked_sub(1) {
            None => "input",
            Some(place) => &self.network.nodes()[place].name,
        }
    }

    fn plain(
        &mut self,
        op: &str,
        inputs: &[&str],
        output: &str,
        settings: Vec<AttributeProto>,
    ) -> Result<(), Error> {
        self.nodes.push(parts::node(op, inputs, output, settings));
        Ok(())
    }

    /// A node on the way to the value of a network's node; the name of what it makes.
    fn step(
        &mut self,
        op: &str,
        inputs: &[&str],
        of: &str,
        part: &str,
        settings: Vec<AttributeProto>,
    ) -> String {
        let output = format!("{of}/{part}");
        self.nodes.push(parts::node(op, inputs, &output, settings));
        output
    }

    /// A node whose further inputs are its parameters.
    fn with_weights(
        &mut self,
        op: &str,
        input: &str,
        node: &Node,
        settings: Vec<AttributeProto>,
    ) -> Result<(), Error> {
        let mut inputs = vec![input.to_owned()];
        for &place in &node.parameters {
            inputs.push(self.weight(place)?);
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        self.plain(op, &inputs, &node.name, settings)
    }

    /// A parameter as a weight of the model; its name.
    fn weight(&mut self, place: usize) -> Result<String, Error> {
        let entry = &self.parameters.entries()[place];
        if !std::mem::replace(&mut self.written[place], true) {
            let tensor = parts::floats(&entry.name, &entry.shape, &entry.numbers()?);
            self.weights.push(tensor);
        }
        Ok(entry.name.clone())
    }

    fn numbers(&self, node: &Node, which: usize) -> Result<Vec<f32>, Error> {
        self.parameters.entries()[node.parameters[which]].numbers()
    }

    fn constant(&mut self, of: &str, part: &str, shape: &[usize], values: &[f32]) -> String {
        let name = format!("{of}/{part}");
        self.weights.push(parts::floats(&name, shape, values));
        name
    }

    fn integers(&mut self, of: &str, part: &str, values: &[i64]) -> String {
        let name = format!("{of}/{part}");
        self.weights.push(parts::integers(&name, values));
        name
    }

    /// `input` scaled to length 1 along an axis; `of` names the steps.
    fn l2(&mut self, input: &str, of: &str, output: &str, axis: usize) {
        let settings = vec![parts::ints("axes", [axis]), parts::int("keepdims", 1)];
        let length = self.step("ReduceL2", &[input], of, "length", settings);
        let least = self.constant(of, "least_length", &[], &[LEAST_LENGTH]);
        let bounded = self.step("Clip", &[&length, &least], of, "bounded", vec![]);
        self.nodes
            .push(parts::node("Div", &[input, &bounded], output, vec![]));
    }

    fn gem(&mut self, input: &str, node: &Node, epsilon: f64) -> Result<(), Error> {
        let name = &node.name;
        let least = self.constant(name, "least", &[], &[epsilon as f32]);
        let clipped = self.step("Clip", &[input, &least], name, "clipped", vec![]);
        let p = self.weight(node.parameters[0])?;
        let powers = self.step("Pow", &[&clipped, &p], name, "powers", vec![]);
        let means = self.step("GlobalAveragePool", &[&powers], name, "means", vec![]);
        let flat = self.step(
            "Flatten",
            &[&means],
            name,
            "flat",
            vec![parts::int("axis", 1)],
        );
        let inverse: Vec<f32> = self.numbers(node, 0)?.iter().map(|p| 1.0 / p).collect();
        let inverse = self.constant(name, "inverse", &[1], &inverse);
        self.plain("Pow", &[&flat, &inverse], name, vec![])
    }

    fn r_mac(&mut self, input: &str, node: &Node, levels: usize) -> Result<(), Error> {
        let name = &node.name;
        let Some([height, width]) = self.sizes[node.inputs[0]] else {
            return Err(Error::Value {
                name: "the side of the exported model",
                value: "free".into(),
                allowed: "R-MAC has its regions written into the model: give the side of its images in pixels".into(),
            });
        };
        let axes = self.integers(name, "axes", &[2, 3]);
        let mut vectors = Vec::new();
        for (number, region) in r_mac_regions(height, width, levels).into_iter().enumerate() {
            let of = format!("{name}/{number}");
            let starts = self.integers(&of, "starts", &[region.top as i64, region.left as i64]);
            let ends = [
                (region.top + region.height) as i64,
                (region.left + region.width) as i64,
            ];
            let ends = self.integers(&of, "ends", &ends);
            let part = self.step(
                "Slice",
                &[input, &starts, &ends, &axes],
                &of,
                "part",
                vec![],
            );
            let largest = self.step("ReduceMax", &[&part], &of, "largest", over_places());
            let vector = format!("{of}/vector");
            self.l2(&largest, &of, &vector, 1);
            vectors.push(vector);
        }
        let vectors: Vec<&str> = vectors.iter().map(String::as_str).collect();
        self.plain("Sum", &vectors, name, vec![])
    }

    fn netvlad(&mut self, input: &str, node: &Node) -> Result<(), Error> {
        let name = &node.name;
        let shape = &self.parameters.entries()[node.parameters[0]].shape;
        let (count, channels) = (shape[0], shape[1]);
        let flat = self.integers(name, "places", &[0, channels as i64, -1]);
        let places = self.step("Reshape", &[input, &flat], name, "rows", vec![]);
        let local = format!("{name}/local");
        self.l2(&places, &local, &local, 1);
        let assignment = self.numbers(node, 0)?;
        let assignment = self.constant(name, "assignment", &[count, channels], &assignment);
        let products = self.step("MatMul", &[&assignment, &local], name, "products", vec![]);
        let bias = self.numbers(node, 1)?;
        let bias = self.constant(name, "bias", &[count, 1], &bias);
        let logits = self.step("Add", &[&products, &bias], name, "logits", vec![]);
        let shares = self.step(
            "Softmax",
            &[&logits],
            name,
            "shares",
            vec![parts::int("axis", 1)],
        );
        let axis = self.integers(name, "axis", &[2]);
        let totals = self.step(
            "ReduceSum",
            &[&shares, &axis],
            name,
            "totals",
            vec![parts::int("keepdims", 1)],
        );
        let turned = self.step(
            "Transpose",
            &[&local],
            name,
            "turned",
            vec![parts::ints("perm", [0, 2, 1])],
        );
        let sums = self.step("MatMul", &[&shares, &turned], name, "sums", vec![]);
        let centres = self.numbers(node, 2)?;
        let centres = self.constant(name, "centres", &[count, channels], &centres);
        let expected = self.step("Mul", &[&totals, &centres], name, "expected", vec![]);
        let residuals = self.step("Sub", &[&sums, &expected], name, "residuals", vec![]);
        let scaled = format!("{name}/scaled");
        self.l2(&residuals, &scaled, &scaled, 2);
        let shape = self.integers(name, "shape", &[0, (count * channels) as i64]);
        self.plain("Reshape", &[&scaled, &shape], name, vec![])
    }
}

/// Settings of a reduction over height and width that are then left out.
fn over_places() -> Vec<AttributeProto> {
    vec![parts::ints("axes", [2, 3]), parts::int("keepdims", 0)]
}

fn window_settings(window: &Window, dilated: bool) -> Vec<AttributeProto> {
    let mut settings = vec![
        parts::ints("kernel_shape", window.kernel),
        parts::ints("strides", window.strides),
    ];
    if dilated || window.dilations != [1, 1] {
        settings.push(parts::ints("dilations", window.dilations));
    }
    settings.push(match window.padding {
        Padding::Same => parts::text("auto_pad", "SAME_UPPER"),
        Padding::Fixed { begin, end } => parts::ints("pads", [begin[0], begin[1], end[0], end[1]]),
    });
    settings
}
