//! Maps of a collection: made by a job, kept for as long as the collection is as it was.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use fs_err as fs;
use serde_json::Value;
use support::{Photos, Running};
use tempfile::TempDir;
use vizsla_neural::{ModelEntry, ModelKind, Preprocessing, Registry, Resize};
use vizsla_pixels::Rgb;
use vizsla_retrieval::{Collection, DescriptorRecipe, IngestOptions, ModelOptions, Recipe, Silent};
use vizsla_server::ServerConfig;

const MAP: &str = "/v1/collections/colours/map";

/// Pictures of one colour each, described by a tiny network that sees colours.
struct World {
    dir: TempDir,
}

impl World {
    fn new(pictures: u32) -> Self {
        let world = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        let root = world.dir.path();
        world.paint(0..pictures);
        let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../neural/tests/reference");
        let model = root.join("tiny.onnx");
        fs::copy(reference.join("tiny_clip_image.onnx"), &model).unwrap();
        let mut entry = ModelEntry::for_file("image", ModelKind::Image, &model, "");
        entry.sha256 = entry.digest().unwrap();
        entry.preprocessing = Preprocessing {
            resize: Resize::None,
            crop: None,
            mean: [0.0; 3],
            std: [1.0; 3],
            ..Preprocessing::default()
        };
        Registry::open(&root.join("registry")).add(&entry).unwrap();
        let recipe = Recipe {
            global: Some(
                DescriptorRecipe {
                    model: "image".into(),
                    output: "image_embeds".into(),
                    ..DescriptorRecipe::default()
                }
                .into(),
            ),
            ..Recipe::default()
        };
        let place = root.join("colours.vizsla");
        Collection::builder(&place)
            .recipe(recipe)
            .models(world.models())
            .create()
            .unwrap();
        world.ingest();
        world
    }

    fn models(&self) -> ModelOptions {
        ModelOptions {
            folder: Some(self.dir.path().join("registry")),
            ..ModelOptions::default()
        }
    }

    fn paint(&self, numbers: std::ops::Range<u32>) {
        let folder = self.dir.path().join("in");
        fs::create_dir_all(&folder).unwrap();
        for n in numbers {
            let colour = [
                (n * 37 % 256) as u8,
                (n * 91 % 256) as u8,
                (n * 53 % 256) as u8,
            ];
            let picture = Rgb::filled(48, 32, colour).unwrap();
            picture
                .save_png(&folder.join(format!("{n:02}.png")))
                .unwrap();
        }
    }

    fn ingest(&self) {
        let place = self.dir.path().join("colours.vizsla");
        let mut collection = Collection::builder(&place)
            .models(self.models())
            .open()
            .unwrap();
        let folder = self.dir.path().join("in");
        collection
            .ingest(&[folder], &IngestOptions::default(), &Silent)
            .unwrap();
    }

    fn label(&self) {
        let place = self.dir.path().join("colours.vizsla");
        let mut collection = Collection::builder(&place)
            .models(self.models())
            .open()
            .unwrap();
        let file = self.dir.path().join("labels.csv");
        fs::write(&file, "image,label\n00.png,a\n01.png,b\n02.png,b\n").unwrap();
        let folder = self.dir.path().join("in");
        collection.import_metadata(&file, &[folder]).unwrap();
    }

    fn serve(&self) -> Running {
        let mut config = ServerConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            models: Some(self.dir.path().join("registry")),
            ..ServerConfig::default()
        };
        let place = self.dir.path().join("colours.vizsla");
        config.add_collection(place.to_str().unwrap()).unwrap();
        Running::start(config)
    }
}

/// Asks until the map is there; also says whether a job had to make it.
fn map(server: &Running, method: &str) -> (Value, bool) {
    let begun = Instant::now();
    let mut made = false;
    loop {
        let reply = server.get(&format!("{MAP}?method={method}"));
        if reply.status == 200 {
            return (reply.json(), made);
        }
        assert_eq!(reply.status, 202, "{}", reply.text());
        assert_eq!(reply.json()["kind"], "map");
        made = true;
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_map_is_made_once_for_each_state_of_a_collection() {
    let world = World::new(24);
    let server = world.serve();
    for method in ["pca", "umap", "tsne"] {
        let (first, made) = map(&server, method);
        assert!(made, "{method}");
        assert_eq!(first["method"], method);
        assert_eq!(first["points"].as_array().unwrap().len(), 24);
        assert!(first["trustworthiness"].as_f64().unwrap() > 0.5, "{first}");
        assert!(first.get("labels").is_none() && first["current"] == true);
        assert_eq!(map(&server, method), (first, false));
    }
    world.paint(24..27);
    world.ingest();
    world.label();
    let (grown, made) = map(&server, "pca");
    assert!(made && grown["points"].as_array().unwrap().len() == 27);
    assert_eq!(grown["labels"], serde_json::json!(["b", "a"]));
    let label_of = grown["label_of"].as_array().unwrap();
    assert_eq!(label_of[..4], [1.into(), 0.into(), 0.into(), Value::Null]);
    let jobs = server.get("/v1/jobs").good();
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 4);
}

#[test]
fn what_cannot_be_laid_out_is_said() {
    let photos = Photos::new();
    let server = photos.serve();
    let plain = server.get("/v1/collections/photos/map").problem(422);
    assert!(
        plain["detail"]
            .as_str()
            .unwrap()
            .contains("with a global descriptor")
    );
    let world = World::new(4);
    let server = world.serve();
    server.get(&format!("{MAP}?method=isomap")).problem(422);
    server.get(&format!("{MAP}?other=1")).problem(400);
    // The job fails, and from then on the answer is the reason.
    let job = server.get(&format!("{MAP}?method=umap"));
    assert_eq!(job.status, 202);
    let place = job.header("location").to_owned();
    let begun = Instant::now();
    while server.get(&place).good()["state"] != "failed" {
        assert!(begun.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(10));
    }
    let problem = server.get(&format!("{MAP}?method=umap")).problem(422);
    assert!(
        problem["detail"].as_str().unwrap().contains("10 images"),
        "{problem}"
    );
}
