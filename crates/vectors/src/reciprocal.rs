//! Re-ranking by k-reciprocal neighbours (Zhong, Zheng, Cao & Li 2017).
//!
//! Two images that are both among the nearest of the other are more likely of one object than two that are near one way. Each item
//! of a shortlist, the query with it, is described by its reciprocal neighbours: a vector with a Gaussian weight for each.
//! Items whose vectors have much in common, by the Jaccard distance for such vectors, come nearer. Checked against NumPy, see
//! `tests/reference/ranking.py`.
//!
//! The original distance is the squared Euclidean one of vectors of length 1. It and the Jaccard distance are mixed, so both must be of one
//! size: distances from an item are divided by the greatest of them, in the Gaussians as well.

use rayon::prelude::*;

use crate::{Error, dot_f32, l2_normalise};

/// Most items of a shortlist: memory and time grow with their square.
const MOST_ROWS: usize = 10_000;

/// Sizes of the neighbourhoods, and how the two distances are mixed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReciprocalConfig {
    /// Neighbours among which reciprocal ones are looked for.
    pub k1: usize,
    /// Neighbours, the item itself among them, whose vectors are averaged (local query expansion); 1 leaves that out.
    pub k2: usize,
    /// Weight λ, 0 to 1, of the original distance; that of the Jaccard distance is 1 − λ.
    pub lambda: f64,
}

impl Default for ReciprocalConfig {
    /// As published.
    fn default() -> Self {
        Self {
            k1: 20,
            k2: 6,
            lambda: 0.3,
        }
    }
}

/// An item of the shortlist described by others: number and weight, numbers ascending.
type Sparse = Vec<(u32, f32)>;

/// Distances and order of all items, the query first.
struct Shortlist {
    count: usize,
    /// From each item to each, 0 to 1.
    distances: Vec<f32>,
    /// Of each item all items by their distance, itself first, equal ones by their number.
    orders: Vec<Vec<u32>>,
}

/// The distance of each row from the query, 0 to 1, by their k-reciprocal neighbours among all rows and the query.
///
/// `query` has as many numbers as each row of `rows`; all are compared at length 1. Where there are fewer items than neighbours
/// asked for, all are neighbours. Equal vectors are at an original distance of 0; a vector of length 0 is as far from each other one.
///
/// # Errors
/// k1 or k2 is 0, λ is outside 0 to 1, the numbers are not whole rows, there are more than 10,000, or one is not finite.
pub fn reciprocal_distances(
    query: &[f32],
    rows: &[f32],
    config: &ReciprocalConfig,
) -> Result<Vec<f32>, Error> {
    check(query, rows, config)?;
    let shortlist = Shortlist::of(query, rows);
    let items = 0..shortlist.count as u32;
    let described: Vec<Sparse> = items
        .into_par_iter()
        .map(|item| shortlist.described(item, config.k1))
        .collect();
    let expanded: Vec<Sparse> = shortlist
        .orders
        .par_iter()
        .map(|order| averaged(&described, &order[..config.k2.min(order.len())]))
        .collect();
    let Some((of_query, others)) = expanded.split_first() else {
        return Ok(Vec::new());
    };
    let original = &shortlist.distances[1..shortlist.count];
    let mixed = others.iter().zip(original).map(|(other, &original)| {
        let jaccard = jaccard_distance(of_query, other);
        ((1.0 - config.lambda) * jaccard + config.lambda * f64::from(original)) as f32
    });
    Ok(mixed.collect())
}

fn check(query: &[f32], rows: &[f32], config: &ReciprocalConfig) -> Result<(), Error> {
    for (what, found) in [
        ("the number k1 of reciprocal neighbours", config.k1),
        ("the number k2 of averaged neighbours", config.k2),
    ] {
        if found == 0 {
            return Err(Error::OutOfRange {
                what,
                found,
                least: 1,
                most: usize::MAX,
            });
        }
    }
    if !(0.0..=1.0).contains(&config.lambda) {
        return Err(Error::Figure {
            what: "the weight λ of the original distance",
            found: config.lambda,
            allowed: "0 to 1",
        });
    }
    let dimension = query.len();
    if dimension == 0 || !rows.len().is_multiple_of(dimension) {
        return Err(Error::Shape {
            numbers: rows.len(),
            dimension,
        });
    }
    if rows.len() / dimension > MOST_ROWS {
        return Err(Error::OutOfRange {
            what: "the number of vectors to re-rank",
            found: rows.len() / dimension,
            least: 0,
            most: MOST_ROWS,
        });
    }
    match query.iter().chain(rows).position(|x| !x.is_finite()) {
        Some(at) => Err(Error::NotFinite {
            row: (at / dimension).saturating_sub(1),
        }),
        None => Ok(()),
    }
}

