//! What describes a picture as one vector.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use vizsla_features::Combined;
use vizsla_neural::DescriptorRecipe;
use vizsla_words::{Aggregation, Aggregator, AggregatorConfig, Pyramid};

/// The key that tells an [`AggregateRecipe`].
const AGGREGATE: &str = "aggregate";
/// Most numbers of a vector over several cells.
const MOST_NUMBERS: usize = 1 << 17;
/// The key that tells a [`WholeRecipe`].
const WHOLE: &str = "whole";

/// The global descriptor of a recipe. Which one is meant is told by its fields: `model` names a network, `aggregate` a sum
/// over local features, `whole` what is counted of all pixels.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum GlobalRecipe {
    /// What a network sees.
    Network(DescriptorRecipe),
    /// All local features of a picture in one vector.
    Aggregate(AggregateRecipe),
    /// Colour, texture or shape of the whole picture.
    Whole(WholeRecipe),
}

/// Descriptions of whole pictures, compared by the inner product of their feature maps. Where a distance has none, the catalog keeps
/// the descriptions themselves, and the stage `exact` ranks by them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WholeRecipe {
    /// One description or several with weights, such as `hsv@2x2*0.5+lbp*0.5`.
    pub whole: Combined,
    /// Id of the whitening by which vectors are compared; empty for none.
    #[serde(default)]
    pub whitening: String,
    /// Numbers of the vector; filled in when the collection is made.
    #[serde(default)]
    pub dimension: usize,
}

/// Bag of words, VLAD or Fisher vector of the local features that the recipe takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AggregateRecipe {
    /// What is summed.
    pub aggregate: Aggregation,
    /// Centres or Gaussians, 1 to 4,096.
    pub words: usize,
    /// Dimensions of a local descriptor after PCA, 1 to 128.
    pub components: usize,
    /// Content hash of the vocabulary; empty = learned from the words of the codebook. Filled in when the collection is
    /// made.
    pub aggregator: String,
    /// Cells of the picture that are summed one by one; absent = the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pyramid: Option<Pyramid>,
    /// Id of a model of the registry that takes the vector: fully connected layers (Perronnin & Larlus 2015); empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub network: String,
    /// SHA-256 of that model; empty = whatever the registry has. Filled in when the collection is made.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub network_sha256: String,
    /// Id of the whitening by which vectors are compared; empty for none.
    pub whitening: String,
    /// Numbers of the vector; filled in when the collection is made.
    pub dimension: usize,
}

impl Default for AggregateRecipe {
    fn default() -> Self {
        let AggregatorConfig {
            aggregation,
            words,
            components,
            ..
        } = AggregatorConfig::default();
        Self {
            aggregate: aggregation,
            words,
            components,
            aggregator: String::new(),
            pyramid: None,
            network: String::new(),
            network_sha256: String::new(),
            whitening: String::new(),
            dimension: 0,
        }
    }
}

impl<'de> Deserialize<'de> for GlobalRecipe {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = toml::Table::deserialize(deserializer)?;
        if fields.contains_key(AGGREGATE) {
            fields.try_into().map(Self::Aggregate)
        } else if fields.contains_key(WHOLE) {
            fields.try_into().map(Self::Whole)
        } else {
            fields.try_into().map(Self::Network)
        }
        .map_err(D::Error::custom)
    }
}

impl From<DescriptorRecipe> for GlobalRecipe {
    fn from(network: DescriptorRecipe) -> Self {
        Self::Network(network)
    }
}

impl From<AggregateRecipe> for GlobalRecipe {
    fn from(aggregate: AggregateRecipe) -> Self {
        Self::Aggregate(aggregate)
    }
}

impl From<Combined> for GlobalRecipe {
    fn from(whole: Combined) -> Self {
        Self::Whole(WholeRecipe {
            dimension: whole.record_dimension(),
            whole,
            whitening: String::new(),
        })
    }
}

