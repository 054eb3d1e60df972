//! The user's own ground truth: a JSON object `{"query file": ["gallery file", …]}`. An empty list means that
//! nothing in the gallery matches the query.

use std::collections::BTreeMap;
use std::path::Path;

use super::folder::{list_images, read_json};
use crate::dataset::{Dataset, Query, QueryCase};
use crate::error::Error;
use crate::ordered::Ordered;
use crate::protocol::{Protocol, Truth};

/// Reads `truth`; query files are relative to `queries`, gallery files to `gallery`, whose images are all indexed.
///
/// # Errors
/// A folder or file is missing, a name occurs twice, or the truth names a file that is not there.
pub fn load_files(gallery: &Path, queries: &Path, truth: &Path) -> Result<Dataset, Error> {
    let answers: Ordered<Vec<String>> = read_json(truth)?;
    if answers.is_empty() {
        return Err(Error::invalid(
            "no query in it; expected {\"query file\": [\"gallery file\"]}",
            truth,
        ));
    }
    let images = list_images(gallery)?;
    let positions: BTreeMap<String, usize> = images
        .iter()
        .enumerate()
        .map(|(position, image)| (image.key.clone(), position))
        .collect();
    let mut cases = Vec::new();
    for (name, relevant) in answers.iter() {
        let path = queries.join(name);
        if !path.is_file() {
            let what = format!("query file {name}, named in {},", truth.display());
            return Err(Error::missing(
                what,
                "names are relative to the query folder",
                path,
            ));
        }
        let find = |file: &String| {
            let position = positions
                .get(file)
                .or_else(|| positions.get(&normalised(file)));
            position.copied().ok_or_else(|| {
                let what = format!("gallery file {file}, named for query {name},");
                Error::missing(
                    what,
                    "names are relative to the gallery folder",
                    gallery.join(file),
                )
            })
        };
        let mut relevant = relevant
            .iter()
            .map(find)
            .collect::<Result<Vec<_>, Error>>()?;
        relevant.sort_unstable();
        relevant.dedup();
        cases.push(Query {
            case: QueryCase::image(name, "files", path),
            truth: Truth::relevant(relevant),
        });
    }
    Ok(Dataset {
        name: "files".into(),
        gallery: images,
        captions: Vec::new(),
        queries: cases,
        protocol: Protocol::Plain,
    })
}

/// The key of a file as people write it: `./a/b.jpg` and `a\b.jpg` are `a/b.jpg`.
fn normalised(file: &str) -> String {
    let slashes = file.replace('\\', "/");
    slashes
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect::<Vec<_>>()
        .join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_truth_is_read_and_mistakes_are_named() {
        let root = tempfile::tempdir().expect("temp dir");
        let (gallery, queries) = (root.path().join("g"), root.path().join("q"));
        for path in [
            gallery.join("sub/b.jpg"),
            gallery.join("a.jpg"),
            queries.join("1.jpg"),
            queries.join("2.jpg"),
        ] {
            fs_err::create_dir_all(path.parent().expect("parent")).expect("dir");
            fs_err::write(path, b"").expect("file");
        }
        let truth = root.path().join("truth.json");
        let load = |text: &str| {
            fs_err::write(&truth, text).expect("file");
            load_files(&gallery, &queries, &truth)
        };
        let dataset =
            load(r#"{"2.jpg": ["./sub/b.jpg", "a.jpg", "a.jpg"], "1.jpg": []}"#).expect("fits");
        assert_eq!(dataset.queries[0].truth.good, [0, 1]);
        assert_eq!(dataset.queries[1].truth, Truth::default());

        for (text, says) in [
            (r#"{"3.jpg": []}"#, "query file 3.jpg"),
            (
                r#"{"1.jpg": ["c.jpg"]}"#,
                "gallery file c.jpg, named for query 1.jpg",
            ),
            (r#"{"1.jpg": [], "1.jpg": ["a.jpg"]}"#, "occurs twice"),
            (r#"{"1.jpg": "a.jpg"}"#, "expected JSON"),
            ("{}", "no query in it"),
        ] {
            let message = load(text).expect_err(text).to_string();
            assert!(message.contains(says), "{message}");
        }
    }
}
