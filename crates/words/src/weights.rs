//! What words weigh, by how many images have them and how often.

use serde::{Deserialize, Serialize};

use crate::scoring::inverse_document_frequency;
use crate::segment::{List, Segment};

/// What a word that occurs several times in a picture counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frequency {
    /// As often as it occurs.
    #[default]
    Plain,
    /// The square root of that.
    Root,
}

vizsla_features::named_choice!(
    Frequency,
    "frequency",
    Plain => "plain",
    Root => "root",
);

impl Frequency {
    /// Of a number of occurrences.
    pub(crate) fn of(self, count: f64) -> f64 {
        match self {
            Self::Plain => count,
            Self::Root => count.sqrt(),
        }
    }
}

/// How bags of words are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BagConfig {
    /// What is made of the number of occurrences.
    pub frequency: Frequency,
    /// Whether words are weighted by [`inverse_document_frequency`](crate::inverse_document_frequency).
    pub idf: bool,
}

impl Default for BagConfig {
    fn default() -> Self {
        Self {
            frequency: Frequency::default(),
            idf: true,
        }
    }
}

impl BagConfig {
    /// Squared weight of a word with these lists.
    pub(crate) fn square(&self, lists: &[Option<List>], images: u64) -> f64 {
        match self.idf {
            true => f64::from(inverse_document_frequency(images, documents(lists))).powi(2),
            false => 1.0,
        }
    }
}

/// Images of all segments.
pub(crate) fn images(segments: &[&Segment]) -> u64 {
    segments.iter().map(|s| u64::from(s.image_count())).sum()
}

/// Images that have a word, by its lists.
pub(crate) fn documents(lists: &[Option<List>]) -> u64 {
    lists.iter().flatten().map(|l| u64::from(l.documents)).sum()
}

/// Squared idf of a word as ASMK has it: 0 where every image has it, and that of a word of one image where none has it.
pub(crate) fn selective_square(lists: &[Option<List>], images: u64) -> f32 {
    (images.max(1) as f32 / documents(lists).max(1) as f32)
        .ln()
        .powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        for frequency in Frequency::ALL {
            assert_eq!(
                frequency.to_string().parse::<Frequency>().unwrap(),
                frequency
            );
        }
        let unknown = "log".parse::<Frequency>().unwrap_err().to_string();
        assert!(unknown.contains("root"), "{unknown}");
    }
}
