//! What a larger collection takes is told by a smaller one.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use support::{fill, ingest, open};
use vizsla_retrieval::{Budget, BudgetPart, Collection, Error, Recipe, Silent};

/// Bytes of all files of a collection besides the lock and logs.
fn on_disk(collection: &Path) -> u64 {
    let files = |folder: &Path| {
        let entries = fs_err::read_dir(folder).unwrap().map(Result::unwrap);
        let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
        let kept = files.filter(|entry| !entry.file_name().to_string_lossy().contains("-shm"));
        kept.map(|entry| entry.metadata().unwrap().len())
            .sum::<u64>()
    };
    files(collection) + files(&collection.join("segments")) + files(&collection.join("artefacts"))
}

/// Bytes of parts that do not grow.
fn found_of_fixed(budget: &Budget, fixed: &[BudgetPart]) -> f64 {
    let lines = budget.disk.iter();
    let lines = lines.filter(|line| fixed.contains(&line.part));
    lines.map(|line| line.bytes).sum::<u64>() as f64
}

#[test]
fn a_collection_tells_how_large_one_of_four_times_its_images_is() {
    let dir = tempfile::tempdir().unwrap();
    for recipe in [Recipe::default(), Recipe::standard().unwrap()] {
        let (folder, place) = (dir.path().join("in"), dir.path().join("c.vizsla"));
        Collection::builder(&place).recipe(recipe).create().unwrap();
        let mut told = Vec::new();
        for images in [15, 60] {
            fill(&folder, images);
            ingest(&place, &folder);
            let mut collection = open(&place);
            collection.optimize(false, &Silent).unwrap();
            let budget = collection.budget(60).unwrap();
            assert_eq!((budget.images, budget.measured), (60, images));
            let parts: u64 = budget.disk.iter().map(|line| line.bytes).sum();
            assert_eq!(parts, budget.disk_bytes);
            told.push(budget);
        }
        let found = on_disk(&place) as f64;
        for budget in &told {
            let ratio = budget.disk_bytes as f64 / found;
            println!("of {}: {ratio:.3}", budget.measured);
            assert!((0.85..1.15).contains(&ratio), "{ratio}: {budget:#?}");
        }
        // Parts that grow, and not the whole alone.
        let grow = |budget: &Budget, fixed: &[BudgetPart]| {
            let lines = budget.disk.iter();
            let lines = lines.filter(|line| !fixed.contains(&line.part));
            lines.map(|line| line.bytes).sum::<u64>() as f64
        };
        let fixed = [BudgetPart::Artefacts, BudgetPart::Catalog];
        let ratio = grow(&told[0], &fixed) / (found - found_of_fixed(&told[1], &fixed));
        println!("what grows: {ratio:.3}");
        assert!((0.85..1.15).contains(&ratio), "{ratio}");
        let bytes = |at: usize, part: BudgetPart| {
            let line = told[at].disk.iter().find(|line| line.part == part);
            line.map_or(0, |line| line.bytes) as f64
        };
        for part in [
            BudgetPart::LocalFeatures,
            BudgetPart::Words,
            BudgetPart::Artefacts,
        ] {
            let ratio = bytes(0, part) / bytes(1, part);
            println!("{part}: {ratio:.3}");
            assert!((0.85..1.15).contains(&ratio), "{part}: {ratio}");
        }
        fs_err::remove_dir_all(&folder).unwrap();
        fs_err::remove_dir_all(&place).unwrap();
    }
}

#[test]
fn what_grows_is_counted_apart_from_what_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, place) = (dir.path().join("in"), dir.path().join("c.vizsla"));
    fill(&folder, 6);
    Collection::builder(&place)
        .recipe(Recipe::standard().unwrap())
        .create()
        .unwrap();
    ingest(&place, &folder);
    let collection = open(&place);
    let [small, large] = [40_000, 4_000_000].map(|images| collection.budget(images).unwrap());
    let ratio = large.disk_bytes as f64 / small.disk_bytes as f64;
    assert!((80.0..130.0).contains(&ratio), "{ratio}");
    assert_eq!(small.indexes[0].index, "flat");
    assert_eq!(large.indexes[0].index, "HNSW16,SQ8,Refine(SQfp16)");
    let tallies = |budget: &Budget| {
        let mut lines = budget.search.iter();
        lines
            .find(|line| line.part == BudgetPart::Tallies)
            .unwrap()
            .bytes
    };
    assert_eq!(tallies(&large), 16_000_000);
    assert!(large.walked_bytes + large.mapped_bytes < large.disk_bytes);
    assert!(large.optimizing_bytes > small.optimizing_bytes);
}

#[test]
fn nothing_is_told_of_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let collection = open(&dir.path().join("c.vizsla"));
    let error = collection.budget(1000).unwrap_err();
    assert!(matches!(error, Error::NoPictures { .. }), "{error}");
    assert!(error.to_string().contains("index some"), "{error}");
    for images in [0, u64::MAX] {
        let error = collection.budget(images).unwrap_err();
        assert!(matches!(error, Error::Query(_)), "{error}");
    }
}
