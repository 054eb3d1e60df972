//! Several objects, scenes with depth, and what has no model.

use serde_json::Value;
use vizsla_pixels::{Rgb, warp};

use crate::workbench::{Workbench, paint};
use crate::{apply, matched, matrix, save, views};

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
