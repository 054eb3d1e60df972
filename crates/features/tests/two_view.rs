//! Two-view geometry from minimal samples and by least squares, against NumPy, OpenCV, PoseLib and SciPy;
//! `reference/two_view.py` makes the values.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use vizsla_features::{
    Correspondence, Frame, Fundamental, SampleKind, Shape, TransformModel, TwoViewGeometry,
    TwoViewModel, fit_fundamental, log10_nfa_of_models, solve_minimal,
};

#[path = "support/numbers.rs"]
mod numbers;

use numbers::Numbers;

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/two_view.json")).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn array(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

fn matrix(value: &Value) -> [[f64; 3]; 3] {
    std::array::from_fn(|r| std::array::from_fn(|c| number(&value[r][c])))
}

fn at(point: &Value) -> Frame {
    Frame {
        x: number(&point[0]),
        y: number(&point[1]),
        scale: 1.0,
        angle: 0.0,
        shape: Shape::CIRCLE,
    }
}

/// The pairs of a case; second features have its frames where there are any.
fn pairs(case: &Value) -> Vec<Correspondence> {
    (array(&case["from"]).iter().zip(array(&case["to"])))
        .enumerate()
        .map(|(i, (from, to))| {
            let mut to = at(to);
            if let Some(frame) = case["frames"].get(i) {
                to.scale = number(&frame["scale"]);
                to.angle = number(&frame["angle"]);
                to.shape = Shape {
                    u: number(&frame["u"]) as f32,
                    v: number(&frame["v"]) as f32,
                };
            }
            Correspondence {
                from: at(from),
                to,
                weight: 1.0,
            }
        })
        .collect()
}

fn gap(a: &[[f64; 3]; 3], b: &[[f64; 3]; 3]) -> f64 {
    let entries = a.iter().flatten().zip(b.iter().flatten());
    entries.map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
}

fn fundamentals(points: &[Correspondence], kind: SampleKind) -> Vec<[[f64; 3]; 3]> {
    (solve_minimal(TwoViewModel::Fundamental, kind, points).iter())
        .map(|g| g.fundamental().unwrap().normalised().unwrap().0)
        .collect()
}

#[test]
fn seven_points_agree_with_numpy_and_opencv() {
    for case in array(&reference()["seven"]) {
        let found = fundamentals(&pairs(case), SampleKind::Points);
        let nearest = |m: &[[f64; 3]; 3]| {
            let gaps = found.iter().map(|f| gap(f, m));
            gaps.fold(f64::INFINITY, f64::min)
        };
        let solutions = array(&case["solutions"]);
        let oriented = || solutions.iter().filter(|s| s["oriented"] == true);
        assert_eq!(found.len(), oriented().count());
        for solution in oriented() {
            let gap = nearest(&matrix(&solution["matrix"]));
            assert!(gap < 1e-8, "{gap}");
        }
        // OpenCV's roots are as many, and each oriented one is among them.
        let opencv: Vec<_> = array(&case["opencv"]).iter().map(matrix).collect();
        for f in &found {
            let gaps = opencv.iter().map(|m| gap(f, m));
            assert!(gaps.fold(f64::INFINITY, f64::min) < 1e-6);
        }
    }
}

#[test]
fn four_points_agree_with_opencv() {
    for case in array(&reference()["four"]) {
        let found = solve_minimal(TwoViewModel::Homography, SampleKind::Points, &pairs(case));
        let expected = matrix(&case["matrix"]);
        let found = found[0].transform().unwrap().normalised();
        assert!(gap(&found.0, &expected) < 1e-6, "{found:?} {expected:?}");
    }
}

#[test]
fn affine_matches_agree_with_numpy() {
    let reference = reference();
    for case in array(&reference["plane"]) {
        let found = solve_minimal(TwoViewModel::Homography, SampleKind::Frames, &pairs(case));
        let found = found[0].transform().unwrap();
        let expected = matrix(&case["matrix"]);
        // Shifts are hundreds of pixels.
        assert!(gap(&found.0, &expected) < 1e-6, "{found:?} {expected:?}");
    }
    let mut refused = 0;
    for case in array(&reference["depth"]) {
        let found = fundamentals(&pairs(case), SampleKind::Frames);
        refused += usize::from(found.is_empty());
        for f in found {
            let gap = gap(&f, &matrix(&case["matrix"]));
            assert!(gap < 1e-8, "{gap}");
        }
    }
    assert!(refused <= 1, "{refused}");
}

