//! Exact nearest neighbours among 128-byte descriptors.
/// The two nearest database rows of one query row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NearestTwo {
    /// Row number of the nearest database row; the lower one when several are equally near.
    pub index: u32,
    /// Its squared distance.
    pub distance: u32,
    /// Squared distance of the second nearest row; `u32::MAX` when the database has one row.
    pub second: u32,
}

/// The two nearest database rows of every query row, in query order; empty when the database is.
pub fn nearest_two_u8(queries: &[[u8; 128]], database: &[[u8; 128]]) -> Vec<NearestTwo> {
    nearest_both_u8(queries, database).0
}

/// Both directions in one pass: the two nearest `b` rows of every `a` row, and the nearest `a` row of
/// every `b` row. Both are empty when either side is.
pub fn nearest_both_u8(a: &[[u8; 128]], b: &[[u8; 128]]) -> (Vec<NearestTwo>, Vec<u32>) {
    if a.is_empty() || b.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let mut backward = vec![(u32::MAX, 0u32); b.len()];
    let forward = a
        .iter()
        .enumerate()
        .map(|(i, query)| {
            let mut best = NearestTwo {
                index: 0,
                distance: u32::MAX,
                second: u32::MAX,
            };
            for (j, row) in b.iter().enumerate() {
                let distance = crate::distance::l2_squared_u8(query, row);
                if distance < best.distance {
                    best = NearestTwo {
                        index: j as u32,
                        distance,
                        second: best.distance,
                    };
                } else if distance < best.second {
                    best.second = distance;
                }
                if distance < backward[j].0 {
                    backward[j] = (distance, i as u32);
                }
            }
            best
        })
        .collect();
    (forward, backward.into_iter().map(|(_, i)| i).collect())
}
