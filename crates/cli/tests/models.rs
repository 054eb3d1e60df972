//! `models` and `doctor`: the registry through the real binary, and pulling from a hub that is a thread
//! of the test.

// Tests stop at the first surprise.
#![allow(clippy::expect_used, clippy::panic)]

mod workbench;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use workbench::{Run, Workbench};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A small classifier with random weights: image → features (16 channels) → code → probabilities.
fn classifier() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../neural/tests/models/classifier.onnx")
}

/// The program with a registry and a hub cache inside of the workbench, on the built-in runtime.
fn run_with(bench: &Workbench, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    let mut command = bench.command(arguments);
    command
        .env("VIZSLA_MODELS", bench.path("registry"))
        .env("VIZSLA_RUNTIME", "rten")
        .env("HF_HOME", bench.path("hub"))
        .env_remove("HF_HUB_CACHE")
        .env_remove("HUGGINGFACE_HUB_CACHE")
        .env_remove("HF_HUB_OFFLINE");
    command.envs(variables.iter().copied());
    bench.finish(command.output().expect("the program starts"))
}

fn run(bench: &Workbench, arguments: &[&str]) -> Run {
    run_with(bench, &[], arguments)
}

fn parsed(run: &Run) -> Value {
    assert_eq!(run.code, Some(0), "{}\n{}", run.stdout, run.stderr);
    serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {}", run.stdout))
}

fn with_classifier() -> Workbench {
    let bench = Workbench::new();
    fs_err::copy(classifier(), bench.path("net.onnx")).expect("a copy");
    bench
}

#[test]
fn a_model_is_added_listed_shown_and_forgotten() {
    let bench = with_classifier();
    let add = [
        "models", "add", "net.onnx", "--id", "net", "--preset", "keras",
    ];
    let more = [
        "--pooling",
        "gem",
        "--licence",
        "MIT",
        "--side",
        "256",
        "--json",
    ];
    let added = parsed(&run(&bench, &[&add[..], &more[..]].concat()));
    assert_eq!(added["output"], "features");
    assert_eq!(added["input"], "image");
    assert_eq!(added["dimension"], 16);
    assert_eq!(added["tried_by"], "rten");
    assert_eq!(added["sha256"].as_str().map(str::len), Some(64));

    run(&bench, &add).fails_with(&["there is a model 'net' already", "net.toml"]);
    let listed = parsed(&run(&bench, &["models", "list", "--json"]));
    assert_eq!(listed["models"][0]["id"], "vizsla-small");
    assert_eq!(listed["models"][0]["here"], true);
    assert_eq!(listed["models"][1]["id"], "net");
    assert_eq!(listed["models"][1]["here"], true);
    let table = run(&bench, &["models", "list"]).stdout;
    assert!(
        table.contains("features") && table.contains("MIT"),
        "{table}"
    );

    let shown = parsed(&run(&bench, &["models", "info", "net", "--json"]));
    assert_eq!(
        (&shown["verified"], &shown["side"]),
        (&true.into(), &256.into())
    );
    let text = run(&bench, &["models", "info", "net"]).stdout;
    assert!(text.contains("the checksum agrees"), "{text}");

    let removed = parsed(&run(&bench, &["models", "remove", "net", "--json"]));
    assert_eq!(removed["removed"], "net");
    assert!(bench.path("net.onnx").is_file());
    run(&bench, &["models", "info", "net"])
        .fails_with(&["there is no model 'net'; there are 'vizsla-small'"]);
}

#[test]
fn any_value_can_be_the_output() {
    let bench = with_classifier();
    let add = ["models", "add", "net.onnx", "--id", "code", "--output"];
    let added = parsed(&run(&bench, &[&add[..], &["code", "--json"]].concat()));
    assert_eq!(
        (&added["output"], &added["dimension"]),
        (&"code".into(), &16.into())
    );
    let add = [
        "models", "add", "net.onnx", "--id", "other", "--output", "cod",
    ];
    run(&bench, &add).fails_with(&["no output 'cod'; there are 'code'", "net.onnx"]);
    assert!(!bench.path("registry/other.toml").exists());
}

