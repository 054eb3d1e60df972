//! What an evaluation needs to know of a data set: a gallery, queries in named sets, graded truth, a protocol.
//!
//! A gallery holds images and, where people described them, captions. A query is a picture or a sentence, and it asks
//! for images or for captions; so one data set, one run and one report hold all four directions, each as a query set
//! of its own. Positions in ground truth and ranked lists count in the list that the query asks for.

use std::path::{Path, PathBuf};

use crate::datasets::list_images;
use crate::error::Error;
use crate::gallery::{GalleryCaption, GalleryImage};
use crate::protocol::{Protocol, Truth};

/// What a query searches with.
#[derive(Debug, Clone, PartialEq)]
pub enum QueryContent {
    /// A picture.
    Image {
        /// Where the file is.
        path: PathBuf,
        /// Part of the image to search with: x, y, width, height in pixels of the upright image at full resolution.
        /// `None` for the whole image.
        region: Option<[f64; 4]>,
    },
    /// A sentence.
    Text {
        /// The sentence.
        text: String,
        /// Its position in [`Dataset::captions`] when it is one of them. A searcher that reads captions must leave
        /// this one out, or it finds the question in place of the answer.
        caption: Option<usize>,
    },
}

/// What a query asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Positions in [`Dataset::gallery`].
    Images,
    /// Positions in [`Dataset::captions`].
    Captions,
}

/// What a searcher gets to see of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryCase {
    /// Name that is unique within its set.
    pub key: String,
    /// The query set, such as `canon`; sets are reported separately.
    pub set: String,
    /// What to search with.
    pub content: QueryContent,
    /// What to search for.
    pub target: Target,
}

impl QueryCase {
    /// A whole picture that asks for images.
    pub fn image(key: impl Into<String>, set: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self {
            key: key.into(),
            set: set.into(),
            content: QueryContent::Image {
                path: path.into(),
                region: None,
            },
            target: Target::Images,
        }
    }

    /// The picture's file, if the query is a picture.
    pub fn path(&self) -> Option<&Path> {
        match &self.content {
            QueryContent::Image { path, .. } => Some(path),
            QueryContent::Text { .. } => None,
        }
    }

    /// The part of the picture that is meant; `None` for all of it, and for a sentence.
    pub fn region(&self) -> Option<[f64; 4]> {
        match &self.content {
            QueryContent::Image { region, .. } => *region,
            QueryContent::Text { .. } => None,
        }
    }

    /// The same query with a part of its picture: x, y, width, height in pixels. A sentence has no parts.
    #[must_use]
    pub fn within(mut self, part: [f64; 4]) -> Self {
        if let QueryContent::Image { region, .. } = &mut self.content {
            *region = Some(part);
        }
        self
    }
}

/// A query with its ground truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// What the searcher sees.
    pub case: QueryCase,
    /// Graded ground truth as positions in the list that [`QueryCase::target`] names.
    pub truth: Truth,
}

/// A gallery, queries with ground truth, and the protocol that judges them.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Name for reports.
    pub name: String,
    /// The images to index, in a fixed order; ground truth refers to positions in it.
    pub gallery: Vec<GalleryImage>,
    /// Sentences about gallery images in a fixed order; empty where nobody described them.
    pub captions: Vec<GalleryCaption>,
    /// All queries; those of one set stand together.
    pub queries: Vec<Query>,
    /// How ranked lists are judged.
    pub protocol: Protocol,
    /// What should be known of how the lists behind it were read: lines that were passed over, encodings that were assumed.
    pub notes: Vec<String>,
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

    /// Number of images or captions.
    pub fn size(&self, target: Target) -> usize {
        match target {
            Target::Images => self.gallery.len(),
            Target::Captions => self.captions.len(),
        }
    }

    /// Name of an image or a caption; `None` for a position beyond the last.
    pub fn key(&self, target: Target, position: usize) -> Option<&str> {
        match target {
            Target::Images => self.gallery.get(position).map(|image| image.key.as_str()),
            Target::Captions => self.captions.get(position).map(|c| c.key.as_str()),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset() -> Dataset {
        let query = |set: &str| Query {
            case: QueryCase::image("q", set, "q.jpg"),
            truth: Truth::default(),
        };
        Dataset {
            name: "toy".into(),
            gallery: vec![GalleryImage {
                key: "a.jpg".into(),
                path: "a.jpg".into(),
            }],
            captions: Vec::new(),
            notes: Vec::new(),
            queries: vec![query("one"), query("two"), query("two")],
            protocol: Protocol::Plain,
        }
    }

    #[test]
    fn distractors_follow_the_gallery_under_keys_of_their_own() {
        let root = tempfile::tempdir().expect("temp dir");
        fs_err::create_dir_all(root.path().join("x")).expect("dir");
        fs_err::write(root.path().join("x/a.jpg"), b"").expect("file");
        let mut dataset = dataset();
        for _ in 0..2 {
            assert_eq!(
                dataset
                    .add_distractors(&root.path().join("x"))
                    .expect("one image"),
                1
            );
        }
        let keys: Vec<&str> = dataset.gallery.iter().map(|g| g.key.as_str()).collect();
        assert_eq!(
            keys,
            ["a.jpg", "distractors/0/x/a.jpg", "distractors/1/x/a.jpg"]
        );
    }

    #[test]
    fn sets_are_chosen_by_name() {
        let mut chosen = dataset();
        chosen.keep_sets(&["two".into()]).expect("a set it has");
        assert_eq!((chosen.sets(), chosen.queries.len()), (vec!["two"], 2));
        let message = dataset()
            .keep_sets(&["three".into()])
            .expect_err("no such set")
            .to_string();
        assert!(message.contains("it has one, two"), "{message}");
    }
}
