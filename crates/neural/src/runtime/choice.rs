//! Which runtime runs, and why.

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{library, onnxruntime, rten};
use crate::error::Error;

/// Environment variable that decides where [`RuntimeChoice::Auto`] was asked for.
const VARIABLE: &str = "VIZSLA_RUNTIME";

/// Which runtime shall run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuntimeChoice {
    /// What `VIZSLA_RUNTIME` names; without it ONNX Runtime when its library is found, else rten.
    #[default]
    Auto,
    /// rten.
    Rten,
    /// ONNX Runtime, or an error when its library is not found.
    Ort,
}

impl FromStr for RuntimeChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "auto" => Ok(RuntimeChoice::Auto),
            "rten" => Ok(RuntimeChoice::Rten),
            "ort" => Ok(RuntimeChoice::Ort),
            _ => Err(Error::Value {
                name: "the runtime",
                value: text.to_owned(),
                allowed: "it is auto, rten or ort".into(),
            }),
        }
    }
}

/// The runtime behind a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuntimeKind {
    /// rten.
    Rten,
    /// ONNX Runtime.
    Ort,
}

impl RuntimeKind {
    /// The name with the version, for people.
    pub fn title(self) -> String {
        match self {
            RuntimeKind::Rten => format!("rten {}", rten::VERSION),
            RuntimeKind::Ort => match library::loaded() {
                Ok(library) => format!("ONNX Runtime {}", library.version),
                Err(_) => "ONNX Runtime".to_owned(),
            },
        }
    }
}

/// How a session runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionOptions {
    /// Which runtime.
    pub runtime: RuntimeChoice,
    /// Threads that one run may use; 0 takes all cores.
    pub threads: usize,
}

impl SessionOptions {
    /// The runtime that these options lead to on this machine.
    ///
    /// # Errors
    /// [`Error::RuntimeMissing`] when ONNX Runtime is asked for and not found, [`Error::Value`] when
    /// `VIZSLA_RUNTIME` holds something else than a runtime.
    pub fn resolve(&self) -> Result<RuntimeKind, Error> {
        let choice = match self.runtime {
            RuntimeChoice::Auto => match std::env::var(VARIABLE) {
                Ok(value) if !value.is_empty() => value.parse()?,
                _ => RuntimeChoice::Auto,
            },
            choice => choice,
        };
        match (choice, library::loaded()) {
            (RuntimeChoice::Rten, _) | (RuntimeChoice::Auto, Err(_)) => Ok(RuntimeKind::Rten),
            (_, Ok(_)) => Ok(RuntimeKind::Ort),
            (RuntimeChoice::Ort, Err(why)) => Err(Error::RuntimeMissing {
                runtime: "ONNX Runtime",
                why: why.clone(),
            }),
        }
    }
}

/// What is known of a runtime on this machine.
#[derive(Clone, Debug, Serialize)]
pub struct RuntimeReport {
    /// Which one.
    pub runtime: RuntimeKind,
    /// True when it can run models.
    pub available: bool,
    /// True when it runs where nothing else is asked for.
    pub chosen: bool,
    /// Its version, where it is available.
    pub version: Option<String>,
    /// Its shared library, where it has one.
    pub path: Option<PathBuf>,
    /// What it computes on: "cpu", "cuda", ….
    pub providers: Vec<String>,
    /// Why it is available or not, and why it is chosen or not.
    pub why: String,
}

/// All runtimes, the chosen one marked.
///
/// # Errors
/// When `VIZSLA_RUNTIME` asks for what is not there.
pub fn runtimes() -> Result<Vec<RuntimeReport>, Error> {
    let chosen = SessionOptions::default().resolve()?;
    let asked = std::env::var(VARIABLE).is_ok_and(|value| !value.is_empty() && value != "auto");
    let by_variable = format!("{VARIABLE} asks for it");
    let library = library::loaded();
    let rten = RuntimeReport {
        runtime: RuntimeKind::Rten,
        available: true,
        chosen: chosen == RuntimeKind::Rten,
        version: Some(rten::VERSION.to_owned()),
        path: None,
        providers: vec!["cpu".to_owned()],
        why: match (chosen, asked) {
            (RuntimeKind::Rten, true) => by_variable.clone(),
            (RuntimeKind::Rten, false) => {
                "part of the program; runs because ONNX Runtime is not found".to_owned()
            }
            (RuntimeKind::Ort, _) => "part of the program; ONNX Runtime is faster".to_owned(),
        },
    };
    let ort = match library {
        Ok(found) => RuntimeReport {
            runtime: RuntimeKind::Ort,
            available: true,
            chosen: chosen == RuntimeKind::Ort,
            version: Some(found.version.clone()),
            path: Some(found.path.clone()),
            providers: onnxruntime::providers(found),
            why: match (chosen, asked) {
                (RuntimeKind::Ort, true) => by_variable,
                (RuntimeKind::Ort, false) => format!("its library was found {}", found.origin),
                (RuntimeKind::Rten, _) => format!(
                    "its library was found {}, but {VARIABLE} asks for rten",
                    found.origin
                ),
            },
        },
        Err(why) => RuntimeReport {
            runtime: RuntimeKind::Ort,
            available: false,
            chosen: false,
            version: None,
            path: None,
            providers: Vec::new(),
            why: why.clone(),
        },
    };
    Ok(vec![rten, ort])
}
