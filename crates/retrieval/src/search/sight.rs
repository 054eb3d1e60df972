//! A query picture as it is searched: its features, and where they lie.

use std::sync::OnceLock;

use vizsla_features::{Descriptor, Features, GroundSource, Keypoint};
use vizsla_pixels::Rgb;
use vizsla_words::QueryWord;

use crate::Region;
use crate::picture::whole;
use crate::stored::StoredFeature;

/// A query picture as it is analysed.
pub(crate) struct Sight {
    /// Features in pixels of the analysed picture.
    pub features: Features,
    /// The part that is meant, in full-resolution pixels.
    pub region: Region,
    /// Full-resolution pixels for each analysed pixel.
    pub zoom: f64,
    /// What it looks like.
    pub look: Option<Look>,
}

/// What the part that is meant looks like, made ready for comparisons when the first one comes.
pub(crate) struct Look {
    picture: Rgb,
    source: OnceLock<Option<GroundSource>>,
}

impl Look {
    pub(super) fn of(picture: Rgb) -> Self {
        Self {
            picture,
            source: OnceLock::new(),
        }
    }
}

impl Sight {
    /// The part that is meant, to be laid under the pictures of the gallery.
    pub(super) fn ground(&self) -> Option<&GroundSource> {
        let look = self.look.as_ref()?;
        let size = (self.region.width, self.region.height);
        let source = || GroundSource::new(look.picture.clone(), size).ok();
        look.source.get_or_init(source).as_ref()
    }
}

/// An image of the collection as a query: its stored features, at the size of analysis.
pub(super) fn stored_sight(
    stored: &[StoredFeature],
    little: Option<Rgb>,
    descriptors: Vec<Descriptor>,
    full: [u32; 2],
    max_side: u32,
) -> (Sight, Vec<QueryWord>) {
    let zoom = (f64::from(full[0].max(full[1])) / f64::from(max_side)).max(1.0);
    let [width, height] = full.map(|side| (f64::from(side) / zoom) as f32);
    let keypoint = |feature: &StoredFeature| Keypoint {
        x: feature.x * width - 0.5,
        y: feature.y * height - 0.5,
        scale: feature.scale / zoom as f32,
        angle: feature.angle,
        shape: feature.shape,
        response: 0.0,
    };
    let words = stored.iter().zip(0..);
    let words = words.map(|(feature, number)| feature.query_word(number));
    let sight = Sight {
        features: Features {
            width: width.round() as u32,
            height: height.round() as u32,
            keypoints: stored.iter().map(keypoint).collect(),
            descriptors,
        },
        region: whole(full),
        zoom,
        look: little.map(Look::of),
    };
    (sight, words.collect())
}
