//! What visual words mean: patches of pictures that have the same word, side by side.
//!
//! The words are told by looking at what is given them (Sivic & Zisserman, ICCV 2003, figure 3): a good word gathers
//! what looks alike wherever it is seen. A patch is turned and stretched as its feature was before it was described.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;
use vizsla_features::{Keypoint, Transform};
use vizsla_pixels::{Limits, Rgb, warp};
use vizsla_vectors::l2_squared_u8;
use vizsla_words::Codebook;

use crate::colours::{BLUE, GREEN, LIGHT_BLUE, ORANGE, PINK, RED};
use crate::describe::local_extractor;
use crate::described_picture::{DescribedPicture, described_by};
use crate::{Error, Recipe, Source};

/// Side of a patch as it is drawn, pixels.
const SIDE: usize = 72;
/// Space between patches and around them, pixels.
const GAP: usize = 6;
/// Height of the bar under a patch that says which picture it is of, pixels.
const BAR: usize = 5;
/// Width of the column of numbers, pixels.
const NUMBERS: usize = 84;
/// Half the side of a patch over the scale of its feature: the window of SIFT.
const REACH: f64 = 6.0;
const PAPER: [u8; 3] = [250, 250, 250];
const INK: [u8; 3] = [30, 30, 30];
/// Colours of the pictures, in turn.
const COLOURS: [[u8; 3]; 6] = [BLUE, ORANGE, GREEN, RED, PINK, LIGHT_BLUE];

/// Whose words are shown, and how many.
#[derive(Debug, Clone)]
pub struct SharedWordsOptions {
    /// How pictures are read and described; the descriptor is the codebook's.
    pub recipe: Recipe,
    /// The words.
    pub codebook: Arc<Codebook>,
    /// Most words that are kept.
    pub words: usize,
    /// Most places of a word that are kept.
    pub patches: usize,
    /// What a picture may ask for.
    pub limits: Limits,
}

/// A place in a picture that has a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WordPlace {
    /// Position of the picture among those that were given.
    pub picture: usize,
    /// Position of the feature in the picture.
    pub feature: usize,
    /// Squared distance of its descriptor from the word.
    pub distance: u32,
}

/// A word, and where it is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedWord {
    /// Its number in the codebook.
    pub word: u32,
    /// How many of the pictures have it.
    pub pictures: usize,
    /// How many features have it.
    pub features: usize,
    /// The places that are kept: of each picture in turn the one nearest to the word.
    pub places: Vec<WordPlace>,
}

/// Pictures, and the words that most of them share.
#[derive(Debug, Clone)]
pub struct SharedWords {
    /// The pictures as they were described.
    pub pictures: Vec<DescribedPicture>,
    /// Words of the most pictures first; of those the ones whose descriptors are nearest to them.
    pub words: Vec<SharedWord>,
}

