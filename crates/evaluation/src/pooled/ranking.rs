//! From pooled vectors to the figures of a row.

use rayon::prelude::*;
use serde_json::json;
use vizsla_neural::{Pooling, PoolingChain};
use vizsla_vectors::{Projection, TopK, dot_f32, group_pairs, l2_normalise, widened};

use super::features::Features;
use super::settings::{PairsFrom, PooledRow, PoolingChoice, Whiten};
use crate::dataset::{Dataset, QueryCase};
use crate::error::Error;
use crate::measure::SEED;
use crate::ranked::Ranked;
use crate::run::Run;
use crate::runner::{BoxError, Options, evaluate};

/// Neighbours of which two pictures must be among each other's to make a pair.
const MINED: usize = 10;
/// Pairs of one class that each training picture makes.
const PER_PICTURE: usize = 10;
/// Exponent of the weights of neighbours when vectors are averaged (α query expansion, Radenović et al. 2018).
const ALPHA: f32 = 3.0;

/// Vectors of one pooling, one set of scales and one power; the gallery comes first.
pub(super) struct Vectors {
    rows: Vec<Vec<f32>>,
    gallery: usize,
}

impl Vectors {
    /// Pools are summed over scales and raised to the power.
    ///
    /// # Errors
    /// When a scale was not extracted.
    pub fn assemble(
        features: &Features,
        settings: &PooledRow,
        gallery: usize,
    ) -> Result<Self, Error> {
        let chain = PoolingChain {
            pooling: match &settings.pooling {
                PoolingChoice::Named(pooling) => pooling.clone(),
                _ => Pooling::Spoc,
            },
            power: settings.power,
            whitening: None,
        };
        let scales: Vec<&[Vec<f32>]> = settings
            .scales
            .iter()
            .map(|&scale| features.of(&settings.pooling, scale))
            .collect::<Result<_, Error>>()?;
        let count = scales.first().map_or(0, |vectors| vectors.len());
        let rows = (0..count)
            .into_par_iter()
            .map(|i| {
                let pooled: Vec<Vec<f32>> =
                    scales.iter().map(|vectors| vectors[i].clone()).collect();
                Ok(chain.finish(&pooled)?)
            })
            .collect::<Result<_, Error>>()?;
        Ok(Self { rows, gallery })
    }

    /// The projection of a row, with all dimensions it can have; `None` when the row has none. `classes` are those of
    /// the gallery.
    ///
    /// # Errors
    /// When it cannot be learned.
    pub fn projection(
        &self,
        settings: &PooledRow,
        classes: &[usize],
    ) -> Result<Option<Projection>, Error> {
        let dimension = self.rows.first().map_or(0, Vec::len);
        let gallery = self.rows[..self.gallery].concat();
        Ok(match settings.whiten {
            Whiten::None if settings.dimension == 0 => None,
            Whiten::None => Some(Projection::pca(&gallery, dimension, 0, false)?),
            Whiten::Pca => Some(Projection::pca(&gallery, dimension, 0, true)?),
            Whiten::Learned => {
                let pairs = match settings.pairs {
                    PairsFrom::Class => class_pairs(classes),
                    PairsFrom::Mined => self.mined_pairs(),
                };
                Some(Projection::learned(&gallery, dimension, &pairs, 0)?)
            }
        })
    }

    /// Vectors after projection and averaging.
    fn finished(&self, settings: &PooledRow, projection: Option<&Projection>) -> Vec<Vec<f32>> {
        let mut rows: Vec<Vec<f32>> = match projection {
            None => self.rows.clone(),
            Some(projection) => {
                let projection = match settings.dimension {
                    0 => projection.clone(),
                    dimension => projection.truncated(dimension),
                };
                let project = |row: &Vec<f32>| {
                    let mut row = projection.apply(row);
                    l2_normalise(&mut row);
                    row
                };
                self.rows.par_iter().map(project).collect()
            }
        };
        if settings.augment > 0 {
            let (gallery, _) = rows.split_at(self.gallery);
            let averaged = averaged(gallery, gallery, settings.augment);
            rows.splice(..self.gallery, averaged);
        }
        if settings.expand > 0 {
            let (gallery, queries) = rows.split_at(self.gallery);
            let averaged = averaged(queries, gallery, settings.expand);
            rows.splice(self.gallery.., averaged);
        }
        rows
    }