#[test]
fn what_cannot_be_added_is_refused_and_nothing_is_written() {
    let bench = with_classifier();
    bench.write("text.onnx", b"this is no model");
    let add = |more: &[&str]| run(&bench, &[&["models", "add"], more].concat());
    add(&["text.onnx", "--id", "a"]).fails_with(&["not a model in ONNX format", "text.onnx"]);
    add(&["absent.onnx", "--id", "a"]).fails_with(&["absent.onnx", "check the path"]);
    add(&["net.onnx", "--id", "../a"]).fails_with(&["the id of a model cannot be '../a'"]);
    add(&["net.onnx", "--id", "a", "--sha256", &"1".repeat(64)]).fails_with(&["SHA-256", "1111"]);
    add(&["net.onnx", "--id", "a", "--input", "text"]).fails_with(&["no 'text'", "image"]);
    assert_eq!(
        add(&["net.onnx", "--id", "a", "--preset", "sepia"]).code,
        Some(2)
    );
    assert_eq!(
        add(&["net.onnx", "--id", "a", "--pooling", "whirl"]).code,
        Some(2)
    );
    assert!(!bench.path("registry").exists());
}

#[test]
fn a_changed_file_is_found_out() {
    let bench = with_classifier();
    run(&bench, &["models", "add", "net.onnx", "--id", "net"]);
    let mut bytes = fs_err::read(bench.path("net.onnx")).expect("bytes");
    *bytes.last_mut().expect("a byte") ^= 1;
    bench.write("net.onnx", &bytes);
    let shown = run(&bench, &["models", "info", "net"]);
    assert_eq!(shown.code, Some(1));
    assert!(
        shown.stdout.contains("the SHA-256 of model 'net' is"),
        "{}",
        shown.stdout
    );
    let doctor = run(&bench, &["doctor"]);
    assert_eq!(doctor.code, Some(1));
    assert!(
        doctor.stdout.contains("1 model, 0 usable"),
        "{}",
        doctor.stdout
    );
}

#[test]
fn the_doctor_says_what_runs_and_why() {
    let bench = Workbench::new();
    let report = parsed(&run(&bench, &["doctor", "--json"]));
    assert_eq!(report["runtimes"][0]["runtime"], "rten");
    assert_eq!(report["runtimes"][0]["chosen"], true);
    assert_eq!(report["models"]["known"], 0);
    let text = run(&bench, &["doctor"]).stdout;
    assert!(
        text.contains("rten 0.27: runs, VIZSLA_RUNTIME asks for it"),
        "{text}"
    );

    // A library that is none: said, and the built-in runtime takes over.
    let library = bench.write("libonnxruntime.so", &vec![b'x'; 1 << 20]);
    let library = library.to_str().expect("UTF-8");
    let variables = [("ORT_DYLIB_PATH", library), ("VIZSLA_RUNTIME", "auto")];
    let text = run_with(&bench, &variables, &["doctor"]).stdout;
    assert!(text.contains("rten 0.27: runs"), "{text}");
    assert!(
        text.contains("not a shared library for this machine"),
        "{text}"
    );
    let variables = [("ORT_DYLIB_PATH", library), ("VIZSLA_RUNTIME", "ort")];
    run_with(&bench, &variables, &["doctor"]).fails_with(&["ONNX Runtime is not available"]);
    let variables = [("VIZSLA_RUNTIME", "abacus")];
    run_with(&bench, &variables, &["doctor"]).fails_with(&["'abacus'", "auto, rten or ort"]);
}

