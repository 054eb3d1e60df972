//! How the vectors of the tokens of a text become one.

use crate::error::Error;

/// How token vectors become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenPooling {
    /// The vector of the first token.
    Cls,
    /// The mean over the text's own tokens, special ones included.
    Mean,
    /// The sum over the same tokens.
    Sum,
    /// The vector of the text's last token: CLIP's end of text.
    Last,
    /// The network gives one vector already.
    Output,
}

impl TokenPooling {
    /// All of them.
    pub const ALL: [TokenPooling; 5] = [
        TokenPooling::Cls,
        TokenPooling::Mean,
        TokenPooling::Sum,
        TokenPooling::Last,
        TokenPooling::Output,
    ];

    /// The names of all choices, as they are written.
    pub const NAMES: &'static str = "cls, mean, sum, last or output";

    /// The name as it is written.
    pub fn name(self) -> &'static str {
        match self {
            TokenPooling::Cls => "cls",
            TokenPooling::Mean => "mean",
            TokenPooling::Sum => "sum",
            TokenPooling::Last => "last",
            TokenPooling::Output => "output",
        }
    }
}

impl std::fmt::Display for TokenPooling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for TokenPooling {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let known = Self::ALL.into_iter().find(|known| known.name() == text);
        known.ok_or_else(|| Error::Value {
            name: "the pooling of tokens",
            value: text.to_owned(),
            allowed: format!("it is {}", Self::NAMES),
        })
    }
}

crate::as_text!(TokenPooling);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for pooling in TokenPooling::ALL {
            assert_eq!(
                pooling.to_string().parse::<TokenPooling>().unwrap(),
                pooling
            );
            assert!(TokenPooling::NAMES.contains(pooling.name()));
        }
        let message = "max".parse::<TokenPooling>().unwrap_err().to_string();
        assert!(message.contains(TokenPooling::NAMES), "{message}");
    }
}