#[test]
fn least_squares_agree_with_poselib() {
    for case in array(&reference()["fits"]) {
        let points = pairs(case);
        let found = fit_fundamental(&points).unwrap();
        let expected = Fundamental(matrix(&case["matrix"]));
        let cost = |f: &Fundamental| -> f64 {
            let error =
                |c: &Correspondence| f.sampson_squared((c.from.x, c.from.y), (c.to.x, c.to.y));
            points.iter().map(error).sum()
        };
        let (own, theirs) = (cost(&found), cost(&expected));
        assert!(own <= theirs * (1.0 + 1e-6) + 1e-12, "{own} {theirs}");
        assert!(gap(&found.normalised().unwrap().0, &expected.0) < 1e-4);
        assert!(found.determinant().abs() < 1e-15);
        for (i, c) in points.iter().enumerate() {
            let (from, to) = ((c.from.x, c.from.y), (c.to.x, c.to.y));
            for (error, name) in [
                (expected.sampson_squared(from, to), "sampson"),
                (expected.symmetric_epipolar_squared(from, to), "symmetric"),
            ] {
                let value = number(&case[name][i]);
                assert!(
                    (error - value).abs() < 1e-8 * value.max(1e-3),
                    "{error} {value}"
                );
            }
        }
    }
}

#[test]
fn bounds_agree_with_scipy() {
    for case in array(&reference()["bounds"]) {
        let count = |name: &str| case[name].as_u64().unwrap() as usize;
        let found = log10_nfa_of_models(
            count("tried"),
            count("inliers"),
            (count("sample"), count("models")),
            number(&case["probability"]).log10(),
            0.0,
        );
        let expected = number(&case["log10"]);
        assert!(
            (found - expected).abs() < 1e-8 * expected.abs(),
            "{found} {expected}"
        );
    }
}

#[test]
fn odd_samples_are_defined() {
    let frame = |x: f64, y: f64| at(&serde_json::json!([x, y]));
    let pair = |x, y, u, v| Correspondence {
        from: frame(x, y),
        to: frame(u, v),
        weight: 1.0,
    };
    let mut numbers = Numbers(5);
    let odd = [0.0, 1.0, -1.0, 1e-12, 1e8, 9e8, -9e8];
    for model in TwoViewModel::ALL {
        for kind in SampleKind::ALL {
            let size = model.sample_size(kind);
            let nan: Vec<Correspondence> = (0..size)
                .map(|i| {
                    let mut c = pair(i as f64, 2.0, 3.0, i as f64);
                    c.to.x = f64::NAN;
                    c
                })
                .collect();
            assert!(solve_minimal(model, kind, &nan).is_empty());
            assert!(solve_minimal(model, kind, &nan[1..]).is_empty());
            let same = vec![pair(5.0, 5.0, 9.0, 9.0); size];
            assert!(size == 1 || solve_minimal(model, kind, &same).is_empty());
            for _ in 0..300 {
                let sample: Vec<Correspondence> = (0..size)
                    .map(|_| {
                        let mut value = || odd[numbers.below(7.0) as usize];
                        let mut c = pair(value(), value(), value(), value());
                        c.to.scale = [1.0, 1e-8, 1e8][numbers.below(3.0) as usize];
                        c.to.angle = numbers.below(7.0);
                        c.to.shape.u = numbers.below(1.9) as f32;
                        c
                    })
                    .collect();
                for found in solve_minimal(model, kind, &sample) {
                    let entries = match found {
                        TwoViewGeometry::Plane(t) => t.0,
                        TwoViewGeometry::Epipolar(f) => f.0,
                    };
                    assert!(entries.iter().flatten().all(|v| v.is_finite()), "{found:?}");
                }
                assert!(fit_fundamental(&sample).is_none_or(|f| f.is_usable()));
            }
        }
    }
    assert_eq!(
        TwoViewModel::from(TransformModel::Affine),
        TwoViewModel::Affine
    );
}
