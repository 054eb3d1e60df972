//! Whether two pictures that agree in part are of the same object.
//!
//! Geometry proves that something agrees: a logo, a frame, a letterhead would do. Whether all of it is the same is told by the
//! [common ground](vizsla_features::Ground), and by the other pictures that explain the same place of the query: of thirty labels with one logo
//! one agrees over all, and that one is meant. A logistic model weighs both. Its probability means: of the pairs with such figures on the
//! scenes it was fitted to (`benches/instance/sameness.py`, one half of the scenes), this share were of the same object.

use vizsla_features::Ground;

use crate::{Agreement, Region};

/// Weights of the figures of an agreement, in the order of [`figures`].
const WEIGHTS: [f64; 6] = [2.018, -0.1359, 3.189, 0.7903, 0.03675, 0.2846];
/// Weights of what other pictures that explain the same place are ahead by, in the order of [`behind`].
const AGAINST: [f64; 4] = [-6.404, -0.2362, -4.928, -1.792];
/// What a pair of no figures has.
const BIAS: f64 = 3.22;
/// Difference of colours that is taken where one of the pictures is grey.
const GREY: f64 = 9.0;
/// Share of the smaller of two boxes from which they are of one place.
const ONE_PLACE: f64 = 0.4;
/// How fast a picture ceases to be a copy with each pixel that cells lie beside their places, and with each difference of colours.
const STEADY: f64 = 2.0;
const COPIED_COLOUR: f64 = 5.0;
/// Log-odds that conflicting ground of a copy takes off, and the share of it that one caption makes.
const EDITED: f64 = 120.0;
const COVERED: f64 = 0.12;
/// Agreeing ground and decimal logarithm of the evidence from which two pictures may be copies, and from which they are.
const COPIED_GROUND: (f64, f64) = (0.3, 0.5);
const COPIED_EVIDENCE: (f64, f64) = (2.1, 2.3);
/// Log-odds taken off for what is missing of the agreeing ground of one print, where the extent is below that of one page.
const WRITTEN: f64 = 60.0;
const PRINTED: f64 = 0.88;
const WHOLE: f64 = 0.57;
/// Log-odds that conflicting ground takes off where what agrees is a scrap, the share of it that any two views have, and the extents from
/// which a scrap is none and up to which it surely is one.
const SCRAP: f64 = 12.0;
const SCRAP_CONFLICTS: f64 = 0.35;
const SCRAP_EXTENT: (f64, f64) = (0.07, 0.065);
/// Share of one light tone from which two pictures may be pages, and from which they are.
const PAPER: (f64, f64) = (0.35, 0.5);
/// Keeps the logarithm of a coverage finite.
const LEAST_COVERAGE: f64 = 0.01;

/// The figures of an agreement whose ground is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    agreeing: f64,
    inside: f64,
    colour: f64,
    correlation: f64,
    log_coverage: f64,
    log_evidence: f64,
    /// What is taken off the log-odds.
    doubt: f64,
    place: Region,
}

/// The figures of an agreement; `None` where nothing is known of the ground.
pub(crate) fn figures(agreement: &Agreement) -> Option<Figures> {
    let ground = agreement.ground.as_ref()?;
    Some(Figures {
        agreeing: f64::from(ground.agreeing),
        inside: f64::from(ground.inside),
        colour: ground.colour.map_or(GREY, f64::from),
        correlation: f64::from(ground.correlation),
        log_coverage: (agreement.coverage + LEAST_COVERAGE).ln(),
        log_evidence: log_evidence(agreement),
        doubt: edited(agreement, ground) + written(agreement, ground) + scrap(agreement, ground),
        place: agreement.query_box,
    })
}

/// Decimal logarithm of the evidence, from 0.
fn log_evidence(agreement: &Agreement) -> f64 {
    (-agreement.log10_nfa).max(1.0).log10()
}

