//! Oxford5k and Paris6k (Philbin et al. 2007, 2008) as published: images in a folder, and per query four text files
//! `NAME_query.txt` (image and box), `NAME_good.txt`, `NAME_ok.txt`, `NAME_junk.txt`.
//!
//! Quirks of the published files: query images of Oxford5k carry a prefix `oxc1_` that the files do not have; boxes
//! are two corners with fractions; twenty images of Paris6k are corrupt and belong to no list of results. The image
//! of a query is part of the gallery and good for it, as in the published figures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::folder::{by_stem, list_images, read_text};
use crate::dataset::{Dataset, Query, QueryCase};
use crate::error::Error;
use crate::protocol::{Protocol, Truth};

/// Images of Paris6k that the authors declare corrupt: not indexed, and struck from the ground truth.
pub const PARIS_CORRUPT: [&str; 20] = [
    "paris_louvre_000136",
    "paris_louvre_000146",
    "paris_moulinrouge_000422",
    "paris_museedorsay_001059",
    "paris_notredame_000188",
    "paris_pantheon_000284",
    "paris_pantheon_000960",
    "paris_pantheon_000974",
    "paris_pompidou_000195",
    "paris_pompidou_000196",
    "paris_pompidou_000201",
    "paris_pompidou_000467",
    "paris_pompidou_000640",
    "paris_sacrecoeur_000299",
    "paris_sacrecoeur_000330",
    "paris_sacrecoeur_000353",
    "paris_triomphe_000662",
    "paris_triomphe_000833",
    "paris_triomphe_000863",
    "paris_triomphe_000867",
];

/// One query of the published ground truth, by names.
#[derive(Debug, Clone, PartialEq)]
pub struct OxfordQuery {
    /// Name of the query, such as `all_souls_1`.
    pub name: String,
    /// Image of the query without extension and without the prefix `oxc1_`.
    pub image: String,
    /// Left, top, right, bottom in pixels of the image.
    pub corners: [f64; 4],
    /// Images that show the object clearly.
    pub good: Vec<String>,
    /// Images that show more than a quarter of it.
    pub ok: Vec<String>,
    /// Images that show less: neither right nor wrong.
    pub junk: Vec<String>,
}

/// Reads all `*_query.txt` of a folder with their lists, by name.
///
/// # Errors
/// No query file, a list that is missing, or a query that does not parse.
pub fn read_oxford_ground_truth(folder: &Path) -> Result<Vec<OxfordQuery>, Error> {
    let mut names = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let file = entry?.file_name();
        if let Some(name) = file.to_str().and_then(|f| f.strip_suffix("_query.txt")) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    if names.is_empty() {
        return Err(Error::missing(
            "ground truth (files named *_query.txt)",
            "unpack the published ground truth there",
            folder,
        ));
    }
    names
        .into_iter()
        .map(|name| read_query(folder, name))
        .collect()
}

fn read_query(folder: &Path, name: String) -> Result<OxfordQuery, Error> {
    let path = folder.join(format!("{name}_query.txt"));
    let (image, corners) = parse_query(&read_text(&path)?).ok_or_else(|| {
        Error::invalid(
            "expected an image name and the box left top right bottom",
            path,
        )
    })?;
    let list = |grade: &str| -> Result<Vec<String>, Error> {
        let text = read_text(&folder.join(format!("{name}_{grade}.txt")))?;
        Ok(text.split_whitespace().map(str::to_owned).collect())
    };
    let (good, ok, junk) = (list("good")?, list("ok")?, list("junk")?);
    Ok(OxfordQuery {
        name,
        image,
        corners,
        good,
        ok,
        junk,
    })
}

fn parse_query(text: &str) -> Option<(String, [f64; 4])> {
    let mut words = text.split_whitespace();
    let image = words.next()?;
    let image = image.strip_prefix("oxc1_").unwrap_or(image).to_owned();
    let mut corners = [0.0; 4];
    for corner in &mut corners {
        *corner = words.next()?.parse().ok().filter(|v: &f64| v.is_finite())?;
    }
    let [left, top, right, bottom] = corners;
    (words.next().is_none() && right > left && bottom > top).then_some((image, corners))
}

