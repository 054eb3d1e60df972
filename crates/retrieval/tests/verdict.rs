//! Match, part or neither: what a picture in little adds to geometry.
#![allow(clippy::unwrap_used)]

mod support;

use support::{picture, view};
use vizsla_pixels::Rgb;
use vizsla_retrieval::{
    CellVerdict, Codes, Collection, Hit, IngestOptions, Query, QueryImage, Recipe, SearchOptions,
    Silent, Source, Verdict,
};

/// Two labels of one brand: the upper half is the same, the lower one of each its own.
fn label(seed: u64) -> Rgb {
    let mut label = picture(50);
    let own = picture(seed).crop(0, 0, 360, 150).unwrap();
    label.paste(&own, 0, 130);
    label
}

struct World {
    collection: Collection,
    _folder: tempfile::TempDir,
}

impl World {
    fn of(recipe: Recipe, pictures: &[(&str, Rgb)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let builder = Collection::builder(folder.path().join("labels.vizsla")).recipe(recipe);
        let mut collection = builder.create().unwrap();
        let encoded = pictures
            .iter()
            .map(|(name, picture)| (*name, picture.encode_png().unwrap()));
        let encoded: Vec<(&str, Vec<u8>)> = encoded.collect();
        let sources = encoded
            .iter()
            .map(|(name, bytes)| Source::Bytes { name, bytes });
        let sources: Vec<Source<'_>> = sources.collect();
        let report = collection
            .add(&sources, &IngestOptions::default(), &Silent)
            .unwrap();
        assert_eq!(report.added, pictures.len(), "{report:?}");
        Self {
            collection,
            _folder: folder,
        }
    }

    fn search(&self, picture: &Rgb) -> Vec<Hit> {
        let query = Query::image(QueryImage::Bytes(picture.encode_png().unwrap()));
        let found = self.collection.search(&query, &SearchOptions::default());
        found.unwrap().hits
    }
}

fn without_look() -> Recipe {
    let mut recipe = Recipe::default();
    recipe.local.look = false;
    recipe
}

#[test]
fn of_two_labels_with_one_logo_the_right_one_is_the_match() {
    let labels = [("one", label(1)), ("two", label(2)), ("other", picture(3))];
    let world = World::of(Recipe::default(), &labels);
    for (at, picture) in [(0, label(1)), (1, label(2))] {
        let hits = world.search(&view(&picture));
        let (right, sibling) = (&hits[0], &hits[1]);
        let is = |hit: &Hit, at: usize| hit.path.ends_with(format!("memory:{}", labels[at].0));
        assert!(is(right, at) && is(sibling, 1 - at));
        assert_eq!(
            (right.verdict, sibling.verdict),
            (Verdict::Match, Verdict::Part)
        );
        assert_eq!(hits[2].verdict, Verdict::NoMatch);
        let (of_right, of_sibling) = (
            right.agreement.as_ref().unwrap(),
            sibling.agreement.as_ref().unwrap(),
        );
        assert!(of_right.sameness.unwrap() > 0.9 && of_sibling.sameness.unwrap() < 0.3);
        assert!(right.score > sibling.score);
        // The upper half agrees, the lower one differs.
        let cells = of_sibling.cells();
        let share = |verdict, upper: bool| {
            let half = cells.iter().filter(|cell| (cell.place[1] < 0.42) == upper);
            let half: Vec<bool> = half.map(|cell| cell.verdict == verdict).collect();
            half.iter().filter(|&&is| is).count() as f64 / half.len() as f64
        };
        assert!(
            share(CellVerdict::Agrees, true) > 0.8,
            "{}",
            share(CellVerdict::Agrees, true)
        );
        assert!(
            share(CellVerdict::Differs, false) > 0.5,
            "{}",
            share(CellVerdict::Differs, false)
        );
    }
}

#[test]
fn verdicts_without_pictures_in_little_go_by_coverage() {
    let labels = [("one", label(1)), ("two", label(2))];
    let world = World::of(without_look(), &labels);
    let hits = world.search(&view(&label(1)));
    assert!(hits.iter().all(|hit| hit.verdict == Verdict::Match));
    assert!(
        hits.iter()
            .all(|hit| hit.agreement.as_ref().unwrap().ground.is_none())
    );
    assert_eq!(world.collection.info().unwrap().without_look, 2);
    let with = World::of(Recipe::default(), &labels);
    assert_eq!(with.collection.info().unwrap().without_look, 0);
    let more = with.collection.info().unwrap().bytes_per_image;
    assert!(more >= world.collection.info().unwrap().bytes_per_image);
}

#[test]
fn optimize_says_what_is_missing() {
    let mut world = World::of(without_look(), &[("one", label(1))]);
    // Nothing is missing where it is not wanted.
    assert!(
        world
            .collection
            .optimize(false, &Silent)
            .unwrap()
            .warnings
            .is_empty()
    );
}

#[test]
fn a_flat_picture_and_a_stranger_are_neither() {
    let flat = Rgb::filled(360, 280, [200, 30, 30]).unwrap();
    let world = World::of(
        Recipe::default(),
        &[("one", label(1)), ("flat", flat.clone())],
    );
    for query in [flat, picture(9)] {
        let hits = world.search(&query);
        assert!(hits.iter().all(|hit| hit.verdict == Verdict::NoMatch));
    }
}

#[test]
fn a_region_of_the_shared_half_asks_for_that_alone() {
    let world = World::of(Recipe::default(), &[("one", label(1)), ("two", label(2))]);
    let region = vizsla_retrieval::Region {
        x: 0.0,
        y: 0.0,
        width: 360.0,
        height: 128.0,
    };
    let image = QueryImage::Bytes(label(1).encode_png().unwrap());
    let query = Query::image(image).within(region);
    let found = world
        .collection
        .search(&query, &SearchOptions::default())
        .unwrap();
    assert!(
        found.hits.iter().all(|hit| hit.verdict == Verdict::Match),
        "{:?}",
        found.hits
    );
}

#[test]
fn precise_codes_find_what_words_find_and_more_pairs() {
    let mut recipe = Recipe::default();
    recipe.local.codes = Codes::Precise;
    let labels = [("one", label(1)), ("two", label(2))];
    let (precise, compact) = (
        World::of(recipe, &labels),
        World::of(Recipe::default(), &labels),
    );
    let query = view(&label(2));
    let (a, b) = (precise.search(&query), compact.search(&query));
    assert_eq!(
        (a[0].verdict, a[1].verdict),
        (Verdict::Match, Verdict::Part)
    );
    assert_eq!(a[0].path, b[0].path);
    let inliers = |hits: &[Hit]| hits[0].agreement.as_ref().unwrap().inliers;
    assert!(
        inliers(&a) >= inliers(&b),
        "{} {}",
        inliers(&a),
        inliers(&b)
    );
    // An image of the collection asks by what is kept of it.
    let stored = Query::stored(a[0].image);
    let found = precise
        .collection
        .search(&stored, &SearchOptions::default())
        .unwrap();
    assert_eq!(found.hits[0].image, a[0].image);
    assert_eq!(found.hits[0].verdict, Verdict::Match);
}

#[test]
fn without_local_features_no_picture_in_little_is_kept() {
    let names: Vec<String> = (0..12).map(|seed| seed.to_string()).collect();
    let pictures = names.iter().zip(0..);
    let pictures: Vec<(&str, Rgb)> = pictures
        .map(|(name, seed)| (name.as_str(), picture(seed)))
        .collect();
    let bytes = |look: &str| {
        let recipe = format!("local.enabled = false\nlocal.look = {look}\nglobal.whole = \"hsv\"");
        let world = World::of(Recipe::from_toml(&recipe).unwrap(), &pictures);
        world.collection.info().unwrap().bytes_per_image
    };
    assert_eq!(bytes("true"), bytes("false"));
}