/// Doubt where two pictures are copies of one, with other things on it: a picture with two captions. Between copies what agrees lies in
/// its place to the pixel and in the same colours, so whatever both show there and is not the same was put there. What hides a
/// part of one of them, one caption, a frame, a watermark, conflicts less.
fn edited(agreement: &Agreement, ground: &Ground) -> f64 {
    let colour = ground.colour.map_or(0.0, f64::from);
    let copied = (-STEADY * f64::from(ground.drift) - (colour / COPIED_COLOUR).powi(2)).exp();
    // Copies agree over much of the ground, and in more features than other pictures do.
    let much = rise(f64::from(ground.agreeing), COPIED_GROUND);
    let surely = rise(log_evidence(agreement), COPIED_EVIDENCE);
    EDITED * copied * much * surely * (f64::from(ground.conflicting) - COVERED).max(0.0)
}

/// Doubt where there are no colours to tell, most of both pictures is paper, they agree in few of the places that have features, and not all of the
/// ground agrees: in little, one page of text looks much like another.
fn written(agreement: &Agreement, ground: &Ground) -> f64 {
    let page = rise(f64::from(ground.paper), PAPER);
    match ground.colour.is_none() && agreement.extent < WHOLE {
        true => WRITTEN * page * (PRINTED - f64::from(ground.agreeing)).max(0.0),
        false => 0.0,
    }
}

/// Doubt where next to nothing of both pictures agrees and most of what both show there is not the same: some letters of one typeface.
fn scrap(agreement: &Agreement, ground: &Ground) -> f64 {
    let conflict = f64::from(ground.conflicting) - SCRAP_CONFLICTS;
    SCRAP * rise(agreement.extent, SCRAP_EXTENT) * conflict.max(0.0)
}

/// How far a value has come on its way, 0 to 1.
fn rise(value: f64, (from, to): (f64, f64)) -> f64 {
    ((value - from) / (to - from)).clamp(0.0, 1.0)
}

impl Figures {
    /// The probability, 0 to 1, that both show the same object, among others that agree with the same query.
    pub(crate) fn probability<'a>(&self, others: impl Iterator<Item = &'a Self>) -> f64 {
        let own = [
            self.agreeing,
            self.colour,
            self.correlation,
            self.log_coverage,
            self.colour * self.inside,
            self.log_evidence,
        ];
        let own: f64 = own.iter().zip(WEIGHTS).map(|(x, w)| x * w).sum();
        let behind = self.behind(others);
        let against: f64 = behind.iter().zip(AGAINST).map(|(x, w)| x * w).sum();
        1.0 / (1.0 + (self.doubt - BIAS - own - against).exp())
    }

    /// The same of a pair that no other picture stands beside.
    pub(crate) fn alone(&self) -> f64 {
        self.probability(std::iter::empty())
    }

    /// By how much others that explain the same place are ahead: in agreeing ground, colours, evidence and coverage.
    fn behind<'a>(&self, others: impl Iterator<Item = &'a Self>) -> [f64; 4] {
        let mut behind = [0.0f64; 4];
        for other in others.filter(|other| one_place(&self.place, &other.place)) {
            let ahead = [
                other.agreeing - self.agreeing,
                self.colour - other.colour,
                other.log_evidence - self.log_evidence,
                other.log_coverage - self.log_coverage,
            ];
            for (behind, ahead) in behind.iter_mut().zip(ahead) {
                *behind = behind.max(ahead);
            }
        }
        behind
    }

    /// Share of the common ground that agrees.
    pub(crate) fn agreeing(&self) -> f64 {
        self.agreeing
    }

    /// Whether another explains the same place and agrees over more of it.
    pub(crate) fn is_behind(&self, other: &Self) -> bool {
        one_place(&self.place, &other.place) && other.agreeing > self.agreeing
    }
}

