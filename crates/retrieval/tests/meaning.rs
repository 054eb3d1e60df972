//! Likeness and words: captions, mixed queries, conditions, verdicts.
#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/world.rs"]
mod world;

use std::path::PathBuf;

use support::{fill, picture};
use vizsla_retrieval::{
    Channel, Error, Filter, Fusion, Query, Remedy, SearchOptions, SearchResponse, Target, Verdict,
};
use world::{COLOURS, World, names, only, search};

#[test]
fn words_find_pictures_without_captions_where_the_models_share_a_space() {
    let world = World::new();
    let collection = world.collection(world.recipe());
    let default = SearchOptions::default();
    for (colour, _) in COLOURS {
        let found = search(&collection, &format!("'a {colour} wall'"), &default);
        assert_eq!(names(&found)[0], colour);
        assert_eq!(found.query_size, [0, 0]);
        assert!((found.hits[0].score - 1.0).abs() < 1e-3);
        assert_eq!(found.hits[0].share(Channel::Global).unwrap().rank, 1);
    }
    // Red and green light make yellow; yellow without green is red.
    assert_eq!(
        names(&search(&collection, "'red' + 'green'", &default))[0],
        "yellow"
    );
    assert_eq!(
        names(&search(&collection, "'yellow' - 'green'", &default))[0],
        "red"
    );
}

#[test]
fn pictures_words_and_stored_images_mix_with_weights_and_signs() {
    let world = World::new();
    let collection = world.collection(world.recipe());
    let options = only(Channel::Global);
    let green = world.pictures().join("green.png");
    let mixed = format!("'red' + \"{}\"", green.display());
    let by_path = collection.search(&Query::file(&green), &options).unwrap();
    assert_eq!(names(&by_path)[0], "green");
    assert_eq!(names(&search(&collection, &mixed, &options))[0], "yellow");
    let listed = collection.list().unwrap();
    let id = |name: &str| {
        let ends = |path: &PathBuf| path.ends_with(format!("{name}.png"));
        listed
            .iter()
            .find(|image| image.paths.iter().any(ends))
            .unwrap()
            .image
    };
    let mixed = format!("#{} + #{}", id("blue"), id("green"));
    assert_eq!(names(&search(&collection, &mixed, &options))[0], "cyan");
    let mixed = format!("#{} - 'green'", id("cyan"));
    assert_eq!(names(&search(&collection, &mixed, &options))[0], "blue");
    let vectors = collection.vectors().unwrap();
    let vector = vectors
        .iter()
        .find(|(image, _)| *image == id("red"))
        .unwrap();
    let query = Query::new(vizsla_retrieval::PartSource::Vector(vector.1.clone()));
    assert_eq!(
        names(&collection.search(&query, &options).unwrap())[0],
        "red"
    );
    let short = Query::new(vizsla_retrieval::PartSource::Vector(vec![1.0]));
    assert!(
        collection
            .search(&short, &options)
            .unwrap_err()
            .to_string()
            .contains("4 finite numbers")
    );
    let negative = Query::parse("- 'red'").and_then(|query| collection.search(&query, &options));
    assert!(
        negative
            .unwrap_err()
            .to_string()
            .contains("positive weight")
    );
    assert!(matches!(
        collection.search(&Query::stored(999), &options),
        Err(Error::NotIndexed(_))
    ));
}

