//! Comparisons with peers: builds what is compared, installs the peers at pinned versions into a
//! virtual environment of their own, and runs the benchmark's script.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail, ensure};
use fs_err as fs;

use crate::process::{cargo, succeed};
use crate::python::environment;
use crate::workspace::Workspace;

/// One benchmark: what is compiled for it and what its `benches/<name>/run.py` is given.
struct Bench {
    name: &'static str,
    summary: &'static str,
    /// Arguments of `cargo build --release` that make the program under test.
    build: &'static [&'static str],
    /// Option of the script that takes the program, and the program below `target/release`.
    program: (&'static str, &'static str),
    /// True when the script reads photographs from `--data`.
    data: bool,
    /// Option of the script that names the JSON file for its figures, where it writes one.
    figures: Option<&'static str>,
}

const BENCHES: &[Bench] = &[
    Bench {
        name: "decode",
        summary: "odd and damaged pictures against Pillow and libjpeg-turbo: silent differences, refusals, time",
        build: &["-p", "vizsla-pixels", "--example", "decode_bench"],
        program: ("--vizsla-bin", "examples/decode_bench"),
        data: false,
        figures: Some("--json"),
    },
    Bench {
        name: "sift",
        summary: "SIFT against OpenCV: time per megapixel, repeatability, matching score",
        build: &["-p", "vizsla-features", "--example", "sift_bench"],
        program: ("--vizsla-bin", "examples/sift_bench"),
        data: true,
        figures: Some("--json"),
    },
    Bench {
        name: "detectors",
        summary: "all detectors beside OpenCV's: repeatability and matching score on eight sequences, with plots",
        build: &["-p", "vizsla-retrieval", "--example", "repeatability"],
        program: ("--vizsla-bin", "examples/repeatability"),
        data: true,
        figures: Some("--json"),
    },
    Bench {
        name: "instance",
        summary: "whole searches against exhaustive pairwise OpenCV SIFT: recall, mAP, query time",
        build: &["-p", "vizsla-cli"],
        program: ("--vizsla", "vizsla"),
        data: true,
        figures: Some("--out"),
    },
    Bench {
        name: "methods",
        summary: "every method on every data set: mAP, recall@1, bytes an image, ms a query, images/s by a core",
        build: &["-p", "vizsla-cli"],
        program: ("--vizsla", "vizsla"),
        data: true,
        figures: Some("--json"),
    },
    Bench {
        name: "matching",
        summary: "one-to-one descriptor matching against OpenCV and FAISS",
        build: &["-p", "vizsla-features", "--example", "matching_bench"],
        program: ("--vizsla-bin", "examples/matching_bench"),
        data: true,
        figures: Some("--json"),
    },
    Bench {
        name: "geometry",
        summary: "homographies and fundamental matrices by every choice of ransac against PoseLib, pydegensac and OpenCV",
        build: &["-p", "vizsla-features", "--example", "geometry_bench"],
        program: ("--vizsla-bin", "examples/geometry_bench"),
        data: true,
        figures: Some("--json"),
    },
    Bench {
        name: "kdforest",
        summary: "nearest descriptors by kd-forest and hashing against FLANN and FAISS: time at equal recall",
        build: &["-p", "vizsla-vectors", "--example", "kdforest_bench"],
        program: ("--vizsla-bin", "examples/kdforest_bench"),
        data: true,
        figures: Some("--json"),
    },
    Bench {
        name: "vectors",
        summary: "indexes of vectors against FAISS, hnswlib and usearch: recall against queries a second, build time, bytes",
        build: &["-p", "vizsla-vectors", "--example", "vectors_bench"],
        program: ("--vizsla-bin", "examples/vectors_bench"),
        data: true,
        figures: Some("--json"),
    },
    Bench {
        name: "scale",
        summary: "collections of 10,000 to a million images: taking in, merging, searching, removing, memory, disk",
        build: &["-p", "vizsla-retrieval", "--example", "scale_bench"],
        program: ("--vizsla-bin", "examples/scale_bench"),
        data: true,
        figures: Some("--json"),
    },
    Bench {
        name: "robust",
        summary: "robust homographies and affine maps against PoseLib and OpenCV",
        build: &["-p", "vizsla-features", "--example", "robust_bench"],
        program: ("--vizsla-bin", "examples/robust_bench"),
        data: false,
        figures: Some("--json"),
    },
    Bench {
        name: "verify",
        summary: "verification of tentative correspondences against PoseLib and OpenCV: time by number and share of inliers",
        build: &["-p", "vizsla-features", "--example", "verify_bench"],
        program: ("--vizsla-bin", "examples/verify_bench"),
        data: true,
        figures: Some("--json"),
    },
    Bench {
        name: "encode",
        summary: "networks against ONNX Runtime and PyTorch in Python: images per second",
        build: &["-p", "vizsla-neural", "--example", "encode_bench"],
        program: ("--vizsla-bin", "examples/encode_bench"),
        data: false,
        figures: Some("--json"),
    },
    Bench {
        name: "train",
        summary: "one training step against PyTorch on the processor",
        build: &["-p", "vizsla-training", "--example", "train_bench"],
        program: ("--vizsla-bin", "examples/train_bench"),
        data: false,
        figures: Some("--json"),
    },
    Bench {
        name: "server",
        summary: "vizsla serve under load: throughput, p50 and p99 at 1, 8 and 64 clients, an ingest and a hostile client beside",
        build: &["-p", "vizsla-cli"],
        program: ("--vizsla", "vizsla"),
        data: true,
        figures: Some("--json"),
    },
    Bench {
        name: "flips",
        summary: "every byte of a small collection with a turned bit: found, without effect, or silent",
        build: &["-p", "vizsla-retrieval", "--example", "flips"],
        program: ("--bench", "examples/flips"),
        data: false,
        figures: Some("--json"),
    },
    Bench {
        name: "inverted",
        summary: "the inverted file against asmk and COLMAP's VisualIndex: searching, on one thread or several",
        build: &["-p", "vizsla-words", "--example", "inverted_bench"],
        program: ("--bench", "examples/inverted_bench"),
        data: false,
        figures: Some("--json"),
    },
    Bench {
        name: "aggregate",
        summary: "k-means, ASMK, VLAD, Fisher vectors and bags of words against asmk, FAISS, scikit-learn and OpenCV",
        build: &["-p", "vizsla-words", "--example", "aggregate_bench"],
        program: ("--bench", "examples/aggregate_bench"),
        data: true,
        figures: Some("--json"),
    },
];

