//! Cleaning on drawn pictures whose classes, transforms and boxes are known.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use vizsla_features::Transform;
use vizsla_pixels::{Rgb, blur, warp};
use vizsla_retrieval::{Collection, IngestOptions, Reporter, Silent, StopFlag};
use vizsla_training::{CleanOptions, Cleaning, DropReason, clean};

const WIDTH: usize = 240;
const HEIGHT: usize = 180;

/// SplitMix64 (Steele et al. 2014).
fn dice(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A painting of overlapping rectangles, another for each number.
fn painting(number: u64, width: usize, height: usize) -> Rgb {
    let mut state = number.wrapping_mul(0x1234_5678_9abc_def1) ^ 0x5eed;
    let mut picture = Rgb::filled(width, height, [120, 130, 140]).unwrap();
    for _ in 0..width * height / 360 {
        let at = |limit: usize, state: &mut u64| (dice(state) % limit as u64) as i64;
        let (x, y) = (at(width, &mut state), at(height, &mut state));
        let (w, h) = (4 + at(24, &mut state), 4 + at(24, &mut state));
        let [r, g, b, ..] = dice(&mut state).to_le_bytes();
        picture.fill_rectangle(x, y, w as usize, h as usize, [r, g, b]);
    }
    blur(&picture, 0.7)
}

/// A painting before clutter of its own; also the true box: left, top, right, bottom.
fn scene(number: u64, clutter: u64, place: Transform) -> (Rgb, [f64; 4]) {
    let (width, height) = (400, 320);
    let mut scene = painting(clutter, width, height);
    let black = [1, 2, 3];
    let seen = warp(
        &painting(number, WIDTH, HEIGHT),
        &place.0,
        width,
        height,
        black,
    );
    for (at, pixel) in seen.data().chunks(3).enumerate() {
        if pixel != black {
            scene.data_mut()[3 * at..3 * at + 3].copy_from_slice(pixel);
        }
    }
    let corners = place
        .project_box(0.0, 0.0, WIDTH as f64, HEIGHT as f64)
        .unwrap();
    let mut sides = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
    for (x, y) in corners {
        sides = [
            sides[0].min(x),
            sides[1].min(y),
            sides[2].max(x),
            sides[3].max(y),
        ];
    }
    (scene, sides)
}

fn save(root: &Path, name: &str, picture: &Rgb) {
    let path = root.join(name);
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    picture.save_png(&path).unwrap();
}

/// Three views of a painting that take different parts of their pictures.
fn views() -> [Transform; 3] {
    [
        Transform::similarity(1.0, 0.0, 30.0, 40.0),
        Transform::similarity(1.2, 0.15, 90.0, 20.0),
        Transform([
            [0.9, -0.1, 120.0],
            [0.12, 0.95, 60.0],
            [0.0002, 0.0001, 1.0],
        ]),
    ]
}

/// Two classes with three pictures each and what does not belong to them; the boxes of class `a`.
fn folder(root: &Path) -> Vec<[f64; 4]> {
    let mut boxes = Vec::new();
    for (at, view) in views().into_iter().enumerate() {
        let (picture, sides) = scene(1, 100 + at as u64, view);
        boxes.push(sides);
        save(root, &format!("a/{at}.png"), &picture);
        let (picture, _) = scene(2, 200 + at as u64, view);
        save(root, &format!("b/{at}.png"), &picture);
        save(
            root,
            &format!("lonely/{at}.png"),
            &painting(300 + at as u64, 200, 200),
        );
    }
    save(root, "a/wrong.png", &painting(50, 300, 300));
    save(
        root,
        "b/of-a.png",
        &scene(1, 250, Transform::similarity(1.1, -0.1, 40.0, 60.0)).0,
    );
    save(
        root,
        "b/plain.png",
        &Rgb::filled(60, 60, [9, 9, 9]).unwrap(),
    );
    save(root, "single/1.png", &painting(70, 200, 200));
    fs_err::copy(root.join("a/0.png"), root.join("a/copy.png")).unwrap();
    fs_err::write(root.join("a/bad.jpg"), b"no picture at all").unwrap();
    save(root, "stray.png", &painting(80, 100, 100));
    boxes
}

fn cleaned(root: &Path, options: &CleanOptions) -> Cleaning {
    clean(root, options, &Silent).unwrap().unwrap()
}

fn reason(cleaning: &Cleaning, image: &str) -> DropReason {
    let mut dropped = cleaning.classes.iter().flat_map(|class| &class.dropped);
    let dropped = dropped.find(|dropped| dropped.image == image);
    dropped
        .unwrap_or_else(|| panic!("{image} is not dropped"))
        .reason
        .clone()
}

fn overlap(a: [f64; 4], b: [f64; 4]) -> f64 {
    let area = |s: [f64; 4]| (s[2] - s[0]).max(0.0) * (s[3] - s[1]).max(0.0);
    let both = area([
        a[0].max(b[0]),
        a[1].max(b[1]),
        a[2].min(b[2]),
        a[3].min(b[3]),
    ]);
    both / (area(a) + area(b) - both)
}

#[test]
fn what_verifies_is_kept_with_its_box() {
    let root = tempfile::tempdir().unwrap();
    let boxes = folder(root.path());
    let cleaning = cleaned(root.path(), &CleanOptions::default());
    let names: Vec<&str> = cleaning.classes.iter().map(|c| c.class.as_str()).collect();
    assert_eq!(names, ["a", "b", "lonely", "single", ""]);
    let kept: Vec<Vec<&str>> = cleaning
        .classes
        .iter()
        .map(|class| class.kept.iter().map(|kept| kept.image.as_str()).collect())
        .collect();
    assert_eq!(kept[0], ["a/0.png", "a/1.png", "a/2.png"]);
    assert_eq!(kept[1], ["b/0.png", "b/1.png", "b/2.png"]);
    assert!(kept[2..].iter().all(Vec::is_empty));
    assert_eq!(cleaning.isolated, ["lonely", "single"]);
    assert_eq!((cleaning.images, cleaning.kept), (16, 6));
    for (kept, truth) in cleaning.classes[0].kept.iter().zip(boxes) {
        let found = kept.object;
        let [x, y] = [f64::from(found.x), f64::from(found.y)];
        let sides = [
            x,
            y,
            x + f64::from(found.width),
            y + f64::from(found.height),
        ];
        // The truth is around the turned painting with its margin, where nothing is detected.
        assert!(overlap(sides, truth) > 0.5, "{found:?} {truth:?}");
        assert_eq!(kept.edges.len(), 2);
    }
    assert_eq!(reason(&cleaning, "a/wrong.png"), DropReason::Unconnected);
    assert_eq!(reason(&cleaning, "b/plain.png"), DropReason::Plain);
    assert_eq!(reason(&cleaning, "single/1.png"), DropReason::Single);
    let of = "a/0.png".to_owned();
    assert_eq!(reason(&cleaning, "a/copy.png"), DropReason::Copy { of });
    for unusable in ["a/bad.jpg", "stray.png"] {
        let reason = reason(&cleaning, unusable);
        assert!(matches!(reason, DropReason::Unusable { .. }), "{reason:?}");
    }
    let home = cleaning.classes[1]
        .dropped
        .iter()
        .find(|d| d.image == "b/of-a.png");
    assert_eq!(home.unwrap().belongs_to.as_ref().unwrap().class, "a");
}

#[test]
fn pairs_follow_the_graph_and_the_files_are_the_same_every_time() {
    let root = tempfile::tempdir().unwrap();
    folder(root.path());
    let cleaning = cleaned(root.path(), &CleanOptions::default());
    assert!((4..=6).contains(&cleaning.positives.len()));
    for pair in &cleaning.positives {
        assert_eq!(pair.image[..1], pair.positive[..1]);
        assert!(pair.inliers >= 8 && pair.extent > 0.0 && pair.extent <= 1.0);
    }
    for negative in &cleaning.negatives {
        assert_ne!(negative.image[..1], negative.negative[..1]);
        assert_eq!(
            negative.rank, 1,
            "one a cluster, and there are two clusters"
        );
    }
    let out = tempfile::tempdir().unwrap();
    let (first, second) = (out.path().join("1"), out.path().join("2"));
    cleaning.write(&first).unwrap();
    cleaned(root.path(), &CleanOptions::default())
        .write(&second)
        .unwrap();
    for name in [
        "kept.csv",
        "pairs.csv",
        "negatives.csv",
        "dropped.html",
        "dropped.png",
    ] {
        let read = |folder: &Path| fs_err::read(folder.join(name)).unwrap();
        assert_eq!(read(&first), read(&second), "{name}");
    }
    let list = fs_err::read_to_string(first.join("kept.csv")).unwrap();
    assert!(
        list.starts_with("image,label,x,y,width,height\na/0.png,a,"),
        "{list}"
    );
    assert_eq!(list.lines().count(), 7);
    let json = fs_err::read_to_string(first.join("clean.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        json["classes"][0]["kept"][0]["edges"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert!(
        json["classes"][0]["kept"][0]["box"]["width"]
            .as_u64()
            .unwrap()
            > 100
    );
    let page = fs_err::read_to_string(first.join("dropped.html")).unwrap();
    assert!(page.contains("b/of-a.png") && page.contains("belongs to a"));
    assert!(!page.contains("http:") && !page.contains("<script"));
}

/// Stops at the n-th question.
struct Impatient(AtomicUsize);

impl Reporter for Impatient {
    fn cancelled(&self) -> bool {
        self.0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| {
                Some(n.saturating_sub(1))
            })
            .is_ok_and(|left| left == 0)
    }
}

#[test]
fn a_stop_at_any_moment_ends_it_without_a_result() {
    let root = tempfile::tempdir().unwrap();
    for at in 0..2_u64 {
        let picture = scene(at, at + 10, views()[0]).0;
        save(root.path(), &format!("a/{at}.png"), &picture);
    }
    let stop = StopFlag::default();
    stop.stop();
    assert!(
        clean(root.path(), &CleanOptions::default(), &stop)
            .unwrap()
            .is_none()
    );
    let mut stopped = 0;
    for questions in 0..20 {
        let reporter = Impatient(AtomicUsize::new(questions));
        match clean(root.path(), &CleanOptions::default(), &reporter).unwrap() {
            None => stopped += 1,
            Some(_) => break,
        }
    }
    assert!((2..20).contains(&stopped), "{stopped}");
}

#[test]
fn pictures_near_each_other_become_places() {
    let root = tempfile::tempdir().unwrap();
    let mut table = "image,latitude,longitude\n".to_owned();
    let mut add = |name: &str, picture: &Rgb, north: f64| {
        save(root.path(), name, picture);
        table.push_str(&format!("{name},{north},19.05\n"));
    };
    let [first, second, third] = views();
    add("0.png", &scene(1, 10, first).0, 47.5000);
    add("1.png", &scene(1, 11, second).0, 47.5002);
    add("2.png", &scene(1, 12, third).0, 47.6000);
    add("3.png", &painting(5, 200, 200), 47.5001);
    save(root.path(), "4.png", &painting(6, 200, 200));
    let made = tempfile::tempdir().unwrap();
    fs_err::write(made.path().join("places.csv"), table).unwrap();
    let path = made.path().join("p.vizsla");
    let mut collection = Collection::builder(&path).create().unwrap();
    let sources = [root.path().to_owned()];
    collection
        .ingest(&sources, &IngestOptions::default(), &Silent)
        .unwrap();
    collection
        .import_metadata(&made.path().join("places.csv"), &sources)
        .unwrap();
    let options = CleanOptions {
        collection: Some(path),
        near: Some(50.0),
        ..CleanOptions::default()
    };
    let cleaning = cleaned(root.path(), &options);
    let kept: Vec<&str> = cleaning.classes[0]
        .kept
        .iter()
        .map(|k| k.image.as_str())
        .collect();
    assert_eq!(cleaning.classes[0].class, "place-0001");
    assert_eq!(kept, ["0.png", "1.png"]);
    assert_eq!(reason(&cleaning, "2.png"), DropReason::Unconnected);
    assert!(matches!(
        reason(&cleaning, "4.png"),
        DropReason::Unusable { .. }
    ));
}

#[test]
fn what_cannot_be_cleaned_is_said() {
    let root = tempfile::tempdir().unwrap();
    let told = |options: &CleanOptions| match clean(root.path(), options, &Silent) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("no error"),
    };
    let options = CleanOptions::default();
    assert!(told(&options).contains("there is no picture to clean"));
    save(root.path(), "1.png", &painting(1, 50, 50));
    assert!(told(&options).contains("not a folder of classes"));
    let few = CleanOptions {
        min_inliers: 3,
        ..options.clone()
    };
    assert!(told(&few).contains("at least 4 inliers, not 3"));
    let none = CleanOptions {
        near: Some(f64::NAN),
        ..options.clone()
    };
    assert!(told(&none).contains("metres"));
    let turned = CleanOptions {
        positives: [0.9, 0.1],
        ..options
    };
    assert!(told(&turned).contains("0.9 and 0.1"));
}
