//! Two pictures compared by themselves and in a collection: one verdict.
#![allow(clippy::unwrap_used)]

mod support;

use support::{picture, view};
use vizsla_pixels::Rgb;
use vizsla_retrieval::{
    Collection, IngestOptions, MatchOptions, PictureMatch, Query, QueryImage, SearchOptions,
    Silent, Source, Verdict, match_pictures,
};

fn compared(left: &Rgb, right: &Rgb) -> PictureMatch {
    let (left, right) = (left.encode_png().unwrap(), right.encode_png().unwrap());
    let source = |bytes| Source::Bytes {
        name: "picture",
        bytes,
    };
    match_pictures(source(&left), source(&right), &MatchOptions::default()).unwrap()
}

/// The verdict of a search for `left` in a collection that holds `right` alone.
fn searched(left: &Rgb, right: &Rgb) -> Verdict {
    let folder = tempfile::tempdir().unwrap();
    let mut collection = Collection::builder(folder.path().join("one.vizsla"))
        .create()
        .unwrap();
    let bytes = right.encode_png().unwrap();
    let source = Source::Bytes {
        name: "right",
        bytes: &bytes,
    };
    let report = collection.add(&[source], &IngestOptions::default(), &Silent);
    assert_eq!(report.unwrap().added, 1);
    let query = Query::image(QueryImage::Bytes(left.encode_png().unwrap()));
    let found = collection
        .search(&query, &SearchOptions::default())
        .unwrap();
    found
        .hits
        .first()
        .map_or(Verdict::NoMatch, |hit| hit.verdict)
}

/// Two different pictures that bear the same small sign.
fn covers() -> [Rgb; 2] {
    let sign = picture(9).resized(108, 84).unwrap();
    [1, 2].map(|seed| {
        let mut cover = picture(seed).resized(720, 560).unwrap();
        cover.paste(&sign, 80, 60);
        cover
    })
}

#[test]
fn a_pair_and_a_search_come_to_the_same_verdict() {
    let [first, second] = covers();
    for (left, right, verdict) in [
        (&picture(1), &view(&picture(1)), Verdict::Match),
        (&picture(1), &picture(2), Verdict::NoMatch),
        (&first, &second, Verdict::NoMatch),
    ] {
        assert_eq!(compared(left, right).verdict, verdict);
        assert_eq!(searched(left, right), verdict);
    }
}

#[test]
fn a_sign_on_two_covers_agrees_and_covers_too_little() {
    let [first, second] = covers();
    let found = compared(&first, &second);
    let agreement = found.agreement.unwrap();
    let rule = MatchOptions::default().recipe.search;
    assert!(
        agreement.log10_nfa <= rule.verdict_log10_nfa,
        "{}",
        agreement.log10_nfa
    );
    assert!(
        agreement.coverage < rule.verdict_coverage,
        "{}",
        agreement.coverage
    );
    assert_eq!(found.verdict, Verdict::NoMatch);
}

#[test]
fn what_agrees_is_drawn_and_told_in_full_resolution() {
    let left = picture(3);
    let found = compared(&left, &view(&left));
    let agreement = found.agreement.as_ref().unwrap();
    assert_eq!(
        (found.left.size, found.right.size),
        ([360, 280], [380, 330])
    );
    assert_eq!(agreement.inliers, agreement.pairs.len());
    let drawing = found.draw().unwrap();
    assert!(drawing.width() > 740);
}
