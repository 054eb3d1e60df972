//! VLAD and Fisher vectors of local features as the global descriptor of a collection.
#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/world.rs"]
mod world;

use std::path::Path;
use std::sync::Arc;

use fs_err as fs;
use support::{fill, picture, view};
use vizsla_neural::{ModelKind, VectorEncoder};
use vizsla_retrieval::{
    AggregateRecipe, Aggregation, Aggregator, AggregatorOptions, Channel, Collection, Combined,
    Error, GlobalRecipe, IngestOptions, PairSource, Query, QueryImage, Recipe, SearchOptions,
    Silent, WhitenOptions, extract_features, learn_aggregator,
};
use vizsla_words::{AggregatorConfig, Codebook, Pyramid};
use world::World;

fn recipe(aggregate: Aggregation) -> Recipe {
    Recipe {
        global: Some(GlobalRecipe::Aggregate(AggregateRecipe {
            aggregate,
            words: 8,
            components: 24,
            ..AggregateRecipe::default()
        })),
        ..Recipe::default()
    }
}

fn indexed(place: &Path, pictures: &Path, recipe: Recipe) -> Collection {
    let mut collection = Collection::builder(place).recipe(recipe).create().unwrap();
    let sources = [pictures.to_owned()];
    let report = collection
        .ingest(&sources, &IngestOptions::default(), &Silent)
        .unwrap();
    assert!(report.skipped.is_empty(), "{:?}", report.skipped);
    collection
}

fn by_vectors() -> SearchOptions {
    SearchOptions {
        channels: Some(vec![Channel::Global]),
        ..SearchOptions::default()
    }
}

fn first(collection: &Collection, query: &Query) -> String {
    let found = collection.search(query, &by_vectors()).unwrap();
    let path = &found.hits.first().unwrap().path;
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn a_part_of_a_picture_is_found_by_the_sum_of_its_features() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    fill(&pictures, 12);
    for (aggregate, local) in [(Aggregation::Vlad, true), (Aggregation::VladIntra, false)] {
        let mut recipe = recipe(aggregate);
        recipe.local.enabled = local;
        let place = folder.path().join(format!("{aggregate}.vizsla"));
        let collection = indexed(&place, &pictures, recipe);
        let seen = QueryImage::Rgb(picture(5).crop(20, 15, 330, 255).unwrap());
        assert_eq!(first(&collection, &Query::image(seen)), "004.png");
        assert_eq!(collection.info().unwrap().features > 0, local);
        let problems = collection.verify(&Silent).unwrap().problems;
        assert!(problems.is_empty(), "{problems:?}");
    }
}

#[test]
fn the_vector_is_what_the_aggregator_makes_of_the_features() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    fill(&pictures, 3);
    let place = folder.path().join("c.vizsla");
    let collection = indexed(&place, &pictures, recipe(Aggregation::VladIntra));
    let global = collection.recipe().global.as_ref().unwrap();
    let aggregator = collection.aggregator().unwrap().unwrap();
    assert_eq!(
        (global.name(), global.dimension()),
        ("vlad_intra".to_owned(), aggregator.dimension())
    );
    let config = AggregatorConfig {
        aggregation: Aggregation::VladIntra,
        words: 8,
        components: 24,
        ..AggregatorConfig::default()
    };
    let again = Aggregator::of_codebook(&Codebook::builtin(), &config).unwrap();
    assert_eq!(aggregator.id(), again.id());
    let vectors = collection.vectors().unwrap();
    let path = collection.image_path(vectors[1].0).unwrap().unwrap();
    let features = extract_features(&path, collection.recipe()).unwrap();
    let wanted = aggregator.describe(&features.descriptors);
    assert_eq!(vectors[1].1.len(), wanted.len());
    // The catalog keeps half precision.
    for (kept, wanted) in vectors[1].1.iter().zip(&wanted) {
        assert!(
            (kept - wanted).abs() < 1e-3 * wanted.abs() + 1e-6,
            "{kept} {wanted}"
        );
    }
    // The same recipe in words.
    let text = collection.recipe().to_toml().unwrap();
    assert_eq!(&Recipe::from_toml(&text).unwrap(), collection.recipe());
}

