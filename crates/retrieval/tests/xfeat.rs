//! XFeat from picture to search: the authors' features, a network that a collection keeps, and what happens without it.
//!
//! The published network is found by `VIZSLA_DATA`; tests that need it are skipped without. The others run a small one of the same
//! inputs and outputs.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;
use serde::Deserialize;
use support::{fill, picture};
use vizsla_features::{DescriptorKind, Features, Xfeat, XfeatConfig, XfeatMaps};
use vizsla_neural::{KeypointNetwork, RuntimeChoice, SessionOptions};
use vizsla_pixels::{DecodeOptions, Gray, Limits, Rgb, read_gray};
use vizsla_retrieval::{
    Channel, Collection, Error, IngestOptions, MatchOptions, Query, QueryImage, Recipe,
    SearchOptions, Silent, Source, Verdict, describe_picture, extract_features, match_pictures,
};
use vizsla_words::{Codebook, TrainConfig};

fn tiny() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../neural/tests/reference/tiny_keypoints.onnx")
}

fn data() -> PathBuf {
    std::env::var_os("VIZSLA_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    )
}

/// The published network; `None`, with a message, where it is not there.
fn published() -> Option<PathBuf> {
    let path = data().join("models/xfeat_backbone.onnx");
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not there (set VIZSLA_DATA)", path.display());
    None
}

fn recipe(model: &Path) -> Recipe {
    let text = "[local]\ndescriptor = \"xfeat\"\nbudget = 300\nquery_budget = 300";
    let mut recipe = Recipe::from_toml(text).unwrap();
    recipe.local.model = model.to_str().unwrap().to_owned();
    recipe
}

#[derive(Deserialize)]
struct Case {
    picture: String,
    /// Columns and rows of the picture, and of what the network sees of it.
    size: [usize; 2],
    network: [usize; 2],
    keypoints: Vec<[i64; 2]>,
    scores: Vec<f32>,
    described: Vec<usize>,
    descriptors: Vec<Vec<f32>>,
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    serde_json::from_str(&fs::read_to_string(folder.join("xfeat.json")).unwrap()).unwrap()
}

/// As the authors choose: the strongest.
fn strongest(network: &KeypointNetwork, image: &Gray, budget: usize) -> Features {
    let around = Xfeat::new(XfeatConfig {
        budget,
        spread: false,
        ..XfeatConfig::default()
    });
    let input = around.input(image).unwrap().unwrap();
    let maps = network
        .run((input.width, input.height), &input.data)
        .unwrap();
    let cells = (maps.columns, maps.rows);
    let maps = XfeatMaps::new(cells, maps.features, maps.keypoints, maps.reliability);
    around.features((image.width(), image.height()), &maps.unwrap())
}

/// Share of the authors' keypoints that are found, the largest relative difference of their scores, and the largest difference
/// of a number of a descriptor beyond what bytes round.
fn compared(case: &Case, found: &Features) -> (f64, f32, f32) {
    let zoom = [0, 1].map(|i| case.size[i] as f32 / case.network[i] as f32);
    let place = |at: f32, zoom: f32| (((at + 0.5) / zoom) - 0.5).round() as i64;
    let places = found.keypoints.iter().enumerate();
    let places: HashMap<[i64; 2], usize> = places
        .map(|(i, k)| ([place(k.x, zoom[0]), place(k.y, zoom[1])], i))
        .collect();
    let (mut same, mut score) = (0, 0f32);
    for (keypoint, wanted) in case.keypoints.iter().zip(&case.scores) {
        let Some(&index) = places.get(keypoint) else {
            continue;
        };
        same += 1;
        score = score.max((found.keypoints[index].response / wanted - 1.0).abs());
    }
    let mut number = 0f32;
    for (&index, wanted) in case.described.iter().zip(&case.descriptors) {
        let Some(&index) = places.get(&case.keypoints[index]) else {
            continue;
        };
        assert_eq!(found.descriptors[index][64..], [0; 64]);
        for (&byte, wanted) in found.descriptors[index].iter().zip(wanted) {
            let exact = (128.0 + 256.0 * wanted).clamp(0.0, 255.0);
            number = number.max(((f32::from(byte) - exact).abs() - 0.5) / 256.0);
        }
    }
    (same as f64 / case.keypoints.len() as f64, score, number)
}

#[test]
fn keypoints_and_descriptors_are_the_authors() {
    let Some(model) = published() else { return };
    for runtime in [RuntimeChoice::Rten, RuntimeChoice::Ort] {
        let options = SessionOptions {
            runtime,
            threads: 0,
        };
        if let Err(error) = options.resolve() {
            println!("skipped: {error}");
            continue;
        }
        let network = KeypointNetwork::open(&model, &options).unwrap();
        for case in cases() {
            let path = data().join("oxford_affine").join(&case.picture);
            let image = read_gray(&path, &DecodeOptions::default()).unwrap().image;
            assert_eq!([image.width(), image.height()], case.size);
            let found = strongest(&network, &image, case.keypoints.len());
            let (same, score, number) = compared(&case, &found);
            println!(
                "{runtime:?} {}: {:.4} of keypoints, scores {score:.1e}, descriptors {number:.1e}",
                case.picture, same
            );
            assert!(same >= 0.995 && score < 1e-3 && number < 2e-4);
        }
    }
}

#[test]
fn strange_pictures_have_sound_features_or_none() {
    let models = [Some(tiny()), published()].into_iter().flatten();
    for model in models {
        let recipe = recipe(&model);
        for (width, height) in [(1, 1), (1, 10_000), (10_000, 1), (9, 5), (640, 480)] {
            let flat = Rgb::filled(width, height, [90; 3]).unwrap();
            let mut striped = flat.clone();
            for x in (0..width as i64).step_by(7) {
                striped.fill_rectangle(x, 0, 3, height, [250; 3]);
            }
            for (picture, is_flat) in [(flat, true), (striped, width < 4)] {
                let bytes = picture.encode_png().unwrap();
                let source = Source::Bytes {
                    name: "strange",
                    bytes: &bytes,
                };
                let found = describe_picture(source, &recipe, Limits::default()).unwrap();
                let features = found.features;
                assert!(!is_flat || features.is_empty(), "{width} x {height}");
                assert!(features.len() <= recipe.local.budget);
                assert_eq!(features.keypoints.len(), features.descriptors.len());
                for k in &features.keypoints {
                    let inside = k.x >= 0.0
                        && k.y >= 0.0
                        && k.x <= features.width as f32 - 1.0
                        && k.y <= features.height as f32 - 1.0;
                    assert!(inside && k.scale > 0.0 && k.scale.is_finite(), "{k:?}");
                    assert!(k.response > 0.0 && k.response <= 1.0, "{k:?}");
                }
            }
        }
    }
}

#[test]
fn two_views_match_by_the_published_network() {
    let Some(model) = published() else { return };
    let folder = data().join("oxford_affine/graf");
    let mut options = MatchOptions {
        recipe: recipe(&model),
        ..MatchOptions::default()
    };
    options.recipe.local.budget = 1000;
    let [one, two] = [1, 2].map(|n| folder.join(format!("img{n}.png")));
    let found = match_pictures(Source::File(&one), Source::File(&two), &options).unwrap();
    assert_eq!(found.verdict, Some(Verdict::Match));
    assert!(found.agreement().unwrap().inliers > 50);
}

/// Words of pictures like those that are searched.
fn words(model: &Path) -> Arc<Codebook> {
    let folder = tempfile::tempdir().unwrap();
    let seen = (50..54).flat_map(|seed| {
        let path = folder.path().join(format!("{seed}.png"));
        picture(seed).save_png(&path).unwrap();
        extract_features(&path, &recipe(model)).unwrap().descriptors
    });
    let seen: Vec<_> = seen.collect();
    let config = TrainConfig {
        words: 64,
        iterations: 2,
        refinements: 1,
        descriptor: DescriptorKind::Xfeat,
        ..TrainConfig::default()
    };
    Arc::new(Codebook::train(&seen, &config, &|_| {}).unwrap())
}

/// A collection of four pictures, made with a copy of the small network that is then gone.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let model = world.path("net.onnx");
        fs::copy(tiny(), &model).unwrap();
        fill(&world.path("pictures"), 4);
        let mut collection = Collection::builder(world.path("c.vizsla"))
            .recipe(recipe(&model))
            .codebook(words(&model))
            .create()
            .unwrap();
        fs::remove_file(&model).unwrap();
        collection
            .ingest(
                &[world.path("pictures")],
                &IngestOptions::default(),
                &Silent,
            )
            .unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn collection(&self) -> Collection {
        Collection::open(self.path("c.vizsla")).unwrap()
    }

    /// Where the collection's copy of the network is.
    fn kept(&self) -> PathBuf {
        let id = self.collection().recipe().local.model.clone();
        self.path(&format!("c.vizsla/artefacts/local-model-{id}.onnx"))
    }

    fn search(&self, options: &SearchOptions) -> Result<Vec<(PathBuf, Verdict)>, Error> {
        let query = Query::image(QueryImage::Rgb(picture(3)));
        let found = self.collection().search(&query, options)?;
        let hits = found.hits.into_iter();
        Ok(hits.map(|hit| (hit.path, hit.verdict)).collect())
    }
}

