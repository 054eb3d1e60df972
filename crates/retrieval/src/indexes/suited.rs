//! Which index suits so many vectors in so much memory.

use vizsla_vectors::{IndexName, Looking, VectorCodes};

use super::flat;
use super::kind::Planned;
use crate::ByteSize;

/// Vectors from which an index of its own beats comparing all: below, flat is exact and fast enough.
pub(crate) const FLAT_BELOW: u64 = 50_000;
/// Fewest and most lists.
const LISTS: (u64, u64) = (64, 65_536);

/// What suits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Suited {
    /// What the index is made of; none where all vectors are compared as they are.
    pub name: Option<IndexName>,
    /// Whether it stays within what it may take.
    pub fits: bool,
}

/// What suits so many vectors of so many numbers: comparing all where they are few, otherwise the first of a list that stays within the memory, and the last one
/// where none does.
///
/// Those that find most in the least time come first. Graphs and eight-bit codes are the fastest; the vectors at two bytes a number put their best in order. Where
/// edges and these are too much, four-bit product codes in lists stand for all vectors, with finer codes as long as there is room.
pub(crate) fn suited(vectors: u64, dimension: usize, memory: Option<ByteSize>) -> Suited {
    let most = memory.map_or(f64::INFINITY, |memory| memory.0 as f64);
    let planned = Planned {
        vectors,
        dimension,
        name: None,
        bits: 0,
    };
    if vectors < FLAT_BELOW && (flat::KIND.bytes)(&planned).file() <= most {
        return Suited {
            name: None,
            fits: true,
        };
    }
    let names = names(vectors, dimension);
    let fitting = names
        .iter()
        .find(|name| name.bytes(vectors, dimension) as f64 <= most);
    Suited {
        name: fitting.or(names.last()).copied(),
        fits: fitting.is_some(),
    }
}

/// What may be chosen, the best first, the smallest last.
fn names(vectors: u64, dimension: usize) -> Vec<IndexName> {
    let graph = |codes, finer| IndexName {
        transform: None,
        looking: Looking::Graph(16),
        codes,
        finer,
    };
    // Lists as long as there are of them, twice over.
    let lists = (4 * vectors.isqrt()).next_power_of_two() / 2;
    let lists = lists.clamp(LISTS.0, LISTS.1) as usize;
    let product = |numbers: usize, finer| IndexName {
        transform: None,
        looking: Looking::Lists(lists),
        codes: VectorCodes::Product {
            parts: dimension.div_ceil(numbers),
            bits: 4,
            fast_scan: true,
        },
        finer,
    };
    let scalar = VectorCodes::Scalar;
    vec![
        graph(scalar(8), Some(VectorCodes::Halves)),
        graph(scalar(8), None),
        product(2, Some(scalar(8))),
        product(2, Some(scalar(4))),
        product(2, None),
        product(4, None),
        product(8, None),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_less_memory_codes_are_smaller() {
        let mut before = f64::INFINITY;
        for (mebibytes, expected) in [
            (None, "HNSW16,SQ8,Refine(SQfp16)"),
            (Some(900), "HNSW16,SQ8,Refine(SQfp16)"),
            (Some(600), "HNSW16,SQ8"),
            (Some(380), "IVF2048,PQ128x4fs,Refine(SQ8)"),
            (Some(250), "IVF2048,PQ128x4fs,Refine(SQ4)"),
            (Some(110), "IVF2048,PQ128x4fs"),
            (Some(75), "IVF2048,PQ64x4fs"),
            (Some(40), "IVF2048,PQ32x4fs"),
        ] {
            let memory = mebibytes.map(|mebibytes| ByteSize(mebibytes << 20));
            let found = suited(1_000_000, 256, memory);
            let name = found.name.unwrap();
            assert_eq!(name.to_string(), expected);
            let bytes = name.bytes(1_000_000, 256) as f64;
            assert_eq!(found.fits, memory.is_none_or(|most| bytes <= most.0 as f64));
            assert!(bytes <= before);
            before = bytes;
        }
    }

    #[test]
    fn few_vectors_are_compared_all_where_there_is_room() {
        let exact = Suited {
            name: None,
            fits: true,
        };
        assert_eq!(suited(FLAT_BELOW - 1, 256, None), exact);
        assert!(suited(FLAT_BELOW, 256, None).name.is_some());
        let little = suited(FLAT_BELOW - 1, 256, Some(ByteSize(5 << 20)));
        assert!(little.name.is_some() && little.fits, "{little:?}");
        assert!(!suited(FLAT_BELOW - 1, 256, Some(ByteSize(1 << 20))).fits);
        assert_eq!(suited(0, 256, Some(ByteSize(1 << 20))), exact);
    }
}
