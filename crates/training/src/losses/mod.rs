//! Losses for retrieval, each from its paper and each compared with PyTorch, values and gradients.
//!
//! A loss takes descriptors, one image or sentence a row and mostly of length 1, and says with labels,
//! pairs or triplets which rows belong together. It returns a tensor of one number that is
//! differentiated with respect to the descriptors. Sums are divided by the number of pairs, triplets or
//! queries, so that a learning rate suits batches of any size; an empty list gives zero.
//!
//! | loss | file | paper |
//! |---|---|---|
//! | classification | `softmax` | Babenko et al. 2014, neural codes |
//! | contrastive | `contrastive` | Hadsell et al. 2006; Radenović et al. 2016 |
//! | triplet | `triplet` | Schroff et al. 2015; Hermans et al. 2017; Gordo et al. 2016 |
//! | average precision | `average_precision` | He et al. 2018; Revaud et al. 2019 |
//! | InfoNCE | `info_nce` | van den Oord et al. 2018; Khosla et al. 2020 |
//! | hinges over all negatives, or the hardest | `hinges` | Kiros et al. 2014; Faghri et al. 2018 |
//! | visual and textual ranking | `captions` | Gordo & Larlus 2017 |
//! | WARP | `warp` | Weston et al. 2011, WSABIE |
//!
//! Expected values: `tests/reference/losses.py`.

mod average_precision;
mod captions;
mod contrastive;
mod hinges;
mod info_nce;
mod rows;
mod softmax;
mod triplet;
mod warp;

pub use average_precision::average_precision_loss;
pub use captions::{caption_anchored_ranking, image_anchored_ranking, visual_ranking};
pub use contrastive::{Pair, contrastive};
pub use hinges::{Hinges, hinges};
pub use info_nce::{info_nce, info_nce_labelled};
pub use softmax::softmax;
pub use triplet::{Distance, Triplet, triplet};
pub use warp::{WarpChoice, draw_warp, warp};
