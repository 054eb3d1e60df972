//! Matching by rules, robust estimation and guided matching on two photographs of a wall.
//!
//! Needs the sequence `graf` of Mikolajczyk et al. (IJCV 2005) in `$VIZSLA_DATA/oxford_affine`.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use vizsla_features::{
    Correspondence, CrossCheck, Detector, ExtractorConfig, Features, GuidedConfig, MatchRule,
    RansacConfig, RatedMatch, SampleKind, Sampling, Scoring, SecondNeighbour, SpatialConfig,
    Transform, TwoViewGeometry, TwoViewModel, match_features, match_guided, ransac, spatial_match,
};
use vizsla_pixels::{DecodeOptions, read_gray};

/// The features of the first and the third picture, and the homography between them; `None` where the data are not there.
fn graf() -> Option<(Features, Features, Transform)> {
    let data = std::env::var_os("VIZSLA_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = data.join("oxford_affine/graf");
    if !folder.exists() {
        println!(
            "skipped: {} is not there (set VIZSLA_DATA)",
            folder.display()
        );
        return None;
    }
    let extractor = ExtractorConfig {
        detector: Detector::HessianAffine,
        budget: 1000,
        ..ExtractorConfig::default()
    }
    .extractor()
    .unwrap();
    let features = |n: usize| {
        let path = folder.join(format!("img{n}.png"));
        let image = read_gray(&path, &DecodeOptions::default()).unwrap().image;
        extractor.extract(&image).unwrap()
    };
    let text = fs_err::read_to_string(folder.join("H1to3p")).unwrap();
    let mut numbers = text.split_whitespace().map(|v| v.parse::<f64>().unwrap());
    let h = Transform(std::array::from_fn(|_| {
        std::array::from_fn(|_| numbers.next().unwrap())
    }));
    Some((features(1), features(3), h))
}

fn correspondences(a: &Features, b: &Features, matches: &[RatedMatch]) -> Vec<Correspondence> {
    (matches.iter())
        .map(|m| Correspondence {
            from: a.keypoints[m.a as usize].frame(),
            to: b.keypoints[m.b as usize].frame(),
            weight: (1.0 - m.ratio()).max(1e-3),
        })
        .collect()
}

/// How many matches the true homography explains within three pixels.
fn right(points: &[Correspondence], h: &Transform) -> usize {
    let truth = TwoViewGeometry::Plane(*h);
    let error = |c: &Correspondence| truth.squared_error((c.from.x, c.from.y), (c.to.x, c.to.y));
    points.iter().filter(|c| error(c) < 9.0).count()
}

fn size(features: &Features) -> (f64, f64) {
    (f64::from(features.width), f64::from(features.height))
}

#[test]
fn a_slanted_wall_is_matched_estimated_and_matched_again() {
    let Some((a, b, h)) = graf() else {
        return;
    };
    let rule = |second, check| MatchRule {
        second,
        check,
        ..MatchRule::default()
    };
    let lowe = match_features(&a, &b, &rule(SecondNeighbour::Nearest, CrossCheck::Mutual));
    let fginn = match_features(
        &a,
        &b,
        &rule(SecondNeighbour::Inconsistent, CrossCheck::Mutual),
    );
    let symmetric = match_features(
        &a,
        &b,
        &rule(SecondNeighbour::Inconsistent, CrossCheck::Symmetric),
    );
    let points = correspondences(&a, &b, &fginn);
    assert!(fginn.len() > lowe.len() && symmetric.len() <= fginn.len());
    assert!(right(&points, &h) > right(&correspondences(&a, &b, &lowe), &h));
    let corners = [(0.0, 0.0), (799.0, 0.0), (799.0, 639.0), (0.0, 639.0)];
    let off = |found: &TwoViewGeometry| {
        let errors = corners.map(|p| found.squared_error(p, h.apply(p.0, p.1).unwrap()).sqrt());
        errors.into_iter().fold(0.0, f64::max)
    };
    let mut best = None;
    for config in [
        RansacConfig::default(),
        RansacConfig {
            sampling: Sampling::Prosac,
            scoring: Scoring::Magsac,
            ..RansacConfig::default()
        },
        RansacConfig {
            sample: SampleKind::Frames,
            min_iterations: 200,
            ..RansacConfig::default()
        },
    ] {
        let found = ransac(&points, size(&a), size(&b), &config).unwrap();
        assert!(
            off(&found.geometry) < 8.0,
            "{config:?} {}",
            off(&found.geometry)
        );
        assert!(found.log10_nfa < -50.0);
        best = Some(found);
    }
    let found = spatial_match(&points, size(&a), size(&b), &SpatialConfig::default()).unwrap();
    assert!(off(&found.geometry) < 8.0);
    let guided = match_guided(&a, &b, &best.unwrap().geometry, &GuidedConfig::default());
    let again = correspondences(&a, &b, &guided);
    println!(
        "right: ratio {} of {}, FGINN {} of {}, guided {} of {}",
        right(&correspondences(&a, &b, &lowe), &h),
        lowe.len(),
        right(&points, &h),
        points.len(),
        right(&again, &h),
        again.len()
    );
    assert!(right(&again, &h) > right(&points, &h));
    // A plane is no trouble for epipolar lines as far as the matches go.
    let lines = RansacConfig {
        model: TwoViewModel::Fundamental,
        ..RansacConfig::default()
    };
    let found = ransac(&again, size(&a), size(&b), &lines).unwrap();
    assert!(found.inliers.len() > again.len() * 3 / 4);
    let along = match_guided(&a, &b, &found.geometry, &GuidedConfig::default());
    assert!(right(&correspondences(&a, &b, &along), &h) > right(&points, &h) / 2);
}
