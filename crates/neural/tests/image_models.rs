//! Image networks against ONNX Runtime in Python, on both runtimes, and what they refuse.
//!
//! Expected values: `reference/image_parity.py` and `reference/tiny_models.py`. The models of the
//! data folder are read from `VIZSLA_DATA`; without them their tests say so and pass.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::Deserialize;
use vizsla_neural::{
    Error, ImageEncoder, ModelEntry, ModelKind, OutputKind, Preset, Resize, RuntimeChoice,
    RuntimeKind, Session, SessionOptions, Tensor, runtimes,
};
use vizsla_pixels::Rgb;

/// Largest difference to the reference.
const TOLERANCE: f64 = 1e-3;

fn crate_path(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(below)
}

fn tiny(name: &str) -> PathBuf {
    crate_path("tests/models").join(name)
}

fn data_model(name: &str) -> Option<PathBuf> {
    let data = std::env::var_os("VIZSLA_DATA")
        .map_or_else(|| crate_path("../../../shared/data"), PathBuf::from);
    let path = data.join("models").join(name);
    if !path.is_file() {
        eprintln!("skipped: no {}; set VIZSLA_DATA", path.display());
        return None;
    }
    Some(path)
}

/// The runtimes of this machine.
fn options() -> Vec<SessionOptions> {
    let mut all = vec![RuntimeChoice::Rten];
    if runtimes().unwrap()[1].available {
        all.push(RuntimeChoice::Ort);
    } else {
        eprintln!("skipped: ONNX Runtime, {}", runtimes().unwrap()[1].why);
    }
    all.into_iter()
        .map(|runtime| SessionOptions {
            runtime,
            threads: 1,
        })
        .collect()
}

fn rten() -> SessionOptions {
    options()[0]
}

fn sha256(path: &Path) -> String {
    let entry = ModelEntry::for_file("x", ModelKind::Image, path, "");
    entry.digest().unwrap()
}

fn entry(path: &Path, preset: Preset) -> ModelEntry {
    let mut entry = ModelEntry::for_file("model", ModelKind::Image, path, &sha256(path));
    entry.preprocessing = preset.preprocessing();
    entry.preprocessing.resize = Resize::None;
    entry.preprocessing.crop = None;
    entry
}

/// The picture of `image_parity.py`.
fn picture(width: usize, height: usize, seed: usize) -> Rgb {
    let mut data = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for c in 0..3 {
                let value = x * (2 + c)
                    + y * (3 + seed)
                    + (x * y) / (17 + seed)
                    + 60 * ((x / 32 + y / 32 + c) % 2);
                data.push((value % 256) as u8);
            }
        }
    }
    Rgb::new(width, height, data).unwrap()
}

#[derive(Deserialize)]
struct Case {
    model: String,
    preset: String,
    output: String,
    width: usize,
    height: usize,
    seed: usize,
    shape: Vec<usize>,
    places: Vec<usize>,
    values: Vec<f64>,
    mean: f64,
    mean_square: f64,
}

#[derive(Deserialize)]
struct Parity {
    cases: Vec<Case>,
}

#[test]
fn outputs_are_those_of_onnxruntime_in_python() {
    let text = fs::read_to_string(crate_path("tests/reference/image_parity.json")).unwrap();
    let parity: Parity = serde_json::from_str(&text).unwrap();
    for options in options() {
        let mut worst = 0.0_f64;
        for case in &parity.cases {
            let Some(path) = data_model(&case.model) else {
                return;
            };
            let entry = entry(&path, case.preset.parse().unwrap());
            let encoder = ImageEncoder::open(&entry, Some(&case.output), &options).unwrap();
            let image = picture(case.width, case.height, case.seed);
            let (shape, data) = match encoder.kind().unwrap() {
                OutputKind::Map { .. } => {
                    let map = encoder.maps(&[&image], None).unwrap().remove(0);
                    (vec![1, map.channels, map.height, map.width], map.data)
                }
                OutputKind::Vector { .. } => {
                    let vector = encoder.vectors(&[&image]).unwrap().remove(0);
                    (case.shape.clone(), vector)
                }
            };
            assert_eq!(shape, case.shape);
            assert_eq!(data.len(), shape.iter().product::<usize>());
            for (&place, &expected) in case.places.iter().zip(&case.values) {
                worst = worst.max((f64::from(data[place]) - expected).abs());
            }
            let mean = |f: fn(f64) -> f64| {
                data.iter().map(|&v| f(f64::from(v))).sum::<f64>() / data.len() as f64
            };
            let of = format!("{:?} {} {}", options.runtime, case.output, case.width);
            assert!((mean(|v| v) - case.mean).abs() < TOLERANCE, "{of}: mean");
            assert!(
                (mean(|v| v * v) - case.mean_square).abs() < TOLERANCE,
                "{of}: mean square {} {}",
                mean(|v| v * v),
                case.mean_square
            );
        }
        eprintln!("{:?}: largest difference {worst:.2e}", options.runtime);
        assert!(worst < TOLERANCE, "{:?}: {worst}", options.runtime);
    }
}

