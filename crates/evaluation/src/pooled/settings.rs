//! One row of the table: pooling, scales, power, whitening, expansion.

use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};
use vizsla_neural::{Pooling, PoolingLearner};

use crate::error::Error;

/// A pooling by name, or one that is learned from training pictures first.
#[derive(Clone, Debug, PartialEq)]
pub enum PoolingChoice {
    /// Needs nothing but its name.
    Named(Pooling),
    /// Learned from training pictures first.
    Learned(PoolingLearner),
    /// The model gives vectors.
    Vector,
}

impl FromStr for PoolingChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once(':') {
            Some(("netvlad" | "fisher", _)) => Ok(Self::Learned(text.parse()?)),
            _ if text == "none" => Ok(Self::Vector),
            _ => Ok(Self::Named(text.parse()?)),
        }
    }
}

impl fmt::Display for PoolingChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(pooling) => pooling.fmt(f),
            Self::Learned(learner) => learner.fmt(f),
            Self::Vector => f.write_str("none"),
        }
    }
}

/// How dimensions are weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whiten {
    /// Not at all; there may be fewer dimensions still.
    None,
    /// Each principal component is divided by its standard deviation.
    Pca,
    /// By a projection that is learned from pairs of gallery pictures.
    Learned,
}

/// Where the pairs of learned whitening come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PairsFrom {
    /// Gallery pictures of one class: uses their labels.
    Class,
    /// Gallery pictures that are among each other's nearest ten: uses no labels.
    Mined,
}

impl Whiten {
    /// All of them, with their names.
    const NAMES: [(&str, Self); 3] = [
        ("none", Self::None),
        ("pca", Self::Pca),
        ("learned", Self::Learned),
    ];
}

impl FromStr for Whiten {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        named(text, "whitening", &Self::NAMES)
    }
}

impl PairsFrom {
    /// All of them, with their names.
    const NAMES: [(&str, Self); 2] = [("class", Self::Class), ("mined", Self::Mined)];
}

impl FromStr for PairsFrom {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        named(text, "source of pairs", &Self::NAMES)
    }
}

/// The value of a name; an unknown one is answered with all.
fn named<T: Copy>(text: &str, what: &str, names: &[(&str, T)]) -> Result<T, Error> {
    let found = names.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        Error::Pooled(format!(
            "there is no {what} called '{text}'; there are {}",
            known.join(", ")
        ))
    })
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct PooledRow {
    /// How maps become vectors.
    pub pooling: PoolingChoice,
    /// Numbers of the scales, as positions in the list of all.
    pub scales: Vec<f32>,
    /// Exponent of the signed power.
    pub power: f32,
    /// How dimensions are weighed.
    pub whiten: Whiten,
    /// Dimensions kept; 0 keeps all.
    pub dimension: usize,
    /// Where pairs come from, for [`Whiten::Learned`].
    pub pairs: PairsFrom,
    /// Neighbours that every gallery vector is averaged with; 0 leaves it alone.
    pub augment: usize,
    /// Neighbours that every query is averaged with; 0 leaves it alone.
    pub expand: usize,
}

impl PooledRow {
    /// Whether class names of the training pictures went into the vectors.
    pub fn uses_labels(&self) -> bool {
        self.whiten == Whiten::Learned && self.pairs == PairsFrom::Class
    }

    /// The columns of a table.
    pub fn columns(&self) -> [String; 4] {
        let scales = self.scales.iter().map(|s| format!("{s:.3}"));
        let scales = scales.map(|s| s.trim_end_matches('0').trim_end_matches('.').to_owned());
        let power = if self.power == 1.0 {
            "L2".to_owned()
        } else {
            format!("power {}", self.power)
        };
        [
            self.pooling.to_string(),
            power,
            self.whitening(),
            scales.collect::<Vec<_>>().join(" "),
        ]
    }