/// Whether two boxes of the query are one place.
fn one_place(a: &Region, b: &Region) -> bool {
    let along = |a: f64, a_size: f64, b: f64, b_size: f64| {
        ((a + a_size).min(b + b_size) - a.max(b)).max(0.0)
    };
    let common = along(a.x, a.width, b.x, b.width) * along(a.y, a.height, b.y, b.height);
    let smaller = (a.width * a.height).min(b.width * b.height);
    smaller > 0.0 && common > ONE_PLACE * smaller
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(x: f64, width: f64) -> Region {
        Region {
            x,
            y: 0.0,
            width,
            height: 100.0,
        }
    }

    fn agreement(evidence: f64, coverage: f64, ground: Ground) -> Agreement {
        Agreement {
            part: 0,
            tentative: 100,
            inliers: 50,
            log10_nfa: -evidence,
            coverage,
            extent: 0.3,
            transform: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            outline: None,
            gallery_box: region(0.0, 100.0),
            query_box: region(0.0, 100.0),
            ground: Some(ground),
            sameness: None,
            rival: None,
            mirrored: false,
            pairs: Vec::new(),
        }
    }

    fn ground(agreeing: f32, colour: Option<f32>, conflicting: f32, drift: f32) -> Ground {
        Ground {
            agreeing,
            inside: 0.9,
            differing: 1.0 - agreeing,
            conflicting,
            drift,
            correlation: 0.8 * agreeing,
            colour,
            paper: if colour.is_some() { 0.2 } else { 0.8 },
            cells: Vec::new(),
        }
    }

    fn alone(agreement: &Agreement) -> f64 {
        figures(agreement).unwrap().alone()
    }

    #[test]
    fn a_label_is_the_same_where_most_of_it_agrees() {
        let whole = agreement(80.0, 0.4, ground(0.8, Some(6.0), 0.1, 0.4));
        let logo = agreement(20.0, 0.05, ground(0.15, Some(18.0), 0.7, 0.6));
        assert!(
            alone(&whole) > 0.95 && alone(&logo) < 0.6,
            "{} {}",
            alone(&whole),
            alone(&logo)
        );
        let unknown = Agreement {
            ground: None,
            ..whole
        };
        assert!(figures(&unknown).is_none());
    }

    #[test]
    fn of_two_that_explain_one_place_the_better_is_meant() {
        let right = figures(&agreement(80.0, 0.4, ground(0.8, Some(6.0), 0.1, 0.4))).unwrap();
        let sibling = agreement(40.0, 0.2, ground(0.5, Some(12.0), 0.3, 0.4));
        let beside = figures(&sibling).unwrap();
        let elsewhere = Figures {
            place: region(500.0, 80.0),
            ..right
        };
        let with = |other: &Figures| beside.probability([*other].iter());
        assert!(with(&right) < 0.3 && with(&right) < with(&elsewhere) - 0.2);
        assert_eq!(with(&elsewhere), alone(&sibling));
        assert!(beside.is_behind(&right) && !right.is_behind(&beside));
        assert!(!beside.is_behind(&elsewhere));
        // The better one loses nothing.
        assert_eq!(
            right.probability([beside].iter()),
            right.probability([].iter())
        );
    }

    #[test]
    fn one_picture_with_two_captions_is_a_part_and_with_one_the_same() {
        let two = agreement(450.0, 0.85, ground(0.65, Some(1.5), 0.33, 0.05));
        let one = agreement(900.0, 0.85, ground(0.85, Some(1.5), 0.1, 0.02));
        assert!(
            alone(&two) < 0.5 && alone(&one) > 0.9,
            "{} {}",
            alone(&two),
            alone(&one)
        );
    }

    #[test]
    fn two_pages_on_one_letterhead_are_a_part() {
        let page = |extent| Agreement {
            extent,
            ..agreement(46.0, 0.4, ground(0.6, None, 0.3, 0.6))
        };
        assert!(alone(&page(0.2)) < 0.3 && alone(&page(0.8)) > 0.8);
        assert!(alone(&page(0.5)) < 0.3 && alone(&page(0.65)) > 0.8);
        // A photograph without colours is no page.
        let photograph = Ground {
            paper: 0.3,
            ..ground(0.6, None, 0.3, 0.6)
        };
        let old = Agreement {
            ground: Some(photograph),
            ..page(0.2)
        };
        assert!(alone(&old) > 0.8);
    }

    #[test]
    fn letters_of_one_typeface_are_a_part() {
        let letters = |extent, conflicting| Agreement {
            extent,
            ..agreement(19.0, 0.08, ground(0.3, Some(6.0), conflicting, 0.0))
        };
        let few = |extent, conflicting| alone(&letters(extent, conflicting));
        assert!(few(0.05, 0.66) < 0.3 * few(0.08, 0.66));
        // Something small that is the same in both.
        assert_eq!(few(0.05, 0.3), few(0.08, 0.3));
    }
}
