use std::path::Path;

use super::*;
use crate::catalog::{Catalog, Datum, FileRow, ImageRow};

/// Four images: two cameras, three dates, two places, labels.
fn catalog(folder: &Path) -> Catalog {
    let path = folder.join("catalog.db");
    Catalog::create(&path, &[]).unwrap();
    let mut catalog = Catalog::open(&path).unwrap();
    let known = [
        (
            Some("2024-05-01T10:00:00"),
            Some("FUJIFILM X100"),
            Some([47.5, 19.04]),
            "/p/spring/a.jpg",
        ),
        (
            Some("2024-05-31T23:59:59"),
            Some("Canon EOS"),
            Some([48.2, 16.37]),
            "/p/spring/b.jpg",
        ),
        (
            Some("2023-12-24T18:30:00"),
            None,
            None,
            "/p/winter/100%.png",
        ),
        (None, Some("x100"), None, "/p/winter/d.png"),
    ];
    catalog
        .write(|writer| {
            for (at, (taken, camera, place, path)) in known.into_iter().enumerate() {
                let row = ImageRow {
                    content: [at as u8; 32],
                    width: 100 * (at as u32 + 1),
                    height: 100,
                    format: if path.ends_with("jpg") { "JPEG" } else { "PNG" }.into(),
                    taken: taken.map(Into::into),
                    camera: camera.map(Into::into),
                    latitude: place.map(|[north, _]| north),
                    longitude: place.map(|[_, east]| east),
                    features: 0,
                };
                let image = writer.add_image(&row, b"")?;
                writer.set_file(&FileRow {
                    path: path.into(),
                    image,
                    size: 1,
                    modified_ns: 1,
                })?;
            }
            let datum = |key: &str, text: &str, number| Datum {
                key: key.into(),
                text: text.into(),
                number,
            };
            let first = [
                datum("label", "Cat", None),
                datum("label", "dog", None),
                datum("rating", "4.50", Some(4.5)),
                datum("shot on", "2024-05-01", None),
            ];
            writer.set_metadata(1, "m", &first)?;
            let second = [datum("label", "cat", None), datum("rating", "3", Some(3.0))];
            writer.set_metadata(2, "m", &second)?;
            let third = [
                datum("latitude", "47.51", Some(47.51)),
                datum("longitude", "19.05", Some(19.05)),
                datum("camera", "Leica", None),
                datum("code", "007", Some(7.0)),
            ];
            writer.set_metadata(3, "m", &third)?;
            writer.set_captions(4, "c", &["A red \"umbrella\"".into()])?;
            Ok(())
        })
        .unwrap();
    catalog
}

fn ids(catalog: &Catalog, filter: &str) -> Vec<i64> {
    let filter = Filter::parse(filter).unwrap_or_else(|e| panic!("{e}"));
    let found = catalog.matching(&filter).unwrap_or_else(|e| panic!("{e}"));
    found.iter().collect()
}

#[test]
fn conditions_choose_images() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = catalog(folder.path());
    for (filter, expected) in [
        (
            "taken >= 2024-01-01 and camera = \"X100\" and near(47.5, 19.0, 10 km)",
            &[1][..],
        ),
        ("taken = 2024-05", &[1, 2]),
        ("taken = 2024", &[1, 2]),
        ("taken <= 2024-05-01", &[1, 3]),
        ("taken < 2024-05-01", &[3]),
        ("taken > 2024-05-31", &[]),
        ("taken >= \"2024-05-31 23:59\"", &[2]),
        ("taken between 2023-12 and 2024-05-01", &[1, 3]),
        ("taken in (2023, 2024-05-31)", &[2, 3]),
        ("taken is null", &[4]),
        ("not taken > 2024", &[1, 2, 3, 4]),
        ("camera = 'x100'", &[1, 4]),
        ("camera != 'X100'", &[2, 3]),
        ("camera = 'ica' or camera contains 'LEIC'", &[3]),
        ("camera like 'fuji%'", &[1]),
        ("width > 150 and width <= 300", &[2, 3]),
        ("id in (1, 4, 99)", &[1, 4]),
        ("not (id = 1 or id = 2) and format = 'png'", &[3, 4]),
        ("format = \"png\"", &[3, 4]),
        ("path contains '100%'", &[3]),
        ("path like '/p/spring/%'", &[1, 2]),
        ("path not like '%.png'", &[1, 2]),
        ("label = 'cat'", &[1, 2]),
        ("labels = \"DOG\"", &[1]),
        ("label != 'dog'", &[2]),
        ("not label = 'dog'", &[2, 3, 4]),
        ("label is not null and label not in ('dog')", &[2]),
        ("rating in (3, '4.50', 12) and id in (1, 2)", &[1, 2]),
        ("camera in ('x100', 'Leica')", &[1, 3, 4]),
        ("rating >= 4", &[1]),
        ("rating = 3.0 or rating = '4.50'", &[1, 2]),
        ("code = 007 and code = 7", &[3]),
        ("`shot on` = 2024-05 and Rating < 5", &[1]),
        ("latitude > 47.505 and latitude < 48", &[3]),
        ("near(47.5, 19.0, 10 km)", &[1, 3]),
        ("near(47.5, 19.04, 0m)", &[1]),
        ("near(48.2, 16.37, 1 mi)", &[2]),
        ("caption contains 'UMBRELLA'", &[4]),
        ("id != 2 and not not id > 2", &[3, 4]),
    ] {
        assert_eq!(ids(&catalog, filter), expected, "{filter}");
    }
}