#[test]
fn a_collection_keeps_its_network() {
    let world = World::new();
    assert_eq!(fs::read(world.kept()).unwrap(), fs::read(tiny()).unwrap());
    let id = KeypointNetwork::id_of(&tiny()).unwrap();
    let collection = world.collection();
    assert_eq!(collection.recipe().local.model, id);
    assert_eq!(collection.codebook().unwrap().kind(), DescriptorKind::Xfeat);
    let info = collection.info().unwrap();
    assert!(info.problems.is_empty() && info.features > 400, "{info:?}");
    let hits = world.search(&SearchOptions::default()).unwrap();
    assert!(hits[0].0.ends_with("002.png"), "{hits:?}");
    assert_eq!(hits[0].1, Verdict::Match);
    let problems = collection.verify(&Silent).unwrap().problems;
    assert!(problems.is_empty(), "{problems:?}");
}

#[test]
fn a_damaged_network_is_named_and_costs_what_needs_it() {
    let world = World::new();
    let kept = world.kept();
    let whole = fs::read(&kept).unwrap();
    let mut turned = whole.clone();
    turned[whole.len() / 2] ^= 1;
    for damaged in [
        Some(turned),
        Some(whole[..1000].to_vec()),
        Some(Vec::new()),
        None,
    ] {
        fs::remove_file(&kept).unwrap();
        if let Some(bytes) = &damaged {
            fs::write(&kept, bytes).unwrap();
        }
        let problems = world.collection().verify(&Silent).unwrap().problems;
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].path, kept);
        assert_eq!(world.collection().info().unwrap().problems.len(), 1);
        let only = SearchOptions {
            channels: Some(vec![Channel::Words]),
            ..SearchOptions::default()
        };
        let error = world.search(&only).unwrap_err();
        assert!(
            matches!(&error, Error::Damaged { path, .. } if *path == kept),
            "{error}"
        );
        let mut collection = world.collection();
        picture(77)
            .save_png(&world.path("pictures/new.png"))
            .unwrap();
        let error = collection.ingest(
            &[world.path("pictures")],
            &IngestOptions::default(),
            &Silent,
        );
        let error = error.unwrap_err();
        assert!(matches!(&error, Error::Damaged { .. }), "{error}");
        assert_eq!(collection.info().unwrap().images, 4);
        // What needs no network goes on.
        let first = collection.list().unwrap()[0].image;
        let query = Query::stored(first);
        let found = collection
            .search(&query, &SearchOptions::default())
            .unwrap();
        assert_eq!(found.hits[0].image, first);
        fs::remove_file(world.path("pictures/new.png")).unwrap();
        fs::write(&kept, &whole).unwrap();
        assert!(world.search(&only).is_ok());
    }
}

