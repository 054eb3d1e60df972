//! The captions of a data set, brought into the collection that is measured, and what can be asked of it.

use std::io::Write;

use anyhow::{Result, bail};
use serde_json::json;
use vizsla_evaluation::{Dataset, IMAGE_TO_TEXT, Query, QueryContent, Target};
use vizsla_retrieval::{Collection, Scratch};

use crate::output;

/// The data set without the queries that no model of the collection can answer.
///
/// # Errors
/// No query is left, or a model of the recipe is not in the registry.
pub fn answerable(dataset: &Dataset, collection: &Collection) -> Result<Dataset> {
    let mut dataset = dataset.clone();
    let by_picture = |query: &Query| {
        query.case.target == Target::Captions
            && matches!(query.case.content, QueryContent::Image { .. })
    };
    if dataset.queries.iter().any(by_picture) && !collection.is_joint()? {
        dataset.queries.retain(|query| !by_picture(query));
        let advice = "pictures find captions only where an image and a text model share a space (`vizsla models add \
                      --space NAME`)";
        if dataset.queries.is_empty() {
            bail!("no query can be answered: {advice}");
        }
        output::warn(&format!("not asked: {IMAGE_TO_TEXT}: {advice}"));
    }
    Ok(dataset)
}

/// Imports the captions of the data set, unless the collection has captions already.
///
/// # Errors
/// The collection cannot be written.
pub fn bring(dataset: &Dataset, collection: &mut Collection) -> Result<()> {
    if dataset.captions.is_empty() || !collection.captions()?.is_empty() {
        return Ok(());
    }
    // The import reads files, which keeps one reader of captions in the system.
    let folder = Scratch::new()?;
    let path = folder.path().join("captions.jsonl");
    let mut table = std::io::BufWriter::new(fs_err::File::create(&path)?);
    for caption in &dataset.captions {
        let image = fs_err::canonicalize(&dataset.gallery[caption.image].path)?;
        writeln!(table, "{}", json!({"path": image, "caption": caption.text}))?;
    }
    table.flush()?;
    drop(table);
    collection.import_captions(&path, &[])?;
    Ok(())
}
