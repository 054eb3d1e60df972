//! Two pictures compared by themselves and in a collection: one verdict.
#![allow(clippy::unwrap_used)]

mod support;

use support::{picture, view};
use vizsla_features::{
    GeometryChoice, GeometryMethod, GuidedConfig, NeighbourSearch, Sampling, TwoViewModel,
};
use vizsla_pixels::Rgb;
use vizsla_retrieval::{
    Collection, IngestOptions, MatchOptions, PictureMatch, Query, QueryImage, SearchOptions,
    Silent, Source, Verdict, match_pictures,
};

fn compared(left: &Rgb, right: &Rgb) -> PictureMatch {
    compared_by(left, right, &MatchOptions::default())
}

fn compared_by(left: &Rgb, right: &Rgb, options: &MatchOptions) -> PictureMatch {
    let (left, right) = (left.encode_png().unwrap(), right.encode_png().unwrap());
    let source = |bytes| Source::Bytes {
        name: "picture",
        bytes,
    };
    match_pictures(source(&left), source(&right), options).unwrap()
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
        (&first, &second, Verdict::Part),
    ] {
        assert_eq!(compared(left, right).verdict, Some(verdict));
        assert_eq!(searched(left, right), verdict);
    }
}

#[test]
fn a_sign_on_two_covers_agrees_and_covers_too_little() {
    let [first, second] = covers();
    let found = compared(&first, &second);
    let agreement = found.agreement().unwrap();
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
    assert_eq!(found.verdict, Some(Verdict::Part));
}

#[test]
fn what_agrees_is_drawn_and_told_in_full_resolution() {
    let left = picture(3);
    let found = compared(&left, &view(&left));
    let agreement = found.agreement().unwrap();
    assert_eq!(
        (found.left.size, found.right.size),
        ([360, 280], [380, 330])
    );
    assert_eq!(agreement.inliers, agreement.pairs.len());
    let drawing = found.draw().unwrap();
    assert!(drawing.width() > 740);
}

fn by(choice: GeometryChoice) -> MatchOptions {
    MatchOptions {
        geometry: choice.settle().unwrap(),
        guided: choice.guided.then(GuidedConfig::default),
        ..MatchOptions::default()
    }
}

#[test]
fn each_method_gives_what_it_has_and_is_drawn() {
    let left = picture(3);
    let right = view(&left);
    for method in GeometryMethod::ALL {
        let options = by(GeometryChoice {
            method,
            ..GeometryChoice::default()
        });
        let found = compared_by(&left, &right, &options);
        let first = &found.objects[0];
        assert_eq!(first.inliers, first.pairs.len());
        assert_eq!(first.guided, None);
        assert_eq!(found.agreement().is_some(), first.transform().is_some());
        match method {
            GeometryMethod::LocalConsistency => {
                assert_eq!(
                    (found.verdict, found.model(), first.log10_nfa),
                    (None, None, None)
                );
            }
            _ => assert_eq!(found.verdict, Some(Verdict::Match), "{method}"),
        }
        assert!(found.draw().unwrap().width() > 740);
        let nothing = compared_by(&left, &picture(2), &options);
        assert_ne!(nothing.verdict, Some(Verdict::Match), "{method}");
        assert!(nothing.draw().is_ok());
    }
}

#[test]
fn a_fundamental_matrix_is_of_whole_pictures() {
    // Analysed at half its size, drawn and told in full.
    let left = picture(3).resized(720, 560).unwrap();
    let right = view(&picture(3)).resized(760, 660).unwrap();
    let mut options = by(GeometryChoice {
        method: GeometryMethod::Ransac,
        model: Some(TwoViewModel::Fundamental),
        sampling: Some(Sampling::Prosac),
        ..GeometryChoice::default()
    });
    options.recipe.pixels.max_side = 400;
    options.neighbours = NeighbourSearch::KdForest;
    let found = compared_by(&left, &right, &options);
    let object = &found.objects[0];
    assert_eq!(found.verdict, Some(Verdict::Match));
    assert!(found.agreement().is_none() && object.transform().is_none());
    let f = object.fundamental().unwrap();
    let near = object.pairs.iter().filter(|pair| {
        let [x, y] = pair.query.map(f64::from);
        let [u, v] = pair.gallery.map(f64::from);
        let (a, b) = f.line_distances((x, y), (u, v));
        // Sampson's error of five analysed pixels, in pixels twice as small.
        a.max(b) < 20.0
    });
    assert_eq!(near.count(), object.pairs.len());
    assert!(object.pairs.iter().any(|pair| pair.query[0] > 400.0));
    assert!(found.draw().unwrap().width() > 740);
}

#[test]
fn guided_pairs_are_more_and_prove_nothing_more() {
    let left = picture(3);
    let right = view(&left);
    let choice = GeometryChoice {
        method: GeometryMethod::Ransac,
        ..GeometryChoice::default()
    };
    let plain = compared_by(&left, &right, &by(choice));
    let guided = GeometryChoice {
        guided: true,
        ..choice
    };
    let guided = compared_by(&left, &right, &by(guided));
    let (one, two) = (&plain.objects[0], &guided.objects[0]);
    assert_eq!((one.inliers, one.log10_nfa), (two.inliers, two.log10_nfa));
    let (first, second) = (plain.agreement().unwrap(), guided.agreement().unwrap());
    assert_eq!(
        (first.coverage, first.inliers),
        (second.coverage, second.inliers)
    );
    assert!(two.guided.unwrap() > one.inliers && two.pairs.len() == two.guided.unwrap());
    let corner = |object: &vizsla_retrieval::PairObject| {
        object.transform().unwrap().apply(300.0, 200.0).unwrap()
    };
    let ((x, y), (u, v)) = (corner(one), corner(two));
    assert!((x - u).hypot(y - v) < 1.0);
}
