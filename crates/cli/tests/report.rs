//! `vizsla report`: runs compared on one page.

// Tests stop at the first surprise.
#![allow(clippy::expect_used, clippy::panic)]
#![cfg(feature = "training")]

mod workbench;

use workbench::Workbench;

#[test]
fn runs_become_a_page_and_tables() {
    let bench = Workbench::new();
    for (name, value) in [("one", "0.5"), ("two", "0.75")] {
        let result = format!(
            "{{\"metrics\": {{\"map\": {value}}}, \"queries\": [{{\"query\": \"q.png\", \"average_precision\": {value}}}]}}"
        );
        bench.write(format!("{name}/result.json"), result.as_bytes());
    }
    let run = bench.succeed(&["report", "one", "two", "--output", "report.html"]);
    assert!(
        run.stdout.starts_with("report.html: 2 runs, "),
        "{}",
        run.stdout
    );
    let page = fs_err::read_to_string(bench.path("report.html")).expect("a page");
    assert!(page.contains("2 training runs") && page.contains("0.750"));
    let run = bench.succeed(&["report", "one", "two", "--markdown"]);
    assert!(run.stdout.contains("| two | **0.750** |"), "{}", run.stdout);
    bench
        .run(&["report", "nowhere", "--output", "report.html"])
        .fails_with(&["neither run.toml nor result.json", "vizsla train"]);
    assert_eq!(
        bench.run(&["report", "one"]).code,
        Some(2),
        "neither page nor tables"
    );
}
