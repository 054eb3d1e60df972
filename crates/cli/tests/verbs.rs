//! Every verb on a small collection: what it prints, and what it leaves behind.

// Tests stop at the first surprise.
#![allow(clippy::expect_used, clippy::panic)]

mod workbench;

use workbench::{Run, Workbench, paint};

fn indexed(pictures: u64) -> Workbench {
    let bench = Workbench::with_photos(pictures);
    bench.succeed(&["index", "photos", "--into", "p.vizsla"]);
    bench
}

fn paths(listing: &serde_json::Value) -> Vec<String> {
    let images = listing["images"].as_array().expect("images");
    let names = images
        .iter()
        .flat_map(|image| image["paths"].as_array().expect("paths"));
    names
        .map(|path| {
            path.as_str()
                .expect("text")
                .rsplit('/')
                .next()
                .expect("name")
                .into()
        })
        .collect()
}

#[test]
fn index_takes_in_what_is_new_changed_moved_or_gone() {
    let bench = Workbench::with_photos(6);
    let first = bench.json(&["index", "photos", "--into", "p.vizsla", "--json"]);
    assert_eq!((&first["seen"], &first["added"]), (&6.into(), &6.into()));

    let again = bench.json(&["index", "photos", "--into", "p.vizsla", "--json"]);
    assert_eq!(
        (&again["unchanged"], &again["added"]),
        (&6.into(), &0.into())
    );

    bench.paint_photos(6..7);
    let other = paint::picture(99).encode_png().expect("png");
    bench.write("photos/01.png", &other);
    fs_err::create_dir(bench.path("photos/sub")).expect("a folder");
    fs_err::rename(
        bench.path("photos/02.png"),
        bench.path("photos/sub/two.png"),
    )
    .expect("move");
    fs_err::remove_file(bench.path("photos/03.png")).expect("delete");
    fs_err::copy(bench.path("photos/04.png"), bench.path("photos/copy.png")).expect("copy");

    let third = bench.json(&["index", "photos", "--into", "p.vizsla", "--json"]);
    let figures = [
        "added",
        "changed",
        "moved",
        "duplicates",
        "gone",
        "unchanged",
    ]
    .map(|k| third[k].as_u64());
    assert_eq!(figures, [1, 1, 1, 1, 1, 3].map(Some), "{third}");
    let mut names = paths(&bench.json(&["list", "p.vizsla", "--json"]));
    names.sort();
    assert_eq!(
        names,
        [
            "00.png", "01.png", "04.png", "05.png", "06.png", "copy.png", "two.png"
        ]
    );
}

#[test]
fn a_dry_run_writes_nothing() {
    let bench = Workbench::with_photos(2);
    let run = bench.succeed(&["index", "photos", "--into", "p.vizsla", "--dry-run"]);
    assert!(!bench.path("p.vizsla").exists());
    insta::assert_snapshot!(run.stdout);
}

#[test]
fn search_finds_the_same_object_and_says_where() {
    let bench = indexed(8);
    bench.write("view.png", &paint::view(3).encode_png().expect("png"));
    let answer = bench.json(&[
        "search",
        "p.vizsla",
        "view.png",
        "--json",
        "--explain",
        "out.png",
    ]);
    let best = &answer["hits"][0];
    assert!(
        best["path"]
            .as_str()
            .is_some_and(|path| path.ends_with("03.png")),
        "{best}"
    );
    assert_eq!(best["verdict"], "match");
    let matches = answer["hits"].as_array().expect("hits");
    assert_eq!(
        matches
            .iter()
            .filter(|hit| hit["verdict"] == "match")
            .count(),
        1
    );
    assert_eq!(answer["explained"], "out.png");
    assert!(fs_err::metadata(bench.path("out.png")).is_ok_and(|file| file.len() > 1000));

    let table = bench
        .succeed(&["search", "p.vizsla", "view.png", "--top", "1"])
        .stdout;
    assert!(
        table.contains("match") && table.contains("03.png"),
        "{table}"
    );
}