#[test]
fn the_last_map_and_the_last_vector_are_found() {
    let find = |path: &Path, preset, options: &SessionOptions| {
        let found = ImageEncoder::find_outputs(&entry(path, preset), options).unwrap();
        let name = |found: Option<vizsla_neural::FoundOutput>| found.map(|f| f.name).unwrap();
        (name(found.map), name(found.vector))
    };
    for options in options() {
        let found = find(&tiny("classifier.onnx"), Preset::Keras, &options);
        assert_eq!(found, ("features".into(), "code".into()));
        if let Some(path) = data_model("mobilenet_v1_0.75.onnx") {
            let found = find(&path, Preset::Keras, &options);
            assert_eq!(found, ("conv_pw_13_relu".into(), "pool".into()));
        }
        if let Some(path) = data_model("squeezenet1_1_fp16.onnx") {
            // Behind it are only scores of classes.
            let found = find(&path, Preset::Caffe, &options);
            assert!(found.0.starts_with("fire9/concat"), "{found:?}");
        }
    }
}

#[derive(Deserialize)]
struct Tiny {
    classifier: [Vec<f32>; 2],
    classifier_int8: [Vec<f32>; 2],
}

fn tiny_answers() -> Tiny {
    let text = fs::read_to_string(crate_path("tests/reference/tiny_models.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn tiny_input() -> Tensor {
    let value = |i: usize| (i * 37 % 101) as f32 / 50.0 - 1.0;
    Tensor::f32(&[2, 3, 20, 28], (0..2 * 3 * 20 * 28).map(value).collect()).unwrap()
}

fn outputs(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn largest_difference(found: &Tensor, expected: &[f32]) -> f32 {
    let found = found.as_f32().unwrap();
    assert_eq!(found.len(), expected.len());
    let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f32::max)
}

#[test]
fn several_outputs_come_in_the_order_asked_for() {
    let expected = tiny_answers().classifier;
    for options in options() {
        for file in ["classifier.onnx", "external.onnx"] {
            let names = outputs(&["probabilities", "features"]);
            let session = Session::open(&tiny(file), &names, &options).unwrap();
            let found = session.run(&[("image", tiny_input())]).unwrap();
            assert!(largest_difference(&found[0], &expected[1]) < 1e-5, "{file}");
            assert!(largest_difference(&found[1], &expected[0]) < 1e-5, "{file}");
            assert_eq!(found[1].shape(), [2, 16, 5, 7]);
        }
        let session = Session::open(&tiny("classifier.onnx"), &[], &options).unwrap();
        assert_eq!(session.outputs()[0].name, "probabilities");
    }
}

#[test]
fn a_quantised_model_answers_like_python_or_is_refused() {
    let expected = tiny_answers().classifier_int8;
    for options in options() {
        let names = outputs(&["features", "probabilities"]);
        let session = Session::open(&tiny("classifier_int8.onnx"), &names, &options);
        let run = session.and_then(|session| session.run(&[("image", tiny_input())]));
        match run {
            Ok(found) => {
                let worst = largest_difference(&found[1], &expected[1]);
                eprintln!("{:?}: int8 differs by {worst:.2e}", options.runtime);
                assert!(worst < 2e-2, "{:?}: {worst}", options.runtime);
            }
            Err(error) => {
                assert_eq!(options.runtime, RuntimeChoice::Rten, "{error}");
                let text = error.to_string();
                assert!(text.contains("ONNX Runtime"), "{text}");
            }
        }
    }
}

#[test]
fn pictures_are_batched_without_changing_their_vectors() {
    let mut entry = entry(&tiny("classifier.onnx"), Preset::Keras);
    entry.output = Some("features".into());
    for options in options() {
        let encoder = ImageEncoder::open(&entry, None, &options).unwrap();
        let images: Vec<Rgb> = (0..21).map(|i| picture(40 + 8 * (i % 2), 32, i)).collect();
        let all: Vec<&Rgb> = images.iter().collect();
        let together = encoder.maps(&all, Some(64)).unwrap();
        for (image, map) in images.iter().zip(&together) {
            let alone = encoder.maps(&[image], Some(64)).unwrap().remove(0);
            assert_eq!((alone.height, alone.width), (map.height, map.width));
            let differences = alone.data.iter().zip(&map.data).map(|(a, b)| (a - b).abs());
            assert!(differences.fold(0.0, f32::max) < 1e-5);
        }
        assert_eq!(encoder.kind().unwrap(), OutputKind::Map { channels: 16 });
        assert!(encoder.maps(&[], Some(64)).unwrap().is_empty());
    }
}

#[test]
fn one_thread_and_two_give_the_same() {
    for mut options in options() {
        let mut run = |threads| {
            options.threads = threads;
            let session = Session::open(&tiny("classifier.onnx"), &[], &options).unwrap();
            session.run(&[("image", tiny_input())]).unwrap().remove(0)
        };
        let (one, two) = (run(1), run(2));
        assert!(largest_difference(&one, two.as_f32().unwrap()) < 1e-6);
    }
}

#[test]
fn a_wrong_name_is_answered_with_the_names_there_are() {
    let error = ImageEncoder::open(
        &entry(&tiny("classifier.onnx"), Preset::Keras),
        Some("feature"),
        &rten(),
    );
    let text = error.err().unwrap().to_string();
    assert!(
        text.contains("no output 'feature'; there are 'features', "),
        "{text}"
    );
    let session = Session::open(&tiny("classifier.onnx"), &[], &rten()).unwrap();
    let text = session
        .run(&[("picture", tiny_input())])
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("no input 'picture'; there are 'image'"),
        "{text}"
    );
}

#[test]
fn what_is_no_model_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(tiny("classifier.onnx")).unwrap();
    let mut damaged = vec![
        Vec::new(),
        b"not a model at all".to_vec(),
        vec![0; 5000],
        (0..5000_u32).map(|i| (i * i) as u8).collect(),
    ];
    damaged.extend((1..20).map(|part| whole[..whole.len() * part / 20].to_vec()));
    for (place, bytes) in damaged.iter().enumerate() {
        let path = folder.path().join(format!("{place}.onnx"));
        fs::write(&path, bytes).unwrap();
        for options in options() {
            let error = Session::open(&path, &[], &options)
                .err()
                .unwrap()
                .to_string();
            assert!(error.contains(".onnx"), "{error}");
        }
    }
    assert!(matches!(
        Session::open(&folder.path().join("absent.onnx"), &[], &rten()),
        Err(Error::Io(_))
    ));
}

