//! Loaders of the data sets that Vizsla knows, one file each, and the user's own ground truth.

mod captions;
mod classes;
mod files;
mod folder;
mod museum;
mod oxford;
mod revisited;
mod smvs;

pub(crate) use captions::read_captions;
pub use captions::{
    IMAGE_TO_TEXT, TEXT_TO_IMAGE, load_all_captions, load_captions, load_captions_of,
    load_flickr8k, read_image_list,
};
pub use classes::{load_folders, load_mit_split};
pub use files::load_files;
pub(crate) use folder::{list_images, read_text};
pub use museum::load_museum;
pub use oxford::{OxfordQuery, PARIS_CORRUPT, load_oxford, read_oxford_ground_truth};
pub use revisited::load_revisited;
pub use smvs::load_smvs;
