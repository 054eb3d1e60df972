//! What a collection keeps beside its words (whitening, poolings, vectors, models): used, moved, damaged, absent.
#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/world.rs"]
mod world;

use fs_err as fs;
use support::{fill, picture};
use vizsla_neural::{ModelKind, NetVlad};
use vizsla_retrieval::{
    Channel, Collection, DescriptorRecipe, Error, GlobalRecipe, PairSource, Query, Recipe,
    SearchOptions, SearchResponse, Selector, Silent, Verdict, WhitenOptions,
};
use vizsla_vectors::Projection;
use world::{World, ingest, names, only, search};

#[test]
fn whitening_is_learnt_used_moved_and_taken_back_without_the_pictures() {
    let world = World::new();
    for seed in 0..40u8 {
        let colour = [seed * 6 + 1, 250 - seed * 5, seed.wrapping_mul(37)];
        world.paint(&format!("mixed{seed}"), colour);
    }
    let mut collection = world.collection(world.recipe());
    fs::remove_dir_all(world.pictures()).unwrap();
    let options = WhitenOptions {
        dimension: Some(3),
        pairs: PairSource::None,
        queries: 10,
    };
    let report = collection.train_whitening(&options, &Silent).unwrap();
    assert_eq!((report.images, report.input, report.output), (46, 4, 3));
    assert_eq!(collection.vectors().unwrap()[0].1.len(), 3);
    let first = collection.vectors().unwrap()[0].0;
    let found = collection
        .search(&Query::stored(first), &only(Channel::Global))
        .unwrap();
    assert_eq!(found.hits[0].image, first);
    assert!((found.hits[0].score - 1.0).abs() < 1e-3);
    let whitening = Projection::clone(&collection.whitening().unwrap().unwrap());
    drop(collection);
    let mut collection = world.reopen().unwrap();
    assert_eq!(collection.whitening().unwrap().unwrap().id(), report.id);
    assert!(collection.verify(&Silent).unwrap().problems.is_empty());
    // Words and pictures share a space only as long as nobody turns one of them.
    assert!(
        collection
            .search(&Query::text("red"), &only(Channel::Global))
            .is_err()
    );
    collection.set_whitening(None, &Silent).unwrap();
    assert_eq!(
        names(
            &collection
                .search(&Query::text("red"), &only(Channel::Global))
                .unwrap()
        )[0],
        "red"
    );
    collection.set_whitening(Some(whitening), &Silent).unwrap();
    assert_eq!(world.reopen().unwrap().vectors().unwrap()[0].1.len(), 3);
    let few = WhitenOptions {
        pairs: PairSource::Labels,
        ..options
    };
    assert!(collection.train_whitening(&few, &Silent).is_err());
    assert_eq!(collection.whitening().unwrap().unwrap().id(), report.id);
}

#[test]
fn a_damaged_file_of_vectors_is_named_and_made_again() {
    let world = World::new();
    let mut collection = world.collection(world.recipe());
    collection.optimize(false, &Silent).unwrap();
    let file = fs::read_dir(world.path("colours.vizsla/segments"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("global-")
        })
        .unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    // A mapped file is replaced, never changed.
    fs::remove_file(&file).unwrap();
    fs::write(&file, &bytes).unwrap();
    let problems = world.reopen().unwrap().verify(&Silent).unwrap().problems;
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].path, file);
    fs::remove_file(&file).unwrap();
    let error = world
        .reopen()
        .unwrap()
        .search(&Query::text("red"), &SearchOptions::default());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("make the index again"), "{error}");
    world.reopen().unwrap().optimize(true, &Silent).unwrap();
    let collection = world.reopen().unwrap();
    assert!(collection.verify(&Silent).unwrap().problems.is_empty());
    assert_eq!(
        names(&search(&collection, "'red'", &SearchOptions::default()))[0],
        "red"
    );
}

