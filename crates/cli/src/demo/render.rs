//! Renders the demo's collection and its queries from a handful of photographs.
//!
//! A query is a photograph seen again under one of seven hardships. Each goes through a known
//! homography, so that the answer and the place of the object in it can both be checked.

use rayon::prelude::*;
use vizsla_pixels::{DecodeOptions, Error, Rgb, blur, decode_rgb, warp};

use super::distractors::distractor;
use super::random::Random;

/// Fewest pictures in the gallery.
const GALLERY: usize = 210;
const BACKGROUND: [u8; 3] = [96, 96, 96];

/// The gallery to index and the queries to ask.
#[derive(Clone, Debug)]
pub(crate) struct DemoSet {
    /// Names and pictures: the photographs first, then distractors.
    pub(crate) gallery: Vec<(String, Rgb)>,
    /// One query for each photograph and hardship.
    pub(crate) queries: Vec<DemoQuery>,
}

/// A rendered view of a photograph.
#[derive(Clone, Debug)]
pub(crate) struct DemoQuery {
    /// Name of the query.
    pub(crate) name: String,
    /// The view.
    pub(crate) image: Rgb,
    /// Name of the photograph in the gallery.
    pub(crate) truth: String,
    /// The hardship.
    pub(crate) kind: &'static str,
    /// Positions in the photograph to positions in the view, row-major.
    pub(crate) homography: Matrix,
}

type Matrix = [[f64; 3]; 3];

/// What is done to a view after its homography.
type Hardship = fn(Rgb, &mut Random) -> Result<Rgb, Error>;

/// Name, strength of the perspective and what follows it.
const KINDS: [(&str, f64, Hardship); 7] = [
    ("perspective", 1.0, |view, _| Ok(view)),
    ("light", 0.3, light),
    ("blur", 0.3, |view, random| {
        Ok(blur(&view, random.between(1.2, 2.2) as f32))
    }),
    ("noise", 0.3, |view, random| Ok(noise(view, random))),
    ("jpeg", 0.3, recompress),
    ("crop", 0.3, |view, _| Ok(view)),
    ("occlusion", 0.3, |view, random| Ok(occlude(view, random))),
];

/// Renders everything; the same photographs and seed give the same bytes on any number of threads.
///
/// # Errors
/// When a picture cannot be made, which only an empty photograph could cause.
pub(crate) fn render(photos: &[(String, Rgb)], seed: u64) -> Result<DemoSet, Error> {
    let mut gallery = photos.to_vec();
    let missing = GALLERY.saturating_sub(photos.len());
    let distractors: Result<Vec<_>, Error> = (0..missing)
        .into_par_iter()
        .map(|index| Ok((format!("distractor-{index:03}"), distractor(seed, index)?)))
        .collect();
    gallery.extend(distractors?);
    let queries: Result<Vec<_>, Error> = (0..photos.len() * KINDS.len())
        .into_par_iter()
        .map(|index| {
            let (name, photo) = &photos[index / KINDS.len()];
            query(
                name,
                photo,
                index % KINDS.len(),
                &mut Random::new(seed, index as u64),
            )
        })
        .collect();
    Ok(DemoSet {
        gallery,
        queries: queries?,
    })
}

fn query(name: &str, photo: &Rgb, kind: usize, random: &mut Random) -> Result<DemoQuery, Error> {
    let (kind, strength, hardship) = KINDS[kind];
    // A crop keeps between a third and a half of the picture.
    let part = if kind == "crop" {
        random.between(0.58, 0.72)
    } else {
        1.0
    };
    let (homography, width, height) = view(photo, strength, part, random);
    let image = warp(photo, &homography, width, height, BACKGROUND);
    let image = hardship(image, random)?;
    let truth = name.to_string();
    Ok(DemoQuery {
        name: format!("{name}-{kind}"),
        image,
        truth,
        kind,
        homography,
    })
}

