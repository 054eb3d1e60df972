//! The hash of a collection: set, used, changed, damaged, taken back.
#![allow(clippy::unwrap_used)]

#[path = "support/world.rs"]
mod world;

use std::path::{Path, PathBuf};

use fs_err as fs;
use rusqlite::{Connection, params};
use vizsla_retrieval::{
    Channel, Collection, Error, IndexChoice, PairSource, Query, Recipe, Silent, WhitenOptions,
};
use vizsla_vectors::{Activation, BinaryHasher, HashLayer, HashVectors, VectorIndex};
use world::{World, names, only};

/// A hash of vectors of this length: a bit for the sign of each number, and others.
fn hash(input: usize, bits: usize, seed: u32) -> BinaryHasher {
    let weight = |at: u32| ((at.wrapping_mul(2_654_435_761) ^ seed) % 997) as f32 / 498.5 - 1.0;
    let layer = HashLayer {
        weights: (0..(input * bits) as u32).map(weight).collect(),
        bias: vec![0.0; bits],
        activation: Activation::Logistic,
    };
    BinaryHasher::from_layers(input, vec![layer]).unwrap()
}

/// The file of the images' vectors.
fn index_of_images(world: &World) -> PathBuf {
    let entries = fs::read_dir(world.path("colours.vizsla/segments")).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    let named = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("global-"))
    };
    paths.find(named).unwrap()
}

fn ending(path: &Path) -> &str {
    path.extension().and_then(|ending| ending.to_str()).unwrap()
}

#[test]
fn a_hash_is_set_used_changed_and_taken_back() {
    let world = World::new();
    let mut collection = world.collection(world.recipe());
    let found = |collection: &Collection| {
        let found = collection.search(&Query::text("red"), &only(Channel::Global));
        names(&found.unwrap())
    };
    let before = found(&collection);
    let unfit = collection.set_hash(Some(hash(5, 8, 1)), &Silent);
    let said = unfit.unwrap_err().to_string();
    assert!(
        said.contains("5 numbers") && said.contains("by 4"),
        "{said}"
    );
    assert!(collection.hash().unwrap().is_none());
    let (one, other) = (hash(4, 8, 1), hash(4, 8, 2));
    collection.set_hash(Some(one.clone()), &Silent).unwrap();
    let first = index_of_images(&world);
    assert_eq!(ending(&first), "vzsm");
    assert_eq!(found(&collection), before);
    drop(collection);
    let mut collection = world.reopen().unwrap();
    assert_eq!(collection.hash().unwrap().as_deref(), Some(&one));
    assert_eq!(collection.recipe().search.index, IndexChoice::SemanticHash);
    assert_eq!(collection.recipe().search.hash, one.id());
    assert_eq!(
        Recipe::from_toml(&collection.info().unwrap().recipe).unwrap(),
        *collection.recipe()
    );
    assert!(collection.verify(&Silent).unwrap().problems.is_empty());
    // The index of another hash is not that of this one, though it is of the same vectors.
    let tag = |path: &Path| {
        let index = HashVectors::open(path).unwrap();
        index.tag().to_owned()
    };
    let tag_of_first = tag(&first);
    collection.set_hash(Some(other), &Silent).unwrap();
    assert_ne!(tag(&index_of_images(&world)), tag_of_first);
    assert_eq!(found(&collection), before);
    collection.set_hash(None, &Silent).unwrap();
    assert_eq!(ending(&index_of_images(&world)), "vzfv");
    assert_eq!(collection.recipe().search.index, IndexChoice::Auto);
    assert!(collection.hash().unwrap().is_none());
    assert_eq!(found(&collection), before);
    assert!(collection.verify(&Silent).unwrap().problems.is_empty());
}

#[test]
fn an_index_of_another_hash_is_passed_over() {
    let world = World::new();
    let mut collection = world.collection(world.recipe());
    collection.set_hash(Some(hash(4, 8, 1)), &Silent).unwrap();
    drop(collection);
    // As if the program had ended between the commit that names another hash and the index of it.
    let other = hash(4, 8, 2);
    let place = format!("colours.vizsla/artefacts/hash-{}.vzbh", other.id());
    other.save(&world.path(&place)).unwrap();
    let before = world.reopen().unwrap().recipe().clone();
    let mut recipe = before;
    recipe.search.hash = other.id().to_owned();
    let catalog = Connection::open(world.path("colours.vizsla/catalog.db")).unwrap();
    let text = recipe.to_toml().unwrap();
    let mut crc = crc32fast::Hasher::new();
    for part in ["recipe", text.as_str()] {
        crc.update(part.as_bytes());
        crc.update(&[0]);
    }
    let sql = "UPDATE meta SET value = ?1, crc = ?2 WHERE key = 'recipe'";
    let changed = catalog.execute(sql, params![text, crc.finalize()]);
    assert_eq!(changed.unwrap(), 1);
    drop(catalog);
    let mut collection = world.reopen().unwrap();
    let index = index_of_images(&world);
    // Nothing of it is read: the vectors come from the catalog.
    fs::write(&index, b"of another hash").unwrap();
    let found = collection.search(&Query::text("red"), &only(Channel::Global));
    assert_eq!(names(&found.unwrap())[0], "red");
    collection.optimize(false, &Silent).unwrap();
    assert!(collection.verify(&Silent).unwrap().problems.is_empty());
    assert_eq!(ending(&index_of_images(&world)), "vzsm");
}

