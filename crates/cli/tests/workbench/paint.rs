//! Procedural pictures: the same number always gives the same painting, different numbers share
//! nothing, and each has enough corners and blobs for hundreds of features.

use vizsla_pixels::{Rgb, blur, warp};

/// Width of every painting in pixels.
pub const WIDTH: usize = 320;
/// Height of every painting in pixels.
pub const HEIGHT: usize = 240;

/// SplitMix64 (Steele et al. 2014): small, seeded, and good enough to paint with.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn color(&mut self) -> [u8; 3] {
        let bits = self.next().to_le_bytes();
        [bits[0], bits[1], bits[2]]
    }
}

/// The painting of a number: overlapping discs and rectangles.
pub fn picture(number: u64) -> Rgb {
    let mut dice = Dice(number.wrapping_mul(0x1234_5678_9abc_def1) ^ 0x5eed);
    let mut data = dice.color().repeat(WIDTH * HEIGHT);
    for _ in 0..160 {
        let (x, y) = (dice.below(WIDTH) as i64, dice.below(HEIGHT) as i64);
        let (a, b) = (3 + dice.below(22) as i64, 3 + dice.below(22) as i64);
        let (round, color) = (dice.below(2) == 0, dice.color());
        for v in (y - b).max(0)..(y + b).min(HEIGHT as i64) {
            for u in (x - a).max(0)..(x + a).min(WIDTH as i64) {
                let (du, dv) = ((u - x) as f64 / a as f64, (v - y) as f64 / b as f64);
                if !round || du * du + dv * dv < 1.0 {
                    let at = (v as usize * WIDTH + u as usize) * 3;
                    data[at..at + 3].copy_from_slice(&color);
                }
            }
        }
    }
    blur(&Rgb::new(WIDTH, HEIGHT, data).expect("a painting"), 0.7)
}

/// Another view of a painting: turned, shrunk and moved by this homography.
pub const VIEW: [[f64; 3]; 3] = [
    [0.85, -0.18, 40.0],
    [0.16, 0.9, 5.0],
    [0.000_15, 0.000_05, 1.0],
];

/// The painting of a number, seen through [`VIEW`] against grey.
pub fn view(number: u64) -> Rgb {
    warp(&picture(number), &VIEW, WIDTH, HEIGHT, [128; 3])
}
