//! What is said of the ways to match two pictures, and of what they are to agree on.

use vizsla_features::{
    CrossCheck, Degeneracy, GeometryMethod, LocalOptimisation, NeighbourSearch, Rejection,
    SampleKind, Sampling, Scoring, SecondNeighbour, SpatialHypothesis, TwoViewModel,
};

use super::about::{About, Named};

/// An option of `vizsla match` and one of its values.
pub(super) type Set = (&'static str, Named);

/// What is kept of a pair of pictures: nothing.
const NONE: &str = "none";

/// All values of an option.
fn told<T: Copy + Default + PartialEq, const N: usize>(
    setting: &'static str,
    all: [T; N],
    name: fn(T) -> &'static str,
    about: fn(T) -> About,
) -> impl Iterator<Item = Set> {
    let value = move |one: T| {
        let named = (name(one).to_owned(), one == T::default(), about(one));
        (setting, named)
    };
    all.into_iter().map(value)
}

pub(super) fn matchings() -> Vec<Set> {
    let guided = About {
        what: "matched again near the place or the line that a geometry allows: finds what was not distinct among all",
        paper: "Hartley & Zisserman 2004, section 4.8",
        cost: "few comparisons a feature of a map; of epipolar lines those near a line",
        memory: NONE,
    };
    let checks = told("match --check", CrossCheck::ALL, CrossCheck::name, of_check);
    let seconds = told(
        "match --second",
        SecondNeighbour::ALL,
        SecondNeighbour::name,
        of_second,
    );
    let searches = told(
        "match --neighbours",
        NeighbourSearch::ALL,
        NeighbourSearch::name,
        of_search,
    );
    let guided = ("match --guided", ("guided".to_owned(), false, guided));
    checks
        .chain(seconds)
        .chain(searches)
        .chain([guided])
        .collect()
}

pub(super) fn geometries() -> Vec<Set> {
    let methods = told(
        "match --geometry",
        GeometryMethod::ALL,
        GeometryMethod::name,
        of_method,
    );
    let models = told(
        "match --model",
        TwoViewModel::ALL,
        TwoViewModel::name,
        of_model,
    );
    let hypotheses = told(
        "match --hypothesis",
        SpatialHypothesis::ALL,
        SpatialHypothesis::name,
        of_hypothesis,
    );
    let all = methods.chain(models).chain(hypotheses);
    all.chain(of_sampling()).collect()
}

/// The parts of random sampling.
fn of_sampling() -> impl Iterator<Item = Set> {
    let samples = told(
        "match --sample",
        SampleKind::ALL,
        SampleKind::name,
        of_sample,
    );
    let samplings = told("match --sampling", Sampling::ALL, Sampling::name, of_order);
    let scorings = told("match --scoring", Scoring::ALL, Scoring::name, of_scoring);
    let locals = told(
        "match --local-optimisation",
        LocalOptimisation::ALL,
        LocalOptimisation::name,
        of_local,
    );
    let rejections = told(
        "match --rejection",
        Rejection::ALL,
        Rejection::name,
        of_rejection,
    );
    let degeneracies = told(
        "match --degeneracy",
        Degeneracy::ALL,
        Degeneracy::name,
        of_degeneracy,
    );
    let parts = samples.chain(samplings).chain(scorings);
    parts.chain(locals).chain(rejections).chain(degeneracies)
}

fn about(what: &'static str, paper: &'static str, cost: &'static str) -> About {
    About {
        what,
        paper,
        cost,
        memory: NONE,
    }
}

fn of_check(check: CrossCheck) -> About {
    match check {
        CrossCheck::OneWay => about(
            "the nearest of each feature of the first picture; several may share one of the second",
            "Lowe, IJCV 2004",
            "one comparison for each pair of features",
        ),
        CrossCheck::Mutual => about(
            "the two are each other's nearest",
            "Lowe, IJCV 2004, with a cross-check",
            "one comparison for each pair of features: both directions come out of one pass",
        ),
        CrossCheck::Symmetric => about(
            "each other's nearest, and the ratio holds both ways",
            "Lowe, IJCV 2004, with a cross-check",
            "two comparisons for each pair of features",
        ),
    }
}

fn of_second(second: SecondNeighbour) -> About {
    match second {
        SecondNeighbour::Nearest => about(
            "the ratio is to the second nearest, wherever it is",
            "Lowe, IJCV 2004",
            "none more",
        ),
        SecondNeighbour::Inconsistent => about(
            "the ratio is to the nearest at another place (FGINN): a detector that answers twice costs no match",
            "Mishkin, Matas & Perdoch, CVIU 2015",
            "a pass over the other picture's features, up to the first that refuses",
        ),
    }
}

fn of_search(search: NeighbourSearch) -> About {
    match search {
        NeighbourSearch::Exact => about(
            "every descriptor is compared with all",
            "brute force",
            "grows with the product of the features",
        ),
        NeighbourSearch::KdForest => About {
            memory: "four trees for the time of the comparison",
            ..about(
                "four randomised kd-trees, 256 rows looked at for each feature",
                "Silpa-Anan & Hartley, CVPR 2008; Muja & Lowe, VISAPP 2009",
                "more than all where pictures have a few thousand features; misses some",
            )
        },
        NeighbourSearch::Lsh => About {
            memory: "eight hash tables for the time of the comparison",
            ..about(
                "eight tables of p-stable hashes, nine buckets of each",
                "Datar, Immorlica, Indyk & Mirrokni, SCG 2004; Lv et al., VLDB 2007",
                "for comparison: a forest finds more in less time",
            )
        },
    }
}

fn of_method(method: GeometryMethod) -> About {
    match method {
        GeometryMethod::Verify => about(
            "every correspondence is a hypothesis, judged by place, size and direction; the verdict of a search",
            "Philbin, Chum, Isard, Sivic & Zisserman, CVPR 2007; Moisan & Stival, IJCV 2004",
            "grows with the square of the correspondences; nothing random",
        ),
        GeometryMethod::Ransac => about(
            "random samples, the best kept; every part of it an option",
            "Fischler & Bolles, CACM 1981; Raguram, Chum, Pollefeys, Matas & Frahm, PAMI 2013",
            "grows with a power of the share of wrong correspondences",
        ),
        GeometryMethod::Spatial => about(
            "fast spatial matching as its paper has it: every correspondence proposes a map, judged by place alone",
            "Philbin, Chum, Isard, Sivic & Zisserman, CVPR 2007",
            "grows with the square of the correspondences; nothing random",
        ),
        GeometryMethod::Hough => about(
            "every correspondence votes for a pose: few right ones among thousands, several objects at once",
            "Lowe, IJCV 2004",
            "16 votes a correspondence",
        ),
        GeometryMethod::Sequential => about(
            "one geometry after another by ransac, until the next means nothing",
            "Vincent & Laganière, ISPA 2001; Moisan & Stival, IJCV 2004",
            "one ransac for each object and one more",
        ),
        GeometryMethod::LocalConsistency => about(
            "correspondences that their neighbours bear out, without a model of the whole: for things that bend",
            "Schmid & Mohr, PAMI 1997; Cavalli, Larsson, Oswald, Sattler & Pollefeys, ECCV 2020",
            "ten neighbours of each correspondence",
        ),
    }
}

fn of_model(model: TwoViewModel) -> About {
    match model {
        TwoViewModel::Similarity => about(
            "shift, turn and size",
            "Umeyama, PAMI 1991",
            "samples of two pairs",
        ),
        TwoViewModel::Affine => about(
            "any linear map and a shift: a plane seen from far",
            "linear regression",
            "samples of three pairs",
        ),
        TwoViewModel::Homography => about(
            "any view of a plane, and anything seen from one place",
            "Hartley, PAMI 1997",
            "samples of four pairs",
        ),
        TwoViewModel::Fundamental => about(
            "any two views of a scene that did not move: points to epipolar lines",
            "Faugeras, ECCV 1992; Hartley, PAMI 1997",
            "samples of seven pairs: the most samples",
        ),
    }
}

fn of_hypothesis(hypothesis: SpatialHypothesis) -> About {
    let what = match hypothesis {
        SpatialHypothesis::Scale => "shift and size: for upright pictures",
        SpatialHypothesis::Anisotropic => "shift and a size for each axis",
        SpatialHypothesis::Upright => "any map that keeps the vertical, from the two ellipses",
        SpatialHypothesis::Similarity => "shift, size and turn",
        SpatialHypothesis::Affine => "the map from one ellipse to the other with its turn",
    };
    let paper = match hypothesis {
        SpatialHypothesis::Upright => "Perďoch, Chum & Matas, CVPR 2009",
        _ => "Philbin, Chum, Isard, Sivic & Zisserman, CVPR 2007",
    };
    about(what, paper, "the same of all")
}

fn of_sample(sample: SampleKind) -> About {
    match sample {
        SampleKind::Points => about(
            "2, 3, 4 or 7 pairs of points",
            "Fischler & Bolles, CACM 1981; Chum, Werner & Matas, ICPR 2004",
            "the usual",
        ),
        SampleKind::Frames => about(
            "1, 1, 2 or 3 features with scale, direction and shape",
            "Barath & Hajder, PRL 2017; Bentolila & Francos, CVIU 2014",
            "far fewer samples, each less exact",
        ),
    }
}

fn of_order(sampling: Sampling) -> About {
    match sampling {
        Sampling::Uniform => about(
            "all samples alike",
            "Fischler & Bolles, CACM 1981",
            "the usual",
        ),
        Sampling::Prosac => about(
            "the clearest matches first, by their ratio",
            "Chum & Matas, CVPR 2005",
            "fewer samples where the ratio tells right from wrong",
        ),
    }
}

fn of_scoring(scoring: Scoring) -> About {
    match scoring {
        Scoring::InlierCount => about(
            "the geometry that most agree with",
            "Fischler & Bolles, CACM 1981",
            "the usual",
        ),
        Scoring::Msac => about(
            "the geometry of least truncated squared error",
            "Torr & Zisserman, CVIU 2000",
            "the usual",
        ),
        Scoring::Magsac => about(
            "the geometry of least error whatever the noise: the threshold is an upper bound (MAGSAC++)",
            "Barath, Noskova, Ivashechkin & Matas, CVPR 2020",
            "a table in place of a square",
        ),
    }
}

fn of_local(local: LocalOptimisation) -> About {
    match local {
        LocalOptimisation::Off => about(
            "nothing until the end",
            "Fischler & Bolles, CACM 1981",
            "more samples",
        ),
        LocalOptimisation::Iterated => about(
            "reweighted least squares with a tolerance that narrows",
            "Chum, Matas & Kittler, DAGM 2003",
            "some fits for each new best",
        ),
        LocalOptimisation::LoRansac => about(
            "samples of more than the minimum from its inliers, each optimised",
            "Chum, Matas & Kittler, DAGM 2003",
            "grows with the inliers",
        ),
        LocalOptimisation::LoPlus => about(
            "the same with at most seven times the minimum in a fit (LO+)",
            "Lebeda, Matas & Chum, BMVC 2012",
            "the same for any number of inliers",
        ),
    }
}

fn of_rejection(rejection: Rejection) -> About {
    match rejection {
        Rejection::Off => about(
            "only by the cost, when that exceeds the best",
            "Fischler & Bolles, CACM 1981",
            "the usual",
        ),
        Rejection::Tdd => about(
            "one correspondence drawn at random must agree (T(d,d))",
            "Matas & Chum, IVC 2004",
            "less for each sample, more samples",
        ),
        Rejection::Sprt => about(
            "Wald's sequential test, learned on the way",
            "Matas & Chum, ICCV 2005; Chum & Matas, PAMI 2008",
            "less for each sample where there are many correspondences",
        ),
    }
}

fn of_degeneracy(degeneracy: Degeneracy) -> About {
    match degeneracy {
        Degeneracy::Ignore => about(
            "nothing: a scene that is mostly one plane may give lines of that plane alone",
            "Torr, Zisserman & Maybank, CVIU 1998",
            "none",
        ),
        Degeneracy::Degensac => about(
            "a sample mostly on one plane gives its homography, two pairs off the plane the rest",
            "Chum, Werner & Matas, CVPR 2005",
            "a test for each new best",
        ),
    }
}
