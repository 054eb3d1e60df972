//! Where the object is: boxes that agree along the edges of the graph.
//!
//! As in Gordo et al. 2016 a box begins as the geometric median of the boxes around the matched places of all edges of
//! a picture. Then, round by round, the box of every neighbour is carried over by the edge's transform, and the
//! picture's box moves by the step α towards the geometric median of what arrives, so that boxes of one object
//! come to cover the same part of it and one wrong edge does not matter. Here edges count by their inliers, and the carried
//! box keeps the *area* of the carried quadrilateral: the box around a turned rectangle is larger than it, and over
//! many rounds would grow to the whole picture.

use vizsla_features::Transform;

use super::edges::Edge;
use super::files::Folder;
use super::graph::Cluster;

/// The step α of the paper.
const STEP: f64 = 0.1;
/// Rounds at most; the paper goes on until nothing moves.
const ROUNDS: usize = 100;
/// A round that moves no side by more than this share of the picture's longer side is the last.
const STILL: f64 = 1e-3;
/// Steps of Weiszfeld's algorithm.
const WEISZFELD: usize = 30;

/// Left, top, right and bottom in full-resolution pixels.
pub(super) type Sides = [f64; 4];

/// The box of each node of a cluster; `None` for the others.
pub(super) fn settle(folder: &Folder, edges: &[Edge], clusters: &[Cluster]) -> Vec<Option<Sides>> {
    let mut kept = vec![false; folder.nodes.len()];
    for &node in clusters.iter().flatten() {
        kept[node] = true;
    }
    let sizes: Vec<[u32; 2]> = folder.nodes.iter().map(|node| node.size).collect();
    let edges: Vec<&Edge> = edges.iter().filter(|edge| kept[edge.a]).collect();
    let mut boxes = beginnings(&sizes, &edges);
    let inverses: Vec<Option<Transform>> = edges.iter().map(|e| e.transform.inverse()).collect();
    for _ in 0..ROUNDS {
        let mut arriving: Vec<Vec<(Sides, f64)>> = vec![Vec::new(); sizes.len()];
        for (edge, inverse) in edges.iter().zip(&inverses) {
            let weight = edge.evidence.inliers as f64;
            let ways = [
                (edge.a, edge.b, Some(&edge.transform)),
                (edge.b, edge.a, inverse.as_ref()),
            ];
            for (from, to, transform) in ways {
                let carried = boxes[from]
                    .zip(transform)
                    .and_then(|(sides, transform)| carried(&sides, transform))
                    .and_then(|sides| clipped(sides, sizes[to]));
                arriving[to].extend(carried.map(|sides| (sides, weight)));
            }
        }
        if !step(&mut boxes, &arriving, &sizes) {
            break;
        }
    }
    boxes
}

/// The median of the boxes of matched places.
fn beginnings(sizes: &[[u32; 2]], edges: &[&Edge]) -> Vec<Option<Sides>> {
    let mut around: Vec<Vec<(Sides, f64)>> = vec![Vec::new(); sizes.len()];
    for edge in edges {
        for (node, part) in [(edge.a, edge.boxes[0]), (edge.b, edge.boxes[1])] {
            let sides = [part.x, part.y, part.x + part.width, part.y + part.height];
            around[node].push((sides, edge.evidence.inliers as f64));
        }
    }
    around.iter().map(|boxes| geometric_median(boxes)).collect()
}

/// Moves every box towards what arrives; whether one of them really moved.
fn step(boxes: &mut [Option<Sides>], arriving: &[Vec<(Sides, f64)>], sizes: &[[u32; 2]]) -> bool {
    let mut moved = false;
    for ((sides, arriving), size) in boxes.iter_mut().zip(arriving).zip(sizes) {
        let (Some(sides), Some(target)) = (sides, geometric_median(arriving)) else {
            continue;
        };
        let longer = f64::from(size[0].max(size[1]));
        for (side, target) in sides.iter_mut().zip(target) {
            let by = STEP * (target - *side);
            *side += by;
            moved |= by.abs() > STILL * longer;
        }
    }
    moved
}

