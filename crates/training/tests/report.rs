//! Reports of runs whose figures are known.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::json;
use vizsla_pixels::Rgb;
use vizsla_retrieval::Silent;
use vizsla_training::{ReportOptions, RunReport};

const LABELS: [&str; 3] = ["coast", "forest", "street"];
const QUERIES: usize = 24;

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    fs_err::create_dir_all(folder).unwrap();
    fs_err::write(folder.join(name), bytes).unwrap();
}

/// A picture of its own colour for each number, in a folder named after its label.
fn pictures(root: &Path) -> Vec<String> {
    let picture = |number: usize| {
        let name = format!("{}/{number:02}.png", LABELS[number % 3]);
        let color = [(number * 10) as u8, 90, 200 - (number * 5) as u8];
        let path = root.join("images").join(&name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        Rgb::filled(40, 30, color).unwrap().save_png(&path).unwrap();
        name
    };
    (0..QUERIES).map(picture).collect()
}

/// A run in which every `wrong`-th query finds the next class first, and every sixth nothing at all.
fn run(root: &Path, name: &str, images: &[String], wrong: usize, margin: f64) -> PathBuf {
    let folder = root.join(name);
    let label = |image: usize| LABELS[image % 3];
    let queries: Vec<serde_json::Value> = (0..images.len())
        .map(|n| {
            let bad = n % wrong == 0;
            let place = |rank: usize| {
                let image =
                    (n + if bad && (rank == 0 || n % 6 == 0) {
                        1
                    } else {
                        3
                    } + 3 * rank)
                        % images.len();
                json!({"image": images[image], "label": label(image),
                    "relevant": label(image) == label(n), "score": 0.9 - 0.05 * rank as f64})
            };
            json!({"query": images[n], "label": label(n), "relevant": 8,
                "average_precision": if bad { 0.2 } else { 0.9 },
                "ranked": (0..5).map(place).collect::<Vec<_>>()})
        })
        .collect();
    let result = json!({"dataset": "drawn", "protocol": "plain", "seconds": 83.2, "device": "cpu", "threads": 2,
        "metrics": {"map": {"value": 0.9 - 0.7 / wrong as f64, "low": 0.5, "high": 0.95}, "precision_at_1": {"value": 0.5, "low": 0.4, "high": 0.6}},
        "precision_recall": [[0.0, 1.0], [0.5, 0.8], [1.0, 0.4]], "queries": queries});
    write(&folder, "result.json", result.to_string());
    let images_folder = root.join("images");
    let config = format!(
        "seed = 7\n[data]\nimages = {:?}\n[loss]\nkind = \"triplet\"\nmargin = {margin}\n",
        images_folder.display().to_string()
    );
    write(&folder, "run.toml", config);
    write(
        &folder,
        "log.csv",
        "epoch,step,loss,rate,active_share\n1,10,0.9,0.1,0.8\n2,20,0.5,0.1,0.4\n3,30,0.4,0.05,0.2\n",
    );
    write(
        &folder,
        "validation.csv",
        "epoch,map\n1,0.4\n2,0.6\n3,0.61\n",
    );
    let hard = json!({"anchor": images[0], "positive": images[3], "negative": images[1], "similarities": [0.5, 0.8]});
    write(
        &folder,
        "mined.json",
        json!([{"epoch": 1, "hardest": [hard]}, {"epoch": 3, "hardest": [hard, hard]}]).to_string(),
    );
    let vectors: Vec<u8> = (0..images.len())
        .flat_map(|n| [(n % 3) as f32, n as f32 / 50.0, 0.3])
        .flat_map(f32::to_le_bytes)
        .collect();
    let view = TensorView::new(Dtype::F32, vec![images.len(), 3], &vectors).unwrap();
    write(
        &folder,
        "embeddings.safetensors",
        safetensors::serialize([("vectors", view)], None).unwrap(),
    );
    let rows = images
        .iter()
        .enumerate()
        .map(|(n, image)| format!("{image},{},test\n", label(n)));
    write(
        &folder,
        "embeddings.csv",
        format!("image,label,set\n{}", rows.collect::<String>()),
    );
    folder
}

fn two(root: &Path) -> Vec<PathBuf> {
    let images = pictures(root);
    vec![
        run(root, "first", &images, 2, 0.1),
        run(root, "second", &images, 4, 0.2),
    ]
}

#[test]
fn a_page_shows_everything_and_asks_for_nothing() {
    let root = tempfile::tempdir().unwrap();
    let runs = two(root.path());
    let report = RunReport::read(&runs, ReportOptions::default()).unwrap();
    assert!(report.missing().is_empty(), "{:?}", report.missing());
    let page = report.html(&Silent).unwrap();
    for section in [
        "results",
        "curves",
        "queries",
        "failures",
        "negatives",
        "maps",
        "configuration",
    ] {
        assert!(
            page.contains(&format!("<section id=\"{section}\">")),
            "{section}"
        );
        assert!(
            page.contains(&format!("<a href=\"#{section}\">")),
            "{section}"
        );
    }
    for text in [
        "0.50–0.95"
            .replace("0.50", "0.500")
            .replace("0.95", "0.950")
            .as_str(),
        "Precision over recall",
        "tile small good",
        "tile small bad",
        "negative 0.800",
        "trustworthiness",
        "loss.margin",
        "nothing relevant in the top 10",
        "coast as forest",
        "data:image/jpeg;base64,",
    ] {
        assert!(page.contains(text), "{text}");
    }
    for request in ["http:", "https:", "src=\"/", "@import", "<script"] {
        assert!(!page.contains(request), "{request}");
    }
    let again = RunReport::read(&runs, ReportOptions::default()).unwrap();
    assert_eq!(page, again.html(&Silent).unwrap());
}

#[test]
fn markdown_holds_the_same_tables() {
    let root = tempfile::tempdir().unwrap();
    let report = RunReport::read(&two(root.path()), ReportOptions::default()).unwrap();
    let text = report.markdown();
    assert!(text.contains("| first | 0.550 (0.500–0.950) |"), "{text}");
    assert!(
        text.contains("| second | **0.725** (0.500–0.950) |"),
        "{text}"
    );
    // A quarter of the queries gains 0.7.
    assert!(text.contains("| first → second | +0.175 ("), "{text}");
    assert!(
        text.contains("| loss.margin | 0.1 | 0.2 |") && text.contains("| seed | 7 |"),
        "{text}"
    );
}

#[test]
fn pictures_stay_within_their_budget() {
    let root = tempfile::tempdir().unwrap();
    let options = ReportOptions {
        picture_bytes: 3000,
        map: None,
        ..ReportOptions::default()
    };
    let report = RunReport::read(&two(root.path()), options).unwrap();
    let page = report.html(&Silent).unwrap();
    assert!(page.matches("data:image").count() < 10 && page.contains("pictures were left out"));
    assert!(!page.contains("id=\"maps\""));
}

#[test]
fn a_run_that_has_not_ended_and_two_directions_are_shown() {
    let root = tempfile::tempdir().unwrap();
    let open = root.path().join("open");
    write(&open, "run.toml", "seed = 1\n");
    let both = root.path().join("both");
    let board = |name: &str| {
        json!({"name": name, "metrics": {"recall_at_1": 0.25, "median_rank": {"value": 7.0}},
        "queries": [{"query": "a dog | runs", "average_precision": 0.5, "ranked": [{"image": "x.jpg", "caption": "two men / a boat", "relevant": true, "score": 1.0}]}]})
    };
    let result =
        json!({"dataset": "pairs", "directions": [board("image→text"), board("text→image")]});
    write(&both, "result.json", result.to_string());
    let report = RunReport::read(&[open, both], ReportOptions::default()).unwrap();
    assert_eq!(
        report.missing(),
        ["open: no result yet, the run has not ended"]
    );
    let page = report.html(&Silent).unwrap();
    assert!(page.contains("<h3>text→image</h3>") && page.contains("a dog | runs"));
    assert!(page.contains("<div class=\"none\">two men / a boat</div>"));
    assert!(report.markdown().contains("recall@1"));
}

#[test]
fn what_is_no_run_is_said() {
    let root = tempfile::tempdir().unwrap();
    let told = |runs: &[PathBuf]| match RunReport::read(runs, ReportOptions::default()) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("no error"),
    };
    assert!(told(&[]).contains("1 to 24 runs, not 0"));
    let empty = root.path().to_owned();
    assert!(told(&[empty]).contains("neither run.toml nor result.json"));
    let broken = root.path().join("broken");
    write(&broken, "result.json", "{\"queries\": 3}");
    let text = told(std::slice::from_ref(&broken));
    assert!(
        text.contains("cannot be understood") && text.ends_with("result.json"),
        "{text}"
    );
    write(&broken, "result.json", "{}");
    write(&broken, "embeddings.csv", "image,label\na.png,b\n");
    write(&broken, "embeddings.safetensors", b"not a tensor");
    assert!(told(&[broken]).contains("embeddings.safetensors"));
}
