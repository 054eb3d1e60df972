//! What a picture may ask for, and what is said of files that are not taken in whole.

// Tests stop at the first surprise.
#![allow(clippy::expect_used, clippy::panic)]

mod workbench;

use std::path::Path;

use workbench::{Workbench, paint};

#[test]
fn limits_are_options_of_index() {
    let bench = Workbench::new();
    let wide = vizsla_pixels::Rgb::filled(1100, 1000, [90; 3]).expect("small");
    bench.write("photos/wide.png", &wide.encode_png().expect("png"));
    let index = |into: &str, more: &[&str]| {
        let arguments = [&["index", "photos", "--into", into][..], more].concat();
        bench.succeed(&arguments)
    };
    let run = index("a.vizsla", &["--max-pixels", "1"]);
    assert!(
        run.stdout
            .contains("the number of pixels is 1100000, above the limit of 1000000"),
        "{}",
        run.stdout
    );
    assert!(run.stderr.contains("--max-pixels"), "{}", run.stderr);
    let run = index("a.vizsla", &["--decode-memory", "1"]);
    assert!(
        run.stdout.contains("the memory needed in bytes"),
        "{}",
        run.stdout
    );
    assert!(run.stderr.contains("--decode-memory"), "{}", run.stderr);
    let run = index("a.vizsla", &["--max-pixels", "2"]);
    assert!(
        run.stdout.contains("1 added") && !run.stderr.contains("--max-pixels"),
        "{}",
        run.stdout
    );

    // More than a file may have.
    bench.write(
        "photos/wide.png",
        &paint::picture(3).encode_png().expect("png"),
    );
    let mut long = paint::picture(4).encode_png().expect("png");
    long.resize(3 << 20, 0);
    bench.write("photos/long.png", &long);
    let run = index("a.vizsla", &["--max-file-size", "1"]);
    assert!(
        run.stdout.contains("the file size in bytes is 3145728"),
        "{}",
        run.stdout
    );
    assert!(run.stderr.contains("--max-file-size"), "{}", run.stderr);
    let run = index("a.vizsla", &["--max-file-size", "4"]);
    assert!(run.stdout.contains("1 added"), "{}", run.stdout);
}

#[test]
fn further_pages_are_reported() {
    let bench = Workbench::new();
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/tiff");
    for name in [
        "three_pages.tif",
        "page_and_smaller_copy.tif",
        "not_read_lerc.tif",
    ] {
        let bytes = fs_err::read(cases.join(name)).expect("a case");
        bench.write(format!("photos/{name}"), &bytes);
    }
    let report = bench.json(&["index", "photos", "--into", "a.vizsla", "--json"]);
    let pages = report["further_pages"].as_array().expect("a list");
    assert_eq!(pages.len(), 1, "{report}");
    assert!(
        pages[0]["path"]
            .as_str()
            .is_some_and(|path| path.ends_with("three_pages.tif"))
    );
    assert_eq!(pages[0]["left_out"], 2);
    let reason = report["skipped"][0]["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("its compression is 34887, LERC") && !reason.contains("damaged"),
        "{reason}"
    );
    let run = bench.succeed(&["index", "photos", "--into", "b.vizsla"]);
    assert!(
        run.stdout
            .contains("only the first page of 1 file was taken in"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("three_pages.tif"), "{}", run.stdout);
}

/// Panics on purpose exist in builds with debug assertions.
#[test]
#[cfg(debug_assertions)]
fn a_decoder_that_panics_costs_one_file_and_no_word_on_the_terminal() {
    let bench = Workbench::with_photos(2);
    let mut broken = paint::picture(9).encode_png().expect("png");
    broken.extend(b"panic on purpose");
    bench.write("photos/broken.png", &broken);
    let mut command = bench.command(&["index", "photos", "--into", "a.vizsla"]);
    command.env("VIZSLA_TEST_PANIC", "1");
    let run = bench.finish(command.output().expect("the program starts"));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("2 added"), "{}", run.stdout);
    assert!(
        run.stdout.contains("broken.png") && run.stdout.contains("on purpose"),
        "{}",
        run.stdout
    );
    assert!(
        !run.stderr.contains("panicked") && !run.stderr.contains("RUST_BACKTRACE"),
        "{}",
        run.stderr
    );
}
