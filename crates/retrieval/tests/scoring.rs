//! Every way in which visual words vote finds what it should, before and after the inverted file is made again.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use support::{fill, picture, view};
use vizsla_retrieval::{
    Channel, Collection, IngestOptions, Query, QueryImage, Recipe, Scoring, SearchOptions,
    Selector, Silent, StageRecipe,
};

/// Recipes by the lines of their `[search]`.
const SEARCHES: [&str; 9] = [
    "scoring = \"hamming\"",
    "burstiness = \"ignore\"",
    "assignment = \"soft\"\nassignment_sigma = 60.0",
    "scoring = \"hamming_wgc\"",
    "scoring = \"hamming_wgc\"\nburstiness = \"intra\"\n[search.wgc]\nrotation = \"upright\"\nscale = \"same\"",
    "scoring = \"bow\"",
    "scoring = \"bow\"\nassignment = \"soft\"\n[search.bow]\nfrequency = \"root\"\nidf = false",
    "scoring = \"asmk\"",
    "scoring = \"asmk\"\n[search.asmk]\nalpha = 2.0\nthreshold = 0.2\nidf = true",
];

fn recipe(search: &str) -> Recipe {
    Recipe::from_toml(&format!("[search]\n{search}\n")).unwrap()
}

/// In two rounds, so that there are two segments.
fn indexed(place: &Path, pictures: &Path, recipe: Recipe) -> Collection {
    let mut collection = Collection::builder(place).recipe(recipe).create().unwrap();
    for part in ["one", "two"] {
        let sources = [pictures.join(part)];
        let report = collection
            .ingest(&sources, &IngestOptions::default(), &Silent)
            .unwrap();
        assert!(report.skipped.is_empty(), "{:?}", report.skipped);
    }
    collection
}

/// Names and scores by visual words alone.
fn by_words(collection: &Collection, query: &Query, stages: &str) -> Vec<(String, f64)> {
    let options = SearchOptions {
        channels: Some(vec![Channel::Words]),
        stages: Some(StageRecipe::parse_list(stages).unwrap()),
        ..SearchOptions::default()
    };
    let found = collection.search(query, &options).unwrap();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let hits = found.hits.iter();
    hits.map(|hit| (name(&hit.path), hit.score)).collect()
}

fn pictures(folder: &Path) -> std::path::PathBuf {
    let pictures = folder.join("pictures");
    fill(&pictures.join("one"), 5);
    let two = pictures.join("two");
    fs_err::create_dir_all(&two).unwrap();
    for seed in 6..10 {
        let path = two.join(format!("{:03}.png", seed - 1));
        picture(seed).save_png(&path).unwrap();
    }
    pictures
}

