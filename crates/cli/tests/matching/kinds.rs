//! What is listed, and what words look like.

use crate::workbench::Workbench;
use crate::{matched, views};

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
