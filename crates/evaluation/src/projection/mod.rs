//! Vectors laid out on a plane, so that a person can see what a descriptor finds alike.
//!
//! Three methods, from what is exact to what is readable:
//!
//! * principal components (Pearson 1901): linear, distances mean something, clusters overlap;
//! * t-SNE (van der Maaten & Hinton 2008; Barnes-Hut tree, van der Maaten 2014): keeps neighbourhoods, distances
//!   between clusters mean little;
//! * UMAP (McInnes, Healy & Melville 2018): the same idea, faster, more of the large structure.
//!
//! The latter two start from the principal components, which keeps the large structure and makes results comparable
//! (Kobak & Linderman 2021), and take exact nearest neighbours. The same vectors and seed give the same bytes.
//! [`trustworthiness`] says how far the neighbours on the plane are neighbours in truth.

mod neighbours;
mod trust;
mod tsne;
mod umap;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use vizsla_retrieval::Reporter;
use vizsla_vectors::Projection;

pub use trust::trustworthiness;

use crate::error::Error;

/// How vectors are laid out on a plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MapMethod {
    /// The two principal components.
    Pca,
    /// t-SNE with a perplexity of 30, or a third of the other vectors where they are few.
    Tsne,
    /// UMAP with 15 neighbours and a minimum distance of 0.1.
    Umap,
}

impl MapMethod {
    /// All methods.
    pub const ALL: [Self; 3] = [Self::Pca, Self::Tsne, Self::Umap];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pca => "pca",
            Self::Tsne => "tsne",
            Self::Umap => "umap",
        }
    }

    /// Fewest vectors it can lay out.
    fn fewest(self) -> usize {
        match self {
            Self::Pca => 2,
            Self::Tsne | Self::Umap => 10,
        }
    }
}

impl fmt::Display for MapMethod {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for MapMethod {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let method = Self::ALL.into_iter().find(|method| method.name() == name);
        method.ok_or_else(|| {
            Error::Layout(format!(
                "there is no method {name}; there are pca, tsne and umap"
            ))
        })
    }
}

/// A point of the plane for each row of `samples` (rows of `dimension` numbers). Neighbourhoods are Euclidean, so
/// vectors that are compared by the cosine should have length 1. UMAP stops early when the reporter says so, with the
/// plane as it is then.
///
/// # Errors
/// The samples are not whole rows of finite numbers, are too few for the method, or are all the same.
pub fn project(
    samples: &[f32],
    dimension: usize,
    method: MapMethod,
    seed: u64,
    reporter: &dyn Reporter,
) -> Result<Vec<[f32; 2]>, Error> {
    let count = samples.len() / dimension.max(1);
    if count < method.fewest() {
        return Err(Error::Layout(format!(
            "{method} needs {} images at least, there are {count}",
            method.fewest()
        )));
    }
    let plane = principal_plane(samples, dimension)?;
    match method {
        MapMethod::Pca => Ok(plane),
        MapMethod::Tsne => tsne::layout(samples, dimension, &plane, reporter),
        MapMethod::Umap => Ok(umap::layout(samples, dimension, &plane, seed, reporter)),
    }
}

/// The first two principal components; vectors on one line have 0 for the second.
fn principal_plane(samples: &[f32], dimension: usize) -> Result<Vec<[f32; 2]>, Error> {
    let components = dimension.min(2);
    let projection = Projection::pca(samples, dimension, components, false)?;
    Ok(samples
        .chunks_exact(dimension)
        .map(|row| {
            let point = projection.apply(row);
            [
                point.first().copied().unwrap_or(0.0),
                point.get(1).copied().unwrap_or(0.0),
            ]
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use vizsla_retrieval::Silent;

    use super::*;

    const DIMENSION: usize = 12;

    /// Rows around a centre for each class, the classes one after the other.
    fn clusters(classes: usize, each: usize) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut samples = Vec::new();
        for class in 0..classes {
            for _ in 0..each {
                samples.extend((0..DIMENSION).map(|d| {
                    let centre = if d == class { 8.0 } else { 0.0 };
                    centre + rng.random_range(-1.0..1.0f32)
                }));
            }
        }
        samples
    }

    /// Share of rows whose nearest neighbour on the plane is of the same class.
    fn purity(plane: &[[f32; 2]], each: usize) -> f64 {
        let distance = |a: usize, b: usize| {
            (plane[a][0] - plane[b][0]).powi(2) + (plane[a][1] - plane[b][1]).powi(2)
        };
        let right = (0..plane.len()).filter(|&i| {
            let others = (0..plane.len()).filter(|&j| j != i);
            let nearest = others.min_by(|&a, &b| distance(i, a).total_cmp(&distance(i, b)));
            nearest.expect("others") / each == i / each
        });
        right.count() as f64 / plane.len() as f64
    }

    #[test]
    fn clusters_stay_together_and_every_run_gives_the_same_bytes() {
        let samples = clusters(5, 30);
        for method in MapMethod::ALL {
            let run = || project(&samples, DIMENSION, method, 7, &Silent).expect("enough rows");
            let plane = run();
            assert_eq!(plane, run(), "{method}");
            assert!(plane.iter().flatten().all(|v| v.is_finite()));
            let (least, found) = (
                if method == MapMethod::Pca { 0.3 } else { 0.95 },
                purity(&plane, 30),
            );
            assert!(found >= least, "{method}: {found}");
        }
    }

    #[test]
    fn umap_depends_on_the_seed_and_copies_do_no_harm() {
        let mut samples = clusters(2, 10);
        samples.extend_from_within(..4 * DIMENSION);
        let run = |seed| project(&samples, DIMENSION, MapMethod::Umap, seed, &Silent);
        assert_ne!(run(1).expect("enough rows"), run(2).expect("enough rows"));
        let tsne = project(&samples, DIMENSION, MapMethod::Tsne, 1, &Silent).expect("enough rows");
        assert!(tsne.iter().flatten().all(|v| v.is_finite()));
    }

    #[test]
    fn what_cannot_be_laid_out_is_said() {
        let few = project(&[1.0; 30], 10, MapMethod::Tsne, 1, &Silent).expect_err("three rows");
        assert!(few.to_string().contains("10 images at least"), "{few}");
        assert!(project(&[1.0; 300], 10, MapMethod::Pca, 1, &Silent).is_err());
        assert!(project(&[f32::NAN; 300], 10, MapMethod::Umap, 1, &Silent).is_err());
        let name = "isomap".parse::<MapMethod>().expect_err("no such method");
        assert!(name.to_string().contains("pca, tsne and umap"), "{name}");
        assert_eq!(
            "umap".parse::<MapMethod>().expect("a method"),
            MapMethod::Umap
        );
    }
}
