//! What is said of descriptors of whole pictures.

use vizsla_features::WholeImage;
use vizsla_neural::{LearnedPooling, PoolingName};
use vizsla_words::Aggregation;

use super::about::{About, Named};

pub(super) fn whole_images() -> Vec<Named> {
    // Every name without parameters is one: a test of the list reads all of them.
    let told = |name: &str| {
        let whole = name.parse::<WholeImage>().ok()?;
        Some((name.to_owned(), false, of_whole_image(&whole)))
    };
    WholeImage::names().filter_map(told).collect()
}

pub(super) fn aggregations() -> Vec<Named> {
    let told = |aggregation: Aggregation| {
        let default = aggregation == Aggregation::default();
        let about = of_aggregation(aggregation);
        (aggregation.name().to_owned(), default, about)
    };
    Aggregation::ALL.map(told).to_vec()
}

pub(super) fn poolings() -> Vec<Named> {
    let named = [
        PoolingName::Mac,
        PoolingName::Spoc,
        PoolingName::SpocCentre,
        PoolingName::Crow,
        PoolingName::RMac { levels: 3 },
        PoolingName::Gem { p: 3.0 },
    ];
    let named = named.into_iter().map(|pooling| {
        let default = pooling == PoolingName::Spoc;
        (pooling.to_string(), default, of_pooling(&pooling))
    });
    let learned = [LearnedPooling::NetVlad, LearnedPooling::Fisher];
    let learned = learned.into_iter().map(|kind| {
        let which = String::new();
        let about = of_pooling(&PoolingName::Learned { kind, which });
        (kind.name().to_owned(), false, about)
    });
    named.chain(learned).collect()
}

fn of_whole_image(whole: &WholeImage) -> About {
    let (what, paper) = match whole {
        WholeImage::Histogram(_) => (
            "a histogram of colours, joint or by channel, in cells with @COLUMNSxROWS",
            "Swain & Ballard, IJCV 1991; Niblack et al. (QBIC), SPIE 1993",
        ),
        WholeImage::Patterns(_) => (
            "a histogram of local binary patterns",
            "Ojala, Pietikäinen & Mäenpää, PAMI 2002; Heikkilä et al. 2009",
        ),
        WholeImage::Moments(_) => (
            "mean, deviation and skew of each channel",
            "Stricker & Orengo, SPIE 1995",
        ),
        WholeImage::Layout(_) => (
            "low frequencies of where colours are",
            "MPEG-7; Manjunath, Ohm, Vasudevan & Yamada, CSVT 2001",
        ),
        WholeImage::Correlogram(_) => (
            "how likely a colour has its like so many pixels away",
            "Huang, Kumar, Mitra, Zhu & Zabih, CVPR 1997",
        ),
        WholeImage::Gabor(_) => (
            "mean and deviation of the answers of a bank of Gabor filters",
            "Manjunath & Ma, PAMI 1996",
        ),
        WholeImage::Cooccurrence(_) => (
            "features of how often grey levels are neighbours",
            "Haralick, Shanmugam & Dinstein, SMC 1973",
        ),
        WholeImage::Tamura(_) => (
            "coarseness, contrast and directionality",
            "Tamura, Mori & Yamawaki, SMC 1978",
        ),
        WholeImage::Gradients(_) => (
            "directions of gradients in cells, scaled by blocks",
            "Dalal & Triggs, CVPR 2005",
        ),
        WholeImage::Pyramid(_) => (
            "directions of edges in a pyramid of cells",
            "Bosch, Zisserman & Muñoz, CIVR 2007",
        ),
        WholeImage::Edges(_) => (
            "shares of kinds of edges in 4 x 4 cells",
            "MPEG-7; Won, Park & Park, ETRI 2002",
        ),
        WholeImage::Hu(_) => (
            "moments that stay under shift, size and rotation",
            "Hu, IRE Transactions 1962",
        ),
        WholeImage::Hash(_) => (
            "bits that copies of a picture share",
            "Zauner, 2010; of the ImageHash program",
        ),
    };
    About {
        what,
        paper,
        cost: "a few milliseconds a picture, of which a version of 256 pixels is looked at",
        memory: "4 bytes for each number of the vector",
    }
}

fn of_aggregation(aggregation: Aggregation) -> About {
    let (what, paper, memory) = match aggregation {
        Aggregation::Vlad => (
            "what remains of each descriptor beside the nearest of a few words, summed by word, signed square roots",
            "Jégou, Perronnin, Douze, Sánchez, Pérez & Schmid, PAMI 2012",
            "4 bytes x words x components: 16 KiB at 64 x 64",
        ),
        Aggregation::VladIntra => (
            "the same, each word's sum scaled to length 1, against bursts",
            "Arandjelović & Zisserman, CVPR 2013",
            "4 bytes x words x components: 16 KiB at 64 x 64",
        ),
        Aggregation::Fisher => (
            "gradients by the means and variances of a Gaussian mixture that was learned from pictures",
            "Perronnin, Sánchez & Mensink, ECCV 2010",
            "8 bytes x words x components: 32 KiB at 64 x 64",
        ),
        Aggregation::Bow => (
            "how many descriptors have each of some words, times idf, square roots; a descriptor may count for several words",
            "Sivic & Zisserman, ICCV 2003; Philbin, Chum, Isard, Sivic & Zisserman, CVPR 2008",
            "4 bytes x words: 4 KiB at 1,024",
        ),
    };
    About {
        what,
        paper,
        cost: "the local features, and a product of each with the words",
        memory,
    }
}

fn of_pooling(pooling: &PoolingName) -> About {
    const CHANNELS: &str = "4 bytes a channel";
    let (what, paper, memory) = match pooling {
        PoolingName::Mac => (
            "the greatest value of each channel",
            "Tolias, Sicre & Jégou, ICLR 2016",
            CHANNELS,
        ),
        PoolingName::Spoc => (
            "the mean of each channel",
            "Babenko & Lempitsky, ICCV 2015",
            CHANNELS,
        ),
        PoolingName::SpocCentre => (
            "the mean, places near the middle counting more",
            "Babenko & Lempitsky, ICCV 2015",
            CHANNELS,
        ),
        PoolingName::Crow => (
            "sums weighed by place and by channel",
            "Kalantidis, Mellina & Osindero, ECCV Workshops 2016",
            CHANNELS,
        ),
        PoolingName::RMac { .. } => (
            "the greatest values of regions of several sizes, summed",
            "Tolias, Sicre & Jégou, ICLR 2016",
            CHANNELS,
        ),
        PoolingName::Gem { .. } => (
            "the generalised mean of each channel, with its exponent",
            "Radenović, Tolias & Chum, PAMI 2018",
            CHANNELS,
        ),
        PoolingName::Learned {
            kind: LearnedPooling::NetVlad,
            ..
        } => (
            "what remains of each place beside learned centres, softly assigned",
            "Arandjelović, Gronat, Torii, Pajdla & Sivic, CVPR 2016",
            "4 bytes x centres x channels",
        ),
        PoolingName::Learned {
            kind: LearnedPooling::Fisher,
            ..
        } => (
            "a Fisher vector of the places",
            "Perronnin, Sánchez & Mensink, ECCV 2010",
            "8 bytes x Gaussians x channels",
        ),
        PoolingName::Joined(_) => (
            "several poolings, one after the other",
            "of this project",
            "the sum of its parts",
        ),
    };
    About {
        what,
        paper,
        cost: "the network; the pooling itself is free beside it",
        memory,
    }
}
