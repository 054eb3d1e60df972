//! Categories: the class of a picture is the folder it lies in, and every picture of the same class is relevant.
//!
//! `mit_split` is the eight-class outdoor scene set of Oliva & Torralba 2001, in the split that courses on image
//! classification use: each test picture ranks the training pictures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::folder::list_images;
use crate::dataset::{Dataset, Query, QueryCase};
use crate::error::Error;
use crate::gallery::GalleryImage;
use crate::protocol::{Protocol, Truth};

/// Reads `root/train` as the gallery and `root/test` as the queries, one folder for each class.
///
/// # Errors
/// A folder is missing or empty, or a picture lies in no class.
pub fn load_mit_split(root: &Path) -> Result<Dataset, Error> {
    for part in ["train", "test"] {
        if !root.join(part).is_dir() {
            return Err(Error::missing(
                format!("the folder {part} of mit-split"),
                "the data folder must hold train/ and test/ with one folder for each class",
                root.join(part),
            ));
        }
    }
    load_classes("mit-split", &root.join("train"), &root.join("test"))
}

/// Reads two folders whose class folders have the same names; the class of a picture is the first folder under
/// `gallery` or `queries`. A query of a class that the gallery lacks has nothing to find. A query file that is also
/// in the gallery is junk there, so the same folder may serve as both: each picture then ranks all others.
///
/// # Errors
/// A folder is missing or empty, or a picture lies in no class.
pub fn load_folders(gallery: &Path, queries: &Path) -> Result<Dataset, Error> {
    load_classes("folders", gallery, queries)
}

fn load_classes(name: &str, gallery: &Path, queries: &Path) -> Result<Dataset, Error> {
    let images = list_images(gallery)?;
    let mut members: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut places: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for (position, image) in images.iter().enumerate() {
        members
            .entry(class_of(image)?.to_owned())
            .or_default()
            .push(position);
        places.insert(fs_err::canonicalize(&image.path)?, position);
    }
    let mut cases = Vec::new();
    for image in list_images(queries)? {
        let class = class_of(&image)?;
        let itself = places.get(&fs_err::canonicalize(&image.path)?).copied();
        let relevant = members.get(class).into_iter().flatten().copied();
        let truth = Truth {
            good: relevant.filter(|&p| Some(p) != itself).collect(),
            ok: Vec::new(),
            junk: itself.into_iter().collect(),
        };
        let case = QueryCase::image(&image.key, class, &image.path);
        cases.push(Query { case, truth });
    }
    // Keys sort by class only as long as no class name is the beginning of another.
    cases.sort_by(|a, b| (&a.case.set, &a.case.key).cmp(&(&b.case.set, &b.case.key)));
    Ok(Dataset {
        name: name.into(),
        gallery: images,
        captions: Vec::new(),
        notes: Vec::new(),
        queries: cases,
        protocol: Protocol::Plain,
    })
}

/// The first folder of a picture's key.
fn class_of(image: &GalleryImage) -> Result<&str, Error> {
    match image.key.split_once('/') {
        Some((class, _)) => Ok(class),
        None => Err(Error::invalid(
            "this picture lies in no class; put it into a folder named after its class",
            &image.path,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("temp dir");
        for name in names {
            let path = root.path().join(name);
            fs_err::create_dir_all(path.parent().expect("parent")).expect("dir");
            fs_err::write(path, b"").expect("file");
        }
        root
    }

    #[test]
    fn pictures_of_the_same_folder_are_relevant() {
        let root = files(&[
            "train/coast/1.jpg",
            "train/coast/deep/2.jpg",
            "train/street/3.jpg",
            "test/coast/9.jpg",
            "test/desert/8.jpg",
        ]);
        let dataset = load_mit_split(root.path()).expect("layout is complete");
        assert_eq!(dataset.sets(), ["coast", "desert"]);
        assert_eq!(dataset.queries[0].truth.good, [0, 1]);
        assert_eq!(dataset.queries[1].truth, Truth::default());
        let message = load_mit_split(&root.path().join("train"))
            .expect_err("no train in train")
            .to_string();
        assert!(message.contains("train/ and test/"), "{message}");
    }

    #[test]
    fn a_query_that_is_in_the_gallery_does_not_find_itself() {
        let root = files(&["a/1.jpg", "a/2.jpg", "a-b/3.jpg"]);
        let dataset = load_folders(root.path(), root.path()).expect("classes");
        assert_eq!(dataset.sets(), ["a", "a-b"]);
        let second = &dataset.queries[1];
        assert_eq!(second.case.key, "a/2.jpg");
        let (own, other) = (second.truth.junk[0], second.truth.good[0]);
        assert_eq!(dataset.gallery[own].key, "a/2.jpg");
        assert_eq!(dataset.gallery[other].key, "a/1.jpg");
        assert_eq!(second.truth.good.len(), 1);
        assert!(dataset.queries[2].truth.good.is_empty());
    }

    #[test]
    fn a_picture_without_a_class_is_named() {
        let root = files(&["a/1.jpg", "2.jpg"]);
        let message = load_folders(root.path(), root.path())
            .expect_err("2.jpg has no class")
            .to_string();
        assert!(message.ends_with("2.jpg"), "{message}");
    }
}
