//! A part of a query in the terms of a collection.

use vizsla_words::QueryWord;

use super::sight::Sight;

/// A part of a query, as the channels need it. What a channel that is not asked would need is left out.
pub(super) struct Described<'q> {
    pub weight: f64,
    /// Whether it came from a result of this query, which widens it; such parts find and do not prove.
    pub found: bool,
    /// A picture with local features, and the visual words of these.
    pub sight: Option<(Sight, Vec<QueryWord>)>,
    /// The words that images are found by, where these are others than the picture's own, which it is verified by: aggregated ones,
    /// or more.
    pub widened: Option<Vec<QueryWord>>,
    /// The same of its mirror image, where that is looked for too.
    pub mirrored: Option<Sighted>,
    /// In the space of the global descriptor's index.
    pub global: Option<Vec<f32>>,
    /// What the catalog would keep of it, where that are descriptions.
    pub record: Option<Vec<f32>>,
    /// In the space of captions.
    pub meaning: Option<Vec<f32>>,
    /// Words.
    pub text: Option<&'q str>,
    /// Upright full-resolution size of a picture.
    pub full: Option<[u32; 2]>,
}

/// A picture with local features.
pub(super) struct Sighted {
    pub sight: Sight,
    /// The visual words of its features.
    pub own: Vec<QueryWord>,
    /// As [`Described::widened`].
    pub widened: Option<Vec<QueryWord>>,
}

impl Sighted {
    /// The words that images are found by.
    pub fn words(&self) -> &[QueryWord] {
        self.widened.as_ref().unwrap_or(&self.own)
    }
}

impl<'q> Described<'q> {
    pub fn new(weight: f64) -> Self {
        Self {
            weight,
            found: false,
            sight: None,
            widened: None,
            mirrored: None,
            global: None,
            record: None,
            meaning: None,
            text: None,
            full: None,
        }
    }
}

impl Described<'_> {
    /// Whether a picture of it is looked for, so that geometry can say whether a result shows it.
    pub fn proves(&self) -> bool {
        self.weight > 0.0 && !self.found
    }

    /// The words that images are found by.
    pub fn words(&self) -> Option<&[QueryWord]> {
        let own = || self.sight.as_ref().map(|(_, words)| words);
        self.widened.as_ref().or_else(own).map(Vec::as_slice)
    }
}
