//! What is said of codebooks, and of how visual words vote.

use vizsla_words::Clustering;

use super::about::{About, Named};
use crate::{Assignment, Scoring};

pub(super) fn clusterings() -> Vec<Named> {
    let told = |clustering: Clustering| {
        let default = clustering == Clustering::default();
        (
            clustering.name().to_owned(),
            default,
            of_clustering(clustering),
        )
    };
    Clustering::ALL.map(told).to_vec()
}

pub(super) fn assignments() -> Vec<Named> {
    let told = |assignment: Assignment| {
        let default = assignment == Assignment::default();
        (
            assignment.name().to_owned(),
            default,
            of_assignment(assignment),
        )
    };
    Assignment::ALL.map(told).to_vec()
}

pub(super) fn scorings() -> Vec<Named> {
    let told = |scoring: Scoring| {
        let default = scoring == Scoring::default();
        (scoring.name().to_owned(), default, of_scoring(scoring))
    };
    Scoring::ALL.map(told).to_vec()
}

fn of_clustering(clustering: Clustering) -> About {
    let (what, paper, cost, memory) = match clustering {
        Clustering::Cells => (
            "k-means in coarse cells, then rounds over everything that compare a descriptor with the words around it",
            "of this project, after Jégou, Douze & Schmid, PAMI 2011",
            "grows with the root of the words",
            "128 bytes a word, and as many cells as the root of the words",
        ),
        Clustering::Approximate => (
            "k-means that looks for the nearest word of a descriptor in a randomised kd-forest, grown anew in each round",
            "Philbin, Chum, Isard, Sivic & Zisserman, CVPR 2007",
            "grows with the logarithm of the words",
            "128 bytes a word, and as many cells as the root of the words",
        ),
        Clustering::Flat => (
            "k-means that compares every descriptor with every word",
            "Sivic & Zisserman, ICCV 2003",
            "grows with the words: for vocabularies of a few thousand",
            "128 bytes a word, and as many cells as the root of the words",
        ),
        Clustering::Hierarchical => (
            "a vocabulary tree: k-means with few clusters, and again in each; descriptors go down the tree to their word",
            "Nistér & Stewénius, CVPR 2006",
            "grows with the logarithm of the words; a descriptor may miss its nearest word",
            "132 bytes a node, words and inner nodes",
        ),
    };
    About {
        what,
        paper,
        cost,
        memory,
    }
}

fn of_assignment(assignment: Assignment) -> About {
    let (what, paper) = match assignment {
        Assignment::Hard => (
            "a query descriptor counts fully for each of its nearest words: its signature says how near it is",
            "Jégou, Douze & Schmid, IJCV 2010",
        ),
        Assignment::Soft => (
            "it is shared between them by exp(-d^2 / 2 sigma^2), 1 in all",
            "Philbin, Chum, Isard, Sivic & Zisserman, CVPR 2008",
        ),
    };
    About {
        what,
        paper,
        cost: "one lookup for each of search.multiple_assignment words",
        memory: "none",
    }
}

fn of_scoring(scoring: Scoring) -> About {
    let (what, paper, cost, memory) = match scoring {
        Scoring::Hamming => (
            "features vote by the distance of their signatures and idf, against bursts within and between images",
            "Jégou, Douze & Schmid, ECCV 2008; CVPR 2009",
            "one look at the postings of each query word",
            "about 10 bytes a feature",
        ),
        Scoring::HammingWgc => (
            "the same, and the votes for an image must agree on one turn and one change of size",
            "Jégou, Douze & Schmid, ECCV 2008",
            "the same, and two histograms for each image that got votes",
            "about 12 bytes a feature",
        ),
        Scoring::Bow => (
            "the cosine of histograms of words with tf-idf; signatures are not looked at",
            "Sivic & Zisserman, ICCV 2003; against bursts Jégou, Douze & Schmid, CVPR 2009",
            "one look at the postings of each query word, and once all of them for the lengths of images",
            "about 10 bytes a feature, 4 an image",
        ),
        Scoring::Asmk => (
            "the residuals of all features of a word are summed to one code: what repeats counts once (ASMK*)",
            "Tolias, Avrithis & Jégou, ICCV 2013; IJCV 2016",
            "less: fewer postings",
            "about 10 bytes for each word of an image, and 8 in the catalog for a word of several features",
        ),
    };
    About {
        what,
        paper,
        cost,
        memory,
    }
}
