//! `vizsla evaluate` on a small data set of the user's own, with truth known by construction.

// Tests stop at the first surprise.
#![allow(clippy::expect_used, clippy::panic)]

mod workbench;

use serde_json::Value;
use workbench::{Workbench, paint};

/// Eight paintings, views of three of them, and one query that nothing matches.
fn own_data() -> Workbench {
    let bench = Workbench::with_photos(8);
    for number in [1, 4, 6, 500] {
        let view = paint::view(number).encode_png().expect("png");
        bench.write(format!("views/v{number}.png"), &view);
    }
    let truth =
        r#"{"v1.png": ["01.png"], "v4.png": ["04.png"], "v6.png": ["06.png"], "v500.png": []}"#;
    bench.write("truth.json", truth.as_bytes());
    bench
}

const FILES: [&str; 8] = [
    "evaluate",
    "files",
    "--gallery",
    "photos",
    "--queries",
    "views",
    "--truth",
    "truth.json",
];

fn evaluate(bench: &Workbench, options: &[&str]) -> Value {
    bench.json(&[&FILES[..], options, &["--json"]].concat())
}

#[test]
fn one_json_object_holds_the_figures_of_the_issue() {
    let bench = own_data();
    let report = evaluate(&bench, &[]);
    assert_eq!(
        (&report["queries"], &report["gallery"]),
        (&4.into(), &8.into())
    );
    for metric in [
        "map",
        "recall@1",
        "recall@10",
        "verdict_f1",
        "unknown_rejected",
    ] {
        assert_eq!(report["metrics"][metric], 1.0, "{metric} in {report}");
    }
    for (group, name) in [
        ("timing", "index_images_per_s"),
        ("timing", "query_ms_median"),
        ("timing", "query_ms_p99"),
    ] {
        assert!(
            report[group][name]
                .as_f64()
                .is_some_and(|value| value > 0.0),
            "{name}"
        );
    }
    assert!(
        report["bytes_per_image"]
            .as_f64()
            .is_some_and(|bytes| bytes > 1000.0)
    );
    if cfg!(target_os = "linux") {
        assert!(
            report["peak_rss_bytes"]
                .as_u64()
                .is_some_and(|bytes| bytes > 1 << 20)
        );
    }
    let text = bench.succeed(&FILES).stdout;
    assert!(text.contains("mAP") && text.contains("recall@1"), "{text}");
}

#[test]
fn distractors_enlarge_the_gallery_and_a_kept_collection_is_used_again() {
    let bench = own_data();
    for number in 100..103 {
        let other = paint::picture(number).encode_png().expect("png");
        bench.write(format!("others/{number}.png"), &other);
    }
    let options = ["--distractors", "others", "--keep", "kept.vizsla"];
    let first = evaluate(&bench, &options);
    assert_eq!(
        (&first["gallery"], &first["metrics"]["map"]),
        (&11.into(), &1.0.into())
    );
    let second = evaluate(&bench, &options);
    assert_eq!(second["metrics"], first["metrics"]);
    assert_eq!(second["timing"]["index_images_per_s"], Value::Null);
    assert_eq!(bench.json(&["info", "kept.vizsla", "--json"])["images"], 11);
}

#[test]
fn run_files_are_compared_query_by_query() {
    let bench = own_data();
    evaluate(&bench, &["--run-file", "a.json"]);
    let compared = [&FILES[..], &["--run-file", "b.json", "--compare", "a.json"]].concat();
    let text = bench.succeed(&compared).stdout;
    assert!(text.contains("difference"), "{text}");
    let comparison = bench.json(&["evaluate", "compare", "a.json", "b.json", "--json"]);
    assert_eq!(comparison["metrics"]["map"]["difference"], 0.0);
    bench
        .run(&["evaluate", "compare", "a.json", "truth.json"])
        .fails_with(&["truth.json"]);
}

#[test]
fn data_that_is_not_there_is_named() {
    let bench = own_data();
    bench
        .run(&["evaluate", "smvs", "--data", "absent"])
        .fails_with(&["absent"]);
    bench.write("wrong.json", br#"{"v1.png": ["no-such-file.png"]}"#);
    let mut wrong = FILES;
    wrong[7] = "wrong.json";
    bench.run(&wrong).fails_with(&["no-such-file.png"]);
}

#[test]
fn folders_are_classes_and_a_picture_does_not_find_itself() {
    let bench = Workbench::new();
    for (class, numbers) in [("one", [1u64, 1001]), ("two", [2, 1002])] {
        for number in numbers {
            let picture = match number {
                1..1000 => paint::picture(number),
                _ => paint::view(number - 1000),
            };
            let png = picture.encode_png().expect("png");
            bench.write(format!("photos/{class}/{number}.png"), &png);
        }
    }
    let report = bench.json(&[
        "evaluate",
        "folders",
        "--gallery",
        "photos",
        "--queries",
        "photos",
        "--json",
    ]);
    assert_eq!(
        (&report["queries"], &report["gallery"]),
        (&4.into(), &4.into())
    );
    assert_eq!(report["metrics"]["map"], 1.0, "{report}");
    assert_eq!(report["metrics"]["precision@1"], 1.0);
    assert_eq!(report["sets"]["two"]["queries"], 2);
}

#[test]
fn captions_find_their_picture_by_what_others_wrote() {
    let bench = Workbench::with_photos(3);
    let table = "image,caption\n00.png,a dog on the beach\n00.png,the dog runs by the sea on a beach\n\
                 01.png,two trains in a station\n01.png,a station with red trains\n\
                 02.png,children play chess\n02.png,some children at a game of chess\n";
    bench.write("photos/captions.csv", table.as_bytes());
    let report = bench.json(&[
        "evaluate",
        "captions",
        "photos/captions.csv",
        "--set",
        "text_to_image",
        "--json",
    ]);
    assert_eq!(
        (&report["queries"], &report["captions"]),
        (&6.into(), &6.into())
    );
    assert_eq!(report["metrics"]["recall@1"], 1.0, "{report}");
    assert_eq!(report["metrics"]["median_rank"], 1.0);
}

#[test]
fn agreement_compares_a_table_with_votes() {
    let bench = Workbench::new();
    let votes = "query,a,b,votes_a,votes_b\nq,x,y,3,0\nq,x,z,1,2\n";
    bench.write("votes.csv", votes.as_bytes());
    bench.write(
        "model.csv",
        b"first,second,similarity\nq,x,0.9\ny,q,0.1\nq,z,0.5\n",
    );
    let figures = bench.json(&[
        "evaluate",
        "agreement",
        "--triplets",
        "votes.csv",
        "--similarities",
        "model.csv",
        "--json",
    ]);
    assert_eq!(figures["triplets"]["metrics"]["agreement"], 0.5);
    bench.write("short.csv", b"first,second,similarity\nq,x,0.9\n");
    bench
        .run(&[
            "evaluate",
            "agreement",
            "--triplets",
            "votes.csv",
            "--similarities",
            "short.csv",
        ])
        .fails_with(&["q and y"]);
    bench
        .run(&["evaluate", "agreement", "--similarities", "model.csv"])
        .fails_with(&["--triplets"]);
}