    fn whitening(&self) -> String {
        let dimension = match self.dimension {
            0 => String::new(),
            dimension => format!(" {dimension}"),
        };
        let mut text = match (self.whiten, self.pairs) {
            (Whiten::None, _) if self.dimension == 0 => "–".to_owned(),
            (Whiten::None, _) => format!("PCA{dimension}"),
            (Whiten::Pca, _) => format!("PCA-whitened{dimension}"),
            (Whiten::Learned, PairsFrom::Class) => format!("learned{dimension}, labels"),
            (Whiten::Learned, PairsFrom::Mined) => format!("learned{dimension}, mined"),
        };
        if self.augment > 0 {
            text.push_str(&format!(", gallery +{}", self.augment));
        }
        if self.expand > 0 {
            text.push_str(&format!(", query +{}", self.expand));
        }
        text
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        json!({
            "pooling": self.pooling.to_string(),
            "scales": self.scales,
            "power": self.power,
            "whitening": match self.whiten {
                Whiten::None if self.dimension == 0 => "none",
                Whiten::None => "pca",
                Whiten::Pca => "pca-whitened",
                Whiten::Learned => "learned",
            },
            "dimension": (self.dimension > 0).then_some(self.dimension),
            "augment": self.augment,
            "expand": self.expand,
            "train_labels": self.uses_labels(),
        })
    }
}

/// Whitenings of the table, and how many neighbours gallery vectors and queries are averaged with.
const WHITENINGS: [(Whiten, usize, PairsFrom, usize); 12] = [
    (Whiten::None, 0, PairsFrom::Class, 0),
    (Whiten::None, 10, PairsFrom::Class, 0),
    (Whiten::None, 32, PairsFrom::Class, 0),
    (Whiten::None, 64, PairsFrom::Class, 0),
    (Whiten::None, 128, PairsFrom::Class, 0),
    (Whiten::Pca, 32, PairsFrom::Class, 0),
    (Whiten::Pca, 128, PairsFrom::Class, 0),
    (Whiten::Learned, 32, PairsFrom::Mined, 0),
    (Whiten::Learned, 7, PairsFrom::Class, 0),
    (Whiten::Learned, 32, PairsFrom::Class, 0),
    (Whiten::None, 32, PairsFrom::Class, 20),
    (Whiten::Learned, 7, PairsFrom::Class, 20),
];
/// Poolings of the table.
const POOLINGS: [&str; 9] = [
    "mac",
    "spoc",
    "spoc+centre",
    "crow",
    "r_mac:3",
    "gem:3",
    "spoc|gem:3",
    "netvlad:8",
    "fisher:8",
];

/// All rows of the table: pooling × scales × power × whitening. Vectors of a model that gives vectors have no poolings.
pub fn pooled_table(vectors: bool, scales: &[f32]) -> Result<Vec<PooledRow>, Error> {
    let mut poolings = vec![PoolingChoice::Vector];
    if !vectors {
        poolings = POOLINGS
            .iter()
            .map(|p| p.parse())
            .collect::<Result<_, _>>()?;
    }
    let mut rows = Vec::new();
    for pooling in poolings {
        let learned = matches!(pooling, PoolingChoice::Learned(_));
        let mut choices = vec![vec![1.0]];
        if scales != [1.0] && !learned && !vectors {
            choices.push(scales.to_vec());
        }
        for scales in choices {
            for power in [1.0, 0.5] {
                for (whiten, dimension, pairs, neighbours) in WHITENINGS {
                    // The covariance of that many dimensions takes minutes to factor.
                    if whiten == Whiten::Learned
                        && matches!(
                            pooling,
                            PoolingChoice::Learned(PoolingLearner::NetVlad { .. })
                        )
                    {
                        continue;
                    }
                    rows.push(PooledRow {
                        pooling: pooling.clone(),
                        scales: scales.clone(),
                        power,
                        whiten,
                        dimension,
                        pairs,
                        augment: neighbours,
                        expand: neighbours,
                    });
                }
            }
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poolings_are_read_as_they_are_written() {
        for name in [
            "spoc",
            "gem:3",
            "netvlad:16",
            "fisher:8",
            "none",
            "spoc|mac",
        ] {
            assert_eq!(name.parse::<PoolingChoice>().unwrap().to_string(), name);
        }
        for name in ["netvlad:0", "fisher:x", "nothing"] {
            assert!(name.parse::<PoolingChoice>().is_err(), "{name}");
        }
    }

    #[test]
    fn the_table_holds_the_reference_rows() {
        let rows = pooled_table(false, &[1.0, 0.5]).unwrap();
        let row = |columns: [&str; 4]| rows.iter().any(|row| row.columns() == columns);
        assert!(row(["spoc", "L2", "–", "1"]));
        assert!(row(["spoc", "power 0.5", "PCA 32", "1"]));
        assert!(row(["mac", "L2", "–", "1 0.5"]));
    }
}
