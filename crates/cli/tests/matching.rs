//! `vizsla match` by every way of matching and every way to geometry, on pairs whose geometry is known.
#![allow(clippy::expect_used, clippy::panic)]

mod workbench;

use serde_json::Value;
use vizsla_pixels::{Rgb, warp};
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

#[test]
fn what_says_nothing_new_says_what_it_did() {
    let bench = views();
    for options in [
        &[][..],
        &["--ratio", "0.7", "--threshold", "4", "--model", "affine"],
    ] {
        let found = matched(&bench, options);
        let keys: Vec<&str> = found
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        let mut known = [
            "a",
            "b",
            "matches",
            "inliers",
            "verdict",
            "coverage",
            "log10_nfa",
            "model",
            "transform",
            "outline",
            "pairs",
        ];
        known.sort_unstable();
        let mut keys = keys;
        keys.sort_unstable();
        assert_eq!(keys, known);
    }
    // The verdict of a search, named.
    let (usual, named) = (
        matched(&bench, &[]),
        matched(&bench, &["--geometry", "verify"]),
    );
    for key in [
        "matches",
        "inliers",
        "verdict",
        "log10_nfa",
        "transform",
        "pairs",
        "coverage",
    ] {
        assert_eq!(usual[key], named[key], "{key}");
    }
    assert_eq!(named["geometry"], "verify");
    assert_eq!(named["objects"][0]["pairs"], usual["pairs"]);
}

#[test]
fn every_method_finds_the_known_map_in_every_family_it_has() {
    let bench = views();
    for (method, model, tolerance) in [
        ("verify", "homography", 1.5),
        ("verify", "affine", 8.0),
        ("verify", "similarity", 20.0),
        ("ransac", "homography", 1.5),
        ("ransac", "affine", 8.0),
        ("ransac", "similarity", 20.0),
        ("spatial", "homography", 1.5),
        ("spatial", "affine", 8.0),
        ("spatial", "similarity", 20.0),
        ("hough", "affine", 12.0),
        ("sequential", "homography", 1.5),
    ] {
        let found = matched(&bench, &["--geometry", method, "--model", model]);
        let object = &found["objects"][0];
        assert_eq!(object["model"], model, "{method}");
        assert_eq!(found["verdict"], "match", "{method} {model}: {found}");
        assert_eq!(found["geometry"], method);
        let off = apart(&matrix(&object["transform"]), &paint::VIEW);
        assert!(off < tolerance, "{method} {model}: {off} pixels");
        assert!(object["log10_nfa"].as_f64().expect("a bound") < -4.0);
        assert_eq!(
            object["inliers"],
            object["pairs"].as_array().expect("pairs").len()
        );
        assert!(found["ms"]["geometry"].as_f64().expect("a time") >= 0.0);
    }
}

#[test]
fn every_part_of_random_sampling_finds_the_known_map() {
    let bench = views();
    for option in [
        ["--sample", "points"],
        ["--sample", "frames"],
        ["--sampling", "uniform"],
        ["--sampling", "prosac"],
        ["--scoring", "inlier_count"],
        ["--scoring", "msac"],
        ["--scoring", "magsac"],
        ["--local-optimisation", "off"],
        ["--local-optimisation", "iterated"],
        ["--local-optimisation", "lo_ransac"],
        ["--local-optimisation", "lo_plus"],
        ["--rejection", "off"],
        ["--rejection", "tdd"],
        ["--rejection", "sprt"],
        ["--seed", "7"],
        ["--threshold", "3"],
    ] {
        for method in ["ransac", "sequential"] {
            let found = matched(&bench, &["--geometry", method, option[0], option[1]]);
            assert_eq!(found["verdict"], "match", "{option:?}");
            let off = apart(&matrix(&found["objects"][0]["transform"]), &paint::VIEW);
            assert!(off < 2.0, "{method} {option:?}: {off} pixels");
        }
    }
    for hypothesis in ["scale", "anisotropic", "upright", "similarity", "affine"] {
        let options = ["--geometry", "spatial", "--hypothesis", hypothesis];
        let off = apart(
            &matrix(&matched(&bench, &options)["objects"][0]["transform"]),
            &paint::VIEW,
        );
        assert!(off < 2.0, "{hypothesis}: {off} pixels");
    }
    let same = |seed| matched(&bench, &["--geometry", "ransac", "--seed", seed])["objects"].clone();
    assert_eq!(same("3"), same("3"));
}