/// A real shared library that is not ONNX Runtime must not end the program.
#[test]
#[cfg(target_os = "linux")]
fn another_shared_library_is_survived() {
    let bench = Workbench::new();
    let places = [
        "/lib/x86_64-linux-gnu/libm.so.6",
        "/usr/lib/x86_64-linux-gnu/libc.so.6",
    ];
    for place in places
        .into_iter()
        .filter(|place| Path::new(place).is_file())
    {
        let variables = [("ORT_DYLIB_PATH", place), ("VIZSLA_RUNTIME", "auto")];
        let doctor = run_with(&bench, &variables, &["doctor"]);
        assert_eq!(doctor.code, Some(0), "{}", doctor.stderr);
        assert!(doctor.stdout.contains("OrtGetApiBase"), "{}", doctor.stdout);
    }
}

/// A hub that serves files by path and counts what it was asked.
struct Hub {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Hub {
    /// Each file with the etag it is announced with.
    fn start(files: BTreeMap<String, (String, Vec<u8>)>) -> Hub {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &files, &seen);
            }
        });
        Hub { address, requests }
    }

    fn requests(&self) -> usize {
        self.requests.lock().expect("requests").len()
    }
}

/// Answers one request and closes the connection. `/store/…` is where redirects lead.
fn answer(
    mut stream: TcpStream,
    files: &BTreeMap<String, (String, Vec<u8>)>,
    seen: &Mutex<Vec<String>>,
) {
    let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
    let mut request = String::new();
    if reader.read_line(&mut request).unwrap_or(0) == 0 {
        return;
    }
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap_or(0) > 2 {
        line.clear();
    }
    seen.lock()
        .expect("requests")
        .push(request.trim().to_owned());
    let path = request.split(' ').nth(1).unwrap_or("");
    let (moved, path) = match path.strip_prefix("/store") {
        Some(path) => (false, path),
        None => (true, path),
    };
    let Some((etag, content)) = files.get(path) else {
        let _ = stream
            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
    };
    let (status, location) = match moved {
        true => ("302 Found", format!("Location: /store{path}\r\n")),
        false => ("200 OK", String::new()),
    };
    let body: &[u8] = if moved || request.starts_with("HEAD") {
        b""
    } else {
        content
    };
    let length = if moved { 0 } else { content.len() };
    let head = format!(
        "HTTP/1.1 {status}\r\n{location}X-Repo-Commit: {COMMIT}\r\nX-Linked-Etag: \"{etag}\"\r\n\
         X-Linked-Size: {}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n",
        content.len()
    );
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
}

const FILE: &str = "/group/net/resolve/main/onnx/model.onnx";

/// SHA-256 of the classifier, as the program itself computes it.
fn classifier_digest() -> String {
    let bench = with_classifier();
    let added = parsed(&run(
        &bench,
        &["models", "add", "net.onnx", "--id", "n", "--json"],
    ));
    added["sha256"].as_str().expect("a digest").to_owned()
}

