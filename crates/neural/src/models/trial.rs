//! Trying a model before it is trusted: it is run once, and what the entry leaves open is filled in.

use super::entry::{ModelEntry, ModelKind};
use crate::encoder::Encoder;
use crate::error::Error;
use crate::image_encoder::{ImageEncoder, OutputKind};
use crate::runtime::SessionOptions;
use crate::text::TextEncoder;

impl ModelEntry {
    /// The entry after its model was run once, with input, output and dimension filled in. A model
    /// that takes pictures of one size only gets a crop of that size, its margin kept in proportion.
    ///
    /// # Errors
    /// Whatever keeps the model from being used.
    pub fn tried(&self, options: &SessionOptions) -> Result<ModelEntry, Error> {
        let mut entry = self.clone();
        match self.kind {
            ModelKind::Image => {
                let encoder = ImageEncoder::open(self, None, options)?;
                if let Some(side) = encoder.fixed_side() {
                    entry.preprocessing = self.preprocessing.for_side(side);
                }
                entry.dimension = Some(match encoder.kind()? {
                    OutputKind::Map { channels } => channels,
                    OutputKind::Vector { dimension } => dimension,
                });
                entry.input = Some(encoder.input().to_owned());
                entry.output = Some(encoder.output().to_owned());
            }
            ModelKind::Text | ModelKind::WordVectors => {
                let encoder = TextEncoder::open(self, options)?;
                encoder.encode_texts(&["a photograph of a street"])?;
                entry.dimension = Some(encoder.dimension());
            }
        }
        Ok(entry)
    }
}
