//! What a condition, a text or a listing may cost, counted in steps of SQLite's machine, and that all of it can be
//! stopped.

use std::fmt::Debug;
use std::path::Path;

use super::*;
use crate::catalog::{Catalog, Connections, Datum, FileRow, ImageRow};
use crate::{Error, StopFlag};

/// Images with a camera, a path, labels and captions each.
fn catalog(folder: &Path, images: usize) -> Connections {
    let path = folder.join("catalog.db");
    Catalog::create(&path, &[]).unwrap();
    let all = Connections::open(&path).unwrap();
    let written = all.get().write(|writer| {
        for number in 0..images {
            let mut content = [0; 32];
            content[..8].copy_from_slice(&number.to_le_bytes());
            let row = ImageRow {
                content,
                width: 640,
                height: 480,
                format: "JPEG".into(),
                taken: Some("2024-05-01T10:00:00".into()),
                camera: Some(format!("Maker X{}", number % 100)),
                latitude: Some(47.0),
                longitude: Some(number as f64 / 1000.0),
                features: 0,
            };
            let image = writer.add_image(&row, b"")?;
            writer.set_file(&FileRow {
                path: format!("/p/{number}.jpg"),
                image,
                size: 1,
                modified_ns: 1,
            })?;
            let datum = |key: &str, text: String| Datum {
                key: key.into(),
                number: text.parse().ok(),
                text,
            };
            let labels = [
                datum("label", format!("l{}", number % 7)),
                datum("n", number.to_string()),
            ];
            writer.set_metadata(image, "m", &labels)?;
            writer.set_captions(image, "c", &[format!("a red umbrella of number {number}")])?;
        }
        Ok(())
    });
    written.unwrap();
    all
}

/// What work gives, and how often it asked whether to go on: once in a thousand steps, and once for each test.
fn asked<T>(work: impl FnOnce() -> Result<T, Error>) -> (T, u64) {
    let flag = StopFlag::default();
    let given = flag.governing(work).unwrap();
    (given, flag.asked())
}

/// Work ends soon after it was asked to.
fn stops<T: Debug>(what: &str, work: impl Fn() -> Result<T, Error>) {
    let flag = StopFlag::after(3);
    let ended = flag.governing(&work);
    assert!(matches!(ended, Err(Error::Cancelled)), "{what}: {ended:?}");
    assert!(flag.asked() <= 5, "{what}: asked {} times", flag.asked());
}

fn many(count: usize, join: &str, test: impl Fn(usize) -> String) -> Filter {
    let tests: Vec<String> = (0..count).map(test).collect();
    Filter::parse(&tests.join(join)).unwrap()
}

#[test]
fn a_condition_costs_what_its_tests_cost() {
    const IMAGES: usize = 207;
    let folder = tempfile::tempdir().unwrap();
    let all = catalog(folder.path(), IMAGES);
    let test: [(&str, &dyn Fn(usize) -> String); 8] = [
        ("camera", &|n| format!("camera != 'none {n}'")),
        ("label", &|n| format!("label != 'none {n}'")),
        ("caption", &|n| format!("caption not like '%none {n}%'")),
        ("path", &|n| format!("path not in ('none {n}', 'x')")),
        ("taken", &|n| format!("taken != '{:04}'", 1000 + n % 900)),
        ("number", &|n| format!("n != {}.5", n)),
        ("near", &|n| format!("near(47, {}.5, 9999 km)", n % 90)),
        ("nested", &|n| {
            format!("not (not (id = {} and width = {n}))", 1000 + n)
        }),
    ];
    for (what, test) in test {
        for join in [" and ", " or "] {
            let (found, once) = asked(|| all.get().matching(&many(1, join, test)));
            let (again, often) = asked(|| all.get().matching(&many(500, join, test)));
            // Each of the tests alone decides alike.
            assert_eq!(found.len(), again.len(), "{what}{join}");
            let most = 2_000 + 500 * (once + 8);
            assert!(
                often <= most,
                "{what}{join}: {often} questions, one test {once}"
            );
        }
    }
}

#[test]
fn a_test_that_stands_often_is_asked_once() {
    let folder = tempfile::tempdir().unwrap();
    let all = catalog(folder.path(), 3_000);
    let (one, once) = asked(|| all.get().matching(&many(1, "", |_| "label != 'l3'".into())));
    let repeated = many(1_000, " and ", |_| "label != 'l3'".into());
    let (found, often) = asked(|| all.get().matching(&repeated));
    assert_eq!(one, found);
    assert!(
        once > 20 && often <= once + 4_100,
        "{once} questions, then {often}"
    );
}

#[test]
fn all_that_reads_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let all = catalog(folder.path(), 3_000);
    let hostile = [
        many(1_000, " and ", |n| format!("camera != 'x{n}'")),
        many(1_000, " or ", |n| format!("caption like '%{n}%a%b%c%'")),
        many(1_000, " or ", |n| format!("near(0, 0, {n} m)")),
        many(90, " or ", |n| {
            format!("{}label = '{n}'", "not ".repeat(90))
        }),
        many(1, "", |_| format!("camera in ({}1)", "'x',".repeat(9_000))),
    ];
    for filter in &hostile {
        let shown = &filter.text()[..40];
        stops(shown, || all.get().matching(filter));
        stops(shown, || {
            let catalog = all.get();
            catalog.at_one_instant(|| catalog.page_of_ids(Some(filter), 0, 10))
        });
    }
    stops("list", || all.get().list());
    stops("facets", || all.get().facets(None, 50));
    stops("positions", || all.get().positions());
    stops("captions", || all.get().captions());
    stops("captions by words", || {
        all.get().bm25("red umbrella", usize::MAX)
    });
}

#[test]
fn a_text_is_words_whatever_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let all = catalog(folder.path(), 500);
    let red = all.get().bm25("red", usize::MAX).unwrap().len();
    assert_eq!(red, 500);
    // A word costs some hundred steps to look up, and 256 different ones count.
    let (_, cost) = asked(|| all.get().bm25("red umbrella of number", usize::MAX));
    for text in [
        "NEAR(red umbrella, 10)".to_owned(),
        "re* OR um* OR * ^red".into(),
        "text : red AND NOT (umbrella)".into(),
        "\"red\" '' \" \"\" red\\ (((".into(),
        "red OR ".repeat(1_400),
        (0..5_000).map(|n| format!("{n} ")).collect(),
        "r".repeat(10_000),
        "\u{0}red\u{feff} \u{202e}red ümbrella 傘".into(),
    ] {
        let (found, asked) = asked(|| all.get().bm25(&text, usize::MAX));
        assert!(found.len() <= 500, "{text:.40}");
        assert!(
            asked <= 2 * cost + 256,
            "{text:.40}: {asked} questions, others {cost}"
        );
    }
}

#[test]
fn what_is_out_of_bounds_is_refused_with_the_bound() {
    let refused = |text: &str, part: &str| {
        let error = Filter::parse(text).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    refused(&"a".repeat(100_001), "100000 characters");
    refused(&["id = 1"; 1_001].join(" or "), "1000 tests");
    refused(&format!("id in ({}1)", "1,".repeat(10_000)), "10000 values");
    refused(&format!("{}id = 1", "(".repeat(200)), "100 levels");
    refused(&format!("{}id = 1", "not ".repeat(200)), "100 levels");
    refused(
        &format!("path like '{}'", "%a".repeat(501)),
        "1000 characters",
    );
}
