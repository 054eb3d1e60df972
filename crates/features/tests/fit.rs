//! Least-squares fits against numpy and OpenCV; `reference/fit.py` makes the values.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use vizsla_features::{Correspondence, Frame, Shape, Transform, TransformModel, fit};

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn matrix(value: &Value) -> Transform {
    Transform(std::array::from_fn(|r| {
        std::array::from_fn(|c| number(&value[r][c]))
    }))
}

fn correspondences(case: &Value) -> Vec<Correspondence> {
    let frame = |p: &Value| Frame {
        x: number(&p[0]),
        y: number(&p[1]),
        scale: 1.0,
        angle: 0.0,
        shape: Shape::CIRCLE,
    };
    let (from, to) = (
        case["from"].as_array().unwrap(),
        case["to"].as_array().unwrap(),
    );
    from.iter()
        .zip(to)
        .map(|(f, t)| Correspondence {
            from: frame(f),
            to: frame(t),
            weight: 1.0,
        })
        .collect()
}

#[test]
fn fits_agree_with_the_reference() {
    let reference: Value = serde_json::from_str(include_str!("reference/fit.json")).unwrap();
    for case in reference["cases"].as_array().unwrap() {
        let points = correspondences(case);
        for (name, model, tolerance) in [
            ("similarity", TransformModel::Similarity, 1e-8),
            ("affine", TransformModel::Affine, 1e-8),
            // OpenCV stops its iteration earlier.
            ("homography", TransformModel::Homography, 2e-3),
        ] {
            let found = fit(&points, model).unwrap();
            let expected = matrix(&case[name]);
            for (x, y) in [
                (0.0, 0.0),
                (800.0, 0.0),
                (800.0, 600.0),
                (0.0, 600.0),
                (400.0, 300.0),
            ] {
                let (a, b) = (found.apply(x, y).unwrap(), expected.apply(x, y).unwrap());
                let gap = (a.0 - b.0).hypot(a.1 - b.1);
                assert!(gap < tolerance, "{name}, {} points: {gap}", points.len());
            }
        }
    }
}

#[test]
fn weights_count_as_repetition() {
    let reference: Value = serde_json::from_str(include_str!("reference/fit.json")).unwrap();
    let mut points = correspondences(&reference["cases"][2]);
    let repeated: Vec<_> = points.iter().chain(&points[..3]).copied().collect();
    for point in &mut points[..3] {
        point.weight = 2.0;
    }
    for model in [
        TransformModel::Similarity,
        TransformModel::Affine,
        TransformModel::Homography,
    ] {
        let (a, b) = (fit(&points, model).unwrap(), fit(&repeated, model).unwrap());
        let (a, b) = (
            a.apply(400.0, 300.0).unwrap(),
            b.apply(400.0, 300.0).unwrap(),
        );
        // A homography's coordinates are normalised without weights, so iteration ends elsewhere.
        assert!((a.0 - b.0).hypot(a.1 - b.1) < 1e-6, "{model:?}");
    }
}

#[test]
fn what_does_not_fix_a_transform_gives_none() {
    let frame = |x: f64, y: f64| Frame {
        x,
        y,
        scale: 1.0,
        angle: 0.0,
        shape: Shape::CIRCLE,
    };
    let at = |x: f64, y: f64| Correspondence {
        from: frame(x, y),
        to: frame(x, y),
        weight: 1.0,
    };
    let line: Vec<_> = (0..9)
        .map(|i| at(f64::from(i) * 3.0, f64::from(i) * 2.0 + 1.0))
        .collect();
    assert!(fit(&line, TransformModel::Similarity).is_some());
    assert!(fit(&line, TransformModel::Affine).is_none());
    assert!(fit(&line, TransformModel::Homography).is_none());
    let same = [at(5.0, 5.0); 9];
    let broken = [
        at(f64::NAN, 1.0),
        at(1.0, f64::INFINITY),
        at(0.0, 0.0),
        at(1.0, 1.0),
    ];
    for model in [
        TransformModel::Similarity,
        TransformModel::Affine,
        TransformModel::Homography,
    ] {
        assert!(fit(&same, model).is_none());
        assert!(fit(&[], model).is_none());
        assert!(fit(&broken[..2], model).is_none());
    }
}
