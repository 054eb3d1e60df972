//! Images and captions in one space, from colours to a collection that is searched with words.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use support::{device, numbers};
use vizsla_neural::{
    DescriptorRecipe, Encoder, Input, ModelEntry, ModelSource, Registry, SessionOptions,
    TextEncoder,
};
use vizsla_pixels::Rgb;
use vizsla_retrieval::{
    Collection, IngestOptions, ModelOptions, Query, Recipe, Reporter, SearchOptions, Silent,
    TextRecipe,
};
use vizsla_training::{
    Builder, CrossModalConfig, Grid, Kind, Operator, Parameters, StepReport, TrainObserver,
    TrainOptions, Window, train_cross_modal,
};

const COLOURS: [(&str, [u8; 3]); 6] = [
    ("red", [220, 30, 30]),
    ("green", [30, 220, 30]),
    ("blue", [30, 30, 220]),
    ("yellow", [220, 220, 30]),
    ("cyan", [30, 220, 220]),
    ("magenta", [220, 30, 220]),
];
const IMAGES: usize = 8;

/// Pictures of colours with captions, a backbone that has learned nothing, and word vectors.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        let world = World {
            folder: tempfile::tempdir().unwrap(),
        };
        fs_err::create_dir(world.path("images")).unwrap();
        let mut captions = String::from("image,caption\n");
        let mut words = String::new();
        for (number, (name, colour)) in COLOURS.into_iter().enumerate() {
            for image in 0..IMAGES {
                let shades = numbers(&format!("{name}{image}"), 3, 60.0, 0.0);
                let shade = |channel: usize| {
                    (f32::from(colour[channel]) + shades[channel]).clamp(0.0, 255.0) as u8
                };
                let picture = Rgb::filled(32, 24, [shade(0), shade(1), shade(2)]).unwrap();
                let file = format!("{name}{image}.png");
                picture.save_png(&world.path("images").join(&file)).unwrap();
                captions.push_str(&format!(
                    "{file},a {name} wall\n{file},The {name} picture !\n"
                ));
            }
            let vector = numbers(&format!("word {number}"), 8, 2.0, 0.0);
            let vector: Vec<String> = vector.iter().map(f32::to_string).collect();
            words.push_str(&format!("{name} {}\n", vector.join(" ")));
        }
        for name in ["a", "the", "wall", "picture"] {
            let vector: Vec<String> = numbers(name, 8, 0.5, 0.0)
                .iter()
                .map(f32::to_string)
                .collect();
            words.push_str(&format!("{name} {}\n", vector.join(" ")));
        }
        fs_err::write(world.path("captions.csv"), captions).unwrap();
        fs_err::write(world.path("words.vec"), format!("10 8\n{words}")).unwrap();
        let mut b = Builder::new(Kind::Map { channels: 3 });
        let x = b.convolution(
            "conv",
            Builder::INPUT,
            (3, 12),
            Window::square(4, 4, 0),
            1,
            true,
        );
        b.node("map", Operator::Relu, &[x], &[]);
        let network = b.finish().unwrap();
        let parameters = Parameters::initial(&network, 5, &device());
        network
            .save_onnx(&parameters, None, &world.path("backbone.onnx"))
            .unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self, more: &str) -> CrossModalConfig {
        let path = self.path("run.toml");
        let text = format!(
            "seed = 3\n[data]\nimages = 'images'\ncaptions = 'captions.csv'\nheld_out = 0.25\n\
             [model]\nbackbone = 'backbone.onnx'\noutput = 'map'\npreset = 'keras'\nside = 32\npooling = 'spoc|mac'\n\
             hidden = [32]\ndimension = 16\n[text]\nmodel = 'words.vec'\n[sampling]\nbatch = 24\n\
             [optimiser]\nrate = 0.01\n{more}"
        );
        fs_err::write(&path, text).unwrap();
        assert!(CrossModalConfig::is_in(&path).unwrap());
        CrossModalConfig::read(&path).unwrap()
    }
}

fn entry(path: &Path) -> ModelEntry {
    let mut entry: ModelEntry = toml::from_str(&fs_err::read_to_string(path).unwrap()).unwrap();
    if let ModelSource::File { file } = &mut entry.source {
        *file = path.parent().unwrap().join(&*file);
    }
    entry
}

