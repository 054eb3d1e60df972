//! One picture of a map, and where it lies.

/// One picture of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct MapItem {
    /// Where it lies; only relative places matter.
    pub position: [f32; 2],
    /// Name to show and to search for, such as its path.
    pub path: String,
    /// What it is coloured by; `None` where that is not known.
    pub label: Option<String>,
    /// A sentence about it; empty where there is none.
    pub caption: String,
}

/// Places in a square of side 1, the larger extent filling it; y grows downwards on a screen, so it is turned.
pub(super) fn unit_square(items: &[MapItem]) -> Vec<[f32; 2]> {
    let range = |axis: usize| {
        let values = items
            .iter()
            .map(|item| item.position[axis])
            .filter(|v| v.is_finite());
        let low = values.clone().fold(f32::INFINITY, f32::min);
        (low, values.fold(f32::NEG_INFINITY, f32::max))
    };
    let ((left, right), (low, high)) = (range(0), range(1));
    let extent = (right - left).max(high - low).max(f32::MIN_POSITIVE);
    let place = |value: f32, from: f32| {
        let place = (value - from) / extent;
        if place.is_finite() {
            place.clamp(0.0, 1.0)
        } else {
            0.5
        }
    };
    items
        .iter()
        .map(|item| {
            [
                place(item.position[0], left),
                place(high - item.position[1], 0.0),
            ]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_keep_their_proportions() {
        let item = |x: f32, y: f32| MapItem {
            position: [x, y],
            path: String::new(),
            label: None,
            caption: String::new(),
        };
        let places = unit_square(&[item(-2.0, 1.0), item(2.0, 3.0), item(f32::NAN, 2.0)]);
        assert_eq!(places, [[0.0, 0.5], [1.0, 0.0], [0.5, 0.25]]);
        assert_eq!(unit_square(&[item(5.0, 5.0)]), [[0.0, 0.0]]);
        assert!(unit_square(&[]).is_empty());
    }
}
