//! What an evaluation needs to know of a data set: a gallery, queries in named sets, graded truth, a protocol.

use std::path::{Path, PathBuf};

use crate::datasets::list_images;
use crate::error::Error;
use crate::protocol::{Protocol, Truth};

/// One image to be indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GalleryImage {
    /// Name that is unique in the gallery, such as the path under the gallery's folder with `/` between parts.
    pub key: String,
    /// Where the file is.
    pub path: PathBuf,
}

/// What a searcher gets to see of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryCase {
    /// Name that is unique within its set.
    pub key: String,
    /// The query set, such as `canon`; sets are reported separately.
    pub set: String,
    /// Where the query's image is.
    pub path: PathBuf,
    /// Part of the image to search with: x, y, width, height in pixels of the upright image at full resolution.
    /// `None` for the whole image.
    pub region: Option<[f64; 4]>,
}

/// A query with its ground truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// What the searcher sees.
    pub case: QueryCase,
    /// Graded ground truth as positions in [`Dataset::gallery`].
    pub truth: Truth,
}

/// A gallery, queries with ground truth, and the protocol that judges them.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Name for reports.
    pub name: String,
    /// The images to index, in a fixed order; ground truth refers to positions in it.
    pub gallery: Vec<GalleryImage>,
    /// All queries; those of one set stand together.
    pub queries: Vec<Query>,
    /// How ranked lists are judged.
    pub protocol: Protocol,
}

impl Dataset {
    /// Adds every image under `folder` to the gallery as images that match no query. Returns how many.
    ///
    /// # Errors
    /// The folder is missing, unreadable or holds no image.
    pub fn add_distractors(&mut self, folder: &Path) -> Result<usize, Error> {
        let images = list_images(folder)?;
        let count = images.len();
        let nth = self
            .gallery
            .iter()
            .filter(|g| g.key.starts_with("distractors/"))
            .count();
        let name = folder
            .file_name()
            .map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        // The running number keeps keys unique when two folders have the same name.
        self.gallery
            .extend(images.into_iter().map(|image| GalleryImage {
                key: format!("distractors/{nth}/{name}/{}", image.key),
                path: image.path,
            }));
        Ok(count)
    }

    /// Names of the query sets in order of their first query.
    pub fn sets(&self) -> Vec<&str> {
        let mut sets: Vec<&str> = Vec::new();
        for query in &self.queries {
            if !sets.contains(&query.case.set.as_str()) {
                sets.push(&query.case.set);
            }
        }
        sets
    }

    /// Keeps only the query sets that are named.
    ///
    /// # Errors
    /// A name that the data set does not have.
    pub fn keep_sets(&mut self, names: &[String]) -> Result<(), Error> {
        let known = self.sets().join(", ");
        for name in names {
            if !self.sets().contains(&name.as_str()) {
                return Err(Error::missing(
                    format!("query set {name} of {}", self.name),
                    format!("it has {known}"),
                    Path::new(name),
                ));
            }
        }
        self.queries.retain(|q| names.contains(&q.case.set));
        Ok(())
    }
}