#[test]
fn a_collection_of_one_picture_or_of_near_copies_is_searched_like_any_other() {
    let one = indexed(1);
    let answer = one.json(&["search", "p.vizsla", "photos/00.png", "--json"]);
    assert_eq!(answer["hits"][0]["verdict"], "match");

    let bench = Workbench::new();
    for quality in [80, 90, 95] {
        let copy = bench.path(format!("photos/{quality}.jpg"));
        fs_err::create_dir_all(copy.parent().expect("photos")).expect("a folder");
        paint::picture(3).save_jpeg(&copy, quality).expect("jpeg");
    }
    bench.succeed(&["index", "photos", "--into", "p.vizsla"]);
    let answer = bench.json(&["search", "p.vizsla", "photos/90.jpg", "--json"]);
    let hits = answer["hits"].as_array().expect("hits");
    let images: std::collections::BTreeSet<i64> = hits
        .iter()
        .filter_map(|hit| hit["image"].as_i64())
        .collect();
    assert_eq!((hits.len(), images.len()), (3, 3), "{answer}");
    assert!(hits.iter().all(|hit| hit["verdict"] == "match"), "{answer}");
}

#[test]
fn a_picture_that_is_not_there_matches_nothing() {
    let bench = indexed(8);
    bench.write("other.png", &paint::view(1000).encode_png().expect("png"));
    let answer = bench.json(&["search", "p.vizsla", "other.png", "--json"]);
    for hit in answer["hits"].as_array().expect("hits") {
        assert_eq!(hit["verdict"], "no_match", "{hit}");
    }
    let found = bench.json(&[
        "search",
        "p.vizsla",
        "other.png",
        "--json",
        "--matches-only",
    ]);
    assert_eq!(found["hits"], serde_json::json!([]));
}

#[test]
fn a_region_asks_for_one_of_two_objects() {
    let bench = indexed(8);
    let mut both =
        vizsla_pixels::Rgb::filled(2 * paint::WIDTH, paint::HEIGHT, [90; 3]).expect("canvas");
    both.paste(&paint::picture(2), 0, 0);
    both.paste(&paint::picture(5), paint::WIDTH as i64, 0);
    bench.write("both.png", &both.encode_png().expect("png"));
    let matched = |arguments: &[&str]| {
        let answer = bench.json(
            &[
                &["search", "p.vizsla", "both.png", "--json", "--matches-only"],
                arguments,
            ]
            .concat(),
        );
        let hits = answer["hits"].as_array().expect("hits").clone();
        let mut names: Vec<String> = hits
            .iter()
            .map(|hit| {
                hit["path"]
                    .as_str()
                    .expect("path")
                    .rsplit('/')
                    .next()
                    .expect("name")
                    .into()
            })
            .collect();
        names.sort();
        names
    };
    assert_eq!(matched(&[]), ["02.png", "05.png"]);
    assert_eq!(matched(&["--region", "330,10,300,220"]), ["05.png"]);
    assert_eq!(matched(&["--region", "0,0,320,240"]), ["02.png"]);
}

#[test]
fn info_shows_figures_and_recipe() {
    let bench = indexed(3);
    let info = bench.json(&["info", "p.vizsla", "--json"]);
    assert_eq!((&info["images"], &info["files"]), (&3.into(), &3.into()));
    let text = bench.succeed(&["info", "p.vizsla"]).stdout;
    for part in ["images", "codebook", "recipe", "root_sift"] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
}

#[test]
fn info_tells_what_more_images_take() {
    let bench = indexed(3);
    let budget = bench.json(&["info", "p.vizsla", "--budget", "3000", "--json"]);
    assert_eq!(
        (&budget["images"], &budget["measured"]),
        (&3000.into(), &3.into())
    );
    let now = bench.json(&["info", "p.vizsla", "--budget", "3", "--json"]);
    assert!(budget["disk_bytes"].as_u64() > now["disk_bytes"].as_u64());
    let text = bench
        .succeed(&["info", "p.vizsla", "--budget", "3000"])
        .stdout;
    for part in [
        "3,000 images",
        "estimate",
        "local features",
        "inverted file",
        "memory",
    ] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
    let none = bench.run(&["info", "p.vizsla", "--budget", "0"]);
    assert_eq!(none.code, Some(2), "{}", none.stderr);
    bench.succeed(&["remove", "p.vizsla", "photos"]);
    let empty = bench.run(&["info", "p.vizsla", "--budget", "10"]);
    empty.fails_with(&["index some"]);
}

