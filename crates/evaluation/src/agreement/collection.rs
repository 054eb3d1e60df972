//! What a collection thinks of two names: pictures by file name, captions as `picture#n`.

use std::collections::BTreeMap;

use vizsla_retrieval::Collection;
use vizsla_vectors::{dot_f32, l2_normalise};

use super::oracle::caption_name;
use super::similarities::Similarities;
use crate::error::Error;

/// Cosines of the vectors that a collection keeps.
///
/// Two pictures are compared by their global descriptors and two captions by their meaning. A picture and a caption
/// are compared directly where image and text model share a space; otherwise the mean of the picture's captions speaks for
/// it, the caption itself left out.
pub struct CollectionSimilarities {
    pictures: BTreeMap<String, Vec<f32>>,
    captions: BTreeMap<String, Vec<Vec<f32>>>,
    joint: bool,
}

impl CollectionSimilarities {
    /// Reads all vectors of a collection. Of several files of one name in different folders the last one counts.
    ///
    /// # Errors
    /// The collection has neither a global descriptor nor encoded captions, or is damaged.
    pub fn open(collection: &Collection) -> Result<Self, Error> {
        let mut names = BTreeMap::new();
        for image in collection.list()? {
            for path in &image.paths {
                if let Some(name) = path.file_name() {
                    names.insert(image.image, name.to_string_lossy().into_owned());
                }
            }
        }
        let mut captions: BTreeMap<String, Vec<Vec<f32>>> = BTreeMap::new();
        if collection.recipe().text.is_some() {
            let mut vectors: BTreeMap<i64, Vec<f32>> =
                collection.caption_vectors()?.into_iter().collect();
            for caption in collection.captions()? {
                if let (Some(name), Some(vector)) =
                    (names.get(&caption.image), vectors.remove(&caption.id))
                {
                    captions.entry(name.clone()).or_default().push(vector);
                }
            }
        }
        let described = collection.recipe().global.is_some();
        let vectors = match described || captions.is_empty() {
            true => collection.vectors()?,
            false => Vec::new(),
        };
        let named = |(id, vector)| Some((names.get(&id)?.clone(), vector));
        Ok(Self {
            pictures: vectors.into_iter().filter_map(named).collect(),
            captions,
            joint: collection.is_joint()?,
        })
    }

    fn caption(&self, name: &str) -> Option<&[f32]> {
        let (picture, number) = caption_name(name)?;
        Some(self.captions.get(picture)?.get(number)?)
    }

    /// The mean of a picture's captions, without one of them.
    fn described(&self, picture: &str, without: Option<usize>) -> Option<Vec<f32>> {
        let kept = self.captions.get(picture)?.iter().enumerate();
        let mut mean: Vec<f32> = Vec::new();
        for (_, vector) in kept.filter(|(number, _)| Some(*number) != without) {
            mean.resize(vector.len(), 0.0);
            mean.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x);
        }
        l2_normalise(&mut mean);
        (!mean.is_empty()).then_some(mean)
    }

    fn picture_and_caption(&self, picture: &str, caption: &str) -> Option<f64> {
        let sentence = self.caption(caption)?;
        if self.joint {
            return Some(f64::from(dot_f32(self.pictures.get(picture)?, sentence)));
        }
        let own = caption_name(caption).filter(|(of, _)| *of == picture);
        let described = self.described(picture, own.map(|(_, number)| number))?;
        Some(f64::from(dot_f32(&described, sentence)))
    }
}

impl Similarities for CollectionSimilarities {
    fn similarity(&self, first: &str, second: &str) -> Option<f64> {
        match (self.caption(first), self.caption(second)) {
            (Some(a), Some(b)) => Some(f64::from(dot_f32(a, b))),
            (None, Some(_)) => self.picture_and_caption(first, second),
            (Some(_), None) => self.picture_and_caption(second, first),
            (None, None) => match (self.pictures.get(first), self.pictures.get(second)) {
                (Some(a), Some(b)) => Some(f64::from(dot_f32(a, b))),
                _ => {
                    let (a, b) = (self.described(first, None)?, self.described(second, None)?);
                    Some(f64::from(dot_f32(&a, &b)))
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn similarities(joint: bool) -> CollectionSimilarities {
        let pictures = [("a.jpg", [1.0, 0.0]), ("b.jpg", [0.0, 1.0])];
        let named = |(name, vector): (&str, [f32; 2])| (name.to_owned(), vector.to_vec());
        CollectionSimilarities {
            pictures: pictures.into_iter().map(named).collect(),
            captions: BTreeMap::from([
                ("a.jpg".to_owned(), vec![vec![0.6, 0.8], vec![1.0, 0.0]]),
                ("b.jpg".to_owned(), vec![vec![0.0, 1.0]]),
            ]),
            joint,
        }
    }

    #[test]
    fn captions_speak_for_pictures_unless_they_share_a_space() {
        let near = |found: Option<f64>, wanted: f64| {
            let found = found.expect("known names");
            assert!((found - wanted).abs() < 1e-6, "{found} {wanted}");
        };
        for joint in [false, true] {
            let model = similarities(joint);
            near(model.similarity("a.jpg", "b.jpg"), 0.0);
            near(model.similarity("a.jpg#1", "b.jpg#0"), 0.0);
            let only = model.similarity("b.jpg#0", "b.jpg");
            assert_eq!(only.is_some(), joint, "nothing else speaks for it");
            assert_eq!(model.similarity("a.jpg", "c.jpg"), None);
        }
        // its own caption left out, the other speaks for the picture
        near(similarities(false).similarity("a.jpg", "a.jpg#1"), 0.6);
        near(similarities(true).similarity("a.jpg", "a.jpg#0"), 0.6);
    }
}