#[test]
fn a_vocabulary_of_ones_own_is_kept_and_its_damage_costs_this_channel() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    fill(&pictures, 8);
    let options = AggregatorOptions {
        train: AggregatorConfig {
            aggregation: Aggregation::Fisher,
            words: 4,
            components: 16,
            ..AggregatorConfig::default()
        },
        max_descriptors: 2_000,
        recipe: Recipe::default(),
    };
    let learned = learn_aggregator(std::slice::from_ref(&pictures), &options, &Silent)
        .unwrap()
        .unwrap();
    assert_eq!(learned.pictures, 8);
    let own = Arc::new(learned.vocabulary);
    let place = folder.path().join("c.vizsla");
    let make = |recipe| {
        let builder = Collection::builder(&place).recipe(recipe);
        builder.aggregator(own.clone()).create()
    };
    let place_without = folder.path().join("without.vizsla");
    let without = Collection::builder(&place_without).recipe(recipe(Aggregation::Fisher));
    let refused = without.create().err().unwrap().to_string();
    assert!(refused.contains("learned from pictures"), "{refused}");
    // Nothing says what is summed by it.
    assert!(matches!(make(Recipe::default()), Err(Error::Recipe(_))));
    let mut other = recipe(Aggregation::Fisher);
    other.local.descriptor = vizsla_retrieval::DescriptorKind::Sift;
    other.local.enabled = false;
    let refused = make(other).err().unwrap();
    assert!(
        matches!(refused, Error::OtherDescriptor { .. }),
        "{refused}"
    );

    let mut collection = make(recipe(Aggregation::Vlad)).unwrap();
    let global = collection.recipe().global.clone().unwrap();
    assert_eq!(global.name(), "fisher");
    collection
        .ingest(&[pictures], &IngestOptions::default(), &Silent)
        .unwrap();
    let whitening = WhitenOptions {
        dimension: Some(6),
        pairs: PairSource::None,
        queries: 8,
    };
    collection.train_whitening(&whitening, &Silent).unwrap();
    let seen = Query::image(QueryImage::Rgb(view(&picture(4))));
    assert_eq!(first(&collection, &seen), "003.png");
    drop(collection);

    let file = place
        .join("artefacts")
        .join(format!("aggregator-{}.vzag", own.id()));
    let mut bytes = fs::read(&file).unwrap();
    bytes[200] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let collection = Collection::open(&place).unwrap();
    let refused = collection.search(&seen, &by_vectors()).err().unwrap();
    assert!(refused.to_string().contains("aggregator-"), "{refused}");
    let found = collection.search(&seen, &SearchOptions::default()).unwrap();
    assert!(found.hits[0].path.ends_with("003.png"));
    assert!(found.notes.iter().any(|note| note.contains("aggregator-")));
    // What lies there is still found by what is stored of it.
    assert_eq!(
        first(&collection, &Query::stored(found.hits[0].image)),
        "003.png"
    );
    let problems = collection.verify(&Silent).unwrap().problems;
    assert!(problems.iter().any(|problem| problem.path == file));
}

#[test]
fn numbers_out_of_range_are_refused() {
    for (words, components) in [(0, 64), (5_000, 64), (64, 0), (64, 129)] {
        let text =
            format!("[global]\naggregate = \"vlad\"\nwords = {words}\ncomponents = {components}\n");
        let refused = Recipe::from_toml(&text).unwrap_err().to_string();
        assert!(refused.contains("global: the number of"), "{refused}");
    }
    let refused = Recipe::from_toml("[global]\naggregate = \"sum\"\n").unwrap_err();
    for name in Aggregation::ALL {
        assert!(refused.to_string().contains(name.name()), "{refused}");
    }
    let refused = Recipe::from_toml("[global]\naggregate = \"vlad\"\nmodel = \"net\"\n");
    assert!(refused.unwrap_err().to_string().contains("model"));
}

#[test]
fn what_is_counted_of_whole_pictures_finds_them_again() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    fill(&pictures, 6);
    let whole: Combined = "hsv@2x2*0.5+edges*0.5".parse().unwrap();
    let recipe = Recipe {
        global: Some(whole.clone().into()),
        ..Recipe::default()
    };
    let place = folder.path().join("whole.vizsla");
    let collection = indexed(&place, &pictures, recipe);
    let text = collection.recipe().to_toml().unwrap();
    assert!(text.contains("whole = \"hsv:8x4x4@2x2*0.5+edges"), "{text}");
    assert_eq!(&Recipe::from_toml(&text).unwrap(), collection.recipe());
    // Half as large.
    let seen = picture(4).resized(180, 140).unwrap();
    let vector = whole.vector(&seen);
    assert_eq!(vector.len(), whole.dimension());
    let seen = Query::image(QueryImage::Rgb(seen));
    assert_eq!(first(&collection, &seen), "003.png");
    let stored = collection.vectors().unwrap();
    assert!(
        stored
            .iter()
            .all(|(_, vector)| vector.len() == whole.dimension())
    );

    let refused = Recipe::from_toml("[global]\nwhole = \"hsb\"\n").unwrap_err();
    for name in vizsla_features::WholeImage::names() {
        assert!(refused.to_string().contains(name), "{refused}");
    }
}

