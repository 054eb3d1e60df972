//! The door of this floor: an image or a text becomes one vector.
//!
//! Floors above do not care which network answers, or which runtime executes it: they hold a
//! `dyn Encoder` whose vectors all have the same dimension and length 1.

use vizsla_pixels::Rgb;

use crate::error::Error;

/// What an encoder is asked to describe.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A picture.
    Image(&'a Rgb),
    /// A word, a sentence, a caption.
    Text(&'a str),
}

/// Image or text → one vector.
pub trait Encoder: Send + Sync {
    /// Numbers in each vector.
    fn dimension(&self) -> usize;

    /// One vector of [`Encoder::dimension`] numbers and Euclidean length 1 for each input, in order.
    /// An input in which the encoder finds nothing (a text of unknown words) gives zeros.
    ///
    /// # Errors
    /// When an input is of a kind this encoder does not take, or the model fails on one.
    fn encode(&self, inputs: &[Input<'_>]) -> Result<Vec<Vec<f32>>, Error>;
}
