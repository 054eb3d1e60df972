//! What comes of several texts.

/// Texts as vectors, and how well the vocabulary covered them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextBatch {
    /// One vector of length 1 for each text; zeros for a text without any known word.
    pub vectors: Vec<Vec<f32>>,
    /// Words, or tokens of a network without its special ones, over all texts.
    pub tokens: usize,
    /// Those that the vocabulary lacks. A fastText model gives such words vectors from their n-grams all
    /// the same; a network sees its token for unknown words.
    pub out_of_vocabulary: usize,
}
