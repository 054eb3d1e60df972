//! Descriptions of whole images: names, maps, combinations, and images of any kind.

#![allow(clippy::unwrap_used)]

use vizsla_features::{Combined, Distance, WholeImage};
use vizsla_pixels::Rgb;

/// A picture of waves and a rectangle; `seed` moves them.
fn picture(width: usize, height: usize, seed: usize) -> Rgb {
    let mut data = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let wave = ((x * (3 + seed) + y * 5) % 97 * 255 / 97) as u8;
            let inside = x > width / 3 && y > height / 4 && x < width * 3 / 4 + seed;
            let red = if inside { 230 - 20 * seed as u8 } else { 40 };
            data.extend([red, wave, (y * 255 / height) as u8]);
        }
    }
    Rgb::new(width, height, data).unwrap()
}

/// Every method, with parameters at the ends of their ranges, too.
fn all() -> Vec<WholeImage> {
    let extreme = [
        "hsv:1x1x1",
        "hsv:1,1,1@8x8",
        "rgb:16x16x16",
        "lab:256,256,256@2x2",
        "moments:lab@8x8",
        "layout:1,1",
        "layout:64,64",
        "correlogram:16",
        "correlogram:1,2,3,4,5,6,7,16",
        "lbp:4,8@8x8",
        "lbp:16,1",
        "lbp_ri:16,8",
        "cs_lbp:16,8@3x3",
        "gabor:2x2",
        "gabor:6x12",
        "cooccurrence:2,16",
        "cooccurrence:64,1",
        "hog:2,2",
        "hog:16,36",
        "phog:2,0",
        "phog:40,4",
        "average_hash:32",
        "difference_hash:2",
        "dct_hash:32",
        "wavelet_hash:32",
    ];
    let names = WholeImage::names().map(str::to_owned);
    let texts = names.chain(extreme.map(str::to_owned));
    texts.map(|text| text.parse().unwrap()).collect()
}

#[test]
fn texts_are_read_as_they_are_written() {
    for whole in all() {
        let text = whole.to_string();
        assert_eq!(text.parse::<WholeImage>().unwrap(), whole, "{text}");
        let json = serde_json::to_string(&whole).unwrap();
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<WholeImage>(&json).unwrap(), whole);
    }
    assert_eq!(
        "hsv".parse::<WholeImage>().unwrap().to_string(),
        "hsv:8x4x4"
    );
}

#[test]
fn what_cannot_be_used_is_refused_with_what_can() {
    let error = "surf".parse::<WholeImage>().unwrap_err().to_string();
    assert!(error.starts_with("there is no whole-image descriptor 'surf'; choose rgb, hsv, lab, "));
    let error = "lbp:99,1".parse::<WholeImage>().unwrap_err().to_string();
    assert!(
        error.starts_with("'lbp:99,1' cannot be used: lbp takes POINTS,RADIUS (4 to 16"),
        "{error}"
    );
    for text in [
        "",
        "hsv:",
        "hsv:0x1x1",
        "hsv:17x17x17",
        "hsv:8x4",
        "hsv:257,1,1",
        "hsv@9x1",
        "hsv@0x1",
        "hsv:8x4x4@",
        "moments:xyz",
        "layout:0,1",
        "layout:6,3@2x2",
        "correlogram:",
        "correlogram:3,1",
        "correlogram:17",
        "correlogram:1,2,3,4,5,6,7,8,9",
        "correlogram@2x2",
        "lbp:3,1",
        "lbp:8,0",
        "cs_lbp:7,1",
        "gabor:1x6",
        "cooccurrence:1,1",
        "tamura:1",
        "hog:1,9",
        "hog@2x2",
        "phog:8,5",
        "edges:1",
        "edges@2x2",
        "hu:1",
        "average_hash:1",
        "wavelet_hash:12",
        "dct_hash:33",
        "hsv ",
        "HSV",
    ] {
        assert!(text.parse::<WholeImage>().is_err(), "{text}");
    }
    assert!(serde_json::from_str::<WholeImage>("\"hsv:0x1x1\"").is_err());
}

