//! A whole evaluation with hand-written lists: the report's JSON, the run file, the comparison.

#![allow(clippy::expect_used, clippy::panic)] // helpers of tests fail by panicking

use vizsla_evaluation::{
    Dataset, Error, GalleryImage, Options, Protocol, Query, QueryCase, Ranked, Run, Truth, compare,
    evaluate, render_comparison, render_report,
};

fn dataset() -> Dataset {
    let gallery = (0..4)
        .map(|i| GalleryImage {
            key: format!("{i}.jpg"),
            path: format!("g/{i}.jpg").into(),
        })
        .collect();
    let query = |set: &str, key: &str, relevant: &[usize]| Query {
        case: QueryCase::image(key, set, format!("{set}/{key}")),
        truth: Truth::relevant(relevant.iter().copied()),
    };
    Dataset {
        name: "toy".into(),
        gallery,
        captions: Vec::new(),
        notes: Vec::new(),
        queries: vec![
            query("one", "a.jpg", &[0]),
            query("one", "b.jpg", &[]),
            query("two", "a.jpg", &[2, 3]),
        ],
        protocol: Protocol::Plain,
    }
}

fn answer(gallery: usize, matched: bool) -> Ranked {
    Ranked {
        gallery,
        score: 1.0,
        matched,
        log10_nfa: matched.then_some(-9.0),
    }
}

/// `two/a.jpg` finds one of its two images; `one/a.jpg` finds its image at the given place (from 0).
fn run(place: usize) -> Run {
    let mut searcher = |case: &QueryCase| {
        Ok(match (case.set.as_str(), case.key.as_str()) {
            ("one", "a.jpg") => {
                let mut list = vec![answer(1, false), answer(2, false)];
                list.insert(place, answer(0, true));
                list
            }
            ("one", "b.jpg") => vec![answer(3, false)],
            _ => vec![answer(2, true), answer(0, false)],
        })
    };
    evaluate(&dataset(), &mut searcher, &Options::default()).expect("lists are sound")
}

#[test]
fn the_report_has_the_promised_form() {
    let run = run(1);
    let json = serde_json::to_value(&run.report).expect("plain data");
    assert_eq!(json["dataset"], "toy");
    assert_eq!(
        (json["queries"].as_u64(), json["gallery"].as_u64()),
        (Some(3), Some(4))
    );
    // one/a: 1/2; two/a: one of two at the head = 1/2; one/b has no positives
    assert_eq!(json["metrics"]["map"], 0.5);
    assert_eq!(json["metrics"]["recall@1"], 0.5);
    assert_eq!(json["metrics"]["recall@10"], 1.0);
    // claims: both right, one relevant image missed → 2·2/(2·2+1)
    assert_eq!(json["metrics"]["verdict_f1"], 0.8);
    assert_eq!(json["sets"]["one"]["metrics"]["unknown_rejected"], 1.0);
    assert!(json["timing"]["index_images_per_s"].is_null());
    assert!(json["timing"]["query_ms_median"].is_number());
    assert!(json["timing"]["query_ms_p99"].is_number());
    for field in ["bytes_per_image", "peak_rss_bytes"] {
        assert!(json.get(field).is_some(), "{field}");
    }
    let names: Vec<&String> = json.as_object().expect("an object").keys().collect();
    assert!(names.contains(&&"intervals".to_owned()));
    let text = render_report(&run.report);
    assert!(
        text.contains("toy: 3 queries, 4 gallery images") && text.contains("0.8000"),
        "{text}"
    );
}

#[test]
fn a_run_file_is_read_back_and_compared() {
    let folder = tempfile::tempdir().expect("temp dir");
    let path = folder.path().join("run.json");
    let (worse, better) = (run(2), run(0));
    worse.write(&path).expect("temp dir is writable");
    let read = Run::read(&path).expect("own file");
    assert_eq!(read, worse);
    assert_eq!(
        fs_err::read_dir(folder.path()).expect("temp dir").count(),
        1,
        "nothing left over"
    );

    let comparison = compare(&read, &better, 1).expect("same data set");
    let map = comparison.metrics.get("map").expect("a mean over queries");
    assert!((map.difference - (1.0 - 1.0 / 3.0) / 2.0).abs() < 1e-12);
    assert_eq!(map.queries, 2);
    assert!(map.interval.low >= 0.0 && map.interval.high <= 2.0 / 3.0 + 1e-12);
    assert!(render_comparison(&comparison).contains("+0.3333"));
    let same = compare(&better, &better, 1).expect("same run");
    assert!(
        same.metrics
            .iter()
            .all(|(_, d)| d.difference == 0.0 && d.interval.high == 0.0)
    );
}

#[test]
fn runs_that_do_not_fit_are_refused() {
    let first = run(0);
    let mut other = first.clone();
    other.report.dataset = "else".into();
    assert!(matches!(
        compare(&first, &other, 1),
        Err(Error::Incomparable(_))
    ));
    other = first.clone();
    other.queries.clear();
    assert!(matches!(
        compare(&first, &other, 1),
        Err(Error::Incomparable(_))
    ));
}

#[test]
fn foreign_newer_and_damaged_run_files_are_told_apart() {
    let folder = tempfile::tempdir().expect("temp dir");
    let path = folder.path().join("run.json");
    for (text, says) in [
        ("{}", "not a run file"),
        (
            r#"{"format":"vizsla-run","format_version":2}"#,
            "use a newer vizsla",
        ),
        (
            r#"{"format":"vizsla-run","format_version":1}"#,
            "damaged run file",
        ),
        ("[", "not the expected JSON"),
    ] {
        fs_err::write(&path, text).expect("temp dir is writable");
        let message = Run::read(&path).expect_err(text).to_string();
        assert!(
            message.contains(says) && message.ends_with("run.json"),
            "{message}"
        );
    }
}

#[test]
fn a_failing_searcher_names_the_query() {
    let mut failing = |_: &QueryCase| Err("no such index".into());
    let error = evaluate(&dataset(), &mut failing, &Options::default()).expect_err("it fails");
    assert_eq!(error.to_string(), "query a.jpg failed: no such index");
    let mut outside = |_: &QueryCase| Ok(vec![answer(4, false)]);
    let error = evaluate(&dataset(), &mut outside, &Options::default()).expect_err("only 4 images");
    assert!(matches!(error, Error::UnknownImage { index: 4, .. }));
}

#[test]
fn infinite_numbers_survive_the_run_file() {
    let mut searcher = |_: &QueryCase| {
        Ok(vec![
            Ranked {
                gallery: 0,
                score: f64::NAN,
                matched: true,
                log10_nfa: Some(f64::NEG_INFINITY),
            },
            Ranked {
                gallery: 1,
                score: f64::INFINITY,
                matched: false,
                log10_nfa: Some(f64::INFINITY),
            },
        ])
    };
    let run = evaluate(&dataset(), &mut searcher, &Options::default()).expect("lists are sound");
    let ranked = &run.queries[0].ranked;
    assert_eq!(
        (ranked[0].score, ranked[0].log10_nfa),
        (0.0, Some(f64::MIN))
    );
    assert_eq!((ranked[1].score, ranked[1].log10_nfa), (f64::MAX, None));
    let folder = tempfile::tempdir().expect("temp dir");
    let path = folder.path().join("run.json");
    run.write(&path).expect("temp dir is writable");
    assert_eq!(Run::read(&path).expect("own file"), run);
}
