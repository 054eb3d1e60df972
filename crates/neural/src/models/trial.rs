//! Trying a model before it is trusted: it is run once, and what the entry leaves open is filled in.

use vizsla_pixels::Rgb;

use super::entry::{ModelEntry, ModelKind};
use crate::encoder::Encoder;
use crate::error::Error;
use crate::image_encoder::{ImageEncoder, OutputKind};
use crate::picture_input::TRIAL_PICTURE;
use crate::runtime::SessionOptions;
use crate::text::TextEncoder;

impl ModelEntry {
    /// The entry after its model was run in this process, with input, layout, output and dimension filled in. A model
    /// that takes pictures of one size only gets a crop of that size, its margin kept in proportion; one that takes
    /// whole numbers gets bytes as they are.
    ///
    /// # Errors
    /// Whatever keeps the model from being used.
    pub fn tried(&self, options: &SessionOptions) -> Result<ModelEntry, Error> {
        let mut entry = self.clone();
        match self.kind {
            ModelKind::Image => fill_in(&mut entry, options)?,
            ModelKind::Text | ModelKind::WordVectors => {
                let encoder = TextEncoder::open(self, options)?;
                encoder.probe()?;
                encoder.encode_texts(&["a photograph of a street"])?;
                entry.dimension = Some(encoder.dimension());
            }
        }
        Ok(entry)
    }
}

fn fill_in(entry: &mut ModelEntry, options: &SessionOptions) -> Result<(), Error> {
    let mut encoder = ImageEncoder::open(entry, None, options)?;
    entry.input = Some(encoder.input().to_owned());
    entry.layout = Some(encoder.layout());
    entry.output = Some(encoder.output().to_owned());
    entry.preprocessing = encoder.preprocessing().clone();
    if let Some(side) = encoder.fixed_side()
        && !entry.preprocessing.fits_side(side)
    {
        entry.preprocessing = entry.preprocessing.for_side(side);
        encoder = ImageEncoder::open(entry, None, options)?;
    }
    let (width, height) = TRIAL_PICTURE;
    let picture = Rgb::filled(width, height, [128; 3])?;
    entry.dimension = Some(match encoder.kind()? {
        OutputKind::Map { channels } => {
            encoder.maps(&[&picture], None)?;
            channels
        }
        OutputKind::Vector { dimension } => {
            encoder.vectors(&[&picture])?;
            dimension
        }
    });
    Ok(())
}