impl Shortlist {
    fn of(query: &[f32], rows: &[f32]) -> Self {
        let mut all = [query, rows].concat();
        let dimension = query.len();
        all.chunks_exact_mut(dimension).for_each(l2_normalise);
        let count = all.len() / dimension;
        // Equal vectors are not far from each other by their rounding.
        let rounding = 2.0 * (dimension as f32 + 32.0) * f32::EPSILON;
        let mut distances = vec![0f32; count * count];
        let lines = distances.par_chunks_exact_mut(count).enumerate();
        lines.for_each(|(item, line)| {
            let own = &all[item * dimension..][..dimension];
            for (other, (distance, row)) in
                line.iter_mut().zip(all.chunks_exact(dimension)).enumerate()
            {
                let squared = 2.0 - 2.0 * dot_f32(own, row);
                let apart = other != item && squared > rounding;
                *distance = if apart { squared } else { 0.0 };
            }
            let most = line.iter().copied().fold(0.0, f32::max);
            if most > 0.0 {
                line.iter_mut().for_each(|distance| *distance /= most);
            }
        });
        let order = |(item, line): (usize, &[f32])| {
            let mut order: Vec<u32> = (0..count as u32).collect();
            order.sort_unstable_by(|&a, &b| {
                let (near, far) = (line[a as usize], line[b as usize]);
                let itself = |other: u32| other as usize != item;
                itself(a)
                    .cmp(&itself(b))
                    .then(near.total_cmp(&far))
                    .then(a.cmp(&b))
            });
            order
        };
        let orders = distances.par_chunks_exact(count).enumerate().map(order);
        Self {
            count,
            orders: orders.collect(),
            distances,
        }
    }

    /// The `k` nearest of an item, and itself.
    fn near(&self, item: u32, k: usize) -> &[u32] {
        let order = &self.orders[item as usize];
        &order[..order.len().min(k.saturating_add(1))]
    }

    /// Those near an item that it is near to as well, itself among them; ascending.
    fn reciprocal(&self, item: u32, k: usize) -> Vec<u32> {
        let near = self.near(item, k).iter().copied();
        let mut both: Vec<u32> = near
            .filter(|&other| self.near(other, k).contains(&item))
            .collect();
        both.sort_unstable();
        both
    }

    /// The reciprocal neighbours of an item, joined by the half as many of each of them that has two thirds of those in common with
    /// the item, and the weight of each.
    fn described(&self, item: u32, k: usize) -> Sparse {
        let own = self.reciprocal(item, k);
        let mut all = own.clone();
        for &other in &own {
            let half = self.reciprocal(other, k.div_ceil(2));
            let common = half.iter().filter(|&near| own.binary_search(near).is_ok());
            if 3 * common.count() >= 2 * half.len() {
                all.extend(half);
            }
        }
        all.sort_unstable();
        all.dedup();
        let line = &self.distances[item as usize * self.count..][..self.count];
        let weigh = |other: u32| (other, (-f64::from(line[other as usize])).exp() as f32);
        all.into_iter().map(weigh).collect()
    }
}

/// The mean of some of the vectors.
fn averaged(vectors: &[Sparse], of: &[u32]) -> Sparse {
    let of: Vec<&Sparse> = of.iter().map(|&item| &vectors[item as usize]).collect();
    if let [one] = of[..] {
        return one.clone();
    }
    let share = 1.0 / of.len().max(1) as f32;
    let mut all: Vec<(u32, f32)> = of.into_iter().flatten().copied().collect();
    // Stable, so that sums are taken in the order of the neighbours.
    all.sort_by_key(|&(item, _)| item);
    let mut mean: Sparse = Vec::new();
    for (item, weight) in all {
        match mean.last_mut() {
            Some(last) if last.0 == item => last.1 += share * weight,
            _ => mean.push((item, share * weight)),
        }
    }
    mean
}

