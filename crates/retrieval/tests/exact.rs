//! Distances that no inner product stands for: found by a map, ordered by themselves.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use vizsla_pixels::Rgb;
use vizsla_retrieval::{
    Collection, Combined, Error, GlobalRecipe, IngestOptions, PairSource, Query, QueryImage,
    Recipe, SearchOptions, Silent, StageRecipe, WhitenOptions,
};

fn filled(colour: [u8; 3]) -> Rgb {
    Rgb::filled(60, 40, colour).unwrap()
}

/// Blue comes before a dark red, and neither has a bin of colour in common with a bright red.
fn collection(folder: &Path, whole: &str) -> Collection {
    let pictures = folder.join("pictures");
    fs_err::create_dir_all(&pictures).unwrap();
    for (name, colour) in [("1-blue", [0, 0, 230]), ("2-dark", [150, 0, 0])] {
        let path = pictures.join(format!("{name}.png"));
        filled(colour).save_png(&path).unwrap();
    }
    let combined: Combined = whole.parse().unwrap();
    let recipe = Recipe {
        global: Some(GlobalRecipe::from(combined)),
        ..Recipe::default()
    };
    let place = folder.join("c.vizsla");
    let mut collection = Collection::builder(&place).recipe(recipe).create().unwrap();
    let report = collection.ingest(&[pictures], &IngestOptions::default(), &Silent);
    assert!(report.unwrap().skipped.is_empty());
    collection
}

fn found(collection: &Collection, query: &Query, stages: Option<&str>) -> Vec<String> {
    let options = SearchOptions {
        stages: stages.map(|text| StageRecipe::parse_list(text).unwrap()),
        ..SearchOptions::default()
    };
    let answer = collection.search(query, &options).unwrap();
    let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
    answer.hits.iter().map(|hit| name(&hit.path)).collect()
}

#[test]
fn the_earth_movers_distance_orders_what_the_map_cannot_tell_apart() {
    let folder = tempfile::tempdir().unwrap();
    let collection = collection(folder.path(), "hsv/earth_movers");
    assert_eq!(
        collection.recipe().search.stages[0].to_string(),
        "exact:100"
    );
    let red = Query::image(QueryImage::Rgb(filled([230, 0, 0])));
    assert_eq!(found(&collection, &red, Some("none")), ["1-blue", "2-dark"]);
    assert_eq!(found(&collection, &red, None), ["2-dark", "1-blue"]);
    assert_eq!(
        found(&collection, &red, Some("exact:1")),
        ["1-blue", "2-dark"]
    );
    // The same by what the catalog keeps of it.
    let stored = Query::stored(2);
    assert_eq!(found(&collection, &stored, None)[0], "2-dark");
    // Descriptions are kept, vectors are searched.
    let global = collection.recipe().global.as_ref().unwrap();
    let combined: Combined = global.name().parse().unwrap();
    assert_eq!(global.dimension(), combined.record_dimension());
    let vectors = collection.vectors().unwrap();
    assert!(vectors.iter().all(|(_, v)| v.len() == combined.dimension()));
    assert!(collection.verify(&Silent).unwrap().problems.is_empty());
    let text = collection.recipe().to_toml().unwrap();
    assert_eq!(&Recipe::from_toml(&text).unwrap(), collection.recipe());
}

#[test]
fn descriptions_of_several_kinds_are_weighed() {
    let folder = tempfile::tempdir().unwrap();
    let collection = collection(folder.path(), "hsv/earth_movers*0.5+moments/l2*0.25+lbp");
    let red = Query::image(QueryImage::Rgb(filled([230, 0, 0])));
    assert_eq!(found(&collection, &red, None), ["2-dark", "1-blue"]);
    let combined: Combined = "hsv/earth_movers*0.5+moments/l2*0.25+lbp".parse().unwrap();
    let of = |colour| combined.record(&filled(colour));
    let (red, dark, blue) = (of([230, 0, 0]), of([150, 0, 0]), of([0, 0, 230]));
    assert_eq!(combined.distance(&red, &red), Some(0.0));
    assert!(combined.distance(&red, &dark) < combined.distance(&red, &blue));
    assert_eq!(combined.distance(&red, &red[1..]), None);
    let mapped: Combined = "hsv+lbp".parse().unwrap();
    assert_eq!(mapped.distance(&[], &[]), None);
    assert_eq!(
        mapped.record(&filled([1, 2, 3])),
        mapped.vector(&filled([1, 2, 3]))
    );
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut exact = collection(folder.path(), "tamura/l2");
    let options = WhitenOptions {
        dimension: None,
        pairs: PairSource::None,
        queries: 10,
    };
    let refused = exact.train_whitening(&options, &Silent).unwrap_err();
    assert!(
        refused.to_string().contains("nothing to whiten"),
        "{refused}"
    );
    let error = "lbp/earth_movers".parse::<Combined>().unwrap_err();
    assert!(error.to_string().contains("choose chi_squared"), "{error}");
    let other = tempfile::tempdir().unwrap();
    let mapped = collection(other.path(), "hsv");
    assert!(!mapped.recipe().to_toml().unwrap().contains("exact"));
    let options = SearchOptions {
        stages: Some(StageRecipe::parse_list("exact").unwrap()),
        ..SearchOptions::default()
    };
    let red = Query::image(QueryImage::Rgb(filled([230, 0, 0])));
    let refused = mapped.search(&red, &options).unwrap_err();
    assert!(matches!(refused, Error::Query(_)), "{refused}");
    assert!(
        refused.to_string().contains("hsv/earth_movers"),
        "{refused}"
    );
}