impl GlobalRecipe {
    /// The network, where it is one.
    pub fn network(&self) -> Option<&DescriptorRecipe> {
        match self {
            Self::Network(network) => Some(network),
            Self::Aggregate(_) | Self::Whole(_) => None,
        }
    }

    /// The sum over local features, where it is one.
    pub fn aggregate(&self) -> Option<&AggregateRecipe> {
        match self {
            Self::Aggregate(aggregate) => Some(aggregate),
            Self::Network(_) | Self::Whole(_) => None,
        }
    }

    /// What a person calls it: a model's id, what is summed, or what is counted.
    pub fn name(&self) -> String {
        match self {
            Self::Network(network) => network.model.clone(),
            Self::Aggregate(aggregate) => aggregate.name(),
            Self::Whole(whole) => whole.whole.to_string(),
        }
    }

    /// Descriptions that a feature map turns into vectors to be found by, where the catalog keeps such.
    pub(crate) fn unmapped(&self) -> Option<&Combined> {
        match self {
            Self::Whole(whole) => Some(&whole.whole).filter(|whole| !whole.is_mapped()),
            Self::Network(_) | Self::Aggregate(_) => None,
        }
    }

    /// Numbers of its vector as the catalog keeps it; 0 before it is known.
    pub fn dimension(&self) -> usize {
        match self {
            Self::Network(network) => network.dimension,
            Self::Aggregate(aggregate) => aggregate.dimension,
            Self::Whole(whole) => whole.dimension,
        }
    }

    /// Id of the whitening by which its vectors are compared; empty for none.
    pub fn whitening(&self) -> &str {
        match self {
            Self::Network(network) => &network.whitening,
            Self::Aggregate(aggregate) => &aggregate.whitening,
            Self::Whole(whole) => &whole.whitening,
        }
    }

    /// From now on its vectors are compared by this whitening.
    pub(crate) fn set_whitening(&mut self, id: String) {
        match self {
            Self::Network(network) => network.whitening = id,
            Self::Aggregate(aggregate) => aggregate.whitening = id,
            Self::Whole(whole) => whole.whitening = id,
        }
    }
}

impl AggregateRecipe {
    /// The same with everything that its vocabulary says itself.
    #[must_use]
    pub fn with(self, aggregator: &Aggregator) -> Self {
        Self {
            aggregate: aggregator.aggregation(),
            words: aggregator.words(),
            components: aggregator.components(),
            aggregator: aggregator.id().to_owned(),
            dimension: match self.network.is_empty() || self.dimension == 0 {
                true => self.summed_dimension(aggregator),
                // Of the network's vectors.
                false => self.dimension,
            },
            ..self
        }
    }

    /// Numbers of the sums over all cells, which a network may turn into others.
    pub(crate) fn summed_dimension(&self, aggregator: &Aggregator) -> usize {
        aggregator.dimension() * self.pyramid.as_ref().map_or(1, Pyramid::cells)
    }

    /// What is summed, over which cells, and the network behind it.
    fn name(&self) -> String {
        let mut name = self.aggregate.name().to_owned();
        if let Some(pyramid) = &self.pyramid {
            name.push_str(&format!("@{pyramid}"));
        }
        if !self.network.is_empty() {
            name.push_str(&format!("|{}", self.network));
        }
        name
    }

    /// Checks every number against its range.
    ///
    /// # Errors
    /// Names what is out of range, and the range.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.config().check().map_err(|error| error.to_string())?;
        let cells = self.pyramid.as_ref().map_or(1, Pyramid::cells);
        let numbers = cells * self.aggregate.length(self.words, self.components);
        match numbers <= MOST_NUMBERS || cells == 1 {
            true => Ok(()),
            false => Err(format!(
                "a vector of {} would have {numbers} numbers, allowed are {MOST_NUMBERS}; take fewer cells, words or components",
                self.name()
            )),
        }
    }

    /// How its vocabulary is learned.
    pub fn config(&self) -> AggregatorConfig {
        AggregatorConfig {
            aggregation: self.aggregate,
            words: self.words,
            components: self.components,
            ..AggregatorConfig::default()
        }
    }
}
