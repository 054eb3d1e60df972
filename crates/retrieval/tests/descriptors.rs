//! Which descriptors a collection is made of: its recipe and its codebook say the same, or it is not made.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use support::{fill, picture, view};
use vizsla_features::{DescriptorKind, ExtractorConfig};
use vizsla_retrieval::{
    Collection, Error, IngestOptions, Query, QueryImage, Recipe, SearchOptions, Silent, Verdict,
};
use vizsla_words::{Codebook, TrainConfig};

fn recipe(descriptor: DescriptorKind) -> Recipe {
    let mut recipe = Recipe::default();
    recipe.local.descriptor = descriptor;
    recipe
}

/// Some words of pictures like those that are searched.
fn sift_words() -> Arc<Codebook> {
    let extractor = ExtractorConfig {
        descriptor: DescriptorKind::Sift,
        budget: 500,
        ..ExtractorConfig::default()
    }
    .extractor()
    .unwrap();
    let seen = (50..54).flat_map(|seed| {
        let features = extractor.extract(&picture(seed).to_gray()).unwrap();
        features.descriptors
    });
    let seen: Vec<_> = seen.collect();
    let config = TrainConfig {
        words: 256,
        iterations: 2,
        refinements: 1,
        descriptor: DescriptorKind::Sift,
        ..TrainConfig::default()
    };
    Arc::new(Codebook::train(&seen, &config, &|_| {}).unwrap())
}

#[test]
fn a_codebook_of_other_descriptors_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.vizsla");
    for (recipe, codebook) in [
        (recipe(DescriptorKind::Sift), Codebook::builtin()),
        (recipe(DescriptorKind::RootSift), sift_words()),
    ] {
        let wanted = recipe.local.descriptor;
        let error = Collection::builder(&path)
            .recipe(recipe)
            .codebook(codebook)
            .create()
            .err()
            .unwrap();
        assert!(matches!(error, Error::OtherDescriptor { .. }), "{error}");
        let message = error.to_string();
        assert!(
            message.contains(&format!("local.descriptor is {wanted};")),
            "{message}"
        );
        assert!(!path.exists());
    }
    let mut without = recipe(DescriptorKind::Sift);
    without.local.enabled = false;
    assert!(Collection::builder(&path).recipe(without).create().is_ok());
}

#[test]
fn a_collection_of_sift_finds_views_of_its_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pictures) = (
        folder.path().join("c.vizsla"),
        folder.path().join("pictures"),
    );
    fill(&pictures, 4);
    let mut collection = Collection::builder(&path)
        .recipe(recipe(DescriptorKind::Sift))
        .codebook(sift_words())
        .create()
        .unwrap();
    collection
        .ingest(&[pictures], &IngestOptions::default(), &Silent)
        .unwrap();
    drop(collection);
    let collection = Collection::open(&path).unwrap();
    assert_eq!(collection.codebook().unwrap().kind(), DescriptorKind::Sift);
    let query = Query::image(QueryImage::Rgb(view(&picture(3))));
    let found = collection
        .search(&query, &SearchOptions::default())
        .unwrap();
    assert!(
        found.hits[0].path.ends_with("002.png"),
        "{:?}",
        found.hits[0].path
    );
    assert_eq!(found.hits[0].verdict, Verdict::Match);
}
