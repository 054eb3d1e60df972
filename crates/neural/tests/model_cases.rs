//! One small encoder behind every sort of input and output that exporters write, against ONNX Runtime in Python, and
//! what cannot be used with the reason of each.
//!
//! The models and the expected values: `tests/cases/models/make.py` of the workspace.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use vizsla_neural::{
    ImageEncoder, ModelEntry, ModelKind, OutputKind, Preset, Resize, RuntimeChoice, SessionOptions,
    TensorLayout, runtimes,
};
use vizsla_pixels::Rgb;

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/cases/models")
        .join(format!("{name}.onnx"))
}

/// The runtimes of this machine.
fn options() -> Vec<SessionOptions> {
    let mut all = vec![RuntimeChoice::Rten];
    if runtimes().unwrap()[1].available {
        all.push(RuntimeChoice::Ort);
    }
    let of = |runtime| SessionOptions {
        runtime,
        threads: 1,
    };
    all.into_iter().map(of).collect()
}

fn rten() -> SessionOptions {
    options()[0]
}

/// The picture of `make.py`.
fn picture(width: usize, height: usize) -> Rgb {
    let mut data = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for c in 0..3 {
                let value = x * (2 + c) + y * 3 + (x * y) / 17 + 60 * ((x / 32 + y / 32 + c) % 2);
                data.push((value % 256) as u8);
            }
        }
    }
    Rgb::new(width, height, data).unwrap()
}

fn entry(name: &str) -> ModelEntry {
    let mut entry = ModelEntry::for_file(name, ModelKind::Image, &case(name), "");
    entry.sha256 = entry.digest().unwrap();
    entry.preprocessing = Preset::Keras.preprocessing();
    entry.preprocessing.resize = Resize::None;
    entry.preprocessing.crop = None;
    entry
}

/// An entry as the command line makes it.
fn usual(name: &str) -> ModelEntry {
    ModelEntry {
        preprocessing: Preset::Torchvision.preprocessing(),
        ..entry(name)
    }
}

#[derive(Deserialize)]
struct Expected {
    width: usize,
    height: usize,
    shape: Vec<usize>,
    values: Vec<f32>,
}

fn expected() -> BTreeMap<String, Expected> {
    let path = case("x").with_file_name("expected.json");
    serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap()
}

/// What the encoder says of the picture, in the order of the reference.
fn answer(encoder: &ImageEncoder, image: &Rgb, shape: &[usize]) -> Vec<f32> {
    if shape.len() < 4 {
        return encoder.vectors(&[image]).unwrap().remove(0);
    }
    let map = encoder.maps(&[image], None).unwrap().remove(0);
    assert_eq!(
        [map.height, map.width, map.channels],
        shape[1..],
        "the reference has channels last"
    );
    let plane = map.height * map.width;
    (0..map.data.len())
        .map(|i| map.data[i % map.channels * plane + i / map.channels])
        .collect()
}

#[test]
fn every_declaration_gives_the_numbers_of_onnxruntime() {
    for options in options() {
        for (name, expected) in expected() {
            let (model, output) = name.split_once('/').unwrap();
            let encoder = ImageEncoder::open(&entry(model), Some(output), &options)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            let image = picture(expected.width, expected.height);
            let found = answer(&encoder, &image, &expected.shape);
            assert_eq!(found.len(), expected.values.len(), "{name}");
            let differences = found
                .iter()
                .zip(&expected.values)
                .map(|(a, b)| (a - b).abs());
            let scale = expected
                .values
                .iter()
                .fold(1.0, |most: f32, v| most.max(v.abs()));
            let worst = differences.fold(0.0, f32::max) / scale;
            assert!(worst < 1e-3, "{:?} {name}: {worst}", options.runtime);
        }
    }
}

#[test]
fn several_pictures_go_together_whatever_the_batch() {
    for options in options() {
        for (name, expected) in expected() {
            let (model, output) = name.split_once('/').unwrap();
            let encoder = ImageEncoder::open(&entry(model), Some(output), &options).unwrap();
            let first = picture(expected.width, expected.height);
            let others: Vec<Rgb> = (1..6)
                .map(|i| Rgb::filled(expected.width, expected.height, [40 * i; 3]).unwrap())
                .collect();
            let mut all: Vec<&Rgb> = others.iter().collect();
            all.insert(4, &first);
            if expected.shape.len() == 4 {
                assert_eq!(encoder.maps(&all, None).unwrap().len(), 6, "{name}");
                continue;
            }
            let vectors = encoder.vectors(&all).unwrap();
            assert_eq!(vectors.len(), 6, "{name}");
            let scale = expected
                .values
                .iter()
                .fold(1.0, |most: f32, v| most.max(v.abs()));
            for (a, b) in vectors[4].iter().zip(&expected.values) {
                assert!((a - b).abs() / scale < 1e-3, "{name}");
            }
        }
    }
}