#[test]
fn sums_over_the_cells_of_a_pyramid_find_a_part_of_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    fill(&pictures, 6);
    let pyramid: Pyramid = "1x1+2x2".parse().unwrap();
    for aggregate in [Aggregation::Bow, Aggregation::VladIntra] {
        let mut recipe = recipe(aggregate);
        if let Some(GlobalRecipe::Aggregate(aggregate)) = &mut recipe.global {
            aggregate.pyramid = Some(pyramid.clone());
        }
        let place = folder.path().join(format!("{aggregate}.vizsla"));
        let collection = indexed(&place, &pictures, recipe);
        let global = collection.recipe().global.as_ref().unwrap();
        let aggregator = collection.aggregator().unwrap().unwrap();
        assert_eq!(global.name(), format!("{aggregate}@1x1+2x2"));
        assert_eq!(global.dimension(), 5 * aggregator.dimension());
        let text = collection.recipe().to_toml().unwrap();
        assert_eq!(&Recipe::from_toml(&text).unwrap(), collection.recipe());
        let vectors = collection.vectors().unwrap();
        let path = collection.image_path(vectors[1].0).unwrap().unwrap();
        let features = extract_features(&path, collection.recipe()).unwrap();
        let (width, height) = (features.width as f32, features.height as f32);
        let place = |k: &vizsla_features::Keypoint| ((k.x + 0.5) / width, (k.y + 0.5) / height);
        let places: Vec<(f32, f32)> = features.keypoints.iter().map(place).collect();
        let wanted = aggregator.describe_in(&features.descriptors, &places, &pyramid);
        for (kept, wanted) in vectors[1].1.iter().zip(&wanted) {
            assert!((kept - wanted).abs() < 1e-3 * wanted.abs() + 1e-6);
        }
        let seen = QueryImage::Rgb(picture(5).crop(10, 10, 345, 275).unwrap());
        assert_eq!(first(&collection, &Query::image(seen)), "004.png");
    }
    let text = "[global]\naggregate = \"fisher\"\nwords = 1024\npyramid = \"8x8\"\n";
    let refused = Recipe::from_toml(text).unwrap_err().to_string();
    assert!(refused.contains("take fewer cells"), "{refused}");
    let text = "[global]\naggregate = \"vlad\"\npyramid = \"2\"\n";
    let refused = Recipe::from_toml(text).unwrap_err().to_string();
    assert!(refused.contains("1x1+2x2+4x4"), "{refused}");
}

/// Perronnin & Larlus 2015: a Fisher vector goes through fully connected layers.
#[test]
fn a_fisher_vector_goes_through_the_layers_that_the_recipe_names() {
    let world = World::new();
    world.register("layers", "hybrid.onnx", ModelKind::Image);
    let pictures = world.path("drawn");
    fill(&pictures, 5);
    let learned = |words| {
        let options = AggregatorOptions {
            train: AggregatorConfig {
                aggregation: Aggregation::Fisher,
                words,
                components: 2,
                ..AggregatorConfig::default()
            },
            max_descriptors: 1_000,
            recipe: Recipe::default(),
        };
        let learned = learn_aggregator(std::slice::from_ref(&pictures), &options, &Silent);
        Arc::new(learned.unwrap().unwrap().vocabulary)
    };
    let text = "[global]\naggregate = \"fisher\"\nnetwork = \"layers\"\n";
    let make = |name: &str, text: &str, own: Arc<Aggregator>| {
        let builder =
            Collection::builder(world.path(name)).recipe(Recipe::from_toml(text).unwrap());
        builder.models(world.models()).aggregator(own).create()
    };
    // The layers take rows of 4 numbers: one Gaussian, two components, two gradients.
    let refused = make("wrong.vizsla", text, learned(2)).err().unwrap();
    assert!(refused.to_string().contains('4'), "{refused}");
    assert!(!world.path("wrong.vizsla").exists());
    let unknown = text.replace("layers", "layer");
    let refused = make("unknown.vizsla", &unknown, learned(1)).err().unwrap();
    assert!(refused.to_string().contains("layer"), "{refused}");

    let own = learned(1);
    let mut collection = make("h.vizsla", text, own.clone()).unwrap();
    collection
        .ingest(&[pictures], &IngestOptions::default(), &Silent)
        .unwrap();
    let global = collection.recipe().global.clone().unwrap();
    assert_eq!(
        (global.name(), global.dimension()),
        ("fisher|layers".to_owned(), 3)
    );
    let entry = world.registry().get("layers").unwrap();
    assert_eq!(global.aggregate().unwrap().network_sha256, entry.sha256);
    let layers = VectorEncoder::open(&entry, None, &world.models().session).unwrap();
    let vectors = collection.vectors().unwrap();
    assert_eq!(vectors.len(), 5);
    for (image, vector) in &vectors {
        let path = collection.image_path(*image).unwrap().unwrap();
        let features = extract_features(&path, collection.recipe()).unwrap();
        let wanted = layers
            .encode(&[own.describe(&features.descriptors)])
            .unwrap();
        assert_eq!(vector.len(), 3);
        for (kept, wanted) in vector.iter().zip(&wanted[0]) {
            assert!((kept - wanted).abs() < 2e-3, "{vector:?} {wanted:?}");
        }
    }
    let path = collection.image_path(vectors[2].0).unwrap().unwrap();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(first(&collection, &Query::file(&path)), name);
    drop(collection);
    // Another model under the same name is refused, with the hash of the one that is needed.
    world.register("layers", "tiny_clip_image.onnx", ModelKind::Image);
    let builder = Collection::builder(world.path("h.vizsla")).models(world.models());
    let collection = builder.open().unwrap();
    let refused = collection.search(&Query::file(&path), &by_vectors());
    assert!(matches!(refused, Err(Error::OtherModel { .. })));
}
