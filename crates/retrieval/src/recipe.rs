//! The recipe: how images become features, and how a query is scored.
//!
//! It is TOML, kept in the catalog. A query is always described by the recipe of the collection it
//! searches, so two collections with different recipes never mix.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vizsla_features::{DescriptorKind, Extractor, ExtractorConfig};
use vizsla_neural::KeypointNetwork;
use vizsla_words::{
    Aggregator, AsmkConfig, BagConfig, Burstiness, Codebook, MOST_POSTINGS, SegmentBuilder,
    WeakGeometry,
};

use crate::learned::Learned;
use crate::{
    Assignment, Channel, Error, Expansion, GlobalRecipe, IndexChoice, IndexRecipe, LocalRecipe,
    Scoring, StageName, StageRecipe,
};

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
    pub global: Option<GlobalRecipe>,
    /// The encoder of captions and of queries in words; absent = none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<TextRecipe>,
    /// How a query is answered.
    pub search: SearchRecipe,
    /// What indexes of vectors are to reach; left out where it is the usual.
    #[serde(skip_serializing_if = "is_usual")]
    pub index: IndexRecipe,
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
    /// The product of the channels' scores, each to the power of a weight that the query decides: one over the area under the
    /// channel's curve of sorted scores, less what a curve of images that do not matter would be (Zheng et al. 2015). A channel
    /// of which few images stand out counts most.
    Adaptive,
}

impl Fusion {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Calibrated, Self::ReciprocalRank, Self::Adaptive];

    /// The name as it is written in a recipe.
    pub fn name(self) -> &'static str {
        match self {
            Self::Calibrated => "calibrated",
            Self::ReciprocalRank => "reciprocal_rank",
            Self::Adaptive => "adaptive",
        }
    }
}

/// The stages of a recipe that does not say which.
const VERIFY: [StageRecipe; 1] = [StageRecipe::Verify { images: None }];
/// Width of soft assignment where a recipe does not say: √6250, as Philbin et al. 2008 have it.
const SIGMA: f32 = 79.056_94;
/// Words a query descriptor is compared under in verification, where a recipe does not say.
const VERIFY_ASSIGNMENT: usize = 24;
/// Most stages of a search.
const MOST_STAGES: usize = 16;

/// How a query is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchRecipe {
    /// Nearest words a query descriptor is looked up under (Philbin et al. 2008).
    pub multiple_assignment: usize,
    /// Most nearest words a query descriptor is compared under when images are verified, of those that are hardly farther than the nearest; left
    /// out where it is 24.
    #[serde(skip_serializing_if = "is_usual_verify_assignment")]
    pub verify_assignment: usize,
    /// Most differing bits (of 64) for a posting to vote.
    pub hamming_threshold: u32,
    /// Most postings of the inverted file that `hamming` and `hamming_wgc` read for a query, those of the rarest words first; left out where it is
    /// 32,000,000.
    #[serde(skip_serializing_if = "is_usual_most_postings")]
    pub most_postings: usize,
    /// Images that are verified geometrically.
    pub shortlist: usize,
    /// Most differing bits (of 96) for a pair of features to be a tentative correspondence.
    pub verify_hamming: u32,
    /// A result is a match when log10 of its number of false alarms is below this.
    pub verdict_log10_nfa: f64,
    /// … and its inliers cover at least this share of the area that both pictures have in common: one logo on two
    /// covers is no match of the covers.
    pub verdict_coverage: f64,
    /// Least probability, 0 to 1, that an agreement which is no chance is of the same object, from which it is a match and not a part; where the
    /// ground between the features is known.
    pub verdict_sameness: f64,
    /// The stages that rank, in their order; left out where it is `["verify"]`.
    #[serde(skip_serializing_if = "only_verify")]
    pub stages: Vec<StageRecipe>,
    /// How vectors are made findable: a word such as `"flat"`, or a name such as `"HNSW16,SQ8,Refine(SQfp16)"`; left out where it is `"auto"`.
    #[serde(skip_serializing_if = "is_usual")]
    pub index: IndexChoice,
    /// Id of the hash whose codes `"semantic_hash"` finds vectors by, set by [`Collection::set_hash`](crate::Collection::set_hash);
    /// left out where there is none, and then all vectors are compared.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hash: String,
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
    /// How visual words vote; left out where it is `hamming`.
    #[serde(skip_serializing_if = "is_usual")]
    pub scoring: Scoring,
    /// How a query descriptor is shared between its words; left out where it is `hard`.
    #[serde(skip_serializing_if = "is_usual")]
    pub assignment: Assignment,
    /// Width of soft assignment, in the units of descriptors; left out where it is √6250.
    #[serde(skip_serializing_if = "is_usual_sigma")]
    pub assignment_sigma: f32,
    /// What `hamming` and `hamming_wgc` do against repeated features; left out where it is `intra_and_inter`.
    #[serde(skip_serializing_if = "is_usual")]
    pub burstiness: Burstiness,
    /// How `bow` weighs words; left out where it is the paper's way.
    #[serde(skip_serializing_if = "is_usual")]
    pub bow: BagConfig,
    /// What `hamming_wgc` expects of the geometry of matches; left out where it is nothing.
    #[serde(skip_serializing_if = "is_usual")]
    pub wgc: WeakGeometry,
    /// The selectivity of `asmk`; left out where it is the papers'.
    #[serde(skip_serializing_if = "is_usual")]
    pub asmk: AsmkConfig,
}