#[test]
fn errors_point_at_the_column() {
    for (filter, column, part) in [
        ("", 1, "a condition is expected"),
        ("taken", 6, "a comparison is expected"),
        ("taken >", 8, "a value is expected"),
        ("taken > > 3", 9, "a value is expected"),
        ("taken >= 2024-13-01", 10, "no date"),
        ("taken >= 'May'", 10, "no date"),
        ("taken >= 20240501", 10, "no date"),
        ("format = png", 10, "\"png\""),
        ("width = '3'", 9, "is a number"),
        ("width contains '3'", 1, "is a number"),
        ("(width = 3", 11, "column 1"),
        ("width = 3)", 10, "closes nothing"),
        ("width = 3 height = 4", 11, "and, or"),
        ("width = 3 and", 14, "a condition is expected"),
        ("width = 3 && height = 4", 11, "and, or, not"),
        ("camera not 'x'", 12, "after `not`"),
        ("camera is 'x'", 11, "null"),
        ("camera in 'x'", 11, "parentheses"),
        ("camera in ('x' 'y')", 16, "column 11"),
        ("camera = 'größe' or camera = 'x", 30, "not closed"),
        ("'camera' = 'x'", 1, "back quotes"),
        ("`` = 'x'", 1, "no name"),
        ("near(47.5, 19.0, 10)", 20, "unit"),
        ("near(47.5, 19.0, 10 parsec)", 21, "m, km or mi"),
        ("near(97.5, 19.0, 10 km)", 6, "between -90 and 90"),
        ("near(47.5 19.0, 10 km)", 11, "comma"),
        ("near(47.5, 19.0, 10 km", 23, "column 5"),
        ("width = 1.2.3", 9, "no number"),
        ("width = 3; drop table images", 10, "means nothing"),
        ("and = 3", 1, "a condition is expected"),
        ("rating between 3", 17, "`and` is expected"),
    ] {
        let error = Filter::parse(filter).unwrap_err();
        assert_eq!(error.column, column, "{filter}: {error}");
        assert!(error.message.contains(part), "{filter}: {error}");
    }
}

#[test]
fn a_key_that_no_image_has_is_named_with_those_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = catalog(folder.path());
    let filter = Filter::parse("width > 3 and camra = 'X100'").unwrap();
    let error = catalog.matching(&filter).unwrap_err().to_string();
    for part in ["column 15", "`camra`", "camera", "rating", "shot on"] {
        assert!(error.contains(part), "{part} is missing in {error}");
    }
}

#[test]
fn nothing_a_user_writes_becomes_sql() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = catalog(folder.path());
    let evil = "'); DROP TABLE images; --";
    let quoted = evil.replace('\'', "\\'");
    assert_eq!(
        ids(&catalog, &format!("camera = '{quoted}' or id = 1")),
        [1]
    );
    let filter = Filter::parse(&format!("`{evil}` = 1")).unwrap();
    assert!(catalog.matching(&filter).is_err());
    assert_eq!(ids(&catalog, "id > 0").len(), 4);
}

#[test]
fn long_and_deep_conditions_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = catalog(folder.path());
    let many = |count: usize| vec!["rating > 1"; count].join(" or ");
    assert_eq!(ids(&catalog, &many(1_000)), [1, 2]);
    let error = Filter::parse(&many(10_000).replace("rating", "r")).unwrap_err();
    assert!(error.message.contains("1000 tests"), "{error}");
    assert!(
        Filter::parse(&many(20_000))
            .unwrap_err()
            .message
            .contains("too long")
    );
    let values = |count: usize| format!("camera in ({}'x100')", "1,".repeat(count - 1));
    assert_eq!(ids(&catalog, &values(10_000)), [1, 4]);
    assert!(
        Filter::parse(&values(10_001))
            .unwrap_err()
            .message
            .contains("10000 values")
    );
    let nested = |levels: usize| {
        format!(
            "{}id = 1{}",
            "not (rating > 9 or ".repeat(levels),
            ")".repeat(levels)
        )
    };
    assert_eq!(ids(&catalog, &nested(50)), [1]);
    let error = Filter::parse(&nested(10_000 / 4)).unwrap_err();
    assert!(error.message.contains("100 levels"), "{error}");
    assert!(
        Filter::parse(&"(".repeat(90_000))
            .unwrap_err()
            .message
            .contains("100 levels")
    );
    assert!(
        Filter::parse(&"not ".repeat(20_000))
            .unwrap_err()
            .message
            .contains("100 levels")
    );
}

#[test]
fn no_text_brings_the_parser_down() {
    let pieces = [
        "(", ")", "not ", "and ", "or ", "id", "=", "<", "!", "'", "`", "near", ",", "3", "2024-",
        "é", "in", " ", "\"", "km", "-", ".", "e", "\\", "is ", "null", "between ", "5e", "T12",
    ];
    let mut state = 9u64;
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % limit
    };
    for _ in 0..20_000 {
        let text: String = (0..below(14))
            .map(|_| pieces[below(pieces.len())])
            .collect();
        if let Err(error) = Filter::parse(&text) {
            assert!(
                error.column <= text.chars().count() + 1,
                "{text:?}: {error}"
            );
        }
    }
}