#[test]
fn any_image_is_described() {
    let images = [
        Rgb::filled(1, 1, [7, 200, 90]).unwrap(),
        Rgb::filled(1, 10_000, [0, 0, 0]).unwrap(),
        Rgb::filled(10_000, 1, [255, 255, 255]).unwrap(),
        Rgb::filled(300, 200, [255, 255, 255]).unwrap(),
        Rgb::filled(64, 64, [0, 0, 0]).unwrap(),
        Rgb::filled(2, 3, [128, 128, 128]).unwrap(),
        picture(3, 2, 0),
        picture(1, 10_000, 1),
        picture(10_000, 1, 1),
        picture(17, 5, 0),
        picture(300, 222, 0),
    ];
    for whole in all() {
        for image in &images {
            let found = whole.describe(image);
            let size = (image.width(), image.height());
            assert_eq!(found.len(), whole.dimension(), "{whole} {size:?}");
            assert!(
                found.iter().all(|v| v.is_finite()),
                "{whole} {size:?}: {found:?}"
            );
            for &distance in whole.distances() {
                let apart = whole.between(distance, &found, &found);
                assert!(apart.abs() < 1e-3, "{whole} {distance} {size:?}: {apart}");
                if let Some(map) = whole.feature_map(distance) {
                    let mapped = map.map(&found);
                    assert_eq!(mapped.len(), map.dimension());
                    let length: f32 = mapped.iter().map(|v| v * v).sum();
                    let empty = found.iter().all(|&v| v <= 0.0);
                    assert!(
                        (length - 1.0).abs() < 1e-4 || empty && length == 0.0,
                        "{whole} {length}"
                    );
                }
            }
        }
    }
}

