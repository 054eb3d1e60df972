//! A loaded model, whatever runs it.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::chain::ChainSession;
use super::choice::{RuntimeKind, SessionOptions};
use super::onnxruntime::OrtSession;
use super::rten::RtenSession;
use crate::chain;
use crate::error::Error;
use crate::onnx::{self, Graph, ValueInfo, nearest};
use crate::tensor::{ElementKind, Tensor, shape_text};

/// A model that is ready to run. It can be shared between threads.
pub struct Session {
    path: PathBuf,
    inputs: Vec<ValueInfo>,
    outputs: Vec<ValueInfo>,
    quantised: bool,
    backend: Backend,
}

enum Backend {
    Rten(Box<RtenSession>),
    Ort(Box<OrtSession>),
    Chain(ChainSession),
}

impl Session {
    /// Loads a model in ONNX format. `outputs` names the values to be read, in this order: outputs of
    /// the model or any value inside of it; with none, the outputs that the model declares.
    ///
    /// # Errors
    /// [`Error::WrongKind`] when the file is no ONNX model, [`Error::UnknownName`] with the names
    /// there are, [`Error::MissingOperator`] and [`Error::Load`] when the runtime cannot take it,
    /// [`Error::RuntimeMissing`] when the wanted runtime is not here.
    pub fn open(
        path: &Path,
        outputs: &[String],
        options: &SessionOptions,
    ) -> Result<Session, Error> {
        let bytes = onnx::read(path)?;
        let graph = Graph::parse(&bytes, path)?;
        Session::of(path, bytes, &graph, outputs, options)
    }

    /// As [`Session::open`], for a file that was read already.
    pub(crate) fn of(
        path: &Path,
        bytes: prost::bytes::Bytes,
        graph: &Graph,
        outputs: &[String],
        options: &SessionOptions,
    ) -> Result<Session, Error> {
        let runtime = options.resolve()?;
        for name in outputs {
            graph.check_value(name, path)?;
        }
        let declared: Vec<String> = graph.outputs.iter().map(|o| o.name.clone()).collect();
        let (bytes, graph) = if outputs.is_empty() || outputs == declared {
            (bytes, graph.clone())
        } else {
            let edited =
                onnx::with_outputs(&bytes, graph, outputs).ok_or_else(|| Error::Damaged {
                    kind: "model",
                    what: "its parts contradict each other".into(),
                    path: path.to_path_buf(),
                })?;
            let edited = prost::bytes::Bytes::from(edited);
            let graph = Graph::parse(&edited, path)?;
            (edited, graph)
        };
        if runtime == RuntimeKind::Rten {
            refuse_quantised_convolutions(&graph, path)?;
        }
        let external = weights_beside(path, &graph)?;
        let loaded = match runtime {
            RuntimeKind::Rten => RtenSession::load(&bytes, external, options.threads)
                .map(|session| Backend::Rten(Box::new(session))),
            RuntimeKind::Ort => {
                let fixed = graph.inputs.iter().all(has_fixed_shape);
                OrtSession::load(&bytes, external, options.threads, fixed)
                    .map(|session| Backend::Ort(Box::new(session)))
            }
        };
        Ok(Session {
            backend: loaded.map_err(|what| load_error(runtime, what, &graph, path))?,
            path: path.to_path_buf(),
            quantised: graph
                .operators
                .iter()
                .any(|operator| is_quantised(&operator.op)),
            inputs: graph.inputs,
            outputs: graph.outputs,
        })
    }

    /// The network that ships, up to the value `output`; without one, to its last.
    ///
    /// # Errors
    /// [`Error::UnknownName`] with the names there are.
    pub(crate) fn shipped(
        output: Option<&str>,
        options: &SessionOptions,
    ) -> Result<Session, Error> {
        let network = chain::shipped()?;
        let output = output.unwrap_or(network.last()).to_owned();
        let unknown = |known| Error::UnknownName {
            place: "output",
            name: output.clone(),
            known,
            path: chain::place(),
        };
        let chain = ChainSession::new(network, &output, options.threads).map_err(unknown)?;
        Ok(Session {
            path: chain::place(),
            inputs: ChainSession::inputs(),
            outputs: chain.outputs(&output),
            quantised: false,
            backend: Backend::Chain(chain),
        })
    }