#[test]
fn a_recipe_may_ask_for_a_hash_before_there_is_one_and_a_whitening_takes_it_away() {
    let world = World::new();
    let mut recipe = world.recipe();
    recipe.search.index = IndexChoice::SemanticHash;
    recipe.search.hash = "00b4ad3e807d02ab200d39168f430c40".into();
    let mut collection = world.collection(recipe);
    assert!(collection.hash().unwrap().is_none());
    collection.optimize(false, &Silent).unwrap();
    assert_eq!(ending(&index_of_images(&world)), "vzfv");
    collection.set_hash(Some(hash(4, 70, 1)), &Silent).unwrap();
    assert_eq!(ending(&index_of_images(&world)), "vzsm");
    let options = WhitenOptions {
        dimension: Some(3),
        pairs: PairSource::None,
        queries: 10,
    };
    collection.train_whitening(&options, &Silent).unwrap();
    assert!(collection.hash().unwrap().is_none());
    assert_eq!(ending(&index_of_images(&world)), "vzfv");
    // Codes are of vectors as they are compared.
    assert!(collection.set_hash(Some(hash(4, 8, 1)), &Silent).is_err());
    collection.set_hash(Some(hash(3, 8, 1)), &Silent).unwrap();
    drop(collection);
    let collection = world.reopen().unwrap();
    assert!(collection.hash().unwrap().is_some());
    assert!(collection.verify(&Silent).unwrap().problems.is_empty());
}

#[test]
fn an_index_is_made_as_its_name_says() {
    for (name, made_of) in [
        (
            "HNSW8,SQ8,Refine(SQfp16)",
            "HNSW8,SQ8,Refine(SQfp16): walks",
        ),
        ("IVF2,Flat", "IVF2,Flat: "),
        // More lists than vectors: all are compared until there are more.
        ("IVF5000,Flat", "Flat: all"),
    ] {
        let world = World::new();
        let mut recipe = world.recipe();
        recipe.search.index = name.parse().unwrap();
        let mut collection = world.collection(recipe);
        let found = |collection: &Collection| {
            let found = collection.search(&Query::text("red"), &only(Channel::Global));
            names(&found.unwrap())
        };
        let before = found(&collection);
        collection.optimize(true, &Silent).unwrap();
        assert_eq!(ending(&index_of_images(&world)), "vznv");
        assert_eq!(found(&collection), before, "{name}");
        let info = collection.info().unwrap();
        let index = info
            .indexes
            .iter()
            .find(|index| index.of == "image")
            .unwrap();
        assert!(index.made_of.starts_with(made_of), "{}", index.made_of);
        assert!(collection.verify(&Silent).unwrap().problems.is_empty());
    }
}

#[test]
fn a_collection_without_a_global_descriptor_takes_no_hash() {
    let world = World::new();
    let mut collection = world.collection(Recipe::default());
    for hash in [Some(hash(4, 8, 1)), None] {
        let error = collection.set_hash(hash, &Silent).unwrap_err();
        assert!(matches!(error, Error::Unable { .. }), "{error}");
    }
}

#[test]
fn a_damaged_hash_costs_nothing_but_a_new_index_by_it() {
    let world = World::new();
    let mut collection = world.collection(world.recipe());
    let hash = hash(4, 8, 1);
    let id = hash.id().to_owned();
    collection.set_hash(Some(hash), &Silent).unwrap();
    drop(collection);
    let file = world.path(&format!("colours.vizsla/artefacts/hash-{id}.vzbh"));
    let whole = fs::read(&file).unwrap();
    let mut bytes = whole.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let mut collection = world.reopen().unwrap();
    let first = |collection: &Collection| {
        let found = collection.search(&Query::text("red"), &only(Channel::Global));
        let found = found.unwrap();
        assert!(found.notes.is_empty(), "{:?}", found.notes);
        names(&found)[0].clone()
    };
    assert_eq!(first(&collection), "red");
    let problems = collection.verify(&Silent).unwrap().problems;
    assert_eq!((problems.len(), &problems[0].path), (1, &file));
    assert!(problems[0].remedy.to_string().contains("restore the hash"));
    assert_eq!(collection.info().unwrap().problems[0].path, file);
    let said = collection.hash().unwrap_err().to_string();
    assert!(
        said.contains("restore the hash") && said.ends_with(file.to_str().unwrap()),
        "{said}"
    );
    let report = collection.optimize(true, &Silent).unwrap();
    assert!(
        report.warnings[0].contains("restore the hash"),
        "{report:?}"
    );
    assert_eq!(ending(&index_of_images(&world)), "vzfv");
    assert_eq!(first(&collection), "red");
    // A file that is brought back is used at once, another's is not.
    fs::write(&file, self::hash(4, 8, 2).to_bytes()).unwrap();
    let said = collection.hash().unwrap_err().to_string();
    assert!(said.contains("another hash"), "{said}");
    fs::write(&file, &whole).unwrap();
    assert!(
        collection
            .optimize(false, &Silent)
            .unwrap()
            .warnings
            .is_empty()
    );
    assert_eq!(ending(&index_of_images(&world)), "vzsm");
    fs::remove_file(&file).unwrap();
    drop(collection);
    let mut collection = world.reopen().unwrap();
    assert_eq!(collection.verify(&Silent).unwrap().problems[0].path, file);
    collection.set_hash(None, &Silent).unwrap();
    assert!(collection.verify(&Silent).unwrap().problems.is_empty());
    assert_eq!(first(&collection), "red");
}
