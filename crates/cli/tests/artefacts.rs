//! Collections whose whitening, codebook or model is not as it was, through the real binary: what needs it fails with the
//! file and the remedy, everything else works and says what it did without.

// Tests stop at the first surprise.
#![allow(clippy::expect_used, clippy::panic)]

mod workbench;

use std::path::{Path, PathBuf};

use vizsla_vectors::{Activation, BinaryHasher, HashLayer};
use workbench::{Run, Workbench};

/// Eight paintings with captions and a network of a few numbers, in a collection that is whitened.
fn whitened() -> Workbench {
    let bench = Workbench::with_photos(8);
    let network = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../neural/tests/reference/tiny_clip_image.onnx");
    fs_err::copy(network, bench.path("eye.onnx")).expect("a copy");
    bench.write(
        "said.csv",
        b"file,caption\n00.png,a harbour at night\n01.png,two dogs\n",
    );
    for arguments in [
        "models add eye.onnx --id eye --output image_embeds",
        "index photos --into c.vizsla --encoder eye --captions said.csv",
        "whiten train c.vizsla --pairs none --dimension 3",
    ] {
        succeed(&bench, arguments);
    }
    bench
}

fn run(bench: &Workbench, arguments: &str) -> Run {
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let mut command = bench.command(&arguments);
    command
        .env("VIZSLA_MODELS", bench.path("registry"))
        .env("VIZSLA_RUNTIME", "rten");
    bench.finish(command.output().expect("the program starts"))
}

fn succeed(bench: &Workbench, arguments: &str) -> Run {
    let run = run(bench, arguments);
    assert_eq!(
        run.code,
        Some(0),
        "{arguments}\n{}\n{}",
        run.stdout,
        run.stderr
    );
    run
}

/// The artefact of this ending.
fn artefact(bench: &Workbench, ending: &str) -> PathBuf {
    let entries = fs_err::read_dir(bench.path("c.vizsla/artefacts")).expect("a folder");
    let mut paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .find(|path| path.extension().is_some_and(|found| found == ending))
        .expect("an artefact")
}

fn flip(path: &Path) {
    let mut bytes = fs_err::read(path).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs_err::write(path, &bytes).expect("written");
}

#[test]
fn one_flipped_byte_in_the_whitening_costs_only_what_needs_it() {
    let bench = whitened();
    let whitening = artefact(&bench, "vzpj");
    let name = whitening
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a name");
    flip(&whitening);
    assert_eq!(
        succeed(&bench, "list c.vizsla")
            .stdout
            .matches(".png")
            .count(),
        8
    );
    let info = succeed(&bench, "info c.vizsla").stdout;
    assert!(info.contains("damaged") && info.contains(name), "{info}");
    let said = succeed(&bench, "search c.vizsla --text dogs --channels captions");
    assert!(said.stdout.contains("01.png"), "{}", said.stdout);
    let seen = succeed(&bench, "search c.vizsla photos/03.png");
    assert!(seen.stdout.contains("03.png"), "{}", seen.stdout);
    assert!(
        seen.stderr.contains("`global` was left out")
            && seen.stderr.contains("vizsla whiten remove"),
        "{}",
        seen.stderr
    );
    run(&bench, "search c.vizsla photos/03.png --channels global")
        .fails_with(&["vizsla whiten remove", name]);
    let found = run(&bench, "verify c.vizsla");
    assert_ne!(found.code, Some(0));
    assert!((found.stdout + &found.stderr).contains(name));
    succeed(&bench, "remove c.vizsla photos/07.png");
    let rebuilt = succeed(&bench, "optimize c.vizsla --rebuild");
    assert!(rebuilt.stderr.contains(name), "{}", rebuilt.stderr);
    succeed(&bench, "whiten remove c.vizsla");
    succeed(&bench, "verify c.vizsla");
    let seen = succeed(&bench, "search c.vizsla photos/03.png --channels global");
    assert!(seen.stdout.contains("03.png"), "{}", seen.stdout);
}

