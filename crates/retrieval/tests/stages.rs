//! Stages of the ranking: expansion and augmentation against NumPy, what they find, and one view for all of them.
#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::path::Path;

use fs_err as fs;
use serde_json::Value;
use support::{fill, picture};
use vizsla_pixels::Rgb;
use vizsla_retrieval::{
    Channel, Collection, Error, Query, Recipe, SearchOptions, SearchResponse, StageName,
    StageRecipe, Verdict,
};
use world::{World, ingest, only};

/// A collection with the standard recipe.
fn standard(path: &Path, pictures: &Path) -> Collection {
    support::ingest(path, pictures);
    support::open(path)
}

fn through(stages: &str) -> SearchOptions {
    SearchOptions {
        stages: Some(StageRecipe::parse_list(stages).unwrap()),
        ..SearchOptions::default()
    }
}

fn names_of_stages(response: &SearchResponse) -> Vec<&'static str> {
    response.stages.iter().map(|s| s.stage.name()).collect()
}

/// `expansion.json` is written by `expansion.py`.
#[test]
fn expansion_and_augmentation_are_those_of_numpy() {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/expansion.json");
    let reference: Value = serde_json::from_slice(&fs::read(reference).unwrap()).unwrap();
    let colour = |value: &Value| -> [u8; 3] { serde_json::from_value(value.clone()).unwrap() };
    let world = World::new();
    fs::remove_dir_all(world.pictures()).unwrap();
    fs::create_dir(world.pictures()).unwrap();
    for (at, value) in reference["colours"].as_array().unwrap().iter().enumerate() {
        world.paint(&at.to_string(), colour(value));
    }
    let query = world.path("query.png");
    let painted = Rgb::filled(48, 32, colour(&reference["query"])).unwrap();
    painted.save_png(&query).unwrap();
    let collection = world.collection(world.recipe());
    for (stages, expected) in reference["cases"].as_object().unwrap() {
        let options = SearchOptions {
            top: 100,
            stages: through(stages).stages,
            ..only(Channel::Global)
        };
        let found = collection.search(&Query::file(&query), &options).unwrap();
        let found: BTreeMap<usize, f64> = found
            .hits
            .iter()
            .map(|hit| {
                let name = hit.path.file_stem().unwrap().to_str().unwrap();
                (name.parse().unwrap(), hit.score)
            })
            .collect();
        let expected: Vec<f64> = serde_json::from_value(expected.clone()).unwrap();
        assert_eq!(found.len(), expected.len(), "{stages}");
        for (at, expected) in expected.iter().enumerate() {
            let got = found[&at];
            assert!(
                (got - expected).abs() < 1e-3,
                "{stages} {at}: {got}, NumPy {expected}"
            );
        }
    }
}

#[test]
fn verified_regions_reach_what_the_query_does_not_show() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    fs::create_dir(&pictures).unwrap();
    fill(&pictures, 12);
    // The query sees the left part of a picture whose right part alone is in the collection as well.
    let whole = picture(77);
    let (width, height) = (whole.width(), whole.height());
    whole.save_png(&pictures.join("whole.png")).unwrap();
    let right = whole
        .crop(width * 55 / 100, 0, width * 45 / 100, height)
        .unwrap();
    right.save_png(&pictures.join("right.png")).unwrap();
    let query = folder.path().join("left.png");
    // The frame of the query is that of the whole; its right part is covered.
    let mut left = whole.clone();
    left.fill_rectangle((width / 2) as i64, 0, width / 2 + 1, height, [128; 3]);
    left.save_png(&query).unwrap();
    let collection = standard(&folder.path().join("x.vizsla"), &pictures);
    let similarity = |stages: &str| {
        let found = collection
            .search(&Query::file(&query), &through(stages))
            .unwrap();
        let of = |name: &str| {
            let hit = found.hits.iter().find(|hit| hit.path.ends_with(name));
            hit.and_then(|hit| hit.share(Channel::Words))
                .map_or(0.0, |share| share.score)
        };
        (of("right.png"), of("whole.png"), found)
    };
    let (before, _, plain) = similarity("verify");
    let (after, whole, widened) = similarity("verify,expand:regions:3,verify");
    assert!(after > before + 0.05, "{before} → {after}");
    assert!(whole > after);
    let verdicts = |found: &SearchResponse| {
        let matches = found
            .hits
            .iter()
            .filter(|hit| hit.verdict == Verdict::Match);
        matches.count()
    };
    assert!(verdicts(&widened) >= verdicts(&plain) && verdicts(&plain) >= 1);
    assert!(widened.hits[0].path.ends_with("whole.png"));
    let expand = widened.stages.iter().find(|s| s.stage == StageName::Expand);
    assert_eq!(
        expand.map(|stage| (stage.out, stage.unit)),
        Some((1, "images"))
    );
    // The average of whole images finds it, too.
    let (average, ..) = similarity("verify,expand:average:3,verify");
    assert!(average > before, "{before} → {average}");
}

