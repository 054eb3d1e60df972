//! Photographs of paintings as used by the course "Introduction to Human and Computer Vision" of the Master in
//! Computer Vision Barcelona: `gallery/` with files that end in their number, and query sets in folders of their own
//! with `gt_corresps.json`, one list of gallery numbers per query in file-name order. A query may show several
//! paintings; -1 stands for a painting that the gallery does not have.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::folder::{list_images, read_json, stem};
use crate::dataset::{Dataset, Query, QueryCase};
use crate::error::Error;
use crate::gallery::GalleryImage;
use crate::protocol::{Protocol, Truth};

const TRUTH_FILE: &str = "gt_corresps.json";

/// Reads `root/gallery` and every folder of `root` that holds `gt_corresps.json` as a query set, by name.
///
/// # Errors
/// A folder is missing, the truth does not fit the images, or a number is not in the gallery.
pub fn load_museum(root: &Path) -> Result<Dataset, Error> {
    let folder = root.join("gallery");
    if !folder.is_dir() {
        return Err(Error::missing(
            "the gallery of museum",
            "the data folder must hold gallery/ and query sets with gt_corresps.json",
            folder,
        ));
    }
    let gallery = list_images(&folder)?;
    let numbers = by_number(&gallery)?;
    let mut queries = Vec::new();
    for set in query_sets(root)? {
        queries.extend(load_set(&set, &numbers)?);
    }
    if queries.is_empty() {
        return Err(Error::missing(
            "a query set",
            "one folder at least must hold gt_corresps.json",
            root,
        ));
    }
    Ok(Dataset {
        name: "museum".into(),
        gallery,
        captions: Vec::new(),
        notes: Vec::new(),
        queries,
        protocol: Protocol::Plain,
    })
}

fn query_sets(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut sets = Vec::new();
    for entry in fs_err::read_dir(root)? {
        let path = entry?.path();
        if path.join(TRUTH_FILE).is_file() {
            sets.push(path);
        }
    }
    sets.sort();
    Ok(sets)
}

/// Position in the gallery by the number at the end of the file name (`bbdd_00012.jpg` is 12).
fn by_number(gallery: &[GalleryImage]) -> Result<BTreeMap<u64, usize>, Error> {
    let mut positions = BTreeMap::new();
    for (position, image) in gallery.iter().enumerate() {
        let name = stem(&image.path);
        let digits = name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let Ok(number) = name[digits..].parse() else {
            return Err(Error::invalid(
                "the file name does not end in a number",
                &image.path,
            ));
        };
        if positions.insert(number, position).is_some() {
            return Err(Error::invalid(
                format!("number {number} occurs twice"),
                &image.path,
            ));
        }
    }
    Ok(positions)
}

fn load_set(folder: &Path, numbers: &BTreeMap<u64, usize>) -> Result<Vec<Query>, Error> {
    let truth_file = folder.join(TRUTH_FILE);
    let truth: Vec<Value> = read_json(&truth_file)?;
    let images = list_images(folder)?;
    if images.len() != truth.len() {
        let problem = format!("{} entries for {} query images", truth.len(), images.len());
        return Err(Error::invalid(problem, truth_file));
    }
    let set = folder
        .file_name()
        .map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let mut queries = Vec::new();
    for (image, answer) in images.into_iter().zip(&truth) {
        let mut relevant = Vec::new();
        collect_relevant(answer, numbers, &mut relevant).map_err(|problem| {
            Error::invalid(format!("query {}: {problem}", image.key), &truth_file)
        })?;
        relevant.sort_unstable();
        relevant.dedup();
        queries.push(Query {
            case: QueryCase::image(image.key, &set, image.path),
            truth: Truth::relevant(relevant),
        });
    }
    Ok(queries)
}

/// Gallery positions in an answer: a number or lists of answers (some editions nest them once more).
fn collect_relevant(
    answer: &Value,
    numbers: &BTreeMap<u64, usize>,
    relevant: &mut Vec<usize>,
) -> Result<(), String> {
    match answer {
        Value::Array(parts) => parts
            .iter()
            .try_for_each(|part| collect_relevant(part, numbers, relevant)),
        Value::Number(number) if number.as_i64() == Some(-1) => Ok(()),
        Value::Number(number) => {
            let position = number.as_u64().and_then(|n| numbers.get(&n));
            let position = position.ok_or_else(|| format!("{number} is not in the gallery"))?;
            relevant.push(*position);
            Ok(())
        }
        other => Err(format!("expected gallery numbers, found {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn museum(truth: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("temp dir");
        for name in [
            "gallery/bbdd_00000.jpg",
            "gallery/bbdd_00002.jpg",
            "w1/0.jpg",
            "w1/1.jpg",
        ] {
            let path = root.path().join(name);
            fs_err::create_dir_all(path.parent().expect("parent")).expect("dir");
            fs_err::write(path, b"").expect("file");
        }
        fs_err::write(root.path().join("w1/gt_corresps.json"), truth).expect("file");
        root
    }

    #[test]
    fn numbers_are_those_of_the_file_names_and_minus_one_is_nothing() {
        let root = museum("[[2, 0], [-1]]");
        let dataset = load_museum(root.path()).expect("layout is complete");
        assert_eq!(dataset.queries[0].truth.good, [0, 1]);
        assert_eq!(dataset.queries[1].truth, Truth::default());
        let nested = museum("[[[2]], [-1, 0]]");
        let dataset = load_museum(nested.path()).expect("nested lists");
        assert_eq!(dataset.queries[0].truth.good, [1]);
        assert_eq!(dataset.queries[1].truth.good, [0]);
    }

    #[test]
    fn truth_that_does_not_fit_is_refused_by_name() {
        for (truth, says) in [
            ("[[0]]", "1 entries for 2"),
            ("[[1], [0]]", "1 is not in the gallery"),
            ("[[-2], [0]]", "-2 is not in the gallery"),
            ("[[\"0\"], [0]]", "expected gallery numbers"),
            ("[[0], [0]", "JSON"),
        ] {
            let root = museum(truth);
            let message = load_museum(root.path()).expect_err(truth).to_string();
            assert!(
                message.contains(says) && message.ends_with("gt_corresps.json"),
                "{message}"
            );
        }
    }
}
