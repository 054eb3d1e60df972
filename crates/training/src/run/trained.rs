//! Which part of a network is trained.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// What of a network is trained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trained {
    /// Head, whitening and the parameters of the pooling.
    #[default]
    Head,
    /// Everything.
    All,
    /// The layers of the backbone from the first parameter on whose name begins so, and what [`Trained::Head`] is.
    From(String),
}

impl Trained {
    /// What there is, as it is written.
    pub const NAMES: &'static str =
        "head, all, or from:NAME with the beginning of a parameter's name";
}

impl fmt::Display for Trained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trained::Head => f.write_str("head"),
            Trained::All => f.write_str("all"),
            Trained::From(name) => write!(f, "from:{name}"),
        }
    }
}

impl FromStr for Trained {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once(':') {
            None if text == "head" => Ok(Trained::Head),
            None if text == "all" => Ok(Trained::All),
            Some(("from", name)) => Ok(Trained::From(name.to_owned())),
            _ => Err(Error::Value {
                name: "what is trained",
                value: text.to_owned(),
                allowed: format!("it is {}", Trained::NAMES),
            }),
        }
    }
}

vizsla_neural::as_text!(Trained);