#[test]
fn another_model_of_the_same_name_is_refused() {
    let world = World::new();
    drop(world.collection(world.recipe()));
    world.register("image", "tiny_clip_text.onnx", ModelKind::Image);
    let red = Query::file(world.pictures().join("red.png"));
    let error = world
        .reopen()
        .unwrap()
        .search(&red, &SearchOptions::default());
    assert!(error.unwrap_err().to_string().contains("SHA-256"));
    world.registry().remove("image").unwrap();
    let error = world.reopen().unwrap().search(&red, &only(Channel::Global));
    assert!(error.unwrap_err().to_string().contains("image"));
    // What needs no model goes on, and is told where nobody asked for less.
    let found = world
        .reopen()
        .unwrap()
        .search(&red, &SearchOptions::default())
        .unwrap();
    assert!(
        found
            .notes
            .iter()
            .any(|note| note.contains("`global` was left out")),
        "{:?}",
        found.notes
    );
    let words = world
        .reopen()
        .unwrap()
        .search(&red, &only(Channel::Words))
        .unwrap();
    assert!(words.hits.is_empty());
}

#[test]
fn a_learned_pooling_travels_with_its_collection() {
    let world = World::new();
    let learned = world.path("places.vznv");
    let centres = vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0];
    let netvlad = NetVlad::from_parts(4, 10.0, centres).unwrap();
    netvlad.save(&learned).unwrap();
    let recipe = Recipe {
        global: Some(
            DescriptorRecipe {
                model: "image".into(),
                output: "features".into(),
                pooling: format!("spoc|netvlad:{}", learned.display())
                    .parse()
                    .unwrap(),
                ..DescriptorRecipe::default()
            }
            .into(),
        ),
        ..Recipe::default()
    };
    let mut missing = recipe.clone();
    if let Some(GlobalRecipe::Network(network)) = &mut missing.global {
        network.pooling = "netvlad:nowhere".parse().unwrap();
    }
    let refused = Collection::builder(world.path("none.vizsla"))
        .recipe(missing)
        .models(world.models())
        .create();
    assert!(refused.err().unwrap().to_string().contains("nowhere"));
    assert!(!world.path("none.vizsla").exists());

    let collection = world.collection(recipe);
    drop(collection);
    fs::remove_file(&learned).unwrap();
    let collection = world.reopen().unwrap();
    let global = collection.recipe().global.as_ref();
    let global = global.and_then(GlobalRecipe::network).unwrap();
    assert_eq!(
        global.pooling.to_string(),
        format!("spoc|netvlad:{}", netvlad.id())
    );
    assert_eq!(global.dimension, 4 + 8);
    let found = collection
        .search(
            &Query::file(world.pictures().join("red.png")),
            &SearchOptions::default(),
        )
        .unwrap();
    assert_eq!(names(&found)[0], "red");
    assert!(collection.verify(&Silent).unwrap().problems.is_empty());

    let kept = world
        .path("colours.vizsla/artefacts")
        .join(format!("pooling-{}.vzpl", netvlad.id()));
    fs::write(&kept, b"VZNV").unwrap();
    let problems = collection.verify(&Silent).unwrap().problems;
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].path, kept);
}