#[test]
fn every_way_of_matching_finds_the_known_map() {
    let bench = views();
    let count = |found: &Value| found["matches"].as_u64().expect("a count");
    let usual = count(&matched(&bench, &[]));
    for options in [
        ["--check", "one_way"],
        ["--check", "mutual"],
        ["--check", "symmetric"],
        ["--second", "nearest"],
        ["--second", "inconsistent"],
        ["--neighbours", "exact"],
        ["--neighbours", "kd_forest"],
        ["--neighbours", "lsh"],
        ["--max-distance", "200"],
    ] {
        let found = matched(&bench, &options);
        assert_eq!(found["verdict"], "match", "{options:?}");
        let off = apart(&matrix(&found["transform"]), &paint::VIEW);
        assert!(off < 2.0, "{options:?}: {off} pixels");
        let key = options[0].trim_start_matches('-').replace('-', "_");
        let told = &found["matching"][key];
        let read = told.as_str().map_or(told.to_string(), str::to_owned);
        assert_eq!(read.trim_end_matches(".0"), options[1]);
        let (found, least) = (count(&found), usual / 2);
        match options[1] {
            "one_way" | "inconsistent" => assert!(found >= usual, "{options:?}"),
            "symmetric" | "200" => assert!(found <= usual, "{options:?}"),
            "mutual" | "nearest" | "exact" => assert_eq!(found, usual, "{options:?}"),
            _ => assert!(found > least, "{options:?}"),
        }
    }
}

#[test]
fn guided_matching_finds_more_and_the_verdict_stays() {
    let bench = views();
    for (method, model) in [
        ("verify", "homography"),
        ("ransac", "homography"),
        ("spatial", "affine"),
        ("hough", "affine"),
        ("sequential", "homography"),
        ("ransac", "fundamental"),
    ] {
        let options = ["--geometry", method, "--model", model];
        let plain = matched(&bench, &options);
        let guided = matched(&bench, &[&options[..], &["--guided"]].concat());
        let (one, two) = (&plain["objects"][0], &guided["objects"][0]);
        for key in ["inliers", "log10_nfa", "coverage", "model"] {
            assert_eq!(one[key], two[key], "{method} {key}");
        }
        assert_eq!(plain["guided"], Value::Null);
        assert_eq!(plain["verdict"], guided["verdict"]);
        let found = two["guided"].as_u64().expect("a count");
        assert!(
            found > one["inliers"].as_u64().expect("a count"),
            "{method} {model}: {found}"
        );
        assert_eq!(two["pairs"].as_array().expect("pairs").len() as u64, found);
        if model == "homography" {
            let off = apart(&matrix(&two["transform"]), &paint::VIEW);
            assert!(off < 1.5, "{method}: {off} pixels");
        }
    }
}

/// Two paintings on grey, and both moved each on its own.
fn two_objects(bench: &Workbench) -> [[[f64; 3]; 3]; 2] {
    const SIZE: (usize, usize) = (700, 520);
    let laid = |maps: [[[f64; 3]; 3]; 2]| {
        let mut sheet = Rgb::filled(SIZE.0, SIZE.1, [128; 3]).expect("a sheet");
        for (number, map) in [4, 5].into_iter().zip(maps) {
            let white = Rgb::filled(paint::WIDTH, paint::HEIGHT, [255; 3]).expect("a mask");
            let painting = warp(&paint::picture(number), &map, SIZE.0, SIZE.1, [0; 3]);
            let mask = warp(&white, &map, SIZE.0, SIZE.1, [0; 3]);
            for (at, value) in sheet.data_mut().iter_mut().enumerate() {
                if mask.data()[at] > 127 {
                    *value = painting.data()[at];
                }
            }
        }
        sheet
    };
    let turned = |degrees: f64, zoom: f64, x: f64, y: f64| {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        [
            [zoom * cosine, -zoom * sine, x],
            [zoom * sine, zoom * cosine, y],
            [0.0, 0.0, 1.0],
        ]
    };
    let (before, after) = (
        [turned(0.0, 1.0, 10.0, 20.0), turned(0.0, 1.0, 360.0, 250.0)],
        [
            turned(15.0, 1.0, 370.0, 150.0),
            turned(-10.0, 0.9, 20.0, 90.0),
        ],
    );
    save(bench, "a.png", &laid(before));
    save(bench, "b.png", &laid(after));
    // From the first sheet to the second: the painting's shift undone, then its second map.
    [0, 1].map(|i| {
        let [x, y] = [before[i][0][2], before[i][1][2]];
        let mut map = after[i];
        for row in &mut map {
            row[2] -= row[0] * x + row[1] * y;
        }
        map
    })
}

