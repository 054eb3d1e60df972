//! Networks as exporters declare them and networks that were made to do harm, through the real binary: what is taken
//! in works, what is not is refused with its reason and leaves nothing behind.

// Tests stop at the first surprise.
#![allow(clippy::expect_used, clippy::panic)]

mod workbench;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use workbench::{Run, Workbench, paint};

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/cases/models")
        .join(format!("{name}.onnx"))
}

/// The program with a registry inside of the workbench, on the built-in runtime.
fn run(bench: &Workbench, arguments: &[&str]) -> Run {
    let mut command = bench.command(arguments);
    command
        .env("VIZSLA_MODELS", bench.path("registry"))
        .env("VIZSLA_RUNTIME", "rten");
    bench.finish(command.output().expect("the program starts"))
}

fn parsed(run: &Run) -> Value {
    assert_eq!(run.code, Some(0), "{}\n{}", run.stdout, run.stderr);
    serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {}", run.stdout))
}

fn add(bench: &Workbench, name: &str, more: &[&str]) -> Run {
    let file = case(name).display().to_string();
    let id = name.rsplit('/').next().unwrap_or(name);
    let all = [&["models", "add", &file, "--id", id, "--json"], more].concat();
    run(bench, &all)
}

fn registered(bench: &Workbench) -> usize {
    fs_err::read_dir(bench.path("registry")).map_or(0, Iterator::count)
}

#[test]
fn every_declaration_is_added_and_describes_pictures() {
    let bench = Workbench::with_photos(2);
    for (name, layout) in [
        ("nhwc_free", "channels-last"),
        ("uint8_nchw", "channels-first"),
        ("batch4", "channels-first"),
        ("out1d", "channels-first"),
        ("noshape", "channels-first"),
        ("pair", "channels-first"),
    ] {
        let added = parsed(&add(&bench, name, &[]));
        assert_eq!(added["layout"], layout, "{name}");
        assert_eq!(added["dimension"], 8, "{name}");
        let into = format!("{name}.vizsla");
        let index = [
            "index",
            "photos",
            "--into",
            &into,
            "--encoder",
            name,
            "--no-local",
            "--json",
        ];
        assert_eq!(parsed(&run(&bench, &index))["added"], 2, "{name}");
    }
    add(&bench, "undecidable", &[])
        .fails_with(&["--layout channels-first or --layout channels-last"]);
    let added = parsed(&add(&bench, "undecidable", &["--layout", "channels-last"]));
    assert_eq!(added["layout"], "channels-last");
    add(&bench, "pair", &["--output", "logits"]).fails_with(&[
        "'ids' as well",
        "'vector'",
        "pair.onnx",
    ]);
}

/// The model says that it takes any size; in truth it takes pictures that are 16 wide and 12 high.
fn with_choosy_model(bench: &Workbench) {
    let more = ["--output", "vector", "--size", "12", "--crop", "0"];
    let added = parsed(&add(bench, "four_by_three", &more));
    assert_eq!(added["dimension"], 2);
}

const INDEX: [&str; 7] = [
    "index",
    "photos",
    "--into",
    "p.vizsla",
    "--no-local",
    "--encoder",
    "four_by_three",
];

fn write_square(bench: &Workbench, number: u64) {
    let square = paint::picture(number).crop(0, 0, 64, 64).expect("a square");
    let bytes = square.encode_png().expect("png");
    bench.write(format!("photos/square{number}.png"), &bytes);
}

#[test]
fn a_model_that_refuses_every_picture_is_an_error_and_leaves_nothing() {
    let bench = Workbench::new();
    with_choosy_model(&bench);
    (0..3).for_each(|number| write_square(&bench, number));
    let refused = run(&bench, &INDEX);
    refused.fails_with(&[
        "the model 'four_by_three' refused every picture (3), nothing was taken in",
        "four_by_three.onnx",
    ]);
    assert!(!bench.path("p.vizsla").exists(), "{}", refused.stderr);
}

#[test]
fn pictures_that_a_model_refuses_are_listed() {
    let bench = Workbench::with_photos(1);
    with_choosy_model(&bench);
    write_square(&bench, 7);
    let some = run(&bench, &[&INDEX[..], &["--json"]].concat());
    let report = parsed(&some);
    assert_eq!(
        (&report["added"], &report["refused"]),
        (&json!(1), &json!(1))
    );
    let listed = &report["skipped"][0];
    let has = |field: &str, part: &str| listed[field].as_str().is_some_and(|t| t.contains(part));
    assert!(
        has("path", "square7.png") && has("reason", "four_by_three.onnx"),
        "{listed}"
    );
    assert!(
        some.stderr.contains("1 file refused by the model"),
        "{}",
        some.stderr
    );
    // Again, with nothing else to do: said by the exit code as well.
    let again = run(&bench, &["index", "photos", "--into", "p.vizsla"]);
    assert_eq!(again.code, Some(1), "{}", again.stdout);
    assert!(again.stdout.contains("square7.png"), "{}", again.stdout);
}