/// The box on the other side of a transform: around the carried corners, shrunk about its centre to their area.
fn carried(sides: &Sides, transform: &Transform) -> Option<Sides> {
    let [left, top, right, bottom] = *sides;
    let corners = transform.project_box(left, top, right - left, bottom - top)?;
    let mut around = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
    let mut twice = 0.0;
    for (at, &(x, y)) in corners.iter().enumerate() {
        let (next_x, next_y) = corners[(at + 1) % 4];
        twice += x * next_y - next_x * y;
        around = [
            around[0].min(x),
            around[1].min(y),
            around[2].max(x),
            around[3].max(y),
        ];
    }
    let (width, height) = (around[2] - around[0], around[3] - around[1]);
    let shrink = (0.5 * twice.abs() / (width * height)).sqrt().min(1.0);
    if !shrink.is_finite() {
        return None;
    }
    let (x, y) = (0.5 * (around[0] + around[2]), 0.5 * (around[1] + around[3]));
    let (width, height) = (0.5 * shrink * width, 0.5 * shrink * height);
    Some([x - width, y - height, x + width, y + height])
}

/// The part of a box inside the picture; `None` when nothing is.
fn clipped(sides: Sides, [width, height]: [u32; 2]) -> Option<Sides> {
    let (width, height) = (f64::from(width), f64::from(height));
    let clipped = [
        sides[0].clamp(0.0, width),
        sides[1].clamp(0.0, height),
        sides[2].clamp(0.0, width),
        sides[3].clamp(0.0, height),
    ];
    (clipped[2] - clipped[0] >= 1.0 && clipped[3] - clipped[1] >= 1.0).then_some(clipped)
}

/// The point with the least weighted sum of distances to all (Weiszfeld 1937), from the weighted mean on.
fn geometric_median(points: &[(Sides, f64)]) -> Option<Sides> {
    let mean = |weights: &[f64]| {
        let sum: f64 = weights.iter().sum();
        let mut mean = [0.0; 4];
        for ((point, _), weight) in points.iter().zip(weights) {
            for (mean, side) in mean.iter_mut().zip(point) {
                *mean += side * weight / sum;
            }
        }
        mean
    };
    if points.is_empty() {
        return None;
    }
    let weights: Vec<f64> = points.iter().map(|(_, weight)| *weight).collect();
    let mut median = mean(&weights);
    for _ in 0..WEISZFELD {
        let near: Vec<f64> = points
            .iter()
            .map(|(point, weight)| {
                let square: f64 = point
                    .iter()
                    .zip(&median)
                    .map(|(a, b)| (a - b).powi(2))
                    .sum();
                weight / square.sqrt().max(1e-6)
            })
            .collect();
        median = mean(&near);
    }
    Some(median)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_that_goes_there_and_back_keeps_its_size() {
        let turn = Transform::similarity(1.3, 0.6, 40.0, 20.0);
        let back = turn.inverse().expect("a similarity");
        let mut sides = [100.0, 100.0, 200.0, 180.0];
        for _ in 0..20 {
            let there = carried(&sides, &turn).expect("finite");
            sides = carried(&there, &back).expect("finite");
        }
        let area = (sides[2] - sides[0]) * (sides[3] - sides[1]);
        assert!((area - 8000.0).abs() < 1.0, "{area}");
        assert!((sides[0] + sides[2] - 300.0).abs() < 1e-6, "{sides:?}");
    }

    #[test]
    fn one_wrong_box_does_not_move_the_median() {
        let right = ([10.0, 10.0, 50.0, 50.0], 1.0);
        let wrong = ([400.0, 0.0, 900.0, 700.0], 1.0);
        let median = geometric_median(&[right, right, right, wrong]).expect("some");
        for (side, wanted) in median.iter().zip(right.0) {
            assert!((side - wanted).abs() < 0.1, "{median:?}");
        }
        assert_eq!(geometric_median(&[]), None);
    }

    #[test]
    fn boxes_end_at_the_picture() {
        let inside = clipped([-5.0, 10.0, 50.0, 500.0], [100, 80]);
        assert_eq!(inside, Some([0.0, 10.0, 50.0, 80.0]));
        assert_eq!(clipped([-50.0, 0.0, -5.0, 9.0], [100, 80]), None);
    }
}
