//! What can go wrong between a folder of images and a trained model.

use std::path::PathBuf;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused; the message names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A file of numbers cannot be read or learned from.
    #[error(transparent)]
    Vectors(#[from] vizsla_vectors::Error),
    /// An image cannot be read.
    #[error(transparent)]
    Pixels(#[from] vizsla_pixels::Error),
    /// A model of the registry failed.
    #[error(transparent)]
    Neural(#[from] vizsla_neural::Error),
    /// The collection failed.
    #[error(transparent)]
    Retrieval(#[from] vizsla_retrieval::Error),
    /// Captions or images of a data set cannot be read.
    #[error(transparent)]
    Evaluation(#[from] vizsla_evaluation::Error),
    /// A value that is not among the allowed ones.
    #[error("{name} cannot be '{value}'; {allowed}")]
    Value {
        /// The setting.
        name: &'static str,
        /// The value.
        value: String,
        /// What would have been allowed.
        allowed: String,
    },
    /// The device cannot be used.
    #[error("cannot compute on {device}: {why}")]
    Device {
        /// The device as it was asked for.
        device: String,
        /// What is missing and what to do.
        why: String,
    },
    /// Parts of a network do not fit together.
    #[error("the network does not fit together at '{node}': {what}")]
    Network {
        /// Name of the node.
        node: String,
        /// What does not fit.
        what: String,
    },
    /// A tensor that the network cannot take.
    #[error("the network cannot take this input ({what}); {advice}")]
    Input {
        /// What does not fit.
        what: String,
        /// What may help.
        advice: String,
    },
    /// A parameter is not in the file, or not in the network.
    #[error("there is no parameter '{name}' ({near}): {place}")]
    MissingParameter {
        /// The name that was looked for.
        name: String,
        /// The names most like it, as a part of a sentence.
        near: String,
        /// The file, or what was searched.
        place: String,
    },
    /// A parameter has another shape than the network needs.
    #[error("parameter '{name}' has shape {found}, the network needs {expected}: {place}")]
    ParameterShape {
        /// Name of the parameter.
        name: String,
        /// Shape that is needed.
        expected: String,
        /// Shape that was found.
        found: String,
        /// The file, or what was searched.
        place: String,
    },
    /// The content of a file is not what its place says.
    #[error("this is not a {expected} ({what}): {}", path.display())]
    WrongKind {
        /// Such as "model in ONNX format".
        expected: &'static str,
        /// What was found instead.
        what: String,
        /// The file.
        path: PathBuf,
    },
    /// An operator of an ONNX model that cannot be trained here.
    #[error("operator {operator} of node '{node}' cannot be trained here ({why}); {advice}: {}", path.display())]
    Operator {
        /// Its name in the format.
        operator: String,
        /// Name of the node.
        node: String,
        /// What about it is not known.
        why: String,
        /// What to do.
        advice: String,
        /// The model.
        path: PathBuf,
    },
    /// A report cannot be made of these runs.
    #[error("{0}")]
    Report(String),
    /// A folder cannot be cleaned, or the options of cleaning are out of range.
    #[error("{0}")]
    Clean(String),
    /// A setting is out of its range.
    #[error("{name} is {value}; {allowed}")]
    Setting {
        /// The setting, such as "loss.margin".
        name: String,
        /// What it was set to.
        value: String,
        /// What would have been allowed.
        allowed: String,
    },
    /// Tensors or lists whose sizes do not belong together.
    #[error("{what}")]
    Shape {
        /// What was given and what was expected.
        what: String,
    },
    /// The loss, a descriptor or a gradient was no longer a finite number.
    #[error(
        "step {step} of epoch {epoch} gave numbers that are not finite at a learning rate of {rate:e}, with {images}; \
         lower optimiser.rate and train into another folder; the last good checkpoint is kept: {}", path.display()
    )]
    Diverged {
        /// The epoch, from 1.
        epoch: usize,
        /// The step of it, from 1.
        step: usize,
        /// Some images of the batch.
        images: String,
        /// The learning rate of the step.
        rate: f64,
        /// The checkpoint.
        path: PathBuf,
    },
    /// A file or folder that cannot be used.
    #[error("{what}: {}", path.display())]
    Invalid {
        /// What is wrong and what to do.
        what: String,
        /// The file.
        path: PathBuf,
    },
}

impl Error {
    /// A setting that is out of its range.
    pub(crate) fn setting(
        name: impl Into<String>,
        value: impl std::fmt::Display,
        allowed: impl Into<String>,
    ) -> Error {
        Error::Setting {
            name: name.into(),
            value: value.to_string(),
            allowed: allowed.into(),
        }
    }

    /// Sizes that do not belong together.
    pub(crate) fn shape(what: impl Into<String>) -> Error {
        Error::Shape { what: what.into() }
    }

    /// A step whose numbers are not finite, with the first images of its batch.
    pub(crate) fn diverged<'a>(
        (epoch, step): (usize, usize),
        rate: f64,
        images: impl ExactSizeIterator<Item = &'a str>,
        path: PathBuf,
    ) -> Error {
        let more = images.len().saturating_sub(3);
        let shown = images.take(3).collect::<Vec<_>>().join(", ");
        Error::Diverged {
            epoch,
            step,
            images: format!("{shown} and {more} more"),
            rate,
            path,
        }
    }

    /// A file that cannot be used.
    pub fn invalid(what: impl Into<String>, path: impl Into<PathBuf>) -> Error {
        Error::Invalid {
            what: what.into(),
            path: path.into(),
        }
    }
}

impl From<burn::tensor::TensorReadError> for Error {
    fn from(error: burn::tensor::TensorReadError) -> Error {
        Error::Device {
            device: "this device".into(),
            why: format!("{error}; a smaller batch needs less memory"),
        }
    }
}