#[test]
fn a_hash_from_elsewhere_is_used_told_when_damaged_and_taken_away() {
    let bench = whitened();
    let layer = HashLayer {
        weights: vec![1.0, -0.5, 0.25, 0.5, 1.0, -0.75],
        bias: vec![0.0, 0.125],
        activation: Activation::Logistic,
    };
    let hash = BinaryHasher::from_layers(3, vec![layer]).expect("a hash");
    hash.save(&bench.path("h.vzbh")).expect("saved");
    let said = succeed(&bench, "hash apply c.vizsla h.vzbh").stdout;
    assert!(said.contains("3 numbers become 2 bits"), "{said}");
    let info = succeed(&bench, "info c.vizsla --json").stdout;
    assert!(
        info.contains(hash.id()) && info.contains("semantic_hash"),
        "{info}"
    );
    let search = "search c.vizsla photos/03.png --channels global";
    assert!(succeed(&bench, search).stdout.contains("03.png"));
    succeed(&bench, "verify c.vizsla");
    let file = artefact(&bench, "vzbh");
    flip(&file);
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.expect("a name");
    // The index has a copy.
    let seen = succeed(&bench, search);
    assert!(seen.stdout.contains("03.png") && seen.stderr.is_empty());
    let found = run(&bench, "verify c.vizsla");
    assert_ne!(found.code, Some(0));
    assert!((found.stdout + &found.stderr).contains("vizsla hash remove"));
    let rebuilt = succeed(&bench, "optimize c.vizsla --rebuild").stderr;
    assert!(
        rebuilt.contains(name) && rebuilt.contains("vizsla hash train"),
        "{rebuilt}"
    );
    assert!(succeed(&bench, search).stdout.contains("03.png"));
    run(&bench, "hash apply c.vizsla c.vizsla/catalog.db").fails_with(&["hash", "catalog.db"]);
    succeed(&bench, "hash remove c.vizsla");
    succeed(&bench, "verify c.vizsla");
    // A hash of whitened vectors goes with the whitening, and that is said.
    succeed(&bench, "hash apply c.vizsla h.vzbh");
    let gone = succeed(&bench, "whiten remove c.vizsla").stderr;
    assert!(gone.contains("vizsla hash train"), "{gone}");
    assert!(succeed(&bench, search).stdout.contains("03.png"));
    run(&bench, "hash apply c.vizsla h.vzbh").fails_with(&["3 numbers", "learn one"]);
}

#[cfg(not(feature = "training"))]
#[test]
fn a_build_without_training_says_how_to_get_it() {
    let bench = whitened();
    run(&bench, "hash train c.vizsla --bits 8").fails_with(&["hash train", "--features training"]);
}

#[cfg(feature = "training")]
#[test]
fn a_hash_is_learned_from_a_collection_and_used() {
    let bench = whitened();
    let json = succeed(
        &bench,
        "hash train c.vizsla --bits 16 --epochs 3 --hidden 8 --json --out learned.vzbh",
    );
    let report: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    let hash = BinaryHasher::open(&bench.path("learned.vzbh")).expect("a hash");
    assert_eq!(report["id"], hash.id());
    for (field, value) in [("images", 8), ("input", 3), ("bits", 16), ("epochs", 3)] {
        assert_eq!(report[field], value, "{field}");
    }
    let info = succeed(&bench, "info c.vizsla --json").stdout;
    assert!(info.contains(hash.id()), "{info}");
    let seen = succeed(&bench, "search c.vizsla photos/03.png --channels global");
    assert!(seen.stdout.contains("03.png"));
    succeed(&bench, "verify c.vizsla");
    let said = succeed(&bench, "hash train c.vizsla --epochs 2").stdout;
    assert!(
        said.contains("3 numbers become 128 bits; learnt from 8 images"),
        "{said}"
    );
    run(&bench, "hash train c.vizsla --bits 5000").fails_with(&["bits is 5000", "1 to 4096"]);
    run(&bench, "hash train absent.vizsla").fails_with(&["no collection here"]);
}

#[test]
fn a_collection_without_its_model_answers_by_words_and_says_so() {
    let bench = whitened();
    succeed(&bench, "models remove eye");
    let seen = succeed(&bench, "search c.vizsla photos/03.png");
    assert!(seen.stdout.contains("03.png"), "{}", seen.stdout);
    assert!(
        seen.stderr.contains("`global` was left out"),
        "{}",
        seen.stderr
    );
    let json = succeed(&bench, "search c.vizsla photos/03.png --json").stdout;
    assert!(json.contains("`global` was left out"), "{json}");
    let said = succeed(&bench, "search c.vizsla --text dogs");
    assert!(said.stdout.contains("01.png"), "{}", said.stdout);
    succeed(&bench, "list c.vizsla");
    succeed(&bench, "verify c.vizsla");
    run(&bench, "search c.vizsla photos/03.png --channels global")
        .fails_with(&["eye", "vizsla models add"]);
}

#[test]
fn a_damaged_copy_of_the_built_in_codebook_is_made_again() {
    let bench = whitened();
    flip(&artefact(&bench, "vzcb"));
    let seen = succeed(&bench, "search c.vizsla photos/03.png");
    assert!(
        seen.stdout.contains("03.png") && seen.stderr.is_empty(),
        "{}",
        seen.stderr
    );
    assert_ne!(run(&bench, "verify c.vizsla").code, Some(0));
    succeed(&bench, "optimize c.vizsla --rebuild");
    succeed(&bench, "verify c.vizsla");
}
