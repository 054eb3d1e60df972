//! A first look at half the size: it settles what is easy and changes nothing where it does not.
#![allow(clippy::unwrap_used)]

mod support;

use support::picture;
use vizsla_pixels::Rgb;
use vizsla_retrieval::{
    Channel, Collection, IngestOptions, PartSource, Query, QueryImage, Recipe, SearchOptions,
    SearchResponse, Silent, Source, StageName, Verdict,
};

/// Four pictures in one, so that half of it has enough to see.
fn large(seed: u64) -> Rgb {
    let of: Vec<Rgb> = (0..4).map(|n| picture(seed * 4 + n + 1)).collect();
    let (width, height) = (of[0].width(), of[0].height());
    let mut data = Vec::with_capacity(width * height * 12);
    for pair in of.chunks(2) {
        for y in 0..height {
            for one in pair {
                data.extend_from_slice(&one.data()[y * width * 3..(y + 1) * width * 3]);
            }
        }
    }
    Rgb::new(width * 2, height * 2, data).unwrap()
}

fn collection(pictures: &[Rgb]) -> (Collection, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let builder = Collection::builder(folder.path().join("c.vizsla")).recipe(Recipe::default());
    let mut collection = builder.create().unwrap();
    for (number, picture) in pictures.iter().enumerate() {
        let (name, bytes) = (number.to_string(), picture.encode_png().unwrap());
        let source = Source::Bytes {
            name: &name,
            bytes: &bytes,
        };
        collection
            .add(&[source], &IngestOptions::default(), &Silent)
            .unwrap();
    }
    (collection, folder)
}

fn search(
    collection: &Collection,
    query: &Query,
    change: impl Fn(&mut SearchOptions),
) -> SearchResponse {
    let mut options = SearchOptions::default();
    change(&mut options);
    collection.search(query, &options).unwrap()
}

/// How many features were described, of all looks together.
fn described(response: &SearchResponse) -> usize {
    let stages = response.stages.iter();
    let of = stages.filter(|stage| stage.stage == StageName::Describe);
    of.map(|stage| stage.out).sum()
}

fn said(response: &SearchResponse) -> Vec<(i64, Verdict, f64)> {
    let hits = response.hits.iter();
    hits.map(|hit| (hit.image, hit.verdict, hit.score))
        .collect()
}

#[test]
fn what_is_easy_is_settled_with_fewer_features() {
    let pictures: Vec<Rgb> = (0..4).map(large).collect();
    let (collection, _folder) = collection(&pictures);
    let query = Query::image(QueryImage::Rgb(pictures[2].clone()));
    let plain = search(&collection, &query, |_| ());
    let quick = search(&collection, &query, |options| options.quick = true);
    assert!(quick.settled && !plain.settled);
    let (first, known) = (&quick.hits[0], &plain.hits[0]);
    assert_eq!((first.image, first.verdict), (known.image, Verdict::Match));
    assert!(described(&quick) < described(&plain) / 2);
    // Places are told of the picture at its full size.
    let agreement = first.agreement.as_ref().unwrap();
    let pairs = agreement.pairs.iter();
    let apart = pairs.map(|pair| {
        let [x, y] = [0, 1].map(|axis| pair.query[axis] - pair.gallery[axis]);
        x.hypot(y)
    });
    let apart: f32 = apart.sum();
    assert!(apart < 3.0 * agreement.pairs.len() as f32, "{apart}");
}

#[test]
fn what_is_not_settled_is_asked_as_ever() {
    let pictures: Vec<Rgb> = (0..3).map(large).collect();
    let (collection, _folder) = collection(&pictures);
    for stranger in [large(9), Rgb::new(64, 64, vec![90; 64 * 64 * 3]).unwrap()] {
        let query = Query::image(QueryImage::Rgb(stranger));
        let plain = search(&collection, &query, |_| ());
        let quick = search(&collection, &query, |options| options.quick = true);
        assert!(!quick.settled);
        assert_eq!(said(&quick), said(&plain));
        assert_eq!(quick.notes, plain.notes);
        assert!(described(&quick) >= described(&plain));
    }
}

#[test]
fn only_one_picture_that_is_verified_by_words_is_glanced_at() {
    let pictures: Vec<Rgb> = (0..3).map(large).collect();
    let (collection, _folder) = collection(&pictures);
    let one = || PartSource::Image {
        image: QueryImage::Rgb(pictures[1].clone()),
        region: None,
    };
    let query = Query::new(one());
    let quick = |query: &Query, change: fn(&mut SearchOptions)| {
        search(&collection, query, |options| {
            options.quick = true;
            change(options);
        })
    };
    assert!(quick(&query, |_| ()).settled);
    assert!(
        quick(&query, |options| options.channels =
            Some(vec![Channel::Words]))
        .settled
    );
    assert!(!quick(&query, |options| options.verify = false).settled);
    assert!(!quick(&query, |options| options.stages = Some(Vec::new())).settled);
    let stored = collection.list().unwrap()[1].image;
    assert!(!quick(&Query::new(PartSource::Stored(stored)), |_| ()).settled);
    let mut two = Query::new(one());
    two.parts.extend(Query::new(one()).parts);
    assert!(!quick(&two, |_| ()).settled);
}