#[test]
fn what_asks_for_all_memory_or_never_ends_is_refused() {
    let bench = Workbench::new();
    for name in ["constant_of_shape", "expand", "tile", "range", "doubling"] {
        let refused = add(
            &bench,
            &format!("hostile/{name}"),
            &["--trial-memory", "2048", "--trial-seconds", "60"],
        );
        refused.fails_with(&[".onnx"]);
    }
    for name in ["long_work", "endless_loop"] {
        let refused = add(
            &bench,
            &format!("hostile/{name}"),
            &["--trial-seconds", "2"],
        );
        refused.fails_with(&[".onnx"]);
    }
    let refused = add(&bench, "hostile/long_work", &["--trial-seconds", "1"]);
    refused.fails_with(&[
        "was not done after 1 s",
        "--trial-seconds",
        "long_work.onnx",
    ]);
    assert_eq!(registered(&bench), 0);
}

#[test]
fn files_that_contradict_themselves_or_leave_their_folder_are_refused() {
    let bench = Workbench::new();
    for (name, part) in [
        ("deep_graphs", "nested more than 16 deep"),
        ("negative_dims", "of -2x-2"),
        ("overflowing_dims", "a size that is none"),
        ("short_weights", "'b' of 1000 does not hold as many numbers"),
        ("outside", "etc/passwd"),
        ("absolute", "said to be in '/etc/passwd'"),
        ("beside", "beside.data"),
    ] {
        add(&bench, &format!("hostile/{name}"), &[]).fails_with(&[part]);
    }
    assert_eq!(registered(&bench), 0);
    // A link beside the model leads out of the folder as well.
    fs_err::copy(case("hostile/beside"), bench.path("beside.onnx")).expect("a copy");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc/passwd", bench.path("beside.data")).expect("a link");
        let add = ["models", "add", "beside.onnx", "--id", "b"];
        run(&bench, &add).fails_with(&["'beside.data' are a link to /etc/passwd"]);
    }
}

fn add_text(bench: &Workbench, tokenizer: &[u8]) -> Run {
    bench.write("tokenizer.json", tokenizer);
    let more = ["--kind", "text", "--tokenizer", "tokenizer.json"];
    add(bench, "pair", &more)
}

#[test]
fn a_tokenizer_is_checked_before_it_is_used_and_compared_after() {
    let bench = Workbench::new();
    let bpe = |prefix: &str, vocabulary: Value, merges: Value| {
        json!({"version": "1.0", "model": {
            "type": "BPE", "vocab": vocabulary, "merges": merges, "continuing_subword_prefix": prefix,
        }})
    };
    let merges = json!([["a", "b"]]);
    for (description, part) in [
        (
            bpe("", json!({"a": 0, "b": 1}), merges.clone()),
            "merge 1 makes 'ab', which is no token",
        ),
        (
            bpe(
                "xy",
                json!({"a": 0, "é": 1, "aaaaaaaa": 2}),
                json!([["a", "é"]]),
            ),
            "does not begin with 'xy'",
        ),
        (
            bpe("long", json!({"a": 0, "b": 1, "ab": 2}), merges.clone()),
            "does not begin with 'long'",
        ),
    ] {
        add_text(&bench, description.to_string().as_bytes()).fails_with(&[part, "tokenizer.json"]);
    }
    add_text(&bench, b"{\"model\": \"\xff\"}").fails_with(&["tokenizer.json"]);
    assert_eq!(registered(&bench), 0);

    let good = bpe("", json!({"a": 0, "b": 1, "ab": 2}), merges).to_string();
    let added = parsed(&add_text(&bench, good.as_bytes()));
    assert_eq!(
        added["text"]["tokenizer_sha256"].as_str().map(str::len),
        Some(64)
    );
    assert_eq!(added["output"], Value::Null);
    bench.write(
        "tokenizer.json",
        good.replace("\"ab\":2", "\"ab\":3").as_bytes(),
    );
    let changed = run(&bench, &["models", "info", "pair"]);
    assert_eq!(changed.code, Some(1));
    assert!(
        changed.stdout.contains("the tokenizer of model 'pair'"),
        "{}",
        changed.stdout
    );
}
