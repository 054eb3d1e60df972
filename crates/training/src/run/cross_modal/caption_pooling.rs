//! How the vectors of a caption become one, whichever kind of model gives them.

use std::fmt;
use std::str::FromStr;

use vizsla_neural::{Aggregation, TokenPooling};

use crate::error::Error;

/// How the vectors of words or of tokens become one. Which of the two a name means is known when the text model is:
/// `mean` is both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CaptionPooling {
    words: Option<Aggregation>,
    tokens: Option<TokenPooling>,
}

impl CaptionPooling {
    /// What it means for a table of word vectors.
    ///
    /// # Errors
    /// When it is for networks alone.
    pub fn of_words(self) -> Result<Aggregation, Error> {
        let allowed = || format!("for word vectors it is {}", Aggregation::NAMES);
        let refused = || Error::setting("text.aggregation", self, allowed());
        self.words.ok_or_else(refused)
    }

    /// What it means for a network.
    ///
    /// # Errors
    /// When it is for word vectors alone.
    pub fn of_tokens(self) -> Result<TokenPooling, Error> {
        let allowed = || format!("for networks it is {}", TokenPooling::NAMES);
        let refused = || Error::setting("text.aggregation", self, allowed());
        self.tokens.ok_or_else(refused)
    }
}

impl Default for CaptionPooling {
    fn default() -> Self {
        Self {
            words: Some(Aggregation::Mean),
            tokens: Some(TokenPooling::Mean),
        }
    }
}

impl fmt::Display for CaptionPooling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.words, &self.tokens) {
            (Some(words), _) => words.fmt(f),
            (None, Some(tokens)) => tokens.fmt(f),
            (None, None) => Ok(()),
        }
    }
}

impl FromStr for CaptionPooling {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (words, tokens) = (text.parse().ok(), text.parse().ok());
        if words.is_none() && tokens.is_none() {
            return Err(Error::Value {
                name: "the aggregation of captions",
                value: text.to_owned(),
                allowed: format!(
                    "for word vectors it is {}; for networks {}",
                    Aggregation::NAMES,
                    TokenPooling::NAMES
                ),
            });
        }
        Ok(Self { words, tokens })
    }
}

vizsla_neural::as_text!(CaptionPooling);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_what_the_text_model_is() {
        for name in ["sum", "mean", "tf-idf", "sif:0.01", "cls", "last", "output"] {
            assert_eq!(name.parse::<CaptionPooling>().unwrap().to_string(), name);
        }
        let both: CaptionPooling = "sum".parse().unwrap();
        assert_eq!(both.of_words().unwrap(), Aggregation::Sum);
        assert_eq!(both.of_tokens().unwrap(), TokenPooling::Sum);
        let words: CaptionPooling = "sif".parse().unwrap();
        let message = words.of_tokens().unwrap_err().to_string();
        assert!(message.contains(TokenPooling::NAMES), "{message}");
        let tokens: CaptionPooling = "cls".parse().unwrap();
        let message = tokens.of_words().unwrap_err().to_string();
        assert!(message.contains(Aggregation::NAMES), "{message}");
        let message = "max".parse::<CaptionPooling>().unwrap_err().to_string();
        assert!(
            message.contains("tf-idf") && message.contains("cls"),
            "{message}"
        );
    }
}
