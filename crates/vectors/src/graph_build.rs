//! How a graph of nearest neighbours is made of vectors.

use rayon::prelude::*;

use crate::alike::most_alike;
use crate::graph::{FORMAT, MOST_NODES, Rows};
use crate::{Error, Graph, GraphConfig, Linking, l2_norm, l2_normalise, similarity_weight};

/// Most numbers of a vector.
const MOST_DIMENSIONS: usize = 1 << 16;

impl Graph {
    /// Makes the graph of vectors with ascending ids: `rows` are `ids.len()` rows of `dimension` numbers, compared at length 1.
    /// Vectors of length 0, and such that nothing is near to in the sense of the linking, are nodes without edges; equal
    /// vectors are neighbours of weight 1. A vector is never its own neighbour; where there are fewer others than
    /// neighbours wanted, all are taken. The tag, at most 32 bytes, says what made the vectors.
    ///
    /// Exact, in the current rayon pool: all pairs are compared. The result is the same with any number of threads and on
    /// every machine.
    ///
    /// # Errors
    /// A figure is out of range, the numbers are not so many rows, one is not finite, or ids do not ascend.
    pub fn build(
        ids: &[i64],
        mut rows: Vec<f32>,
        dimension: usize,
        config: &GraphConfig,
        tag: &str,
    ) -> Result<Self, Error> {
        config.check()?;
        check_rows(ids, &rows, dimension)?;
        rows.par_chunks_exact_mut(dimension).for_each(l2_normalise);
        let mut near = most_alike(&rows, dimension, config.neighbours);
        drop(rows);
        near.par_iter_mut()
            .for_each(|near| near.sort_unstable_by_key(|&(other, _)| other));
        let linked = match config.linking {
            Linking::Mutual => mutual(&near),
            Linking::Either => either(near),
        };
        let weigh = |mut edges: Vec<(u32, f32)>| {
            edges
                .iter_mut()
                .for_each(|edge| edge.1 = similarity_weight(edge.1.min(1.0), config.gamma));
            edges.retain(|&(_, weight)| weight > 0.0);
            edges
        };
        let rows = Rows {
            dimension,
            ids: ids.to_vec(),
            edges: linked.into_par_iter().map(weigh).collect(),
        };
        Self::of_rows(&rows, config, tag)
    }
}

/// Checks what a graph is made of.
fn check_rows(ids: &[i64], rows: &[f32], dimension: usize) -> Result<(), Error> {
    if !(1..=MOST_DIMENSIONS).contains(&dimension) {
        return Err(Error::OutOfRange {
            what: "the dimension of vectors",
            found: dimension,
            least: 1,
            most: MOST_DIMENSIONS,
        });
    }
    if ids.len() > MOST_NODES {
        return Err(Error::OutOfRange {
            what: "the number of vectors of a graph",
            found: ids.len(),
            least: 0,
            most: MOST_NODES,
        });
    }
    if ids.len().checked_mul(dimension) != Some(rows.len()) {
        return Err(Error::Shape {
            numbers: rows.len(),
            dimension,
        });
    }
    if !ids.is_sorted_by(|a, b| a < b) {
        let memory = std::path::Path::new("(in memory)");
        return Err(FORMAT.damaged("ids do not ascend", memory));
    }
    let finite = |row: &&[f32]| l2_norm(row).is_finite();
    let rows = rows.chunks_exact(dimension);
    match rows.enumerate().find(|(_, row)| !finite(row)) {
        Some((row, _)) => Err(Error::NotFinite { row }),
        None => Ok(()),
    }
}

/// Neighbours that are so both ways.
fn mutual(near: &[Vec<(u32, f32)>]) -> Vec<Vec<(u32, f32)>> {
    let of = |(node, edges): (usize, &Vec<(u32, f32)>)| {
        let back = |&&(other, _): &&(u32, f32)| {
            near[other as usize]
                .binary_search_by_key(&(node as u32), |&(back, _)| back)
                .is_ok()
        };
        edges.iter().filter(back).copied().collect()
    };
    near.par_iter().enumerate().map(of).collect()
}

