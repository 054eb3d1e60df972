//! Reads posting lists, several side by side.
//!
//! Lists lie far apart, and their bytes come from memory. A processor fetches a few pages ahead for each stretch that it sees read,
//! so one list after the other leaves most of the memory's bandwidth idle; four at once take nearly twice as many bytes a
//! second (`benches/inverted.md`).

use crate::scan::{Hit, Hits, TURN, near_signatures};
use crate::segment::List;

/// Lists that are read at the same time.
const SIDE_BY_SIDE: usize = 4;

/// A list, and the signature that its postings are compared with.
pub(crate) type Asked<'a> = (&'a List<'a>, u64);

/// Calls `take` for every list in their order, with its number and all its postings within `threshold` bits, in order.
pub(crate) fn each_near(lists: &[Asked<'_>], threshold: u32, take: &mut dyn FnMut(usize, &[Hit])) {
    let mut hits: [Hits; SIDE_BY_SIDE] = Default::default();
    lists
        .iter()
        .take(SIDE_BY_SIDE)
        .for_each(|(list, _)| list.prefetch_begin());
    for (group, beside) in lists.chunks(SIDE_BY_SIDE).enumerate() {
        let next = lists.iter().skip((group + 1) * SIDE_BY_SIDE);
        next.take(SIDE_BY_SIDE)
            .for_each(|(list, _)| list.prefetch_begin());
        read(beside, threshold, &mut hits);
        for (at, hits) in hits.iter().take(beside.len()).enumerate() {
            take(group * SIDE_BY_SIDE + at, hits.all());
        }
    }
}

/// The near postings of a few lists.
fn read(lists: &[Asked<'_>], threshold: u32, hits: &mut [Hits; SIDE_BY_SIDE]) {
    hits.iter_mut().for_each(Hits::clear);
    let longest = lists.iter().map(|(list, _)| list.len()).max().unwrap_or(0);
    for first in (0..longest).step_by(TURN) {
        for ((list, signature), hits) in lists.iter().zip(hits.iter_mut()) {
            let Some(turn) = list
                .signatures
                .get(8 * first..)
                .filter(|turn| !turn.is_empty())
            else {
                continue;
            };
            list.prefetch_turn(first, TURN);
            near_signatures(turn, first as u32, *signature, threshold, hits);
        }
    }
}
