//! Parameters in the safetensors format, by their names (<https://github.com/huggingface/safetensors>).
//!
//! What torchvision's weights are stored in; a file may hold more than a network needs, such as a classifier.

use std::path::Path;

use burn::tensor::Device;
use fs_err as fs;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use vizsla_vectors::AtomicFile;

use crate::error::Error;
use crate::network::parameters::{flat, near, shape_text};
use crate::network::{Network, Parameter, Parameters};

/// Largest file that is read.
const MOST_BYTES: u64 = 8 << 30;

impl Parameters {
    /// All parameters as a file in safetensors format, 32-bit floats.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails to give the numbers.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::with_capacity(self.len());
        for entry in self.entries() {
            let numbers = entry.numbers()?;
            bytes.push(
                numbers
                    .iter()
                    .flat_map(|x| x.to_le_bytes())
                    .collect::<Vec<u8>>(),
            );
        }
        let views = self.entries().iter().zip(&bytes).map(|(entry, bytes)| {
            let view = TensorView::new(Dtype::F32, entry.shape.clone(), bytes);
            view.map(|view| (entry.name.as_str(), view))
        });
        let written = views
            .collect::<Result<Vec<_>, _>>()
            .and_then(|views| safetensors::serialize(views, None));
        written.map_err(|error| Error::Value {
            name: "the parameters",
            value: format!("{} tensors", self.len()),
            allowed: format!("they cannot be written: {error}"),
        })
    }

    /// Writes them to a file, which appears complete or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        Ok(AtomicFile::write_whole(path, &self.to_safetensors()?)?)
    }

    /// The parameters of a network from a file in safetensors format, whose 32-bit floats are found by name; all but
    /// statistics are trained. What else is in the file is not read.
    ///
    /// # Errors
    /// [`Error::WrongKind`] when it is no such file or holds other numbers than 32-bit floats,
    /// [`Error::MissingParameter`] and [`Error::ParameterShape`] when it is not of this network.
    pub fn open(network: &Network, path: &Path, device: &Device) -> Result<Parameters, Error> {
        let wrong = |what: String| Error::WrongKind {
            expected: "file in safetensors format",
            what,
            path: path.to_path_buf(),
        };
        let length = fs::metadata(path)?.len();
        if length > MOST_BYTES {
            return Err(wrong(format!(
                "{length} bytes, at most {MOST_BYTES} are read"
            )));
        }
        Self::from_safetensors(network, &fs::read(path)?, path, device)
    }

    /// As [`Parameters::open`], from bytes that were read already; `path` is for messages.
    ///
    /// # Errors
    /// As [`Parameters::open`].
    pub fn from_safetensors(
        network: &Network,
        bytes: &[u8],
        path: &Path,
        device: &Device,
    ) -> Result<Parameters, Error> {
        let wrong = |what: String| Error::WrongKind {
            expected: "file in safetensors format",
            what,
            path: path.to_path_buf(),
        };
        let file = SafeTensors::deserialize(bytes).map_err(|error| wrong(error.to_string()))?;
        let entries = network.declarations().iter().map(|wanted| {
            let found = file
                .tensor(&wanted.name)
                .map_err(|_| Error::MissingParameter {
                    name: wanted.name.clone(),
                    near: near(&wanted.name, file.names().into_iter()),
                    place: path.display().to_string(),
                })?;
            if found.shape() != wanted.shape {
                return Err(Error::ParameterShape {
                    name: wanted.name.clone(),
                    expected: shape_text(&wanted.shape),
                    found: shape_text(found.shape()),
                    place: path.display().to_string(),
                });
            }
            if found.dtype() != Dtype::F32 {
                let what = format!(
                    "'{}' holds {:?}, 32-bit floats are read; store it again as such",
                    wanted.name,
                    found.dtype()
                );
                return Err(wrong(what));
            }
            let numbers = found
                .data()
                .as_chunks::<4>()
                .0
                .iter()
                .map(|x| f32::from_le_bytes(*x));
            Ok(Parameter {
                name: wanted.name.clone(),
                shape: wanted.shape.clone(),
                value: flat(numbers.collect(), device),
                trained: !wanted.statistic,
                statistic: wanted.statistic,
            })
        });
        Ok(Parameters::from_entries(entries.collect::<Result<_, _>>()?))
    }
}
