//! Options that mean nothing together.

use crate::views;

#[test]
fn what_means_nothing_is_refused_with_what_is_possible() {
    let bench = views();
    for (options, told) in [
        (
            &["--scoring", "magsac"][..],
            &[
                "--scoring means nothing to --geometry verify",
                "--guided",
                "--geometry ransac|sequential",
            ][..],
        ),
        (
            &["--geometry", "local_consistency", "--guided"],
            &[
                "--guided means nothing to --geometry local_consistency",
                "no options",
                "verify|ransac",
            ],
        ),
        (
            &["--geometry", "hough", "--threshold", "3"],
            &["--threshold means nothing to --geometry hough", "--objects"],
        ),
        (
            &["--geometry", "ransac", "--hypothesis", "scale"],
            &[
                "--hypothesis means nothing",
                "--local-optimisation",
                "--geometry spatial",
            ],
        ),
        (
            &["--geometry", "ransac", "--objects", "3"],
            &["--objects means nothing", "--geometry hough|sequential"],
        ),
        (
            &["--model", "fundamental"],
            &[
                "--geometry verify finds no fundamental",
                "--geometry ransac|sequential",
            ],
        ),
        (
            &["--geometry", "hough", "--model", "homography"],
            &["hough finds no homography", "--model affine"],
        ),
        (
            &["--geometry", "ransac", "--degeneracy", "ignore"],
            &[
                "--degeneracy is about the fundamental matrix",
                "--model fundamental",
            ],
        ),
        (
            &["--second", "inconsistent", "--ratio", "1"],
            &["--second means nothing to --ratio 1"],
        ),
        (
            &["--check", "symmetric", "--ratio", "1"],
            &["--check symmetric", "--check mutual"],
        ),
    ] {
        let run = bench.run(&[&["match", "a.png", "b.png"], options].concat());
        run.fails_with(told);
    }
    for (option, value, known) in [
        ("--geometry", "lmeds", "verify, ransac"),
        ("--model", "essential", "fundamental"),
        ("--scoring", "lmeds", "magsac"),
        ("--neighbours", "hnsw", "kd_forest"),
        ("--check", "both", "mutual"),
    ] {
        let run = bench.run(&["match", "a.png", "b.png", option, value]);
        assert_eq!(run.code, Some(2), "{option} {value}");
        assert!(
            run.stderr.contains(value) && run.stderr.contains(known),
            "{}",
            run.stderr
        );
    }
    let run = bench.run(&["match", "a.png", "b.png", "--objects", "0"]);
    assert_eq!(run.code, Some(2));
}
