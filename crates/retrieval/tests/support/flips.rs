//! A small collection with everything in it, one turned bit at a time, and what becomes of it.
//!
//! A turned bit must be found when the collection is opened or verified, or change nothing: neither an answer nor what
//! the next writer makes. What is neither is silent.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::error::Error as Whatever;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use fs_err as fs;
use vizsla_neural::{
    ModelEntry, ModelKind, Preprocessing, Registry, Resize, SessionOptions, TextSettings,
};
use vizsla_pixels::Rgb;
use vizsla_retrieval::{
    Channel, Collection, DescriptorRecipe, Filter, IngestOptions, ModelOptions, PairSource, Query,
    Recipe, Scratch, SearchOptions, Selector, Silent, TextRecipe, WhitenOptions,
};
use vizsla_vectors::{Activation, BinaryHasher, HashLayer};
use vizsla_words::Codebook;

/// What any of the steps may fail with.
pub type Result<T> = std::result::Result<T, Box<dyn Whatever>>;
/// The content of every file of a collection, by its path.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// What became of a turned bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Opening the collection says what is wrong.
    Opening,
    /// Verifying it does.
    Verifying,
    /// Verifying it remarks that something may be missing.
    Remarked,
    /// Every answer, and all that the next writer makes, is as before.
    WithoutEffect,
    /// An answer differs, or the next writer loses something, and nobody says so.
    Silent,
    /// The program panicked.
    Panicked,
}

/// The models and pictures of the small collection, and what it answers undisturbed.
pub struct Bench {
    folder: Scratch,
    /// The collection as it is, and as a crash leaves it: with commits that are in the log alone.
    pub whole: Files,
    pub crashed: Files,
}

/// A copy of the collection in which bits are turned.
pub struct Subject<'a> {
    bench: &'a Bench,
    place: PathBuf,
    files: &'a Files,
    answers: String,
    written: String,
}

impl Bench {
    /// Makes the collection in memory where the system has a folder for it.
    pub fn new() -> Result<Self> {
        let memory = Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => Scratch::new_in(memory, "vizsla-flips-")?,
            false => Scratch::new()?,
        };
        let mut bench = Self {
            folder,
            whole: Files::new(),
            crashed: Files::new(),
        };
        bench.register("image", "tiny_clip_image.onnx", ModelKind::Image)?;
        bench.register("text", "tiny_clip_text.onnx", ModelKind::Text)?;
        fs::create_dir(bench.path("pictures"))?;
        fs::create_dir(bench.path("later"))?;
        for seed in 0..7 {
            let folder = if seed < 6 { "pictures" } else { "later" };
            picture(seed)?.save_png(&bench.path(&format!("{folder}/{seed}.png")))?;
        }
        fs::write(
            bench.path("late.csv"),
            "image,caption\n0.png,a late red cat\n",
        )?;
        bench.make()?;
        Ok(bench)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn register(&self, id: &str, file: &str, kind: ModelKind) -> Result<()> {
        let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../neural/tests/reference");
        let models = self.path("models");
        fs::create_dir_all(&models)?;
        for name in [file, "tiny_vocab.txt"] {
            fs::copy(reference.join(name), models.join(name))?;
        }
        let mut entry = ModelEntry::for_file(id, kind, &models.join(file), "");
        entry.sha256 = entry.digest()?;
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
            entry.record_files()?;
        }
        Registry::open(&self.path("registry")).add(&entry)?;
        Ok(())
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