/// One minus the sum of the lesser weights over that of the greater ones; 1 of two empty vectors.
fn jaccard_distance(a: &Sparse, b: &Sparse) -> f64 {
    let sum = |vector: &Sparse| {
        vector
            .iter()
            .map(|&(_, weight)| f64::from(weight))
            .sum::<f64>()
    };
    let mut lesser = 0.0;
    let mut others = b.iter().peekable();
    for &(item, weight) in a {
        while others.next_if(|(other, _)| *other < item).is_some() {}
        if let Some(&(_, other)) = others.next_if(|(other, _)| *other == item) {
            lesser += f64::from(weight.min(other));
        }
    }
    let greater = sum(a) + sum(b) - lesser;
    match greater > 0.0 {
        true => (1.0 - lesser / greater).clamp(0.0, 1.0),
        false => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn distances(query: &[f32], rows: &[f32], k1: usize, k2: usize, lambda: f64) -> Vec<f32> {
        let config = ReciprocalConfig { k1, k2, lambda };
        reciprocal_distances(query, rows, &config).unwrap()
    }

    #[test]
    fn what_shares_neighbours_comes_before_what_is_only_near() {
        // A chain that leads away from the query on one side; one that is nearer alone on the other, in a crowd of its own.
        let at = |degrees: f64| {
            [
                degrees.to_radians().cos() as f32,
                degrees.to_radians().sin() as f32,
            ]
        };
        let degrees = [
            4.0, 8.0, 12.0, 16.0, -14.0, -14.5, -15.0, -15.5, -16.0, -16.5, 90.0,
        ];
        let rows: Vec<f32> = degrees.iter().flat_map(|&d| at(d)).collect();
        let plain = distances(&at(0.0), &rows, 4, 1, 1.0);
        assert!(plain[4] < plain[3]);
        let found = distances(&at(0.0), &rows, 4, 2, 0.3);
        assert!(found[3] < found[4], "{found:?}");
        assert!(found.iter().all(|d| (0.0..=1.0).contains(d)));
    }

    #[test]
    fn few_equal_and_empty_vectors_have_distances() {
        let usual = ReciprocalConfig::default();
        assert!(
            reciprocal_distances(&[1.0, 0.0], &[], &usual)
                .unwrap()
                .is_empty()
        );
        let same = reciprocal_distances(&[1.0, 0.0], &[2.0, 0.0, 3.0, 0.0], &usual).unwrap();
        assert_eq!(same, [0.0, 0.0]);
        let one = reciprocal_distances(&[1.0, 0.0], &[0.0, 1.0], &usual).unwrap();
        assert!((0.0..=1.0).contains(&one[0]));
        let none = reciprocal_distances(&[0.0; 2], &[0.0, 0.0, 1.0, 0.0], &usual).unwrap();
        assert!(none.iter().all(|d| d.is_finite()));
        let mut random = Random::new(2);
        let rows: Vec<f32> = (0..50 * 8).map(|_| random.unit() as f32 - 0.5).collect();
        for (k1, k2) in [(1, 1), (1, 60), (usize::MAX, usize::MAX), (3, 2)] {
            for lambda in [0.0, 0.5, 1.0] {
                let found = distances(&rows[..8], &rows, k1, k2, lambda);
                assert!(
                    found.iter().all(|d| (-1e-6..=1.000001).contains(d)),
                    "{found:?}"
                );
                let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build();
                let again = pool
                    .unwrap()
                    .install(|| distances(&rows[..8], &rows, k1, k2, lambda));
                assert_eq!(found, again);
            }
        }
    }

    #[test]
    fn figures_that_cannot_be_are_refused() {
        let refused = |k1, k2, lambda| {
            let config = ReciprocalConfig { k1, k2, lambda };
            reciprocal_distances(&[1.0], &[1.0], &config).is_err()
        };
        assert!(refused(0, 1, 0.5) && refused(1, 0, 0.5));
        assert!(refused(1, 1, 1.5) && refused(1, 1, f64::NAN));
        let usual = ReciprocalConfig::default();
        assert!(reciprocal_distances(&[], &[1.0], &usual).is_err());
        assert!(reciprocal_distances(&[1.0, 1.0], &[1.0], &usual).is_err());
        let bad = reciprocal_distances(&[1.0], &[1.0, f32::NAN], &usual);
        assert!(matches!(bad, Err(Error::NotFinite { row: 1 })));
        assert!(reciprocal_distances(&[1.0], &[0.5; MOST_ROWS + 1], &usual).is_err());
    }
}
