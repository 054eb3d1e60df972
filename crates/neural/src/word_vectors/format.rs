//! The formats of word vectors.

/// The format of a file of word vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordFormat {
    /// fastText `.bin`.
    FastText,
    /// Text with a line of two counts before it: fastText `.vec`, word2vec.
    TextWithHeader,
    /// Text, one word and its numbers in a line: GloVe.
    Text,
    /// word2vec binary.
    Word2VecBinary,
}

impl WordFormat {
    /// The formats that are read, as errors list them.
    pub const NAMES: &'static str = "fastText .bin or .vec, word2vec text or binary, or GloVe text";
}

impl std::fmt::Display for WordFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            WordFormat::FastText => "fastText .bin",
            WordFormat::TextWithHeader => "text with header (fastText .vec, word2vec)",
            WordFormat::Text => "text (GloVe)",
            WordFormat::Word2VecBinary => "word2vec binary",
        })
    }
}
