//! Everything between feature maps and the vector that is compared.
//!
//! For every scale of an image: pool, scale to length 1. Sum over the scales, scale to length 1, signed power, scale to
//! length 1, whiten, scale to length 1. The order is that of Radenović, Tolias & Chum (2018) for scales and whitening
//! and of Perronnin, Sánchez & Mensink (2010) for the power.

use std::sync::Arc;

use vizsla_vectors::{Projection, l2_norm, l2_normalise, power_normalise};

use super::Pooling;
use crate::error::Error;
use crate::feature_map::FeatureMap;
use crate::relevance::{Relevance, regrid};

/// Pooling, power and whitening, in this order.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolingChain {
    /// How maps become vectors.
    pub pooling: Pooling,
    /// Exponent of the signed power; 1 changes nothing.
    pub power: f32,
    /// What is applied last, if anything.
    pub whitening: Option<Arc<Projection>>,
}

/// A vector and the lengths by which it was divided on the way.
struct Trace {
    pooled: Vec<f64>,
    sum: f64,
    /// x^power at each component, divided by x; 0 where x is 0.
    gains: Vec<f64>,
    powered: f64,
    whitened: f64,
    result: Vec<f32>,
}

impl PoolingChain {
    /// The vector of an image from its maps, one for every scale. Length 1, or all zeros when nothing responds.
    ///
    /// # Errors
    /// [`Error::Length`] when pooling or whitening was learned for another number of channels or dimensions.
    pub fn describe(&self, maps: &[FeatureMap]) -> Result<Vec<f32>, Error> {
        Ok(self.trace(maps)?.result)
    }

    /// The rest of the chain for a vector that is pooled already, one for every scale.
    ///
    /// # Errors
    /// As [`PoolingChain::describe`].
    pub fn finish(&self, pooled: &[Vec<f32>]) -> Result<Vec<f32>, Error> {
        Ok(self.trace_pooled(pooled)?.result)
    }

    /// Numbers of a vector from maps of so many channels.
    pub fn dimension(&self, channels: usize) -> usize {
        match &self.whitening {
            Some(whitening) => whitening.output(),
            None => self.pooling.dimension(channels),
        }
    }

    /// Pools one map; the vector is not normalised.
    ///
    /// # Errors
    /// [`Error::Length`] when the pooling was learned for another number of channels.
    pub fn pool(&self, map: &FeatureMap) -> Result<Vec<f32>, Error> {
        match self.pooling.channels() {
            Some(channels) if channels != map.channels => Err(Error::Length {
                what: format!("a map for the pooling {}", self.pooling),
                expected: channels,
                found: map.channels,
            }),
            _ => Ok(self.pooling.pool(map)),
        }
    }

    fn trace(&self, maps: &[FeatureMap]) -> Result<Trace, Error> {
        let pooled: Result<Vec<_>, _> = maps.iter().map(|map| self.pool(map)).collect();
        self.trace_pooled(&pooled?)
    }

    fn trace_pooled(&self, pooled: &[Vec<f32>]) -> Result<Trace, Error> {
        let lengths: Vec<f64> = pooled.iter().map(|vector| l2_norm(vector)).collect();
        let dimension = pooled.first().map_or(0, Vec::len);
        let mut sum = vec![0f64; dimension];
        for (vector, &length) in pooled.iter().zip(&lengths).filter(|(_, l)| **l > 0.0) {
            for (sum, &x) in sum.iter_mut().zip(vector) {
                *sum += f64::from(x) / length;
            }
        }
        let mut vector: Vec<f32> = sum.iter().map(|&x| x as f32).collect();
        let of_sum = l2_norm(&vector);
        l2_normalise(&mut vector);
        let before = vector.clone();
        power_normalise(&mut vector, self.power);
        let gains = before
            .iter()
            .zip(&vector)
            .map(|(&x, &y)| {
                if x == 0.0 {
                    0.0
                } else {
                    f64::from(y) / f64::from(x)
                }
            })
            .collect();
        let powered = l2_norm(&vector);
        l2_normalise(&mut vector);
        let mut whitened = 1.0;
        if let Some(whitening) = &self.whitening {
            if whitening.input() != dimension {
                return Err(Error::Length {
                    what: format!("the whitening {}", whitening.id()),
                    expected: whitening.input(),
                    found: dimension,
                });
            }
            vector = whitening.apply(&vector);
            whitened = l2_norm(&vector);
            l2_normalise(&mut vector);
        }
        Ok(Trace {
            pooled: lengths,
            sum: of_sum,
            gains,
            powered,
            whitened,
            result: vector,
        })
    }

    /// Which places of two images made the inner product of their vectors; see [`Relevance`]. Each grid is that of the
    /// largest map of its image.
    ///
    /// # Errors
    /// As [`PoolingChain::describe`], and when an image has no map.
    pub fn relevance(
        &self,
        a: &[FeatureMap],
        b: &[FeatureMap],
    ) -> Result<(Relevance, Relevance), Error> {
        let (of_a, of_b) = (self.trace(a)?, self.trace(b)?);
        Ok((
            self.one_sided(a, &of_a, &of_b.result)?,
            self.one_sided(b, &of_b, &of_a.result)?,
        ))
    }

