//! The network that ships, as a new collection takes it.

#![allow(clippy::expect_used, clippy::panic)]

mod workbench;

use workbench::Workbench;

fn model(bench: &Workbench, collection: &str) -> Option<String> {
    let info = bench.json(&["info", collection, "--json"]);
    let recipe = info["recipe"].as_str().expect("a recipe");
    let line = recipe.lines().find(|line| line.starts_with("model = "))?;
    Some(
        line.trim_start_matches("model = ")
            .trim_matches('"')
            .to_owned(),
    )
}

#[test]
fn a_new_collection_takes_it_unless_something_else_is_said() {
    let bench = Workbench::with_photos(3);
    let index = |place: &str, more: &[&str]| {
        bench.run(&[&["index", "photos", "--into", place], more].concat())
    };
    for (place, more, expected) in [
        ("usual.vizsla", &[][..], Some("vizsla-small")),
        ("alone.vizsla", &["--no-local"], Some("vizsla-small")),
        ("local.vizsla", &["--no-encoder"], None),
        ("colours.vizsla", &["--global", "hsv"], None),
        (
            "smaller.vizsla",
            &["--encoder", "vizsla-small", "--encoder-side", "128"],
            Some("vizsla-small"),
        ),
    ] {
        let run = index(place, more);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert_eq!(model(&bench, place).as_deref(), expected, "{place}");
        bench.succeed(&["verify", place]);
    }
    index("usual.vizsla", &["--no-encoder"]).fails_with(&["fixed when it is made"]);
    index("local.vizsla", &["--encoder", "vizsla-small"]).fails_with(&["fixed when it is made"]);
    let both = index(
        "both.vizsla",
        &["--no-encoder", "--encoder", "vizsla-small"],
    );
    assert_eq!(both.code, Some(2), "{}", both.stderr);
}

#[test]
fn it_finds_what_has_no_details_in_common() {
    let bench = Workbench::new();
    let plain = |red: u8, green: u8| {
        let picture = vizsla_pixels::Rgb::filled(200, 150, [red, green, 40]).expect("a picture");
        picture.encode_png().expect("png")
    };
    bench.write("photos/red.png", &plain(200, 20));
    bench.write("photos/green.png", &plain(20, 180));
    bench.paint_photos(0..4);
    bench.write("query.png", &plain(190, 30));
    bench.succeed(&["index", "photos", "--into", "p.vizsla"]);
    let answer = bench.json(&["search", "p.vizsla", "query.png", "--json"]);
    let first = answer["hits"][0]["path"].as_str().expect("a path");
    assert!(first.ends_with("red.png"), "{answer}");
    assert_eq!(answer["hits"][0]["verdict"], "no_match");

    bench.succeed(&["index", "photos", "--into", "l.vizsla", "--no-encoder"]);
    let answer = bench.json(&["search", "l.vizsla", "query.png", "--json"]);
    assert_eq!(answer["hits"].as_array().map(Vec::len), Some(0), "{answer}");
}
