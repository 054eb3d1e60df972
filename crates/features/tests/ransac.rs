//! The configurable robust estimators on synthetic scenes and on odd input.
#![allow(clippy::unwrap_used)]

use vizsla_features::{
    Consensus, Correspondence, Degeneracy, Frame, HoughConfig, LocalConsistencyConfig,
    LocalOptimisation, RansacConfig, Rejection, SampleKind, Sampling, Scoring, SequentialConfig,
    Shape, SpatialConfig, SpatialHypothesis, Transform, TransformModel, TwoViewGeometry,
    TwoViewModel, hough_poses, local_support, locally_consistent, ransac, sequential_ransac,
    spatial_match,
};

#[path = "support/numbers.rs"]
mod numbers;

use numbers::{Numbers, SIZE, gap, views};

impl Numbers {
    fn unrelated(&mut self) -> Correspondence {
        Correspondence {
            from: self.frame(),
            to: self.frame(),
            weight: 0.2 + self.below(0.5),
        }
    }

    /// Agrees with the transform up to about half a pixel, 6 % of scale and 3 degrees.
    fn related(&mut self, transform: &Transform) -> Correspondence {
        let from = self.frame();
        let (x, y) = transform.apply(from.x, from.y).unwrap();
        let [[a, b], [c, d]] = transform.jacobian_at(from.x, from.y).unwrap();
        let (sin, cos) = from.angle.sin_cos();
        // The frame of the ellipse that the circle becomes: A R = P Q with P symmetric.
        let m = [
            [a * cos + b * sin, b * cos - a * sin],
            [c * cos + d * sin, d * cos - c * sin],
        ];
        let [[p, q], [r, s]] = m;
        let area = p * s - q * r;
        let (xx, xy, yy) = (p * p + q * q, p * r + q * s, r * r + s * s);
        let shape = Shape::of_matrix([[xx + area, xy], [xy, yy + area]]).unwrap();
        let [[e, f], [_, g]] = shape.matrix();
        let turned = (g * p - f * r, e * r - f * p);
        let to = Frame {
            x: x + self.around(0.5),
            y: y + self.around(0.5),
            scale: from.scale * area.sqrt() * self.around(0.06).exp(),
            angle: turned.1.atan2(turned.0) + self.around(0.05),
            shape,
        };
        Correspondence {
            from,
            to,
            weight: 0.4 + self.below(0.6),
        }
    }

    fn mixture(
        &mut self,
        transform: &Transform,
        related: usize,
        all: usize,
    ) -> Vec<Correspondence> {
        let mut mixed: Vec<_> = (0..all)
            .map(|i| {
                if i < related {
                    self.related(transform)
                } else {
                    self.unrelated()
                }
            })
            .collect();
        self.shuffle(&mut mixed);
        mixed
    }

    fn shuffle(&mut self, mixed: &mut [Correspondence]) {
        for i in (1..mixed.len()).rev() {
            mixed.swap(i, self.below((i + 1) as f64) as usize);
        }
    }

    /// Pairs of a moving camera, a share of them on one plane; without noise where `noise` is 0.
    fn depths(&mut self, count: usize, flat: usize, noise: f64) -> Vec<Correspondence> {
        let (sin, cos) = 0.15f64.sin_cos();
        let mut pairs = Vec::new();
        while pairs.len() < count {
            let mut from = self.frame();
            let ray = [(from.x - 400.0) / 800.0, (from.y - 300.0) / 800.0];
            let slanted = 6.0 / (1.0 - 0.3 * ray[0] - 0.2 * ray[1]);
            let depth = if pairs.len() < flat {
                slanted
            } else {
                3.0 + self.below(6.0)
            };
            let [x, y, z] = [ray[0] * depth, ray[1] * depth, depth];
            let [x, y, z] = [cos * x + sin * z - 0.9, y + 0.3, cos * z - sin * x + 0.2];
            let (u, v) = (400.0 + 800.0 * x / z, 300.0 + 800.0 * y / z);
            if !(0.0..800.0).contains(&u) || !(0.0..600.0).contains(&v) {
                continue;
            }
            let mut to = from;
            (to.x, to.y) = (u + self.around(noise), v + self.around(noise));
            from.x += self.around(noise);
            let weight = 0.4 + self.below(0.6);
            pairs.push(Correspondence { from, to, weight });
        }
        pairs
    }

    fn scene(&mut self, related: usize, flat: usize, all: usize) -> Vec<Correspondence> {
        let mut mixed = self.depths(related, flat, 0.4);
        mixed.extend((related..all).map(|_| self.unrelated()));
        self.shuffle(&mut mixed);
        mixed
    }
}

