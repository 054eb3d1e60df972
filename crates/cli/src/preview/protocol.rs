//! The three protocols, and a picture in the bytes of each.

use anyhow::Result;
use vizsla_pixels::Rgb;

use super::{iterm, kitty, sixel};

/// A protocol that the terminal speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Kitty,
    Iterm,
    Sixel,
}

impl Protocol {
    /// The bytes that show a picture at the cursor and leave the cursor below it.
    ///
    /// # Errors
    /// The picture cannot be encoded.
    pub fn show(self, picture: &Rgb) -> Result<String> {
        Ok(match self {
            Self::Kitty => kitty::show(&picture.encode_png()?),
            Self::Iterm => iterm::show(&picture.encode_png()?, picture.width(), picture.height()),
            Self::Sixel => sixel::show(picture),
        })
    }
}
