//! Serves `benches/geometry/run.py`.
//!
//!     geometry_bench
//!     geometry_bench match FIRST SECOND DETECTOR
//!
//! Without arguments it reads problems from standard input, a line of JSON each:
//! `{"config": RansacConfig, "sizes": [w, h, w', h'], "repeats": n, "rows": [[…], …]}`, a row being x y u v weight and, for
//! samples of frames, scale angle u v of the first and of the second feature. It answers with a line of
//! `{"ns": median, "iterations", "inliers", "log10_nfa", "matrix": [9 numbers]}`, or `null` as matrix. The words `spatial` and `verify`
//! instead of a configuration ask [`spatial_match`] and [`verify`]; `estimate` asks [`estimate`] for a homography.
//!
//! With `match` it prints the rows of the matches between two pictures: FGINN ratio 0.85, mutual.

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use vizsla_features::{
    Consensus, Correspondence, Detector, ExtractorConfig, Features, Frame, MatchRule, RansacConfig,
    RobustConfig, SecondNeighbour, Shape, SpatialConfig, TwoViewGeometry, VerifyConfig, estimate,
    match_features, ransac, spatial_match, verify,
};
use vizsla_pixels::{DecodeOptions, read_gray};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
type Sizes = ((f64, f64), (f64, f64));

fn frame(x: f64, y: f64, rest: &[f64]) -> Frame {
    let at = |i: usize, other: f64| rest.get(i).copied().unwrap_or(other);
    Frame {
        x,
        y,
        scale: at(0, 1.0),
        angle: at(1, 0.0),
        shape: Shape {
            u: at(2, 0.0) as f32,
            v: at(3, 0.0) as f32,
        },
    }
}

fn correspondence(row: &[f64]) -> Option<Correspondence> {
    let [x, y, u, v, weight, frames @ ..] = row else {
        return None;
    };
    let (first, second) = frames.split_at(frames.len() / 2);
    Some(Correspondence {
        from: frame(*x, *y, first),
        to: frame(*u, *v, second),
        weight: *weight,
    })
}

/// What any of the methods found: inliers, iterations, bound, matrix.
type Answer = Option<(usize, usize, f64, TwoViewGeometry)>;

fn answer(found: Option<Consensus>) -> Answer {
    found.map(|c| (c.inliers.len(), c.iterations, c.log10_nfa, c.geometry))
}

fn solve(method: &Value, points: &[Correspondence], (from, to): Sizes) -> Outcome<Answer> {
    Ok(match method.as_str() {
        None => {
            let config: RansacConfig = serde_json::from_value(method.clone())?;
            answer(ransac(points, from, to, &config))
        }
        Some("spatial") => answer(spatial_match(points, from, to, &SpatialConfig::default())),
        Some("verify") => verify(points, from, to, &VerifyConfig::default()).map(|v| {
            let geometry = TwoViewGeometry::Plane(v.transform);
            (v.inliers.len(), points.len(), v.log10_nfa, geometry)
        }),
        Some("estimate") => estimate(points, &RobustConfig::default()).map(|e| {
            let geometry = TwoViewGeometry::Plane(e.transform);
            (e.inliers.len(), e.iterations, 0.0, geometry)
        }),
        Some(other) => return Err(format!("no method {other}").into()),
    })
}

fn serve() -> Outcome<()> {
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let problem: Value = serde_json::from_str(&line?)?;
        let sizes: [f64; 4] = serde_json::from_value(problem["sizes"].clone())?;
        let sizes = ((sizes[0], sizes[1]), (sizes[2], sizes[3]));
        let repeats: usize = serde_json::from_value(problem["repeats"].clone())?;
        let rows: Vec<Vec<f64>> = serde_json::from_value(problem["rows"].clone())?;
        let points: Vec<Correspondence> = (rows.iter())
            .filter_map(|row| correspondence(row))
            .collect();
        let mut times = Vec::new();
        let mut found = None;
        for _ in 0..repeats.max(1) {
            let start = Instant::now();
            found = solve(&problem["config"], &points, sizes)?;
            times.push(start.elapsed().as_nanos() as f64);
        }
        times.sort_by(f64::total_cmp);
        let ns = times[times.len() / 2];
        let answer = match found {
            None => json!({"ns": ns, "matrix": null, "iterations": 0, "inliers": 0}),
            Some((inliers, iterations, log10_nfa, geometry)) => {
                let matrix = match geometry {
                    TwoViewGeometry::Plane(t) => t.0,
                    TwoViewGeometry::Epipolar(f) => f.0,
                };
                json!({"ns": ns, "matrix": matrix.concat(), "iterations": iterations,
                       "inliers": inliers, "log10_nfa": log10_nfa})
            }
        };
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

fn matches(first: &str, second: &str, detector: &str) -> Outcome<()> {
    let extractor = ExtractorConfig {
        detector: detector.parse::<Detector>()?,
        budget: 2000,
        ..ExtractorConfig::default()
    }
    .extractor()?;
    let features = |path: &str| -> Outcome<Features> {
        let image = read_gray(Path::new(path), &DecodeOptions::default())?.image;
        Ok(extractor.extract(&image)?)
    };
    let (a, b) = (features(first)?, features(second)?);
    let rule = MatchRule {
        ratio: 0.85,
        second: SecondNeighbour::Inconsistent,
        ..MatchRule::default()
    };
    let mut output = io::stdout().lock();
    for m in match_features(&a, &b, &rule) {
        let (k, l) = (&a.keypoints[m.a as usize], &b.keypoints[m.b as usize]);
        let weight = (1.0 - m.ratio() as f32).max(1e-3);
        let mut row = vec![k.x, k.y, l.x, l.y, weight];
        for k in [k, l] {
            row.extend([k.scale, k.angle, k.shape.u, k.shape.v]);
        }
        let row: Vec<String> = row.iter().map(f32::to_string).collect();
        writeln!(output, "{}", row.join(" "))?;
    }
    Ok(())
}

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => serve(),
        ["match", first, second, detector] => matches(first, second, detector),
        _ => Err("geometry_bench [match FIRST SECOND DETECTOR]".into()),
    }
}