#[test]
fn a_trained_pair_answers_words_in_a_collection() {
    let world = World::new();
    let config = world.config("[stop]\nepochs = 12\n");
    let run = world.path("colours");
    let result = train_cross_modal(&config, &run, TrainOptions::default(), &Silent)
        .unwrap()
        .unwrap();
    assert_eq!(result.queries, "validation");
    for direction in &result.directions {
        assert!(direction.map.value > 0.5, "{direction:?}");
    }
    let document: serde_json::Value =
        serde_json::from_slice(&fs_err::read(run.join("result.json")).unwrap()).unwrap();
    assert_eq!(document["directions"][1]["name"], "text_to_image");
    assert!(document["directions"][0]["queries"][0]["ranked"][0]["caption"].is_string());

    let registry = Registry::open(&world.path("registry"));
    let (image, text) = (
        entry(&run.join("best.toml")),
        entry(&run.join("best_text.toml")),
    );
    assert_eq!(
        (image.space.as_deref(), text.space.as_deref()),
        (Some("colours"), Some("colours"))
    );
    registry.add(&image).unwrap();
    registry.add(&text).unwrap();
    let recipe = Recipe {
        global: Some(
            DescriptorRecipe {
                model: image.id.clone(),
                ..DescriptorRecipe::default()
            }
            .into(),
        ),
        text: Some(TextRecipe {
            model: text.id.clone(),
            ..TextRecipe::default()
        }),
        ..Recipe::default()
    };
    let models = ModelOptions {
        folder: Some(world.path("registry")),
        session: SessionOptions::default(),
    };
    let place = world.path("colours.vizsla");
    let mut collection = Collection::builder(&place)
        .recipe(recipe)
        .models(models)
        .create()
        .unwrap();
    collection
        .ingest(&[world.path("images")], &IngestOptions::default(), &Silent)
        .unwrap();
    for (name, _) in COLOURS {
        let query = Query::parse(&format!("'a {name} wall'")).unwrap();
        let found = collection
            .search(&query, &SearchOptions::default())
            .unwrap();
        let file = found.hits[0]
            .path
            .file_stem()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        assert!(file.starts_with(name), "{name}: {file}");
    }

    let encoder = TextEncoder::open(&text, &SessionOptions::default()).unwrap();
    assert_eq!(encoder.dimension(), 16);
    let nothing = encoder
        .encode(&[Input::Text("xylophone")])
        .unwrap()
        .remove(0);
    assert_eq!(nothing, vec![0.0; 16]);
    let mut changed = text.clone();
    changed.text.as_mut().unwrap().head_sha256 = "0".repeat(64);
    let error = TextEncoder::open(&changed, &SessionOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("the head of model 'colours-text'"),
        "{error}"
    );
}

/// Stops after some steps.
struct Steps(AtomicUsize);

impl Reporter for Steps {
    fn begin(&self, _phase: &str, _steps: u64) {}
    fn advance(&self, _steps: u64) {}
    fn end(&self) {}
    fn cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 0
    }
}

impl TrainObserver for Steps {
    fn step(&self, _report: &StepReport) {
        let left = self.0.load(Ordering::SeqCst);
        self.0.store(left.saturating_sub(1), Ordering::SeqCst);
    }
}

