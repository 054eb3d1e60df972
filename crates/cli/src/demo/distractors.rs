//! Pictures that match nothing: shapes, pages, cells, tiles and clouds made from random numbers.
//!
//! They show what real collections are full of, corners, repetition and print, and since none of
//! them holds a part of a photograph, a match with one is always wrong.

use vizsla_pixels::{Error, Rgb, blur};

use super::random::Random;

const WIDTH: usize = 480;
const HEIGHT: usize = 360;

/// Distractor `index` of the demo with this seed.
pub(super) fn distractor(seed: u64, index: usize) -> Result<Rgb, Error> {
    let mut random = Random::new(seed, 1_000_000 + index as u64);
    let mut image = Rgb::filled(WIDTH, HEIGHT, random.color())?;
    match index % 5 {
        0 => shapes(&mut image, &mut random),
        1 => page(&mut image, &mut random),
        2 => cells(&mut image, &mut random),
        3 => tiles(&mut image, &mut random),
        _ => clouds(&mut image, &mut random),
    }
    let softness = random.between(0.5, 1.2) as f32;
    Ok(blur(&image, softness))
}

fn position(random: &mut Random) -> (f32, f32) {
    (
        random.between(0.0, WIDTH as f64) as f32,
        random.between(0.0, HEIGHT as f64) as f32,
    )
}

fn shapes(image: &mut Rgb, random: &mut Random) {
    for _ in 0..60 + random.below(80) {
        let color = random.color();
        let (x, y) = position(random);
        match random.below(4) {
            0 => {
                let (width, height) = (5 + random.below(80), 5 + random.below(80));
                image.fill_rectangle(x as i64, y as i64, width, height, color);
            }
            1 => {
                let radius = random.between(3.0, 40.0) as f32;
                image.circle((x, y), radius, color, random.between(1.0, 12.0) as f32);
            }
            2 => image.line(
                (x, y),
                position(random),
                color,
                random.between(1.0, 9.0) as f32,
            ),
            _ => {
                let points: Vec<_> = (0..3 + random.below(4)).map(|_| position(random)).collect();
                image.polyline(&points, true, color, random.between(1.0, 5.0) as f32);
            }
        }
    }
}

fn page(image: &mut Rgb, random: &mut Random) {
    let paper = [0; 3].map(|_: i32| 200 + random.below(56) as u8);
    let ink = [0; 3].map(|_: i32| random.below(90) as u8);
    image.fill_rectangle(0, 0, WIDTH, HEIGHT, paper);
    let scale = 1 + random.below(3);
    let mut y = 6;
    while y < HEIGHT as i64 {
        let mut line = String::new();
        while line.len() < WIDTH / (6 * scale) {
            for _ in 0..2 + random.below(9) {
                line.push(char::from(b'!' + random.below(94) as u8));
            }
            line.push(' ');
        }
        image.text(6, y, &line, scale, ink);
        y += (10 * scale + random.below(4)) as i64;
    }
}

/// Every pixel takes the colour of the nearest of some sites.
fn cells(image: &mut Rgb, random: &mut Random) {
    let sites: Vec<_> = (0..40 + random.below(60))
        .map(|_| (position(random), random.color()))
        .collect();
    for (i, pixel) in image.data_mut().chunks_exact_mut(3).enumerate() {
        let (x, y) = ((i % WIDTH) as f32, (i / WIDTH) as f32);
        let distance = |site: (f32, f32)| (site.0 - x).powi(2) + (site.1 - y).powi(2);
        let nearest = sites
            .iter()
            .min_by(|a, b| distance(a.0).total_cmp(&distance(b.0)));
        if let Some((_, color)) = nearest {
            pixel.copy_from_slice(color);
        }
    }
}

/// A random motif, repeated like wallpaper: the burstiness that weighting has to cope with.
fn tiles(image: &mut Rgb, random: &mut Random) {
    let side = 16 + random.below(40);
    let blocks = 4 + random.below(3);
    let motif: Vec<[u8; 3]> = (0..blocks * blocks).map(|_| random.color()).collect();
    let step = (side / blocks).max(1);
    for y in (0..HEIGHT).step_by(step) {
        for x in (0..WIDTH).step_by(step) {
            let color = motif[y / step % blocks * blocks + x / step % blocks];
            image.fill_rectangle(x as i64, y as i64, step, step, color);
        }
    }
}

/// Five octaves of interpolated lattice noise.
fn clouds(image: &mut Rgb, random: &mut Random) {
    let (dark, light) = (random.color(), random.color());
    let mut height = vec![0.0f64; WIDTH * HEIGHT];
    let mut cell = random.between(50.0, 120.0);
    for octave in 0..5 {
        let columns = (WIDTH as f64 / cell) as usize + 2;
        let rows = (HEIGHT as f64 / cell) as usize + 2;
        let lattice: Vec<f64> = (0..columns * rows)
            .map(|_| random.between(0.0, 1.0))
            .collect();
        for (i, value) in height.iter_mut().enumerate() {
            let (x, y) = ((i % WIDTH) as f64 / cell, (i / WIDTH) as f64 / cell);
            let at = y as usize * columns + x as usize;
            let (u, v) = (x.fract(), y.fract());
            let top = lattice[at] * (1.0 - u) + lattice[at + 1] * u;
            let bottom = lattice[at + columns] * (1.0 - u) + lattice[at + columns + 1] * u;
            *value += (top * (1.0 - v) + bottom * v) * 0.7f64.powi(octave);
        }
        cell /= 2.2;
    }
    for (pixel, value) in image.data_mut().chunks_exact_mut(3).zip(height) {
        // Contour bands give the clouds edges that a detector finds.
        let t = (value * 4.0).fract();
        for (channel, value) in pixel.iter_mut().enumerate() {
            let (a, b) = (f64::from(dark[channel]), f64::from(light[channel]));
            *value = (a + (b - a) * t) as u8;
        }
    }
}