/// Median Sampson distance of pairs without noise, none of them on the plane.
fn line_error(found: &Consensus) -> f64 {
    let exact = Numbers(99).depths(101, 0, 0.0);
    let mut errors: Vec<f64> = (exact.iter())
        .map(|c| {
            let error = (found.geometry).squared_error((c.from.x, c.from.y), (c.to.x, c.to.y));
            error.sqrt()
        })
        .collect();
    errors.sort_by(f64::total_cmp);
    errors[50]
}

fn every_search() -> Vec<RansacConfig> {
    let mut all = Vec::new();
    for sampling in Sampling::ALL {
        for scoring in Scoring::ALL {
            for local in LocalOptimisation::ALL {
                for rejection in Rejection::ALL {
                    all.push(RansacConfig {
                        sampling,
                        scoring,
                        local,
                        rejection,
                        ..RansacConfig::default()
                    });
                }
            }
        }
    }
    all
}

#[test]
fn every_choice_finds_every_plane() {
    for (model, truth) in views() {
        let model = TwoViewModel::from(model);
        let points = Numbers(3).mixture(&truth, 150, 300);
        for config in every_search() {
            let config = RansacConfig { model, ..config };
            let found = ransac(&points, SIZE, SIZE, &config).unwrap();
            let off = gap(found.geometry.transform().unwrap(), &truth);
            assert!(off < 2.5, "{config:?}: {off}");
            assert!(
                found.inliers.len() >= 140 && found.log10_nfa < -100.0,
                "{config:?}: {found:?}"
            );
            assert!(found.inliers.windows(2).all(|w| w[0] < w[1]));
        }
    }
}

#[test]
fn every_choice_finds_epipolar_lines() {
    let points = Numbers(4).scene(150, 30, 250);
    for config in every_search() {
        let config = RansacConfig {
            model: TwoViewModel::Fundamental,
            threshold: 1.5,
            ..config
        };
        let found = ransac(&points, SIZE, SIZE, &config).unwrap();
        assert!(
            line_error(&found) < 0.6,
            "{config:?}: {}",
            line_error(&found)
        );
        assert!(
            found.inliers.len() >= 140 && found.log10_nfa < -40.0,
            "{config:?}"
        );
        let f = found.geometry.fundamental().unwrap();
        assert!(f.determinant().abs() < 1e-12);
    }
}

#[test]
fn frames_find_what_few_agree_on() {
    for (model, truth) in views() {
        let model = TwoViewModel::from(model);
        let points = Numbers(5).mixture(&truth, 24, 400);
        let config = RansacConfig {
            model,
            sample: SampleKind::Frames,
            local: LocalOptimisation::LoPlus,
            min_iterations: 500,
            ..RansacConfig::default()
        };
        let found = ransac(&points, SIZE, SIZE, &config).unwrap();
        let off = gap(found.geometry.transform().unwrap(), &truth);
        assert!(off < 6.0 && found.inliers.len() >= 20, "{model}: {off}");
    }
}

#[test]
fn a_dominant_plane_does_not_hide_the_depth() {
    let (mut with, mut without) = (0, 0);
    for seed in 0..8 {
        let points = Numbers(100 + seed).scene(200, 175, 300);
        let config = RansacConfig {
            model: TwoViewModel::Fundamental,
            threshold: 1.5,
            seed,
            ..RansacConfig::default()
        };
        let ignore = RansacConfig {
            degeneracy: Degeneracy::Ignore,
            ..config
        };
        let right = |config| {
            let found = ransac(&points, SIZE, SIZE, config);
            usize::from(found.is_some_and(|f| line_error(&f) < 1.0))
        };
        with += right(&config);
        without += right(&ignore);
    }
    assert!(with >= 7 && with >= without, "{with} {without}");
}

#[test]
fn prosac_needs_fewer_samples_where_weights_tell() {
    let truth = views()[2].1;
    let mut points = Numbers(6).mixture(&truth, 60, 400);
    for c in &mut points {
        let (x, y) = truth.apply(c.from.x, c.from.y).unwrap();
        let right = (x - c.to.x).hypot(y - c.to.y) < 3.0;
        c.weight = if right { c.weight + 0.3 } else { c.weight };
    }
    let uniform = RansacConfig {
        max_iterations: 100_000,
        ..RansacConfig::default()
    };
    let prosac = RansacConfig {
        sampling: Sampling::Prosac,
        ..uniform
    };
    let (a, b) = (
        ransac(&points, SIZE, SIZE, &uniform).unwrap(),
        ransac(&points, SIZE, SIZE, &prosac).unwrap(),
    );
    assert!(
        b.iterations * 10 < a.iterations,
        "{} {}",
        a.iterations,
        b.iterations
    );
    assert!(gap(b.geometry.transform().unwrap(), &truth) < 3.0);
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let points = Numbers(7).scene(100, 60, 200);
    for config in every_search() {
        let config = RansacConfig {
            model: TwoViewModel::Fundamental,
            max_iterations: 300,
            seed: 3,
            ..config
        };
        let found = ransac(&points, SIZE, SIZE, &config);
        assert_eq!(found, ransac(&points, SIZE, SIZE, &config));
    }
}

