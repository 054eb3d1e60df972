//! Over how much of what there is to see in two pictures they agree.
//!
//! A box around all that agrees says little: letters on one letterhead agree in the logo above and the address below, and the box
//! holds all the text between, none of which agrees. So each picture is divided into cells; those that hold features are
//! what there is to see, and those in which a feature agrees are counted among them. Sky and paper without features speak
//! neither for nor against.

/// Cells along each side of a picture.
const CELLS: usize = 8;
/// Features in a cell from which on it counts in full.
const FULL: usize = 4;

/// A place in a picture as shares of its width and height.
pub(crate) type Place = [f64; 2];

/// The share, 0 to 1, of the cells with features in which one of them agrees. Cells of few features weigh less.
pub(super) fn extent(
    features: impl Iterator<Item = Place>,
    agreeing: impl Iterator<Item = Place>,
) -> f64 {
    let mut seen = [0_usize; CELLS * CELLS];
    let mut agrees = [false; CELLS * CELLS];
    for place in features {
        seen[cell(place)] += 1;
    }
    for place in agreeing {
        agrees[cell(place)] = true;
    }
    let weight = |count: &usize| (*count).min(FULL) as f64;
    let all: f64 = seen.iter().map(weight).sum();
    let common = seen.iter().zip(agrees).filter(|(_, agrees)| *agrees);
    let common: f64 = common.map(|(count, _)| weight(count)).sum();
    if all > 0.0 { common / all } else { 0.0 }
}

fn cell([x, y]: Place) -> usize {
    let along = |share: f64| ((share * CELLS as f64) as usize).min(CELLS - 1);
    along(y) * CELLS + along(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four features in each cell of the picture.
    fn everywhere() -> Vec<Place> {
        let steps = || (0..2 * CELLS).map(|n| (n as f64 + 0.5) / (2 * CELLS) as f64);
        steps().flat_map(|y| steps().map(move |x| [x, y])).collect()
    }

    #[test]
    fn head_and_foot_of_a_letter_are_a_small_part_of_it() {
        let all = everywhere();
        let edges = all.iter().copied().filter(|[_, y]| *y < 0.1 || *y > 0.9);
        let extent = extent(all.iter().copied(), edges);
        assert!((extent - 0.25).abs() < 1e-9, "{extent}");
    }

    #[test]
    fn where_nothing_is_to_be_seen_nothing_is_asked() {
        let ground = || everywhere().into_iter().filter(|[_, y]| *y > 0.5);
        assert_eq!(extent(ground(), ground()), 1.0);
        assert_eq!(extent(std::iter::empty(), std::iter::empty()), 0.0);
        // One stray feature in the sky weighs a quarter of a cell.
        let stray = ground().chain([[0.5, 0.1]]);
        assert!((extent(stray, ground()) - 128.0 / 129.0).abs() < 1e-9);
        assert_eq!(cell([1.0, 1.0]), CELLS * CELLS - 1);
    }
}