    /// Six pictures in two segments, one of them removed, with captions, metadata, vectors, a whitening and a hash.
    fn make(&mut self) -> Result<()> {
        let place = self.path("made.vizsla");
        let codebook = Codebook::open(&codebook())?;
        let mut collection = Collection::builder(&place)
            .recipe(recipe())
            .codebook(codebook.into())
            .models(self.models())
            .create()?;
        let small = IngestOptions {
            batch: 4,
            ..IngestOptions::default()
        };
        collection.ingest(&[self.path("pictures")], &small, &Silent)?;
        let captions = "image,caption\n0.png,a red dog\n0.png,the dog runs\n1.png,two green dogs\n3.png,blue sea\n";
        fs::write(self.path("captions.csv"), captions)?;
        let metadata = "image,label,price,latitude,longitude\n0.png,dog,3,47.5,19\n1.png,dog,4.25,,\n3.png,sea,-1,,\n";
        fs::write(self.path("metadata.csv"), metadata)?;
        collection.import_captions(&self.path("captions.csv"), &[self.path("pictures")])?;
        collection.import_metadata(&self.path("metadata.csv"), &[self.path("pictures")])?;
        collection.encode_captions(&Silent)?;
        let whitening = WhitenOptions {
            dimension: Some(2),
            pairs: PairSource::None,
            queries: 6,
        };
        collection.train_whitening(&whitening, &Silent)?;
        let layer = HashLayer {
            weights: vec![0.5, -0.25, -0.75, 0.5, 1.0, 0.125],
            bias: vec![0.0, 0.25, -0.125],
            activation: Activation::Logistic,
        };
        let hash = BinaryHasher::from_layers(2, vec![layer])?;
        collection.set_hash(Some(hash), &Silent)?;
        collection.remove(&[Selector::Image(6)])?;
        drop(collection);
        self.whole = read(&place)?;
        // A connection that is open keeps its commits in the log.
        let mut writer = Collection::builder(&place).models(self.models()).open()?;
        let more = "image,caption\n1.png,green in the log\n";
        fs::write(self.path("more.csv"), more)?;
        writer.import_captions(&self.path("more.csv"), &[self.path("pictures")])?;
        writer.remove(&[Selector::Image(5)])?;
        self.crashed = read(&place)?;
        self.crashed
            .retain(|path, _| !path.ends_with("catalog.db-shm"));
        drop(writer);
        fs::remove_dir_all(&place)?;
        Ok(())
    }

    /// A copy of its own for one thread.
    pub fn subject<'a>(&'a self, name: &str, files: &'a Files) -> Result<Subject<'a>> {
        let mut subject = Subject {
            bench: self,
            place: self.path(name),
            files,
            answers: String::new(),
            written: String::new(),
        };
        subject.restore()?;
        subject.answers = subject.answers_now()?;
        subject.restore()?;
        subject.written = subject.write_and_answer()?;
        subject.restore()?;
        Ok(subject)
    }
}

impl Subject<'_> {
    /// Makes the copy what it was.
    fn restore(&self) -> Result<()> {
        if self.place.exists() {
            fs::remove_dir_all(&self.place)?;
        }
        for (path, bytes) in self.files {
            let path = self.place.join(path);
            fs::create_dir_all(path.parent().unwrap_or(&self.place))?;
            fs::write(path, bytes)?;
        }
        Ok(())
    }

    fn open(&self) -> Result<Collection> {
        Ok(Collection::builder(&self.place)
            .models(self.bench.models())
            .open()?)
    }

    /// Turns one bit, and tells what became of it. With `write` the next writer is tried as well.
    pub fn flip(&self, file: &Path, byte: usize, bit: u32, write: bool) -> Result<Fate> {
        let mut bytes = self.files.get(file).ok_or("no such file")?.clone();
        bytes[byte] ^= 1 << bit;
        fs::write(self.place.join(file), &bytes)?;
        let tried = AssertUnwindSafe(|| self.judge(file, &bytes, write));
        let fate = catch_unwind(tried).unwrap_or(Ok(Fate::Panicked));
        self.restore()?;
        fate
    }

    fn judge(&self, file: &Path, bytes: &[u8], write: bool) -> Result<Fate> {
        let Ok(collection) = self.open() else {
            return Ok(Fate::Opening);
        };
        match collection.verify(&Silent) {
            Ok(report) if report.problems.is_empty() && report.remarks.is_empty() => {}
            Ok(report) if report.problems.is_empty() => return Ok(Fate::Remarked),
            _ => return Ok(Fate::Verifying),
        }
        drop(collection);
        // What is looked at next is the disturbed collection as it was, without what opening it did.
        self.restore()?;
        fs::write(self.place.join(file), bytes)?;
        if self.answers_now().ok().as_ref() != Some(&self.answers) {
            return Ok(Fate::Silent);
        }
        if write && self.write_and_answer().ok().as_ref() != Some(&self.written) {
            return Ok(Fate::Silent);
        }
        Ok(Fate::WithoutEffect)
    }

    fn answers_now(&self) -> Result<String> {
        answers(&self.open()?)
    }

    /// A caption, a new picture, one less, and the index made again; then verified.
    fn write_and_answer(&self) -> Result<String> {
        let mut collection = self.open()?;
        collection.import_captions(&self.bench.path("late.csv"), &[self.bench.path("pictures")])?;
        collection.ingest(
            &[self.bench.path("later")],
            &IngestOptions::default(),
            &Silent,
        )?;
        let middle = answers(&collection)?;
        collection.remove(&[Selector::Image(2)])?;
        collection.optimize(true, &Silent)?;
        let report = collection.verify(&Silent)?;
        Ok(format!(
            "{middle}\n{}\n{:?}",
            answers(&collection)?,
            report.problems
        ))
    }
}

