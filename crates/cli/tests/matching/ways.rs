//! One plane, found by every method and every part of it.

use serde_json::Value;

use crate::workbench::paint;
use crate::{apart, matched, matrix, views};

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
