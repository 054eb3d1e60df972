//! The system itself: the collection on disk, ingest, queries, ranking stages, explanations.
//!
//! A picture travels one way: bytes → pixels → features → visual words → index; a query travels the same way and
//! meets the index in stages: visual words give a shortlist (Sivic & Zisserman 2003; Jégou et al. 2008), geometry
//! proves or refuses each candidate (Philbin et al. 2007) and an a-contrario bound turns the proof into a
//! verdict (Moisan & Stival 2004).
//!
//! ```no_run
//! use vizsla_retrieval::{Collection, IngestOptions, Query, SearchOptions, Silent};
//! # fn main() -> Result<(), vizsla_retrieval::Error> {
//! let mut photos = Collection::builder("photos.vizsla").open_or_create()?;
//! photos.ingest(&["Pictures".into()], &IngestOptions::default(), &Silent)?;
//! for hit in photos.search(&Query::file("query.jpg"), &SearchOptions::default())?.hits {
//!     println!("{:?} {:.1} {}", hit.verdict, hit.score, hit.path.display());
//! }
//! # Ok(())
//! # }
//! ```

mod agreement;
mod artefacts;
mod browse;
mod budget;
mod builder;
mod byte_size;
mod catalog;
mod channel;
mod collection;
mod colours;
mod compare;
mod describe;
mod described_picture;
mod duplicates;
mod error;
mod explain;
mod expression;
mod filter;
mod fine;
mod folder;
mod global;
mod ground;
mod hash;
mod heat;
mod identify;
mod import;
mod index_recipe;
mod indexes;
mod ingest;
mod learned;
pub mod lists;
mod local_recipe;
mod locate;
mod maintenance;
mod meaning;
mod methods;
mod models;
mod names;
mod neighbours;
mod pair;
mod picture;
mod places;
mod problem;
mod query;
mod ready;
mod recipe;
mod region;
mod regular;
mod remedy;
mod report;
mod reporter;
mod scan;
mod scoring;
mod scratch;
mod search;
mod shared_words;
mod side_by_side;
mod snapshot;
mod space;
mod spaces;
mod stage;
mod stop;
mod stored;
mod syntax;
mod trailer;
mod vocabulary;
mod whiten;
mod writer_lock;

pub use browse::{Facet, FacetKind, FacetValue, FeaturePlace, ImagePage};
pub use budget::{Budget, BudgetLine, BudgetPart, PlannedIndex};
pub use builder::CollectionBuilder;
pub use byte_size::ByteSize;
pub use channel::Channel;
pub use collection::Collection;
pub use describe::{extract_features, local_extractor};
pub use described_picture::{DescribedPicture, describe_picture};
pub use duplicates::{
    Duplicate, DuplicateGroup, DuplicateKind, DuplicateOptions, DuplicatesReport,
};
pub use error::Error;
pub use explain::{HeatMap, Likeness, draw_pair};
pub use expression::{ExpressionItem, ExpressionPart, parse_expression};
pub use filter::{Filter, distance as metres_between};
pub use fine::Codes;
pub use global::{AggregateRecipe, GlobalRecipe, WholeRecipe};
pub use heat::{HeatGrid, draw_heat};
pub use identify::{Identification, IdentifyOptions, LabelVote, Labelled};
pub use import::{ImportReport, check_captions, check_metadata};
pub use index_recipe::IndexRecipe;
pub use indexes::IndexChoice;
pub use ingest::{ImageRecord, Source};
pub use local_recipe::LocalRecipe;
pub use locate::{LocateOptions, Located, Location, Place};
pub use maintenance::Selector;
pub use methods::{About, Family, Method, methods};
pub use models::ModelOptions;
pub use pair::{
    ComparedPicture, DrawnObject, MatchOptions, MatchTimes, PairObject, PictureMatch, Shown,
    draw_agreement, draw_objects, match_pictures,
};
pub use places::{MapPlaces, map_places};
pub use problem::Problem;
pub use query::{
    Agreement, Hit, Part, PartSource, PointPair, Query, QueryImage, SearchOptions, SearchResponse,
    Share, StageTrace, Target, Verdict,
};
pub use ready::{READY_RECIPES, ReadyRecipe, ready_recipe};
pub use recipe::{Fusion, PixelRecipe, Recipe, SearchRecipe, TextRecipe};
pub use region::Region;
pub use remedy::Remedy;
pub use report::{
    Caption, FileFinding, FileState, FilesReport, FolderRules, FurtherPages, GraphInfo, IndexInfo,
    Info, IngestOptions, IngestReport, ListedImage, OptimizeReport, Skipped, VerifyReport,
};
pub use reporter::{Reporter, Silent};
pub use scan::{WalkRules, check_source, find_pictures, left_out_by_default};
pub use scoring::{Assignment, Scoring};
pub use scratch::Scratch;
pub use search::{Candidate, Question, Ranking, Searcher, Stage};
pub use shared_words::{SharedWord, SharedWords, SharedWordsOptions, WordPlace, shared_words};
pub use stage::{Expansion, StageName, StageRecipe};
pub use stop::StopFlag;
pub use stored::StoredFeature;
pub use syntax::SyntaxError;
pub use vizsla_features::{CellVerdict, Ground, GroundCell};
pub use vizsla_features::{Combined, DescriptorKind, Detector, Shape};
pub use vizsla_neural::{DescriptorRecipe, KeypointNetwork, PoolingRecipe};
pub use vizsla_words::{
    Aggregation, Aggregator, AsmkConfig, BagConfig, Burstiness, Frequency, Pyramid, RotationPrior,
    ScalePrior, Signature, WeakGeometry,
};
pub use vocabulary::{
    AggregatorOptions, CodebookOptions, Learned, learn_aggregator, learn_codebook,
};
pub use whiten::{PairSource, WhitenOptions, WhitenReport};
