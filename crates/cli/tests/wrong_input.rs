//! What somebody new may type by mistake: each time what happened is said, and what to do.

// Tests stop at the first surprise.
#![allow(clippy::expect_used, clippy::panic)]

mod workbench;

use workbench::{Run, Workbench, paint};

/// Two small pictures with captions, and a collection of them.
fn indexed() -> Workbench {
    let bench = Workbench::new();
    for number in 0..2 {
        let small = paint::picture(number).resized(60, 50).expect("small");
        let png = small.encode_png().expect("png");
        bench.write(format!("photos/{number:02}.png"), &png);
    }
    bench.write(
        "captions.csv",
        b"image,caption\n00.png,A red umbrella\n01.png,Two dogs\n",
    );
    bench.succeed(&[
        "index",
        "photos",
        "--into",
        "p.vizsla",
        "--captions",
        "captions.csv",
        "--labels",
        "folders",
    ]);
    bench
}

fn last_line(run: &Run) -> &str {
    run.stdout.lines().last().expect("a line")
}

#[test]
fn the_closing_line_says_how_results_were_found() {
    let bench = indexed();
    let by_words = bench.succeed(&["search", "p.vizsla", "--text", "umbrella"]);
    let line = last_line(&by_words);
    assert!(
        line.starts_with("1 image found by words of captions in "),
        "{line}"
    );
    let captions = ["search", "p.vizsla", "--text", "dogs", "--find", "captions"];
    let captions = bench.succeed(&captions);
    let line = last_line(&captions);
    assert!(
        line.starts_with("1 caption found by words of captions in "),
        "{line}"
    );
    let nothing = bench.succeed(&["search", "p.vizsla", "--text", "zebra"]);
    assert!(
        last_line(&nothing).starts_with("nothing found in "),
        "{}",
        nothing.stdout
    );

    let same = bench.succeed(&["search", "p.vizsla", "photos/00.png"]);
    assert!(
        last_line(&same).starts_with("1 match in "),
        "{}",
        same.stdout
    );
    let other = paint::picture(77).encode_png().expect("png");
    bench.write("other.png", &other);
    let other = bench.succeed(&["search", "p.vizsla", "other.png"]);
    assert!(
        last_line(&other).starts_with("no match"),
        "{}",
        other.stdout
    );
    let unchecked = bench.succeed(&["search", "p.vizsla", "photos/00.png", "--no-verify"]);
    let line = last_line(&unchecked);
    assert!(
        line.contains("found by details, likeness in ") && !line.contains("match"),
        "{line}"
    );
    let only = bench.succeed(&["search", "p.vizsla", "--text", "umbrella", "--matches-only"]);
    assert!(only.stderr.contains("--matches-only"), "{}", only.stderr);
}

#[test]
fn a_collection_is_no_folder_of_pictures_and_a_folder_no_collection() {
    let bench = indexed();
    let run = bench.run(&["index", "p.vizsla", "--into", "q.vizsla"]);
    assert!(
        run.stdout.contains("this is a collection"),
        "{}",
        run.stdout
    );
    bench
        .run(&["index", "photos", "--into", "photos"])
        .fails_with(&["not a collection", "another name"]);
    for verb in ["info", "list", "verify", "optimize", "duplicates"] {
        for place in ["photos", "captions.csv", "p.vizsla/catalog.db"] {
            bench
                .run(&[verb, place])
                .fails_with(&["not a collection", "--into", place]);
        }
    }
}

#[test]
fn queries_that_are_no_pictures_are_said_to_be_none() {
    let bench = indexed();
    for (query, text) in [
        ("no such picture.jpg", "no such picture; check the path"),
        ("./photos", "not a regular file"),
        ("captions.csv", "not an image"),
        ("umbrella", "in quotes"),
    ] {
        bench
            .run(&["search", "p.vizsla", query])
            .fails_with(&[text]);
    }
}

#[test]
fn a_collection_in_use_is_said_to_be() {
    let bench = indexed();
    let lock = fs_err::OpenOptions::new()
        .append(true)
        .open(bench.path("p.vizsla/writer.lock"))
        .expect("the lock");
    lock.file().lock().expect("held");
    for arguments in [
        &["index", "photos", "--into", "p.vizsla"][..],
        &["remove", "p.vizsla", "photos"],
        &["optimize", "p.vizsla"],
    ] {
        bench
            .run(arguments)
            .fails_with(&["another process is writing", "wait", "p.vizsla"]);
    }
    // Who only reads is not kept out.
    bench.succeed(&["search", "p.vizsla", "--text", "umbrella"]);
    bench.succeed(&["verify", "p.vizsla", "--files"]);
}