/// A box given by two corners as x, y, width, height.
pub(super) fn region(corners: [f64; 4]) -> [f64; 4] {
    let [left, top, right, bottom] = corners;
    [left, top, right - left, bottom - top]
}

/// Reads a data set in the published layout. `root` holds the images and the ground truth in folders of any name:
/// the ground truth is the folder with `*_query.txt`, `root` itself or below it. Query sets are the landmarks.
///
/// # Errors
/// Ground truth or images are missing, or a list names an image that is not there.
pub fn load_oxford(name: &str, root: &Path) -> Result<Dataset, Error> {
    let truth_folder = find_ground_truth(root)?;
    let mut gallery = list_images(root)?;
    gallery.retain(|image| {
        image
            .path
            .file_stem()
            .and_then(|s| s.to_str())
            .is_none_or(|s| !PARIS_CORRUPT.contains(&s))
    });
    let positions = by_stem(&gallery)?;
    let mut queries = Vec::new();
    for query in read_oxford_ground_truth(&truth_folder)? {
        let find = |grade: &str, names: &[String]| {
            positions_of(names, &positions).map_err(|image| {
                missing_image(
                    &image,
                    &query.name,
                    &truth_folder.join(format!("{}_{grade}.txt", query.name)),
                )
            })
        };
        let truth = Truth {
            good: find("good", &query.good)?,
            ok: find("ok", &query.ok)?,
            junk: find("junk", &query.junk)?,
        };
        let Some(&position) = positions.get(&query.image) else {
            return Err(missing_image(&query.image, &query.name, root));
        };
        let landmark = query
            .name
            .rsplit_once('_')
            .map_or(query.name.as_str(), |(l, _)| l);
        queries.push(Query {
            case: QueryCase::image(&query.name, landmark, &gallery[position].path)
                .within(region(query.corners)),
            truth,
        });
    }
    Ok(Dataset {
        name: name.into(),
        gallery,
        captions: Vec::new(),
        notes: Vec::new(),
        queries,
        protocol: Protocol::Oxford,
    })
}

fn missing_image(image: &str, query: &str, path: &Path) -> Error {
    Error::missing(
        format!("image {image} of query {query}"),
        "put all images of the data set under the data folder",
        path,
    )
}

/// Gallery positions of names; corrupt images of Paris6k are passed over. The name that is not there otherwise.
fn positions_of(
    names: &[String],
    positions: &BTreeMap<String, usize>,
) -> Result<Vec<usize>, String> {
    names
        .iter()
        .filter(|name| !PARIS_CORRUPT.contains(&name.as_str()))
        .map(|name| positions.get(name).copied().ok_or_else(|| name.clone()))
        .collect()
}

