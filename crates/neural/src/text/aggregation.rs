//! How the vectors of the words of a text become one.

use crate::error::Error;

/// Where common words stop counting in SIF, the value of its authors.
const SIF: f64 = 1e-3;

/// How word vectors are summed. All results are scaled to length 1 afterwards, so that sum and mean differ
/// only where a caller looks at the length.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Aggregation {
    /// Σ v(w).
    Sum,
    /// The mean over the words of the text that have a vector.
    #[default]
    Mean,
    /// The mean weighted by inverse document frequency, log((1 + N) / (1 + n(w))) + 1, each occurrence in
    /// the text counted (Salton & Buckley 1988).
    TfIdf,
    /// Smooth inverse frequency: the mean weighted by a / (a + p(w)), where p(w) is how often the word is met
    /// (Arora, Liang & Ma, ICLR 2017). What all texts have in common is taken away when the statistics know
    /// it, see [`crate::WordEncoder::learn_common`].
    Sif {
        /// The smoothing, larger than 0.
        a: f64,
    },
}

impl Aggregation {
    /// The names of all choices, as they are written.
    pub const NAMES: &'static str =
        "sum, mean, tf-idf, sif or sif:A with A above 0, such as sif:0.001";
}

impl std::fmt::Display for Aggregation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Aggregation::Sum => f.write_str("sum"),
            Aggregation::Mean => f.write_str("mean"),
            Aggregation::TfIdf => f.write_str("tf-idf"),
            Aggregation::Sif { a } => write!(f, "sif:{a}"),
        }
    }
}

impl std::str::FromStr for Aggregation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = || Error::Value {
            name: "the aggregation of word vectors",
            value: text.to_owned(),
            allowed: format!("it is {}", Self::NAMES),
        };
        match text.split_once(':') {
            None => match text {
                "sum" => Ok(Aggregation::Sum),
                "mean" => Ok(Aggregation::Mean),
                "tf-idf" => Ok(Aggregation::TfIdf),
                "sif" => Ok(Aggregation::Sif { a: SIF }),
                _ => Err(refused()),
            },
            Some(("sif", a)) => match a.parse::<f64>() {
                Ok(a) if a > 0.0 && a.is_finite() => Ok(Aggregation::Sif { a }),
                _ => Err(refused()),
            },
            Some(_) => Err(refused()),
        }
    }
}

crate::as_text!(Aggregation);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in ["sum", "mean", "tf-idf", "sif:0.001", "sif:0.5"] {
            assert_eq!(name.parse::<Aggregation>().unwrap().to_string(), name);
        }
        assert_eq!(
            "sif".parse::<Aggregation>().unwrap().to_string(),
            "sif:0.001"
        );
        for name in ["", "max", "sif:0", "sif:-1", "sif:nan", "mean:2"] {
            let message = name.parse::<Aggregation>().unwrap_err().to_string();
            assert!(message.contains("tf-idf"), "{message}");
        }
    }
}
