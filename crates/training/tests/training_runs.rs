//! Whole runs on small painted images: stopped and resumed, broken files, numbers that run away.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vizsla_neural::{ImageEncoder, ModelEntry, SessionOptions};
use vizsla_pixels::{DecodeOptions, Rgb, read_rgb};
use vizsla_retrieval::{Reporter, Silent};
use vizsla_training::{
    Grid, LossKind, Mining, RunConfig, RunResult, StepReport, TrainObserver, TrainOptions, Trained,
    train,
};

/// Three classes of eight pictures: stripes along, stripes across, spots, in any colours.
fn paint(root: &Path, seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for (class, name) in ["along", "across", "spots"].iter().enumerate() {
        fs_err::create_dir_all(root.join(name)).unwrap();
        for number in 0..8 {
            let colours: [[u8; 3]; 2] = [0, 1].map(|_| rng.random());
            let period = rng.random_range(6..12usize);
            let mut data = Vec::new();
            for y in 0..48usize {
                for x in 0..64usize {
                    let on = match class {
                        0 => y / period % 2,
                        1 => x / period % 2,
                        _ => (x / period + y / period) % 2,
                    };
                    let noise = (rng.next_u32() % 32) as u8;
                    data.extend(colours[on].map(|c| c.saturating_add(noise)));
                }
            }
            let image = Rgb::new(64, 48, data).unwrap();
            image
                .save_png(&root.join(format!("{name}/{number}.png")))
                .unwrap();
        }
    }
}

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        paint(&folder.path().join("images"), 1);
        paint(&folder.path().join("queries"), 2);
        Bench { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A head on a frozen network of random weights, two batches an epoch.
    fn config(&self) -> RunConfig {
        let text = "
            seed = 5
            [data]
            validation = 0.25
            [model]
            backbone = 'mobilenet_v1:0.25'
            side = 64
            pooling = 'spoc'
            hidden = [16]
            dimension = 8
            dropout = 0.2
            [sampling]
            classes = 3
            images = 3
            [optimiser]
            rate = 0.01
            [stop]
            epochs = 3
            checkpoint_steps = 2
        ";
        let mut config = RunConfig::parse(text).unwrap();
        config.data.images = self.path("images");
        config.data.queries = Some(self.path("queries"));
        config
    }

    fn train(&self, config: &RunConfig, name: &str) -> Result<RunResult, String> {
        let run = train(config, &self.path(name), TrainOptions::default(), &Silent);
        run.map(Option::unwrap).map_err(|error| error.to_string())
    }
}

/// Stops after so many steps.
struct After(usize, AtomicUsize);

impl Reporter for After {
    fn cancelled(&self) -> bool {
        self.1.load(Ordering::SeqCst) >= self.0
    }
}

