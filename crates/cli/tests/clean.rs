//! `vizsla clean`: from a folder of classes to a training list.

// Tests stop at the first surprise.
#![allow(clippy::expect_used, clippy::panic)]
#![cfg(feature = "training")]

mod workbench;

use workbench::{Workbench, paint};

#[test]
fn a_folder_of_classes_becomes_a_list_with_boxes() {
    let bench = Workbench::new();
    let png = |picture: vizsla_pixels::Rgb| picture.encode_png().expect("png");
    bench.write("photos/tower/1.png", &png(paint::picture(1)));
    bench.write("photos/tower/2.png", &png(paint::view(1)));
    bench.write("photos/tower/wrong.png", &png(paint::picture(7)));
    bench.write("photos/bridge/1.png", &png(paint::picture(2)));
    bench.write("photos/bridge/bad.png", b"no picture");
    let run = bench.succeed(&["clean", "photos"]);
    assert!(
        run.stdout.contains("5 pictures: 2 kept, 3 dropped"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("1 class: bridge"), "{}", run.stdout);
    let list = fs_err::read_to_string(bench.path("photos-clean/kept.csv")).expect("a list");
    assert!(
        list.contains("tower/1.png,tower,") && list.contains("tower/2.png,tower,"),
        "{list}"
    );
    for name in [
        "clean.json",
        "pairs.csv",
        "negatives.csv",
        "dropped.html",
        "dropped.png",
    ] {
        assert!(bench.path("photos-clean").join(name).is_file(), "{name}");
    }
    let report = bench.json(&["clean", "photos", "--output", "out", "--json"]);
    assert_eq!(
        (&report["kept"], &report["isolated"][0]),
        (&2.into(), &"bridge".into())
    );
}

#[test]
fn what_cannot_be_cleaned_is_refused_with_a_remedy() {
    let bench = Workbench::with_photos(2);
    bench.run(&["clean", "nowhere"]).fails_with(&["nowhere"]);
    bench
        .run(&["clean", "photos"])
        .fails_with(&["not a folder of classes", "named after its class"]);
    fs_err::create_dir(bench.path("empty")).expect("a folder");
    bench
        .run(&["clean", "empty"])
        .fails_with(&["no picture to clean"]);
    bench
        .run(&["clean", "photos", "--min-inliers", "2"])
        .fails_with(&["at least 4 inliers"]);
    let run = bench.run(&["clean", "photos", "--gps", "0"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    bench
        .run(&["clean", "photos", "--gps", "50"])
        .fails_with(&["none of the 2 pictures", "where it was taken"]);
}
