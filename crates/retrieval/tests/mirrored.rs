//! Mirror images, looked for by the picture itself.
#![allow(clippy::unwrap_used)]

mod support;

use support::picture;
use vizsla_pixels::{Limits, Rgb};
use vizsla_retrieval::{
    Collection, IngestOptions, PartSource, Query, QueryImage, Recipe, Region, Scoring,
    SearchOptions, SearchResponse, Silent, Source, Verdict,
};

fn collection(recipe: Recipe, pictures: &[Rgb]) -> (Collection, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let builder = Collection::builder(folder.path().join("c.vizsla")).recipe(recipe);
    let mut collection = builder.create().unwrap();
    for (number, picture) in pictures.iter().enumerate() {
        let bytes = picture.encode_png().unwrap();
        let name = format!("{number}");
        let source = Source::Bytes {
            name: &name,
            bytes: &bytes,
        };
        let options = IngestOptions::default();
        collection.add(&[source], &options, &Silent).unwrap();
    }
    (collection, folder)
}

fn search(collection: &Collection, query: &Query, mirrored: bool) -> SearchResponse {
    let options = SearchOptions {
        mirrored,
        ..SearchOptions::default()
    };
    collection.search(query, &options).unwrap()
}

fn by(picture: &Rgb) -> Query {
    Query::image(QueryImage::Rgb(picture.clone()))
}

#[test]
fn a_mirror_image_is_found_and_told_of_the_query_itself() {
    for scoring in [Scoring::Hamming, Scoring::Asmk] {
        let mut recipe = Recipe::default();
        recipe.search.scoring = scoring;
        let pictures: Vec<Rgb> = (0..4).map(picture).collect();
        let (collection, _folder) = collection(recipe, &pictures);
        let width = pictures[2].width() as f32;
        let turned = by(&pictures[2].mirrored());
        let without = search(&collection, &turned, false);
        assert!(
            without
                .hits
                .iter()
                .all(|hit| hit.verdict == Verdict::NoMatch)
        );

        let found = search(&collection, &turned, true);
        let first = &found.hits[0];
        assert_eq!(
            (first.path.to_str(), first.verdict),
            (Some("memory:2"), Verdict::Match)
        );
        let agreement = first.agreement.as_ref().unwrap();
        assert!(agreement.mirrored && agreement.part == 0);
        assert!(agreement.inliers > 50 && agreement.pairs.len() == agreement.inliers);
        let [[a, b, c], [d, e, f], _] = agreement.transform;
        for pair in &agreement.pairs {
            let ([x, y], [to_x, to_y]) = (pair.query, pair.gallery);
            assert!(
                (x + to_x - (width - 1.0)).abs() < 3.0 && (y - to_y).abs() < 3.0,
                "{pair:?}"
            );
            let (x, y) = (f64::from(x), f64::from(y));
            let at = (a * x + b * y + c, d * x + e * y + f);
            assert!((at.0 - f64::from(to_x)).abs() < 3.0 && (at.1 - f64::from(to_y)).abs() < 3.0);
        }
        let (query, gallery) = (agreement.query_box, agreement.gallery_box);
        let mirrored = f64::from(width) - 1.0 - query.x - query.width;
        assert!((mirrored - gallery.x).abs() < 4.0, "{query:?} {gallery:?}");
    }
}

#[test]
fn a_picture_that_is_not_turned_is_found_as_before() {
    let pictures: Vec<Rgb> = (0..4).map(picture).collect();
    let (collection, _folder) = collection(Recipe::default(), &pictures);
    let query = by(&pictures[1]);
    let (before, now) = (
        search(&collection, &query, false),
        search(&collection, &query, true),
    );
    let (before, now) = (&before.hits[0], &now.hits[0]);
    assert_eq!((before.image, before.verdict), (now.image, now.verdict));
    let (before, now) = (
        before.agreement.as_ref().unwrap(),
        now.agreement.as_ref().unwrap(),
    );
    assert!(!now.mirrored && now.transform == before.transform);
    // Two ways were tried.
    assert!((now.log10_nfa - before.log10_nfa - std::f64::consts::LOG10_2).abs() < 1e-9);
}

#[test]
fn a_part_is_turned_within_itself() {
    let pictures: Vec<Rgb> = (0..3).map(picture).collect();
    let (collection, _folder) = collection(Recipe::default(), &pictures);
    let (width, height) = (pictures[0].width() as f64, pictures[0].height() as f64);
    let region = Region {
        x: 40.0,
        y: 30.0,
        width: width - 100.0,
        height: height - 60.0,
    };
    let query = by(&pictures[0].mirrored()).within(region);
    let found = search(&collection, &query, true);
    let agreement = found.hits[0].agreement.as_ref().unwrap();
    assert!(agreement.mirrored && found.hits[0].verdict == Verdict::Match);
    for pair in &agreement.pairs {
        assert!(f64::from(pair.query[0]) >= region.x - 1.0);
        let sum = f64::from(pair.query[0] + pair.gallery[0]);
        assert!((sum - (width - 1.0)).abs() < 3.0, "{pair:?}");
    }
}

#[test]
fn a_stored_image_is_turned_as_long_as_its_file_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    fs_err::create_dir(&photos).unwrap();
    for (name, picture) in [
        ("a", picture(0)),
        ("b", picture(1)),
        ("c", picture(0).mirrored()),
    ] {
        fs_err::write(
            photos.join(format!("{name}.png")),
            picture.encode_png().unwrap(),
        )
        .unwrap();
    }
    let mut collection = Collection::builder(folder.path().join("c.vizsla"))
        .create()
        .unwrap();
    collection
        .ingest(&[photos], &IngestOptions::default(), &Silent)
        .unwrap();
    let listed = collection.list().unwrap();
    let of = |name: &str| {
        listed
            .iter()
            .find(|image| image.paths[0].ends_with(name))
            .unwrap()
    };
    let (own, other, turned) = (of("a.png"), of("b.png"), of("c.png"));
    let stored = Query::new(PartSource::Stored(own.image));
    let agreement = |found: &SearchResponse| {
        let hit = found.hits.iter().find(|hit| hit.image == turned.image);
        hit.and_then(|hit| hit.agreement.clone())
    };
    assert!(agreement(&search(&collection, &stored, false)).is_none());
    let found = search(&collection, &stored, true);
    assert!(found.notes.is_empty(), "{:?}", found.notes);
    assert!(agreement(&found).is_some_and(|agreement| agreement.mirrored));
    let searcher = collection.searcher().unwrap();
    let compare = |mirrored| searcher.compare(&stored, turned.image, mirrored, &Limits::default());
    assert!(compare(false).unwrap().0.is_none());
    assert!(compare(true).unwrap().0.is_some_and(|found| found.mirrored));

    // Another content under the same name is not the image.
    fs_err::copy(&other.paths[0], &own.paths[0]).unwrap();
    let found = search(&collection, &stored, true);
    assert!(
        found
            .notes
            .iter()
            .any(|note| note.contains("not looked for mirrored")),
        "{:?}",
        found.notes
    );
    assert!(agreement(&found).is_none());
}