    /// The inputs that a run needs.
    pub fn inputs(&self) -> &[ValueInfo] {
        &self.inputs
    }

    /// The outputs that a run gives, in order.
    pub fn outputs(&self) -> &[ValueInfo] {
        &self.outputs
    }

    /// What runs it; `None` for the network that ships, which the program runs itself.
    pub fn runtime(&self) -> Option<RuntimeKind> {
        match self.backend {
            Backend::Rten(_) => Some(RuntimeKind::Rten),
            Backend::Ort(_) => Some(RuntimeKind::Ort),
            Backend::Chain(_) => None,
        }
    }

    /// What runs it, with its version, for people.
    fn runtime_title(&self) -> String {
        self.runtime()
            .map_or("Vizsla".to_owned(), RuntimeKind::title)
    }

    /// The file of the model.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs the model on inputs given by name. The outputs come in the order of
    /// [`Session::outputs`].
    ///
    /// # Errors
    /// [`Error::UnknownName`] and [`Error::Input`] when the inputs are not those of the model,
    /// [`Error::Run`] when the runtime fails, [`Error::NotFinite`] when an output holds values that
    /// are not numbers.
    pub fn run(&self, inputs: &[(&str, Tensor)]) -> Result<Vec<Tensor>, Error> {
        let views: Vec<(&str, &Tensor)> = inputs.iter().map(|(name, t)| (*name, t)).collect();
        let outputs = self.run_unchecked(&views)?;
        for (info, tensor) in self.outputs.iter().zip(&outputs) {
            self.check_finite(info, tensor)?;
        }
        Ok(outputs)
    }

    /// As [`Session::run`], whatever the numbers are.
    pub(crate) fn run_unchecked(&self, inputs: &[(&str, &Tensor)]) -> Result<Vec<Tensor>, Error> {
        self.check_inputs(inputs)?;
        let run = match &self.backend {
            Backend::Rten(session) => session.run(inputs, &self.inputs),
            Backend::Ort(session) => session.run(inputs, &self.inputs),
            Backend::Chain(session) => session.run(inputs),
        };
        run.map_err(|what| Error::Run {
            runtime: self.runtime_title(),
            what: one_line(&what),
            path: self.path.clone(),
        })
    }

    /// True when the model computes with 8-bit integers.
    pub(crate) fn is_quantised(&self) -> bool {
        self.quantised
    }

    fn check_inputs(&self, inputs: &[(&str, &Tensor)]) -> Result<(), Error> {
        let wrong = |what: String, advice: String| Error::Input {
            what,
            advice,
            path: self.path.clone(),
        };
        for (name, tensor) in inputs {
            let Some(info) = self.inputs.iter().find(|info| info.name == *name) else {
                let names = self.inputs.iter().map(|info| info.name.as_str());
                return Err(Error::UnknownName {
                    place: "input",
                    name: (*name).to_owned(),
                    known: nearest(name, names),
                    path: self.path.clone(),
                });
            };
            let fits = |&(want, have): &(&Option<usize>, &usize)| want.is_none_or(|w| w == *have);
            let shape_fits = info.shape.as_ref().is_none_or(|shape| {
                let have = tensor.shape();
                shape.len() == have.len() && shape.iter().zip(have).all(|pair| fits(&pair))
            });
            if !shape_fits {
                return Err(wrong(
                    format!("'{name}' of {}", shape_text(tensor.shape())),
                    format!("it wants {}", declared_shape(info)),
                ));
            }
            let kind = info.element.kind();
            if kind != ElementKind::Other && kind != tensor.kind() {
                return Err(wrong(
                    format!("'{name}' of {} numbers", tensor.kind()),
                    format!("it wants {} numbers, {}", kind, info.element),
                ));
            }
        }
        let missing = self
            .inputs
            .iter()
            .find(|info| inputs.iter().all(|(name, _)| *name != info.name));
        match missing {
            Some(info) => Err(wrong(
                format!("'{}' is not given", info.name),
                format!("it wants {}", declared_shape(info)),
            )),
            None => Ok(()),
        }
    }