#[test]
fn two_objects_are_found_each_with_its_map_and_drawn_in_two_colours() {
    let bench = Workbench::new();
    let truth = two_objects(&bench);
    for method in ["sequential", "hough"] {
        let found = matched(&bench, &["--geometry", method, "--draw", "out.png"]);
        let objects = found["objects"].as_array().expect("objects");
        assert_eq!(found["verdict"], "match");
        for (map, places) in truth.iter().zip([
            [(60.0, 60.0), (300.0, 230.0)],
            [(400.0, 280.0), (650.0, 460.0)],
        ]) {
            let off = |object: &Value| {
                let m = matrix(&object["transform"]);
                let distances = places.map(|(x, y)| {
                    let ((u, v), (p, q)) = (apply(&m, x, y), apply(map, x, y));
                    (u - p).hypot(v - q)
                });
                distances[0].max(distances[1])
            };
            let nearest = objects.iter().map(off).fold(f64::INFINITY, f64::min);
            assert!(nearest < 2.0, "{method}: {nearest} pixels");
        }
        let drawn = fs_err::read(bench.path("out.png")).expect("a drawing");
        let drawn = vizsla_pixels::decode_rgb(&drawn, &Default::default())
            .expect("a picture")
            .image;
        for colour in [[0, 158, 115], [230, 159, 0]] {
            let of_colour = drawn
                .data()
                .chunks_exact(3)
                .filter(|pixel| *pixel == colour);
            assert!(of_colour.count() > 500, "{method} {colour:?}");
        }
        let one = matched(&bench, &["--geometry", method, "--objects", "1"]);
        assert_eq!(one["objects"].as_array().expect("objects").len(), 1);
    }
    let text = bench
        .succeed(&["match", "a.png", "b.png", "--geometry", "sequential"])
        .stdout;
    assert!(
        text.contains("object 1: ") && text.contains("object 2: "),
        "{text}"
    );
    assert!(text.contains("ms by sequential"), "{text}");
}

/// A scene at three depths, and what a camera sees that moved to the right: everything moves left along its row.
fn stereo(bench: &Workbench) {
    let seen = |eye: i64| {
        let mut sheet = Rgb::filled(520, 380, [128; 3]).expect("a sheet");
        for (number, x, y, disparity, size) in [
            (1, 20, 10, 8, (480, 360)),
            (2, 60, 30, 30, (200, 150)),
            (3, 280, 190, 55, (180, 135)),
            (6, 300, 40, 18, (140, 105)),
        ] {
            let painting = paint::picture(number)
                .resized(size.0, size.1)
                .expect("a painting");
            sheet.paste(&painting, x - eye * disparity, y);
        }
        sheet
    };
    save(bench, "a.png", &seen(0));
    save(bench, "b.png", &seen(1));
}

#[test]
fn epipolar_lines_of_a_scene_with_depth_are_the_known_rows() {
    let bench = Workbench::new();
    stereo(&bench);
    for options in [
        &["--geometry", "ransac"][..],
        &[
            "--geometry",
            "ransac",
            "--degeneracy",
            "degensac",
            "--scoring",
            "magsac",
        ],
        &["--geometry", "ransac", "--degeneracy", "ignore", "--guided"],
        &["--geometry", "sequential"],
    ] {
        let options = [options, &["--model", "fundamental", "--draw", "out.jpg"]].concat();
        let found = matched(&bench, &options);
        assert_eq!(found["verdict"], "match", "{options:?}");
        assert_eq!(found["model"], "fundamental matrix");
        let object = &found["objects"][0];
        assert_eq!(
            (&object["transform"], &object["coverage"]),
            (&Value::Null, &Value::Null)
        );
        let f = matrix(&object["fundamental"]);
        // The line of a point is its row, over the whole width.
        for (x, y) in [
            (100.0, 60.0),
            (400.0, 100.0),
            (200.0, 330.0),
            (350.0, 250.0),
        ] {
            let line: Vec<f64> = (0..3)
                .map(|r| f[r][0] * x + f[r][1] * y + f[r][2])
                .collect();
            for u in [x - 60.0, x] {
                let off = -(line[0] * u + line[2]) / line[1] - y;
                assert!(off.abs() < 2.0, "{options:?} at {x}, {y}: {off} pixels");
            }
        }
        let pairs = object["pairs"].as_array().expect("pairs").len();
        assert!(pairs > 100, "{pairs}");
        assert!(fs_err::metadata(bench.path("out.jpg")).is_ok_and(|file| file.len() > 1000));
    }
    let options = [
        "match",
        "a.png",
        "b.png",
        "--geometry",
        "ransac",
        "--model",
        "fundamental",
    ];
    let text = bench.succeed(&options).stdout;
    assert!(
        text.contains("on one fundamental matrix") && text.contains('e'),
        "{text}"
    );
    // A plane holds part of the scene only.
    let plane = matched(&bench, &["--geometry", "ransac"]);
    let epipolar = matched(&bench, &["--geometry", "ransac", "--model", "fundamental"]);
    assert!(plane["inliers"].as_u64() < epipolar["inliers"].as_u64());
}