#[test]
fn optimize_changes_what_indexes_of_vectors_are_to_reach() {
    let bench = Workbench::with_photos(3);
    bench.succeed(&["index", "photos", "--into", "p.vizsla"]);
    let options = ["--index", "itq", "--recall", "0.9", "--memory", "64 MiB"];
    bench.succeed(&[&["optimize", "p.vizsla"][..], &options].concat());
    let text = bench.succeed(&["info", "p.vizsla"]).stdout;
    for part in ["itq", "recall = 0.9", "64 MiB"] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
    bench.succeed(&["optimize", "p.vizsla", "--index", "auto", "--memory", "any"]);
    let text = bench.succeed(&["info", "p.vizsla"]).stdout;
    assert!(!text.contains("itq") && !text.contains("64 MiB"), "{text}");
    for (option, value) in [
        ("--recall", "2"),
        ("--memory", "much"),
        ("--index", "b-tree"),
    ] {
        let wrong = bench.run(&["optimize", "p.vizsla", option, value]);
        assert!(matches!(wrong.code, Some(1 | 2)), "{}", wrong.stderr);
        assert!(wrong.stderr.contains(value), "{}", wrong.stderr);
    }
}

#[test]
fn list_shows_a_row_for_each_file() {
    let bench = Workbench::with_photos(2);
    // A small budget that every painting exhausts, so that the figure is the same on every machine.
    bench.succeed(&["index", "photos", "--into", "p.vizsla", "--budget", "100"]);
    insta::assert_snapshot!(bench.succeed(&["list", "p.vizsla"]).stdout);
}

#[test]
fn remove_takes_images_out_and_index_takes_them_in_again() {
    let bench = indexed(4);
    bench.succeed(&["remove", "p.vizsla", "photos/01.png"]);
    assert_eq!(
        paths(&bench.json(&["list", "p.vizsla", "--json"])),
        ["00.png", "02.png", "03.png"]
    );
    let answer = bench.json(&[
        "search",
        "p.vizsla",
        "photos/01.png",
        "--json",
        "--matches-only",
    ]);
    assert_eq!(answer["hits"], serde_json::json!([]));

    let report = bench.json(&["index", "photos", "--into", "p.vizsla", "--json"]);
    assert_eq!(report["added"], 1);
    let answer = bench.json(&[
        "search",
        "p.vizsla",
        "photos/01.png",
        "--json",
        "--matches-only",
    ]);
    assert_eq!(answer["hits"].as_array().map(Vec::len), Some(1));
}

#[test]
fn optimize_merges_segments_and_changes_no_answer() {
    let bench = indexed(4);
    bench.paint_photos(4..8);
    bench.succeed(&["index", "photos", "--into", "p.vizsla"]);
    let search = || {
        let mut answer = bench.json(&["search", "p.vizsla", "photos/06.png", "--json"]);
        answer["stages"].take();
        answer["ms"].take();
        answer
    };
    let before = search();
    assert_eq!(bench.json(&["info", "p.vizsla", "--json"])["segments"], 2);
    let report = bench.json(&["optimize", "p.vizsla", "--json"]);
    assert_eq!(
        (&report["segments_before"], &report["segments_after"]),
        (&2.into(), &1.into())
    );
    assert_eq!(search(), before);
    bench.succeed(&["optimize", "p.vizsla", "--rebuild"]);
    assert_eq!(search(), before);
}

#[test]
fn verify_finds_nothing_wrong_with_a_sound_collection() {
    let bench = indexed(3);
    insta::assert_snapshot!(bench.succeed(&["verify", "p.vizsla"]).stdout);
    assert_eq!(
        bench.json(&["verify", "p.vizsla", "--json"])["problems"],
        serde_json::json!([])
    );
}

