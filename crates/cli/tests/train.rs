//! `train` through the real binary: a folder of classes to a model of the registry, killed on the way.

// Tests stop at the first surprise.
#![allow(clippy::expect_used, clippy::panic)]
#![cfg(feature = "training")]

mod workbench;

use std::process::Stdio;
use std::time::Duration;

use vizsla_pixels::Rgb;
use workbench::{Run, Workbench};

/// Three classes of six plain pictures each, and a TOML file beside them.
fn bench() -> Workbench {
    let bench = Workbench::new();
    for (class, colour) in [
        ("red", [200, 40, 40]),
        ("green", [40, 200, 40]),
        ("blue", [40, 40, 200]),
    ] {
        for number in 0..6u8 {
            let colour = colour.map(|c: u8| c.saturating_sub(6 * number));
            let image = Rgb::filled(40, 32, colour).expect("a picture");
            bench.write(
                format!("photos/{class}/{number}.png"),
                &image.encode_png().expect("png"),
            );
        }
    }
    let text = "
        [data]
        images = 'photos'
        [model]
        backbone = 'mobilenet_v1:0.25'
        side = 32
        hidden = [16]
        dimension = 8
        [sampling]
        classes = 3
        images = 2
        [stop]
        epochs = 12
        patience = 0
        checkpoint_steps = 1
    ";
    bench.write("run.toml", text.as_bytes());
    bench
}

fn run(bench: &Workbench, arguments: &[&str]) -> Run {
    let mut command = bench.command(arguments);
    command
        .env("VIZSLA_MODELS", bench.path("registry"))
        .env("VIZSLA_RUNTIME", "rten");
    bench.finish(command.output().expect("the program starts"))
}

fn json(run: &Run) -> serde_json::Value {
    assert_eq!(run.code, Some(0), "{}\n{}", run.stdout, run.stderr);
    serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {}", run.stdout))
}

