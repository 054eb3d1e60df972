//! Options of how a collection is asked.

use clap::{Args, ValueEnum};
use vizsla_retrieval::{Channel, Fusion, SearchOptions, StageRecipe};

/// What `--stages` becomes; a list of its own, so that the option is given once.
type Stages = Vec<StageRecipe>;

/// How a collection is asked.
#[derive(Args)]
pub struct Asking {
    /// Ask these channels only; left out, all that the collection has and the query can ask
    #[arg(long, value_enum, value_delimiter = ',', value_name = "CHANNEL")]
    channels: Vec<ChannelName>,
    /// How the channels' lists become one; left out, the recipe says it
    #[arg(long, value_enum)]
    fusion: Option<FusionName>,
    /// Images whose geometry is checked; left out, the recipe says how many
    #[arg(long, value_name = "N")]
    shortlist: Option<usize>,
    /// Stages that rank, in their order, such as verify,expand:regions:5,verify; left out, the recipe says them
    ///
    /// verify[:IMAGES] checks the geometry of the first candidates. expand:average[:IMAGES], expand:alpha[:IMAGES[:EXPONENT]]
    /// and expand:regions[:IMAGES] ask again with what was found (matches, where geometry was checked). augment[:NEIGHBOURS[:EXPONENT]]
    /// compares images together with their neighbours. expand:discriminative[:IMAGES[:NEGATIVES]] asks for what sets that apart from
    /// the end of the list. diffuse[:NEIGHBOURS[:ALPHA[:IMAGES]]] spreads similarities over the graph of neighbours.
    /// rerank[:IMAGES[:K1[:K2[:LAMBDA]]]] orders the first by the neighbours that they share. none: the order of the channels.
    #[arg(long, value_name = "STAGES", value_parser = StageRecipe::parse_list, conflicts_with = "no_verify")]
    stages: Option<Stages>,
    /// Look for the mirror images of pictures as well
    #[arg(long)]
    mirrored: bool,
    /// Answer at once what a first look at half the size proves, with fewer of the further images
    ///
    /// For a query of one picture: visual words and geometry are asked of it at half its size, which takes a third of the time. Where that
    /// proves a match beyond doubt (10^-20), it is the answer; otherwise everything is asked as without this.
    #[arg(long, conflicts_with_all = ["no_verify", "stages"])]
    quick: bool,
    /// Do not check the geometry: no result is called a match
    #[arg(long)]
    no_verify: bool,
}

/// A channel, as the user names it.
#[derive(Clone, Copy, ValueEnum)]
enum ChannelName {
    /// Visual words: the same object
    Words,
    /// The global descriptor: what looks alike
    Global,
    /// Words of captions (BM25)
    Captions,
    /// Meaning of captions
    Text,
}

/// A fusion, as the user names it.
#[derive(Clone, Copy, ValueEnum)]
enum FusionName {
    /// Standard scores, added
    Calibrated,
    /// Reciprocal ranks, added
    ReciprocalRank,
    /// Scores multiplied, weighted by how few stand out
    Adaptive,
}

impl Asking {
    /// What the collection is told, for so many results.
    pub fn options(&self, top: usize) -> SearchOptions {
        let channel = |name: &ChannelName| match name {
            ChannelName::Words => Channel::Words,
            ChannelName::Global => Channel::Global,
            ChannelName::Captions => Channel::Captions,
            ChannelName::Text => Channel::Text,
        };
        SearchOptions {
            top,
            shortlist: self.shortlist,
            verify: !self.no_verify,
            channels: (!self.channels.is_empty())
                .then(|| self.channels.iter().map(channel).collect()),
            fusion: self.fusion.map(|name| match name {
                FusionName::Calibrated => Fusion::Calibrated,
                FusionName::ReciprocalRank => Fusion::ReciprocalRank,
                FusionName::Adaptive => Fusion::Adaptive,
            }),
            stages: self.stages.clone(),
            mirrored: self.mirrored,
            quick: self.quick,
            ..SearchOptions::default()
        }
    }
}