    /// Ranks the whole gallery for every query by cosine, and judges.
    ///
    /// # Errors
    /// When the evaluation fails.
    pub fn judge(
        &self,
        dataset: &Dataset,
        settings: &PooledRow,
        projection: Option<&Projection>,
    ) -> Result<Run, Error> {
        let rows = self.finished(settings, projection);
        let (gallery, queries) = rows.split_at(self.gallery);
        let mut queries = queries.iter();
        let options = Options {
            configuration: json!({
                "row": settings.json(),
                "threads": rayon::current_num_threads(),
            }),
            seed: SEED,
            bytes_per_image: Some(4.0 * rows.first().map_or(0, Vec::len) as f64),
            ..Options::default()
        };
        let mut ask = |_: &QueryCase| -> Result<Vec<Ranked>, BoxError> {
            let query = queries.next().ok_or("more queries than vectors")?;
            Ok(ranked(query, gallery))
        };
        evaluate(dataset, &mut ask, &options)
    }

    /// Pairs of gallery pictures each of which is among the nearest of the other.
    fn mined_pairs(&self) -> Vec<(u32, u32)> {
        let gallery = &self.rows[..self.gallery];
        let near: Vec<Vec<usize>> = gallery
            .par_iter()
            .enumerate()
            .map(|(i, row)| {
                let near = nearest(row, gallery, MINED + 1).into_iter().map(|(_, j)| j);
                near.filter(|&j| j != i).collect()
            })
            .collect();
        let mut pairs = Vec::new();
        for (i, of_i) in near.iter().enumerate() {
            for &j in of_i.iter().filter(|&&j| j > i && near[j].contains(&i)) {
                pairs.push((i as u32, j as u32));
            }
        }
        pairs
    }
}

/// For every picture those some places further on among the pictures of its class, the places growing by squares.
fn class_pairs(classes: &[usize]) -> Vec<(u32, u32)> {
    let count = classes.iter().max().map_or(0, |most| most + 1);
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); count];
    for (picture, &class) in classes.iter().enumerate() {
        members[class].push(picture as u32);
    }
    let ahead: Vec<usize> = (1..=PER_PICTURE).map(|step| step * step).collect();
    group_pairs(members.iter().map(Vec::as_slice), &ahead)
}

fn nearest(row: &[f32], gallery: &[Vec<f32>], count: usize) -> Vec<(f32, usize)> {
    let mut top = TopK::new(count);
    for (i, other) in gallery.iter().enumerate() {
        top.push(dot_f32(row, other), i as i64);
    }
    let found = top.into_sorted().into_iter();
    found.map(|(score, i)| (score, i as usize)).collect()
}

fn ranked(query: &[f32], gallery: &[Vec<f32>]) -> Vec<Ranked> {
    let found = nearest(query, gallery, gallery.len()).into_iter();
    found
        .map(|(score, gallery)| Ranked {
            gallery,
            score: f64::from(score),
            matched: false,
            log10_nfa: None,
        })
        .collect()
}

/// Each row plus its nearest of the gallery, weighted by a power of their similarity. A row of the gallery is its own
/// nearest.
fn averaged(rows: &[Vec<f32>], gallery: &[Vec<f32>], count: usize) -> Vec<Vec<f32>> {
    rows.par_iter()
        .map(|row| {
            let near = nearest(row, gallery, count).into_iter();
            widened(row, near.map(|(score, i)| (score, &gallery[i][..])), ALPHA)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_stay_within_their_class() {
        let classes = [0, 1, 0, 1, 1, 2];
        let pairs = class_pairs(&classes);
        assert!(!pairs.is_empty());
        for (a, b) in pairs {
            assert_ne!(a, b);
            assert_eq!(classes[a as usize], classes[b as usize]);
        }
    }

    #[test]
    fn averaging_moves_towards_neighbours() {
        let gallery = [vec![1.0, 0.0], vec![0.0, 1.0]];
        let moved = averaged(&[vec![0.8, 0.6]], &gallery, 1);
        assert!(moved[0][0] > 0.8 && (moved[0][0].hypot(moved[0][1]) - 1.0).abs() < 1e-6);
    }
}
