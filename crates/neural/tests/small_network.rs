//! The network that ships against ONNX Runtime, with the same weights and with the 32-bit weights that they were made from.
//!
//! Expected values: `network/make.py`.
#![allow(clippy::unwrap_used)]

use serde::Deserialize;
use vizsla_neural::{
    DescriptorRecipe, Error, ImageDescriptor, ImageEncoder, OutputKind, Registry, Resize,
    SMALL_NETWORK, SessionOptions, small_descriptor, small_network, small_whitening,
};
use vizsla_pixels::Rgb;

#[derive(Deserialize)]
struct Reference {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    width: usize,
    height: usize,
    /// The last layer with weights of 32 bits, as [`Map::mean`].
    original: Vec<f32>,
    maps: Vec<Map>,
}

#[derive(Deserialize)]
struct Map {
    name: String,
    /// Channels, height, width.
    shape: [usize; 3],
    /// Of each channel.
    mean: Vec<f32>,
}

/// The picture of `make.py`.
fn picture(width: usize, height: usize) -> Rgb {
    let mut data = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for c in 0..3 {
                let value = x * x * (c + 3) / 7 + y * y * 5 / 11 + x * y / (c + 2) + 40 * c;
                data.push((value % 256) as u8);
            }
        }
    }
    Rgb::new(width, height, data).unwrap()
}

fn encoder(output: Option<&str>, threads: usize) -> Result<ImageEncoder, Error> {
    let mut entry = small_network();
    entry.preprocessing.resize = Resize::None;
    entry.preprocessing.crop = None;
    let options = SessionOptions {
        threads,
        ..SessionOptions::default()
    };
    ImageEncoder::open(&entry, output, &options)
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn maps_are_those_of_the_network_it_was_made_from() {
    let text = include_str!("reference/small_network.json");
    let reference: Reference = serde_json::from_str(text).unwrap();
    for case in &reference.cases {
        let picture = picture(case.width, case.height);
        for expected in &case.maps {
            let encoder = encoder(Some(&expected.name), 1).unwrap();
            let map = encoder.maps(&[&picture], None).unwrap().remove(0);
            assert_eq!([map.channels, map.height, map.width], expected.shape);
            let places = map.places() as f32;
            let means = map
                .data
                .chunks(map.places())
                .map(|c| c.iter().sum::<f32>() / places);
            let means: Vec<f32> = means.collect();
            let differences = means.iter().zip(&expected.mean).map(|(a, b)| (a - b).abs());
            let greatest = differences.fold(0.0, f32::max);
            let same = cosine(&means, &expected.mean);
            match expected.name == "conv_pw_13_relu" {
                false => assert!(greatest < 2e-3, "{} {greatest}", expected.name),
                // A number halfway between two steps may be rounded to the other one, and layer after layer makes more of it.
                true => {
                    let original = cosine(&means, &case.original);
                    assert!(same > 0.9995 && original > 0.985, "{same} {original}");
                }
            }
        }
    }
}

#[test]
fn a_picture_gives_the_same_alone_and_among_others_on_any_number_of_threads() {
    let pictures = [
        picture(64, 48),
        picture(48, 64),
        picture(64, 48),
        picture(1, 1),
    ];
    let all: Vec<&Rgb> = pictures.iter().collect();
    let one = encoder(None, 1).unwrap();
    assert_eq!(one.kind().unwrap(), OutputKind::Map { channels: 768 });
    let together = one.maps(&all, None).unwrap();
    assert_eq!(
        together,
        encoder(None, 0).unwrap().maps(&all, None).unwrap()
    );
    for (picture, map) in all.iter().zip(&together) {
        assert_eq!(&one.maps(&[picture], None).unwrap()[0], map);
    }
    assert_eq!(together[0], together[2]);
}

#[test]
fn it_is_in_every_registry_and_cannot_be_changed() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(folder.path());
    let entry = registry.get(SMALL_NETWORK).unwrap();
    assert_eq!(
        (entry.dimension, entry.verify().unwrap()),
        (Some(768), None)
    );
    assert!(registry.list().unwrap().is_empty());
    assert!(matches!(
        registry.add(&entry),
        Err(Error::ModelExists { .. })
    ));
    for error in [registry.replace(&entry), registry.remove(SMALL_NETWORK)] {
        let text = error.unwrap_err().to_string();
        assert!(text.contains("part of the program"), "{text}");
    }
    let text = entry.verified_path().unwrap_err().to_string();
    assert!(text.contains("no file of its own"), "{text}");
    let Err(error) = encoder(Some("conv_pw_14_relu"), 1) else {
        panic!("there is no such layer");
    };
    assert!(error.to_string().contains("conv_pw_1"), "{error}");
}

#[test]
fn its_descriptors_have_the_length_of_the_whitening() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(folder.path());
    let recipe = small_descriptor().unwrap();
    let whitening = small_whitening().unwrap();
    let options = SessionOptions::default();
    let open = |recipe: &DescriptorRecipe| {
        ImageDescriptor::open(recipe, &registry, Some(whitening.clone()), &options)
    };
    let descriptor = open(&recipe).unwrap();
    assert_eq!(
        (descriptor.recipe().dimension, descriptor.recipe().side),
        (256, 320)
    );
    let vectors = descriptor
        .describe(&[&picture(90, 60), &picture(60, 90)])
        .unwrap();
    assert!(vectors.iter().all(|vector| vector.len() == 256));
    let other = DescriptorRecipe {
        sha256: "0".repeat(64),
        ..recipe
    };
    assert!(matches!(open(&other), Err(Error::Checksum { .. })));
}
