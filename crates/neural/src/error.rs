//! What can go wrong between a model file and its vectors.

use std::path::PathBuf;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused; the message names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Learning from samples failed, or a file of what was learned cannot be read.
    #[error(transparent)]
    Vectors(#[from] vizsla_vectors::Error),
    /// An image could not be made or resized.
    #[error(transparent)]
    Pixels(#[from] vizsla_pixels::Error),
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
    /// Lengths, offsets or checksums disagree: the file is truncated or was changed.
    #[error("{kind} is damaged ({what}); copy it again from its source: {}", path.display())]
    Damaged {
        /// Such as "model" or "word vectors".
        kind: &'static str,
        /// The check that failed.
        what: String,
        /// The file.
        path: PathBuf,
    },
    /// The SHA-256 of a file is not the one that was recorded.
    #[error(
        "the SHA-256 of {name} is {found}, expected {expected}; the file was changed or is another \
         version: {}", path.display()
    )]
    Checksum {
        /// Such as "model 'mobilenet'".
        name: String,
        /// Hexadecimal digest that was recorded.
        expected: String,
        /// Hexadecimal digest of the file.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// The runtime cannot execute an operator of the model.
    #[error("{runtime} has no operator {operator}; {advice}: {}", path.display())]
    MissingOperator {
        /// The runtime, with its version.
        runtime: String,
        /// Name of the operator.
        operator: String,
        /// What may help.
        advice: &'static str,
        /// The model.
        path: PathBuf,
    },
    /// The runtime refused the model.
    #[error("{runtime} cannot load the model ({what}): {}", path.display())]
    Load {
        /// The runtime, with its version.
        runtime: String,
        /// What the runtime said.
        what: String,
        /// The model.
        path: PathBuf,
    },
    /// The model has no value of this name.
    #[error("the model has no {place} '{name}'; {known}: {}", path.display())]
    UnknownName {
        /// "output" or "input".
        place: &'static str,
        /// The name asked for.
        name: String,
        /// The names there are, as a part of a sentence.
        known: String,
        /// The model.
        path: PathBuf,
    },
    /// A tensor, an image size or a text that the model cannot take.
    #[error("the model cannot take this input ({what}); {advice}: {}", path.display())]
    Input {
        /// What does not fit.
        what: String,
        /// What may help.
        advice: String,
        /// The model.
        path: PathBuf,
    },
    /// The model gave another kind of output than was needed.
    #[error("output '{output}' of the model {what}; {advice}: {}", path.display())]
    Output {
        /// Name of the output.
        output: String,
        /// Such as "has shape 1x1000, a feature map was needed".
        what: String,
        /// What may help.
        advice: String,
        /// The model.
        path: PathBuf,
    },
    /// The model answered with values that are not numbers.
    #[error(
        "output '{output}' of the model has {count} of {total} values that are not finite \
         (run by {runtime}){advice}: {}", path.display()
    )]
    NotFinite {
        /// Name of the output.
        output: String,
        /// Values that are NaN or infinite.
        count: usize,
        /// All values.
        total: usize,
        /// The runtime, with its version.
        runtime: String,
        /// What may help, beginning with "; ", or nothing.
        advice: &'static str,
        /// The model.
        path: PathBuf,
    },
    /// The runtime failed while it ran the model.
    #[error("{runtime} could not run the model ({what}): {}", path.display())]
    Run {
        /// The runtime, with its version.
        runtime: String,
        /// What the runtime said.
        what: String,
        /// The model.
        path: PathBuf,
    },
    /// The runtime that was asked for is not here.
    #[error("{runtime} is not available: {why}")]
    RuntimeMissing {
        /// The runtime.
        runtime: &'static str,
        /// Where it was looked for and what to do.
        why: String,
    },
    /// A model is taken in without a name, and no entry lies beside its file.
    #[error("the model needs a name")]
    Unnamed,
    /// No entry of this id in the registry.
    #[error("there is no model '{id}'; {known}; `vizsla models add` takes one in: {}", folder.display())]
    UnknownModel {
        /// The id asked for.
        id: String,
        /// The ids there are, as a part of a sentence.
        known: String,
        /// The folder of the registry.
        folder: PathBuf,
    },
    /// An id is taken already.
    #[error("there is a model '{id}' already; remove it first or choose another id: {}", path.display())]
    ModelExists {
        /// The id.
        id: String,
        /// Its entry.
        path: PathBuf,
    },
    /// An entry of the registry cannot be understood.
    #[error("the registry entry cannot be used ({what}): {}", path.display())]
    Entry {
        /// What is wrong with it.
        what: String,
        /// The entry.
        path: PathBuf,
    },
    /// The file of an entry is not on this machine.
    #[error("the file of model '{id}' is not here; {advice}: {}", path.display())]
    NotHere {
        /// The entry.
        id: String,
        /// What to do.
        advice: String,
        /// Where the file should be.
        path: PathBuf,
    },
    /// A file could not be fetched.
    #[error("cannot fetch {url}: {what}")]
    Download {
        /// Address.
        url: String,
        /// What happened and what to do.
        what: String,
    },
    /// A model was tried in a process of its own, which refused it; the message is that of the process.
    #[error("{0}")]
    Refused(String),
    /// A model was tried in a process of its own, which ended before it could answer.
    #[error("the model did not pass its trial ({what}); {advice}: {}", path.display())]
    Trial {
        /// What happened.
        what: String,
        /// What may help.
        advice: &'static str,
        /// Whether it was one of its limits that ended it.
        limit: bool,
        /// The model.
        path: PathBuf,
    },
    /// A model is used for something it is not made for.
    #[error("model '{id}' {what}")]
    Unsuitable {
        /// The entry.
        id: String,
        /// What does not fit and what to do.
        what: String,
    },
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
    /// Numbers whose count does not fit.
    #[error("{what} needs {expected} values, {found} were given")]
    Length {
        /// Such as "a feature map of 8x4x4".
        what: String,
        /// Values needed.
        expected: usize,
        /// Values given.
        found: usize,
    },
}
