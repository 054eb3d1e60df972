//! Pairs of samples that belong together, for a projection that is learned from pairs.

/// Pairs each member of a group with those so many places further on in it, around its end: as many pairs for each member
/// as there are places in `ahead`, however large the group. A member is never paired with itself; a pair may come
/// twice in a small group.
pub fn group_pairs<'a>(
    groups: impl IntoIterator<Item = &'a [u32]>,
    ahead: &[usize],
) -> Vec<(u32, u32)> {
    let mut pairs = Vec::new();
    for members in groups {
        for (at, &member) in members.iter().enumerate() {
            let others = ahead
                .iter()
                .map(|ahead| members[(at + ahead) % members.len()]);
            pairs.extend(
                others
                    .filter(|&other| other != member)
                    .map(|other| (member, other)),
            );
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_paired_within_their_group_only() {
        let groups: [&[u32]; 4] = [&[4, 1, 9], &[], &[7], &[2, 3]];
        let pairs = group_pairs(groups, &[1, 2]);
        let first = [(4, 1), (4, 9), (1, 9), (1, 4), (9, 4), (9, 1)];
        assert_eq!(pairs[..6], first);
        assert_eq!(pairs[6..], [(2, 3), (3, 2)]);
    }
}
