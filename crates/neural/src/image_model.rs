//! The file of an image network with its structure, and how its pictures go in.

use std::path::PathBuf;

use prost::bytes::Bytes;

use crate::error::Error;
use crate::found_outputs::{self, FoundOutputs, Given};
use crate::models::{ModelEntry, ModelKind};
use crate::onnx::{self, Graph, nearest};
use crate::picture_input::{PictureInput, unsuitable};
use crate::preprocess::Preprocessing;
use crate::runtime::{Session, SessionOptions};
use crate::tensor::Tensor;
use crate::tensor_layout::TensorLayout;

/// Declared outputs that are read to find out whether the model runs.
const MOST_OUTPUTS: usize = 4;

/// A model's file with its structure.
pub(crate) struct ImageModel {
    pub path: PathBuf,
    pub bytes: Bytes,
    pub graph: Graph,
    pub input: PictureInput,
    /// The rule of the entry, made for the numbers that the input takes.
    pub preprocessing: Preprocessing,
}

impl ImageModel {
    /// Reads the file of an entry after its checksum was compared. A model that does not tell the order of its
    /// dimensions is run with both.
    pub fn read(entry: &ModelEntry, options: &SessionOptions) -> Result<ImageModel, Error> {
        if entry.kind != ModelKind::Image {
            let what = format!("is for {} and takes no pictures", entry.kind);
            return Err(unsuitable(entry, &what));
        }
        let path = entry.verified_path()?;
        let bytes = onnx::read(&path)?;
        let graph = Graph::parse(&bytes, &path)?;
        let mut candidates = PictureInput::candidates(&graph, entry)?;
        let first = candidates.remove(0);
        let mut model = ImageModel {
            preprocessing: entry.preprocessing.for_element(first.element),
            input: first,
            path,
            bytes,
            graph,
        };
        if let Some(second) = candidates.pop() {
            model.settle(second, entry, options)?;
        }
        Ok(model)
    }

    /// Takes the one of two ways to give pictures that the model can run with.
    fn settle(
        &mut self,
        second: PictureInput,
        entry: &ModelEntry,
        options: &SessionOptions,
    ) -> Result<(), Error> {
        let outputs = self.some_outputs();
        let bytes = self.bytes.clone();
        let session = Session::of(&self.path, bytes, &self.graph, &outputs, options)?;
        let runs = |model: &ImageModel| {
            let grey = model.grey()?;
            session.run_unchecked(&[(model.input.name.as_str(), &grey)])
        };
        let with_first = runs(self);
        let first = std::mem::replace(&mut self.input, second);
        let with_second = runs(self);
        match (with_first, with_second) {
            (Err(_), Ok(_)) => Ok(()),
            (Ok(_), Err(_)) => {
                self.input = first;
                Ok(())
            }
            (Err(error), Err(_)) => Err(error),
            (Ok(_), Ok(_)) => {
                let [one, other] = TensorLayout::ALL;
                let what = format!(
                    "does not tell the order of the dimensions of its input '{}' and runs with both; \
                     add it with --layout {one} or --layout {other}",
                    first.name
                );
                Err(unsuitable(entry, &what))
            }
        }
    }

    /// Declared outputs that need nothing but the pictures, or else the last value that does.
    fn some_outputs(&self) -> Vec<String> {
        let beyond = self.graph.values_beyond(&self.input.name);
        let outputs = self.graph.outputs.iter().map(|output| output.name.as_str());
        let last = self.graph.values().rev();
        let mut names: Vec<String> = outputs
            .filter(|name| !beyond.contains(name))
            .take(MOST_OUTPUTS)
            .map(str::to_owned)
            .collect();
        if names.is_empty() {
            names.extend(
                last.filter(|name| !beyond.contains(name))
                    .take(1)
                    .map(str::to_owned),
            );
        }
        names
    }

    /// Checks that an output can be computed from the pictures alone.
    ///
    /// # Errors
    /// [`Error::Output`], which names the outputs that can.
    pub fn check_output(&self, name: &str) -> Result<(), Error> {
        self.graph.check_value(name, &self.path)?;
        let others = self.graph.inputs_of(name);
        let others: Vec<String> = others
            .into_iter()
            .filter(|input| *input != self.input.name)
            .map(|input| format!("'{input}'"))
            .collect();
        if others.is_empty() {
            return Ok(());
        }
        let beyond = self.graph.values_beyond(&self.input.name);
        let declared = self.graph.outputs.iter().map(|output| output.name.as_str());
        let mut usable: Vec<&str> = declared.filter(|name| !beyond.contains(name)).collect();
        if usable.is_empty() {
            usable = self
                .graph
                .values()
                .filter(|name| !beyond.contains(name))
                .collect();
        }
        Err(Error::Output {
            output: name.to_owned(),
            what: format!(
                "is made from {} as well as from the pictures at '{}'",
                others.join(", "),
                self.input.name
            ),
            advice: format!(
                "name one that is made from the pictures alone: {}",
                nearest(name, usable)
            ),
            path: self.path.clone(),
        })
    }

    /// The last feature map and the last pooled vector.
    pub fn find(&self, options: &SessionOptions) -> Result<FoundOutputs, Error> {
        let grey = self.grey()?;
        let given = Given {
            input: &self.input.name,
            tensor: &grey,
            batch: self.input.batch.unwrap_or(1),
        };
        found_outputs::find(&self.path, &self.bytes, &self.graph, &given, options)
    }

    /// As many grey pictures as the model insists on.
    fn grey(&self) -> Result<Tensor, Error> {
        let image = self.input.trial_picture(&self.preprocessing)?;
        let batch = self.input.batch.unwrap_or(1);
        let mut data = Vec::new();
        for _ in 0..batch {
            self.preprocessing
                .append(&image, self.input.channels_last(), &mut data);
        }
        self.input
            .tensor(batch, (image.height(), image.width()), data)
    }
}
