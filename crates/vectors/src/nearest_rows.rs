//! The nearest rows of float vectors, all rows compared.

use rayon::prelude::*;

use crate::float_panel::{FloatPanel, NearestRow};

/// Points whose distances are held at a time.
const SEVERAL: usize = 64;

/// The `count` nearest rows of every point, nearest first, ties to the lower row: as many a point as `count`, or as there are rows.
/// `points` and `rows` are rows of `dimension` numbers. Works in the current rayon pool.
///
/// ```
/// let found = vizsla_vectors::nearest_rows(&[0.9], &[0.0, 1.0, 3.0], 1, 2);
/// assert_eq!([found[0].row, found[1].row], [1, 0]);
/// ```
pub fn nearest_rows(
    points: &[f32],
    rows: &[f32],
    dimension: usize,
    count: usize,
) -> Vec<NearestRow> {
    let panel = FloatPanel::new(rows, dimension);
    let count = count.min(panel.rows());
    match count {
        0 => Vec::new(),
        1 => panel.nearest(points),
        _ => points
            .par_chunks(SEVERAL * dimension)
            .flat_map_iter(|points| few_of(&panel, points, count))
            .collect(),
    }
}

fn few_of(panel: &FloatPanel, points: &[f32], count: usize) -> Vec<NearestRow> {
    let distances = panel.distances(points);
    let mut found = Vec::with_capacity(distances.len() / panel.rows() * count);
    let mut all: Vec<NearestRow> = Vec::with_capacity(panel.rows());
    let order = |a: &NearestRow, b: &NearestRow| {
        let nearer = a.distance.total_cmp(&b.distance);
        nearer.then(a.row.cmp(&b.row))
    };
    for distances in distances.chunks_exact(panel.rows()) {
        let rows = (0..).zip(distances);
        all.clear();
        all.extend(rows.map(|(row, &distance)| NearestRow { row, distance }));
        if count < all.len() {
            all.select_nth_unstable_by(count - 1, order);
            all.truncate(count);
        }
        all.sort_unstable_by(order);
        found.append(&mut all);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::l2_squared_f32;
    use crate::random::Random;

    #[test]
    fn they_are_those_of_sorting_all() {
        let mut random = Random::new(9);
        let mut draw =
            |count: usize| -> Vec<f32> { (0..count).map(|_| random.below(4) as f32).collect() };
        let (dimension, points) = (5, draw(5 * 70));
        for rows in [1, 16, 40] {
            let rows = draw(rows * dimension);
            for count in [0, 1, 3, 16, 100] {
                let found = nearest_rows(&points, &rows, dimension, count);
                let mut expected = Vec::new();
                for point in points.chunks_exact(dimension) {
                    let rows = (0..).zip(rows.chunks_exact(dimension));
                    let mut all: Vec<(f32, u32)> = rows
                        .map(|(row, r)| (l2_squared_f32(point, r), row))
                        .collect();
                    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                    expected.extend(all.into_iter().take(count));
                }
                let found: Vec<(f32, u32)> = found.iter().map(|n| (n.distance, n.row)).collect();
                assert_eq!(found, expected);
            }
        }
        assert!(nearest_rows(&[], &[1.0], 1, 1).is_empty());
        assert!(nearest_rows(&[1.0], &[], 1, 3).is_empty());
        assert!(nearest_rows(&[1.0], &[1.0], 0, 3).is_empty());
    }
}
