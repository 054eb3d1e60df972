//! How two vectors are compared.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::{dot_f32, l2_normalise, l2_squared_f32};

/// How two vectors are compared. Every comparison gives a *score*: the greater, the nearer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Metric {
    /// The inner product.
    #[default]
    Dot,
    /// The cosine of the angle, −1 to 1: the inner product of vectors brought to length 1. A vector of zeros has 0 with every other.
    Cosine,
    /// Minus the squared Euclidean distance.
    L2,
}

impl Metric {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Dot, Self::Cosine, Self::L2];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dot => "dot",
            Self::Cosine => "cosine",
            Self::L2 => "l2",
        }
    }

    /// The score of two vectors. When the lengths differ only the common part counts.
    pub fn score(self, a: &[f32], b: &[f32]) -> f32 {
        self.of_prepared(&self.prepared(a), &self.prepared(b))
    }

    /// The score of two prepared vectors.
    pub(crate) fn of_prepared(self, a: &[f32], b: &[f32]) -> f32 {
        match self {
            Self::L2 => -l2_squared_f32(a, b),
            Self::Dot | Self::Cosine => dot_f32(a, b),
        }
    }

    /// How codes of prepared vectors are compared.
    pub(crate) fn of_codes(self) -> Self {
        match self {
            Self::L2 => Self::L2,
            Self::Dot | Self::Cosine => Self::Dot,
        }
    }

    /// A vector as it is stored and asked with: for cosines brought to length 1, so that inner products are enough.
    pub(crate) fn prepared(self, vector: &[f32]) -> Cow<'_, [f32]> {
        match self {
            Self::Dot | Self::L2 => Cow::Borrowed(vector),
            Self::Cosine => {
                let mut vector = vector.to_vec();
                l2_normalise(&mut vector);
                Cow::Owned(vector)
            }
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Metric {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|metric| metric.name() == text);
        found.ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("there is no metric `{text}`; there are {known}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearer_is_greater() {
        let [a, near, far] = [[1.0, 0.0], [3.0, 0.5], [-1.0, 4.0]];
        for metric in Metric::ALL {
            assert!(metric.score(&a, &near) > metric.score(&a, &far));
            assert_eq!(metric.to_string().parse(), Ok(metric));
        }
        assert_eq!(Metric::L2.score(&a, &near), -4.25);
        assert_eq!(Metric::Cosine.score(&a, &[0.0, 0.0]), 0.0);
        assert!((Metric::Cosine.score(&a, &[5.0, 5.0]) - 0.5f32.sqrt()).abs() < 1e-6);
        let error = "euclid".parse::<Metric>().unwrap_err();
        assert!(error.contains("dot, cosine, l2"), "{error}");
    }
}
