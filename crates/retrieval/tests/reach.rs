//! What indexes of vectors are to reach can be changed at any time.
#![allow(clippy::unwrap_used)]

mod support;

use support::{fill, ingest, open};
use vizsla_retrieval::{
    ByteSize, Collection, IndexChoice, IndexInfo, IndexRecipe, Query, Recipe, SearchOptions, Silent,
};

fn image_index(collection: &Collection) -> IndexInfo {
    let mut indexes = collection.info().unwrap().indexes.into_iter();
    indexes.find(|index| index.of == "image").unwrap()
}

#[test]
fn another_recall_or_index_makes_another_file_and_no_other_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, place) = (dir.path().join("in"), dir.path().join("c.vizsla"));
    fill(&folder, 8);
    Collection::builder(&place)
        .recipe(Recipe::standard().unwrap())
        .create()
        .unwrap();
    ingest(&place, &folder);
    let mut collection = open(&place);
    collection.optimize(false, &Silent).unwrap();
    let first = image_index(&collection);
    assert!(
        first.why.contains("below 50000 all are compared"),
        "{first:?}"
    );
    assert_eq!(first.outdated, None);
    let query = Query::file(folder.join("003.png"));
    let answer = |collection: &Collection| {
        let found = collection.search(&query, &SearchOptions::default());
        found
            .unwrap()
            .hits
            .into_iter()
            .map(|hit| hit.image)
            .collect::<Vec<_>>()
    };
    let before = answer(&collection);

    let named = "HNSW8,SQ8,Refine(SQfp16)";
    let reach = IndexRecipe {
        recall: 0.9,
        memory: Some(ByteSize(64 << 20)),
    };
    collection.set_index(named.parse().unwrap(), reach).unwrap();
    let told = image_index(&collection).outdated.unwrap();
    assert!(told.contains(named), "{told}");
    collection.optimize(false, &Silent).unwrap();
    let second = image_index(&collection);
    assert!(second.made_of.contains("HNSW8"), "{second:?}");
    assert_eq!((second.outdated, second.vectors), (None, 8));
    assert!(second.why.contains(named) && second.bytes > 0);

    let higher = IndexRecipe {
        recall: 0.98,
        ..reach
    };
    collection
        .set_index(named.parse().unwrap(), higher)
        .unwrap();
    let told = image_index(&collection).outdated.unwrap();
    assert!(told.contains("0.900") && told.contains("0.98"), "{told}");
    // Another process sees it, and what was indexed stays as it is.
    let mut collection = open(&place);
    assert_eq!(collection.recipe().index, higher);
    assert_eq!(ingest(&place, &folder).unchanged, 8);
    collection.optimize(false, &Silent).unwrap();
    assert_eq!(image_index(&collection).outdated, None);
    assert_eq!(answer(&collection), before);

    let beyond = IndexRecipe {
        recall: 2.0,
        ..reach
    };
    let error = collection.set_index(IndexChoice::Auto, beyond).unwrap_err();
    assert!(error.to_string().contains("index.recall"), "{error}");
    assert_eq!(collection.recipe().index, higher);
}
