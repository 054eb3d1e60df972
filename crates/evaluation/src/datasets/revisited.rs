//! Revisited Oxford and Paris (Radenović et al. 2018). Their ground truth is published as a Python pickle, which is a
//! program and is not read here; it is read as JSON with the same fields, which one line of Python writes:
//!
//! ```text
//! python -c "import json,pickle,numpy; json.dump(pickle.load(open('gnd_roxford5k.pkl','rb')),
//!            open('gnd_roxford5k.json','w'), default=lambda a: numpy.asarray(a).tolist())"
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::folder::read_json;
use super::oxford::region;
use crate::dataset::{Dataset, Query, QueryCase};
use crate::error::Error;
use crate::gallery::GalleryImage;
use crate::protocol::{Protocol, Truth};

#[derive(Deserialize)]
struct GroundTruth {
    imlist: Vec<String>,
    qimlist: Vec<String>,
    gnd: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    bbx: [f64; 4],
    #[serde(default)]
    easy: Vec<usize>,
    #[serde(default)]
    hard: Vec<usize>,
    #[serde(default)]
    junk: Vec<usize>,
}

/// Reads ground truth in JSON with the fields `imlist`, `qimlist` and `gnd` (`bbx`, `easy`, `hard`, `junk`);
/// images are `images/NAME.jpg`. Queries are not part of the gallery.
///
/// # Errors
/// The file does not follow the format, a number is outside the gallery, or an image is missing.
pub fn load_revisited(name: &str, truth: &Path, images: &Path) -> Result<Dataset, Error> {
    let ground_truth: GroundTruth = read_json(truth)?;
    let GroundTruth {
        imlist,
        qimlist,
        gnd,
    } = ground_truth;
    if qimlist.len() != gnd.len() {
        let problem = format!(
            "qimlist has {} names, gnd {} entries",
            qimlist.len(),
            gnd.len()
        );
        return Err(Error::invalid(problem, truth));
    }
    let gallery = imlist
        .into_iter()
        .map(|key| {
            Ok(GalleryImage {
                path: image_path(images, &key)?,
                key,
            })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let unique: BTreeSet<&str> = gallery.iter().map(|g| g.key.as_str()).collect();
    if unique.len() != gallery.len() {
        return Err(Error::invalid("imlist names an image twice", truth));
    }
    let mut queries = Vec::new();
    for (key, entry) in qimlist.into_iter().zip(gnd) {
        let listed = entry.easy.iter().chain(&entry.hard).chain(&entry.junk);
        if let Some(outside) = listed.copied().find(|&n| n >= gallery.len()) {
            let problem = format!("query {key}: image {outside} of {}", gallery.len());
            return Err(Error::invalid(problem, truth));
        }
        queries.push(Query {
            case: QueryCase::image(&key, name, image_path(images, &key)?).within(region(entry.bbx)),
            truth: Truth {
                good: entry.easy,
                ok: entry.hard,
                junk: entry.junk,
            },
        });
    }
    Ok(Dataset {
        name: name.into(),
        gallery,
        captions: Vec::new(),
        notes: Vec::new(),
        queries,
        protocol: Protocol::Revisited,
    })
}

fn image_path(folder: &Path, name: &str) -> Result<PathBuf, Error> {
    let path = folder.join(format!("{name}.jpg"));
    if path.is_file() {
        Ok(path)
    } else {
        Err(Error::missing(
            format!("image {name}"),
            "put all images into one folder",
            path,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades_become_setups() {
        let root = tempfile::tempdir().expect("temp dir");
        for name in ["a", "b", "c", "q"] {
            fs_err::write(root.path().join(format!("{name}.jpg")), b"").expect("file");
        }
        let truth = root.path().join("gnd.json");
        let write = |text: &str| fs_err::write(&truth, text).expect("file");
        write(
            r#"{"imlist":["a","b","c"],"qimlist":["q"],
               "gnd":[{"bbx":[1,2,11,22],"easy":[0],"hard":[2],"junk":[1]}]}"#,
        );
        let dataset = load_revisited("roxford5k", &truth, root.path()).expect("complete");
        assert_eq!(
            dataset.queries[0].case.region(),
            Some([1.0, 2.0, 10.0, 20.0])
        );
        assert_eq!(
            dataset.queries[0].truth,
            Truth {
                good: vec![0],
                ok: vec![2],
                junk: vec![1]
            }
        );

        write(r#"{"imlist":["a"],"qimlist":["q"],"gnd":[{"bbx":[1,2,11,22],"easy":[1]}]}"#);
        let message = load_revisited("x", &truth, root.path())
            .expect_err("outside")
            .to_string();
        assert!(message.starts_with("query q: image 1 of 1"), "{message}");
    }
}
