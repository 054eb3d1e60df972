//! How much of a pixel goes to which cell of a grid.

/// For every pixel along a side: the two cells nearest to it and the share of the second one.
#[derive(Debug)]
pub(super) struct Cells {
    count: usize,
    shares: Vec<(usize, usize, f32)>,
}

impl Cells {
    /// `count` cells along a side; a pixel is shared between the two whose middles it lies between.
    pub(super) fn new(side: usize, count: usize) -> Self {
        let last = count.saturating_sub(1);
        let share = |pixel: usize| {
            let place = (pixel as f32 + 0.5) * count as f32 / side as f32 - 0.5;
            let place = place.clamp(0.0, last as f32);
            let cell = (place as usize).min(last);
            (cell, (cell + 1).min(last), place - cell as f32)
        };
        Self {
            count,
            shares: (0..side).map(share).collect(),
        }
    }

    /// Adds one to bin `bin` of `bins` in the cells around a pixel; cells row by row.
    pub(super) fn add(&self, x: usize, y: usize, bin: usize, bins: usize, sums: &mut [f32]) {
        let ((left, right, across), (upper, lower, down)) = (self.shares[x], self.shares[y]);
        for (row, vertical) in [(upper, 1.0 - down), (lower, down)] {
            for (column, horizontal) in [(left, 1.0 - across), (right, across)] {
                if let Some(sum) = sums.get_mut((row * self.count + column) * bins + bin) {
                    *sum += vertical * horizontal;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Cells;

    #[test]
    fn every_pixel_is_counted_once() {
        let cells = Cells::new(8, 4);
        let mut sums = [0.0; 32];
        cells.add(0, 0, 1, 2, &mut sums);
        assert_eq!(sums[1], 1.0);
        // Between the middles of cells 0 and 1, pixels 0.5 and 2.5.
        cells.add(1, 7, 0, 2, &mut sums);
        assert_eq!((sums[2 * 12], sums[2 * 13]), (0.75, 0.25));
        assert_eq!(sums.iter().sum::<f32>(), 2.0);
    }
}
