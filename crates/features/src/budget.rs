//! Which blobs are worth a descriptor when not all are wanted.
//!
//! Taking only the strongest crowds them onto the most textured part of a picture, and an object beside it gets
//! none. Half of the budget therefore goes by strength alone; the other half goes round a grid of cells, each giving
//! its strongest remaining blob in turn.

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