#[test]
fn a_collection_without_its_models_answers_by_words_and_says_so() {
    let world = World::new();
    fill(&world.pictures(), 4);
    let mut collection = world.collection(world.recipe());
    world.describe(
        &mut collection,
        &[("red", "a red wall"), ("blue", "the sea")],
    );
    drop(collection);
    world.registry().remove("image").unwrap();
    world.registry().remove("text").unwrap();
    let collection = world.reopen().unwrap();
    let default = SearchOptions::default();
    let said = |response: &SearchResponse, channel: &str| {
        let note = format!("`{channel}` was left out");
        assert!(
            response.notes.iter().any(|n| n.contains(&note)),
            "{:?}",
            response.notes
        );
        let shown = world.folder.path().to_str().unwrap();
        assert!(
            response.notes.iter().all(|n| !n.contains(shown)),
            "{:?}",
            response.notes
        );
    };
    let found = search(&collection, "'red walls'", &default);
    assert_eq!(names(&found), ["red"]);
    said(&found, "text");
    let view = world.path("view.png");
    support::view(&picture(3)).save_png(&view).unwrap();
    let found = collection.search(&Query::file(&view), &default).unwrap();
    assert_eq!(found.hits[0].verdict, Verdict::Match);
    said(&found, "global");
    // An image of the collection needs no model.
    let stored = search(&collection, &format!("#{}", found.hits[0].image), &default);
    assert!(stored.notes.is_empty() && stored.hits[0].share(Channel::Global).is_some());
    for channel in [Channel::Global, Channel::Text] {
        let error = collection.search(&Query::text("red"), &only(channel));
        assert!(matches!(error, Err(Error::Neural(_))), "{error:?}");
    }
    assert!(collection.list().is_ok() && collection.verify(&Silent).unwrap().problems.is_empty());
}

#[test]
fn a_collection_with_a_damaged_whitening_does_all_that_needs_none() {
    let world = World::new();
    fill(&world.pictures(), 4);
    let mut collection = world.collection(world.recipe());
    world.describe(
        &mut collection,
        &[("red", "a red wall"), ("blue", "the sea")],
    );
    let options = WhitenOptions {
        dimension: Some(3),
        pairs: PairSource::None,
        queries: 10,
    };
    let id = collection.train_whitening(&options, &Silent).unwrap().id;
    drop(collection);
    let file = world.path(&format!("colours.vizsla/artefacts/whitening-{id}.vzpj"));
    let whole = fs::read(&file).unwrap();
    let mut bytes = whole.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let named = |error: Error| {
        let text = error.to_string();
        assert!(
            text.contains("restore the whitening") && text.ends_with(file.to_str().unwrap()),
            "{text}"
        );
    };
    let mut collection = world.reopen().unwrap();
    let default = SearchOptions::default();
    assert_eq!(
        names(&search(&collection, "'red walls'", &default))[0],
        "red"
    );
    let view = world.path("view.png");
    support::view(&picture(3)).save_png(&view).unwrap();
    let found = collection.search(&Query::file(&view), &default).unwrap();
    assert_eq!(found.hits[0].verdict, Verdict::Match);
    assert!(
        found
            .notes
            .iter()
            .any(|note| note.contains("restore the whitening")),
        "{:?}",
        found.notes
    );
    named(
        collection
            .search(&Query::file(&view), &only(Channel::Global))
            .unwrap_err(),
    );
    named(collection.vectors().unwrap_err());
    assert_eq!(collection.info().unwrap().problems[0].path, file);
    let problems = collection.verify(&Silent).unwrap().problems;
    assert_eq!((problems.len(), &problems[0].path), (1, &file));
    let images = collection.list().unwrap();
    assert_eq!(images.len(), 10);
    let red = images
        .iter()
        .find(|image| image.paths[0].ends_with("red.png"))
        .unwrap()
        .image;
    assert_eq!(collection.remove(&[Selector::Image(red)]).unwrap(), 1);
    let report = collection.optimize(true, &Silent).unwrap();
    assert!(
        report.rebuilt && report.warnings[0].contains("restore the whitening"),
        "{report:?}"
    );
    ingest(&mut collection, &world.pictures());
    // A file that is brought back is used at once.
    fs::write(&file, &whole).unwrap();
    assert_eq!(collection.vectors().unwrap()[0].1.len(), 3);
    drop(collection);
    fs::write(&file, &bytes).unwrap();
    let mut collection = world.reopen().unwrap();
    collection.set_whitening(None, &Silent).unwrap();
    assert!(collection.verify(&Silent).unwrap().problems.is_empty());
    assert!(collection.info().unwrap().problems.is_empty());
    assert_eq!(
        names(&search(&collection, "'red'", &only(Channel::Global)))[0],
        "red"
    );
}