/// The folder with `*_query.txt`: `root` or the first one below it, at most three levels down.
fn find_ground_truth(root: &Path) -> Result<PathBuf, Error> {
    for entry in walkdir::WalkDir::new(root)
        .max_depth(4)
        .follow_links(true)
        .sort_by_file_name()
    {
        let entry = entry.map_err(|e| Error::Io(e.into()))?;
        let is_query = entry
            .file_name()
            .to_str()
            .is_some_and(|f| f.ends_with("_query.txt"));
        if let (true, Some(folder)) = (is_query, entry.path().parent()) {
            return Ok(folder.to_path_buf());
        }
    }
    Err(Error::missing(
        "ground truth (files named *_query.txt)",
        "put the published ground truth into a folder beside the images",
        root,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = root.join(name);
            fs_err::create_dir_all(path.parent().expect("parent")).expect("dir");
            fs_err::write(path, text).expect("file");
        }
    }

    #[test]
    fn the_published_layout_is_read_with_its_quirks() {
        let root = tempfile::tempdir().expect("temp dir");
        write(
            root.path(),
            &[
                ("images/all_souls_000013.jpg", ""),
                ("images/oxford_000001.jpg", ""),
                ("images/oxford_000002.jpg", ""),
                ("images/deeper/paris_louvre_000136.jpg", ""),
                (
                    "gt/all_souls_1_query.txt",
                    "oxc1_all_souls_000013 136.5 34.1 648.5 955.7\n",
                ),
                (
                    "gt/all_souls_1_good.txt",
                    "all_souls_000013\noxford_000002\n",
                ),
                ("gt/all_souls_1_ok.txt", ""),
                (
                    "gt/all_souls_1_junk.txt",
                    "oxford_000001\nparis_louvre_000136\n",
                ),
            ],
        );
        let dataset = load_oxford("oxford", root.path()).expect("layout is complete");
        assert_eq!(dataset.gallery.len(), 3, "the corrupt image is left out");
        let query = &dataset.queries[0];
        assert_eq!(query.case.set, "all_souls");
        let [x, y, width, height] = query.case.region().expect("a box");
        assert!((x - 136.5).abs() + (y - 34.1).abs() < 1e-9);
        assert!((width - 512.0).abs() + (height - 921.6).abs() < 1e-9);
        assert_eq!(
            query.truth,
            Truth {
                good: vec![0, 2],
                ok: vec![],
                junk: vec![1]
            }
        );
    }

    #[test]
    fn an_image_that_is_not_there_is_named() {
        let root = tempfile::tempdir().expect("temp dir");
        write(
            root.path(),
            &[
                ("a.jpg", ""),
                ("x_1_query.txt", "a 0 0 1 1"),
                ("x_1_good.txt", "b"),
                ("x_1_ok.txt", ""),
                ("x_1_junk.txt", ""),
            ],
        );
        let message = load_oxford("oxford", root.path())
            .expect_err("b is missing")
            .to_string();
        assert!(
            message.starts_with("image b of query x_1 not found"),
            "{message}"
        );
        fs_err::remove_file(root.path().join("x_1_ok.txt")).expect("file");
        let message = load_oxford("oxford", root.path())
            .expect_err("list")
            .to_string();
        assert!(message.contains("x_1_ok.txt"), "{message}");
    }

    #[test]
    fn boxes_must_be_boxes() {
        for text in [
            "",
            "a",
            "a 1 2 3",
            "a 1 2 3 x",
            "a 5 0 4 1",
            "a 0 0 nan 1",
            "a 0 0 1 1 1",
        ] {
            assert_eq!(parse_query(text), None, "{text}");
        }
        assert_eq!(parse_query("a 0 0 1 1").expect("a box").0, "a");
    }

    #[test]
    fn the_published_oxford_ground_truth_is_understood() {
        let data = std::env::var_os("VIZSLA_DATA").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
            PathBuf::from,
        );
        let folder = data.join("oxford5k_gt/labels");
        if !folder.is_dir() {
            println!("skipped: no Oxford5k ground truth at {}", folder.display());
            return;
        }
        let queries = read_oxford_ground_truth(&folder).expect("published files");
        assert_eq!(queries.len(), 55);
        let total = |list: fn(&OxfordQuery) -> usize| queries.iter().map(list).sum::<usize>();
        assert!(total(|q| q.good.len()) > 0 && total(|q| q.ok.len()) > 0);
        assert!(queries.iter().all(|q| !q.image.starts_with("oxc1_")));
        // Each landmark has five queries, which share their lists.
        assert!(
            queries
                .chunks(5)
                .all(|c| c.iter().all(|q| q.good.len() == c[0].good.len()))
        );
        // The image of a query is among its own positives.
        assert!(
            queries
                .iter()
                .all(|q| q.good.contains(&q.image) || q.ok.contains(&q.image))
        );
    }
}