#[test]
fn what_neighbours_bear_out_has_no_model_and_no_verdict() {
    let bench = views();
    let options = ["--geometry", "local_consistency", "--draw", "out.png"];
    let found = matched(&bench, &options);
    assert_eq!(
        (&found["verdict"], &found["model"]),
        (&Value::Null, &Value::Null)
    );
    let pairs = found["pairs"].as_array().expect("pairs");
    assert!(pairs.len() > 20);
    let near = |pair: &&Value| {
        let place = |side: &str, at: usize| pair[side][at].as_f64().expect("a number");
        let (u, v) = apply(&paint::VIEW, place("a", 0), place("a", 1));
        (u - place("b", 0)).hypot(v - place("b", 1)) < 5.0
    };
    assert!(pairs.iter().filter(near).count() * 20 > pairs.len() * 19);
    let text = bench
        .succeed(&["match", "a.png", "b.png", "--geometry", "local_consistency"])
        .stdout;
    assert!(text.contains("no verdict: "), "{text}");
}

#[test]
fn what_means_nothing_is_refused_with_what_is_possible() {
    let bench = views();
    for (options, told) in [
        (
            &["--scoring", "magsac"][..],
            &[
                "--scoring means nothing to --geometry verify",
                "--guided",
                "--geometry ransac|sequential",
            ][..],
        ),
        (
            &["--geometry", "local_consistency", "--guided"],
            &[
                "--guided means nothing to --geometry local_consistency",
                "no options",
                "verify|ransac",
            ],
        ),
        (
            &["--geometry", "hough", "--threshold", "3"],
            &["--threshold means nothing to --geometry hough", "--objects"],
        ),
        (
            &["--geometry", "ransac", "--hypothesis", "scale"],
            &[
                "--hypothesis means nothing",
                "--local-optimisation",
                "--geometry spatial",
            ],
        ),
        (
            &["--geometry", "ransac", "--objects", "3"],
            &["--objects means nothing", "--geometry hough|sequential"],
        ),
        (
            &["--model", "fundamental"],
            &[
                "--geometry verify finds no fundamental",
                "--geometry ransac|sequential",
            ],
        ),
        (
            &["--geometry", "hough", "--model", "homography"],
            &["hough finds no homography", "--model affine"],
        ),
        (
            &["--geometry", "ransac", "--degeneracy", "ignore"],
            &[
                "--degeneracy is about the fundamental matrix",
                "--model fundamental",
            ],
        ),
        (
            &["--second", "inconsistent", "--ratio", "1"],
            &["--second means nothing to --ratio 1"],
        ),
        (
            &["--check", "symmetric", "--ratio", "1"],
            &["--check symmetric", "--check mutual"],
        ),
    ] {
        let run = bench.run(&[&["match", "a.png", "b.png"], options].concat());
        run.fails_with(told);
    }
    for (option, value, known) in [
        ("--geometry", "lmeds", "verify, ransac"),
        ("--model", "essential", "fundamental"),
        ("--scoring", "lmeds", "magsac"),
        ("--neighbours", "hnsw", "kd_forest"),
        ("--check", "both", "mutual"),
    ] {
        let run = bench.run(&["match", "a.png", "b.png", option, value]);
        assert_eq!(run.code, Some(2), "{option} {value}");
        assert!(
            run.stderr.contains(value) && run.stderr.contains(known),
            "{}",
            run.stderr
        );
    }
    let run = bench.run(&["match", "a.png", "b.png", "--objects", "0"]);
    assert_eq!(run.code, Some(2));
}

