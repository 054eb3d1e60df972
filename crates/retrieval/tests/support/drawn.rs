//! Pictures that are drawn by code, for the tests of several floors.
#![allow(clippy::unwrap_used, dead_code)]

use vizsla_pixels::{Rgb, warp};

/// A picture full of rectangles and discs of random grey values: much to see, never the same twice.
pub fn picture(seed: u64) -> Rgb {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % below
    };
    let mut image = Rgb::filled(360, 280, [120, 130, 125]).unwrap();
    for _ in 0..160 {
        let color = [next(256) as u8, next(256) as u8, next(256) as u8];
        let (x, y) = (next(360), next(280));
        if next(2) == 0 {
            let (width, height) = (4 + next(30) as usize, 4 + next(30) as usize);
            image.fill_rectangle(x as i64, y as i64, width, height, color);
        } else {
            image.circle((x as f32, y as f32), 3.0 + next(12) as f32, color, 3.0);
        }
    }
    image
}

/// The picture seen under another viewpoint.
pub fn view(image: &Rgb) -> Rgb {
    let h = [[0.85, -0.22, 60.0], [0.2, 0.9, 10.0], [1e-4, -2e-4, 1.0]];
    warp(image, &h, 380, 330, [90, 90, 90])
}
