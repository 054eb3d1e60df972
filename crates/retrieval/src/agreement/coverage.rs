//! How much of what two pictures have in common the agreement covers.
//!
//! A logo on two different covers agrees perfectly, far beyond chance, in a small corner; the transform
//! that it implies lays the rest of the covers over each other, and there nothing agrees. So besides the evidence
//! one asks for its extent: the area of the inliers' convex hull, as a share of the area in which the
//! pictures would overlap if the transform were true.
//!
//! A steep view carries part of the query's frame beyond the horizon of the gallery image, where no point of it can
//! be seen; the part before the horizon is what counts.

use vizsla_features::Transform;

use crate::Region;

/// A point, x and y.
pub(crate) type Point = [f64; 2];

/// How near to the horizon the frame is followed, as a share of the third homogeneous coordinate where it is
/// largest: what lies closer is projected a thousand picture widths away and more.
const HORIZON: f64 = 1e-4;

/// The part of `region` before the horizon of `transform`, as a polygon in the picture it leads to.
pub(super) fn projected(transform: &Transform, region: &Region) -> Vec<Point> {
    let (right, bottom) = (region.x + region.width, region.y + region.height);
    let frame = [
        [region.x, region.y],
        [right, region.y],
        [right, bottom],
        [region.x, bottom],
    ];
    let [.., last] = transform.0;
    let depth = |p: Point| last[0] * p[0] + last[1] * p[1] + last[2];
    let nearest = frame
        .iter()
        .map(|&corner| depth(corner))
        .fold(0.0, f64::max);
    cut(&frame, |p| depth(p) - HORIZON * nearest)
        .into_iter()
        .filter_map(|[x, y]| transform.apply(x, y))
        .map(|(x, y)| [x, y])
        .collect()
}

/// Share, 0 to 1, of the overlap of the polygon `outline` with a picture of `width` × `height` pixels that the
/// convex hull of `points` covers. 1 when there is no overlap to compare with.
pub(super) fn coverage(points: &[Point], outline: &[Point], width: f64, height: f64) -> f64 {
    let common = area(&clip(outline, width, height));
    if common > 0.0 {
        (area(&hull(points)) / common).min(1.0)
    } else {
        1.0
    }
}

/// Convex hull, counter-clockwise (Andrew's monotone chain).
fn hull(points: &[Point]) -> Vec<Point> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    let mut chain: Vec<Point> = Vec::with_capacity(sorted.len() * 2);
    let upper = sorted.iter().rev().skip(1);
    let mut floor = 2;
    for (at, &point) in sorted.iter().chain(upper).enumerate() {
        if at == sorted.len() {
            floor = chain.len() + 1;
        }
        while chain.len() >= floor
            && turn(chain[chain.len() - 2], chain[chain.len() - 1], point) <= 0.0
        {
            chain.pop();
        }
        chain.push(point);
    }
    chain
}

/// Positive when a → b → c turns left.
fn turn(a: Point, b: Point, c: Point) -> f64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

/// The part of a polygon inside the picture.
fn clip(polygon: &[Point], width: f64, height: f64) -> Vec<Point> {
    let polygon = cut(polygon, |p| p[0]);
    let polygon = cut(&polygon, |p| width - p[0]);
    let polygon = cut(&polygon, |p| p[1]);
    cut(&polygon, |p| height - p[1])
}

/// The part of a polygon where a linear function is not negative (Sutherland & Hodgman 1974).
fn cut(polygon: &[Point], inside: impl Fn(Point) -> f64) -> Vec<Point> {
    let mut kept = Vec::with_capacity(polygon.len() + 1);
    for (at, &to) in polygon.iter().enumerate() {
        let from = polygon[(at + polygon.len() - 1) % polygon.len()];
        let (before, after) = (inside(from), inside(to));
        if (before < 0.0) != (after < 0.0) {
            let t = before / (before - after);
            kept.push([
                from[0] + t * (to[0] - from[0]),
                from[1] + t * (to[1] - from[1]),
            ]);
        }
        if after >= 0.0 {
            kept.push(to);
        }
    }
    kept
}

fn area(polygon: &[Point]) -> f64 {
    let next = polygon.iter().cycle().skip(1);
    let twice: f64 = polygon
        .iter()
        .zip(next)
        .map(|(a, b)| a[0] * b[1] - b[0] * a[1])
        .sum();
    twice.abs() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: [Point; 4] = [[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]];

    #[test]
    fn inner_points_and_order_do_not_matter() {
        let points = [
            [5.0, 5.0],
            [10.0, 10.0],
            [0.0, 0.0],
            [3.0, 7.0],
            [0.0, 10.0],
            [10.0, 0.0],
        ];
        assert!((area(&hull(&points)) - 100.0).abs() < 1e-12);
        assert!(area(&hull(&[[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])) < 1e-12);
        assert_eq!(area(&hull(&[])), 0.0);
        assert_eq!(area(&hull(&[[4.0, 4.0]])), 0.0);
    }

    #[test]
    fn only_the_overlap_with_the_picture_counts() {
        let shifted = SQUARE.map(|[x, y]| [x + 5.0, y]);
        // Half of the outline lies in the picture; the points cover half of that half.
        let points = [[5.0, 0.0], [10.0, 0.0], [10.0, 5.0], [5.0, 5.0]];
        assert!((coverage(&points, &shifted, 10.0, 10.0) - 0.5).abs() < 1e-12);
        let away = SQUARE.map(|[x, y]| [x + 50.0, y]);
        assert_eq!(coverage(&points, &away, 10.0, 10.0), 1.0);
    }

    #[test]
    fn a_frame_is_followed_up_to_the_horizon() {
        let region = Region {
            x: 0.0,
            y: 0.0,
            width: 100.0,
            height: 100.0,
        };
        let flat = projected(&Transform::IDENTITY, &region);
        assert!((area(&flat) - 10_000.0).abs() < 1e-9);
        // The horizon is the line x = 50: the left half of the frame is seen, and reaches past every picture.
        let steep = Transform([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-0.02, 0.0, 1.0]]);
        assert!(steep.project_box(0.0, 0.0, 100.0, 100.0).is_none());
        let seen = projected(&steep, &region);
        assert!(seen.len() == 4 && seen.iter().flatten().all(|v| v.is_finite()));
        // In the gallery image the upper edge runs along y = 0, the lower one along y = 100 + 2 x.
        assert!((area(&clip(&seen, 50.0, 400.0)) - 7_500.0).abs() < 1e-6);
        let beyond = Transform([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1.0, 0.0, -1.0]]);
        assert!(projected(&beyond, &region).is_empty());
    }
}