#[test]
fn what_is_not_there_is_named_with_what_to_do() {
    let bench = indexed();
    for (arguments, texts) in [
        (
            &["index", "absent", "--into", "q.vizsla"][..],
            &["does not exist", "absent"][..],
        ),
        (
            &["info", "absent.vizsla"],
            &["no collection here", "vizsla index", "absent.vizsla"],
        ),
        (
            &["remove", "p.vizsla", "absent.jpg"],
            &["not in the collection", "vizsla list", "absent.jpg"],
        ),
        (
            &["match", "photos/00.png", "absent.png"],
            &["check the path", "absent.png"],
        ),
        (
            &["identify", "p.vizsla", "absent.png"],
            &["check the path", "absent.png"],
        ),
        (
            &[
                "search",
                "p.vizsla",
                "photos/00.png",
                "--explain",
                "out.gif",
            ],
            &[".png", "out.gif"],
        ),
        (
            &["search", "p.vizsla", "#77"],
            &["not in the collection", "77"],
        ),
    ] {
        let run = bench.run(arguments);
        run.fails_with(texts);
        assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
        assert!(run.stdout.is_empty(), "{}", run.stdout);
    }
    assert!(!bench.path("q.vizsla").exists());
    // What nobody knows is an error of usage, with a hint.
    let run = bench.run(&["index", "photos", "--into", "p.vizsla", "--exlude", "x"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("--exclude"), "{}", run.stderr);
}

#[test]
fn limits_are_raised_by_options_that_the_verb_has() {
    let bench = indexed();
    let large = vizsla_pixels::Rgb::filled(1200, 1000, [90; 3]).expect("canvas");
    bench.write("photos/large.png", &large.encode_png().expect("png"));
    let small = ["--max-pixels", "1"];
    let index = [&["index", "photos", "--into", "p.vizsla"], &small[..]].concat();
    let run = bench.succeed(&index);
    assert!(
        run.stdout.contains("above the limit of 1000000"),
        "{}",
        run.stdout
    );
    assert!(
        run.stderr.contains("raised by --max-pixels"),
        "{}",
        run.stderr
    );
    for verb in [
        &["search", "p.vizsla", "photos/large.png"],
        &["match", "photos/large.png", "photos/00.png"],
    ] {
        let run = bench.run(&[&verb[..], &small].concat());
        run.fails_with(&[
            "above the limit of 1000000",
            "raised by --max-pixels",
            "large.png",
        ]);
        bench.succeed(&verb[..]);
    }
    // A verb without such options does not advise them.
    let run = bench.run(&["identify", "p.vizsla", "photos/large.png"]);
    assert!(!run.stderr.contains("--max-pixels"), "{}", run.stderr);
}

#[test]
fn folders_without_pictures_are_said_to_have_none() {
    let bench = Workbench::new();
    fs_err::create_dir(bench.path("empty")).expect("a folder");
    let run = bench.succeed(&["index", "empty", "--into", "e.vizsla"]);
    assert!(
        run.stderr.contains("no picture was found"),
        "{}",
        run.stderr
    );
    bench.write("hidden/.a.png", b"x");
    let run = bench.succeed(&["index", "hidden", "--into", "e.vizsla"]);
    assert!(run.stderr.contains("left out by rules"), "{}", run.stderr);
    bench.write("broken/a.png", b"no picture");
    bench
        .run(&["codebook", "train", "broken", "--into", "b.vzcb"])
        .fails_with(&["no picture could be read", "a.png"]);
    bench
        .run(&["codebook", "train", "empty", "--into", "b.vzcb"])
        .fails_with(&["no picture was found", "empty"]);
}

/// Runs the program as a user who may do nothing but what everybody may; `None` where that cannot be.
#[cfg(unix)]
fn as_nobody(bench: &Workbench, arguments: &[&str]) -> Option<Run> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;

    let root = fs_err::metadata(bench.path("")).expect("the bench").uid() == 0;
    let open = PermissionsExt::from_mode(0o755);
    fs_err::set_permissions(bench.path(""), open).expect("permissions");
    let mut command = bench.command(arguments);
    if root {
        command.uid(65_534).gid(65_534);
    }
    match command.output() {
        Ok(output) => Some(bench.finish(output)),
        Err(error) => {
            eprintln!("skipped: the program cannot be run as nobody ({error})");
            None
        }
    }
}

#[cfg(unix)]
#[test]
fn what_may_not_be_read_is_not_called_absent() {
    use std::os::unix::fs::PermissionsExt;

    let bench = indexed();
    let lock = |name: &str, mode: u32| {
        let mode = PermissionsExt::from_mode(mode);
        fs_err::set_permissions(bench.path(name), mode).expect("permissions");
    };
    for (name, mode) in [("p.vizsla", 0o000), ("p.vizsla/catalog.db", 0o000)] {
        lock(name, mode);
        for verb in ["info", "list", "verify"] {
            let Some(run) = as_nobody(&bench, &[verb, "p.vizsla"]) else {
                lock(name, 0o755);
                return;
            };
            run.fails_with(&["permission denied", "p.vizsla"]);
            assert!(!run.stderr.contains("not a collection"), "{}", run.stderr);
        }
        lock(name, 0o755);
    }
}