fn add_hub_model(bench: &Workbench) {
    let add = ["models", "add", "--id", "net", "--repository", "group/net"];
    let run = run(
        bench,
        &[&add[..], &["--filename", "onnx/model.onnx"]].concat(),
    );
    assert!(
        run.stdout.contains("next: vizsla models pull net"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_hub_model_is_pulled_once_and_then_offline() {
    let content = fs_err::read(classifier()).expect("a model");
    let digest = classifier_digest();
    let files = BTreeMap::from([(FILE.to_owned(), (digest.clone(), content))]);
    let hub = Hub::start(files);
    let endpoint = [("HF_ENDPOINT", hub.address.as_str())];
    let offline = [endpoint[0], ("HF_HUB_OFFLINE", "1")];
    let bench = Workbench::new();
    add_hub_model(&bench);

    run_with(&bench, &offline, &["models", "pull", "net"]).fails_with(&["HF_HUB_OFFLINE"]);
    assert_eq!(hub.requests(), 0);
    let pulled = parsed(&run_with(
        &bench,
        &endpoint,
        &["models", "pull", "net", "--json"],
    ));
    assert_eq!(pulled["sha256"], digest.as_str());
    assert_eq!(
        (&pulled["output"], &pulled["dimension"]),
        (&"features".into(), &16.into())
    );
    let cache = bench.path("hub/hub/models--group--net");
    assert!(
        cache
            .join("snapshots")
            .join(COMMIT)
            .join("onnx/model.onnx")
            .is_file()
    );
    assert!(cache.join("blobs").join(&digest).is_file());
    let reference = fs_err::read_to_string(cache.join("refs/main")).expect("a reference");
    assert_eq!(reference, COMMIT);

    let before = hub.requests();
    let again = parsed(&run_with(
        &bench,
        &offline,
        &["models", "pull", "net", "--json"],
    ));
    assert_eq!(
        (&again["fetched_bytes"], hub.requests()),
        (&0.into(), before)
    );
    let shown = parsed(&run(&bench, &["models", "info", "net", "--json"]));
    assert_eq!(shown["verified"], true);
}

#[test]
fn what_a_hub_sends_is_compared_with_what_it_announced() {
    let mut content = fs_err::read(classifier()).expect("a model");
    let digest = classifier_digest();
    content[100] ^= 1;
    let hub = Hub::start(BTreeMap::from([(FILE.to_owned(), (digest, content))]));
    let endpoint = [("HF_ENDPOINT", hub.address.as_str())];
    let bench = Workbench::new();
    add_hub_model(&bench);
    let run = run_with(&bench, &endpoint, &["models", "pull", "net"]);
    run.fails_with(&["its SHA-256 is", "was announced", "onnx/model.onnx"]);
    let blobs = bench.path("hub/hub/models--group--net/blobs");
    assert_eq!(fs_err::read_dir(blobs).expect("the folder").count(), 0);
}

#[test]
fn a_file_that_the_hub_lacks_is_said() {
    let hub = Hub::start(BTreeMap::new());
    let bench = Workbench::new();
    add_hub_model(&bench);
    let endpoint = [("HF_ENDPOINT", hub.address.as_str())];
    run_with(&bench, &endpoint, &["models", "pull", "net"])
        .fails_with(&["404", "check repository"]);
    let nobody = [("HF_ENDPOINT", "http://127.0.0.1:9")];
    run_with(&bench, &nobody, &["models", "pull", "net"]).fails_with(&["cannot fetch"]);
    run(&bench, &["models", "info", "net", "--json"]);
}

#[test]
fn what_counts_in_texts_is_learnt_for_word_vectors() {
    let bench = Workbench::new();
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../neural/tests/reference");
    let vectors = reference.join("tiny_skipgram.bin");
    let text = vectors.display().to_string();
    let added = run(
        &bench,
        &[
            "models",
            "add",
            &text,
            "--id",
            "tiny",
            "--kind",
            "word-vectors",
        ],
    );
    assert_eq!(added.code, Some(0), "{}", added.stderr);
    let texts = bench.path("captions.txt");
    fs_err::write(&texts, "a dog on a field\na cat\n\na dog\n").expect("a file");
    let into = bench.path("words.vzws");
    let (texts, into) = (texts.display().to_string(), into.display().to_string());
    for how in ["tf-idf", "sif"] {
        let learnt = run(
            &bench,
            &[
                "models",
                "learn",
                "tiny",
                &texts,
                "--into",
                &into,
                "--aggregation",
                how,
                "--json",
            ],
        );
        assert_eq!(parsed(&learnt)["texts"], 3);
        let shown = run(&bench, &["models", "info", "tiny", "--json"]);
        assert!(shown.stdout.contains(how), "{}", shown.stdout);
    }
    let wrong = run(
        &bench,
        &["models", "learn", "nothing", &texts, "--into", &into],
    );
    assert!(
        wrong.code != Some(0) && wrong.stderr.contains("tiny"),
        "{}",
        wrong.stderr
    );
}