/// All that a person can be told of a collection.
fn answers(collection: &Collection) -> Result<String> {
    let mut told = serde_json::to_string(&collection.list()?)?;
    let info = collection.info()?;
    let counts = [
        info.images,
        info.files,
        info.features,
        info.captions,
        info.metadata,
    ];
    told += &format!(
        "\n{counts:?} {} {} {}\n",
        info.segments, info.tombstones, info.recipe
    );
    told += &format!(
        "{:?}\n{:?}\n",
        collection.captions()?,
        collection.positions()?
    );
    told += &format!("{:?}\n", collection.facets(None)?);
    let wide = Filter::parse("label = 'dog' or price < 0")?;
    told += &format!("{:?}\n", collection.matching(&wide)?);
    told += &format!(
        "{:?}\n{:?}\n",
        collection.vectors()?,
        collection.caption_vectors()?
    );
    let options = |channels: &[Channel]| SearchOptions {
        channels: Some(channels.to_vec()),
        ..SearchOptions::default()
    };
    let queries = [
        (
            Query::stored(1),
            options(&[Channel::Words, Channel::Global]),
        ),
        (Query::text("dogs running"), options(&[Channel::Captions])),
        (Query::text("green sea"), options(&[Channel::Captions])),
    ];
    for (query, options) in queries {
        for hit in collection.search(&query, &options)?.hits {
            told += &format!("{} {:.6} {:?}; ", hit.image, hit.score, hit.verdict);
        }
    }
    Ok(told)
}

fn recipe() -> Recipe {
    let mut recipe = Recipe {
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
    };
    recipe.local.budget = 40;
    recipe
}

/// A compact codebook: its flips can be tried one by one.
fn codebook() -> PathBuf {
    let name = "collection-v1/artefacts/codebook-00b4ad3e807d02ab200d39168f430c40.vzcb";
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// A small picture of rectangles.
fn picture(seed: u64) -> Result<Rgb> {
    let mut state = (seed + 3).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % below
    };
    let mut image = Rgb::filled(96, 72, [120, 130, 125])?;
    for _ in 0..24 {
        let color = [next(256) as u8, next(256) as u8, next(256) as u8];
        let (x, y) = (next(96) as i64, next(72) as i64);
        let (width, height) = (4 + next(14) as usize, 4 + next(14) as usize);
        image.fill_rectangle(x, y, width, height, color);
    }
    Ok(image)
}

/// All files below a folder, by their path in it.
fn read(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    let mut open = vec![folder.to_owned()];
    while let Some(place) = open.pop() {
        for entry in fs::read_dir(place)? {
            let path = entry?.path();
            match path.is_dir() {
                true => open.push(path),
                false => {
                    let name = path.strip_prefix(folder)?.to_owned();
                    files.insert(name, fs::read(&path)?);
                }
            }
        }
    }
    Ok(files)
}