#[test]
fn a_killed_run_goes_on_to_the_same_model() {
    let bench = bench();
    let whole = json(&run(
        &bench,
        &["train", "run.toml", "-o", "runs/whole", "--json"],
    ));
    assert!(whole["map"]["value"].as_f64() > Some(0.3), "{whole}");
    let mut command = bench.command(&["train", "run.toml", "-o", "runs/killed"]);
    command
        .env("VIZSLA_RUNTIME", "rten")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().expect("the program starts");
    let log = bench.path("runs/killed/steps.csv");
    for _ in 0..600 {
        let lines = fs_err::read_to_string(&log).map_or(0, |text| text.lines().count());
        if lines > 5 || child.try_wait().expect("a child").is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    child.wait().expect("an end");
    run(&bench, &["train", "run.toml", "-o", "runs/killed"]).fails_with(&["--resume"]);
    let resumed = json(&run(
        &bench,
        &[
            "train",
            "run.toml",
            "-o",
            "runs/killed",
            "--resume",
            "--json",
        ],
    ));
    assert_eq!(whole["map"], resumed["map"]);
    let file = |name: &str| fs_err::read(bench.path(name)).expect("a file");
    assert_eq!(
        file("runs/whole/best.safetensors"),
        file("runs/killed/best.safetensors")
    );
    assert_eq!(file("runs/whole/best.onnx"), file("runs/killed/best.onnx"));
}

#[test]
fn a_folder_becomes_a_model_of_the_registry() {
    let bench = bench();
    let train = [
        "train",
        "--images",
        "photos",
        "--backbone",
        "mobilenet_v1:0.25",
        "--set",
        "model.side=32",
        "--set",
        "stop.epochs=1",
        "--set",
        "model.dimension=8",
        "--set",
        "model.hidden=[]",
    ];
    let trained = run(&bench, &train);
    assert_eq!(trained.code, Some(0), "{}", trained.stderr);
    assert!(
        trained.stdout.contains("vizsla models add"),
        "{}",
        trained.stdout
    );
    let added = json(&run(
        &bench,
        &["models", "add", "runs/photos/best.onnx", "--json"],
    ));
    assert_eq!(
        (&added["id"], &added["dimension"]),
        (&"photos".into(), &8.into())
    );
    assert_eq!(added["preprocessing"]["resize"], "longest");
    assert_eq!(
        added["preprocessing"]["scale"]
            .as_f64()
            .map(|s| (s * 1e6).round()),
        Some(7843.0)
    );
    let index = [
        "index",
        "photos",
        "--into",
        "photos.vizsla",
        "--encoder",
        "photos",
    ];
    let indexed = run(&bench, &index);
    assert_eq!(indexed.code, Some(0), "{}", indexed.stderr);
    bench.write("runs/photos/best.onnx", b"another file");
    let again = run(
        &bench,
        &["models", "add", "runs/photos/best.onnx", "--id", "again"],
    );
    assert_ne!(again.code, Some(0));
}

#[test]
fn pairs_are_learned_from_without_labels() {
    let bench = bench();
    let mut pairs = String::from("image,positive\n");
    for class in ["red", "green", "blue"] {
        for number in 0..5 {
            let next = number + 1;
            pairs.push_str(&format!("{class}/{number}.png,{class}/{next}.png\n"));
        }
    }
    bench.write("pairs.csv", pairs.as_bytes());
    let settings = ["data.pairs=pairs.csv", "data.validation=0.3"];
    let [pairs, held] = settings.map(|setting| ["--set", setting]);
    let train = [
        &["train", "run.toml", "-o", "runs/p", "--json"],
        &pairs[..],
        &held[..],
    ]
    .concat();
    let trained = json(&run(&bench, &train));
    assert!(trained["map"]["value"].as_f64() > Some(0.3), "{trained}");
    let result = fs_err::read(bench.path("runs/p/result.json")).expect("a result");
    let result: serde_json::Value = serde_json::from_slice(&result).expect("JSON");
    assert!(
        result["protocol"]
            .to_string()
            .contains("named with the query")
    );
    // A query of a chain has one or two partners, though five others are of its colour.
    for query in result["queries"].as_array().expect("queries") {
        assert!(query["relevant"].as_u64() <= Some(2), "{query}");
    }
}

#[test]
fn mistakes_are_told_before_anything_is_trained() {
    let bench = bench();
    let train = |more: &[&str]| {
        run(
            &bench,
            &[&["train", "run.toml", "-o", "runs/x"], more].concat(),
        )
    };
    train(&["--set", "loss.margn=1"]).fails_with(&["loss.margn", "unknown field"]);
    train(&["--set", "optimiser.rate=-1"]).fails_with(&["optimiser.rate is -1", "above zero"]);
    let device = train(&["--device", "gpu"]);
    assert_eq!(device.code, Some(2), "{}", device.stderr);
    assert!(device.stderr.contains("cpu, cuda"), "{}", device.stderr);
    train(&["--set", "data.images=nowhere"]).fails_with(&["no such folder", "nowhere"]);
    train(&["--set", "model.backbone=nothing"]).fails_with(&["nothing"]);
    train(&["--set", "model.train=from:zzz"]).fails_with(&["no parameter begins so"]);
    train(&["--set", "precision=bf16"]).fails_with(&["on the processor it is f32"]);
    bench.write("pairs.csv", b"image,positive\nred/0.png,red/9.png\n");
    train(&["--set", "data.pairs=pairs.csv"]).fails_with(&["1 images", "red/9.png", "pairs.csv"]);
    assert!(!bench.path("runs/x/checkpoint").exists());
}

#[test]
fn captions_make_two_models_that_search_with_words() {
    let bench = bench();
    let mut captions = String::from("image,caption\n");
    let mut words = String::from("5 4\na 0.1 0.1 0.1 0.1\nwall 0.1 0 0.1 0\n");
    for (place, class) in ["red", "green", "blue"].into_iter().enumerate() {
        for number in 0..6 {
            captions.push_str(&format!("{class}/{number}.png,a {class} wall\n"));
        }
        let at = |x: usize| if x == place { "1" } else { "0" };
        words.push_str(&format!("{class} {} {} {} 0\n", at(0), at(1), at(2)));
    }
    bench.write("captions.csv", captions.as_bytes());
    bench.write("words.vec", words.as_bytes());
    let text = "
        [data]
        images = 'photos'
        captions = 'captions.csv'
        held_out = 0.3
        [model]
        backbone = 'mobilenet_v1:0.25'
        side = 32
        hidden = [16]
        dimension = 8
        [text]
        model = 'words.vec'
        [optimiser]
        rate = 0.02
        [sampling]
        batch = 6
        [stop]
        epochs = 20
    ";
    bench.write("pair.toml", text.as_bytes());
    let trained = json(&run(&bench, &["train", "pair.toml", "--json"]));
    assert_eq!(trained["directions"][0]["name"], "image_to_text");
    for (file, id) in [("best.onnx", "pair"), ("best_text.onnx", "pair-text")] {
        let path = format!("runs/pair/{file}");
        let added = json(&run(&bench, &["models", "add", &path, "--json"]));
        assert_eq!(
            (&added["id"], &added["space"]),
            (&id.into(), &"pair".into())
        );
    }
    let index = "index photos --into p.vizsla --no-local --encoder pair --text-encoder pair-text";
    let indexed = run(&bench, &index.split(' ').collect::<Vec<_>>());
    assert_eq!(indexed.code, Some(0), "{}", indexed.stderr);
    for class in ["red", "green", "blue"] {
        let query = format!("'a {class} wall'");
        let found = json(&run(&bench, &["search", "p.vizsla", &query, "--json"]));
        assert!(
            found["hits"][0].to_string().contains(class),
            "{class}: {found}"
        );
    }
}
