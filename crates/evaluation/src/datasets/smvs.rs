//! Stanford Mobile Visual Search (Chandrasekhar et al. 2011), one category: `reference/` holds the objects, every
//! other folder photographs of them under the same file name. Exactly one gallery image is relevant to a query.

use std::path::Path;

use super::folder::{by_stem, list_images, stem};
use crate::dataset::{Dataset, Query, QueryCase};
use crate::error::Error;
use crate::protocol::{Protocol, Truth};

/// Query sets in the order they are reported.
const SETS: [&str; 2] = ["canon", "e63"];

/// Reads `root/reference` as the gallery and `root/canon`, `root/e63` as query sets.
///
/// # Errors
/// A folder is missing or empty, or a query has no reference of the same name.
pub fn load_smvs(root: &Path) -> Result<Dataset, Error> {
    let reference = root.join("reference");
    if !reference.is_dir() {
        return Err(Error::missing(
            "the gallery of smvs",
            "the data folder must hold reference/, canon/ and e63/",
            reference,
        ));
    }
    let gallery = list_images(&reference)?;
    let positions = by_stem(&gallery)?;
    let mut queries = Vec::new();
    for set in SETS {
        for image in list_images(&root.join(set))? {
            let Some(&position) = positions.get(&stem(&image.path)) else {
                return Err(Error::invalid(
                    "no reference image has this name",
                    image.path,
                ));
            };
            queries.push(Query {
                case: QueryCase::image(image.key, set, image.path),
                truth: Truth::relevant([position]),
            });
        }
    }
    Ok(Dataset {
        name: "smvs".into(),
        gallery,
        captions: Vec::new(),
        notes: Vec::new(),
        queries,
        protocol: Protocol::Plain,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_match_the_reference_of_the_same_name() {
        let root = tempfile::tempdir().expect("temp dir");
        for name in [
            "reference/1.jpg",
            "reference/2.jpg",
            "canon/2.jpg",
            "e63/1.jpg",
        ] {
            let path = root.path().join(name);
            fs_err::create_dir_all(path.parent().expect("parent")).expect("dir");
            fs_err::write(path, b"").expect("file");
        }
        let dataset = load_smvs(root.path()).expect("layout is complete");
        assert_eq!(dataset.sets(), ["canon", "e63"]);
        assert_eq!(dataset.queries[0].truth.good, [1]);
        assert_eq!(dataset.queries[1].truth.good, [0]);

        fs_err::write(root.path().join("canon/9.jpg"), b"").expect("file");
        let message = load_smvs(root.path())
            .expect_err("9 has no reference")
            .to_string();
        assert!(message.ends_with("9.jpg"), "{message}");
    }

    #[test]
    fn a_wrong_folder_says_what_belongs_there() {
        let root = tempfile::tempdir().expect("temp dir");
        let message = load_smvs(root.path()).expect_err("empty").to_string();
        assert!(message.contains("reference/, canon/ and e63/"), "{message}");
    }
}
