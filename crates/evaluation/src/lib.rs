//! Measuring retrieval: data sets with ground truth, the protocols that judge a ranked list, and the figures.
//!
//! An evaluation is one sentence: for every query of a [`Dataset`] ask a searcher for a ranked list, judge the
//! list by the data set's [`Protocol`], and average. The searcher is a closure, so that a collection, a baseline
//! or a hand-written list in a test are judged by the same code. [`evaluate`] returns a [`Run`]: the report and
//! every ranked list, so that a later run can be compared query by query ([`compare`]).
//!
//! Protocols and what they were checked against:
//!
//! * average precision with junk and trapezoidal interpolation: Philbin et al. 2007, the program `compute_ap`
//!   that is published with Oxford5k;
//! * easy, medium and hard setups and mP@k: Radenović et al. 2018 (revisited Oxford and Paris);
//! * AUROC against scikit-learn, the rest against an independent implementation (`tests/reference/`).
//!
//! ```
//! use vizsla_evaluation::{Judgement, positive_ranks, trapezoidal_average_precision};
//!
//! // Gallery images 7 and 9 are relevant, 3 is junk: it is taken out before ranks are counted.
//! let judgement = Judgement::new([7, 9], [3]);
//! let ranks = positive_ranks(&[7, 3, 9, 1], &judgement);
//! assert_eq!(ranks, [0, 1]);
//! assert_eq!(trapezoidal_average_precision(&ranks, 2), 1.0);
//! ```

mod agreement;
mod bootstrap;
mod collection;
mod comparison;
mod dataset;
mod datasets;
mod error;
mod gallery;
mod map;
mod measure;
mod metrics;
mod ordered;
mod pooled;
mod process;
mod projection;
mod protocol;
mod ranked;
mod ranking;
mod report;
mod run;
mod run_folder;
mod runner;
mod separation;
mod table;
mod timing;
mod verdict;

pub use agreement::{
    Agreement, CaptionOracle, CollectionSimilarities, JudgedPair, Similarities, SimilarityTable,
    Triplet, agree_with_judgements, agree_with_triplets, kendall_tau_b, kendall_tau_c,
    load_crowd_judgements, load_expert_judgements, load_triplets, pairwise_accuracy, spearman,
    triplets_of_judgements,
};
pub use bootstrap::{Interval, bootstrap_mean, bootstrap_seeded};
pub use collection::CollectionSearcher;
pub use comparison::{Comparison, Difference, compare};
pub use dataset::{Dataset, Query, QueryCase, QueryContent, Target};
pub use datasets::{
    IMAGE_TO_TEXT, OxfordQuery, PARIS_CORRUPT, TEXT_TO_IMAGE, load_all_captions, load_captions,
    load_captions_of, load_files, load_flickr8k, load_folders, load_mit_split, load_museum,
    load_oxford, load_revisited, load_smvs, read_image_list, read_oxford_ground_truth,
};
pub use error::Error;
pub use gallery::{GalleryCaption, GalleryImage};
pub use map::{
    Legend, LegendEntry, MapItem, MapLayout, MapText, Thumbnails, data_uri, first_values, map_page,
    map_picture, thumbnail, thumbnail_side,
};
pub use measure::{Measured, SEED, measure};
pub use metrics::{QueryMetrics, judge_query, summarise};
pub use ordered::Ordered;
pub use pooled::{
    PairsFrom, PooledRow, PoolingChoice, Whiten, gives_vectors, measure_pooled, pooled_table,
};
pub use process::{peak_rss_bytes, processor_seconds};
pub use projection::{MapMethod, project, trustworthiness};
pub use protocol::{Judgement, Protocol, Setup, Truth};
pub use ranked::Ranked;
pub use ranking::{
    average_precision, bounded_precision_at, found_at, hit_at, mean_of_counted, median_rank,
    positive_ranks, precision_at, reciprocal_rank, trapezoidal_average_precision,
};
pub use report::{Report, SetReport, Timing};
pub use run::{QueryRun, RankedEntry, Run};
pub use run_folder::{RunLog, is_run_folder, run_files};
pub use runner::{BoxError, Options, evaluate};
pub use separation::{BestF1, auroc, best_f1};
pub use table::{render_comparison, render_report};
pub use timing::percentile;
pub use verdict::{OpenSet, QueryVerdict};