/// A camera on a photograph: turned, tilted, nearer or farther. Returns the homography and the size of
/// the view, which shows the whole photograph, or the `part` of its sides around a random centre.
fn view(photo: &Rgb, strength: f64, part: f64, random: &mut Random) -> (Matrix, usize, usize) {
    let (w, h) = (photo.width() as f64, photo.height() as f64);
    let side = w.max(h);
    let tilt = |random: &mut Random| strength * random.signed(0.25, 0.55) / side;
    let turn = random.signed(0.05, 0.15 + 0.35 * strength);
    let scale = random.between(0.7, 1.1);
    let projective = [
        [1.0, 0.0, 0.0],
        [0.0, 1.0, 0.0],
        [tilt(random), tilt(random), 1.0],
    ];
    let (sin, cos) = (scale * turn.sin(), scale * turn.cos());
    let similarity = [[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]];
    let centred = [[1.0, 0.0, -w / 2.0], [0.0, 1.0, -h / 2.0], [0.0, 0.0, 1.0]];
    let camera = product(&similarity, &product(&projective, &centred));
    let offset = |side: f64, random: &mut Random| random.between(0.0, 1.0 - part) * side;
    let (left, top) = (offset(w, random), offset(h, random));
    let (right, bottom) = (left + part * w, top + part * h);
    let corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        .map(|(x, y)| project(&camera, x, y));
    let least = |pick: fn(&(f64, f64)) -> f64| corners.iter().map(pick).fold(f64::MAX, f64::min);
    let most = |pick: fn(&(f64, f64)) -> f64| corners.iter().map(pick).fold(f64::MIN, f64::max);
    let (x0, y0) = (least(|c| c.0), least(|c| c.1));
    let (width, height) = (most(|c| c.0) - x0, most(|c| c.1) - y0);
    let shift = [[1.0, 0.0, -x0], [0.0, 1.0, -y0], [0.0, 0.0, 1.0]];
    (
        product(&shift, &camera),
        width.ceil() as usize,
        height.ceil() as usize,
    )
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    let cell = |r: usize, c: usize| (0..3).map(|k| a[r][k] * b[k][c]).sum();
    [0, 1, 2].map(|r| [0, 1, 2].map(|c| cell(r, c)))
}

fn project(h: &Matrix, x: f64, y: f64) -> (f64, f64) {
    let [u, v, w] = h.map(|row| row[0] * x + row[1] * y + row[2]);
    (u / w, v / w)
}

/// Another exposure, another tone curve, and a lamp on one side.
fn light(mut view: Rgb, random: &mut Random) -> Result<Rgb, Error> {
    let gamma = 2f64.powf(random.signed(0.4, 0.9));
    let gain = random.between(0.7, 1.1);
    let slope = random.signed(0.2, 0.5);
    let width = view.width();
    for (i, pixel) in view.data_mut().chunks_exact_mut(3).enumerate() {
        let lamp = gain * (1.0 + slope * ((i % width) as f64 / width as f64 - 0.5));
        for value in pixel {
            *value = (lamp * 255.0 * (f64::from(*value) / 255.0).powf(gamma)).round() as u8;
        }
    }
    Ok(view)
}

fn noise(mut view: Rgb, random: &mut Random) -> Rgb {
    let deviation = random.between(12.0, 22.0);
    for value in view.data_mut() {
        *value = (f64::from(*value) + deviation * random.normal()).round() as u8;
    }
    view
}

fn recompress(view: Rgb, random: &mut Random) -> Result<Rgb, Error> {
    let quality = 8 + random.below(12) as u8;
    Ok(decode_rgb(&view.encode_jpeg(quality)?, &DecodeOptions::default())?.image)
}

/// Covers about a third of the view with plain rectangles.
fn occlude(mut view: Rgb, random: &mut Random) -> Rgb {
    let (width, height) = (view.width(), view.height());
    for _ in 0..4 {
        let (w, h) = (
            width * (20 + random.below(20)) / 100,
            height * (20 + random.below(20)) / 100,
        );
        let (x, y) = (random.below(width - w), random.below(height - h));
        view.fill_rectangle(x as i64, y as i64, w, h, random.color());
    }
    view
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::photos::photos;

    #[test]
    fn the_same_seed_renders_the_same_bytes() {
        let photos = &photos().unwrap()[..2];
        let (a, b) = (render(photos, 7).unwrap(), render(photos, 7).unwrap());
        assert!(a.gallery.len() >= 200);
        assert_eq!(a.gallery, b.gallery);
        assert_eq!(a.queries.len(), 2 * KINDS.len());
        for (a, b) in a.queries.iter().zip(&b.queries) {
            assert_eq!(
                (&a.name, &a.image, a.homography),
                (&b.name, &b.image, b.homography)
            );
        }
        assert_ne!(
            render(photos, 8).unwrap().queries[0].image,
            a.queries[0].image
        );
    }

    #[test]
    fn the_homography_says_where_the_photograph_went() {
        let all = photos().unwrap();
        let set = render(&all[..1], 3).unwrap();
        let (photo, query) = (&all[0].1, &set.queries[0]);
        let soft = (blur(photo, 3.0), blur(&query.image, 3.0));
        let (mut total, mut count) = (0, 0);
        for y in (40..photo.height() - 40).step_by(20) {
            for x in (40..photo.width() - 40).step_by(20) {
                let (u, v) = project(&query.homography, x as f64, y as f64);
                let seen = soft.1.pixel(u.round() as usize, v.round() as usize)[0];
                total += soft.0.pixel(x, y)[0].abs_diff(seen) as usize;
                count += 1;
            }
        }
        assert!(
            total < 12 * count,
            "mean difference {}",
            total as f64 / count as f64
        );
    }
}
