//! Pictures that share nothing, by every way.

use vizsla_pixels::Rgb;

use crate::workbench::{Workbench, paint};
use crate::{matched, save};

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
