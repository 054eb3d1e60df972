//! Stages of the ranking: expansion and augmentation against NumPy, what they find, and one view for all of them.
#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde_json::Value;
use support::{fill, picture};
use vizsla_pixels::Rgb;
use vizsla_retrieval::{
    Channel, Collection, Error, Filter, Query, Recipe, SearchOptions, SearchResponse, Selector,
    Silent, StageName, StageRecipe, Verdict,
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

/// A world of the pictures that a reference names, its query, and what it expects of each list of stages.
fn told_by(reference: &str) -> (World, Query, BTreeMap<String, Vec<f64>>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    let reference: Value =
        serde_json::from_slice(&fs::read(folder.join(reference)).unwrap()).unwrap();
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
    let cases = serde_json::from_value(reference["cases"].clone()).unwrap();
    (world, Query::file(&query), cases)
}

/// Searches by the global descriptor through stages and compares all scores.
fn compare_scores(collection: &Collection, query: &Query, stages: &str, expected: &[f64]) {
    let options = SearchOptions {
        top: 100,
        stages: through(stages).stages,
        ..only(Channel::Global)
    };
    let found = collection.search(query, &options).unwrap();
    let found: BTreeMap<usize, f64> = found
        .hits
        .iter()
        .map(|hit| {
            let name = hit.path.file_stem().unwrap().to_str().unwrap();
            (name.parse().unwrap(), hit.score)
        })
        .collect();
    assert_eq!(found.len(), expected.len(), "{stages}");
    for (at, expected) in expected.iter().enumerate() {
        let got = found[&at];
        assert!(
            (got - expected).abs() < 1e-3,
            "{stages} {at}: {got}, NumPy {expected}"
        );
    }
}

/// `expansion.json` is written by `expansion.py`.
#[test]
fn expansion_and_augmentation_are_those_of_numpy() {
    let (world, query, cases) = told_by("expansion.json");
    let collection = world.collection(world.recipe());
    for (stages, expected) in &cases {
        compare_scores(&collection, &query, stages, expected);
    }
}

/// `neighbours.json` is written by `neighbours.py`.
#[test]
fn diffusion_reranking_and_planes_are_those_of_numpy() {
    let (world, query, cases) = told_by("neighbours.json");
    let mut collection = world.collection(world.recipe());
    // Without the graph, which is made for the query then, and with it.
    for kept in [false, true] {
        if kept {
            collection.optimize(false, &Silent).unwrap();
        }
        assert_eq!(collection.info().unwrap().graph.is_some(), kept);
        for (stages, expected) in &cases {
            compare_scores(&collection, &query, stages, expected);
        }
    }
}

/// The files under `segments/` whose names end so.
fn files(world: &World, ending: &str) -> Vec<PathBuf> {
    let folder = world.path("colours.vizsla/segments");
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let ours = |path: &PathBuf| path.extension().is_some_and(|found| found == ending);
    paths.filter(ours).collect()
}

#[test]
fn the_graph_is_made_by_optimize_and_used_while_it_is_current() {
    let world = World::new();
    let mut collection = world.collection(world.recipe());
    let graph = |collection: &Collection| collection.info().unwrap().graph;
    assert_eq!((graph(&collection), files(&world, "vzkg").len()), (None, 0));
    collection.optimize(false, &Silent).unwrap();
    let made = graph(&collection).unwrap();
    assert_eq!((made.images, made.current), (6, true));
    let file = files(&world, "vzkg");
    assert_eq!(file.len(), 1);
    // What is current is left as it is, unless everything is made again.
    collection.optimize(false, &Silent).unwrap();
    assert_eq!(files(&world, "vzkg"), file);
    collection.optimize(true, &Silent).unwrap();
    assert_ne!(files(&world, "vzkg"), file);
    assert!(collection.verify(&Silent).unwrap().problems.is_empty());

    let found = |collection: &Collection, stages: &str, filter: Option<&str>| {
        let query = Query {
            filter: filter.map(|filter| Filter::parse(filter).unwrap()),
            ..Query::file(world.pictures().join("red.png"))
        };
        let options = SearchOptions {
            stages: through(stages).stages,
            ..only(Channel::Global)
        };
        world::names(&collection.search(&query, &options).unwrap())
    };
    for stages in ["diffuse", "diffuse:1:0.9:all", "diffuse:10:0.99:1"] {
        assert_eq!(found(&collection, stages, None).len(), 6, "{stages}");
        assert_eq!(found(&collection, stages, None)[0], "red", "{stages}");
        let some = found(&collection, stages, Some("path like '%yellow%'"));
        assert_eq!(some, ["yellow"], "{stages}");
    }
    // An image that is newer is found all the same, and one that was removed is not.
    world.paint("orange", [255, 128, 0]);
    ingest(&mut collection, &world.pictures());
    assert!(!graph(&collection).unwrap().current);
    assert!(found(&collection, "diffuse", None)[..2].contains(&"orange".to_owned()));
    collection.optimize(false, &Silent).unwrap();
    assert!(graph(&collection).unwrap().current);
    assert!(found(&collection, "diffuse", None)[..2].contains(&"orange".to_owned()));
    let orange = Selector::Path(world.pictures().join("orange.png"));
    collection.remove(&[orange]).unwrap();
    for stages in ["diffuse", "diffuse:10:0.99:all"] {
        let left = found(&collection, stages, None);
        assert!(
            left.len() == 6 && !left.contains(&"orange".to_owned()),
            "{left:?}"
        );
    }
}

#[test]
fn a_damaged_graph_is_told_and_made_again() {
    let world = World::new();
    let mut collection = world.collection(world.recipe());
    collection.optimize(false, &Silent).unwrap();
    let search = |stages: &str| {
        let query = Query::file(world.pictures().join("red.png"));
        let options = SearchOptions {
            stages: through(stages).stages,
            ..only(Channel::Global)
        };
        world.reopen().unwrap().search(&query, &options)
    };
    let damages: [fn(&Path); 3] = [
        |path| fs::remove_file(path).unwrap(),
        |path| fs::write(path, b"VZKG").unwrap(),
        |path| {
            let mut bytes = fs::read(path).unwrap();
            let last = bytes.len() - 3;
            bytes[last] ^= 4;
            fs::write(path, bytes).unwrap();
        },
    ];
    for (at, damage) in damages.into_iter().enumerate() {
        damage(&files(&world, "vzkg")[0]);
        let problems = world.reopen().unwrap().verify(&Silent).unwrap().problems;
        assert_eq!(problems.len(), 1, "{at}: {problems:?}");
        assert!(problems[0].what.contains("graph"), "{}", problems[0].what);
        // Only what needs it is refused, as far as opening tells.
        assert!(search("none").is_ok());
        let refused = search("diffuse").is_err();
        assert_eq!(refused, at < 2, "{at}");
        collection.optimize(at == 1, &Silent).unwrap();
        assert!(collection.verify(&Silent).unwrap().problems.is_empty());
        assert!(search("diffuse").is_ok());
    }
}

#[test]
fn planes_of_words_leave_chance_behind() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    fs::create_dir(&pictures).unwrap();
    fill(&pictures, 12);
    let whole = picture(77);
    let (width, height) = (whole.width(), whole.height());
    whole.save_png(&pictures.join("whole.png")).unwrap();
    let query = folder.path().join("left.png");
    let mut left = whole.clone();
    left.fill_rectangle((width / 2) as i64, 0, width / 2 + 1, height, [128; 3]);
    left.save_png(&query).unwrap();
    let collection = standard(&folder.path().join("x.vizsla"), &pictures);
    let search = |stages: &str| {
        let query = Query::file(&query);
        collection.search(&query, &through(stages)).unwrap()
    };
    let (plain, asked) = (
        search("verify"),
        search("verify,expand:discriminative:3:50,verify"),
    );
    let stage = asked.stages.iter().find(|s| s.stage == StageName::Expand);
    assert_eq!(stage.map(|stage| stage.out), Some(1));
    // How near the best of those that share words by chance comes.
    let chance = |found: &SearchResponse| {
        assert!(found.hits[0].path.ends_with("whole.png"));
        assert_eq!(found.hits[0].verdict, Verdict::Match);
        let score = |at: usize| found.hits[at].share(Channel::Words).unwrap().score;
        score(1) / score(0)
    };
    let (before, after) = (chance(&plain), chance(&asked));
    assert!(after < 0.6 * before, "{before} → {after}");
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
    for stage in ["diffuse", "rerank"] {
        let without_vectors = refused(|_| (), stage);
        assert!(
            without_vectors.contains("needs a global descriptor"),
            "{without_vectors}"
        );
    }
    let many = refused(|_| (), &["verify"; 17].join(","));
    assert!(many.contains("stages"), "{many}");
    let unknown = Recipe::from_toml("[search]\nstages = [\"reorder\"]").unwrap_err();
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
