//! `vizsla match` by every way of matching and every way to geometry, on pairs whose geometry is known.
#![allow(clippy::expect_used, clippy::panic)]

mod kinds;
mod no_match;
mod objects;
mod refusals;
mod ways;
#[path = "../workbench/mod.rs"]
mod workbench;

use serde_json::Value;
use vizsla_pixels::Rgb;
use workbench::{Workbench, paint};

/// A bench with a painting and its view.
fn views() -> Workbench {
    let bench = Workbench::new();
    save(&bench, "a.png", &paint::picture(4));
    save(&bench, "b.png", &paint::view(4));
    bench
}

fn save(bench: &Workbench, name: &str, picture: &Rgb) {
    bench.write(name, &picture.encode_png().expect("png"));
}

/// What `vizsla match a.png b.png --json` says with these options.
fn matched(bench: &Workbench, options: &[&str]) -> Value {
    let mut arguments = vec!["match", "a.png", "b.png", "--json"];
    arguments.extend(options);
    bench.json(&arguments)
}

fn matrix(value: &Value) -> [[f64; 3]; 3] {
    serde_json::from_value(value.clone()).unwrap_or_else(|e| panic!("{e}: {value}"))
}

fn apply(m: &[[f64; 3]; 3], x: f64, y: f64) -> (f64, f64) {
    let row = |r: usize| m[r][0] * x + m[r][1] * y + m[r][2];
    (row(0) / row(2), row(1) / row(2))
}

/// The largest distance, pixels, between what two maps make of the inner part of a painting.
fn apart(found: &[[f64; 3]; 3], truth: &[[f64; 3]; 3]) -> f64 {
    let places = [(60.0, 50.0), (260.0, 50.0), (260.0, 190.0), (60.0, 190.0)];
    let distance = |&(x, y): &(f64, f64)| {
        let ((u, v), (p, q)) = (apply(found, x, y), apply(truth, x, y));
        (u - p).hypot(v - q)
    };
    places.iter().map(distance).fold(0.0, f64::max)
}
