//! A pair of tiny networks that know colours, and pictures of one colour each.
#![allow(clippy::unwrap_used, dead_code)]

use std::path::{Path, PathBuf};

use fs_err as fs;
use vizsla_neural::{
    ModelEntry, ModelKind, Preprocessing, Registry, Resize, SessionOptions, TextSettings,
};
use vizsla_pixels::Rgb;
use vizsla_retrieval::{
    Channel, Collection, DescriptorRecipe, Error, IngestOptions, ModelOptions, Query, Recipe,
    SearchOptions, SearchResponse, Silent, TextRecipe,
};

pub const COLOURS: [(&str, [u8; 3]); 6] = [
    ("red", [255, 0, 0]),
    ("green", [0, 255, 0]),
    ("blue", [0, 0, 255]),
    ("yellow", [255, 255, 0]),
    ("cyan", [0, 255, 255]),
    ("magenta", [255, 0, 255]),
];

/// A folder with pictures of one colour each, and models that know colours.
pub struct World {
    pub folder: tempfile::TempDir,
}

impl World {
    pub fn new() -> Self {
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

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn pictures(&self) -> PathBuf {
        self.path("pictures")
    }

    pub fn paint(&self, name: &str, colour: [u8; 3]) {
        let image = Rgb::filled(48, 32, colour).unwrap();
        image
            .save_png(&self.pictures().join(format!("{name}.png")))
            .unwrap();
    }

    /// Copies a reference model here and enters it.
    pub fn register(&self, id: &str, file: &str, kind: ModelKind) {
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

    pub fn registry(&self) -> Registry {
        Registry::open(&self.path("registry"))
    }

    pub fn models(&self) -> ModelOptions {
        ModelOptions {
            folder: Some(self.path("registry")),
            session: SessionOptions {
                threads: 1,
                ..SessionOptions::default()
            },
        }
    }

    pub fn recipe(&self) -> Recipe {
        Recipe {
            global: Some(
                DescriptorRecipe {
                    model: "image".into(),
                    output: "image_embeds".into(),
                    ..DescriptorRecipe::default()
                }
                .into(),
            ),
            text: Some(TextRecipe {
                model: "text".into(),
                ..TextRecipe::default()
            }),
            ..Recipe::default()
        }
    }

    pub fn collection(&self, recipe: Recipe) -> Collection {
        let place = self.path("colours.vizsla");
        let mut collection = Collection::builder(&place)
            .recipe(recipe)
            .models(self.models())
            .create()
            .unwrap();
        ingest(&mut collection, &self.pictures());
        collection
    }

    pub fn reopen(&self) -> Result<Collection, Error> {
        Collection::builder(self.path("colours.vizsla"))
            .models(self.models())
            .open()
    }

    pub fn describe(&self, collection: &mut Collection, captions: &[(&str, &str)]) {
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

pub fn ingest(collection: &mut Collection, folder: &Path) {
    let report = collection
        .ingest(&[folder.to_owned()], &IngestOptions::default(), &Silent)
        .unwrap();
    assert!(report.skipped.is_empty(), "{:?}", report.skipped);
}

pub fn search(collection: &Collection, query: &str, options: &SearchOptions) -> SearchResponse {
    collection
        .search(&Query::parse(query).unwrap(), options)
        .unwrap()
}

pub fn names(response: &SearchResponse) -> Vec<String> {
    let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
    response.hits.iter().map(|hit| name(&hit.path)).collect()
}

pub fn only(channel: Channel) -> SearchOptions {
    SearchOptions {
        channels: Some(vec![channel]),
        ..SearchOptions::default()
    }
}
