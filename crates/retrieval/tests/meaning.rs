//! Likeness and words: a pair of tiny networks that know colours, captions, mixed queries, whitening.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};

use fs_err as fs;
use support::{fill, picture};
use vizsla_neural::{
    ModelEntry, ModelKind, NetVlad, Preprocessing, Registry, Resize, SessionOptions, TextSettings,
};
use vizsla_pixels::Rgb;
use vizsla_retrieval::{
    Channel, Collection, DescriptorRecipe, Error, Filter, Fusion, IngestOptions, ModelOptions,
    PairSource, Query, Recipe, SearchOptions, SearchResponse, Selector, Silent, Target, TextRecipe,
    Verdict, WhitenOptions,
};
use vizsla_vectors::Projection;
use vizsla_words::Codebook;

const COLOURS: [(&str, [u8; 3]); 6] = [
    ("red", [255, 0, 0]),
    ("green", [0, 255, 0]),
    ("blue", [0, 0, 255]),
    ("yellow", [255, 255, 0]),
    ("cyan", [0, 255, 255]),
    ("magenta", [255, 0, 255]),
];

/// A folder with pictures of one colour each, and models that know colours.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(world.pictures()).unwrap();
        for (name, colour) in COLOURS {
            world.paint(name, colour);
        }
        world.register("image", "tiny_clip_image.onnx", ModelKind::Image);
        world.register("text", "tiny_clip_text.onnx", ModelKind::Text);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn pictures(&self) -> PathBuf {
        self.path("pictures")
    }

    fn paint(&self, name: &str, colour: [u8; 3]) {
        let image = Rgb::filled(48, 32, colour).unwrap();
        image
            .save_png(&self.pictures().join(format!("{name}.png")))
            .unwrap();
    }

    /// Copies a reference model here and enters it.
    fn register(&self, id: &str, file: &str, kind: ModelKind) {
        let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../neural/tests/reference");
        let models = self.path("models");
        fs::create_dir_all(&models).unwrap();
        for name in [file, "tiny_vocab.txt"] {
            fs::copy(reference.join(name), models.join(name)).unwrap();
        }
        let mut entry = ModelEntry::for_file(id, kind, &models.join(file), "");
        entry.sha256 = entry.digest().unwrap();
        entry.space = Some("colours".into());
        entry.preprocessing = Preprocessing {
            resize: Resize::None,
            crop: None,
            mean: [0.0; 3],
            std: [1.0; 3],
            ..Preprocessing::default()
        };
        if kind == ModelKind::Text {
            entry.text = Some(TextSettings {
                tokenizer: Some("tiny_vocab.txt".into()),
                ..TextSettings::default()
            });
            entry.record_files().unwrap();
        }
        let _ = self.registry().remove(id);
        self.registry().add(&entry).unwrap();
    }

    fn registry(&self) -> Registry {
        Registry::open(&self.path("registry"))
    }

    fn models(&self) -> ModelOptions {
        ModelOptions {
            folder: Some(self.path("registry")),
            session: SessionOptions {
                threads: 1,
                ..SessionOptions::default()
            },
        }
    }

    fn recipe(&self) -> Recipe {
        Recipe {
            global: Some(DescriptorRecipe {
                model: "image".into(),
                output: "image_embeds".into(),
                ..DescriptorRecipe::default()
            }),
            text: Some(TextRecipe {
                model: "text".into(),
                ..TextRecipe::default()
            }),
            ..Recipe::default()
        }
    }

    fn collection(&self, recipe: Recipe) -> Collection {
        let place = self.path("colours.vizsla");
        let mut collection =
            Collection::create_with(&place, recipe, Codebook::builtin(), self.models()).unwrap();
        ingest(&mut collection, &self.pictures());
        collection
    }

    fn reopen(&self) -> Result<Collection, Error> {
        Collection::open_with(&self.path("colours.vizsla"), self.models())
    }

    fn describe(&self, collection: &mut Collection, captions: &[(&str, &str)]) {
        let table = self.path("captions.csv");
        let rows = captions
            .iter()
            .map(|(image, text)| format!("{image}.png,{text}\n"));
        fs::write(
            &table,
            format!("image,caption\n{}", rows.collect::<String>()),
        )
        .unwrap();
        let report = collection
            .import_captions(&table, &[self.pictures()])
            .unwrap();
        assert_eq!(report.added, captions.len());
        assert_eq!(collection.encode_captions(&Silent).unwrap(), captions.len());
        assert_eq!(collection.encode_captions(&Silent).unwrap(), 0);
    }
}

fn ingest(collection: &mut Collection, folder: &Path) {
    let report = collection
        .ingest(&[folder.to_owned()], &IngestOptions::default(), &Silent)
        .unwrap();
    assert!(report.skipped.is_empty(), "{:?}", report.skipped);
}

fn search(collection: &Collection, query: &str, options: &SearchOptions) -> SearchResponse {
    collection
        .search(&Query::parse(query).unwrap(), options)
        .unwrap()
}

fn names(response: &SearchResponse) -> Vec<String> {
    let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
    response.hits.iter().map(|hit| name(&hit.path)).collect()
}

fn only(channel: Channel) -> SearchOptions {
    SearchOptions {
        channels: Some(vec![channel]),
        ..SearchOptions::default()
    }
}

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
    assert!(error.to_string().contains("--captions"), "{error}");
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
    assert!(error.unwrap_err().to_string().contains("--rebuild"));
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

#[test]
fn a_learned_pooling_travels_with_its_collection() {
    let world = World::new();
    let learned = world.path("places.vznv");
    let centres = vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0];
    let netvlad = NetVlad::from_parts(4, 10.0, centres).unwrap();
    netvlad.save(&learned).unwrap();
    let recipe = Recipe {
        global: Some(DescriptorRecipe {
            model: "image".into(),
            output: "features".into(),
            pooling: format!("spoc|netvlad:{}", learned.display()),
            ..DescriptorRecipe::default()
        }),
        ..Recipe::default()
    };
    let mut missing = recipe.clone();
    missing.global.as_mut().unwrap().pooling = "netvlad:nowhere".into();
    let refused = Collection::create_with(
        &world.path("none.vizsla"),
        missing,
        Codebook::builtin(),
        world.models(),
    );
    assert!(refused.err().unwrap().to_string().contains("nowhere"));
    assert!(!world.path("none.vizsla").exists());

    let collection = world.collection(recipe);
    drop(collection);
    fs::remove_file(&learned).unwrap();
    let collection = world.reopen().unwrap();
    let global = collection.recipe().global.as_ref().unwrap();
    assert_eq!(global.pooling, format!("spoc|netvlad:{}", netvlad.id()));
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
            text.contains("whiten remove") && text.ends_with(file.to_str().unwrap()),
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
            .any(|note| note.contains("whiten remove")),
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
        report.rebuilt && report.warnings[0].contains("whiten remove"),
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