fn inner(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// What an inner product must be for a distance.
fn kernel(whole: &WholeImage, distance: Distance, a: &[f32], b: &[f32]) -> f32 {
    let apart = whole.between(distance, a, b);
    match distance {
        Distance::Hellinger => 1.0 - apart * apart,
        Distance::Hamming => 1.0 - 2.0 * apart / a.len() as f32,
        Distance::L1 => 1.0 - apart / 2.0,
        _ => 1.0 - apart,
    }
}

#[test]
fn inner_products_of_maps_are_the_kernels() {
    let mut checked = 0;
    let mut worst = [0.0f32; 2];
    for whole in all() {
        let images: Vec<_> = (0..5).map(|seed| picture(120, 90, seed)).collect();
        let found: Vec<_> = images.iter().map(|image| whole.describe(image)).collect();
        for &distance in whole.distances() {
            let Some(map) = whole.feature_map(distance) else {
                continue;
            };
            let mapped: Vec<_> = found.iter().map(|v| map.map(v)).collect();
            for (a, b) in [(0, 1), (0, 4), (2, 3), (1, 1)] {
                let expected = kernel(&whole, distance, &found[a], &found[b]);
                let off = (inner(&mapped[a], &mapped[b]) - expected).abs();
                let most = match distance {
                    Distance::ChiSquared => 0.064,
                    Distance::Intersection | Distance::L1 => 0.15,
                    _ => 1e-4,
                };
                assert!(off < most, "{whole} {distance}: {off}");
                match distance {
                    Distance::ChiSquared => worst[0] = worst[0].max(off),
                    Distance::Intersection | Distance::L1 => worst[1] = worst[1].max(off),
                    _ => {}
                }
                checked += 1;
            }
        }
    }
    println!("{checked} pairs; off at most {worst:?} for chi-squared and intersection");
    assert!(checked > 100);
}

#[test]
fn hues_next_to_each_other_are_near_for_the_earth_mover() {
    let whole: WholeImage = "hsv:32,2,2".parse().unwrap();
    let of = |color| whole.describe(&Rgb::filled(8, 8, color).unwrap());
    let (red, pink, cyan) = (of([255, 0, 0]), of([255, 0, 20]), of([0, 255, 255]));
    let apart = |a: &[f32], b: &[f32]| whole.between(Distance::EarthMovers, a, b);
    assert!(apart(&red, &pink) < 0.02);
    assert!((apart(&red, &cyan) - 0.5 / 3.0).abs() < 0.02);
    let joint: WholeImage = "rgb:8x8x8".parse().unwrap();
    let of = |color| joint.describe(&Rgb::filled(8, 8, color).unwrap());
    let work = joint.between(Distance::EarthMovers, &of([0, 0, 0]), &of([255, 0, 0]));
    assert!((work - 0.875).abs() < 1e-5, "{work}");
    // More occupied bins than take part.
    let (a, b) = (
        joint.describe(&picture(99, 80, 0)),
        joint.describe(&picture(99, 80, 3)),
    );
    let work = joint.between(Distance::EarthMovers, &a, &b);
    assert!(work > 0.0 && work < 1.0, "{work}");
}

#[test]
fn combinations_are_weighted_sums_of_kernels() {
    let text = "hsv:8x4x4*0.5+lbp:8,1/hellinger*0.3+phog:8,3*0.2";
    let combined: Combined = text.parse().unwrap();
    assert_eq!(combined.to_string(), text);
    assert_eq!(
        serde_json::to_string(&combined).unwrap(),
        format!("\"{text}\"")
    );
    let (a, b) = (picture(120, 90, 0), picture(120, 90, 3));
    let found = inner(&combined.vector(&a), &combined.vector(&b));
    let mut expected = 0.0;
    for (whole, distance, weight) in combined.parts() {
        let map = whole.feature_map(distance).unwrap();
        let vectors = [&a, &b].map(|image| map.map(&whole.describe(image)));
        expected += weight * inner(&vectors[0], &vectors[1]);
    }
    assert!((found - expected).abs() < 1e-5);
    assert_eq!(combined.vector(&a).len(), combined.dimension());
    assert!((inner(&combined.vector(&a), &combined.vector(&a)) - 1.0).abs() < 1e-5);
    // Weights count by their share.
    let doubled: Combined = "hsv*1+lbp/hellinger*0.6+phog*0.4".parse().unwrap();
    assert!((inner(&doubled.vector(&a), &doubled.vector(&b)) - found).abs() < 1e-5);
    for text in [
        "",
        "hsv+",
        "hsv*0",
        "hsv*-1",
        "hsv*nan",
        "hsv*inf",
        "hsv*",
        "hsv/",
        "hsv/l9",
        "lbp/earth_movers",
        "hu/hamming",
    ] {
        assert!(text.parse::<Combined>().is_err(), "{text}");
    }
    let error = "moments/hamming".parse::<Combined>();
    assert_eq!(
        error.unwrap_err().to_string(),
        "moments:hsv cannot be compared by hamming; choose l1 or l2 or cosine"
    );
}

#[test]
fn a_distance_without_a_map_is_kept_for_the_end() {
    let (a, b) = (picture(120, 90, 1), picture(120, 90, 2));
    let combined: Combined = "hsv/earth_movers*3+moments/l2".parse().unwrap();
    assert!(!combined.is_mapped());
    assert_eq!(combined.to_string().parse::<Combined>().unwrap(), combined);
    let records = [&a, &b].map(|image| combined.record(image));
    assert!(
        records
            .iter()
            .all(|r| r.len() == combined.record_dimension())
    );
    // What is found is found by the maps of the usual distances.
    let usual: Combined = "hsv*3+moments".parse().unwrap();
    for (image, record) in [&a, &b].into_iter().zip(&records) {
        assert_eq!(combined.vector_of_record(record), usual.vector(image));
        assert_eq!(combined.vector(image), usual.vector(image));
    }
    let parts = [("hsv", Distance::EarthMovers), ("moments", Distance::L2)];
    let [colour, moments] = parts.map(|(name, distance)| {
        let whole: WholeImage = name.parse().unwrap();
        whole.between(distance, &whole.describe(&a), &whole.describe(&b))
    });
    let wanted = 0.75 * colour + 0.25 * moments;
    let found = combined.distance(&records[0], &records[1]).unwrap();
    assert!((found - wanted).abs() < 1e-5, "{found} {wanted}");
}