#[test]
fn a_run_that_was_stopped_goes_on_to_the_same_heads() {
    let world = World::new();
    let config = world
        .config("[stop]\nepochs = 3\n")
        .with("model.dropout", "0.2")
        .unwrap();
    let whole = world.path("whole");
    train_cross_modal(&config, &whole, TrainOptions::default(), &Silent)
        .unwrap()
        .unwrap();
    let parts = world.path("parts");
    let stopped = train_cross_modal(
        &config,
        &parts,
        TrainOptions::default(),
        &Steps(AtomicUsize::new(4)),
    )
    .unwrap();
    assert!(stopped.is_none());
    let error = train_cross_modal(&config, &parts, TrainOptions::default(), &Silent)
        .unwrap_err()
        .to_string();
    assert!(error.contains("go on with --resume"), "{error}");
    let resume = TrainOptions { resume: true };
    let other = config.with("loss.temperature", "0.1").unwrap();
    let error = train_cross_modal(&other, &parts, resume, &Silent)
        .unwrap_err()
        .to_string();
    assert!(error.contains("another configuration"), "{error}");
    train_cross_modal(&config, &parts, resume, &Silent)
        .unwrap()
        .unwrap();
    for name in [
        "best.safetensors",
        "best_text.safetensors",
        "best_text.onnx",
        "validation.csv",
        "mined.json",
        "embeddings.csv",
        "embeddings.safetensors",
    ] {
        assert_eq!(
            fs_err::read(whole.join(name)).unwrap(),
            fs_err::read(parts.join(name)).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn every_loss_learns_and_sum_differs_from_mean() {
    let world = World::new();
    let base = world.config("[stop]\nepochs = 4\n");
    for kind in [
        "max-of-hinges",
        "mean-of-hinges",
        "triplet",
        "visual-textual",
        "warp",
    ] {
        let mut config = base.with("loss.kind", kind).unwrap();
        if kind == "warp" {
            config = config.with("model.hidden", "[]").unwrap();
        }
        if kind == "max-of-hinges" {
            config = config.with("loss.mean_epochs", "0").unwrap();
        }
        let result =
            train_cross_modal(&config, &world.path(kind), TrainOptions::default(), &Silent);
        let result = result.unwrap().unwrap();
        assert_eq!(result.epochs, 4, "{kind}");
        let log = fs_err::read_to_string(world.path(kind).join("log.csv")).unwrap();
        let column = |place: usize| -> Vec<f64> {
            let cells = log.lines().skip(1).map(|l| l.split(',').nth(place));
            cells.map(|cell| cell.unwrap().parse().unwrap()).collect()
        };
        let (losses, active) = (column(2), column(4));
        assert!(losses[3] < losses[0], "{kind}: {losses:?}");
        // Other images have the same captions: where negatives are looked for, one within the margin is found.
        match kind {
            "max-of-hinges" | "warp" => assert_eq!(active, [1.0; 4]),
            _ => assert!(
                active[3] < active[0] && active[0] < 1.0,
                "{kind}: {active:?}"
            ),
        }
    }
    // The nearest negatives of images are captions, those of captions are images.
    let mined = fs_err::read(world.path("triplet/mined.json")).unwrap();
    let mined: serde_json::Value = serde_json::from_slice(&mined).unwrap();
    assert_eq!(mined.as_array().unwrap().len(), 4);
    let of_first = mined[0]["hardest"].as_array().unwrap();
    for triplet in of_first {
        let is_image = |name: &str| triplet[name].as_str().unwrap().ends_with(".png");
        assert_eq!(is_image("positive"), is_image("negative"));
        assert_ne!(is_image("anchor"), is_image("negative"));
        assert_ne!(triplet["positive"], triplet["negative"]);
    }
    let by_image = |triplet: &&serde_json::Value| triplet["anchor"].to_string().contains(".png");
    let images = of_first.iter().filter(by_image).count();
    assert!(images > 0 && images < of_first.len());
    let embedded = fs_err::read_to_string(world.path("triplet/embeddings.csv")).unwrap();
    let of = |label: &str| embedded.lines().filter(|l| l.contains(label)).count();
    assert_eq!(
        (of(",image,validation"), of(",caption,validation")),
        (12, 24)
    );
    let summed = base
        .with("text.aggregation", "sum")
        .unwrap()
        .with("stop.epochs", "1")
        .unwrap();
    let meant = base.with("stop.epochs", "1").unwrap();
    for (config, name) in [(&summed, "sum"), (&meant, "mean")] {
        train_cross_modal(config, &world.path(name), TrainOptions::default(), &Silent)
            .unwrap()
            .unwrap();
    }
    let heads = ["sum", "mean"]
        .map(|name| fs_err::read(world.path(name).join("best_text.safetensors")).unwrap());
    assert_ne!(heads[0], heads[1]);
}

#[test]
fn a_sweep_makes_one_table_of_both_directions() {
    let world = World::new();
    let base = world.config("[loss]\nkind = 'max-of-hinges'\n[stop]\nepochs = 2\n");
    let grid = Grid::parse(&["loss.mean_epochs=0,1,2".to_owned()]).unwrap();
    let folder = world.path("sweep");
    let rows = grid.train(&base, &folder, &Silent).unwrap().unwrap();
    assert_eq!(rows.len(), 3);
    let table = fs_err::read_to_string(folder.join("grid.csv")).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("loss.mean_epochs,image_to_text_r1,"));
    assert!(lines[0].ends_with("text_to_image_median,validation_map,epochs,seconds,error"));
    assert_eq!(lines.len(), 4);
    // What an epoch costs says which loss it had: a mean is below the largest.
    let first = |epochs: usize| -> Vec<f64> {
        let log = folder.join(format!("mean_epochs={epochs}/log.csv"));
        let log = fs_err::read_to_string(log).unwrap();
        let lines = log.lines().skip(1);
        lines
            .map(|l| l.split(',').nth(2).unwrap().parse().unwrap())
            .collect()
    };
    let (none, one, two) = (first(0), first(1), first(2));
    assert!(one[0] < none[0], "{one:?} {none:?}");
    assert_eq!(one[0], two[0]);
    assert!(two[1] < one[1], "{two:?} {one:?}");
}

#[test]
fn what_is_wrong_with_a_run_is_named() {
    let world = World::new();
    let base = world.config("");
    let fails = |config: &CrossModalConfig| {
        let run = tempfile::tempdir().unwrap();
        let place = run.path().join("run");
        train_cross_modal(config, &place, TrainOptions::default(), &Silent)
            .unwrap_err()
            .to_string()
    };
    let mut config = base.clone();
    config.text.model = String::new();
    assert!(fails(&config).contains("text.model"));
    let mut config = base.clone();
    config.data.captions = world.path("nothing.csv");
    assert!(fails(&config).contains("nothing.csv"));
    fs_err::write(world.path("list.txt"), "red0.png\nhorse.png\n").unwrap();
    let mut config = base.clone();
    config.data.test = Some(world.path("list.txt"));
    assert!(fails(&config).contains("horse.png has no caption"));
    config.data.train = Some(world.path("list.txt"));
    assert!(fails(&config).contains("is trained on"));
    fs_err::remove_file(world.path("images/red0.png")).unwrap();
    assert!(fails(&base).contains("red0.png"));
    for (name, value, says) in [
        ("loss.kind", "hinge", "max-of-hinges"),
        ("loss.margin", "0", "above zero"),
        ("model.train", "all", "it is head"),
        ("model.dimension", "0", "256 to 4096"),
        ("data.caption", "x", "caption"),
    ] {
        let error = base.with(name, value).unwrap_err().to_string();
        assert!(error.contains(says), "{name}: {error}");
    }
}
