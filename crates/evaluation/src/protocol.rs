//! Which gallery images count as found, as missed, and not at all.
//!
//! Two benchmarks of the field grade their ground truth. Oxford5k (Philbin et al. 2007) has *good*, *ok* and
//! *junk*: good and ok are positives, junk is neither right nor wrong and is taken out of the list. The revisited
//! version (Radenović et al. 2018) has *easy*, *hard* and *junk* and judges three times: easy (hard becomes
//! junk), medium (both are positives) and hard (easy becomes junk).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// How the ranked lists of a data set are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Relevant or not; average precision is the mean precision at the relevant ranks. With one relevant image
    /// it equals the reciprocal rank.
    Plain,
    /// Good, ok and junk; trapezoidal average precision (Philbin et al. 2007).
    Oxford,
    /// Easy, hard and junk; three setups, trapezoidal average precision and mP@k (Radenović et al. 2018).
    Revisited,
}

/// One way of turning graded truth into positives and junk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// `good` and `ok` are positives, `junk` is junk: the only setup of `Plain` and `Oxford`, and `Medium` of
    /// the revisited protocol under another name.
    All,
    /// `good` (easy) is positive; `ok` (hard) and `junk` are junk.
    Easy,
    /// `good` (easy) and `ok` (hard) are positives; `junk` is junk.
    Medium,
    /// `ok` (hard) is positive; `good` (easy) and `junk` are junk.
    Hard,
}

/// Graded ground truth of one query, as gallery numbers. Everything not listed is irrelevant.
///
/// No image at all in `good` and `ok` means that nothing in the gallery matches: such a query is left out of the
/// means over ranked lists and counts in the verdict's figures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// Plain: the relevant images. Oxford: good. Revisited: easy.
    pub good: Vec<usize>,
    /// Oxford: ok. Revisited: hard. Plain: empty.
    pub ok: Vec<usize>,
    /// Images that are neither right nor wrong.
    pub junk: Vec<usize>,
}

/// Positives and junk of one query under one setup.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    positive: BTreeSet<usize>,
    junk: BTreeSet<usize>,
}

impl Judgement {
    /// A judgement from gallery numbers. An image in both is skipped in lists like junk and still counts as a
    /// positive that was not found, as in `compute_ap`; the published lists are disjoint.
    pub fn new(
        positive: impl IntoIterator<Item = usize>,
        junk: impl IntoIterator<Item = usize>,
    ) -> Self {
        Self {
            positive: positive.into_iter().collect(),
            junk: junk.into_iter().collect(),
        }
    }

    /// Number of distinct positives.
    pub fn positives(&self) -> usize {
        self.positive.len()
    }

    /// Whether the image is a positive and not junk.
    pub fn is_positive(&self, image: usize) -> bool {
        self.positive.contains(&image) && !self.is_junk(image)
    }

    /// Whether the image is to be ignored.
    pub fn is_junk(&self, image: usize) -> bool {
        self.junk.contains(&image)
    }

    /// Number of distinct junk images.
    pub fn junk(&self) -> usize {
        self.junk.len()
    }
}

impl Protocol {
    /// The setups under which every query is judged, with the suffix of their metrics' names. The first one is
    /// the headline: its metrics have no suffix.
    pub fn setups(self) -> &'static [(Setup, &'static str)] {
        match self {
            Self::Plain | Self::Oxford => &[(Setup::All, "")],
            Self::Revisited => &[
                (Setup::Medium, ""),
                (Setup::Easy, "_easy"),
                (Setup::Medium, "_medium"),
                (Setup::Hard, "_hard"),
            ],
        }
    }
}

impl Truth {
    /// Ground truth that only knows relevant images.
    pub fn relevant(images: impl IntoIterator<Item = usize>) -> Self {
        Self {
            good: images.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Positives and junk under a setup.
    pub fn judge(&self, setup: Setup) -> Judgement {
        let all = |parts: &[&Vec<usize>]| {
            parts
                .iter()
                .flat_map(|p| p.iter().copied())
                .collect::<BTreeSet<_>>()
        };
        let (positive, junk) = match setup {
            Setup::All | Setup::Medium => (all(&[&self.good, &self.ok]), all(&[&self.junk])),
            Setup::Easy => (all(&[&self.good]), all(&[&self.junk, &self.ok])),
            Setup::Hard => (all(&[&self.ok]), all(&[&self.junk, &self.good])),
        };
        Judgement { positive, junk }
    }
}
