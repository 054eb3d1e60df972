//! Places in an image, so that several features at one place count once.
//!
//! A detector reports the same blob at neighbouring scales and with several orientations, and a repeated
//! structure answers many times. Counted singly they would make chance look like evidence.

/// Gives every position the number of its place; positions within `radius` of the first one seen of a
/// place belong to it. Returns the numbers, dense from 0, and how many places there are.
///
/// Positions are visited from left to right (ties: top to bottom, then input order), so the result depends
/// on the input alone.
pub(crate) fn places(positions: &[(f32, f32)], radius: f32) -> (Vec<u32>, usize) {
    let mut order: Vec<u32> = (0..positions.len() as u32).collect();
    order.sort_by(|&i, &j| {
        let (a, b) = (positions[i as usize], positions[j as usize]);
        a.0.total_cmp(&b.0)
            .then(a.1.total_cmp(&b.1))
            .then(i.cmp(&j))
    });
    let mut place_of = vec![0u32; positions.len()];
    let mut centres: Vec<(f32, f32)> = Vec::with_capacity(positions.len());
    let mut oldest = 0;
    for &i in &order {
        let (x, y) = positions[i as usize];
        while oldest < centres.len() && centres[oldest].0 < x - radius {
            oldest += 1;
        }
        let known = centres[oldest..].iter().position(|c| {
            let (dx, dy) = (c.0 - x, c.1 - y);
            dx * dx + dy * dy <= radius * radius
        });
        place_of[i as usize] = match known {
            Some(offset) => (oldest + offset) as u32,
            None => {
                centres.push((x, y));
                (centres.len() - 1) as u32
            }
        };
    }
    let count = centres.len();
    (place_of, count)
}

/// Remembers which places were taken, cleared in constant time.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    stamps: Vec<u32>,
    now: u32,
}

impl Taken {
    pub(crate) fn new(places: usize) -> Self {
        Self {
            stamps: vec![0; places],
            now: 0,
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        if self.now == u32::MAX {
            self.stamps.fill(0);
            self.now = 0;
        }
        self.now += 1;
    }

    /// Whether the place is taken since the last [`clear`](Self::clear).
    pub(crate) fn holds(&self, place: u32) -> bool {
        self.stamps[place as usize] == self.now
    }

    /// Takes the place.
    pub(crate) fn take(&mut self, place: u32) {
        self.stamps[place as usize] = self.now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_positions_share_a_place() {
        let positions = [
            (10.0, 10.0),
            (50.0, 10.0),
            (10.5, 10.0),
            (10.0, 30.0),
            (10.0, 10.0),
        ];
        let (place, count) = places(&positions, 1.0);
        assert_eq!(count, 3);
        assert_eq!(place[0], place[2]);
        assert_eq!(place[0], place[4]);
        assert_ne!(place[0], place[1]);
        assert_ne!(place[0], place[3]);
    }

    #[test]
    fn taken_places_are_forgotten_on_clear() {
        let mut taken = Taken::new(2);
        taken.clear();
        taken.take(1);
        assert!(taken.holds(1) && !taken.holds(0));
        taken.clear();
        assert!(!taken.holds(1));
    }
}