#[test]
fn a_collection_is_made_with_the_network_that_its_recipe_asks_for_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.vizsla");
    let network = KeypointNetwork::open(&tiny(), &SessionOptions::default());
    let network = Arc::new(network.unwrap());
    let words = words(&tiny());
    let builder = |recipe: &Recipe| {
        Collection::builder(&path)
            .recipe(recipe.clone())
            .codebook(Arc::clone(&words))
    };
    let refused = |made: Result<Collection, Error>, said: &str| {
        let error = made.err().unwrap().to_string();
        assert!(error.contains(said), "{error}");
        assert!(!path.exists());
    };
    let nameless = recipe(Path::new(""));
    refused(builder(&nameless).create(), "give its file in local.model");
    let other = tiny().with_file_name("tiny_keypoints_60.onnx");
    refused(builder(&recipe(&other)).create(), "not 1x65x4x8");
    let absent = recipe(&folder.path().join("absent.onnx"));
    refused(builder(&absent).create(), "absent.onnx");
    let mut named = nameless.clone();
    named.local.model = "0123456789abcdef0123456789abcdef".into();
    let both = builder(&named).local_model(Arc::clone(&network));
    refused(both.create(), "the network that is given is");
    let classical = Collection::builder(&path).local_model(Arc::clone(&network));
    refused(classical.create(), "set local.descriptor to xfeat");
    let builtin = Collection::builder(&path).recipe(recipe(&tiny())).create();
    refused(builtin, "local.descriptor is xfeat;");
    let made = builder(&nameless)
        .local_model(Arc::clone(&network))
        .create();
    assert_eq!(made.unwrap().recipe().local.model, network.id());
}

#[test]
fn without_local_features_no_network_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let mut without = recipe(Path::new(""));
    without.local.enabled = false;
    let made = Collection::builder(folder.path().join("c.vizsla"))
        .recipe(without)
        .create();
    assert_eq!(made.unwrap().recipe().local.model, "");
}