#[test]
fn errors_of_usage_end_with_code_two() {
    let bench = Workbench::new();
    for arguments in [
        &["index"][..],
        &["search", "p.vizsla"],
        &["search", "p.vizsla", "q.png", "--region", "1,2,3"],
        &["search", "p.vizsla", "q.png", "--top", "0"],
        &["search", "p.vizsla", "q.png", "--threads", "1000000"],
        &["match", "a.png", "b.png", "--threshold", "nan"],
        &["match", "a.png", "b.png", "--ratio", "0"],
        &["match", "a.png", "b.png", "--max-side", "0"],
        &["remove", "p.vizsla"],
        &["fetch"],
    ] {
        assert_eq!(bench.run(arguments).code, Some(2), "{arguments:?}");
    }
}

#[test]
fn options_of_a_new_collection_are_refused_by_an_old_one() {
    let bench = Workbench::with_photos(2);
    bench.succeed(&["index", "photos", "--into", "p.vizsla", "--budget", "200"]);
    bench.succeed(&["index", "photos", "--into", "p.vizsla", "--budget", "200"]);
    let run = bench.run(&["index", "photos", "--into", "p.vizsla", "--budget", "300"]);
    run.fails_with(&["fixed when it is made", "p.vizsla"]);
}

#[test]
fn match_gives_the_transform_between_two_views() {
    let bench = Workbench::new();
    bench.write("a.png", &paint::picture(4).encode_png().expect("png"));
    bench.write("b.png", &paint::view(4).encode_png().expect("png"));
    bench.write("c.png", &paint::view(5).encode_png().expect("png"));
    let found = bench.json(&["match", "a.png", "b.png", "--json", "--draw", "out.png"]);
    assert_eq!(
        (&found["verdict"], &found["model"]),
        (&"match".into(), &"homography".into())
    );
    for (row, truth) in paint::VIEW.iter().enumerate() {
        for (column, truth) in truth.iter().enumerate() {
            let got = found["transform"][row][column].as_f64().expect("a number");
            let tolerance = [[0.03, 0.03, 2.0], [0.03, 0.03, 2.0], [2e-4, 2e-4, 1e-9]][row][column];
            assert!(
                (got - truth).abs() < tolerance,
                "{row},{column}: {got} for {truth}"
            );
        }
    }
    assert!(fs_err::metadata(bench.path("out.png")).is_ok_and(|file| file.len() > 1000));

    let affine = bench.json(&["match", "a.png", "b.png", "--json", "--model", "affine"]);
    assert_eq!(affine["model"], "affine map");
    assert_eq!(
        bench.json(&["match", "a.png", "c.png", "--json"])["verdict"],
        "no_match"
    );
    let text = bench.succeed(&["match", "a.png", "b.png"]).stdout;
    assert!(
        text.contains("match: ") && text.contains("on one homography"),
        "{text}"
    );
    bench
        .run(&["match", "a.png", "b.png", "--draw", "out.gif"])
        .fails_with(&[".png", "out.gif"]);
}

#[test]
fn a_codebook_of_ones_own_serves_a_collection() {
    let bench = Workbench::with_photos(6);
    let train = |into: &str| {
        let train = [
            "codebook", "train", "photos", "--into", into, "--words", "64", "--json",
        ];
        bench.json(&train)
    };
    let first = train("own.vzcb");
    assert_eq!(
        (&first["words"], &first["pictures"]),
        (&64.into(), &6.into())
    );
    assert_eq!(train("again.vzcb")["codebook"], first["codebook"]);
    let bytes = |name: &str| fs_err::read(bench.path(name)).expect("the codebook");
    assert_eq!(bytes("own.vzcb"), bytes("again.vzcb"));

    let info = bench.json(&["codebook", "info", "own.vzcb", "--json"]);
    assert_eq!(
        (&info["codebook"], &info["builtin"]),
        (&first["codebook"], &false.into())
    );
    assert_eq!(bench.json(&["codebook", "info", "--json"])["builtin"], true);

    bench.succeed(&[
        "index",
        "photos",
        "--into",
        "p.vizsla",
        "--codebook",
        "own.vzcb",
    ]);
    fs_err::remove_file(bench.path("own.vzcb")).expect("not needed any more");
    let info = bench.json(&["info", "p.vizsla", "--json"]);
    assert_eq!(info["codebook"], first["codebook"]);
    let answer = bench.json(&["search", "p.vizsla", "photos/02.png", "--json"]);
    assert!(
        answer["hits"][0]["path"]
            .as_str()
            .is_some_and(|path| path.ends_with("02.png"))
    );

    let few = [
        "codebook", "train", "photos", "--into", "x.vzcb", "--words", "60000",
    ];
    bench.run(&few).fails_with(&["60000"]);
}