/// Finds the words that most of the pictures share.
///
/// # Errors
/// As [`describe_picture`](crate::describe_picture); or the codebook is of other descriptors than the recipe's.
pub fn shared_words(
    sources: &[Source<'_>],
    options: &SharedWordsOptions,
) -> Result<SharedWords, Error> {
    let (recipe, codebook) = (&options.recipe, &options.codebook);
    recipe.check()?;
    if codebook.kind() != recipe.local.descriptor {
        return Err(Error::Query(format!(
            "the codebook is of {}, and the pictures are described by {}; name that descriptor, or another codebook",
            codebook.kind(),
            recipe.local.descriptor
        )));
    }
    let extractor = local_extractor(recipe, sources.len())?;
    let described = sources.par_iter().with_max_len(1);
    let described =
        described.map(|&source| described_by(&*extractor, source, recipe, options.limits));
    let pictures: Vec<DescribedPicture> = described.collect::<Result<_, Error>>()?;
    let mut places: BTreeMap<u32, Vec<WordPlace>> = BTreeMap::new();
    for (picture, described) in pictures.iter().enumerate() {
        let descriptors = &described.features.descriptors;
        let words = codebook.assign_each(descriptors);
        for (feature, (descriptor, word)) in descriptors.iter().zip(words).enumerate() {
            let centre = codebook.words().get(word as usize);
            let distance = centre.map_or(u32::MAX, |centre| l2_squared_u8(centre, descriptor));
            places.entry(word).or_default().push(WordPlace {
                picture,
                feature,
                distance,
            });
        }
    }
    let kept = places.into_iter();
    let kept = kept.map(|(word, all)| SharedWord::new(word, all, options.patches));
    let mut words: Vec<SharedWord> = kept.filter(|word| word.features > 1).collect();
    words.sort_by_cached_key(|word| {
        let nearest = word.places.iter().map(|place| u64::from(place.distance));
        let mean = nearest.sum::<u64>() / word.places.len().max(1) as u64;
        (std::cmp::Reverse(word.pictures), mean, word.word)
    });
    words.truncate(options.words);
    Ok(SharedWords { pictures, words })
}

impl SharedWord {
    fn new(word: u32, mut all: Vec<WordPlace>, most: usize) -> Self {
        let features = all.len();
        let pictures: BTreeSet<usize> = all.iter().map(|place| place.picture).collect();
        all.sort_by_key(|place| (place.distance, place.picture, place.feature));
        // The nearest of each picture, then the second of each …
        let mut seen = BTreeMap::new();
        let mut turns: Vec<(usize, WordPlace)> = (all.into_iter())
            .map(|place| {
                let turn = seen.entry(place.picture).or_insert(0);
                *turn += 1;
                (*turn, place)
            })
            .collect();
        turns.sort_by_key(|(turn, _)| *turn);
        turns.truncate(most);
        Self {
            word,
            pictures: pictures.len(),
            features,
            places: turns.into_iter().map(|(_, place)| place).collect(),
        }
    }
}

impl SharedWords {
    /// Draws a row of patches for each word, its number before it; the bar under a patch has the colour of its picture, in the order
    /// blue, orange, green, red, pink, light blue.
    ///
    /// # Errors
    /// There is no memory for the drawing.
    pub fn draw(&self) -> Result<Rgb, Error> {
        let (cell, row) = (SIDE + GAP, SIDE + BAR + 2 * GAP);
        let columns = self.words.iter().map(|word| word.places.len()).max();
        let width = NUMBERS + columns.unwrap_or(0) * cell + GAP;
        let height = (self.words.len() * row).max(1) + 2 * GAP;
        let mut sheet = Rgb::filled(width, height, PAPER)?;
        for (number, word) in self.words.iter().enumerate() {
            let top = (GAP + number * row) as i64;
            let middle = top + (SIDE / 2) as i64 - 8;
            sheet.text(GAP as i64, middle, &word.word.to_string(), 2, INK);
            for (column, place) in word.places.iter().enumerate() {
                let Some(patch) = self.patch(place) else {
                    continue;
                };
                let left = (NUMBERS + column * cell) as i64;
                sheet.paste(&patch, left, top);
                let colour = COLOURS[place.picture % COLOURS.len()];
                let below = top + SIDE as i64 + 1;
                sheet.fill_rectangle(left, below, SIDE, BAR, colour);
            }
        }
        Ok(sheet)
    }

    /// What the descriptor of a place saw; `None` of one that is not there.
    fn patch(&self, place: &WordPlace) -> Option<Rgb> {
        let described = self.pictures.get(place.picture)?;
        let keypoint = described.features.keypoints.get(place.feature)?;
        let into = onto_patch(keypoint)?;
        Some(warp(&described.picture, &into.0, SIDE, SIDE, [128; 3]))
    }
}

/// The map of a picture onto the patch of one of its features.
fn onto_patch(keypoint: &Keypoint) -> Option<Transform> {
    let [[a, b], [c, d]] = keypoint.shape.matrix();
    let (sine, cosine) = f64::from(keypoint.angle).sin_cos();
    // Half a side of the patch, the picture's pixels along each of its axes.
    let size = REACH * f64::from(keypoint.scale);
    let across = [
        size * (a * cosine + b * sine),
        size * (c * cosine + d * sine),
    ];
    let down = [
        size * (b * cosine - a * sine),
        size * (d * cosine - c * sine),
    ];
    let half = 0.5 * (SIDE as f64 - 1.0);
    let (x, y) = (f64::from(keypoint.x), f64::from(keypoint.y));
    let row = |u: f64, v: f64, centre: f64| [u / half, v / half, centre - u - v];
    let from_patch = Transform([
        row(across[0], down[0], x),
        row(across[1], down[1], y),
        [0.0, 0.0, 1.0],
    ]);
    from_patch.inverse()
}

#[cfg(test)]
mod tests {
    use vizsla_features::{DescriptorKind, Shape};

    use super::*;

    #[test]
    fn a_patch_has_the_feature_in_its_middle_and_its_direction_to_the_right() {
        let keypoint = Keypoint {
            x: 50.0,
            y: 40.0,
            scale: 2.0,
            angle: std::f32::consts::FRAC_PI_2,
            shape: Shape::CIRCLE,
            response: 0.0,
        };
        let into = onto_patch(&keypoint).unwrap();
        let near = |(x, y): (f64, f64), (u, v): (f64, f64)| (x - u).hypot(y - v) < 1e-4;
        assert!(near(into.apply(50.0, 40.0).unwrap(), (35.5, 35.5)));
        // It points down: what is below it lies to the right, 12 pixels of the picture for half a side.
        assert!(near(into.apply(50.0, 52.0).unwrap(), (71.0, 35.5)));
        assert!(near(into.apply(38.0, 40.0).unwrap(), (35.5, 71.0)));
    }

    fn drawn(seed: u32) -> Vec<u8> {
        let mut picture = Rgb::filled(240, 180, [120; 3]).unwrap();
        let mut state = seed;
        let mut next = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        for _ in 0..60 {
            let colour = [next(256) as u8, next(256) as u8, next(256) as u8];
            let (x, y) = (i64::from(next(240)), i64::from(next(180)));
            picture.fill_rectangle(x, y, 4 + next(30) as usize, 4 + next(30) as usize, colour);
        }
        picture.encode_png().unwrap()
    }

    fn options() -> SharedWordsOptions {
        SharedWordsOptions {
            recipe: Recipe::default(),
            codebook: Codebook::builtin(),
            words: 5,
            patches: 4,
            limits: Limits::default(),
        }
    }

    #[test]
    fn words_of_all_pictures_come_first_and_a_picture_shares_all_with_itself() {
        let (one, two) = (drawn(1), drawn(2));
        let source = |bytes| Source::Bytes {
            name: "drawn",
            bytes,
        };
        let found = shared_words(&[source(&one), source(&one), source(&two)], &options()).unwrap();
        assert_eq!((found.pictures.len(), found.words.len()), (3, 5));
        for word in &found.words {
            assert!(word.pictures >= 2 && word.features >= word.places.len());
            assert!(word.places.len() <= 4);
            // The first places are of different pictures.
            assert_ne!(word.places[0].picture, word.places[1].picture);
        }
        let pictures: Vec<usize> = found.words.iter().map(|word| word.pictures).collect();
        assert!(pictures.is_sorted_by(|a, b| a >= b));
        let drawing = found.draw().unwrap();
        assert!(drawing.width() > NUMBERS + 2 * SIDE && drawing.height() > 5 * SIDE);
    }

    #[test]
    fn nothing_in_common_is_an_empty_sheet_and_another_descriptor_is_refused() {
        let flat = Rgb::filled(1, 1, [9; 3]).unwrap().encode_png().unwrap();
        let source = Source::Bytes {
            name: "flat",
            bytes: &flat,
        };
        let found = shared_words(&[source, source], &options()).unwrap();
        assert!(found.words.is_empty() && found.draw().is_ok());
        assert!(shared_words(&[], &options()).unwrap().pictures.is_empty());
        let mut other = options();
        other.recipe.local.descriptor = DescriptorKind::Surf;
        let error = shared_words(&[source], &other).unwrap_err().to_string();
        assert!(
            error.contains("root_sift") && error.contains("surf"),
            "{error}"
        );
    }
}