#[test]
fn each_way_of_voting_finds_the_picture_that_was_seen() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = pictures(folder.path());
    let mut scores: Vec<Vec<(String, f64)>> = Vec::new();
    for (number, search) in SEARCHES.into_iter().enumerate() {
        let place = folder.path().join(format!("{number}.vizsla"));
        let mut collection = indexed(&place, &pictures, recipe(search));
        let text = collection.recipe().to_toml().unwrap();
        assert_eq!(&Recipe::from_toml(&text).unwrap(), collection.recipe());
        let seen = Query::image(QueryImage::Rgb(view(&picture(3))));
        let cropped = QueryImage::Rgb(picture(8).crop(20, 15, 330, 255).unwrap());
        let cropped = Query::image(cropped);
        let mut before = Vec::new();
        for stages in [
            "none",
            "verify,expand:regions:3,verify",
            "expand:average:2",
            "verify,expand:discriminative:2:3,verify",
        ] {
            before.push(by_words(&collection, &seen, stages));
            assert_eq!(before.last().unwrap()[0].0, "002.png", "{search} {stages}");
        }
        assert_eq!(
            by_words(&collection, &cropped, "none")[0].0,
            "007.png",
            "{search}"
        );
        // By what is stored of it, a picture is found first as well.
        let options = SearchOptions::default();
        let first = collection.search(&seen, &options).unwrap().hits[0].image;
        let stored = by_words(&collection, &Query::stored(first), "none");
        assert_eq!(stored[0].0, "002.png", "{search}");
        // One segment, merged, and made again from the catalog: the same scores.
        for rebuild in [false, true] {
            collection.optimize(rebuild, &Silent).unwrap();
            let problems = collection.verify(&Silent).unwrap().problems;
            assert!(problems.is_empty(), "{search}: {problems:?}");
            let after = by_words(&collection, &seen, "none");
            assert_eq!(after.len(), before[0].len(), "{search}");
            for (one, other) in before[0].iter().zip(&after) {
                assert_eq!(one.0, other.0, "{search} {rebuild}");
                assert!((one.1 - other.1).abs() < 1e-6, "{search} {rebuild}");
            }
        }
        // No two of them come to the same.
        assert!(!scores.contains(&before[0]), "{search}");
        scores.push(before[0].clone());
        // What is removed is found no more, and the rest still is.
        let selector = Selector::Path(collection.image_path(first).unwrap().unwrap());
        collection.remove(&[selector]).unwrap();
        let rest = by_words(&collection, &seen, "none");
        assert!(rest.iter().all(|(name, _)| name != "002.png"), "{search}");
        assert_eq!(
            by_words(&collection, &cropped, "none")[0].0,
            "007.png",
            "{search}"
        );
    }
}

#[test]
fn a_recipe_that_says_nothing_is_written_as_before() {
    let text = Recipe::default().to_toml().unwrap();
    for key in [
        "scoring",
        "assignment_sigma",
        "burstiness",
        "wgc",
        "asmk",
        "bow",
        "assignment =",
    ] {
        let line = |line: &&str| line.starts_with(key) || line.contains(&format!("search.{key}"));
        assert_eq!(text.lines().find(line), None);
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    for (search, wanted) in [
        ("scoring = \"votes\"", "hamming_wgc"),
        ("assignment = \"fuzzy\"", "soft"),
        ("burstiness = \"some\"", "intra_and_inter"),
        (
            "scoring = \"asmk\"\nassignment = \"soft\"",
            "adds up residuals",
        ),
        (
            "scoring = \"asmk\"\nburstiness = \"intra\"",
            "search.burstiness",
        ),
        (
            "scoring = \"bow\"\nburstiness = \"intra\"",
            "search.bow.frequency",
        ),
        (
            "[search.wgc]\nrotation = \"upright\"",
            "search.wgc does not go",
        ),
        ("[search.bow]\nidf = false", "search.bow does not go"),
        ("[search.asmk]\nalpha = 2.0", "search.asmk does not go"),
        (
            "scoring = \"asmk\"\n[search.asmk]\nalpha = -1.0",
            "allowed is 0 to 32",
        ),
        ("scoring = \"asmk\"\n[search.asmk]\ntau = 0.1", "threshold"),
        (
            "scoring = \"bow\"\n[search.bow]\nfrequency = \"log\"",
            "root",
        ),
        (
            "scoring = \"hamming_wgc\"\n[search.wgc]\nrotation = \"left\"",
            "quarters",
        ),
        (
            "assignment = \"soft\"\nassignment_sigma = 0.0",
            "assignment_sigma",
        ),
    ] {
        let text = format!("[search]\n{search}\n");
        let refused = Recipe::from_toml(&text).unwrap_err().to_string();
        assert!(refused.contains(wanted), "{search}: {refused}");
    }
    for scoring in Scoring::ALL
        .into_iter()
        .filter(|&s| s != Scoring::default())
    {
        let text = format!("[local]\nenabled = false\n[search]\nscoring = \"{scoring}\"\n");
        let refused = Recipe::from_toml(&text).unwrap_err().to_string();
        assert!(refused.contains("needs local features"), "{refused}");
    }
}
