//! Captions become vectors.

use crate::catalog::{Owner, to_bytes};
use crate::error::RESTORE;
use crate::{Collection, Error, Reporter};

/// Captions encoded in one transaction.
const BATCH: usize = 512;

impl Collection {
    /// Whether pictures and sentences become vectors of one space, so that a picture finds captions by itself.
    ///
    /// # Errors
    /// A model of the recipe is not in the registry.
    pub fn is_joint(&self) -> Result<bool, Error> {
        self.models.joint(&self.recipe)
    }

    /// Encodes the captions that have no vector yet, if the recipe has a text encoder. Gives how many there were.
    ///
    /// # Errors
    /// The text model is not there, or the catalog refused.
    pub fn encode_captions(&mut self, reporter: &dyn Reporter) -> Result<usize, Error> {
        let _lock = self.lock()?;
        let Some(recipe) = self.recipe.text.clone() else {
            return Ok(0);
        };
        let (mut done, mut last) = (0, 0);
        loop {
            let batch = self.catalog().captions_without_vector(BATCH)?;
            if batch.is_empty() || reporter.cancelled() {
                break;
            }
            // In a damaged catalog a vector may not be found where it was put.
            if batch.first().is_some_and(|(id, _)| *id <= last) {
                let what = "vectors of captions are not found again after they were written";
                return Err(Error::damaged(self.catalog().path(), what, RESTORE));
            }
            last = batch.last().map_or(last, |(id, _)| *id);
            if done == 0 {
                reporter.begin("encoding captions", 0);
            }
            let texts: Vec<&str> = batch.iter().map(|(_, text)| text.as_str()).collect();
            let vectors = self.models.text(&recipe)?.encode_texts(&texts)?.vectors;
            self.catalog().write(|writer| {
                for ((id, _), vector) in batch.iter().zip(&vectors) {
                    writer.set_vector(Owner::Caption, *id, &to_bytes(vector))?;
                }
                Ok(())
            })?;
            self.changed();
            done += batch.len();
            reporter.advance(batch.len() as u64);
        }
        if done > 0 {
            reporter.end();
        }
        self.refresh_spaces(false, reporter)?;
        Ok(done)
    }
}