#[test]
fn several_objects_are_found_one_after_another() {
    let maps = [
        Transform::similarity(0.5, 0.3, 100.0, 20.0),
        Transform::similarity(0.6, -0.8, 300.0, 300.0),
        Transform([[0.4, -0.1, 400.0], [0.05, 0.5, 50.0], [1e-4, 0.0, 1.0]]),
    ];
    let mut numbers = Numbers(8);
    let mut points: Vec<_> = (maps.iter().zip([90, 60, 40]))
        .flat_map(|(map, count)| (0..count).map(|_| numbers.related(map)).collect::<Vec<_>>())
        .collect();
    points.extend((0..150).map(|_| numbers.unrelated()));
    for sample in [SampleKind::Points, SampleKind::Frames] {
        let config = RansacConfig {
            sample,
            max_iterations: 20_000,
            ..RansacConfig::default()
        };
        let stop = SequentialConfig::default();
        let found = sequential_ransac(&points, SIZE, SIZE, &config, &stop);
        assert_eq!(
            found.len(),
            3,
            "{sample}: {:?}",
            found.iter().map(|f| f.log10_nfa).collect::<Vec<_>>()
        );
        for (object, map) in found.iter().zip(&maps) {
            assert!(gap(object.geometry.transform().unwrap(), map) < 6.0);
        }
        let mut all: Vec<u32> = found.iter().flat_map(|f| f.inliers.clone()).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}

#[test]
fn chance_means_nothing() {
    for seed in 0..30 {
        let mut numbers = Numbers(seed);
        let points: Vec<_> = (0..150).map(|_| numbers.unrelated()).collect();
        for model in TwoViewModel::ALL {
            let config = RansacConfig {
                model,
                max_iterations: 300,
                ..RansacConfig::default()
            };
            let stop = SequentialConfig {
                max_log10_nfa: -1.0,
                ..SequentialConfig::default()
            };
            assert!(
                sequential_ransac(&points, SIZE, SIZE, &config, &stop).is_empty(),
                "{model}"
            );
        }
        assert!(hough_poses(&points, SIZE, SIZE, &HoughConfig::default()).is_empty());
    }
}

#[test]
fn single_correspondences_find_a_plane() {
    let truth = Transform([[0.45, -0.4, 350.0], [0.2, 0.8, -20.0], [1e-4, 0.0, 1.0]]);
    let points = Numbers(9).mixture(&truth, 20, 600);
    let found = spatial_match(&points, SIZE, SIZE, &SpatialConfig::default()).unwrap();
    assert!(gap(found.geometry.transform().unwrap(), &truth) < 12.0);
    assert!(
        found.inliers.len() >= 18 && found.log10_nfa < -10.0,
        "{found:?}"
    );
    assert_eq!(found.iterations, 600);
    // A picture that stands as the other does is found by every kind of hypothesis.
    let truth = Transform([[0.6, 0.0, 150.0], [0.0, 0.6, 20.0], [0.0, 0.0, 1.0]]);
    let points = Numbers(10).mixture(&truth, 40, 400);
    for hypothesis in SpatialHypothesis::ALL {
        for model in [TransformModel::Similarity, TransformModel::Affine] {
            let config = SpatialConfig {
                hypothesis,
                model,
                ..SpatialConfig::default()
            };
            let found = spatial_match(&points, SIZE, SIZE, &config).unwrap();
            let off = gap(found.geometry.transform().unwrap(), &truth);
            assert!(off < 5.0, "{hypothesis}: {off}");
        }
    }
}

#[test]
fn votes_find_two_poses_in_many() {
    let maps = [
        Transform::similarity(0.5, 0.3, 100.0, 20.0),
        Transform::similarity(0.8, -0.8, 0.0, 300.0),
    ];
    let mut numbers = Numbers(11);
    let mut points: Vec<_> = (maps.iter())
        .flat_map(|map| (0..15).map(|_| numbers.related(map)).collect::<Vec<_>>())
        .collect();
    points.extend((0..1000).map(|_| numbers.unrelated()));
    let found = hough_poses(&points, SIZE, SIZE, &HoughConfig::default());
    assert_eq!(found.len(), 2, "{found:?}");
    for map in &maps {
        let off = found.iter().map(|f| gap(&f.transform, map));
        assert!(off.fold(f64::INFINITY, f64::min) < 40.0);
    }
    assert!(found.iter().all(|f| f.inliers.len() >= 12 && f.votes >= 8));
}

#[test]
fn neighbours_tell_right_from_wrong() {
    let truth = views()[2].1;
    let mut numbers = Numbers(12);
    let mut points: Vec<_> = (0..100).map(|_| numbers.related(&truth)).collect();
    points.extend((0..100).map(|_| numbers.unrelated()));
    let kept = locally_consistent(&points, &LocalConsistencyConfig::default());
    let right = kept.iter().filter(|&&i| i < 100).count();
    let wrong = kept.len() - right;
    assert!(right >= 85 && wrong <= 2, "{right} {wrong}");
}

/// Correspondences that fix nothing, by name: what a line fixes, and nothing.
fn odd_sets() -> Vec<(&'static str, Vec<Correspondence>)> {
    let mut numbers = Numbers(13);
    let line = |i: usize| {
        let t = i as f64 * 7.0;
        let mut c = Numbers(i as u64).unrelated();
        (c.from.x, c.from.y) = (t, 0.5 * t + 3.0);
        (c.to.x, c.to.y) = (600.0 - t, 2.0 + t);
        c
    };
    let collinear: Vec<_> = (0..60).map(line).collect();
    let same = vec![numbers.unrelated(); 60];
    let broken: Vec<_> = (0..60)
        .map(|i| {
            let mut c = numbers.unrelated();
            match i % 4 {
                0 => c.from.x = f64::NAN,
                1 => c.to.y = f64::INFINITY,
                2 => c.weight = [f64::NAN, 0.0, -1.0][i % 3],
                _ => c.from.y = -1e300,
            }
            c
        })
        .collect();
    let huge: Vec<_> = (0..60)
        .map(|_| {
            let mut c = numbers.unrelated();
            c.from.x = (numbers.below(2.0) - 1.0) * 9e8;
            c.to.y = (numbers.below(2.0) - 1.0) * 9e8;
            c.from.scale = [1e-8, 1e8][numbers.below(2.0) as usize];
            c
        })
        .collect();
    vec![
        ("few", same[..2].to_vec()),
        ("none", Vec::new()),
        ("collinear", collinear),
        ("same", same),
        ("broken", broken),
        ("huge", huge),
    ]
}

/// Nobody fixes anything but what a line fixes, and nothing panics.
#[test]
fn odd_input_is_defined() {
    for (name, points) in &odd_sets() {
        for search in every_search() {
            for model in TwoViewModel::ALL {
                for sample in SampleKind::ALL {
                    let config = RansacConfig {
                        model,
                        sample,
                        max_iterations: 60,
                        ..search
                    };
                    let found = ransac(points, SIZE, SIZE, &config);
                    let fixed = match (*name, model) {
                        ("huge", _) | ("collinear", TwoViewModel::Similarity) => continue,
                        ("collinear", _) => sample == SampleKind::Frames,
                        _ => false,
                    };
                    assert!(fixed || found.is_none(), "{name} {config:?} {found:?}");
                }
            }
        }
        let finite = |g: &TwoViewGeometry| g.transform().is_some_and(Transform::is_finite);
        let found = spatial_match(points, SIZE, SIZE, &SpatialConfig::default());
        assert!(found.is_none_or(|f| finite(&f.geometry)), "{name}");
        for pose in hough_poses(points, SIZE, SIZE, &HoughConfig::default()) {
            assert!(pose.transform.is_finite(), "{name}");
        }
        let support = local_support(points, &LocalConsistencyConfig::default());
        assert_eq!(support.len(), points.len());
    }
}

#[test]
fn unusable_configurations_find_nothing() {
    let points = Numbers(14).mixture(&views()[0].1, 40, 80);
    let good = RansacConfig::default();
    for threshold in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let config = RansacConfig { threshold, ..good };
        assert!(ransac(&points, SIZE, SIZE, &config).is_none());
        let config = SpatialConfig {
            threshold,
            ..SpatialConfig::default()
        };
        assert!(spatial_match(&points, SIZE, SIZE, &config).is_none());
    }
    for confidence in [0.0, 1.0, -3.0, f64::NAN] {
        let config = RansacConfig { confidence, ..good };
        assert!(ransac(&points, SIZE, SIZE, &config).is_none());
    }
    for size in [(0.0, 5.0), (f64::NAN, 5.0), (5.0, f64::INFINITY)] {
        assert!(ransac(&points, size, SIZE, &good).is_none());
        assert!(ransac(&points, SIZE, size, &good).is_none());
        assert!(spatial_match(&points, size, SIZE, &SpatialConfig::default()).is_none());
        assert!(hough_poses(&points, SIZE, size, &HoughConfig::default()).is_empty());
    }
    let none = RansacConfig {
        max_iterations: 0,
        ..good
    };
    assert!(ransac(&points, SIZE, SIZE, &none).is_none());
    let stop = SequentialConfig {
        removal: f64::NAN,
        ..SequentialConfig::default()
    };
    assert!(sequential_ransac(&points, SIZE, SIZE, &good, &stop).is_empty());
}
