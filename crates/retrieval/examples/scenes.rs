//! Renders the pictures that the book's chapters on matching are drawn from: photographs of the demo as posters, seen by a
//! pinhole camera.
//!
//!     cargo run --release -p vizsla-retrieval --example scenes -- FOLDER
//!
//! `room-a.png` and `room-b.png` are two views of one room, posters at four depths; `table-a.png` and `table-b.png` show the same two
//! posters, moved each on its own, on other ground.
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};

use vizsla_features::Transform;
use vizsla_pixels::{DecodeOptions, Rgb, read_rgb, warp};

type Failure = Box<dyn std::error::Error>;

const WIDTH: usize = 900;
const HEIGHT: usize = 640;
/// Focal length in pixels.
const FOCAL: f64 = 820.0;

/// A photograph in the room: its centre, its width, and its turns about the vertical and about its own normal, metres and degrees.
struct Poster {
    photo: &'static str,
    centre: [f64; 3],
    width: f64,
    yaw: f64,
    roll: f64,
}

/// A camera that looks along z, turned about the vertical by `yaw` degrees.
struct Camera {
    place: [f64; 3],
    yaw: f64,
}

const fn poster(photo: &'static str, centre: [f64; 3], width: f64, yaw: f64, roll: f64) -> Poster {
    Poster {
        photo,
        centre,
        width,
        yaw,
        roll,
    }
}

/// From far to near.
const ROOM: [Poster; 6] = [
    poster("brick", [-2.6, 0.0, 6.6], 5.4, 0.0, 0.0),
    poster("gravel", [2.6, 0.0, 6.6], 5.4, 0.0, 0.0),
    poster("astronaut", [-1.25, -0.35, 5.2], 1.5, 18.0, 0.0),
    poster("coffee", [1.5, -0.55, 4.6], 1.5, -25.0, 0.0),
    poster("tabby-cat", [0.15, 0.65, 3.6], 1.0, 8.0, 0.0),
    poster("citrus-left", [-0.75, 0.75, 2.8], 0.7, -12.0, 0.0),
];

const TABLE_A: [Poster; 3] = [
    poster("grass", [0.0, 0.0, 4.0], 6.0, 0.0, 0.0),
    poster("raccoon", [-0.85, -0.25, 3.6], 1.5, 0.0, -8.0),
    poster("bridge", [0.95, 0.35, 3.6], 1.45, 0.0, 6.0),
];

const TABLE_B: [Poster; 3] = [
    poster("gravel", [0.0, 0.0, 4.0], 6.0, 0.0, 0.0),
    poster("bridge", [-0.85, -0.45, 3.5], 1.35, 25.0, -14.0),
    poster("raccoon", [0.75, 0.3, 3.4], 1.3, -20.0, 17.0),
];

impl Camera {
    /// The picture point of a direction in the room: K R (p − place) with p − place as (x, y, z).
    fn project(&self, [x, y, z]: [f64; 3]) -> [f64; 3] {
        let (sine, cosine) = self.yaw.to_radians().sin_cos();
        let (x, z) = (cosine * x - sine * z, sine * x + cosine * z);
        let middle = [0.5 * (WIDTH as f64 - 1.0), 0.5 * (HEIGHT as f64 - 1.0)];
        [FOCAL * x + middle[0] * z, FOCAL * y + middle[1] * z, z]
    }

    /// Where the pixels of a poster's photograph are seen.
    fn sees(&self, poster: &Poster, width: usize, height: usize) -> Transform {
        let (sine, cosine) = poster.yaw.to_radians().sin_cos();
        let (turn_sine, turn_cosine) = poster.roll.to_radians().sin_cos();
        let pixel = poster.width / width as f64;
        // A vector of the poster's plane in the room.
        let turned = |x: f64, y: f64| {
            let (x, y) = (
                turn_cosine * x - turn_sine * y,
                turn_sine * x + turn_cosine * y,
            );
            [pixel * cosine * x, pixel * y, -pixel * sine * x]
        };
        let (across, down) = (turned(1.0, 0.0), turned(0.0, 1.0));
        let half = [0.5 * (width as f64 - 1.0), 0.5 * (height as f64 - 1.0)];
        let corner = std::array::from_fn(|i| {
            poster.centre[i] - self.place[i] - half[0] * across[i] - half[1] * down[i]
        });
        let columns = [across, down, corner].map(|v| self.project(v));
        Transform(std::array::from_fn(|r| columns.map(|column| column[r])))
    }

    fn picture(&self, posters: &[Poster], photos: &Path) -> Result<Rgb, Failure> {
        let mut seen = Rgb::filled(WIDTH, HEIGHT, [60, 60, 64])?;
        for poster in posters {
            let file = photos.join(format!("{}.jpg", poster.photo));
            let photo = read_rgb(&file, &DecodeOptions::default())?.image;
            let map = self.sees(poster, photo.width(), photo.height()).0;
            let white = Rgb::filled(photo.width(), photo.height(), [255; 3])?;
            let laid = warp(&photo, &map, WIDTH, HEIGHT, [0; 3]);
            let mask = warp(&white, &map, WIDTH, HEIGHT, [0; 3]);
            let over = laid.data().iter().zip(mask.data());
            for (pixel, (&new, &share)) in seen.data_mut().iter_mut().zip(over) {
                // The warped photograph fades to black as the mask does.
                let under = u16::from(*pixel) * (255 - u16::from(share)) / 255;
                *pixel = (under + u16::from(new)).min(255) as u8;
            }
        }
        Ok(seen)
    }
}

fn main() -> Result<(), Failure> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("name a folder")?);
    let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/assets/photos");
    fs_err::create_dir_all(&folder)?;
    let camera = |x: f64, yaw: f64| Camera {
        place: [x, 0.0, 0.0],
        yaw,
    };
    let pictures = [
        ("room-a", camera(-0.45, 5.0), &ROOM[..]),
        ("room-b", camera(0.45, -6.0), &ROOM[..]),
        ("table-a", camera(0.0, 0.0), &TABLE_A[..]),
        ("table-b", camera(0.0, 0.0), &TABLE_B[..]),
    ];
    for (name, camera, posters) in pictures {
        let file = folder.join(format!("{name}.png"));
        camera.picture(posters, &photos)?.save_png(&file)?;
        println!("{}", file.display());
    }
    Ok(())
}