    fn check_finite(&self, info: &ValueInfo, tensor: &Tensor) -> Result<(), Error> {
        let values = tensor.as_f32().unwrap_or_default();
        let count = values.iter().filter(|value| !value.is_finite()).count();
        if count == 0 {
            return Ok(());
        }
        let advice = match (self.runtime(), self.quantised) {
            (Some(RuntimeKind::Rten), true) => {
                "; quantised models need ONNX Runtime: `pip install onnxruntime`"
            }
            _ => "; the weights or the input are out of range",
        };
        Err(Error::NotFinite {
            output: info.name.clone(),
            count,
            total: values.len(),
            runtime: self.runtime_title(),
            advice,
            path: self.path.clone(),
        })
    }
}

/// True when at most the first dimension, the batch, is free.
fn has_fixed_shape(info: &ValueInfo) -> bool {
    let shape = info.shape.as_deref();
    shape.is_some_and(|shape| shape.iter().skip(1).all(Option::is_some))
}

/// A declared shape as people write it: "1x3x?x?".
pub(crate) fn declared_shape(info: &ValueInfo) -> String {
    let Some(shape) = &info.shape else {
        return "any shape".to_owned();
    };
    let side = |side: &Option<usize>| side.map_or("?".to_owned(), |side| side.to_string());
    shape.iter().map(side).collect::<Vec<_>>().join("x")
}

fn weights_beside(path: &Path, graph: &Graph) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let read = |name: &String| Ok((name.clone(), fs::read(onnx::external_path(path, name)?)?));
    graph.external.iter().map(read).collect()
}

/// Operators that compute with 8-bit integers.
fn is_quantised(op: &str) -> bool {
    op.contains("QuantizeLinear") || op.ends_with("Integer") || op.starts_with("QLinear")
}

/// rten 0.27 reads quantised convolutions, but what comes out is NaN or wrong (measured against ONNX
/// Runtime on dynamically quantised networks), so they are refused before anybody believes them.
fn refuse_quantised_convolutions(graph: &Graph, path: &Path) -> Result<(), Error> {
    let names = ["ConvInteger", "QLinearConv"];
    let operators = graph.operators.iter();
    let found = names
        .iter()
        .find(|name| operators.clone().any(|o| o.op == **name));
    match found {
        None => Ok(()),
        Some(name) => Err(Error::MissingOperator {
            runtime: RuntimeKind::Rten.title(),
            operator: format!("{name} that gives right numbers"),
            advice: "ONNX Runtime runs quantised models: `pip install onnxruntime`",
            path: path.to_path_buf(),
        }),
    }
}

/// Makes of a runtime's message the error that names the operator, where it is about one.
fn load_error(runtime: RuntimeKind, what: String, graph: &Graph, path: &Path) -> Error {
    let lower = what.to_lowercase();
    let about_operator = [
        "unsupported operator",
        "not supported",
        "not registered",
        "no op registered",
        "not a registered",
        "not implemented",
        "unknown operator",
        "not available",
    ]
    .iter()
    .any(|phrase| lower.contains(phrase));
    let mut names: Vec<&str> = graph.operators.iter().map(|o| o.op.as_str()).collect();
    names.sort_by_key(|name| (std::cmp::Reverse(name.len()), *name));
    let named = names.iter().find(|name| what.contains(**name));
    match named {
        Some(operator) if about_operator => Error::MissingOperator {
            runtime: runtime.title(),
            operator: (*operator).to_owned(),
            advice: match runtime {
                RuntimeKind::Rten => "ONNX Runtime may have it: `pip install onnxruntime`",
                RuntimeKind::Ort => "a newer ONNX Runtime may have it",
            },
            path: path.to_path_buf(),
        },
        _ => Error::Load {
            runtime: runtime.title(),
            what: one_line(&what),
            path: path.to_path_buf(),
        },
    }
}

/// A runtime's message without its line breaks, bounded.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(600).collect()
}
