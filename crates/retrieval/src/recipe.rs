//! The recipe: how images become features, and how a query is scored.
//!
//! It is TOML, kept in the catalog. A query is always described by the recipe of the collection it
//! searches, so two collections with different recipes never mix.

use serde::{Deserialize, Serialize};
use vizsla_features::SiftConfig;
use vizsla_neural::DescriptorRecipe;

use crate::{Channel, Error};

/// How a collection describes its images. Defaults were chosen by measuring; see `docs/`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// How pictures are read.
    pub pixels: PixelRecipe,
    /// Which local features are taken.
    pub local: LocalRecipe,
    /// The global descriptor: one vector an image; absent = none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub global: Option<DescriptorRecipe>,
    /// The encoder of captions and of queries in words; absent = none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<TextRecipe>,
    /// How a query is answered.
    pub search: SearchRecipe,
}

/// How pictures are read before they are described.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PixelRecipe {
    /// Longest side, in pixels, at which an image is analysed; smaller images are not enlarged.
    pub max_side: u32,
}

/// The encoder of captions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TextRecipe {
    /// Id of a text model of the registry.
    pub model: String,
    /// SHA-256 of all that decides its vectors (file, tokenizer, pooling, …); empty = whatever the registry has,
    /// filled in when the collection is made.
    pub sha256: String,
    /// Length of its vectors; filled in when the collection is made.
    pub dimension: usize,
}

/// How the lists of several channels become one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fusion {
    /// Each channel's scores as standard deviations above its mean over the collection, added by Stouffer's method;
    /// the fused score is a lower bound on the share of the collection that is less similar (Cantelli's
    /// inequality).
    #[default]
    Calibrated,
    /// Reciprocal rank fusion (Cormack, Clarke & Büttcher 2009), divided by its greatest value.
    ReciprocalRank,
}

/// Which local features are taken from an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LocalRecipe {
    /// Whether local features are taken at all; without them there are no visual words and no verification.
    pub enabled: bool,
    /// The detector; `"dog"`.
    pub detector: String,
    /// The descriptor; `"root_sift"`.
    pub descriptor: String,
    /// Most features kept of a gallery image.
    pub budget: usize,
    /// Most features used of a query.
    pub query_budget: usize,
    /// DoG contrast threshold, in the convention of Lowe 2004 (range of the image = 1, divided by layers).
    pub contrast_threshold: f32,
    /// Content hash of the codebook; empty = the built-in one.
    pub codebook: String,
}

/// How a query is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchRecipe {
    /// Nearest words a query descriptor is looked up under (Philbin et al. 2008).
    pub multiple_assignment: usize,
    /// Most differing bits (of 64) for a posting to vote.
    pub hamming_threshold: u32,
    /// Images that are verified geometrically.
    pub shortlist: usize,
    /// Most differing bits (of 96) for a pair of features to be a tentative correspondence.
    pub verify_hamming: u32,
    /// A result is a match when log10 of its number of false alarms is below this.
    pub verdict_log10_nfa: f64,
    /// … and its inliers cover at least this share of the area that both pictures have in common: one logo on two
    /// covers is no match of the covers.
    pub verdict_coverage: f64,
    /// How the channels' candidates become one list.
    pub fusion: Fusion,
    /// Weight of visual words among the channels.
    pub words_weight: f64,
    /// Weight of the global descriptor.
    pub global_weight: f64,
    /// Weight of the words of captions.
    pub captions_weight: f64,
    /// Weight of the meaning of captions.
    pub text_weight: f64,
}

impl Default for PixelRecipe {
    fn default() -> Self {
        Self { max_side: 1024 }
    }
}

impl Default for LocalRecipe {
    fn default() -> Self {
        Self {
            enabled: true,
            detector: "dog".into(),
            descriptor: "root_sift".into(),
            budget: 800,
            query_budget: 1500,
            contrast_threshold: 0.03,
            codebook: String::new(),
        }
    }
}

impl Default for SearchRecipe {
    fn default() -> Self {
        Self {
            multiple_assignment: 5,
            hamming_threshold: 24,
            shortlist: 100,
            verify_hamming: 33,
            verdict_log10_nfa: -4.0,
            verdict_coverage: 0.03,
            fusion: Fusion::default(),
            words_weight: 1.0,
            global_weight: 1.0,
            captions_weight: 1.0,
            text_weight: 1.0,
        }
    }
}

impl SearchRecipe {
    /// The weight of a channel in the fusion; 0 = it does not answer.
    pub fn weight(&self, channel: Channel) -> f64 {
        match channel {
            Channel::Words => self.words_weight,
            Channel::Global => self.global_weight,
            Channel::Captions => self.captions_weight,
            Channel::Text => self.text_weight,
        }
    }
}

impl Recipe {
    /// Reads a recipe from TOML; fields left out take their defaults.
    ///
    /// # Errors
    /// A syntax error, an unknown field or a value out of range, with what is allowed.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let recipe: Self = toml::from_str(text).map_err(|e| Error::Recipe(e.to_string()))?;
        recipe.check()?;
        Ok(recipe)
    }

    /// Writes the recipe as TOML.
    ///
    /// # Errors
    /// When a value cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string(self).map_err(|e| Error::Recipe(e.to_string()))
    }

    /// Checks every value against its range.
    ///
    /// # Errors
    /// Names the first field that is out of range and the range.
    pub fn check(&self) -> Result<(), Error> {
        let within = |name: &str, value: f64, low: f64, high: f64| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(Error::Recipe(format!(
                    "{name} = {value}, allowed is {low} to {high}"
                )))
            }
        };
        let (pixels, local, search) = (&self.pixels, &self.local, &self.search);
        let contrast = f64::from(local.contrast_threshold);
        let assignment = search.multiple_assignment as f64;
        let (votes, pairs) = (search.hamming_threshold, search.verify_hamming);
        let bound = search.verdict_log10_nfa;
        within(
            "pixels.max_side",
            f64::from(pixels.max_side),
            64.0,
            16_384.0,
        )?;
        within("local.budget", local.budget as f64, 10.0, 20_000.0)?;
        within(
            "local.query_budget",
            local.query_budget as f64,
            10.0,
            20_000.0,
        )?;
        within("local.contrast_threshold", contrast, 0.0, 0.5)?;
        within("search.multiple_assignment", assignment, 1.0, 64.0)?;
        within("search.hamming_threshold", f64::from(votes), 0.0, 64.0)?;
        within("search.shortlist", search.shortlist as f64, 1.0, 100_000.0)?;
        within("search.verify_hamming", f64::from(pairs), 0.0, 96.0)?;
        within("search.verdict_log10_nfa", bound, -1000.0, 0.0)?;
        within("search.verdict_coverage", search.verdict_coverage, 0.0, 1.0)?;
        for channel in Channel::ALL {
            let name = format!("search.{}_weight", channel.name());
            within(&name, search.weight(channel), 0.0, 1000.0)?;
        }
        if self.local.detector != "dog" || self.local.descriptor != "root_sift" {
            return Err(Error::Recipe(
                "local.detector must be \"dog\", local.descriptor \"root_sift\"".into(),
            ));
        }
        Ok(())
    }

    pub(crate) fn gallery_sift(&self) -> SiftConfig {
        self.sift(self.local.budget)
    }

    pub(crate) fn query_sift(&self) -> SiftConfig {
        self.sift(self.local.query_budget)
    }

    fn sift(&self, budget: usize) -> SiftConfig {
        SiftConfig {
            budget,
            contrast_threshold: self.local.contrast_threshold,
            root: true,
            spread: true,
            ..SiftConfig::default()
        }
    }
}
