//! The trained pair as two models of one space.

use std::path::{Path, PathBuf};

use fs_err as fs;
use vizsla_neural::{ModelEntry, ModelKind, ModelSource};
use vizsla_vectors::AtomicFile;

use super::super::model::Model;
use super::super::result::name_of;
use super::branches::Branches;
use crate::error::Error;

/// Writes `best.onnx` and `best_text.onnx`, each with its entry beside it.
pub(super) fn export(
    folder: &Path,
    model: &Model,
    branches: &Branches,
    text: &ModelEntry,
) -> Result<(), Error> {
    let id = name_of(folder);
    let folder = fs::canonicalize(folder)?;
    let image = folder.join("best.onnx");
    model
        .network
        .save_onnx(&model.parameters, model.fixed_side, &image)?;
    let mut entry = ModelEntry::for_file(&id, ModelKind::Image, &image, "");
    entry.sha256 = entry.digest()?;
    entry.source = ModelSource::File {
        file: PathBuf::from("best.onnx"),
    };
    entry.input = Some("input".into());
    entry.output = model.network.nodes().last().map(|node| node.name.clone());
    entry.dimension = Some(model.network.dimension());
    entry.preprocessing = model.preprocessing.clone();
    entry.space = Some(id.clone());
    write(&entry, &folder.join("best.toml"))?;

    let head = folder.join("best_text.onnx");
    let network = &branches.networks[1];
    network.save_onnx(&branches.parameters[1], None, &head)?;
    let mut entry = text.clone();
    entry.id = format!("{id}-text");
    entry.space = Some(id);
    entry.dimension = Some(network.dimension());
    if let ModelSource::File { .. } = entry.source {
        entry.source = ModelSource::File {
            file: entry.path()?,
        };
    }
    let mut settings = entry.text.take().unwrap_or_default();
    settings.head = Some(head);
    entry.text = Some(settings);
    entry.record_files()?;
    write(&entry, &folder.join("best_text.toml"))
}

fn write(entry: &ModelEntry, path: &Path) -> Result<(), Error> {
    let text = toml::to_string_pretty(entry).map_err(|error| Error::shape(error.to_string()))?;
    Ok(AtomicFile::write_whole(path, text.as_bytes())?)
}
