//! Models as data: entries that say where a model is, what it must hash to and how it is used.

mod child;
mod digest;
mod entry;
mod hub;
mod limits;
mod new_model;
mod registry;
mod small;
mod trial;

pub use child::{TrialLimits, TrialProcess, answer_trial};
pub use entry::{ModelEntry, ModelKind, ModelSource, TextSettings};
pub use new_model::NewModel;
pub use registry::Registry;
pub use small::{SMALL_NETWORK, small_network};
