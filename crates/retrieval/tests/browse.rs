//! Looking through a collection: pages, facets, features, pages of results, and searches that are stopped.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};

use support::{fill, ingest, open, picture, view};
use vizsla_pixels::Limits;
use vizsla_retrieval::{
    Channel, Collection, Error, FacetKind, Filter, Query, QueryImage, Reporter, SearchOptions,
    Verdict,
};

/// Twelve pictures with metadata of three kinds.
fn described(dir: &std::path::Path) -> Collection {
    let (folder, place) = (dir.join("in"), dir.join("c.vizsla"));
    fill(&folder, 12);
    ingest(&place, &folder);
    let mut collection = open(&place);
    let mut table = "file,colour,price,taken,latitude,longitude\n".to_owned();
    for n in 0..12 {
        let colour = if n % 3 == 0 { "red" } else { "blue" };
        let (price, year) = (n * 10, 2000 + n / 6);
        table.push_str(&format!(
            "{n:03}.png,{colour},{price},{year}-05-{:02},47.5,{n}\n",
            n + 1
        ));
    }
    fs_err::write(folder.join("known.csv"), table).unwrap();
    collection
        .import_metadata(&folder.join("known.csv"), &[])
        .unwrap();
    collection
}

#[test]
fn pages_and_single_images_are_what_the_list_has() {
    let dir = tempfile::tempdir().unwrap();
    let collection = described(dir.path());
    let all = collection.list().unwrap();
    let page = collection.images(None, 3, 4).unwrap();
    assert_eq!((page.total, page.images.len()), (12, 4));
    for (shown, listed) in page.images.iter().zip(&all[3..7]) {
        let json = |image| serde_json::to_string(image).unwrap();
        assert_eq!(json(shown), json(listed));
    }
    let red = Filter::parse("colour = 'red'").unwrap();
    let page = collection.images(Some(&red), 1, 200).unwrap();
    assert_eq!((page.total, page.images.len()), (4, 3));
    assert!(collection.images(None, 100, 5).unwrap().images.is_empty());
    let image = collection.image(all[2].image).unwrap().unwrap();
    assert_eq!(image.position(), Some([47.5, 2.0]));
    assert!(collection.image(999).unwrap().is_none());
}

#[test]
fn facets_count_what_images_have() {
    let dir = tempfile::tempdir().unwrap();
    let collection = described(dir.path());
    let facets = collection.facets(None).unwrap();
    let keys: Vec<&str> = facets.iter().map(|facet| facet.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "colour",
            "format",
            "latitude",
            "longitude",
            "price",
            "taken"
        ]
    );
    let of = |key: &str| facets.iter().find(|facet| facet.key == key).unwrap();
    let counts = |key: &str| -> Vec<(String, u32)> {
        let values = of(key).values.iter();
        values.map(|v| (v.value.clone(), v.count)).collect()
    };
    assert_eq!(counts("colour"), [("blue".into(), 8), ("red".into(), 4)]);
    assert_eq!(counts("taken"), [("2000".into(), 6), ("2001".into(), 6)]);
    assert_eq!(
        (of("taken").kind, of("colour").kind),
        (FacetKind::Date, FacetKind::Text)
    );
    let price = of("price");
    assert_eq!((price.kind, price.distinct), (FacetKind::Number, 12));
    assert_eq!(
        (price.least.as_deref(), price.greatest.as_deref()),
        (Some("0"), Some("110"))
    );
    let few = collection
        .facets(Some(&Filter::parse("price < 30").unwrap()))
        .unwrap();
    let colour = few.iter().find(|facet| facet.key == "colour").unwrap();
    assert_eq!(colour.values[0].count, 2);
    let none = Filter::parse("price > 1000").unwrap();
    assert!(collection.facets(Some(&none)).unwrap().is_empty());
}

