//! How the nearest descriptors of the other image are found.

use serde::{Deserialize, Serialize};
use vizsla_vectors::{
    EuclideanLsh, KdForest, KdForestConfig, LshConfig, NearestTwo, Neighbour, nearest_two_u8,
};

use crate::keypoint::Descriptor;

/// How the nearest descriptors of the other image are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NeighbourSearch {
    /// Each is compared with all.
    #[default]
    Exact,
    /// Four randomised kd-trees, best bin first (Silpa-Anan and Hartley 2008; Muja and Lowe 2009).
    KdForest,
    /// Buckets of several hash tables (Datar, Immorlica, Indyk and Mirrokni 2004; multi-probe, Lv et al. 2007).
    Lsh,
}

crate::named_choice!(
    NeighbourSearch,
    "search for neighbours",
    Exact => "exact",
    KdForest => "kd_forest",
    Lsh => "lsh",
);

/// Rows that a forest looks at for one query.
const CHECKS: usize = 256;
/// Buckets of each table that are looked into beside a query's own.
const PROBES: usize = 8;
/// Numbers of a descriptor.
const DIMENSION: usize = 128;

/// The two nearest rows that are found of each query, in query order; `None` where nothing is.
pub(super) fn nearest_two(
    queries: &[Descriptor],
    rows: &[Descriptor],
    search: NeighbourSearch,
) -> Vec<Option<NearestTwo>> {
    if rows.is_empty() {
        return vec![None; queries.len()];
    }
    let (asked, held) = (queries.as_flattened(), rows.as_flattened());
    let found = match search {
        NeighbourSearch::Exact => {
            let exact = nearest_two_u8(queries, rows);
            return exact.into_iter().map(Some).collect();
        }
        NeighbourSearch::KdForest => KdForest::build(held, DIMENSION, &KdForestConfig::default())
            .and_then(|forest| forest.nearest_all(asked, 2, CHECKS)),
        NeighbourSearch::Lsh => EuclideanLsh::build(held, DIMENSION, &LshConfig::default())
            .and_then(|tables| tables.nearest_all(asked, 2, PROBES)),
    };
    // Whole rows of bytes are refused only where there are more than two thousand million.
    let none = || vec![Vec::new(); queries.len()];
    let found = found.unwrap_or_else(|_| none());
    found.iter().map(|few| two(few)).collect()
}

fn two(few: &[Neighbour]) -> Option<NearestTwo> {
    few.first().map(|nearest| NearestTwo {
        index: nearest.row,
        distance: nearest.distance,
        second: few.get(1).map_or(u32::MAX, |second| second.distance),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Descriptors, and the same with noise.
    fn drawn(count: usize) -> (Vec<Descriptor>, Vec<Descriptor>) {
        let mut state = 9u32;
        let mut next = move |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        let rows: Vec<Descriptor> = (0..count)
            .map(|_| std::array::from_fn(|_| next(120) as u8))
            .collect();
        let noisy = rows.iter().map(|row| row.map(|v| v + next(12) as u8));
        let noisy = noisy.collect();
        (rows, noisy)
    }

    #[test]
    fn approximate_searches_find_most_of_what_the_exact_one_does() {
        let (rows, queries) = drawn(1500);
        let exact = nearest_two(&queries, &rows, NeighbourSearch::Exact);
        assert!(exact.iter().zip(0..).all(|(n, i)| n.unwrap().index == i));
        for search in [NeighbourSearch::KdForest, NeighbourSearch::Lsh] {
            let found = nearest_two(&queries, &rows, search);
            let both = found.iter().zip(&exact).filter(|(found, exact)| {
                found.is_some_and(|f| Some(f.index) == exact.map(|e| e.index))
            });
            assert!(both.count() > 1350, "{search}");
        }
    }

    #[test]
    fn few_rows_and_none() {
        let (rows, queries) = drawn(2);
        for search in NeighbourSearch::ALL {
            assert_eq!(nearest_two(&queries, &[], search), [None, None]);
            assert!(nearest_two(&[], &rows, search).is_empty());
            let one = nearest_two(&queries[..1], &rows[..1], search);
            // A lone row may lie in no bucket that is looked into.
            if let Some(found) = one[0] {
                assert_eq!((found.index, found.second), (0, u32::MAX));
            }
        }
    }
}
