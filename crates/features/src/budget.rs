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

/// Indices of the chosen bids, strongest first; ties in the order given. `budget` 0 chooses all.
pub(crate) fn choose(
    bids: &[Bid],
    size: (usize, usize),
    budget: usize,
    spread: bool,
) -> Vec<usize> {
    let mut order: Vec<usize> = (0..bids.len()).collect();
    order.sort_by(|&a, &b| {
        bids[b]
            .response
            .total_cmp(&bids[a].response)
            .then(a.cmp(&b))
    });
    if budget == 0 || order.len() <= budget {
        return order;
    }
    if !spread {
        order.truncate(budget);
        return order;
    }
    let by_strength = budget.div_ceil(2);
    let (first, rest) = order.split_at(by_strength);
    let mut rank = rank_within_cells(bids, size, budget, first, rest);
    rank.sort_unstable();
    let mut chosen = vec![false; order.len()];
    first
        .iter()
        .chain(
            rank.iter()
                .take(budget - by_strength)
                .map(|(_, position)| &rest[*position]),
        )
        .for_each(|&i| chosen[i] = true);
    order.retain(|&i| chosen[i]);
    order
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

/// For every remaining bid its turn in its cell (counting the ones already chosen there) and its position in `rest`.
fn rank_within_cells(
    bids: &[Bid],
    size: (usize, usize),
    budget: usize,
    first: &[usize],
    rest: &[usize],
) -> Vec<(usize, usize)> {
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
    rest.iter()
        .enumerate()
        .map(|(position, &i)| {
            let turn = &mut taken[cell(i)];
            *turn += 1;
            (*turn, position)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Bid, choose};

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