#[test]
fn captions_are_found_by_word_and_by_meaning_and_find_pictures() {
    let world = World::new();
    let mut recipe = world.recipe();
    recipe.global = None;
    let mut collection = world.collection(recipe);
    let words = Query::text("a red umbrella");
    let error = collection
        .search(&words, &SearchOptions::default())
        .unwrap_err();
    assert_eq!(error.remedy(), Some(Remedy::GiveCaptions), "{error}");
    world.describe(
        &mut collection,
        &[
            ("red", "an umbrella"),
            ("red", "a wall and a red sky"),
            ("green", "the field"),
            ("blue", "blue sky"),
        ],
    );
    let by_word = collection.search(&words, &only(Channel::Captions)).unwrap();
    assert_eq!(names(&by_word)[0], "red");
    assert_eq!(by_word.hits.len(), 1);
    let by_meaning = collection
        .search(&Query::text("blue"), &only(Channel::Text))
        .unwrap();
    assert_eq!(
        by_meaning.hits[0].caption.as_ref().unwrap().text,
        "blue sky"
    );
    for fusion in [Fusion::Calibrated, Fusion::ReciprocalRank] {
        let both = SearchOptions {
            fusion: Some(fusion),
            ..SearchOptions::default()
        };
        let found = collection.search(&Query::text("red sky"), &both).unwrap();
        assert_eq!(names(&found)[0], "red");
        assert_eq!(found.hits[0].shares.len(), 2);
        assert_eq!(
            found.hits[0].caption.as_ref().unwrap().text,
            "a wall and a red sky"
        );
    }
    let captions = SearchOptions {
        target: Target::Captions,
        ..only(Channel::Captions)
    };
    let texts = |response: &SearchResponse| -> Vec<String> {
        let text = |hit: &vizsla_retrieval::Hit| hit.caption.as_ref().unwrap().text.clone();
        response.hits.iter().map(text).collect()
    };
    let found = collection.search(&Query::text("sky"), &captions).unwrap();
    assert_eq!(texts(&found), ["blue sky", "a wall and a red sky"]);
    let blue = found.hits[0].caption.as_ref().unwrap().id;
    let without = SearchOptions {
        ignore_captions: vec![blue],
        ..captions
    };
    let found = collection.search(&Query::text("sky"), &without).unwrap();
    assert_eq!(texts(&found), ["a wall and a red sky"]);
}

#[test]
fn a_picture_finds_captions_and_conditions_restrict_everything() {
    let world = World::new();
    let mut collection = world.collection(world.recipe());
    world.describe(
        &mut collection,
        &[
            ("red", "a red wall"),
            ("blue", "a blue field"),
            ("green", "a cat"),
        ],
    );
    let query = Query::file(world.pictures().join("magenta.png"));
    let captions = SearchOptions {
        target: Target::Captions,
        ..only(Channel::Text)
    };
    let found = collection.search(&query, &captions).unwrap();
    let first: Vec<&str> = found.hits[..2]
        .iter()
        .map(|hit| &*hit.caption.as_ref().unwrap().text)
        .collect();
    assert!(
        first.contains(&"a red wall") && first.contains(&"a blue field"),
        "{first:?}"
    );
    // Without a shared space, a picture lends its likeness to the captions of its neighbours.
    let neighbours = SearchOptions {
        target: Target::Captions,
        ..only(Channel::Global)
    };
    let blue = Query::file(world.pictures().join("blue.png"));
    let found = collection.search(&blue, &neighbours).unwrap();
    assert_eq!(found.hits[0].caption.as_ref().unwrap().text, "a blue field");
    let condition = Filter::parse("path like '%een%' or path like '%yell%'").unwrap();
    let filtered = Query::text("red").filtered(condition);
    let found = collection
        .search(&filtered, &SearchOptions::default())
        .unwrap();
    let mut kept = names(&found);
    kept.sort();
    assert_eq!(kept, ["green", "yellow"]);
}

#[test]
fn proof_comes_before_likeness_and_a_stored_image_finds_its_view() {
    let world = World::new();
    fill(&world.pictures(), 4);
    support::view(&picture(3))
        .save_png(&world.pictures().join("view.png"))
        .unwrap();
    let collection = world.collection(world.recipe());
    let listed = collection.list().unwrap();
    let view = listed
        .iter()
        .find(|image| image.paths[0].ends_with("view.png"))
        .unwrap();
    let found = collection
        .search(&Query::stored(view.image), &SearchOptions::default())
        .unwrap();
    let matches: Vec<String> = names(&SearchResponse {
        hits: found
            .hits
            .iter()
            .filter(|hit| hit.verdict == Verdict::Match)
            .cloned()
            .collect(),
        ..found.clone()
    });
    assert_eq!(matches, ["view", "002"]);
    assert!(found.hits.len() > 4, "likeness adds candidates");
    assert_eq!(found.hits[1].agreement.as_ref().unwrap().part, 0);
}
