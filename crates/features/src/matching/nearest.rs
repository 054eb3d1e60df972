//! One-to-one matching of descriptors.
//!
//! A correspondence is kept when its nearest neighbour is clearly nearer than the second nearest
//! (Lowe 2004, section 7.1; the ratio is one of distances, not of their squares) and, on request, when
//! the two descriptors are each other's nearest. Both directions come out of one blocked pass over the
//! distance matrix, which is never stored. Checked against OpenCV's `BFMatcher`.

use vizsla_vectors::{NearestTwo, nearest_both_u8, nearest_two_u8};

use crate::Descriptor;

/// When two descriptors count as a match.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatchConfig {
    /// Largest ratio of nearest to second nearest distance, exclusive, in (0, 1]; 1 or more keeps
    /// every nearest neighbour.
    pub ratio: f32,
    /// Whether the match must also be the nearest in the other direction.
    pub mutual: bool,
}

impl Default for MatchConfig {
    fn default() -> Self {
        Self {
            ratio: 0.8,
            mutual: true,
        }
    }
}

/// Two descriptors that match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// Position in the first list.
    pub a: u32,
    /// Position in the second list.
    pub b: u32,
    /// Squared Euclidean distance of the descriptors.
    pub distance: u32,
}

/// Matches every descriptor of `a` to at most one of `b`, in the order of `a`.
///
/// Without `mutual` several descriptors of `a` may share one of `b`. When `b` holds one descriptor
/// there is no second nearest and the ratio test passes.
pub fn match_descriptors(a: &[Descriptor], b: &[Descriptor], config: &MatchConfig) -> Vec<Match> {
    let (forward, backward) = if config.mutual {
        nearest_both_u8(a, b)
    } else {
        (nearest_two_u8(a, b), Vec::new())
    };
    let squared_ratio = f64::from(config.ratio).powi(2);
    let distinct = |n: &NearestTwo| {
        config.ratio >= 1.0
            || n.second == u32::MAX
            || f64::from(n.distance) < squared_ratio * f64::from(n.second)
    };
    forward
        .iter()
        .enumerate()
        .filter(|(i, n)| distinct(n) && (!config.mutual || backward[n.index as usize] == *i as u32))
        .map(|(i, n)| Match {
            a: i as u32,
            b: n.index,
            distance: n.distance,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(value: u8, last: u8) -> Descriptor {
        let mut d = [value; 128];
        d[127] = last;
        d
    }

    #[test]
    fn the_ratio_is_one_of_distances() {
        // Distances 7 and 10: 0.7 < 0.8, though 49/100 would also pass a ratio of 0.5 on squares.
        let a = [descriptor(0, 0)];
        let b = [descriptor(0, 10), descriptor(0, 7)];
        let found = |ratio| {
            match_descriptors(
                &a,
                &b,
                &MatchConfig {
                    ratio,
                    mutual: false,
                },
            )
            .len()
        };
        assert_eq!(found(0.8), 1);
        assert_eq!(found(0.6), 0);
        assert_eq!(
            match_descriptors(&a, &b, &MatchConfig::default()),
            [Match {
                a: 0,
                b: 1,
                distance: 49
            }]
        );
    }

    #[test]
    fn mutual_matches_are_one_to_one() {
        let a = [descriptor(0, 0), descriptor(0, 3), descriptor(9, 0)];
        let b = [descriptor(0, 1), descriptor(9, 9)];
        let one_way = MatchConfig {
            ratio: 0.9,
            mutual: false,
        };
        let both = MatchConfig {
            ratio: 0.9,
            mutual: true,
        };
        let pairs = |c| {
            match_descriptors(&a, &b, c)
                .iter()
                .map(|m| (m.a, m.b))
                .collect::<Vec<_>>()
        };
        assert_eq!(pairs(&one_way), [(0, 0), (1, 0), (2, 1)]);
        assert_eq!(pairs(&both), [(0, 0), (2, 1)]);
    }

    #[test]
    fn one_row_and_no_rows() {
        let one = [descriptor(1, 1)];
        assert_eq!(
            match_descriptors(&one, &one, &MatchConfig::default()).len(),
            1
        );
        assert!(match_descriptors(&one, &[], &MatchConfig::default()).is_empty());
        assert!(match_descriptors(&[], &one, &MatchConfig::default()).is_empty());
        // Two equal rows are no distinct match, whatever the ratio below one.
        assert!(match_descriptors(&one, &[one[0]; 2], &MatchConfig::default()).is_empty());
    }
}
