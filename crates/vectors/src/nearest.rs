//! Exact nearest neighbours among 128-byte descriptors.
//!
//! The squared distance is |a|² + |b|² − 2 a·b in integers, so only inner products are computed and every
//! processor gives the same numbers. Database rows are regrouped so that a register holds the same few
//! dimensions of several rows, one row per lane: a lane then collects a whole inner product and no sum across
//! lanes is ever needed. The distance matrix is formed in tiles that stay in the first-level cache and is
//! used up at once, for the two nearest of every query and, on request, for the nearest of every database
//! row as well. The kernels are in [`tiles`]; the plain twin here is used elsewhere and as their check.

mod best;
mod tiles;

use best::Backward;
pub use best::NearestTwo;

/// The two nearest database rows of every query row, in query order; empty when the database is.
///
/// One thread; at most 2³¹ rows on either side are looked at.
pub fn nearest_two_u8(queries: &[[u8; 128]], database: &[[u8; 128]]) -> Vec<NearestTwo> {
    search(queries, database, &mut [])
}

/// Both directions in one pass: the two nearest `b` rows of every `a` row, and the nearest `a` row of
/// every `b` row (the lower one when several are equally near). Both are empty when either side is.
pub fn nearest_both_u8(a: &[[u8; 128]], b: &[[u8; 128]]) -> (Vec<NearestTwo>, Vec<u32>) {
    if a.is_empty() || b.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let mut backward = vec![
        Backward {
            distance: i32::MAX,
            index: 0
        };
        b.len()
    ];
    let forward = search(a, b, &mut backward);
    (
        forward,
        backward.into_iter().map(|best| best.index).collect(),
    )
}

/// The fastest kernel this processor has; `backward` is empty or has one entry per database row.
fn search(
    queries: &[[u8; 128]],
    database: &[[u8; 128]],
    backward: &mut [Backward],
) -> Vec<NearestTwo> {
    let limit = i32::MAX as usize;
    let queries = &queries[..queries.len().min(limit)];
    let database = &database[..database.len().min(limit)];
    if queries.is_empty() || database.is_empty() {
        return Vec::new();
    }
    tiles::search(queries, database, backward)
        .unwrap_or_else(|| search_plain(queries, database, backward, squared_distance))
}

/// One pair of rows at a time.
fn search_plain(
    queries: &[[u8; 128]],
    database: &[[u8; 128]],
    backward: &mut [Backward],
    distance_of: impl Fn(&[u8; 128], &[u8; 128]) -> u32,
) -> Vec<NearestTwo> {
    let mut forward = vec![NearestTwo::NONE; queries.len()];
    // Enough rows to stay in the first-level cache while all queries pass by.
    const BLOCK: usize = 128;
    for (block, rows) in database.chunks(BLOCK).enumerate() {
        for (i, (query, best)) in queries.iter().zip(&mut forward).enumerate() {
            for (j, row) in rows.iter().enumerate() {
                let j = block * BLOCK + j;
                let distance = distance_of(query, row);
                best.offer(j as u32, distance);
                if let Some(back) = backward.get_mut(j)
                    && (distance as i32) < back.distance
                {
                    *back = Backward {
                        distance: distance as i32,
                        index: i as u32,
                    };
                }
            }
        }
    }
    forward
}

#[cfg(not(target_arch = "aarch64"))]
fn squared_distance(a: &[u8; 128], b: &[u8; 128]) -> u32 {
    crate::distance::l2_squared_u8(a, b)
}

#[cfg(target_arch = "aarch64")]
use tiles::squared_distance;

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(seed: u64, count: usize, mask: u8) -> Vec<[u8; 128]> {
        let mut state = seed;
        (0..count)
            .map(|_| {
                [(); 128].map(|()| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(99);
                    (state >> 56) as u8 & mask
                })
            })
            .collect()
    }

    fn exact(a: &[u8; 128], b: &[u8; 128]) -> u32 {
        a.iter()
            .zip(b)
            .map(|(&x, &y)| u32::from(x.abs_diff(y)).pow(2))
            .sum()
    }

    /// (nearest, distance, second) and the reverse by sorting.
    fn by_definition(a: &[[u8; 128]], b: &[[u8; 128]]) -> Vec<NearestTwo> {
        a.iter()
            .map(|query| {
                let mut all: Vec<(u32, u32)> = b
                    .iter()
                    .enumerate()
                    .map(|(j, row)| (exact(query, row), j as u32))
                    .collect();
                all.sort_unstable();
                NearestTwo {
                    index: all[0].1,
                    distance: all[0].0,
                    second: all.get(1).map_or(u32::MAX, |second| second.0),
                }
            })
            .collect()
    }

    #[test]
    fn every_kernel_agrees_with_the_definition() {
        // The narrow mask makes ties common.
        for (n, m, mask) in [
            (1, 1, 255),
            (5, 1, 255),
            (3, 2, 255),
            (67, 131, 255),
            (70, 300, 1),
            (9, 64, 3),
        ] {
            let (a, b) = (rows(1, n, mask), rows(2, m, mask));
            let (forward, backward) = (by_definition(&a, &b), by_definition(&b, &a));
            let reverse: Vec<u32> = backward.iter().map(|best| best.index).collect();
            assert_eq!(nearest_two_u8(&a, &b), forward, "{n} × {m}");
            assert_eq!(
                nearest_both_u8(&a, &b),
                (forward.clone(), reverse.clone()),
                "{n} × {m}"
            );
            for kernel in tiles::KERNELS {
                let mut back = vec![
                    Backward {
                        distance: i32::MAX,
                        index: 0
                    };
                    m
                ];
                let Some(found) = kernel(&a, &b, &mut back) else {
                    continue;
                };
                assert_eq!(found, forward, "{n} × {m}");
                assert_eq!(back.iter().map(|k| k.index).collect::<Vec<_>>(), reverse);
            }
            let mut back = vec![
                Backward {
                    distance: i32::MAX,
                    index: 0
                };
                m
            ];
            assert_eq!(search_plain(&a, &b, &mut back, squared_distance), forward);
            assert_eq!(back.iter().map(|k| k.index).collect::<Vec<_>>(), reverse);
        }
    }

    #[test]
    fn the_largest_values_do_not_overflow() {
        let (black, white) = ([0u8; 128], [255u8; 128]);
        let far = 128 * 255 * 255;
        let found = nearest_both_u8(&[black, white], &[white, white]);
        assert_eq!(
            found.0[0],
            NearestTwo {
                index: 0,
                distance: far,
                second: far
            }
        );
        assert_eq!(
            found.0[1],
            NearestTwo {
                index: 0,
                distance: 0,
                second: 0
            }
        );
        assert_eq!(found.1, [1, 1]);
    }

    #[test]
    fn empty_sides_give_nothing() {
        let some = [[1u8; 128]];
        assert!(nearest_two_u8(&some, &[]).is_empty());
        assert!(nearest_two_u8(&[], &some).is_empty());
        assert_eq!(nearest_both_u8(&[], &some), (vec![], vec![]));
    }
}
