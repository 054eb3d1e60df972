//! UMAP (McInnes, Healy & Melville 2018), for Euclidean distances and two dimensions.
//!
//! Written here because the layouts at hand draw from the thread's random generator or let threads race, and a map
//! that changes with every run cannot be compared. The graph equals that of `umap-learn` 0.5 on the same neighbours,
//! and maps are as trustworthy (`tests/reference/projection.json`).

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vizsla_retrieval::Reporter;

use super::neighbours::{Near, nearest};

/// Neighbours of a point, itself included.
const NEIGHBOURS: usize = 15;
/// Of 1 / (1 + a d²ᵇ), fitted to a minimum distance of 0.1 and a spread of 1.
const A: f32 = 1.576_943_5;
const B: f32 = 0.895_060_9;
/// Points pushed away for each one pulled near.
const NEGATIVES: f64 = 5.0;
/// Steps are at most so long in each direction.
const LONGEST: f32 = 4.0;
/// The start fills a square of this side.
const SIDE: f32 = 10.0;

pub(super) fn layout(
    samples: &[f32],
    dimension: usize,
    plane: &[[f32; 2]],
    seed: u64,
    reporter: &dyn Reporter,
) -> Vec<[f32; 2]> {
    let k = NEIGHBOURS.min(plane.len()) - 1;
    let edges = fuzzy_union(&memberships(&nearest(samples, dimension, k)));
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut points = start(plane, &mut rng);
    let epochs = if plane.len() <= 10_000 { 500 } else { 200 };
    let mut schedule = Schedule::of(&edges, epochs);
    reporter.begin("UMAP", epochs as u64);
    for epoch in 0..epochs {
        if reporter.cancelled() {
            break;
        }
        let rate = 1.0 - epoch as f32 / epochs as f32;
        schedule.pass(epoch, rate, &mut points, &mut rng);
        reporter.advance(1);
    }
    reporter.end();
    points
}

/// How far one point belongs to the neighbourhood of another, 0..=1.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Edge {
    from: u32,
    to: u32,
    weight: f32,
}

/// exp(−(d − ρ)/σ): ρ is the distance of the nearest neighbour that is not a copy, σ makes the sum log₂ of the number
/// of neighbours.
fn memberships(neighbours: &[Vec<Near>]) -> Vec<Edge> {
    let of = |row: &[Near]| row.iter().map(|n| f64::from(n.distance)).sum::<f64>();
    let points = |row: &[Near]| row.len() as f64 + 1.0;
    let all = neighbours
        .iter()
        .map(|row| of(row) / points(row))
        .sum::<f64>();
    let mean_of_all = all / neighbours.len() as f64;
    let mut edges = Vec::new();
    for (from, row) in neighbours.iter().enumerate() {
        let nearest = row.iter().find(|n| n.distance > 0.0);
        let rho = nearest.map_or(0.0, |n| f64::from(n.distance));
        let mean = if rho > 0.0 {
            of(row) / points(row)
        } else {
            mean_of_all
        };
        let sigma = width(row, rho).max(1e-3 * mean);
        edges.extend(row.iter().map(|near| {
            let beyond = f64::from(near.distance) - rho;
            let weight = if beyond <= 0.0 || sigma == 0.0 {
                1.0
            } else {
                (-beyond / sigma).exp()
            };
            Edge {
                from: from as u32,
                to: near.row,
                weight: weight as f32,
            }
        }));
    }
    edges
}

/// σ by bisection.
fn width(row: &[Near], rho: f64) -> f64 {
    let target = (row.len() as f64 + 1.0).log2();
    let (mut low, mut high, mut sigma) = (0.0, f64::INFINITY, 1.0);
    for _ in 0..64 {
        let sum: f64 = row
            .iter()
            .map(|near| f64::from(near.distance) - rho)
            .map(|beyond| {
                if beyond > 0.0 {
                    (-beyond / sigma).exp()
                } else {
                    1.0
                }
            })
            .sum();
        if (sum - target).abs() < 1e-5 {
            break;
        }
        if sum > target {
            high = sigma;
            sigma = (low + high) / 2.0;
        } else {
            low = sigma;
            sigma = if high.is_infinite() {
                2.0 * sigma
            } else {
                (low + high) / 2.0
            };
        }
    }
    sigma
}

/// w + w′ − w w′ of both directions, as edges in both directions, by (from, to).
fn fuzzy_union(directed: &[Edge]) -> Vec<Edge> {
    let turned = directed.iter().map(|edge| Edge {
        from: edge.to,
        to: edge.from,
        weight: edge.weight,
    });
    let mut both: Vec<Edge> = directed.iter().copied().chain(turned).collect();
    both.sort_by_key(|edge| (edge.from, edge.to));
    both.chunk_by(|a, b| (a.from, a.to) == (b.from, b.to))
        .map(|same| Edge {
            weight: 1.0 - same.iter().map(|edge| 1.0 - edge.weight).product::<f32>(),
            ..same[0]
        })
        .collect()
}