#[test]
fn stages_are_those_of_the_recipe_unless_a_query_names_others() {
    let world = World::new();
    let mut recipe = world.recipe();
    recipe.search.stages = StageRecipe::parse_list("augment:2:3,expand:alpha:3:3").unwrap();
    let text = recipe.to_toml().unwrap();
    assert!(
        text.contains(r#"stages = ["augment:2:3", "expand:alpha:3:3"]"#),
        "{text}"
    );
    assert_eq!(Recipe::from_toml(&text).unwrap(), recipe);
    let collection = world.collection(recipe);
    let query = Query::file(world.pictures().join("red.png"));
    let stages =
        |options: &SearchOptions| names_of_stages(&collection.search(&query, options).unwrap());
    let own = stages(&SearchOptions::default());
    assert_eq!(own[own.len() - 2..], ["augment", "expand"]);
    assert!(!stages(&through("none")).contains(&"augment"));
    assert!(stages(&through("verify")).contains(&"verify"));
    let unverified = SearchOptions {
        verify: false,
        ..through("verify,expand")
    };
    let unverified = stages(&unverified);
    assert!(unverified.contains(&"expand") && !unverified.contains(&"verify"));
}

#[test]
fn a_stage_that_needs_what_the_collection_lacks_is_refused() {
    let refused = |change: fn(&mut Recipe), stages: &str| {
        let mut recipe = Recipe::default();
        change(&mut recipe);
        recipe.search.stages = StageRecipe::parse_list(stages).unwrap();
        recipe.check().unwrap_err().to_string()
    };
    let without_words = refused(|r| r.local.enabled = false, "expand:regions");
    assert!(
        without_words.contains("`expand:regions:5` needs local features"),
        "{without_words}"
    );
    let without_vectors = refused(|_| (), "augment");
    assert!(
        without_vectors.contains("needs a global descriptor"),
        "{without_vectors}"
    );
    let many = refused(|_| (), &["verify"; 17].join(","));
    assert!(many.contains("stages"), "{many}");
    let unknown = Recipe::from_toml("[search]\nstages = [\"rerank\"]").unwrap_err();
    assert!(unknown.to_string().contains("expand:regions"), "{unknown}");

    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    fs::create_dir(&pictures).unwrap();
    fill(&pictures, 2);
    let collection = standard(&folder.path().join("x.vizsla"), &pictures);
    let image = collection.list().unwrap()[0].image;
    let asked = collection.search(&Query::stored(image), &through("augment"));
    assert!(matches!(asked, Err(Error::Query(what)) if what.contains("global descriptor")));
}

#[test]
fn a_searcher_sees_one_commit() {
    let world = World::new();
    let mut collection = world.collection(world.recipe());
    world.describe(&mut collection, &[("red", "a red wall")]);
    // A reader of its own: writing needs the other for itself.
    let reader = world.reopen().unwrap();
    let searcher = reader.searcher().unwrap();
    world.paint("orange", [255, 128, 0]);
    ingest(&mut collection, &world.pictures());
    world.describe(&mut collection, &[("green", "a green wall")]);
    let images = |found: SearchResponse| found.hits.len();
    let (query, all) = (Query::text("wall"), SearchOptions::default());
    let words = SearchOptions {
        channels: Some(vec![Channel::Captions]),
        ..all.clone()
    };
    let picture = Query::file(world.pictures().join("orange.png"));
    let global = only(Channel::Global);
    assert_eq!(images(searcher.search(&query, &words).unwrap()), 1);
    assert_eq!(images(searcher.search(&picture, &global).unwrap()), 6);
    drop(searcher);
    let now = reader.searcher().unwrap();
    assert_eq!(images(now.search(&picture, &global).unwrap()), 7);
    let found = now.search(&query, &words).unwrap();
    assert!(found.hits.iter().any(|hit| hit.path.ends_with("green.png")));
}
