//! What is said of indexes of vectors, of fusions and of the stages of a search.

use super::about::{About, Named};
use crate::{Expansion, Fusion, IndexChoice, StageRecipe};

pub(super) fn indexes() -> Vec<Named> {
    let told = |index: IndexChoice| {
        let default = index == IndexChoice::default();
        (index.name().to_owned(), default, of_index(index))
    };
    IndexChoice::ALL.map(told).to_vec()
}

pub(super) fn fusions() -> Vec<Named> {
    let told = |fusion: Fusion| {
        let default = fusion == Fusion::default();
        (fusion.name().to_owned(), default, of_fusion(fusion))
    };
    Fusion::ALL.map(told).to_vec()
}

pub(super) fn stages() -> Vec<Named> {
    // Each of the names is a stage with its usual figures: a test of the list reads all of them.
    let told = |name: &str| {
        let stage = name.parse::<StageRecipe>().ok()?;
        Some((name.to_owned(), name == "verify", of_stage(stage)))
    };
    StageRecipe::NAMES.into_iter().filter_map(told).collect()
}

fn of_index(index: IndexChoice) -> About {
    let (what, paper, cost, memory) = match index {
        IndexChoice::Auto => (
            "every vector is compared up to 50,000, beyond that a graph of eight-bit codes is searched (HNSW16,SQ8,Refine(SQfp16))",
            "Malkov & Yashunin, PAMI 2020; Subramanya et al., NeurIPS 2019",
            "grows with the images up to 50,000, hardly beyond",
            "beyond that a byte a number and 128 bytes of edges, beside two bytes a number in the file",
        ),
        IndexChoice::Named(_) => (
            "what the name says",
            "Douze et al. 2024, The Faiss library",
            "as the name says",
            "as the name says",
        ),
        IndexChoice::Flat => (
            "every vector is compared: exact",
            "brute force",
            "grows with the images",
            "two bytes a number, in a mapped file",
        ),
        IndexChoice::KdForest => (
            "four randomised kd-trees, the nearest cells of all of them first",
            "Silpa-Anan & Hartley, CVPR 2008; Muja & Lowe, VISAPP 2009",
            "some thousand comparisons, however many images there are",
            "16 bytes a vector and the nodes beside the vectors",
        ),
        IndexChoice::SpectralHash => (
            "binary codes from waves along principal components; the nearest codes are compared exactly",
            "Weiss, Torralba & Fergus, NIPS 2008",
            "a look at 128 bits an image, some thousand comparisons",
            "16 bytes a vector beside the vectors",
        ),
        IndexChoice::Itq => (
            "binary codes from a learned rotation of principal components; the nearest codes are compared exactly",
            "Gong & Lazebnik, CVPR 2011",
            "a look at 128 bits an image, some thousand comparisons",
            "16 bytes a vector beside the vectors",
        ),
        IndexChoice::SemanticHash => (
            "binary codes from the code layer of an autoencoder that was trained on the vectors; the nearest codes are compared exactly",
            "Salakhutdinov & Hinton, SIGIR Workshop 2007; IJAR 2009",
            "a look at the bits of an image, some thousand comparisons; training takes minutes",
            "a bit for each unit of the code beside the vectors",
        ),
    };
    About {
        what,
        paper,
        cost,
        memory,
    }
}

fn of_fusion(fusion: Fusion) -> About {
    let (what, paper) = match fusion {
        Fusion::Calibrated => (
            "each channel's scores as deviations above its mean over the collection, added",
            "Stouffer 1949; Cantelli's inequality",
        ),
        Fusion::ReciprocalRank => (
            "ranks alone: sums of 1 / (60 + rank)",
            "Cormack, Clarke & Büttcher, SIGIR 2009",
        ),
        Fusion::Adaptive => (
            "the product of the scores, a channel counting more where few images stand out of it",
            "Zheng, Wang, Tian, He, Liu & Tian, CVPR 2015",
        ),
    };
    About {
        what,
        paper,
        cost: "nothing beside the channels",
        memory: "none",
    }
}

fn of_stage(stage: StageRecipe) -> About {
    let (what, paper, cost, memory) = match stage {
        StageRecipe::Verify { .. } => (
            "geometry proves or refuses the first candidates",
            "Philbin, Chum, Isard, Sivic & Zisserman, CVPR 2007; Moisan & Stival, IJCV 2004",
            "about a third of a millisecond a candidate",
            "the features in the catalog, about 18 bytes each",
        ),
        StageRecipe::Expand {
            how: Expansion::Average,
            ..
        } => (
            "the query is asked again, all that it found counting as much as itself",
            "Chum, Philbin, Sivic, Isard & Zisserman, ICCV 2007",
            "one more query of the channels",
            "none",
        ),
        StageRecipe::Expand {
            how: Expansion::Alpha(_),
            ..
        } => (
            "the query is asked again, what it found counting by a power of its similarity",
            "Radenović, Tolias & Chum, PAMI 2018",
            "one more query of the channels",
            "none",
        ),
        StageRecipe::Expand {
            how: Expansion::Regions,
            ..
        } => (
            "the query is asked again with the words of verified images within its frame",
            "Chum, Philbin, Sivic, Isard & Zisserman, ICCV 2007",
            "one more query of the words",
            "none",
        ),
        StageRecipe::Expand {
            how: Expansion::Discriminative { .. },
            ..
        } => (
            "a linear machine is trained on what was found against the end of the list, and asked",
            "Arandjelović & Zisserman, CVPR 2012",
            "one more query of the channels, and the training of the machine",
            "none",
        ),
        StageRecipe::Diffuse { .. } => (
            "similarity flows along a graph of neighbours until it settles",
            "Iscen, Tolias, Avrithis, Furon & Chum, CVPR 2017; CVPR 2018",
            "grows with the images it goes over; less where the collection keeps its graph",
            "the graph: 8 bytes for each neighbour of each image",
        ),
        StageRecipe::Rerank { .. } => (
            "the first candidates change places by the neighbours they share with the query",
            "Zhong, Zheng, Cao & Li, CVPR 2017",
            "the square of the candidates",
            "none",
        ),
        StageRecipe::Exact { .. } => (
            "the first candidates in the order of a distance that no inner product stands for",
            "Rubner, Tomasi & Guibas, IJCV 2000",
            "one exact distance for each candidate; an earth mover's takes up to milliseconds",
            "the descriptions in the catalog, two bytes a number",
        ),
        StageRecipe::Augment { .. } => (
            "each candidate is compared as the weighted sum of itself and its neighbours",
            "Turcot & Lowe, ICCV Workshops 2009; Arandjelović & Zisserman, CVPR 2012",
            "one look at the vectors for each candidate",
            "none",
        ),
    };
    About {
        what,
        paper,
        cost,
        memory,
    }
}