/// Runs the benchmark named first; further arguments go to its script as they are, with or without `--` before them.
pub fn run(arguments: &[&str]) -> Result<()> {
    let Some((&name, extra)) = arguments.split_first() else {
        print!("{}", list());
        return Ok(());
    };
    let Some(bench) = BENCHES.iter().find(|bench| bench.name == name) else {
        bail!(
            "there is no benchmark called '{name}'; there are:\n{}",
            list()
        );
    };
    let workspace = Workspace::load()?;
    let script = workspace.root.join("benches").join(name).join("run.py");
    ensure!(
        script.is_file(),
        "the script of benchmark '{name}' is missing: {}",
        script.display()
    );
    let data = if bench.data {
        Some(data_folder(&workspace)?)
    } else {
        None
    };
    let python = python_of(&workspace, name)?;
    succeed(
        cargo()
            .args(["build", "--release", "--locked"])
            .args(bench.build),
    )?;

    let release = workspace.target.join("release");
    let mut command = Command::new(python);
    command
        .arg(script)
        .arg(bench.program.0)
        .arg(release.join(bench.program.1));
    if let Some(data) = data {
        command.arg("--data").arg(data);
    }
    if let Some(option) = bench.figures {
        let folder = workspace.target.join("bench");
        fs::create_dir_all(&folder)?;
        command.arg(option).arg(folder.join(format!("{name}.json")));
    }
    succeed(command.args(of_script(extra)).current_dir(&workspace.root))
}

/// What the script is given: cargo leaves a `--` that separates its own arguments to the program that it runs.
fn of_script<'a, 'b>(arguments: &'a [&'b str]) -> &'a [&'b str] {
    match arguments {
        ["--", rest @ ..] => rest,
        all => all,
    }
}

fn list() -> String {
    BENCHES
        .iter()
        .map(|bench| format!("  {:10} {}\n", bench.name, bench.summary))
        .collect()
}

/// Where the photographs are: `VIZSLA_DATA`, or `../shared/data` beside the workspace.
fn data_folder(workspace: &Workspace) -> Result<PathBuf> {
    let folder = match std::env::var_os("VIZSLA_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => workspace.root.join("../shared/data"),
    };
    ensure!(
        folder.is_dir(),
        "no data in {}; set VIZSLA_DATA to the folder that holds smvs_dvd, oxford_affine, …",
        folder.display()
    );
    Ok(fs::canonicalize(folder)?)
}

/// The Python of a benchmark. One with peers of its own, which are large, has its own list and environment.
fn python_of(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    let benches = workspace.root.join("benches");
    let own = benches.join(name).join("requirements.txt");
    let (requirements, folder) = if own.is_file() {
        (own, format!("bench-venv-{name}"))
    } else {
        (benches.join("requirements.txt"), "bench-venv".to_owned())
    };
    environment(&requirements, &workspace.target.join(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = run(&["speed"]).expect_err("no such benchmark").to_string();
        for bench in BENCHES {
            assert!(error.contains(bench.name), "{error}");
        }
    }

    #[test]
    fn a_separator_before_the_options_of_a_script_is_none_of_them() {
        assert_eq!(of_script(&["--", "--images", "60"]), ["--images", "60"]);
        assert_eq!(of_script(&["--images", "--"]), ["--images", "--"]);
        assert!(of_script(&["--"]).is_empty());
    }
}
