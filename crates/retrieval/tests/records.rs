//! Images that come as what was made of them.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use support::{fill, ingest, open};
use vizsla_retrieval::{
    Codes, Collection, Error, ImageRecord, Query, Recipe, SearchOptions, Selector, Silent,
};

/// All records, in the order of their ids.
fn records(collection: &Collection) -> Vec<ImageRecord> {
    let images = collection.list().unwrap();
    let records = images.iter().map(|i| collection.record(i.image).unwrap());
    records.map(Option::unwrap).collect()
}

fn made_of(place: &Path, recipe: &Recipe, records: Vec<ImageRecord>) -> Collection {
    let builder = Collection::builder(place).recipe(recipe.clone());
    let mut made = builder.create().unwrap();
    let count = records.len();
    let report = made.add_records(records, &Silent).unwrap();
    assert_eq!((report.added, report.seen), (count, count));
    made
}

/// Names and scores of what is found, and how it is judged.
fn answers(collection: &Collection, folder: &Path) -> Vec<Vec<(String, f64, String)>> {
    let queries = (0..12).map(|at| folder.join(format!("{at:03}.png")));
    let ask = |query: std::path::PathBuf| {
        let options = SearchOptions {
            top: 30,
            ..SearchOptions::default()
        };
        let found = collection.search(&Query::file(query), &options).unwrap();
        let hit = |hit: vizsla_retrieval::Hit| {
            let name = hit.path.file_name().unwrap().to_string_lossy().into_owned();
            (name, hit.score, format!("{:?}", hit.verdict))
        };
        found.hits.into_iter().map(hit).collect()
    };
    queries.map(ask).collect()
}

#[test]
fn a_collection_of_records_answers_as_that_of_the_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, place) = (dir.path().join("in"), dir.path().join("c.vizsla"));
    for recipe in [Recipe::default(), Recipe::standard().unwrap()] {
        let _ = fs_err::remove_dir_all(&place);
        Collection::builder(&place)
            .recipe(recipe.clone())
            .create()
            .unwrap();
        fill(&folder, 20);
        ingest(&place, &folder);
        let original = open(&place);
        let taken = records(&original);
        let copied = dir
            .path()
            .join(format!("copy{}.vizsla", recipe.global.is_some()));
        let copy = made_of(&copied, &recipe, taken.clone());
        assert_eq!(answers(&original, &folder), answers(&copy, &folder));
        for (taken, again) in taken.iter().zip(records(&copy)) {
            assert_eq!(taken.content, again.content);
            assert_eq!((taken.width, taken.height), (again.width, again.height));
            assert!(taken.vector == again.vector && taken.little == again.little);
            // Those of one word come in any order.
            let sorted = |record: &ImageRecord| {
                let mut features = record.features.clone();
                features.sort_by_key(|f| {
                    let numbers = [f.x, f.y, f.scale, f.angle];
                    (f.word, f.signature, numbers.map(f32::to_bits))
                });
                features
            };
            assert!(sorted(taken) == sorted(&again));
        }
        assert!(copy.verify(&Silent).unwrap().problems.is_empty());
    }
}

#[test]
fn after_many_are_removed_the_answers_are_those_of_a_fresh_collection() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, place) = (dir.path().join("in"), dir.path().join("c.vizsla"));
    let recipe = Recipe::standard().unwrap();
    Collection::builder(&place)
        .recipe(recipe.clone())
        .create()
        .unwrap();
    fill(&folder, 30);
    ingest(&place, &folder);
    let mut collection = open(&place);
    for (round, every) in [2, 2, 3].into_iter().enumerate() {
        let images = collection.list().unwrap();
        let chosen = images.iter().step_by(every);
        let chosen: Vec<Selector> = chosen.map(|i| Selector::Image(i.image)).collect();
        assert_eq!(collection.remove(&chosen).unwrap(), chosen.len());
        collection.optimize(false, &Silent).unwrap();
        let fresh = dir.path().join(format!("fresh{round}.vizsla"));
        let fresh = made_of(&fresh, &recipe, records(&collection));
        assert_eq!(answers(&collection, &folder), answers(&fresh, &folder));
    }
    assert_eq!(collection.info().unwrap().images, 4);
}

#[test]
fn what_is_no_image_is_listed_and_the_rest_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, place) = (dir.path().join("in"), dir.path().join("c.vizsla"));
    fill(&folder, 1);
    ingest(&place, &folder);
    let good = records(&open(&place)).remove(0);
    let spoilt = |at: u8, spoil: &dyn Fn(&mut ImageRecord)| {
        let mut record = good.clone();
        record.name = format!("no {at}");
        record.content[0] = at;
        spoil(&mut record);
        record
    };
    let bad = [
        spoilt(1, &|r| r.name = String::new()),
        spoilt(2, &|r| r.name = "a\nb".into()),
        spoilt(3, &|r| r.width = 0),
        spoilt(4, &|r| r.height = u32::MAX),
        spoilt(5, &|r| r.features[0].word = u32::MAX),
        spoilt(6, &|r| r.features[0].x = f32::NAN),
        spoilt(7, &|r| r.features[0].scale = -1.0),
        spoilt(8, &|r| r.vector = Some(vec![1.0])),
        spoilt(9, &|r| r.little = Some(vec![0; 5000])),
    ];
    let fresh = dir.path().join("fresh.vizsla");
    let mut collection = Collection::builder(&fresh).create().unwrap();
    let all = bad.into_iter().chain([good]);
    let report = collection.add_records(all, &Silent).unwrap();
    assert_eq!((report.seen, report.added), (10, 1));
    assert_eq!(report.skipped.len(), 9, "{:?}", report.skipped);
    assert!(report.skipped.iter().any(|s| s.reason.contains("word")));
    let found = collection.search(
        &Query::file(folder.join("000.png")),
        &SearchOptions::default(),
    );
    assert_eq!(found.unwrap().hits.len(), 1);

    let mut precise = Recipe::default();
    precise.local.codes = Codes::Precise;
    let place = dir.path().join("precise.vizsla");
    let builder = Collection::builder(&place).recipe(precise);
    let refused = builder.create().unwrap().add_records([], &Silent);
    assert!(matches!(refused, Err(Error::Unable { .. })));
}
