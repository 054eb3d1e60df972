//! `vizsla map` through the real binary, with a network of a few numbers that knows colours.

// Tests stop at the first surprise.
#![allow(clippy::expect_used, clippy::panic)]

mod workbench;

use std::path::Path;

use serde_json::Value;
use workbench::{Run, Workbench};

/// Twelve plain pictures of three colours in a folder for each, and a registry with a network that tells them apart.
fn coloured() -> Workbench {
    let bench = Workbench::new();
    let network = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../neural/tests/reference/tiny_clip_image.onnx");
    fs_err::copy(network, bench.path("colours.onnx")).expect("a copy");
    for (name, colour) in [
        ("red", [200u8, 10, 10]),
        ("green", [10, 190, 20]),
        ("blue", [20, 30, 210]),
    ] {
        for number in 0..4u8 {
            let shade = colour.map(|v| v + 5 * number);
            let picture = vizsla_pixels::Rgb::filled(40, 30, shade).expect("small");
            let png = picture.encode_png().expect("png");
            bench.write(format!("photos/{name}/{number}.png"), &png);
        }
    }
    let added = run(
        &bench,
        &[
            "models",
            "add",
            "colours.onnx",
            "--id",
            "colours",
            "--output",
            "image_embeds",
        ],
    );
    assert_eq!(added.code, Some(0), "{}", added.stderr);
    bench
}

fn run(bench: &Workbench, arguments: &[&str]) -> Run {
    let mut command = bench.command(arguments);
    command
        .env("VIZSLA_MODELS", bench.path("registry"))
        .env("VIZSLA_RUNTIME", "rten");
    bench.finish(command.output().expect("the program starts"))
}

fn succeed(bench: &Workbench, arguments: &[&str]) -> String {
    let run = run(bench, arguments);
    assert_eq!(
        run.code,
        Some(0),
        "{arguments:?}\n{}\n{}",
        run.stdout,
        run.stderr
    );
    run.stdout
}

#[test]
fn a_map_is_one_page_that_is_the_same_every_time() {
    let bench = coloured();
    let index = [
        "index",
        "photos",
        "--into",
        "c.vizsla",
        "--no-local",
        "--encoder",
        "colours",
    ];
    succeed(&bench, &index);
    let map = |page: &str| {
        let arguments = [
            "map", "c.vizsla", "--method", "umap", "--by", "folder", "--out", page, "--png",
            "map.png", "--json",
        ];
        serde_json::from_str::<Value>(&succeed(&bench, &arguments)).expect("one object")
    };
    let drawn = map("a.html");
    assert_eq!(drawn["images"], 12);
    assert_eq!(drawn["labels"]["red"], 4);
    assert_eq!(drawn["without_thumbnail"], 0);
    let page = fs_err::read_to_string(bench.path("a.html")).expect("a page");
    assert!(page.contains("red/0.png") && page.contains("data:image/jpeg;base64,"));
    assert_eq!(drawn["page_bytes"], page.len());
    map("b.html");
    assert_eq!(
        page,
        fs_err::read_to_string(bench.path("b.html")).expect("a page")
    );
    let only = [
        "map",
        "c.vizsla",
        "--where",
        "path contains \"green\"",
        "--method",
        "pca",
        "--out",
        "g.html",
        "--json",
    ];
    let green: Value = serde_json::from_str(&succeed(&bench, &only)).expect("one object");
    assert_eq!(green["images"], 4);
    run(
        &bench,
        &["map", "c.vizsla", "--by", "weather", "--out", "x.html"],
    )
    .fails_with(&["weather"]);
    assert!(!bench.path("x.html").exists());
}

#[test]
fn a_collection_without_vectors_says_how_to_get_them() {
    let bench = Workbench::with_photos(3);
    succeed(
        &bench,
        &["index", "photos", "--into", "c.vizsla", "--no-encoder"],
    );
    run(&bench, &["map", "c.vizsla", "--out", "map.html"]).fails_with(&["--encoder", "c.vizsla"]);
    let wrong = run(
        &bench,
        &["map", "c.vizsla", "--method", "isomap", "--out", "map.html"],
    );
    assert!(
        wrong.code == Some(2) && wrong.stderr.contains("pca, tsne and umap"),
        "{}",
        wrong.stderr
    );
}
