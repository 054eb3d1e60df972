//! Which images meet in a batch, and which pairs and triplets of them are worth learning from.
//!
//! Most triplets teach nothing after the first epoch: their margin is met. What is drawn decides what is
//! learned (Schroff et al. 2015; Hermans et al. 2017), so batches hold several images of several classes, and
//! a miner picks from the distances that the network gives now. [`Mined::active_share`] says how much of what
//! was drawn still violates its margin.

mod batches;
mod distances;
mod mining;
mod pairs;
mod pool;

pub use batches::{class_batches, shuffled_batches};
pub use distances::Distances;
pub use mining::{Mined, Mining, mine_triplets};
pub use pairs::{MinedPairs, mine_pairs};
pub use pool::hardest_in_pool;
