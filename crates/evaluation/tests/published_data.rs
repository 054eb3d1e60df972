//! The loaders on the real data sets, found by `VIZSLA_DATA` (default: `../shared/data` beside the workspace); skipped
//! where they are absent.
#![allow(clippy::expect_used, clippy::panic)] // helpers of tests fail by panicking

use std::path::{Path, PathBuf};

use vizsla_evaluation::{
    Dataset, IMAGE_TO_TEXT, TEXT_TO_IMAGE, load_flickr8k, load_mit_split, load_museum, load_smvs,
};

fn folder(name: &str) -> Option<PathBuf> {
    let data = std::env::var_os("VIZSLA_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = data.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no {name} at {}", folder.display());
    None
}

fn size_of_set(dataset: &Dataset, set: &str) -> usize {
    dataset.queries.iter().filter(|q| q.case.set == set).count()
}

#[test]
fn smvs_has_one_relevant_cover_for_each_photograph() {
    let Some(folder) = folder("smvs_dvd") else {
        return;
    };
    let mut dataset = load_smvs(&folder).expect("published layout");
    assert_eq!(dataset.gallery.len(), 100);
    assert_eq!(
        (size_of_set(&dataset, "canon"), size_of_set(&dataset, "e63")),
        (100, 100)
    );
    for query in &dataset.queries {
        assert_eq!(query.truth.good.len(), 1);
        assert_eq!(dataset.gallery[query.truth.good[0]].key, query.case.key);
    }
    dataset.keep_sets(&["e63".into()]).expect("a set it has");
    assert_eq!(dataset.queries.len(), 100);
}

#[test]
fn museum_has_unknown_and_double_paintings() {
    let Some(folder) = folder("museum") else {
        return;
    };
    let dataset = load_museum(&folder).expect("published layout");
    assert_eq!(dataset.gallery.len(), 287);
    assert_eq!(
        dataset.sets(),
        ["qsd1_w1", "qsd1_w3", "qsd1_w4", "qsd2_w2", "qsd2_w3"]
    );
    assert!(
        dataset
            .sets()
            .iter()
            .all(|set| size_of_set(&dataset, set) == 30)
    );
    let unknown: Vec<&str> = dataset
        .queries
        .iter()
        .filter(|q| q.truth.good.is_empty())
        .map(|q| q.case.set.as_str())
        .collect();
    assert_eq!(unknown, ["qsd1_w4"; 10]);
    assert!(dataset.queries.iter().any(|q| q.truth.good.len() == 2));
}

#[test]
fn mit_split_ranks_the_training_pictures_of_eight_classes() {
    let Some(folder) = folder("mit_split") else {
        return;
    };
    let dataset = load_mit_split(&folder).expect("published layout");
    assert_eq!((dataset.gallery.len(), dataset.queries.len()), (1881, 807));
    assert_eq!(dataset.sets().len(), 8);
    for query in &dataset.queries {
        let class = &query.case.set;
        assert!(query.truth.good.len() > 100 && query.truth.junk.is_empty());
        let right = |&p: &usize| dataset.gallery[p].key.starts_with(&format!("{class}/"));
        assert!(query.truth.good.iter().all(right), "{class}");
    }
}

#[test]
fn flickr8k_has_five_captions_for_each_picture() {
    let Some(folder) = folder("flickr8k") else {
        return;
    };
    let dataset = load_flickr8k(&folder, "test").expect("published layout");
    assert_eq!(
        (dataset.gallery.len(), dataset.captions.len()),
        (1000, 5000)
    );
    assert_eq!(size_of_set(&dataset, TEXT_TO_IMAGE), 5000);
    assert_eq!(size_of_set(&dataset, IMAGE_TO_TEXT), 1000);
    for query in &dataset.queries {
        let expected = if query.case.set == TEXT_TO_IMAGE {
            1
        } else {
            5
        };
        assert_eq!(query.truth.good.len(), expected, "{}", query.case.key);
    }
}