impl TrainObserver for After {
    fn step(&self, _report: &StepReport) {
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

/// What two runs to the same end have in common: everything but the times.
fn outcome(run: &Path) -> Vec<Vec<u8>> {
    let without_times = |name: &str| {
        let text = fs_err::read_to_string(run.join(name)).unwrap();
        let line = |line: &str| line.split(',').take(5).collect::<Vec<_>>().join(",");
        text.lines()
            .map(line)
            .collect::<Vec<_>>()
            .join("\n")
            .into_bytes()
    };
    let mut result: serde_json::Value =
        serde_json::from_slice(&fs_err::read(run.join("result.json")).unwrap()).unwrap();
    for key in ["seconds", "name"] {
        result.as_object_mut().unwrap().remove(key);
    }
    let mut parts = vec![result.to_string().into_bytes()];
    parts.extend(["steps.csv", "log.csv"].map(without_times));
    for name in [
        "validation.csv",
        "mined.json",
        "best.safetensors",
        "best.onnx",
        "embeddings.csv",
    ] {
        parts.push(fs_err::read(run.join(name)).unwrap());
    }
    parts
}

#[test]
fn a_run_that_was_stopped_ends_as_if_it_had_not_been() {
    let bench = Bench::new();
    for (name, mining, kind) in [
        ("hard", Mining::BatchHard, LossKind::Triplet),
        ("pool", Mining::Pool, LossKind::Triplet),
        ("class", Mining::BatchHard, LossKind::Classification),
    ] {
        let mut config = bench.config();
        config.sampling.mining = mining;
        config.loss.kind = kind;
        let whole = bench.train(&config, &format!("{name}-whole")).unwrap();
        let stopped = bench.path(&format!("{name}-stopped"));
        let mut options = TrainOptions::default();
        for steps in [1, 2, 1] {
            let observer = After(steps, AtomicUsize::new(0));
            assert!(
                train(&config, &stopped, options, &observer)
                    .unwrap()
                    .is_none()
            );
            options.resume = true;
        }
        let resumed = train(&config, &stopped, options, &Silent).unwrap().unwrap();
        assert_eq!(whole.map, resumed.map);
        let (one, other) = (
            outcome(&bench.path(&format!("{name}-whole"))),
            outcome(&stopped),
        );
        for (part, (one, other)) in one.iter().zip(&other).enumerate() {
            assert!(one == other, "part {part} of {name}");
        }
        // Resuming what is finished evaluates it again.
        let again = train(&config, &stopped, options, &Silent).unwrap().unwrap();
        assert_eq!(again.map, resumed.map);
    }
    let error = bench.train(&bench.config(), "hard-whole").unwrap_err();
    assert!(error.contains("--resume"), "{error}");
    let mut other = bench.config();
    other.model.dimension = 4;
    let options = TrainOptions { resume: true };
    let error = train(&other, &bench.path("hard-whole"), options, &Silent).unwrap_err();
    assert!(
        error.to_string().contains("another architecture"),
        "{error}"
    );
}

#[test]
fn the_exported_model_gives_the_descriptors_of_the_run() {
    let bench = Bench::new();
    let mut config = bench.config();
    config.model.pooling = "gem:3".parse().unwrap();
    config.model.whitening = 6;
    bench.train(&config, "run").unwrap();
    let run = bench.path("run");
    let text = fs_err::read_to_string(run.join("best.toml")).unwrap();
    let mut entry: ModelEntry = toml::from_str(&text).unwrap();
    entry.source = vizsla_neural::ModelSource::File {
        file: run.join("best.onnx"),
    };
    let encoder = ImageEncoder::open(&entry, None, &SessionOptions::default()).unwrap();
    let table = fs_err::read_to_string(run.join("embeddings.csv")).unwrap();
    let bytes = fs_err::read(run.join("embeddings.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensor = file.tensor("vectors").unwrap();
    let (numbers, _) = tensor.data().as_chunks::<4>();
    for (row, line) in table.lines().skip(1).enumerate() {
        let path = line.split(',').next().unwrap();
        let image = read_rgb(Path::new(path), &DecodeOptions::default())
            .unwrap()
            .image;
        let found = &encoder.vectors(&[&image]).unwrap()[0];
        for (number, x) in numbers[8 * row..8 * row + 8].iter().zip(found) {
            assert!((f32::from_le_bytes(*number) - x).abs() < 1e-4);
        }
    }
}

#[test]
fn everything_is_trained_in_stages_and_a_broken_image_is_skipped() {
    let bench = Bench::new();
    let mut config = bench.config();
    config.model.train = Trained::All;
    config.loss.kind = LossKind::AveragePrecision;
    config.sampling.chunk = 4;
    config.stop.epochs = 1;
    fs_err::write(bench.path("images/spots/3.png"), b"no longer an image").unwrap();
    let result = bench.train(&config, "run").unwrap();
    assert_eq!(result.skipped.len(), 1);
    assert_eq!(result.skipped[0].0, "spots/3.png");
    let log = fs_err::read_to_string(bench.path("run/steps.csv")).unwrap();
    assert!(log.lines().count() > 2);
    for name in ["curves.png", "validation.csv", "best.onnx", "run.toml"] {
        assert!(bench.path("run").join(name).is_file(), "{name}");
    }
}

#[test]
fn of_the_backbone_only_the_last_layers_are_trained() {
    let bench = Bench::new();
    let mut config = bench.config();
    config.model.train = "from:conv_pw_13".parse().unwrap();
    config.stop.epochs = 0;
    bench.train(&config, "before/run").unwrap();
    config.stop.epochs = 1;
    bench.train(&config, "varied/run").unwrap();
    (config.augment.flip, config.augment.crop) = (false, 1.0);
    bench.train(&config, "same/run").unwrap();
    // Only what is the same in every epoch is computed beforehand.
    assert!(!bench.path("varied/features").exists() && bench.path("same/features").exists());
    let weights = |run: &str, name: &str| {
        let bytes = fs_err::read(bench.path(run).join("run/best.safetensors")).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        file.tensor(name).unwrap().data().to_vec()
    };
    for run in ["varied", "same"] {
        let is_as_before = |name: &str| weights(run, name) == weights("before", name);
        assert!(is_as_before("conv_pw_12.weight"), "{run}");
        assert!(!is_as_before("conv_pw_13.weight"), "{run}");
    }
}

#[test]
fn numbers_that_run_away_stop_the_run_and_keep_what_was_good() {
    let bench = Bench::new();
    let mut config = bench.config();
    config.optimiser.rate = 1e30;
    config.schedule.warm_up = 0.0;
    let error = bench.train(&config, "run").unwrap_err();
    assert!(
        error.contains("not finite") && error.contains("optimiser.rate"),
        "{error}"
    );
    assert!(error.contains("epoch") && error.contains(".png"), "{error}");
}

#[test]
fn a_sweep_makes_one_table() {
    let bench = Bench::new();
    let mut config = bench.config();
    config.stop.epochs = 1;
    let axes = [
        "loss.margin=0.1,0.4".to_owned(),
        "loss.kind=triplet,contrastive".to_owned(),
    ];
    let grid = Grid::parse(&axes).unwrap();
    fs_err::create_dir_all(bench.path("sweep")).unwrap();
    let rows = grid
        .train(&config, &bench.path("sweep"), &Silent)
        .unwrap()
        .unwrap();
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row.result.is_some()));
    let table = fs_err::read_to_string(bench.path("sweep/grid.csv")).unwrap();
    assert_eq!(table.lines().count(), 5);
    // All runs share the features of the frozen part.
    assert_eq!(
        fs_err::read_dir(bench.path("sweep/features"))
            .unwrap()
            .count(),
        1
    );
    let wrong = Grid::parse(&["loss.margn=1".to_owned()]).unwrap();
    let error = wrong
        .train(&config, &bench.path("sweep"), &Silent)
        .unwrap_err();
    assert!(error.to_string().contains("margn"), "{error}");
}
