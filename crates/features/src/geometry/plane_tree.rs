//! Neighbours among points of an image: a balanced tree of medians (Bentley 1975), no pointers.

/// Points, each at the median of a range, what is before it on one side and what is behind on the other.
#[derive(Debug, Clone)]
pub(crate) struct PlaneTree {
    points: Vec<([f64; 2], u32)>,
}

impl PlaneTree {
    /// The tree of the points that are finite; answers are positions in `points`, of which at most 2³² count.
    pub(crate) fn new(points: impl Iterator<Item = (f64, f64)>) -> Self {
        let mut points: Vec<([f64; 2], u32)> = (points.zip(0..=u32::MAX))
            .filter(|((x, y), _)| x.is_finite() && y.is_finite())
            .map(|((x, y), i)| ([x, y], i))
            .collect();
        arrange(&mut points, 0);
        Self { points }
    }

    /// Everybody less than `radius` away, ascending.
    pub(crate) fn within(&self, centre: (f64, f64), radius: f64, found: &mut Vec<u32>) {
        found.clear();
        let centre = [centre.0, centre.1];
        let mut visit = |square: f64, index: u32| {
            if square < radius * radius {
                found.push(index);
            }
            radius * radius
        };
        let mut limit = f64::INFINITY;
        walk(&self.points, 0, &centre, &mut visit, &mut limit);
        found.sort_unstable();
    }

    /// The `count` nearest that `accepted` wants, as squared distance and position, nearest first. Of several at the
    /// very same distance as the last one, any may be left out.
    pub(crate) fn nearest(
        &self,
        centre: (f64, f64),
        count: usize,
        accepted: impl Fn(u32) -> bool,
        found: &mut Vec<(f64, u32)>,
    ) {
        found.clear();
        if count == 0 {
            return;
        }
        let mut visit = |square: f64, index: u32| {
            let worst = found.get(count - 1).map_or(f64::INFINITY, |w| w.0);
            if square < worst && accepted(index) {
                found.truncate(count - 1);
                let place =
                    found.partition_point(|f| f.0.total_cmp(&square).then(f.1.cmp(&index)).is_lt());
                found.insert(place, (square, index));
            }
            found.get(count - 1).map_or(f64::INFINITY, |w| w.0)
        };
        let centre = [centre.0, centre.1];
        let mut limit = f64::INFINITY;
        walk(&self.points, 0, &centre, &mut visit, &mut limit);
    }
}

fn arrange(points: &mut [([f64; 2], u32)], axis: usize) {
    if points.len() < 2 {
        return;
    }
    let middle = points.len() / 2;
    let (before, _, behind) = points.select_nth_unstable_by(middle, |a, b| {
        a.0[axis].total_cmp(&b.0[axis]).then(a.1.cmp(&b.1))
    });
    arrange(before, 1 - axis);
    arrange(behind, 1 - axis);
}

/// Visits what may be nearer than `limit`, a squared distance that every visit tells anew.
fn walk(
    points: &[([f64; 2], u32)],
    axis: usize,
    centre: &[f64; 2],
    visit: &mut impl FnMut(f64, u32) -> f64,
    limit: &mut f64,
) {
    let middle = points.len() / 2;
    let Some((point, index)) = points.get(middle) else {
        return;
    };
    let (dx, dy) = (point[0] - centre[0], point[1] - centre[1]);
    *limit = visit(dx * dx + dy * dy, *index);
    let (before, behind) = (&points[..middle], &points[middle + 1..]);
    let gap = centre[axis] - point[axis];
    let (near, far) = if gap < 0.0 {
        (before, behind)
    } else {
        (behind, before)
    };
    walk(near, 1 - axis, centre, visit, limit);
    if gap * gap < *limit {
        walk(far, 1 - axis, centre, visit, limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scattered() -> Vec<(f64, f64)> {
        (0..500)
            .map(|i| {
                let i = f64::from(i);
                ((i * 0.731).sin() * 300.0, (i * 1.37).cos() * 200.0)
            })
            .collect()
    }

    #[test]
    fn the_tree_finds_what_a_list_finds() {
        let points = scattered();
        let tree = PlaneTree::new(points.iter().copied());
        let (mut found, mut nearest) = (Vec::new(), Vec::new());
        for &(x, y) in points.iter().step_by(17) {
            let centre = (x + 3.0, y - 2.0);
            let square = |p: &(f64, f64)| (p.0 - centre.0).powi(2) + (p.1 - centre.1).powi(2);
            tree.within(centre, 40.0, &mut found);
            let expected: Vec<u32> = (points.iter().zip(0u32..))
                .filter(|(p, _)| square(p) < 1600.0)
                .map(|(_, i)| i)
                .collect();
            assert_eq!(found, expected);
            tree.nearest(centre, 7, |i| i % 2 == 0, &mut nearest);
            let mut all: Vec<(f64, u32)> = (points.iter().zip(0u32..))
                .filter(|(_, i)| i % 2 == 0)
                .map(|(p, i)| (square(p), i))
                .collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            assert_eq!(nearest, all[..7]);
        }
    }

    #[test]
    fn coincident_and_broken_points_are_no_trouble() {
        let same = vec![(1.0, 1.0); 20_000];
        let tree = PlaneTree::new(same.into_iter());
        let mut nearest = Vec::new();
        for _ in 0..20_000 {
            tree.nearest((1.0, 1.0), 5, |_| true, &mut nearest);
        }
        assert_eq!(nearest.len(), 5);
        let tree = PlaneTree::new([(f64::NAN, 1.0), (2.0, 2.0)].into_iter());
        let mut found = Vec::new();
        tree.within((2.0, 2.5), 1.0, &mut found);
        assert_eq!(found, [1]);
        PlaneTree::new(std::iter::empty()).within((0.0, 0.0), 1.0, &mut found);
        assert!(found.is_empty());
    }
}