#[test]
fn a_trial_fills_in_what_the_file_leaves_open() {
    use TensorLayout::{ChannelsFirst, ChannelsLast};
    for (name, layout) in [
        ("nhwc_free", ChannelsLast),
        ("nhwc_unnamed", ChannelsLast),
        ("nchw_unnamed", ChannelsFirst),
        ("noshape", ChannelsFirst),
        ("nhwc_map", ChannelsLast),
        ("uint8_nchw", ChannelsFirst),
        ("uint8_nhwc", ChannelsLast),
        ("int8_nchw", ChannelsFirst),
        ("batch4", ChannelsFirst),
        ("out1d", ChannelsFirst),
        ("no_batch", ChannelsFirst),
        ("wide", ChannelsFirst),
        ("pair", ChannelsFirst),
        ("fused", ChannelsFirst),
    ] {
        let tried = usual(name)
            .tried(&rten())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(tried.layout, Some(layout), "{name}");
        assert_eq!(tried.dimension, Some(8), "{name}");
        assert_eq!(tried.input.as_deref(), Some("x"), "{name}");
        let map = if name == "nhwc_map" { "last" } else { "map" };
        assert_eq!(tried.output.as_deref(), Some(map), "{name}");
        // What was found is enough to describe pictures of any shape.
        let encoder = ImageEncoder::open(&tried, None, &rten()).unwrap();
        assert_eq!(encoder.kind().unwrap(), OutputKind::Map { channels: 8 });
        for (width, height) in [(100, 40), (33, 90)] {
            let map = encoder.maps(&[&picture(width, height)], None).unwrap();
            assert_eq!(map[0].channels, 8, "{name}");
        }
    }
    // Only these values of the rule are changed by the kind of numbers.
    let rule = usual("uint8_nchw").tried(&rten()).unwrap().preprocessing;
    assert_eq!((rule.scale, rule.mean, rule.std), (1.0, [0.0; 3], [1.0; 3]));
    assert_eq!(rule.crop, Some(16));
    let rule = usual("int8_nchw").tried(&rten()).unwrap().preprocessing;
    assert_eq!(rule.mean, [128.0; 3]);
}

fn refusal(entry: &ModelEntry) -> String {
    entry.tried(&rten()).unwrap_err().to_string()
}

#[test]
fn an_order_that_nothing_tells_is_asked_for() {
    let mut entry = usual("undecidable");
    let text = refusal(&entry);
    assert!(
        text.contains("--layout channels-first or --layout channels-last"),
        "{text}"
    );
    for layout in [TensorLayout::ChannelsFirst, TensorLayout::ChannelsLast] {
        entry.layout = Some(layout);
        assert_eq!(entry.tried(&rten()).unwrap().layout, Some(layout));
    }
    let mut entry = usual("nhwc_free");
    entry.layout = Some(TensorLayout::ChannelsFirst);
    let text = refusal(&entry);
    assert!(text.contains("?x?x?x3"), "{text}");
    let mut entry = usual("uint8_nchw");
    entry.layout = Some(TensorLayout::ChannelsLast);
    let text = refusal(&entry);
    assert!(
        text.contains("?x3x16x16") && text.contains("not channels-last"),
        "{text}"
    );
    let text = refusal(&usual("grey"));
    assert!(
        text.contains("?x1x16x16") && text.contains("three channels"),
        "{text}"
    );
}

#[test]
fn half_of_a_pair_is_used_alone_and_the_rest_is_named() {
    let mut entry = usual("pair");
    entry.output = Some("logits".into());
    let text = refusal(&entry);
    assert!(
        text.contains("'logits'") && text.contains("from 'ids' as well"),
        "{text}"
    );
    assert!(
        text.contains("from the pictures alone: there are 'vector'"),
        "{text}"
    );
    entry.output = Some("vector".into());
    assert_eq!(entry.tried(&rten()).unwrap().dimension, Some(8));
    let mut entry = usual("fused");
    entry.output = Some("both".into());
    let text = refusal(&entry);
    assert!(
        text.contains("'vector'") && text.contains("'map'"),
        "{text}"
    );
}

#[test]
fn the_text_half_of_a_pair_reads_what_is_made_from_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let vocabulary = folder.path().join("vocab.txt");
    let words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "dog"];
    fs_err::write(&vocabulary, words.join("\n")).unwrap();
    let mut entry = ModelEntry {
        kind: ModelKind::Text,
        text: Some(vizsla_neural::TextSettings {
            tokenizer: Some(vocabulary),
            ..Default::default()
        }),
        ..usual("pair")
    };
    entry.record_files().unwrap();
    assert_eq!(entry.tried(&rten()).unwrap().dimension, Some(8));
    entry.output = Some("logits".into());
    let text = refusal(&entry);
    assert!(
        text.contains("made from 'x' too") && text.contains("'text_embeds'"),
        "{text}"
    );
}

#[test]
fn a_model_that_lies_about_its_sides_is_told_by_the_run() {
    // 224 x 224 by the rule, 16 x 12 in truth.
    let text = refusal(&usual("four_by_three"));
    assert!(text.contains("four_by_three.onnx"), "{text}");
    let mut entry = usual("four_by_three");
    entry.preprocessing.size = 12;
    entry.preprocessing.crop = None;
    entry.output = Some("vector".into());
    assert_eq!(entry.tried(&rten()).unwrap().dimension, Some(2));
    let encoder = ImageEncoder::open(&entry, None, &rten()).unwrap();
    assert_eq!(encoder.vectors(&[&picture(40, 30)]).unwrap()[0].len(), 2);
}
