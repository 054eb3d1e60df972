//! Which blobs are worth a descriptor when not all are wanted.
//!
//! Taking only the strongest crowds them onto the most textured part of a picture, and an object beside it gets
//! none. Half of the budget therefore goes by strength alone; the other half goes round a grid of cells, each giving
//! its strongest remaining blob in turn.

use crate::keypoint::Keypoint;

/// A blob as the budget sees it: position in the photograph's pixels and strength.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bid {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) response: f32,
}

/// How strong a region of this response and scale is: larger ones come before smaller ones of the same contrast, because small ones are most, and the
/// first to go from afar.
pub(crate) fn strength(response: f32, scale: f32) -> f32 {
    response * scale.sqrt()
}

/// Indices of the chosen bids, strongest first; ties in the order given. `budget` 0 chooses all.
pub(crate) fn choose(
    bids: &[Bid],
    size: (usize, usize),
    budget: usize,
    spread: bool,
) -> Vec<usize> {
    choose_fit(bids, size, budget, spread, |_| true)
}

/// As [`choose`] among the bids that are `fit`, which is asked once at most of each, and of few more than are chosen.
pub(crate) fn choose_fit(
    bids: &[Bid],
    size: (usize, usize),
    budget: usize,
    spread: bool,
    mut fit: impl FnMut(usize) -> bool,
) -> Vec<usize> {
    let order = by_response(bids);
    let by_strength = match (budget, spread) {
        (0, _) => usize::MAX,
        (_, true) => budget.div_ceil(2),
        (_, false) => budget,
    };
    let mut rest = order.iter();
    let mut chosen = Vec::new();
    while chosen.len() < by_strength {
        match rest.find(|&&index| fit(index)) {
            Some(&index) => chosen.push(index),
            None => return chosen,
        }
    }
    if chosen.len() == budget {
        return chosen;
    }
    let mut places = vec![0; bids.len()];
    order
        .iter()
        .enumerate()
        .for_each(|(place, &index)| places[index] = place);
    let missing = budget - chosen.len();
    let mut turns = Cells::new(bids, size, budget, &chosen, rest.as_slice());
    let mut more = Vec::new();
    while more.len() < missing && turns.any_left() {
        let mut turn = turns.next_turn(&mut fit);
        turn.sort_unstable_by_key(|&index| places[index]);
        more.extend(turn);
    }
    chosen.extend(more.into_iter().take(missing));
    chosen.sort_unstable_by_key(|&index| places[index]);
    chosen
}

/// Positions of the bids, strongest first; ties in the order given.
fn by_response(bids: &[Bid]) -> Vec<usize> {
    let mut keys: Vec<(u32, u32)> = bids
        .iter()
        .zip(0..)
        .map(|(bid, position)| (falling_bits(bid.response), position))
        .collect();
    keys.sort_unstable();
    keys.into_iter()
        .map(|(_, position)| position as usize)
        .collect()
}

/// Whole numbers in the reverse of the order in which [`f32::total_cmp`] puts the values.
fn falling_bits(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 1 {
        bits
    } else {
        !(bits | 1 << 31)
    }
}

/// The keypoints that a budget chooses, strongest first.
pub(crate) fn within(
    keypoints: &[Keypoint],
    size: (usize, usize),
    budget: usize,
    spread: bool,
) -> Vec<Keypoint> {
    let bids: Vec<Bid> = keypoints
        .iter()
        .map(|&Keypoint { x, y, response, .. }| Bid { x, y, response })
        .collect();
    let chosen = choose(&bids, size, budget, spread);
    chosen.into_iter().map(|i| keypoints[i]).collect()
}

/// A grid over the picture, with an eighth as many cells as the budget has places.
struct Cells {
    /// Of each cell the bids that were not yet asked, weakest first.
    waiting: Vec<Vec<usize>>,
    /// How many of each were chosen.
    taken: Vec<usize>,
    turn: usize,
}

impl Cells {
    /// `first` were chosen already; `rest` are strongest first.
    fn new(
        bids: &[Bid],
        size: (usize, usize),
        budget: usize,
        first: &[usize],
        rest: &[usize],
    ) -> Self {
        let (width, height) = (size.0.max(1) as f32, size.1.max(1) as f32);
        let side = (width * height / (budget as f32 / 8.0).max(1.0))
            .sqrt()
            .max(1.0);
        let columns = (width / side).ceil().max(1.0) as usize;
        let lines = (height / side).ceil().max(1.0) as usize;
        let cell = |i: usize| {
            let column = ((bids[i].x / side).max(0.0) as usize).min(columns - 1);
            let line = ((bids[i].y / side).max(0.0) as usize).min(lines - 1);
            line * columns + column
        };
        let mut taken = vec![0usize; columns * lines];
        first.iter().for_each(|&i| taken[cell(i)] += 1);
        let mut waiting = vec![Vec::new(); columns * lines];
        rest.iter().rev().for_each(|&i| waiting[cell(i)].push(i));
        Self {
            waiting,
            taken,
            turn: 0,
        }
    }