    /// The way back from the inner product with `other` to the places of an image.
    fn one_sided(
        &self,
        maps: &[FeatureMap],
        trace: &Trace,
        other: &[f32],
    ) -> Result<Relevance, Error> {
        let Some(finest) = maps.iter().max_by_key(|map| map.places()) else {
            return Err(Error::Length {
                what: "the relevance of an image".to_owned(),
                expected: 1,
                found: 0,
            });
        };
        let (height, width) = (finest.height, finest.width);
        let mut data = vec![0f64; height * width];
        let (gain, constant) = self.gain(trace, other);
        for (map, &length) in maps.iter().zip(&trace.pooled).filter(|(_, l)| **l > 0.0) {
            let gain: Vec<f32> = gain.iter().map(|g| (g / length) as f32).collect();
            let shares = self.pooling.shares(map, &gain);
            let shares = regrid(&shares, (map.height, map.width), (height, width));
            data.iter_mut().zip(shares).for_each(|(sum, x)| *sum += x);
        }
        // What the mean that whitening takes off adds belongs to no place: all get the same part of it.
        let even = constant / data.len() as f64;
        Ok(Relevance {
            height,
            width,
            data: data.into_iter().map(|x| (x + even) as f32).collect(),
            exact: self.pooling.is_linear() && self.power == 1.0,
        })
    }

    /// The inner product with `other` is gain · (sum of the pooled vectors at length 1) + constant.
    fn gain(&self, trace: &Trace, other: &[f32]) -> (Vec<f64>, f64) {
        let reciprocal = |length: f64| if length > 0.0 { 1.0 / length } else { 0.0 };
        let (mut gain, mut constant) = (other.to_vec(), 0.0);
        if let Some(whitening) = &self.whitening {
            gain = whitening.apply_transposed(other);
            let product = |(&g, &m): (&f32, &f32)| f64::from(g) * f64::from(m);
            constant = -gain.iter().zip(whitening.mean()).map(product).sum::<f64>()
                * reciprocal(trace.whitened);
        }
        let scale = reciprocal(trace.whitened) * reciprocal(trace.powered) * reciprocal(trace.sum);
        let gain = gain
            .iter()
            .zip(&trace.gains)
            .map(|(&gain, of_power)| f64::from(gain) * of_power * scale)
            .collect();
        (gain, constant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(seed: usize, height: usize, width: usize) -> FeatureMap {
        let data = (0..6 * height * width)
            .map(|i| ((i * 31 + seed * 17) % 29) as f32 / 7.0)
            .collect();
        FeatureMap::new(6, height, width, data).unwrap()
    }

    fn whitening() -> Arc<Projection> {
        let samples: Vec<f32> = (0..60)
            .map(|i| ((i * i * 13 + 5 * i) % 37) as f32)
            .collect();
        Arc::new(Projection::pca(&samples, 6, 4, true).unwrap())
    }

    #[test]
    fn relevance_sums_to_the_similarity() {
        let a = [map(1, 4, 5), map(2, 8, 10)];
        let b = [map(3, 6, 3), map(4, 12, 6)];
        for name in [
            "mac",
            "spoc",
            "spoc+centre",
            "crow",
            "r_mac:2",
            "gem:3",
            "mac|spoc",
        ] {
            for (power, whiten) in [(1.0, false), (0.5, false), (1.0, true), (0.5, true)] {
                let pooling: Pooling = name.parse().unwrap();
                let whiten = whiten && pooling.dimension(6) == 6;
                let exact = power == 1.0 && pooling.is_linear();
                let chain = PoolingChain {
                    pooling,
                    power,
                    whitening: whiten.then(whitening),
                };
                let (x, y) = (chain.describe(&a).unwrap(), chain.describe(&b).unwrap());
                let similarity: f32 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
                let (of_a, of_b) = chain.relevance(&a, &b).unwrap();
                assert_eq!((of_a.height, of_a.width, of_b.height), (8, 10, 12));
                assert_eq!(of_a.exact, exact);
                for relevance in [of_a, of_b] {
                    let sum: f32 = relevance.data.iter().sum();
                    assert!((sum - similarity).abs() < 1e-4, "{name} {sum} {similarity}");
                }
            }
        }
    }

    #[test]
    fn an_exact_share_is_what_a_place_adds() {
        // With the lengths held fixed, taking a place away takes its share away.
        let chain = PoolingChain {
            pooling: Pooling::Spoc,
            power: 1.0,
            whitening: None,
        };
        let (a, b) = ([map(1, 3, 3)], [map(5, 3, 3)]);
        let (of_a, _) = chain.relevance(&a, &b).unwrap();
        let length = l2_norm(&Pooling::Spoc.pool(&a[0])) as f32;
        let mut without = a[0].clone();
        for channel in 0..6 {
            without.data[channel * 9 + 4] = 0.0;
        }
        let other = chain.describe(&b).unwrap();
        let product = |map: &FeatureMap| -> f32 {
            let pooled = Pooling::Spoc.pool(map);
            pooled.iter().zip(&other).map(|(x, y)| x / length * y).sum()
        };
        assert!((product(&a[0]) - product(&without) - of_a.data[4]).abs() < 1e-5);
    }

    #[test]
    fn maps_without_responses_and_wrong_sizes() {
        let nothing = [FeatureMap::new(6, 2, 2, vec![0.0; 24]).unwrap()];
        let chain = PoolingChain {
            pooling: Pooling::Gem { p: 3.0 },
            power: 0.5,
            whitening: Some(whitening()),
        };
        assert!(
            chain
                .describe(&nothing)
                .unwrap()
                .iter()
                .all(|x| x.is_finite())
        );
        let other = [FeatureMap::new(5, 2, 2, vec![1.0; 20]).unwrap()];
        assert!(chain.describe(&other).is_err());
        assert!(chain.relevance(&nothing, &[]).is_err());
    }
}
