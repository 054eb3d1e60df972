//! Networks that find and describe places: those that are none are told apart, and both runtimes give the same maps.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use vizsla_neural::{Error, KeypointMaps, KeypointNetwork, RuntimeChoice, SessionOptions};

fn reference(name: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    tests.join("reference").join(name)
}

fn open(path: &Path, runtime: RuntimeChoice) -> Result<KeypointNetwork, Error> {
    let options = SessionOptions {
        runtime,
        threads: 1,
    };
    KeypointNetwork::open(path, &options)
}

/// The runtimes of this machine.
fn runtimes() -> Vec<RuntimeChoice> {
    let both = [RuntimeChoice::Rten, RuntimeChoice::Ort].into_iter();
    let there = |runtime: &RuntimeChoice| {
        let options = SessionOptions {
            runtime: *runtime,
            threads: 1,
        };
        options.resolve().is_ok()
    };
    both.filter(there).collect()
}

fn picture(width: usize, height: usize) -> Vec<f32> {
    let value = |i: usize| ((i * 37 % 101) as f32 + (i / width) as f32) / (101 + height) as f32;
    (0..width * height).map(value).collect()
}

fn alike(one: &KeypointMaps, other: &KeypointMaps, most: f32) {
    assert_eq!((one.columns, one.rows), (other.columns, other.rows));
    for (a, b) in [
        (&one.features, &other.features),
        (&one.keypoints, &other.keypoints),
        (&one.reliability, &other.reliability),
    ] {
        assert_eq!(a.len(), b.len());
        let apart = a.iter().zip(b).map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0.0, f32::max) < most);
    }
}

#[test]
fn a_network_gives_three_maps_in_every_runtime() {
    let path = reference("tiny_keypoints.onnx");
    let mut first: Option<KeypointMaps> = None;
    for runtime in runtimes() {
        let network = open(&path, runtime).unwrap();
        assert_eq!(network.id(), KeypointNetwork::id_of(&path).unwrap());
        let maps = network.run((96, 64), &picture(96, 64)).unwrap();
        assert_eq!((maps.columns, maps.rows), (12, 8));
        assert_eq!(maps.features.len(), 64 * 96);
        assert_eq!(maps.keypoints.len(), 65 * 96);
        assert_eq!(maps.reliability.len(), 96);
        let options = SessionOptions {
            runtime,
            threads: 1,
        };
        let again = network.again(&options).unwrap();
        assert_eq!(again.run((96, 64), &picture(96, 64)).unwrap(), maps);
        if let Some(first) = &first {
            alike(first, &maps, 1e-4);
        }
        first = Some(maps);
    }
}

#[test]
fn a_network_is_copied_as_it_was_opened() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.onnx");
    let network = open(&reference("tiny_keypoints.onnx"), RuntimeChoice::Rten).unwrap();
    network.save(&copy).unwrap();
    assert_eq!(open(&copy, RuntimeChoice::Rten).unwrap().id(), network.id());
}

#[test]
fn pictures_of_other_sizes_are_refused() {
    let network = open(&reference("tiny_keypoints.onnx"), RuntimeChoice::Rten).unwrap();
    for (size, pixels) in [
        ((0, 0), 0),
        ((33, 32), 33 * 32),
        ((64, 32), 64),
        ((usize::MAX, 32), 32),
    ] {
        let error = network.run(size, &vec![0.5; pixels]).unwrap_err();
        assert!(matches!(error, Error::Length { .. }), "{error}");
    }
}

#[test]
fn what_is_no_such_network_is_named_with_what_was_expected() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("garbage.onnx");
    fs_err::write(&garbage, b"no network at all").unwrap();
    let cases = [
        (
            reference("../models/classifier.onnx"),
            "it has no output 'keypoints'",
        ),
        (
            reference("tiny_keypoints_60.onnx"),
            "its output 'keypoints' is 1x60x4x8 of a picture of 64 x 32, not 1x65x4x8",
        ),
        (reference("tiny_bert.onnx"), "inputs"),
    ];
    for (path, said) in cases {
        let error = open(&path, RuntimeChoice::Rten).unwrap_err().to_string();
        for said in [
            said,
            "network of XFeat, which takes N x 3 x H x W",
            "'keypoints' of 65",
        ] {
            assert!(error.contains(said), "{error}");
        }
        assert!(error.ends_with(&path.display().to_string()), "{error}");
    }
    let error = open(&garbage, RuntimeChoice::Rten).unwrap_err().to_string();
    assert!(error.ends_with(&garbage.display().to_string()), "{error}");
    let absent = folder.path().join("absent.onnx");
    let error = open(&absent, RuntimeChoice::Rten).unwrap_err().to_string();
    assert!(error.contains("absent.onnx"), "{error}");
}

#[test]
fn the_published_network_costs_little_and_gives_the_same_in_every_runtime() {
    let data = std::env::var_os("VIZSLA_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = data.join("models/xfeat_backbone.onnx");
    if !path.exists() {
        println!("skipped: {} is not there (set VIZSLA_DATA)", path.display());
        return;
    }
    let maps = runtimes().into_iter().map(|runtime| {
        let network = open(&path, runtime).unwrap();
        network.run((320, 256), &picture(320, 256)).unwrap()
    });
    let maps: Vec<KeypointMaps> = maps.collect();
    for other in &maps[1..] {
        // Logits of this noise go to 20.
        alike(&maps[0], other, 2e-3);
    }
}