    fn any_left(&self) -> bool {
        self.waiting.iter().any(|cell| !cell.is_empty())
    }

    /// The strongest fit bid of every cell from which no more were chosen than there were turns.
    fn next_turn(&mut self, mut fit: impl FnMut(usize) -> bool) -> Vec<usize> {
        let mut found = Vec::new();
        for (waiting, taken) in self.waiting.iter_mut().zip(&mut self.taken) {
            if *taken > self.turn {
                continue;
            }
            while let Some(index) = waiting.pop() {
                if fit(index) {
                    *taken += 1;
                    found.push(index);
                    break;
                }
            }
        }
        self.turn += 1;
        found
    }
}

#[cfg(test)]
mod tests {
    use super::{Bid, by_response, choose, choose_fit};

    /// Strong bids crowd on the left, weak ones lie on the right.
    fn crowd() -> Vec<Bid> {
        let bid = |i: usize, x: f32, response: f32| Bid {
            x: x + (i % 40) as f32,
            y: i as f32,
            response,
        };
        (0..200)
            .map(|i| bid(i, 0.0, 2.0 - i as f32 * 1e-3))
            .chain((0..200).map(|i| bid(i, 150.0, 1.0 - i as f32 * 1e-3)))
            .collect()
    }

    #[test]
    fn no_budget_takes_all_strongest_first() {
        let bids = [(1.0, 0.2), (2.0, 0.9), (3.0, 0.9), (4.0, 0.5)].map(|(x, response)| Bid {
            x,
            y: 0.0,
            response,
        });
        assert_eq!(choose(&bids, (10, 10), 0, true), [1, 2, 3, 0]);
        assert_eq!(choose(&bids, (10, 10), 2, false), [1, 2]);
    }

    #[test]
    fn the_order_is_that_of_the_responses_whatever_they_are() {
        let responses = [
            0.5,
            f32::NAN,
            -0.0,
            0.0,
            -3.0,
            0.5,
            f32::INFINITY,
            -f32::NAN,
            1e-40,
        ];
        let bids = responses.map(|response| Bid {
            x: 0.0,
            y: 0.0,
            response,
        });
        let mut expected: Vec<usize> = (0..bids.len()).collect();
        expected.sort_by(|&a, &b| responses[b].total_cmp(&responses[a]));
        assert_eq!(by_response(&bids), expected);
    }

    #[test]
    fn a_choice_among_the_fit_is_that_without_the_others() {
        let bids = crowd();
        let fit = |i: usize| i % 7 < 4 && !(30..60).contains(&i);
        let left: Vec<usize> = (0..bids.len()).filter(|&i| fit(i)).collect();
        let left_bids: Vec<Bid> = left.iter().map(|&i| bids[i]).collect();
        for (budget, spread) in [(0, true), (1, true), (40, true), (41, false), (999, true)] {
            let mut asked = vec![0; bids.len()];
            let found = choose_fit(&bids, (200, 200), budget, spread, |i| {
                asked[i] += 1;
                fit(i)
            });
            let wanted = choose(&left_bids, (200, 200), budget, spread);
            assert_eq!(found, wanted.iter().map(|&i| left[i]).collect::<Vec<_>>());
            assert!(asked.iter().all(|&times| times <= 1));
            if budget == 40 {
                assert!(asked.iter().sum::<usize>() < 110, "{asked:?}");
            }
        }
    }

    #[test]
    fn half_of_the_budget_reaches_the_weaker_side() {
        let bids = crowd();
        let strongest = choose(&bids, (200, 200), 100, false);
        assert!(strongest.iter().all(|&i| i < 200));
        let spread = choose(&bids, (200, 200), 100, true);
        assert_eq!(spread.len(), 100);
        let right = spread.iter().filter(|&&i| i >= 200).count();
        assert!((25..=50).contains(&right), "{right}");
        assert!(
            spread
                .windows(2)
                .all(|p| bids[p[0]].response >= bids[p[1]].response)
        );
        assert!((0..50).all(|i| spread.contains(&i)));
    }
}
