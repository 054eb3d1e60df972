//! Images of several vectors, such as regions: what their vectors were given becomes one number for the image.
//!
//! For diffusion on region manifolds (Iscen et al. 2017): nodes of the graph are regions, and the query's regions begin together
//! ([`Diffusion::spread`](crate::Diffusion::spread) adds up what they give). Regions that are like others of their image count less by
//! generalised max pooling (Murray & Perronnin 2014), in its form for similarities: weights w = (K + λI)⁻¹ 1, with the
//! inner products K between the regions of an image.

use std::fmt;
use std::str::FromStr;

use faer::Side;
use faer::prelude::Solve;

use crate::{Error, dot_f32};

/// Most regions of one image.
const MOST_REGIONS: usize = 4096;

/// How the numbers of an image's regions become one.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum RegionPooling {
    /// Their sum.
    #[default]
    Sum,
    /// Their sum, each weighted so that regions that are alike count together about once: `gmp:LAMBDA`, the regularisation above 0;
    /// the greater, the nearer to the plain sum.
    Generalised(f32),
}

impl RegionPooling {
    /// What there is, for messages.
    pub const KNOWN: &'static str = "sum, gmp:LAMBDA (as in gmp:1)";
}

impl fmt::Display for RegionPooling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sum => f.pad("sum"),
            Self::Generalised(lambda) => write!(f, "gmp:{lambda}"),
        }
    }
}

impl FromStr for RegionPooling {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lambda = match text {
            "sum" => return Ok(Self::Sum),
            "gmp" => Some(1.0),
            _ => text.strip_prefix("gmp:").and_then(|rest| rest.parse().ok()),
        };
        match lambda.filter(|&lambda: &f32| is_lambda(lambda)) {
            Some(lambda) => Ok(Self::Generalised(lambda)),
            None => Err(format!(
                "there is no pooling `{text}` of regions; there are {}",
                Self::KNOWN
            )),
        }
    }
}

fn is_lambda(lambda: f32) -> bool {
    lambda >= 1e-6 && lambda.is_finite()
}

/// Which regions are of which image, and what each counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Regions {
    /// Regions of each image, which stand side by side.
    counts: Vec<usize>,
    /// Weight of each region.
    weights: Vec<f32>,
}

