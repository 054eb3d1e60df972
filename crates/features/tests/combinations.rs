//! Every detector with every descriptor: names give what they name, and strange images give nothing that breaks.
#![allow(clippy::unwrap_used)]

use vizsla_features::{
    DescriptorKind, Detector, ExtractorConfig, Features, MatchConfig, match_descriptors,
};
use vizsla_pixels::{Gray, Rgb, warp};

fn all() -> impl Iterator<Item = ExtractorConfig> {
    let detectors = Detector::ALL.into_iter().filter(|one| !one.is_learned());
    detectors.flat_map(|detector| {
        DescriptorKind::ALL
            .into_iter()
            .filter(|kind| !kind.is_learned())
            .map(move |descriptor| ExtractorConfig {
                detector,
                descriptor,
                budget: 300,
                ..ExtractorConfig::default()
            })
    })
}

/// Rectangles and discs of many sizes.
fn scene() -> Rgb {
    let mut state = 7u32;
    let mut next = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    let mut image = Rgb::filled(320, 240, [120, 120, 120]).unwrap();
    for turn in 0..140 {
        let colour = [next(256) as u8; 3];
        let (x, y) = (next(320), next(240));
        if turn % 2 == 0 {
            let (width, height) = (5 + next(32) as usize, 5 + next(32) as usize);
            image.fill_rectangle(i64::from(x), i64::from(y), width, height, colour);
        } else {
            image.circle((x as f32, y as f32), 3.0 + next(12) as f32, colour, 3.0);
        }
    }
    image
}

fn sound(features: &Features, config: &ExtractorConfig) {
    assert_eq!(features.keypoints.len(), features.descriptors.len());
    assert!(features.len() <= config.budget, "{config:?}");
    for keypoint in &features.keypoints {
        let finite = [keypoint.x, keypoint.y, keypoint.scale, keypoint.response]
            .iter()
            .all(|value| value.is_finite());
        assert!(finite && keypoint.scale > 0.0, "{config:?}: {keypoint:?}");
    }
}

#[test]
fn another_view_has_the_same_places() {
    let scene = scene();
    // Turned by 15 degrees, a tenth smaller, moved.
    let (sin, cos) = 15f64.to_radians().sin_cos();
    let h = [
        [0.9 * cos, -0.9 * sin, 50.0],
        [0.9 * sin, 0.9 * cos, -10.0],
        [0.0, 0.0, 1.0],
    ];
    let seen = warp(&scene, &h, 320, 260, [120; 3]).to_gray();
    let scene = scene.to_gray();
    for config in all() {
        let extractor = config.extractor().unwrap();
        assert_eq!(extractor.kind(), config.descriptor);
        let (left, right) = (
            extractor.extract(&scene).unwrap(),
            extractor.extract(&seen).unwrap(),
        );
        sound(&left, &config);
        let pairs = match_descriptors(
            &left.descriptors,
            &right.descriptors,
            &MatchConfig::default(),
        );
        let right_places = pairs.iter().filter(|pair| {
            let from = &left.keypoints[pair.a as usize];
            let to = &right.keypoints[pair.b as usize];
            let (x, y) = (f64::from(from.x), f64::from(from.y));
            let at = |row: [f64; 3]| row[0] * x + row[1] * y + row[2];
            (at(h[0]) - f64::from(to.x)).hypot(at(h[1]) - f64::from(to.y)) < 5.0
        });
        let right_places = right_places.count();
        // A grid does not turn with the picture, and plain patterns of one size tell little.
        let least = match config.detector {
            Detector::Dense => 0,
            _ => 8,
        };
        assert!(
            right_places >= least && 3 * right_places >= pairs.len().min(3 * least),
            "{config:?}: {right_places} of {} pairs of {} features",
            pairs.len(),
            left.len()
        );
    }
}

#[test]
fn strange_images_have_sound_features_or_none() {
    let images = [
        (1, 1),
        (2, 3),
        (7, 7),
        (1, 4_000),
        (4_000, 1),
        (9, 2_000),
        (64, 64),
    ];
    for config in all() {
        let extractor = config.extractor().unwrap();
        for (width, height) in images {
            for values in [
                vec![0u8; width * height],
                vec![255; width * height],
                (0..width * height)
                    .map(|i| if i % 7 < 3 { 255 } else { 0 })
                    .collect(),
            ] {
                let image = Gray::new(width, height, values).unwrap();
                sound(&extractor.extract(&image).unwrap(), &config);
            }
        }
    }
}
