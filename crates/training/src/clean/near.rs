//! Candidates by place: pictures that were taken near each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use vizsla_retrieval::metres_between;

use super::files::Folder;

/// Metres of a degree of latitude.
const DEGREE: f64 = 111_195.0;

/// For each node the images taken within so many metres of it, itself included, with their nodes.
pub(super) fn candidates(folder: &Folder, metres: f64) -> Vec<Arc<BTreeMap<i64, usize>>> {
    let images = |near: Vec<usize>| near.into_iter().map(|at| (folder.nodes[at].image, at));
    nodes(folder, metres)
        .into_iter()
        .map(|near| Arc::new(images(near).collect()))
        .collect()
}

/// For each node those taken within so many metres of it, itself included; none where its place is not known.
pub(super) fn nodes(folder: &Folder, metres: f64) -> Vec<Vec<usize>> {
    let places: Vec<[f64; 2]> = folder
        .nodes
        .iter()
        .map(|node| node.place.unwrap_or([f64::NAN; 2]))
        .collect();
    within(&places, metres)
}

/// For each place, in degrees north and east, the numbers of those within so many metres, itself included. Places
/// are sorted by latitude, so that only a band is looked at.
fn within(places: &[[f64; 2]], metres: f64) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|&a, &b| places[a][0].total_cmp(&places[b][0]).then(a.cmp(&b)));
    let band = metres / DEGREE * 1.01;
    let near = |&[north, east]: &[f64; 2]| {
        let from = order.partition_point(|&at| places[at][0] < north - band);
        let rest = order.get(from..).unwrap_or_default();
        let mut near: Vec<usize> = rest
            .iter()
            .copied()
            .take_while(|&at| places[at][0] <= north + band)
            .filter(|&at| metres_between(places[at], [north, east]) <= metres)
            .collect();
        near.sort_unstable();
        near
    };
    places.iter().map(near).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_within_reach_are_near() {
        let budapest = [47.5, 19.05];
        let places = [
            budapest,
            [47.5003, 19.05],
            [47.5, 19.0506],
            [48.2, 16.37],
            [f64::NAN, f64::NAN],
            [89.9999, 0.0],
            [89.9999, 180.0],
        ];
        let near = within(&places, 50.0);
        assert_eq!(near[0], [0, 1, 2]);
        assert_eq!(near[1], [0, 1], "one and two are 56 m apart");
        assert_eq!(near[3], [3]);
        assert!(near[4].is_empty());
        assert_eq!(near[5], [5, 6], "across the pole");
    }
}
