//! Which value of an image network to read when nobody names one.
//!
//! Two are of use: the last feature map, whose places can be pooled, and the last pooled vector (the
//! "neural code" of Babenko et al., ECCV 2014). Names tell nothing and declared shapes are mostly
//! missing, so the model is run once on a grey image, its last values are read, and their shapes
//! decide. Scores of classes are passed over: they say what the training set called things.

use std::collections::BTreeSet;
use std::path::Path;

use prost::bytes::Bytes;

use crate::error::Error;
use crate::image_output::{channels_second, of_one};
use crate::onnx::{Graph, channels};
use crate::runtime::{Session, SessionOptions};
use crate::tensor::Tensor;

/// Numbers of classes of the data sets that networks are trained on: ImageNet-1k with and without
/// background, ImageNet-21k, Places, CIFAR.
const CLASSES: [usize; 7] = [1000, 1001, 21_841, 21_843, 365, 100, 10];

/// Values read in one run, which bounds the memory they take.
const CHUNK: usize = 48;

/// Values looked at before the search is given up.
const MAX_VALUES: usize = 480;

/// Operators whose outputs are no feature maps though they have four dimensions: attention, and what
/// moves dimensions about.
const NO_MAPS: [&str; 9] = [
    "Attention",
    "Einsum",
    "Expand",
    "Gather",
    "Gemm",
    "MatMul",
    "Reshape",
    "Softmax",
    "Transpose",
];

/// A value of the model with the shape it has for one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundOutput {
    /// Its name.
    pub name: String,
    /// Its shape, the batch of 1 included.
    pub shape: Vec<usize>,
}

/// What was found in a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundOutputs {
    /// The last 1 × channels × height × width value with more than one place that is no map of class
    /// scores; none in a transformer.
    pub map: Option<FoundOutput>,
    /// The last vector before the class scores, or the output when it is no class score.
    pub vector: Option<FoundOutput>,
}

/// What a model is run on: as many equal pictures as it insists on.
pub(crate) struct Given<'a> {
    /// The input that takes them.
    pub input: &'a str,
    /// The pictures.
    pub tensor: &'a Tensor,
    /// Their number.
    pub batch: usize,
}

/// Runs the model and looks at its last values. Those that need another input too are passed over.
pub(crate) fn find(
    path: &Path,
    bytes: &Bytes,
    graph: &Graph,
    given: &Given<'_>,
    options: &SessionOptions,
) -> Result<FoundOutputs, Error> {
    let beyond = graph.values_beyond(given.input);
    let declared = graph.outputs.iter().map(|o| o.name.as_str());
    let mut ends: Vec<&str> = declared.filter(|name| !beyond.contains(name)).collect();
    let mut candidates = candidates(graph, &ends);
    if candidates.is_empty() {
        // Every output mixes the pictures with something else: what is left are the values before.
        let inner = graph.values().rev().filter(|name| !beyond.contains(name));
        ends.extend(inner.take(1));
        candidates = self::candidates(graph, &ends);
    }
    let mut search = Search::new(graph, &ends);
    for chunk in candidates.chunks(CHUNK) {
        let names: Vec<String> = chunk.iter().map(|(name, _)| (*name).to_owned()).collect();
        let session = Session::of(path, bytes.clone(), graph, &names, options)?;
        let values = match session.inputs() {
            // Nothing of this chunk depends on the pictures.
            [] => continue,
            _ => session.run_unchecked(&[(given.input, given.tensor)])?,
        };
        for ((name, op), value) in chunk.iter().zip(&values) {
            if !matches!(value, Tensor::F32 { .. }) {
                continue;
            }
            let shape = of_one(value, given.batch).unwrap_or_default();
            match shape.len() == 4 && channels::are_last(graph, name) {
                true => search.look(name, op, &channels_second(shape)),
                false => search.look(name, op, &shape),
            }
        }
        if search.is_done() {
            break;
        }
    }
    Ok(search.finish())
}

/// Values that the outputs are made from, last first, each with its operator.
fn candidates<'a>(graph: &'a Graph, ends: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    let mut wanted: BTreeSet<&str> = ends.iter().copied().collect();
    let mut found = Vec::new();
    for operator in graph.operators.iter().rev() {
        let mut used = false;
        for name in operator.outputs.iter().map(String::as_str).rev() {
            if !name.is_empty() && wanted.contains(name) {
                used = true;
                found.push((name, operator.op.as_str()));
            }
        }
        if used {
            wanted.extend(operator.inputs.iter().map(String::as_str));
        }
    }
    found.retain(|(_, op)| !op.starts_with("Sequence") && *op != "Constant");
    found.truncate(MAX_VALUES);
    found
}

struct Search<'a> {
    ends: &'a [&'a str],
    /// Softmaxes whose result weighs other values: nothing before them is a late feature map.
    attention: BTreeSet<&'a str>,
    classes: BTreeSet<usize>,
    seen_attention: bool,
    map: Option<FoundOutput>,
    embedding: Option<FoundOutput>,
    code: Option<FoundOutput>,
    scores: Option<FoundOutput>,
}

impl<'a> Search<'a> {
    fn new(graph: &'a Graph, ends: &'a [&'a str]) -> Self {
        let weighing: BTreeSet<&str> = graph
            .operators
            .iter()
            .filter(|o| matches!(o.op.as_str(), "MatMul" | "Einsum"))
            .flat_map(|o| o.inputs.iter().map(String::as_str))
            .collect();
        let attention = graph
            .operators
            .iter()
            .filter(|o| o.op.contains("Attention") || o.op == "Softmax")
            .flat_map(|o| o.outputs.iter().map(move |name| (name.as_str(), o)))
            .filter(|(name, o)| o.op != "Softmax" || weighing.contains(name))
            .map(|(name, _)| name)
            .collect();
        Search {
            ends,
            attention,
            classes: CLASSES.into(),
            seen_attention: false,
            map: None,
            embedding: None,
            code: None,
            scores: None,
        }
    }

    /// Looks at the next value, later ones first.
    fn look(&mut self, name: &str, op: &str, shape: &[usize]) {
        self.seen_attention |= self.attention.contains(name);
        let found = || {
            Some(FoundOutput {
                name: name.to_owned(),
                shape: shape.to_vec(),
            })
        };
        let is_end = self.ends.contains(&name);
        if let [1, channels, height, width] = *shape
            && (height, width) != (1, 1)
        {
            let is_map = !NO_MAPS.contains(&op) && !self.classes.contains(&channels);
            if self.map.is_none() && !self.seen_attention && is_map && height > 1 && width > 1 {
                self.map = found();
            }
            return;
        }
        let dimension = match *shape {
            [1, dimension] | [1, dimension, 1, 1] => dimension,
            // Tokens count when the model gives nothing better.
            [1, tokens, dimension] if is_end && tokens > 1 => dimension,
            _ => return,
        };
        if dimension < 2 {
            return;
        }
        if op == "Softmax" && is_end {
            self.classes.insert(dimension);
        }
        if self.classes.contains(&dimension) {
            self.scores = self.scores.take().or_else(found);
        } else if is_end {
            let pooled = shape.len() == 2;
            if pooled || self.embedding.is_none() {
                self.embedding = found();
            }
        } else {
            self.code = self.code.take().or_else(found);
        }
    }

    fn is_done(&self) -> bool {
        let vector = self.embedding.is_some() || self.code.is_some();
        vector && (self.map.is_some() || self.seen_attention)
    }

    fn finish(self) -> FoundOutputs {
        FoundOutputs {
            map: self.map,
            vector: self.embedding.or(self.code).or(self.scores),
        }
    }
}