impl Regions {
    /// Images whose regions follow each other in the order of the images: `counts[i]` rows of `dimension` numbers belong to image
    /// *i*, none where it has no region. Vectors are of length 1 or 0.
    ///
    /// # Errors
    /// `rows` are not as many rows as the counts say, one is not finite, an image has more than 4,096 regions, or λ is below
    /// 10⁻⁶.
    pub fn new(
        counts: &[usize],
        rows: &[f32],
        dimension: usize,
        pooling: RegionPooling,
    ) -> Result<Self, Error> {
        let most = counts.iter().copied().max().unwrap_or(0);
        if most > MOST_REGIONS {
            return Err(Error::OutOfRange {
                what: "the number of regions of an image",
                found: most,
                least: 0,
                most: MOST_REGIONS,
            });
        }
        let all: usize = counts.iter().sum();
        if dimension == 0 || all.checked_mul(dimension) != Some(rows.len()) {
            let numbers = rows.len();
            return Err(Error::Shape { numbers, dimension });
        }
        if let Some(at) = rows.iter().position(|x| !x.is_finite()) {
            let row = at / dimension;
            return Err(Error::NotFinite { row });
        }
        let weights = match pooling {
            RegionPooling::Sum => vec![1.0; all],
            RegionPooling::Generalised(lambda) => generalised(counts, rows, dimension, lambda)?,
        };
        Ok(Self {
            counts: counts.to_vec(),
            weights,
        })
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// One number for each image from one for each region, such as a diffusion gives; 0 for images without regions.
    ///
    /// # Errors
    /// There are not as many numbers as regions.
    pub fn pool(&self, values: &[f32]) -> Result<Vec<f32>, Error> {
        if values.len() != self.weights.len() {
            return Err(Error::Shape {
                numbers: values.len(),
                dimension: self.weights.len(),
            });
        }
        let mut weighted = values.iter().zip(&self.weights);
        let pooled = self.counts.iter().map(|&count| {
            let regions = weighted.by_ref().take(count);
            let sum: f64 = regions
                .map(|(&value, &weight)| f64::from(value) * f64::from(weight))
                .sum();
            sum as f32
        });
        Ok(pooled.collect())
    }
}

/// The weights of generalised max pooling, image by image.
fn generalised(
    counts: &[usize],
    rows: &[f32],
    dimension: usize,
    lambda: f32,
) -> Result<Vec<f32>, Error> {
    if !is_lambda(lambda) {
        return Err(Error::Figure {
            what: "the regularisation λ of generalised max pooling",
            found: f64::from(lambda),
            allowed: "0.000001 and more",
        });
    }
    let mut weights = Vec::with_capacity(rows.len() / dimension);
    let mut rest = rows;
    for &count in counts {
        let (regions, behind) = rest.split_at(count * dimension);
        rest = behind;
        let region = |i: usize| &regions[i * dimension..][..dimension];
        let kernel = faer::Mat::<f64>::from_fn(count, count, |i, j| {
            let product = f64::from(dot_f32(region(i), region(j)));
            product + if i == j { f64::from(lambda) } else { 0.0 }
        });
        let factor = kernel.llt(Side::Lower).map_err(|_| Error::Decomposition)?;
        let solved = factor.solve(faer::Col::<f64>::ones(count));
        weights.extend(solved.iter().map(|&weight| weight as f32));
    }
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for text in ["sum", "gmp:1", "gmp:0.25"] {
            assert_eq!(text.parse::<RegionPooling>().unwrap().to_string(), text);
        }
        for text in ["", "max", "gmp:0", "gmp:x", "gmp:NaN", "gmp:inf"] {
            let error = text.parse::<RegionPooling>().unwrap_err();
            assert!(error.contains("gmp:LAMBDA"), "{error}");
        }
    }

    #[test]
    fn regions_that_are_alike_count_about_once() {
        // Three times the same region and one of its own; an image without regions; an image with one.
        let rows = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.6, 0.8];
        let pooled = |pooling| {
            let regions = Regions::new(&[4, 0, 1], &rows, 2, pooling).unwrap();
            assert_eq!((regions.len(), regions.is_empty()), (3, false));
            assert!(regions.pool(&[1.0]).is_err());
            regions.pool(&[1.0, 1.0, 1.0, 0.5, 2.0]).unwrap()
        };
        assert_eq!(pooled(RegionPooling::Sum), [3.5, 0.0, 2.0]);
        let once = pooled(RegionPooling::Generalised(1e-3));
        assert!(
            (once[0] - 1.5).abs() < 2e-3 && (once[2] - 2.0).abs() < 3e-3,
            "{once:?}"
        );
        // The closed form for λ = 1: 1/(3 + 1) for each of the three, 1/2 for the other.
        let one = pooled(RegionPooling::Generalised(1.0));
        assert!((one[0] - (0.75 + 0.25)).abs() < 1e-6 && (one[2] - 1.0).abs() < 1e-6);
    }

    #[test]
    fn bad_regions_are_refused() {
        let new = |counts: &[usize], rows: &[f32], dimension| {
            Regions::new(counts, rows, dimension, RegionPooling::Generalised(1.0))
        };
        assert!(new(&[2], &[1.0], 1).is_err() && new(&[1], &[1.0], 0).is_err());
        assert!(matches!(
            new(&[1, 1], &[1.0, f32::NAN], 1),
            Err(Error::NotFinite { row: 1 })
        ));
        assert!(new(&[5000], &[0.0; 5000], 1).is_err());
        assert!(new(&[], &[], 3).unwrap().is_empty());
        let zeros = new(&[2], &[0.0; 4], 2).unwrap();
        assert_eq!(zeros.pool(&[1.0, 1.0]).unwrap(), [2.0]);
        assert!(Regions::new(&[1], &[1.0], 1, RegionPooling::Generalised(0.0)).is_err());
    }
}