impl Default for PixelRecipe {
    fn default() -> Self {
        Self { max_side: 1024 }
    }
}

impl Default for SearchRecipe {
    fn default() -> Self {
        Self {
            multiple_assignment: 5,
            verify_assignment: VERIFY_ASSIGNMENT,
            hamming_threshold: 24,
            most_postings: MOST_POSTINGS,
            shortlist: 100,
            verify_hamming: 33,
            verdict_log10_nfa: -4.0,
            verdict_coverage: 0.03,
            verdict_sameness: 0.65,
            stages: VERIFY.to_vec(),
            index: IndexChoice::default(),
            hash: String::new(),
            fusion: Fusion::default(),
            words_weight: 1.0,
            global_weight: 1.0,
            captions_weight: 1.0,
            text_weight: 1.0,
            scoring: Scoring::default(),
            assignment: Assignment::default(),
            assignment_sigma: SIGMA,
            burstiness: Burstiness::default(),
            bow: BagConfig::default(),
            wgc: WeakGeometry::default(),
            asmk: AsmkConfig::default(),
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

fn is_usual<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_usual_sigma(sigma: &f32) -> bool {
    *sigma == SIGMA
}

fn is_usual_most_postings(postings: &usize) -> bool {
    *postings == MOST_POSTINGS
}

fn is_usual_verify_assignment(words: &usize) -> bool {
    *words == VERIFY_ASSIGNMENT
}

fn only_verify(stages: &Vec<StageRecipe>) -> bool {
    stages.as_slice() == VERIFY
}

impl Recipe {
    /// What the program describes pictures by where nothing else is said: local features, and the network that ships.
    ///
    /// # Errors
    /// None unless the program is damaged.
    pub fn standard() -> Result<Self, Error> {
        Ok(Self {
            global: Some(vizsla_neural::small_descriptor()?.into()),
            ..Self::default()
        })
    }

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
        local.check().map_err(Error::Recipe)?;
        within("local.budget", local.budget as f64, 10.0, 20_000.0)?;
        within(
            "local.query_budget",
            local.query_budget as f64,
            10.0,
            20_000.0,
        )?;
        within("local.contrast_threshold", contrast, 0.0, 0.5)?;
        within("search.multiple_assignment", assignment, 1.0, 64.0)?;
        let verified = search.verify_assignment as f64;
        within("search.verify_assignment", verified, 1.0, 64.0)?;
        within("search.hamming_threshold", f64::from(votes), 0.0, 64.0)?;
        let postings = search.most_postings as f64;
        within("search.most_postings", postings, 1000.0, 1e12)?;
        within("search.shortlist", search.shortlist as f64, 1.0, 100_000.0)?;
        within("search.verify_hamming", f64::from(pairs), 0.0, 96.0)?;
        within("search.verdict_log10_nfa", bound, -1000.0, 0.0)?;
        within("search.verdict_coverage", search.verdict_coverage, 0.0, 1.0)?;
        within("search.verdict_sameness", search.verdict_sameness, 0.0, 1.0)?;
        let sigma = f64::from(search.assignment_sigma);
        within("search.assignment_sigma", sigma, 1.0, 10_000.0)?;
        self.index.check()?;
        self.check_scoring()?;
        let asmk = search.asmk.check();
        asmk.map_err(|error| Error::Recipe(format!("search.asmk: {error}")))?;
        within(
            "stages of search.stages",
            search.stages.len() as f64,
            0.0,
            MOST_STAGES as f64,
        )?;
        for stage in &search.stages {
            self.check_stage(*stage).map_err(Error::Recipe)?;
        }
        if let Some(aggregate) = self.global.as_ref().and_then(GlobalRecipe::aggregate) {
            let checked = aggregate.check();
            checked.map_err(|error| Error::Recipe(format!("global: {error}")))?;
        }
        for channel in Channel::ALL {
            let name = format!("search.{}_weight", channel.name());
            within(&name, search.weight(channel), 0.0, 1000.0)?;
        }
        Ok(())
    }

    /// What is said of a scoring must be of the one that the recipe has.
    fn check_scoring(&self) -> Result<(), Error> {
        let search = &self.search;
        let scoring = search.scoring;
        let votes = matches!(scoring, Scoring::Hamming | Scoring::HammingWgc);
        let others = [
            (
                "search.burstiness",
                is_usual(&search.burstiness) || votes,
                "\"hamming\" or \"hamming_wgc\"; \"bow\" has search.bow.frequency",
            ),
            (
                "search.assignment = \"soft\"",
                is_usual(&search.assignment) || scoring != Scoring::Asmk,
                "\"hamming\", \"hamming_wgc\" or \"bow\": \"asmk\" adds up residuals under several words",
            ),
            (
                "search.wgc",
                is_usual(&search.wgc) || scoring == Scoring::HammingWgc,
                "\"hamming_wgc\"",
            ),
            (
                "search.bow",
                is_usual(&search.bow) || scoring == Scoring::Bow,
                "\"bow\"",
            ),
            (
                "search.asmk",
                is_usual(&search.asmk) || scoring == Scoring::Asmk,
                "\"asmk\"",
            ),
        ];
        if let Some((what, _, with)) = others.into_iter().find(|(_, fits, _)| !fits) {
            return Err(Error::Recipe(format!(
                "{what} does not go with search.scoring = \"{scoring}\"; leave it out, or take {with}"
            )));
        }
        if !is_usual(&scoring) && !self.local.enabled {
            return Err(Error::Recipe(format!(
                "search.scoring = \"{scoring}\" needs local features, and local.enabled is false; leave one of them out"
            )));
        }
        Ok(())
    }

    /// Begins a segment of the inverted file, for a codebook with so many words.
    pub(crate) fn segment_builder(&self, words: usize) -> SegmentBuilder {
        SegmentBuilder::of(words as u32, self.search.scoring.contents())
    }

    /// Whether a codebook is of the descriptors that this recipe takes.
    pub(crate) fn check_codebook(&self, codebook: &Codebook) -> Result<(), Error> {
        match self.local.enabled {
            true => self.check_kind("codebook", codebook.kind()),
            false => Ok(()),
        }
    }

    /// Whether an aggregator takes the descriptors that this recipe takes.
    pub(crate) fn check_aggregator(&self, aggregator: &Aggregator) -> Result<(), Error> {
        self.check_kind("vocabulary of the global descriptor", aggregator.kind())
    }

    fn check_kind(&self, what: &'static str, found: DescriptorKind) -> Result<(), Error> {
        let recipe = self.local.descriptor;
        match found == recipe {
            true => Ok(()),
            false => Err(Error::OtherDescriptor {
                what,
                found,
                recipe,
            }),
        }
    }

    /// Id of the whitening by which global descriptors are compared; empty when there is none.
    pub(crate) fn whitening_id(&self) -> &str {
        self.global.as_ref().map_or("", GlobalRecipe::whitening)
    }

    /// Whether images are described by what only exact comparison puts into order.
    fn ranks_exactly(&self) -> bool {
        let global = self.global.as_ref();
        global.is_some_and(|global| global.unmapped().is_some())
    }

    /// Adds the stage that puts candidates into the order of such distances, where there is none yet.
    pub(crate) fn rank_exactly(&mut self) {
        let there = self
            .search
            .stages
            .iter()
            .any(|stage| stage.name() == StageName::Exact);
        if !there && self.ranks_exactly() {
            self.search.stages.insert(0, StageRecipe::exact(None));
        }
    }

    /// Whether a collection of this recipe has what a stage needs; if not, what it lacks.
    pub(crate) fn check_stage(&self, stage: StageRecipe) -> Result<(), String> {
        let (words, global) = (self.local.enabled, self.global.is_some());
        let (there, needs) = match stage {
            // Where there is nothing to verify, as for words, it is passed over.
            StageRecipe::Verify { .. } => (true, ""),
            StageRecipe::Expand {
                how: Expansion::Regions,
                ..
            } => (words, "local features"),
            StageRecipe::Expand { .. } => {
                (words || global, "local features or a global descriptor")
            }
            StageRecipe::Augment { .. }
            | StageRecipe::Diffuse { .. }
            | StageRecipe::Rerank { .. } => (global, "a global descriptor"),
            StageRecipe::Exact { .. } => (
                self.ranks_exactly(),
                "descriptions of whole pictures with a distance that is no inner product, such as hsv/earth_movers",
            ),
        };
        match there {
            true => Ok(()),
            false => Err(format!(
                "the stage `{stage}` needs {needs}, which this collection does not keep; leave it out, or index into a \
                 collection that does"
            )),
        }
    }

    /// Whether local features are taken of a picture of the gallery: for words, or to be summed.
    pub(crate) fn takes_local(&self) -> bool {
        let global = self.global.as_ref();
        self.local.enabled || global.is_some_and(|global| global.aggregate().is_some())
    }

    /// What finds and describes at most so many local features; learned ones by these networks, one for each thread.
    ///
    /// # Errors
    /// Detector and descriptor do not go together.
    pub(crate) fn extractor(
        &self,
        budget: usize,
        networks: Vec<Arc<KeypointNetwork>>,
    ) -> Result<Box<dyn Extractor>, Error> {
        if self.local.descriptor.is_learned() {
            return Ok(Box::new(Learned::new(networks, budget)));
        }
        let config = ExtractorConfig {
            descriptor: self.local.descriptor,
            budget,
            contrast_threshold: self.local.contrast_threshold,
            ..ExtractorConfig::default()
        };
        let extractor = self.local.detector.extractor(&config);
        extractor.map_err(|error| Error::Recipe(format!("local: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use vizsla_features::Detector;

    use super::*;

    /// As recipes lie in catalogs since the first release.
    const WRITTEN: &str = r#"[pixels]
max_side = 1024

[local]
enabled = true
detector = "dog"
descriptor = "root_sift"
budget = 800
query_budget = 1500
codes = "compact"
look = true
contrast_threshold = 0.03
codebook = ""

[global]
model = "net"
sha256 = ""
output = ""
side = 512
scales = [1.0]
pooling = "spoc|gem:2.5|netvlad:0123"
power = 0.5
whitening = ""
dimension = 0

[search]
multiple_assignment = 5
hamming_threshold = 24
shortlist = 100
verify_hamming = 33
verdict_log10_nfa = -4.0
verdict_coverage = 0.03
verdict_sameness = 0.5
fusion = "calibrated"
words_weight = 1.0
global_weight = 1.0
captions_weight = 1.0
text_weight = 1.0
"#;

    #[test]
    fn a_recipe_is_written_as_it_was_read() {
        let recipe = Recipe::from_toml(WRITTEN).unwrap();
        assert_eq!(recipe.local.detector, Detector::Dog.into());
        assert_eq!(recipe.local.descriptor, DescriptorKind::RootSift);
        assert_eq!(recipe.to_toml().unwrap(), WRITTEN);
        for pooling in ["", "none", "r_mac:4"] {
            let text = WRITTEN.replace("spoc|gem:2.5|netvlad:0123", pooling);
            assert_eq!(Recipe::from_toml(&text).unwrap().to_toml().unwrap(), text);
        }
    }

    #[test]
    fn what_indexes_are_to_reach_is_read_and_bounded() {
        assert_eq!(
            Recipe::from_toml(WRITTEN).unwrap().index,
            IndexRecipe::default()
        );
        let text = format!("{WRITTEN}\n[index]\nrecall = 0.98\nmemory = \"512 MiB\"\n");
        let recipe = Recipe::from_toml(&text).unwrap();
        assert_eq!(recipe.index.recall, 0.98);
        assert_eq!(recipe.index.memory.map(|memory| memory.0), Some(512 << 20));
        assert_eq!(recipe.to_toml().unwrap(), text);
        for (setting, said) in [
            ("recall = 0.3", &["index.recall = 0.3", "0.5 to 0.999"][..]),
            ("recall = 1.0", &["index.recall = 1", "0.5 to 0.999"]),
            ("recall = nan", &["index.recall", "0.5 to 0.999"]),
            (
                "memory = \"1 kB\"",
                &["index.memory = \"1 kB\"", "1 MiB to 1024 TiB"],
            ),
            ("memory = \"much\"", &["much", "512 MiB", "memory"]),
            ("memory = 7", &["memory", "string"]),
            ("speed = 1", &["speed", "recall", "memory"]),
        ] {
            let message = Recipe::from_toml(&format!("[index]\n{setting}"));
            let message = message.unwrap_err().to_string();
            for said in said {
                assert!(message.contains(said), "{setting}: {message}");
            }
        }
    }

    #[test]
    fn an_unknown_name_lists_those_there_are() {
        for (known, unknown, said) in [
            (
                "\"dog\"",
                "\"harris\"",
                &["harris", "dog", "hessian_affine"][..],
            ),
            (
                "\"root_sift\"",
                "\"surfs\"",
                &["surfs", "`sift`", "`root_sift`"],
            ),
            (
                "spoc|gem:2.5|netvlad:0123",
                "gam",
                &["gam", "gem:P", "spoc+centre"],
            ),
            ("\"calibrated\"", "\"sum\"", &["sum", "reciprocal_rank"]),
        ] {
            let text = WRITTEN.replace(known, unknown);
            let message = Recipe::from_toml(&text).unwrap_err().to_string();
            for said in said {
                assert!(message.contains(said), "{message}");
            }
        }
    }
}
