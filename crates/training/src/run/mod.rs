//! A training run: from one TOML file to a folder with a model that can be searched with.
//!
//! What does not change is computed once: the frozen part of the network is run over all images and cached
//! ([`RunConfig`], `model.train`). What is random comes from the seed, the epoch and the step alone, so that a run
//! that was killed goes on from its last checkpoint to the same result bit for bit. A run stops before it
//! spoils what it has: numbers that are no longer finite end it, and the last good checkpoint stays.
//!
//! | file | what |
//! |---|---|
//! | `run.toml` | the configuration, defaults filled in |
//! | `log.csv`, `steps.csv`, `validation.csv` | loss, rate, active share, speed; validation mAP |
//! | `curves.png` | loss and validation mAP |
//! | `checkpoint/state.vzck` | everything to go on from |
//! | `best.safetensors`, `best.onnx`, `best.toml` | the best network and its entry for `vizsla models add` |
//! | `result.json` | the figures with intervals, and every query with its ten best |
//! | `embeddings.safetensors`, `embeddings.csv` | descriptors of the queries |
//! | `mined.json` | the hardest negatives of each epoch |

mod backbone;
mod cache;
mod checkpoint;
mod config;
mod cross_modal;
mod curves;
mod grid;
mod images;
mod learner;
mod memory;
mod model;
mod observer;
mod options;
mod plan;
mod prepare;
mod ranking;
mod result;
mod rounds;
mod schedule;
mod settings;
mod train;
mod trained;
mod trainer;
mod views;

pub use backbone::BackboneName;
pub use config::{
    AugmentConfig, DataConfig, LossConfig, LossKind, ModelConfig, Precision, RunConfig,
    SamplingConfig, StopConfig,
};
pub use cross_modal::{
    Anchors, CaptionData, CaptionLoss, CaptionLossKind, CaptionPooling, CaptionSampling,
    CrossModalConfig, CrossModalResult, Direction, TextConfig, train_cross_modal,
};
pub use grid::{Grid, GridRow, Swept};
pub use observer::{EpochReport, StepReport, TrainObserver};
pub use options::TrainOptions;
pub use ranking::Figure;
pub use result::RunResult;
pub use schedule::{Course, Schedule};
pub use train::train;
pub use trained::Trained;