/// Neighbours that are so one way or the other.
fn either(near: Vec<Vec<(u32, f32)>>) -> Vec<Vec<(u32, f32)>> {
    let mut linked = near.clone();
    for (node, edges) in (0..).zip(&near) {
        for &(other, similarity) in edges {
            linked[other as usize].push((node, similarity));
        }
    }
    drop(near);
    linked.par_iter_mut().for_each(|edges| {
        edges.sort_unstable_by_key(|&(other, _)| other);
        edges.dedup_by_key(|edge| edge.0);
    });
    linked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn random_rows(count: usize, dimension: usize) -> Vec<f32> {
        let mut random = Random::new(12);
        let numbers = count * dimension;
        (0..numbers).map(|_| random.unit() as f32 - 0.3).collect()
    }

    fn ids(count: usize) -> Vec<i64> {
        (0..count as i64).map(|at| 5 + 3 * at).collect()
    }

    fn config(neighbours: usize, linking: Linking) -> GraphConfig {
        GraphConfig {
            neighbours,
            linking,
            ..GraphConfig::default()
        }
    }

    #[test]
    fn files_say_what_was_made_and_threads_do_not_matter() {
        let folder = tempfile::tempdir().unwrap();
        for linking in Linking::ALL {
            let path = folder.path().join(linking.name());
            let rows = random_rows(300, 9);
            let config = config(6, linking);
            let made = Graph::build(&ids(300), rows.clone(), 9, &config, "test").unwrap();
            made.save(&path).unwrap();
            assert!(made.save(&path).is_err());
            let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build();
            let again = pool
                .unwrap()
                .install(|| Graph::build(&ids(300), rows, 9, &config, "test").unwrap());
            let second = folder.path().join("again");
            again.save(&second).unwrap();
            assert_eq!(fs_err::read(&path).unwrap(), fs_err::read(&second).unwrap());
            fs_err::remove_file(&second).unwrap();
            let graph = Graph::open(&path).unwrap();
            graph.verify().unwrap();
            assert_eq!((graph.len(), graph.dimension()), (300, 9));
            assert_eq!((graph.tag(), graph.last_id()), ("test", 5 + 3 * 299));
            assert_eq!(graph.config(), config);
            assert_eq!(
                (graph.node(8), graph.node(9), graph.node(-1)),
                (Some(1), None, None)
            );
            let edges = (0..300)
                .map(|node| graph.edges(node).count())
                .sum::<usize>();
            assert_eq!(edges, 2 * graph.edge_count());
            let most = (0..300).map(|node| graph.edges(node).count()).max();
            assert_eq!(most <= Some(6), linking == Linking::Mutual);
            assert_eq!((graph.edges(300).count(), graph.root(300)), (0, 0.0));
        }
    }

    #[test]
    fn what_is_alone_has_no_edges() {
        // Two equal vectors, a zero vector, the opposite of the first, and one at a right angle to all.
        let rows = vec![
            1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0,
        ];
        for linking in Linking::ALL {
            let graph = Graph::build(&ids(5), rows.clone(), 3, &config(50, linking), "").unwrap();
            graph.verify().unwrap();
            let edges = |node| graph.edges(node).collect::<Vec<_>>();
            assert_eq!((edges(0), edges(1)), (vec![(1, 1.0)], vec![(0, 1.0)]));
            assert!((2..5).all(|node| edges(node).is_empty() && graph.root(node) == 0.0));
        }
        let none = Graph::build(&[], Vec::new(), 3, &GraphConfig::default(), "").unwrap();
        none.verify().unwrap();
        assert!(none.is_empty() && none.last_id() == 0);
    }

    #[test]
    fn what_cannot_be_a_graph_is_refused() {
        let usual = GraphConfig::default();
        let build = |ids: &[i64], rows: &[f32], dimension, config: &GraphConfig| {
            Graph::build(ids, rows.to_vec(), dimension, config, "").map(|graph| graph.len())
        };
        assert!(matches!(
            build(&[1], &[1.0], 0, &usual),
            Err(Error::OutOfRange { .. })
        ));
        assert!(matches!(
            build(&[1], &[1.0], 2, &usual),
            Err(Error::Shape { .. })
        ));
        assert!(build(&[2, 2], &[1.0, 1.0], 1, &usual).is_err());
        for bad in [f32::NAN, f32::INFINITY] {
            let found = build(&[1, 2], &[1.0, bad], 1, &usual);
            assert!(matches!(found, Err(Error::NotFinite { row: 1 })));
        }
        for gamma in [f32::NAN, -1.0, 1e9] {
            assert!(build(&[1], &[1.0], 1, &GraphConfig { gamma, ..usual }).is_err());
        }
        for neighbours in [0, usize::MAX] {
            let config = GraphConfig {
                neighbours,
                ..usual
            };
            assert!(build(&[1], &[1.0], 1, &config).is_err());
        }
        // Lengths beyond what single precision can square are lengths.
        assert_eq!(build(&[1, 2], &[1e30, 1e30], 1, &usual).unwrap(), 2);
    }

    #[test]
    fn damage_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("g");
        let graph = Graph::build(
            &ids(5),
            random_rows(5, 3),
            3,
            &config(2, Linking::Either),
            "t",
        );
        graph.unwrap().save(&path).unwrap();
        let whole = fs_err::read(&path).unwrap();
        for length in 0..whole.len() {
            fs_err::write(&path, &whole[..length]).unwrap();
            assert!(Graph::open(&path).is_err(), "{length} bytes");
        }
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 4;
            fs_err::write(&path, &bytes).unwrap();
            // Whatever is read of a damaged file, it is no panic.
            let found = Graph::open(&path).and_then(|graph| {
                let nodes = 0..graph.len() + 1;
                let seen: usize = nodes.map(|node| graph.edges(node).count()).sum();
                assert!(seen < 1000);
                graph.verify()
            });
            assert!(found.is_err(), "byte {at}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_file_that_is_cut_short_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("g");
        let made = Graph::build(
            &ids(40),
            random_rows(40, 3),
            3,
            &GraphConfig::default(),
            "t",
        );
        made.unwrap().save(&path).unwrap();
        let graph = Graph::open(&path).unwrap();
        graph.check_whole().unwrap();
        let file = fs_err::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(50).unwrap();
        assert!(graph.check_whole().is_err() && graph.verify().is_err());
    }
}