#[test]
fn a_reader_that_closes_the_pipe_is_no_error() {
    let bench = indexed(2);
    let mut command = bench.command(&["list", "p.vizsla", "--json"]);
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("start");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("its end").code(), Some(0));
}

#[test]
fn features_are_listed_and_drawn_with_any_detector() {
    let bench = Workbench::new();
    bench.write("a.png", &paint::picture(4).encode_png().expect("png"));
    for detector in ["dog", "mser", "hessian_affine"] {
        let arguments = ["features", "a.png", "--detector", detector, "--budget"];
        let rest = ["40", "--draw", "out.png", "--json"];
        let found = bench.json(&[&arguments[..], &rest].concat());
        let features = found["features"].as_array().expect("features");
        assert!(features.len() > 5 && features.len() <= 40, "{detector}");
        for feature in features {
            let number = |name: &str| feature[name].as_f64().expect("a number");
            assert!(number("scale") > 0.5 && number("x") > -1.0 && number("y") > -1.0);
            assert_eq!(feature["descriptor"].as_array().map(Vec::len), Some(128));
        }
        assert!(fs_err::metadata(bench.path("out.png")).is_ok_and(|file| file.len() > 1000));
        fs_err::remove_file(bench.path("out.png")).expect("removed");
    }
    let text = bench.succeed(&["features", "a.png"]).stdout;
    assert!(text.contains("of dog with root_sift"), "{text}");
    bench
        .run(&["features", "a.png", "--draw", "out.gif"])
        .fails_with(&[".png", "out.gif"]);
    bench
        .run(&["features", "absent.png"])
        .fails_with(&["check the path", "absent.png"]);
}

/// Insists that options were refused before anything was done, with a message that holds all of these texts.
fn misused(run: &Run, texts: &[&str]) {
    assert_eq!(run.code, Some(2), "{}\n{}", run.stdout, run.stderr);
    for text in texts {
        assert!(
            run.stderr.contains(text),
            "{text:?} is missing in: {}",
            run.stderr
        );
    }
}

#[test]
fn how_words_vote_is_chosen_when_a_collection_is_made() {
    let bench = Workbench::with_photos(4);
    for scoring in ["hamming", "hamming_wgc", "bow", "asmk"] {
        let place = format!("{scoring}.vizsla");
        bench.succeed(&["index", "photos", "--into", &place, "--scoring", scoring]);
        let info = bench.json(&["info", &place, "--json"]).to_string();
        assert_eq!(info.contains("scoring"), scoring != "hamming", "{info}");
        let found = bench.json(&["search", &place, "photos/02.png", "--json"]);
        let first = found["hits"][0]["path"].as_str();
        assert!(
            first.is_some_and(|path| path.ends_with("02.png")),
            "{found}"
        );
    }
    let with = |more: &[&'static str]| {
        bench.run(&[&["index", "photos", "--into", "x.vizsla"], more].concat())
    };
    misused(
        &with(&["--scoring", "votes"]),
        &["votes", "hamming_wgc", "asmk"],
    );
    with(&["--scoring", "asmk", "--no-local", "--global", "bow"])
        .fails_with(&["needs local features"]);
    misused(&with(&["--global", "bow@9x9"]), &["1x1+2x2+4x4"]);
}