#[test]
fn features_lie_in_the_picture_and_pairs_are_explained() {
    let dir = tempfile::tempdir().unwrap();
    let collection = described(dir.path());
    let id = collection.list().unwrap()[4].image;
    let places = collection.feature_places(id).unwrap().unwrap();
    assert!(places.len() > 50);
    assert!(
        places
            .iter()
            .all(|p| p.x < 360.0 && p.y < 280.0 && p.scale > 0.0)
    );
    assert!(collection.feature_places(999).unwrap().is_none());

    let query = Query::image(QueryImage::Rgb(view(&picture(5))));
    let limits = Limits::default();
    let (agreement, size) = collection
        .searcher()
        .unwrap()
        .compare(&query, id, false, &limits)
        .unwrap();
    let agreement = agreement.unwrap();
    assert!(agreement.pairs.len() == agreement.inliers && agreement.inliers > 10);
    assert_eq!(size, [380, 330]);
    let missing = collection
        .searcher()
        .unwrap()
        .compare(&query, 999, false, &limits);
    assert!(matches!(missing, Err(Error::NotIndexed(_))));
    let words = collection
        .searcher()
        .unwrap()
        .compare(&Query::text("dog"), id, false, &limits);
    assert!(matches!(words, Err(Error::Query(_))));
    assert_eq!(collection.channels().unwrap(), [Channel::Words]);
}

#[test]
fn pages_of_results_are_pieces_of_one_list() {
    let dir = tempfile::tempdir().unwrap();
    let collection = described(dir.path());
    let query = Query::image(QueryImage::Rgb(view(&picture(5))));
    let ask = |options: &SearchOptions| collection.search(&query, options).unwrap();
    let whole = ask(&SearchOptions {
        top: 100,
        shortlist: Some(4),
        ..SearchOptions::default()
    });
    let ids = |hits: &[vizsla_retrieval::Hit]| -> Vec<(i64, usize)> {
        hits.iter().map(|hit| (hit.image, hit.rank)).collect()
    };
    assert!(whole.hits.len() > 4 && whole.found == whole.hits.len());
    let mut pieces = Vec::new();
    for skip in (0..whole.found).step_by(3) {
        let page = ask(&SearchOptions {
            top: 3,
            skip,
            shortlist: Some(4),
            ..SearchOptions::default()
        });
        assert_eq!(page.found, whole.found);
        pieces.extend(ids(&page.hits));
    }
    assert_eq!(pieces, ids(&whole.hits));
    let matches = ask(&SearchOptions {
        matches_only: true,
        ..SearchOptions::default()
    });
    assert_eq!(
        (matches.found, matches.hits[0].verdict),
        (1, Verdict::Match)
    );
    let least = whole.hits[2].score;
    let best = ask(&SearchOptions {
        least_score: Some(least),
        ..SearchOptions::default()
    });
    assert_eq!(
        best.found,
        whole.hits.iter().filter(|hit| hit.score >= least).count()
    );
}

#[test]
fn small_limits_refuse_a_picture_by_its_header() {
    let dir = tempfile::tempdir().unwrap();
    let collection = described(dir.path());
    let query = Query::image(QueryImage::Bytes(picture(5).encode_png().unwrap()));
    let options = SearchOptions {
        limits: Limits {
            max_pixels: 1000,
            ..Limits::default()
        },
        ..SearchOptions::default()
    };
    let error = collection.search(&query, &options).unwrap_err();
    assert!(error.to_string().contains("number of pixels"), "{error}");
}

/// Wants to stop after so many questions.
struct Patience(AtomicUsize);

impl Reporter for Patience {
    fn cancelled(&self) -> bool {
        let left = self.0.load(Ordering::SeqCst);
        self.0.store(left.saturating_sub(1), Ordering::SeqCst);
        left == 0
    }
}

#[test]
fn a_search_can_be_stopped_at_every_step() {
    let dir = tempfile::tempdir().unwrap();
    let collection = described(dir.path());
    let query = Query::image(QueryImage::Rgb(view(&picture(5))));
    let mut questions = 0;
    loop {
        let patience = Patience(AtomicUsize::new(questions));
        match collection.search_while(&query, &SearchOptions::default(), &patience) {
            Err(Error::Cancelled) => questions += 1,
            answer => {
                assert_eq!(answer.unwrap().hits[0].verdict, Verdict::Match);
                break;
            }
        }
    }
    // Before the parts, before and after the channel, after the fusion, at each candidate, at the end.
    assert!(questions > 8, "{questions}");
}
