//! Places in an image, so that several features at one place count once.
//!
//! A detector reports the same blob at neighbouring scales and with several orientations, and a repeated
//! structure answers many times. Counted singly they would make chance look like evidence.

/// The places of positions in one image. The memory is used again.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// The number of every position's place, dense from 0.
    of: Vec<u32>,
    /// How many positions are at each.
    crowds: Vec<u32>,
    centres: Vec<(f32, f32)>,
    order: Vec<(u64, u32)>,
}

impl Places {
    /// Gives every position the number of its place; positions within `radius` of the first one seen of a place belong
    /// to it.
    ///
    /// Positions are visited from left to right (ties: top to bottom, then input order), so the result depends
    /// on the input alone.
    pub(crate) fn find(&mut self, x: &[f32], y: &[f32], radius: f32) {
        let Self {
            of,
            crowds,
            centres,
            order,
        } = self;
        order.clear();
        order.extend(x.iter().zip(y).zip(0..).map(|((&x, &y), i)| {
            let key = u64::from(ascending_bits(x)) << 32 | u64::from(ascending_bits(y));
            (key, i)
        }));
        order.sort_unstable();
        of.clear();
        of.resize(order.len(), 0);
        centres.clear();
        crowds.clear();
        let mut oldest = 0;
        for &(_, i) in order.iter() {
            let (x, y) = (x[i as usize], y[i as usize]);
            while oldest < centres.len() && centres[oldest].0 < x - radius {
                oldest += 1;
            }
            let known = centres[oldest..].iter().position(|c| {
                let (dx, dy) = (c.0 - x, c.1 - y);
                dx * dx + dy * dy <= radius * radius
            });
            let place = match known {
                Some(offset) => oldest + offset,
                None => {
                    centres.push((x, y));
                    crowds.push(0);
                    centres.len() - 1
                }
            };
            of[i as usize] = place as u32;
            crowds[place] += 1;
        }
    }

    /// The place of a position.
    pub(crate) fn of(&self, position: usize) -> u32 {
        self.of[position]
    }

    /// How many positions are at the place of this one, itself among them.
    pub(crate) fn crowd(&self, position: usize) -> u32 {
        self.crowds[self.of[position] as usize]
    }

    /// How many places there are.
    pub(crate) fn count(&self) -> usize {
        self.centres.len()
    }
}

/// Whole numbers in the order in which [`f32::total_cmp`] puts the values.
fn ascending_bits(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 1 {
        !bits
    } else {
        bits | 1 << 31
    }
}

/// Remembers which places were taken, cleared in constant time.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    stamps: Vec<u32>,
    now: u32,
}

impl Taken {
    /// Makes room for this many places and forgets everything.
    pub(crate) fn reset(&mut self, places: usize) {
        if self.stamps.len() < places {
            self.stamps.resize(places, 0);
        }
        self.clear();
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
        let (x, y) = (
            [10.0, 50.0, 10.5, 10.0, 10.0],
            [10.0, 10.0, 10.0, 30.0, 10.0],
        );
        let mut places = Places::default();
        places.find(&[1.0, 2.0], &[-7.0, 9.0], 1.0);
        places.find(&x, &y, 1.0);
        assert_eq!(places.count(), 3);
        assert_eq!(places.of(0), places.of(2));
        assert_eq!(places.of(0), places.of(4));
        assert_ne!(places.of(0), places.of(1));
        assert_ne!(places.of(0), places.of(3));
        assert_eq!([0, 1, 2, 3, 4].map(|i| places.crowd(i)), [3, 1, 3, 1, 3]);
    }

    #[test]
    fn bits_ascend_with_the_values() {
        let values = [
            f32::NEG_INFINITY,
            -1e9,
            -2.0,
            -1e-40,
            -0.0,
            0.0,
            1e-40,
            0.5,
            3.0,
            f32::INFINITY,
        ];
        assert!(values.map(ascending_bits).is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn taken_places_are_forgotten_on_clear() {
        let mut taken = Taken::default();
        taken.reset(2);
        taken.take(1);
        assert!(taken.holds(1) && !taken.holds(0));
        taken.clear();
        assert!(!taken.holds(1));
        taken.take(0);
        taken.reset(3);
        assert!(!taken.holds(0) && !taken.holds(2));
    }
}