/// The plane stretched to a square, every point moved a little so that copies can part.
fn start(plane: &[[f32; 2]], rng: &mut ChaCha8Rng) -> Vec<[f32; 2]> {
    let range = [0, 1].map(|axis| {
        let values = plane.iter().map(|p| p[axis]);
        let low = values.clone().fold(f32::INFINITY, f32::min);
        (
            low,
            (values.fold(f32::NEG_INFINITY, f32::max) - low).max(f32::MIN_POSITIVE),
        )
    });
    plane
        .iter()
        .map(|point| {
            [0, 1].map(|axis| {
                let (low, extent) = range[axis];
                SIDE * (point[axis] - low) / extent + rng.random_range(-1e-3..1e-3)
            })
        })
        .collect()
}

/// When each edge pulls next, and how often it pushes: strong edges more often.
struct Schedule {
    edges: Vec<Edge>,
    /// Epochs from one pull to the next.
    every: Vec<f64>,
    pull: Vec<f64>,
    push: Vec<f64>,
}

impl Schedule {
    fn of(edges: &[Edge], epochs: usize) -> Self {
        let strongest = edges.iter().map(|edge| edge.weight).fold(0.0, f32::max);
        // Weaker ones would not have their turn once.
        let least = strongest / epochs as f32;
        let edges: Vec<Edge> = edges
            .iter()
            .copied()
            .filter(|edge| edge.weight >= least)
            .collect();
        let every: Vec<f64> = edges
            .iter()
            .map(|e| f64::from(strongest) / f64::from(e.weight))
            .collect();
        Self {
            pull: every.clone(),
            push: every.iter().map(|epochs| epochs / NEGATIVES).collect(),
            edges,
            every,
        }
    }

    fn pass(&mut self, epoch: usize, rate: f32, points: &mut [[f32; 2]], rng: &mut ChaCha8Rng) {
        let epoch = epoch as f64;
        for (i, edge) in self.edges.iter().enumerate() {
            if self.pull[i] > epoch {
                continue;
            }
            let (from, to) = (edge.from as usize, edge.to as usize);
            let step = attraction(points[from], points[to]);
            for axis in [0, 1] {
                points[from][axis] += rate * step[axis];
                points[to][axis] -= rate * step[axis];
            }
            self.pull[i] += self.every[i];
            let between = self.every[i] / NEGATIVES;
            let pushes = ((epoch - self.push[i]) / between).max(0.0) as usize;
            for _ in 0..pushes {
                let other = rng.random_range(0..points.len());
                let step = repulsion(points[from], points[other]);
                for axis in [0, 1] {
                    points[from][axis] += rate * step[axis];
                }
            }
            self.push[i] += pushes as f64 * between;
        }
    }
}

fn attraction(point: [f32; 2], other: [f32; 2]) -> [f32; 2] {
    let (difference, square) = apart(point, other);
    if square <= 0.0 {
        return [0.0; 2];
    }
    let power = square.powf(B);
    let factor = -2.0 * A * B * power / square / (A * power + 1.0);
    difference.map(|d| (factor * d).clamp(-LONGEST, LONGEST))
}

fn repulsion(point: [f32; 2], other: [f32; 2]) -> [f32; 2] {
    let (difference, square) = apart(point, other);
    if square <= 0.0 {
        return [0.0; 2];
    }
    let factor = 2.0 * B / ((0.001 + square) * (A * square.powf(B) + 1.0));
    difference.map(|d| (factor * d).clamp(-LONGEST, LONGEST))
}

fn apart(a: [f32; 2], b: [f32; 2]) -> ([f32; 2], f32) {
    let difference = [a[0] - b[0], a[1] - b[1]];
    let square = difference[0] * difference[0] + difference[1] * difference[1];
    (difference, square)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Reference {
        dimension: usize,
        samples: Vec<f32>,
        /// from, to, weight.
        graph: Vec<(u32, u32, f32)>,
        a: f32,
        b: f32,
    }

    #[test]
    fn the_graph_equals_that_of_umap_learn() {
        let text = include_str!("../../tests/reference/projection.json");
        let reference: Reference = serde_json::from_str(text).expect("by projection.py");
        assert!((reference.a - A).abs() < 1e-4 && (reference.b - B).abs() < 1e-4);
        let near = nearest(&reference.samples, reference.dimension, NEIGHBOURS - 1);
        let own: BTreeMap<(u32, u32), f32> = fuzzy_union(&memberships(&near))
            .into_iter()
            .map(|edge| ((edge.from, edge.to), edge.weight))
            .collect();
        // The reference leaves out weights that are 0.
        let kept = own.values().filter(|&&weight| weight > 0.0).count();
        assert_eq!(kept, reference.graph.len());
        for (from, to, weight) in reference.graph {
            let found = own.get(&(from, to)).expect("an edge");
            assert!(
                (found - weight).abs() < 1e-3,
                "{from} {to}: {found}, {weight}"
            );
        }
    }
}
