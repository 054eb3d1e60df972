//! Training for retrieval: from a folder of labelled, paired or captioned images to a better index.

mod clean;
mod device;
mod error;
mod hashing;
mod losses;
mod network;
mod optimiser;
mod page;
mod relevance;
mod report;
mod run;
mod sampling;
mod staged;
mod weights;

pub use clean::{
    CleanClass, CleanOptions, Cleaning, DropReason, Dropped, Evidence, HardNegative, Home, Kept,
    KeptBox, Link, PositivePair, clean,
};
pub use device::Compute;
pub use error::Error;
pub use hashing::{SemanticHashConfig, semantic_hash};
pub use losses::{
    Distance, Hinges, Pair, Triplet, WarpChoice, average_precision_loss, caption_anchored_ranking,
    contrastive, draw_warp, hinges, image_anchored_ranking, info_nce, info_nce_labelled, softmax,
    triplet, visual_ranking, warp,
};
pub use network::{
    Builder, Declaration, Initial, Kind, Mode, Network, Node, Operator, Padding, Parameter,
    Parameters, Value, Window, head, mobilenet_v1, pooling, resnet, vgg16, whitening,
};
pub use optimiser::{Optimiser, OptimiserConfig, Rule, SavedState};
pub use relevance::Relevance;
pub use report::{ReportOptions, RunReport};
pub use run::{
    Anchors, AugmentConfig, BackboneName, CaptionData, CaptionLoss, CaptionLossKind,
    CaptionPooling, CaptionSampling, Course, CrossModalConfig, CrossModalResult, DataConfig,
    Direction, EpochReport, Figure, Grid, GridRow, LossConfig, LossKind, ModelConfig, Precision,
    RunConfig, RunResult, SamplingConfig, Schedule, StepReport, StopConfig, Swept, TextConfig,
    TrainObserver, TrainOptions, Trained, train, train_cross_modal,
};
pub use sampling::{
    Distances, Mined, MinedPairs, Mining, class_batches, hardest_in_pool, mine_pairs,
    mine_triplets, shuffled_batches,
};
pub use staged::{Backward, plain_backward, staged_backward};
