//! Diffusion: similarities to a query spread over a graph of neighbours.
//!
//! What is near in a chain of near ones is alike, also where its own vector is not: a walk over the graph that begins at the
//! neighbours of the query, and returns there with probability 1 − α at each step, ends at a node with a probability that ranks
//! the nodes (Zhou et al. 2003; Donoser & Bischof 2013). Its closed form is (1 − α)(I − αS)⁻¹ y with S = D^−½ A D^−½; Iscen, Tolias,
//! Avrithis, Furon & Chum (2017) solve it by conjugate gradients, let the query stay outside the graph, so that y holds its similarities
//! to its own neighbours, and truncate the graph to the nearest of the query. Checked against NumPy's dense solver, see
//! `tests/reference/ranking.py`.

use rayon::prelude::*;

use crate::conjugate::conjugate_gradient;
use crate::{Error, Graph};

/// Nodes from which on a product with the matrix is made on several threads.
const MANY: usize = 8192;

/// How similarities spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiffusionConfig {
    /// Probability α of going on, 0 to below 1: the greater, the farther they reach.
    pub alpha: f64,
    /// Length of the residual at which the solver ends, as a share of that of y.
    pub tolerance: f64,
    /// Most steps of the solver.
    pub iterations: usize,
}

impl Default for DiffusionConfig {
    /// α as published; the solver comes to an end at about single precision.
    fn default() -> Self {
        Self {
            alpha: 0.99,
            tolerance: 1e-6,
            iterations: 200,
        }
    }
}

/// The symmetric, normalised matrix of a graph or of a part of it.
#[derive(Debug, Clone)]
pub struct Diffusion {
    /// Where the entries of each node begin, and the end.
    firsts: Vec<usize>,
    nodes: Vec<u32>,
    values: Vec<f32>,
}

impl Diffusion {
    /// Over a whole graph.
    ///
    /// # Errors
    /// The graph's file was cut short since it was opened.
    pub fn of(graph: &Graph) -> Result<Self, Error> {
        let mut matrix = Self::empty(graph.len());
        for node in 0..graph.len() {
            let root = graph.root(node);
            for (other, weight) in graph.edges(node) {
                matrix.push(other as u32, weight, root, graph.root(other));
            }
            matrix.firsts.push(matrix.nodes.len());
        }
        graph.check_whole()?;
        Ok(matrix)
    }

    /// Over a part of a graph, with the weights of the edges within it normalised anew. Its nodes are numbered in the order
    /// of `nodes`, which are different ones.
    ///
    /// # Errors
    /// [`Error::UnknownRow`] when a node is not in the graph or is named twice; the graph's file was cut short since it was opened.
    pub fn within(graph: &Graph, nodes: &[usize]) -> Result<Self, Error> {
        let mut places: Vec<(usize, u32)> = nodes.iter().copied().zip(0..).collect();
        places.sort_unstable();
        let twice = places.windows(2).find(|pair| pair[0].0 == pair[1].0);
        let beyond = places.last().filter(|(last, _)| *last >= graph.len());
        if let Some(&(row, _)) = twice.map(|pair| &pair[0]).or(beyond) {
            let rows = graph.len();
            return Err(Error::UnknownRow { row, rows });
        }
        let place = |node: usize| {
            let found = places.binary_search_by_key(&node, |&(node, _)| node);
            found.ok().map(|at| places[at].1)
        };
        let within = |node: usize| {
            let edges = graph.edges(node);
            edges.filter_map(|(other, weight)| Some((place(other)?, weight)))
        };
        let rows: Vec<Vec<(u32, f32)>> = nodes.iter().map(|&node| within(node).collect()).collect();
        graph.check_whole()?;
        let weights =
            |row: &Vec<(u32, f32)>| row.iter().map(|&(_, weight)| weight).collect::<Vec<_>>();
        let roots: Vec<f32> = rows
            .iter()
            .map(|row| crate::graph::root(weights(row).into_iter()))
            .collect();
        let mut matrix = Self::empty(nodes.len());
        for (row, &root) in rows.iter().zip(&roots) {
            for &(other, weight) in row {
                matrix.push(other, weight, root, roots[other as usize]);
            }
            matrix.firsts.push(matrix.nodes.len());
        }
        Ok(matrix)
    }

    fn empty(nodes: usize) -> Self {
        let mut firsts = Vec::with_capacity(nodes + 1);
        firsts.push(0);
        Self {
            firsts,
            nodes: Vec::new(),
            values: Vec::new(),
        }
    }

    fn push(&mut self, other: u32, weight: f32, root: f32, root_of_other: f32) {
        self.nodes.push(other);
        // The same bits whichever of the two nodes comes first.
        self.values.push(weight * (root * root_of_other));
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.firsts.len() - 1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The state that similarities come to: (1 − α)(I − αS)⁻¹ y, one number for each node, at least 0. `start` is y, as nodes and
    /// what the query gives them (its similarity to the power of γ, [`similarity_weight`](crate::similarity_weight)); what several
    /// query vectors, such as regions, give to one node adds up. Nodes that no way leads to from there get 0.
    ///
    /// # Errors
    /// α is outside 0 to below 1 or the tolerance is not above 0 ([`Error::Figure`]), a node is not there, or what it is given is not
    /// finite.
    pub fn spread(
        &self,
        start: &[(usize, f32)],
        config: &DiffusionConfig,
    ) -> Result<Vec<f32>, Error> {
        config.check()?;
        let alpha = config.alpha;
        let mut given = vec![0f64; self.len()];
        let rows = given.len();
        for &(row, value) in start {
            let place = given.get_mut(row).ok_or(Error::UnknownRow { row, rows })?;
            if !value.is_finite() {
                return Err(Error::NotFinite { row });
            }
            *place += (1.0 - alpha) * f64::from(value);
        }
        let line = |from: &[f64], node: usize| {
            let range = self.firsts[node]..self.firsts[node + 1];
            let entries = self.nodes[range.clone()].iter().zip(&self.values[range]);
            let sum: f64 = entries
                .map(|(&other, &value)| f64::from(value) * from[other as usize])
                .sum();
            from[node] - alpha * sum
        };
        let apply = |from: &[f64], into: &mut [f64]| {
            let places = into.par_iter_mut().with_min_len(MANY).enumerate();
            places.for_each(|(node, place)| *place = line(from, node));
        };
        let found = conjugate_gradient(apply, &given, config.tolerance, config.iterations);
        // Below 0 there is nothing but rounding where nothing below 0 was given.
        let least = match start.iter().all(|&(_, value)| value >= 0.0) {
            true => 0.0,
            false => f32::NEG_INFINITY,
        };
        Ok(found.into_iter().map(|x| (x as f32).max(least)).collect())
    }
}

impl DiffusionConfig {
    fn check(&self) -> Result<(), Error> {
        if !(0.0..1.0).contains(&self.alpha) {
            return Err(Error::Figure {
                what: "the probability α of a diffusion",
                found: self.alpha,
                allowed: "0 to below 1",
            });
        }
        if self.tolerance > 0.0 {
            return Ok(());
        }
        Err(Error::Figure {
            what: "the tolerance of a diffusion",
            found: self.tolerance,
            allowed: "more than 0",
        })
    }
}