/// Sets of options that together take every way.
const WAYS: [&[&str]; 9] = [
    &["--geometry", "verify", "--guided"],
    &[
        "--geometry",
        "ransac",
        "--guided",
        "--sampling",
        "prosac",
        "--rejection",
        "sprt",
    ],
    &["--geometry", "ransac", "--model", "fundamental", "--guided"],
    &[
        "--geometry",
        "ransac",
        "--sample",
        "frames",
        "--scoring",
        "magsac",
    ],
    &["--geometry", "spatial", "--guided"],
    &["--geometry", "hough", "--guided"],
    &["--geometry", "sequential", "--model", "fundamental"],
    &["--geometry", "local_consistency", "--neighbours", "lsh"],
    &[
        "--geometry",
        "ransac",
        "--neighbours",
        "kd_forest",
        "--check",
        "symmetric",
        "--second",
        "inconsistent",
    ],
];

#[test]
fn flat_pictures_pixels_and_strips_are_no_match_by_any_way() {
    let bench = Workbench::new();
    save(
        &bench,
        "flat.png",
        &Rgb::filled(200, 150, [90; 3]).expect("grey"),
    );
    save(
        &bench,
        "pixel.png",
        &Rgb::filled(1, 1, [90; 3]).expect("a pixel"),
    );
    save(
        &bench,
        "strip.png",
        &paint::picture(3)
            .crop(0, 100, paint::WIDTH, 3)
            .expect("a strip"),
    );
    save(
        &bench,
        "thin.png",
        &paint::picture(3)
            .crop(100, 0, 1, paint::HEIGHT)
            .expect("a strip"),
    );
    save(
        &bench,
        "band.png",
        &paint::picture(3)
            .crop(0, 100, paint::WIDTH, 20)
            .expect("a band"),
    );
    save(&bench, "other.png", &paint::picture(9));
    for pair in [
        ["flat.png", "flat.png"],
        ["pixel.png", "pixel.png"],
        ["strip.png", "other.png"],
        ["other.png", "thin.png"],
        ["band.png", "other.png"],
        ["other.png", "flat.png"],
    ] {
        for way in WAYS {
            let arguments = [
                &["match", pair[0], pair[1], "--json", "--draw", "out.png"],
                way,
            ]
            .concat();
            let found = bench.json(&arguments);
            assert_ne!(found["verdict"], "match", "{pair:?} {way:?}");
            let text = bench
                .succeed(&[&["match", pair[0], pair[1]], way].concat())
                .stdout;
            assert!(
                text.contains("no match") || text.contains("no verdict"),
                "{text}"
            );
        }
    }
}

#[test]
fn paintings_that_share_nothing_are_no_match_by_any_way() {
    let bench = Workbench::new();
    save(&bench, "a.png", &paint::picture(4));
    save(&bench, "b.png", &paint::view(5));
    for way in WAYS {
        assert_ne!(matched(&bench, way)["verdict"], "match", "{way:?}");
    }
}

#[test]
fn methods_of_matching_and_geometry_are_listed_with_their_options() {
    let bench = Workbench::new();
    let geometry = bench.succeed(&["methods", "geometry"]).stdout;
    for text in [
        "--geometry",
        "sequential",
        "--scoring",
        "magsac",
        "degensac",
        "Barath",
    ] {
        assert!(geometry.contains(text), "{text}: {geometry}");
    }
    let listed = bench.json(&["methods", "matching", "--json"]);
    let methods = listed["methods"].as_array().expect("methods");
    // What is listed is taken.
    let pair = views();
    for method in methods {
        let setting = method["setting"].as_str().expect("a setting");
        let flag = setting.split(' ').next_back().expect("a flag");
        let name = method["name"].as_str().expect("a name");
        let options = match flag {
            "--guided" => vec![flag],
            _ => vec![flag, name],
        };
        assert_eq!(matched(&pair, &options)["verdict"], "match", "{method}");
    }
}

#[test]
fn words_are_shown_by_their_patches() {
    let bench = views();
    let shown = bench.json(&[
        "codebook",
        "show",
        "a.png",
        "b.png",
        "--words",
        "4",
        "--patches",
        "6",
        "--draw",
        "words.png",
        "--json",
    ]);
    let words = shown["words"].as_array().expect("words");
    assert_eq!(words.len(), 4);
    for word in words {
        assert_eq!(word["pictures"], 2);
        let patches = word["patches"].as_array().expect("patches");
        assert_ne!(patches[0]["path"], patches[1]["path"]);
    }
    assert!(fs_err::metadata(bench.path("words.png")).is_ok_and(|file| file.len() > 1000));
    let text = bench.succeed(&["codebook", "show", "a.png"]).stdout;
    assert!(text.contains("word "), "{text}");
    bench
        .run(&["codebook", "show", "a.png", "--descriptor", "surf"])
        .fails_with(&["root_sift", "surf"]);
}
