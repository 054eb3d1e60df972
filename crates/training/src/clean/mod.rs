//! Cleaning a folder of classes: which pictures of a class show the same thing, and where in them it is.
//!
//! Folders that were filled by a web search hold much that does not belong. Gordo, Almazán, Revaud and Larlus ("Deep
//! image retrieval: learning global representations for image search", ECCV 2016, and IJCV 2017) clean them without a
//! person: pictures of one class are matched by local features and verified by geometry, the verified pairs are the
//! edges of a graph, the largest connected component of the class is kept and the rest dropped. The matches also
//! tell where the object is: boxes around them are carried along the edges until they agree (`boxes`).
//!
//! The same graph gives training pairs (Radenović, Tolias and Chum, "CNN image retrieval learns from BoW: unsupervised
//! fine-tuning with hard examples", ECCV 2016): verified pairs with enough but not too much in common are positives,
//! the most similar pictures of other clusters, one a cluster, are hard negatives (`mining`). Where there are no
//! classes, pictures that were taken near each other are candidates, and each component is a place (`near`).
//!
//! There is no published program of either; the parts are checked against their definitions on drawn pictures whose
//! transforms are known.

mod boxes;
mod edges;
mod files;
mod graph;
mod mining;
mod near;
mod options;
mod outcome;
mod sheet;
mod written;

use std::path::Path;
use std::time::Instant;

use vizsla_retrieval::Reporter;

pub use self::edges::Evidence;
pub use self::mining::{HardNegative, Home, PositivePair};
pub use self::outcome::{CleanClass, Cleaning, DropReason, Dropped, Kept, KeptBox, Link};

use self::files::Folder;
pub use self::options::CleanOptions;
use crate::Error;

/// Cleans the folder `root`, whose folders are the classes. A file that cannot be used is listed with its reason and
/// stops nothing. `None` when the reporter says that the caller wants to stop.
///
/// # Errors
/// Options out of range; `root` is not there, holds no picture, or no picture in a class (or, near in place, none
/// with a place); the collection cannot be used.
pub fn clean(
    root: &Path,
    options: &CleanOptions,
    reporter: &dyn Reporter,
) -> Result<Option<Cleaning>, Error> {
    options.check()?;
    let start = Instant::now();
    let Some(folder) = Folder::read(root, options, reporter)? else {
        return Ok(None);
    };
    let Some(edges) = edges::find(&folder, options, reporter)? else {
        return Ok(None);
    };
    let parts = graph::components(folder.nodes.len(), &edges);
    let clusters = match options.near {
        None => graph::largest_of_class(&folder, &parts, &edges),
        Some(_) => graph::all_clusters(&parts),
    };
    let boxes = boxes::settle(&folder, &edges, &clusters);
    let Some(negatives) = mining::hard_negatives(&folder, &clusters, options, reporter)? else {
        return Ok(None);
    };
    let Some(homes) = mining::other_homes(&folder, &clusters, options, reporter)? else {
        return Ok(None);
    };
    let found = outcome::Found {
        positives: mining::positives(&folder, &edges, &clusters, options.positives),
        negatives,
        parts,
        edges: &edges,
        clusters,
        boxes,
        homes,
    };
    let mut cleaning = outcome::assemble(&folder, found, options);
    cleaning.seconds = start.elapsed().as_secs_f64();
    Ok(Some(cleaning))
}