#[test]
fn codebooks_are_learned_in_four_ways_and_pyramids_are_written_behind_a_sum() {
    let bench = Workbench::with_photos(4);
    let train = |into: &str, clustering: &str| {
        bench.json(&[
            "codebook",
            "train",
            "photos",
            "--into",
            into,
            "--words",
            "32",
            "--clustering",
            clustering,
            "--json",
        ])
    };
    let ids = ["cells", "approximate", "flat", "hierarchical"].map(|how| {
        let learned = train(&format!("{how}.vzcb"), how);
        let info = bench.json(&["codebook", "info", &format!("{how}.vzcb"), "--json"]);
        assert_eq!(
            (&info["tree"], &info["words"]),
            (&(how == "hierarchical").into(), &32.into())
        );
        learned["codebook"].to_string()
    });
    let different: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(different.len(), 4);
    let index = |place: &str, more: &[&'static str]| {
        bench.succeed(&[&["index", "photos", "--into", place], more].concat());
        let found = bench.json(&["search", place, "photos/02.png", "--json"]);
        let first = found["hits"][0]["path"].as_str();
        assert!(
            first.is_some_and(|path| path.ends_with("02.png")),
            "{found}"
        );
    };
    index("tree.vizsla", &["--codebook", "hierarchical.vzcb"]);
    index("bag.vizsla", &["--global", "bow@1x1+2x2", "--no-local"]);
    let info = bench.json(&["info", "bag.vizsla", "--json"]).to_string();
    assert!(info.contains("1x1+2x2"), "{info}");
    let with = |more: &[&'static str]| {
        let train = [
            "codebook", "train", "photos", "--into", "x.vzcb", "--words", "8",
        ];
        bench.run(&[&train[..], more].concat())
    };
    misused(
        &with(&["--clustering", "tree"]),
        &["cells, approximate, flat or hierarchical"],
    );
    with(&["--branching", "4"]).fails_with(&["--clustering hierarchical"]);
    with(&["--clustering", "flat", "--refinements", "2"]).fails_with(&["--clustering cells"]);
    with(&["--clustering", "hierarchical", "--branching", "1"])
        .fails_with(&["branching", "2 to 256"]);
    let aggregate = [
        "codebook",
        "aggregate",
        "photos",
        "--into",
        "x.vzag",
        "--nearest",
        "3",
    ];
    bench.run(&aggregate).fails_with(&["--aggregate bow"]);
}

#[test]
fn methods_are_told_with_paper_and_cost() {
    let bench = Workbench::new();
    let all = bench.json(&["methods", "--json"]);
    let all = all["methods"].as_array().expect("methods");
    assert!(all.len() > 50, "{}", all.len());
    for method in all {
        for told in [
            "family", "name", "setting", "what", "paper", "cost", "memory",
        ] {
            let text = method[told].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{told}: {method}");
        }
    }
    let table = bench.succeed(&["methods"]).stdout;
    assert!(table.contains("*  dog") && table.contains("stage: search.stages"));
    let one = bench.succeed(&["methods", "hessian_affine"]).stdout;
    assert!(one.contains("Mikolajczyk"), "{one}");
    bench
        .run(&["methods", "swift"])
        .fails_with(&["swift", "detector", "vizsla methods"]);
}

#[test]
fn a_mirror_image_is_found_where_it_is_asked_for() {
    let bench = indexed(3);
    let turned = paint::picture(1).mirrored().encode_png().expect("png");
    bench.write("turned.png", &turned);
    let plain = bench.succeed(&["search", "p.vizsla", "turned.png"]);
    assert!(!plain.stdout.contains("match,"), "{}", plain.stdout);
    let search = ["search", "p.vizsla", "turned.png", "--mirrored"];
    let found = bench.succeed(&search);
    assert!(found.stdout.contains("match, mirrored"), "{}", found.stdout);
    let answer = bench.json(&[&search[..], &["--json"]].concat());
    let first = &answer["hits"][0];
    let path = first["path"].as_str().expect("a path");
    assert!(path.ends_with("01.png"), "{answer}");
    assert_eq!(first["agreement"]["mirrored"], true);
    let straight = bench.json(&[
        "search",
        "p.vizsla",
        "photos/01.png",
        "--mirrored",
        "--json",
    ]);
    let agreement = &straight["hits"][0]["agreement"];
    assert!(agreement["inliers"].is_number() && agreement["mirrored"].is_null());
}
