//! What is said of detectors and descriptors.

use vizsla_features::{DescriptorKind, Detector};

use super::about::{About, Named};

/// Bytes of a feature in the catalog, whatever found it.
const FEATURE: &str = "about 18 bytes a feature in the catalog and 10 in the inverted file";
/// The same of features with shapes.
const SHAPED: &str = "about 20 bytes a feature in the catalog and 10 in the inverted file";

/// Where XFeat comes from.
const XFEAT: &str = "Potje, Cadar, Araujo, Martins & Nascimento, CVPR 2024";

pub(super) fn detectors() -> Vec<Named> {
    let told = |detector: Detector| {
        let default = detector == Detector::default();
        (detector.name().to_owned(), default, of_detector(detector))
    };
    Detector::ALL.map(told).to_vec()
}

pub(super) fn descriptors() -> Vec<Named> {
    let told = |kind: DescriptorKind| {
        let default = kind == DescriptorKind::default();
        (kind.name().to_owned(), default, of_descriptor(kind))
    };
    DescriptorKind::ALL.map(told).to_vec()
}

fn of_detector(detector: Detector) -> About {
    let (what, paper, cost, memory) = match detector {
        Detector::Dog => (
            "blobs: extrema of the difference of Gaussians",
            "Lowe, IJCV 2004",
            "the measure of the others",
            FEATURE,
        ),
        Detector::HarrisLaplace => (
            "corners of the Harris measure at extrema of the Laplacian over scale",
            "Mikolajczyk & Schmid, IJCV 2004",
            "twice dog",
            FEATURE,
        ),
        Detector::HessianLaplace => (
            "blobs: maxima of the determinant of the Hessian in place and scale",
            "Lindeberg, IJCV 1998; Mikolajczyk & Schmid, IJCV 2004",
            "3 times dog",
            FEATURE,
        ),
        Detector::HarrisAffine => (
            "Harris-Laplace, each corner with the ellipse that makes its second moments round",
            "Mikolajczyk & Schmid, IJCV 2004",
            "4 to 6 times dog",
            SHAPED,
        ),
        Detector::HessianAffine => (
            "Hessian-Laplace with such ellipses: for strong changes of view",
            "Mikolajczyk & Schmid, IJCV 2004",
            "8 to 12 times dog",
            SHAPED,
        ),
        Detector::Mser => (
            "regions that hardly grow while a threshold moves, as ellipses",
            "Matas, Chum, Urban & Pajdla, BMVC 2002; Nistér & Stewénius, ECCV 2008",
            "4 times dog",
            SHAPED,
        ),
        Detector::FastHessian => (
            "blobs by box filters on an integral image",
            "Bay, Ess, Tuytelaars & Van Gool, CVIU 2008",
            "3 times dog",
            FEATURE,
        ),
        Detector::Fast => (
            "corners of one size, by a ring of 16 pixels",
            "Rosten & Drummond, ECCV 2006",
            "twice dog",
            FEATURE,
        ),
        Detector::Orb => (
            "corners of FAST on a pyramid, ranked by Harris' measure, turned by the centroid of grey",
            "Rublee, Rabaud, Konolige & Bradski, ICCV 2011",
            "4 times dog",
            FEATURE,
        ),
        Detector::Dense => (
            "a grid of places in several sizes, upright",
            "Bosch, Zisserman & Muñoz, ICCV 2007",
            "1.5 times dog; most of it is describing",
            FEATURE,
        ),
        Detector::Xfeat => (
            "keypoints of a network, of one size and upright, described by it; needs its file (local.model)",
            XFEAT,
            "about 4 times dog, on processors",
            FEATURE,
        ),
    };
    About {
        what,
        paper,
        cost,
        memory,
    }
}

fn of_descriptor(kind: DescriptorKind) -> About {
    const BYTES: &str = "128 bytes while it is described; a word and 128 bits are kept";
    let (what, paper, cost) = match kind {
        DescriptorKind::Sift => (
            "shares of gradients in 4 x 4 cells of 8 directions",
            "Lowe, IJCV 2004",
            "as root_sift",
        ),
        DescriptorKind::RootSift => (
            "the square roots of SIFT's shares: the Euclidean distance compares as Hellinger's",
            "Arandjelović & Zisserman, CVPR 2012",
            "the measure of the others",
        ),
        DescriptorKind::Surf => (
            "sums of Haar wavelets in 4 x 4 cells, 64 numbers",
            "Bay, Ess, Tuytelaars & Van Gool, CVIU 2008",
            "of patches: more than root_sift",
        ),
        DescriptorKind::SurfExtended => (
            "the same sums apart by the sign of the other axis, 128 numbers",
            "Bay, Ess, Tuytelaars & Van Gool, CVIU 2008",
            "of patches: more than root_sift",
        ),
        DescriptorKind::Lbp => (
            "shares of uniform binary patterns in 2 x 2 cells",
            "Ojala, Pietikäinen & Mäenpää, PAMI 2002",
            "of patches: more than root_sift",
        ),
        DescriptorKind::CsLbp => (
            "shares of centre-symmetric binary patterns in 4 x 4 cells",
            "Heikkilä, Pietikäinen & Schmid, Pattern Recognition 2009",
            "of patches: more than root_sift",
        ),
        DescriptorKind::Brief => (
            "128 comparisons of blurred pixels, turned with the patch",
            "Calonder, Lepetit, Strecha & Fua, ECCV 2010; Rublee et al., ICCV 2011",
            "of patches: less than the others",
        ),
        DescriptorKind::DspSift => (
            "RootSIFT averaged over ten sizes of its window",
            "Dong & Soatto, CVPR 2015",
            "ten times root_sift",
        ),
        DescriptorKind::Xfeat => (
            "64 numbers of the network that finds the places, for those alone",
            XFEAT,
            "part of the detector",
        ),
    };
    About {
        what,
        paper,
        cost,
        memory: BYTES,
    }
}