/// Bytes changed at random places: whatever happens is an error or an answer, never a panic.
#[test]
fn changed_bytes_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changed.onnx");
    let whole = fs::read(tiny("classifier.onnx")).unwrap();
    let mut state = 1_u64;
    for _ in 0..60 {
        let mut bytes = whole.clone();
        for _ in 0..3 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let place = (state >> 33) as usize % bytes.len();
            bytes[place] ^= (state >> 20) as u8;
        }
        fs::write(&path, &bytes).unwrap();
        if let Ok(session) = Session::open(&path, &[], &rten()) {
            let _ = session.run(&[("image", tiny_input())]);
        }
    }
}

#[test]
fn an_operator_that_is_lacking_is_named() {
    for options in options() {
        let error = Session::open(&tiny("foreign_operator.onnx"), &[], &options)
            .err()
            .unwrap();
        let named =
            matches!(&error, Error::MissingOperator { operator, .. } if operator == "Kaleidoscope");
        assert!(named, "{error}");
    }
}

#[test]
fn numbers_that_are_none_are_refused() {
    for options in options() {
        let mut entry = entry(&tiny("logarithm.onnx"), Preset::Keras);
        entry.output = Some("log".into());
        let encoder = ImageEncoder::open(&entry, None, &options).unwrap();
        let white = Rgb::filled(8, 8, [255; 3]).unwrap();
        assert_eq!(encoder.vectors(&[&white]).unwrap()[0].len(), 3);
        // The logarithm of the range -1 to 1.
        let black = Rgb::filled(8, 8, [0; 3]).unwrap();
        let error = encoder.vectors(&[&black]).unwrap_err();
        assert!(
            matches!(
                error,
                Error::NotFinite {
                    count: 3,
                    total: 3,
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[test]
fn a_fixed_input_refuses_other_sizes() {
    let Some(path) = data_model("squeezenet1_1_fp16.onnx") else {
        return;
    };
    for options in options() {
        let entry = entry(&path, Preset::Caffe);
        let encoder = ImageEncoder::open(&entry, Some("softmaxout_1"), &options).unwrap();
        assert!(!encoder.takes_any_size());
        let image = picture(320, 200, 1);
        let error = encoder.maps(&[&image], Some(256)).unwrap_err().to_string();
        assert!(error.contains("224x224"), "{error}");
        let error = encoder.vectors(&[&image]).unwrap_err().to_string();
        assert!(
            error.contains("320x200") && error.contains("224x224"),
            "{error}"
        );
        let mut entry = entry.clone();
        entry.preprocessing = Preset::Caffe.preprocessing();
        let encoder = ImageEncoder::open(&entry, Some("softmaxout_1"), &options).unwrap();
        // Batches of one, as the model wants them.
        assert_eq!(encoder.vectors(&[&image, &image]).unwrap().len(), 2);
        let error = encoder.prepare(&image, Some(5)).unwrap_err().to_string();
        assert!(error.contains("224x224"), "{error}");
    }
}

#[test]
fn the_report_names_one_runtime() {
    let reports = runtimes().unwrap();
    assert_eq!(reports.iter().filter(|report| report.chosen).count(), 1);
    assert!(reports[0].available && reports[0].runtime == RuntimeKind::Rten);
    let manifest = fs::read_to_string(crate_path("../../Cargo.toml")).unwrap();
    let version = reports[0].version.clone().unwrap();
    let line = format!("rten = {{ version = \"{version}\"");
    assert!(
        manifest.contains(&line),
        "the version in runtime/rten.rs is not that of {line}"
    );
}

#[derive(Deserialize)]
struct Resized {
    width: usize,
    height: usize,
    side: u32,
    interpolation: vizsla_neural::Interpolation,
    size: [usize; 2],
    places: Vec<usize>,
    values: Vec<u8>,
}

#[derive(Deserialize)]
struct ResizedCases {
    cases: Vec<Resized>,
}

#[test]
fn resized_pictures_are_those_of_pillow() {
    let text = fs::read_to_string(crate_path("tests/reference/resize.json")).unwrap();
    let all: ResizedCases = serde_json::from_str(&text).unwrap();
    for case in all.cases {
        let mut data = Vec::new();
        for y in 0..case.height {
            for x in 0..case.width {
                for c in 0..3 {
                    let value = x * (2 + c) + y * 4 + (x * y) / 18 + 60 * ((x / 8 + y / 8 + c) % 2);
                    data.push((value % 256) as u8);
                }
            }
        }
        let image = Rgb::new(case.width, case.height, data).unwrap();
        let mut rule = Preset::Timm.preprocessing();
        rule.interpolation = case.interpolation;
        let resized = rule.scaled(&image, case.side).unwrap();
        assert_eq!([resized.width(), resized.height()], case.size);
        for (&place, &expected) in case.places.iter().zip(&case.values) {
            let found = resized.data()[place];
            assert!(found.abs_diff(expected) <= 1, "{found} {expected}");
        }
    }
}
