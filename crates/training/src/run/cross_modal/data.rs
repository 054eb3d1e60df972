//! Images and their captions in three parts.

use std::collections::BTreeSet;
use std::path::Path;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use vizsla_evaluation::{Dataset, load_all_captions, load_captions_of, read_image_list};

use super::config::CaptionData;
use crate::error::Error;

/// The parts of a run; image and caption by name in each.
pub(super) struct Captioned {
    pub train: Dataset,
    pub validation: Dataset,
    /// `None` when validation is evaluated.
    pub test: Option<Dataset>,
}

impl Captioned {
    /// Reads the captions and divides the images.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a list is empty or overlaps with another; [`Error::Evaluation`] when images or captions
    /// are missing.
    pub fn read(data: &CaptionData, seed: u64) -> Result<Captioned, Error> {
        for (name, path) in [
            ("data.images", &data.images),
            ("data.captions", &data.captions),
        ] {
            if path.as_os_str().is_empty() {
                return Err(Error::setting(
                    name,
                    "empty",
                    "name the images and their captions",
                ));
            }
        }
        let names = |list: &Path| read_image_list(list, &data.images);
        let test = data.test.as_deref().map(names).transpose()?;
        let validation = data.validation.as_deref().map(names).transpose()?;
        let mut train = match &data.train {
            Some(list) => names(list)?,
            None => {
                let all = load_all_captions(&data.captions, Some(&data.images))?;
                let held: BTreeSet<&String> = test.iter().chain(&validation).flatten().collect();
                let keys = all.gallery.into_iter().map(|image| image.key);
                keys.filter(|key| !held.contains(key)).collect()
            }
        };
        let validation = match validation {
            Some(validation) => validation,
            None => hold_out(&mut train, data.held_out, seed),
        };
        for (part, list) in [
            (Some(&validation), &data.validation),
            (test.as_ref(), &data.test),
        ] {
            let shared = part.and_then(|part| part.intersection(&train).next());
            if let (Some(shared), Some(list)) = (shared, list) {
                return Err(Error::invalid(
                    format!("{shared} of it is trained on"),
                    list,
                ));
            }
        }
        if train.len() < 2 || validation.is_empty() {
            let what = format!(
                "{} images to train on and {} to validate",
                train.len(),
                validation.len()
            );
            return Err(Error::invalid(what, &data.captions));
        }
        let part =
            |names: &BTreeSet<String>| load_captions_of(&data.captions, Some(&data.images), names);
        Ok(Captioned {
            train: part(&train)?,
            validation: part(&validation)?,
            test: test.as_ref().map(part).transpose()?,
        })
    }

    /// All parts.
    pub fn parts(&self) -> impl Iterator<Item = &Dataset> {
        [&self.train, &self.validation]
            .into_iter()
            .chain(&self.test)
    }
}

fn hold_out(train: &mut BTreeSet<String>, share: f64, seed: u64) -> BTreeSet<String> {
    let mut order: Vec<String> = train.iter().cloned().collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let count = ((order.len() as f64 * share).round() as usize).max(1);
    let held: BTreeSet<String> = order.into_iter().take(count).collect();
    train.retain(|name| !held.contains(name));
    held
}
