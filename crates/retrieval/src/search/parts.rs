//! The parts of a query, described by the recipe of the collection.

use std::path::Path;

use vizsla_features::Features;
use vizsla_pixels::Reach;
use vizsla_vectors::l2_normalise;
use vizsla_words::QueryWord;

use super::asked::Asked;
use super::described::{Described, Sighted};
use super::question::go_on;
use super::searcher::Searcher;
use super::shortlist::query_words;
use super::sight::{Look, Sight, stored_sight};
use super::trace::Trace;
use crate::catalog::Owner;
use crate::describe::{Describer, Wanted};
use crate::picture::{Picture, PictureSource};
use crate::{
    Error, GlobalRecipe, Part, PartSource, Query, QueryImage, Region, Reporter, Scoring, StageName,
    ground, stored, trailer,
};

/// Most parts of one query: each costs a description of its own.
const MOST_PARTS: usize = 256;
/// Most bytes of one text: more than any network or index of captions looks at.
const MOST_TEXT: usize = 10_000;

impl Searcher<'_> {
    /// Describes every part for the channels that are asked.
    pub(super) fn describe_parts<'q>(
        &self,
        query: &'q Query,
        asked: &Asked,
        trace: &mut Trace,
        reporter: &dyn Reporter,
    ) -> Result<Vec<Described<'q>>, Error> {
        check(query)?;
        let mut described = Vec::with_capacity(query.parts.len());
        for part in &query.parts {
            go_on(reporter)?;
            described.push(self.describe_part(part, asked, trace)?);
        }
        Ok(described)
    }

    fn describe_part<'q>(
        &self,
        part: &'q Part,
        asked: &Asked,
        trace: &mut Trace,
    ) -> Result<Described<'q>, Error> {
        let mut out = Described::new(part.weight);
        match &part.what {
            PartSource::Image { image, region } => {
                self.describe_picture(&mut out, image, *region, asked, trace)?;
            }
            PartSource::Stored(image) => {
                self.describe_stored(&mut out, *image, asked, trace)?;
                if asked.mirrored && asked.words && out.weight > 0.0 {
                    out.mirrored = self.mirrored_stored(*image, asked, trace)?;
                    if out.mirrored.is_none() {
                        trace.notes.push(format!(
                            "image {image} is not looked for mirrored: its file cannot be read as it was indexed, and of what is \
                             stored no mirror image can be made"
                        ));
                    }
                }
            }
            PartSource::Text(text) => {
                out.text = Some(text);
                if asked.text || (asked.global && asked.joint) {
                    self.describe_text(&mut out, text, asked, trace)?;
                }
            }
            PartSource::Vector(vector) if asked.global => {
                let vector = self.given_vector(vector)?;
                self.set_vector(&mut out, vector)?;
            }
            PartSource::Vector(_) => {}
        }
        Ok(out)
    }

    fn describe_picture(
        &self,
        out: &mut Described<'_>,
        image: &QueryImage,
        region: Option<Region>,
        asked: &Asked,
        trace: &mut Trace,
    ) -> Result<(), Error> {
        let wanted = Wanted {
            features: asked.words,
            vector: asked.global || asked.text && asked.joint,
        };
        if !wanted.features && (!wanted.vector || self.recipe().global.is_none()) {
            return Ok(());
        }
        let describer = Describer::of_queries(self.collection, wanted, asked.glance)?;
        let mut picture = describer.read(image.into(), region, wanted, asked.limits)?;
        if asked.glance {
            picture.halve()?;
        }
        out.full = Some(picture.full);
        let gray = picture.gray.as_ref();
        let pixels = gray.map(|gray| gray.width() * gray.height());
        let colour = picture.colour.as_ref();
        let pixels = pixels.or(colour.map(|colour| colour.width() * colour.height()));
        trace.stage(StageName::Read, pixels.unwrap_or_default());
        let features = describer.features(&picture)?;
        if let Some(features) = &features {
            trace.stage(StageName::Describe, features.keypoints.len());
        }
        if let Some(vector) = describer.vector(&picture, features.as_ref())? {
            let numbers = vector.len();
            if asked.text && asked.joint {
                out.meaning = Some(vector.clone());
            }
            if asked.global {
                self.set_vector(out, vector)?;
            }
            trace.stage(StageName::Encode, numbers);
        }
        if let Some(features) = features.filter(|_| wanted.features) {
            if asked.mirrored && out.weight > 0.0 {
                out.mirrored = Some(self.mirror_image(&describer, &picture, trace)?);
            }
            let Sighted {
                sight,
                own,
                widened,
            } = self.sighted(picture, features)?;
            trace.stage(StageName::Words, own.len());
            out.widened = widened;
            out.sight = Some((sight, own));
        }
        Ok(())
    }

    /// The mirror image of a picture that was read.
    fn mirror_image(
        &self,
        describer: &Describer<'_>,
        picture: &Picture,
        trace: &mut Trace,
    ) -> Result<Sighted, Error> {
        let turned = picture.mirrored();
        let features = describer.features(&turned)?.unwrap_or_default();
        trace.stage(StageName::Describe, features.keypoints.len());
        self.sighted(turned, features)
    }

    /// A picture with its features, and the words of these.
    fn sighted(&self, picture: Picture, features: Features) -> Result<Sighted, Error> {
        let codebook = self.collection.codebook()?;
        let words = query_words(&codebook, &features, &self.recipe().search);
        let aggregated = self.aggregated_of(&features)?;
        Ok(Sighted {
            own: words.verified,
            widened: aggregated.or(words.voting),
            sight: Sight {
                features,
                region: picture.region,
                zoom: picture.zoom(),
                look: picture.colour.map(Look::of),
            },
        })
    }

    fn describe_stored(
        &self,
        out: &mut Described<'_>,
        image: i64,
        asked: &Asked,
        trace: &mut Trace,
    ) -> Result<(), Error> {
        let Some(size) = self.catalog.image_size(image)? else {
            return Err(Error::NotIndexed(format!("image {image}")));
        };
        out.full = Some(size.into());
        if asked.words {
            let (sight, words) = self.stored_sight(image, size)?;
            trace.stage(StageName::Describe, words.len());
            out.sight = Some((sight, words));
            out.widened = self.aggregated_stored(image)?;
        }
        if asked.global || asked.text {
            let vector = self.catalog.vector(Owner::Image, image)?;
            if asked.text && asked.joint {
                out.meaning = vector.clone();
            }
            if let Some(vector) = vector.filter(|_| asked.global) {
                self.set_vector(out, vector)?;
            }
        }
        Ok(())
    }

    /// The mirror image of an image of the collection, which is made of its pixels; `None` where its file is not as it was.
    fn mirrored_stored(
        &self,
        image: i64,
        asked: &Asked,
        trace: &mut Trace,
    ) -> Result<Option<Sighted>, Error> {
        let open = |path: &Path| Reach::anywhere().open(path).ok();
        let most = asked.limits.max_file_bytes;
        let listed = self.catalog.listed(image)?;
        let Some(bytes) = listed.and_then(|listed| listed.read_by(open, most)) else {
            return Ok(None);
        };
        let wanted = Wanted {
            features: true,
            vector: false,
        };
        let describer = Describer::of_queries(self.collection, wanted, false)?;
        let Ok(picture) = describer.read(PictureSource::Bytes(&bytes), None, wanted, asked.limits)
        else {
            return Ok(None);
        };
        self.mirror_image(&describer, &picture, trace).map(Some)
    }

    /// Gives a part the vector that the catalog would keep of it, as it is compared.
    fn set_vector(&self, out: &mut Described<'_>, vector: Vec<f32>) -> Result<(), Error> {
        let global = self.recipe().global.as_ref();
        if global.is_some_and(|global| global.unmapped().is_some()) {
            out.record = Some(vector.clone());
        }
        out.global = Some(self.collection.compared_image(vector)?);
        Ok(())
    }

    /// An image of the collection as a picture that is looked for, by its stored features.
    pub(super) fn stored_sight(
        &self,
        image: i64,
        size: (u32, u32),
    ) -> Result<(Sight, Vec<QueryWord>), Error> {
        let data = self.catalog.features(image)?.unwrap_or_default();
        let features = stored::decode(&data).unwrap_or_default();
        let little = trailer::little(&data).and_then(ground::little);
        let side = self.recipe().pixels.max_side;
        let descriptors = trailer::descriptors(&data).unwrap_or_default();
        Ok(stored_sight(
            &features,
            little,
            descriptors,
            size.into(),
            side,
        ))
    }

    /// The words by which images are found, of the features of a picture, where these are aggregated; `None` where they are not.
    fn aggregated_of(&self, features: &Features) -> Result<Option<Vec<QueryWord>>, Error> {
        let recipe = &self.recipe().search;
        if recipe.scoring != Scoring::Asmk {
            return Ok(None);
        }
        let codebook = self.collection.codebook()?;
        let words = codebook.aggregate(&features.descriptors, recipe.multiple_assignment);
        Ok(Some(QueryWord::each(words)))
    }

    /// The same of an image of the collection.
    pub(super) fn aggregated_stored(&self, image: i64) -> Result<Option<Vec<QueryWord>>, Error> {
        if self.recipe().search.scoring != Scoring::Asmk {
            return Ok(None);
        }
        let data = self.catalog.features(image)?.unwrap_or_default();
        let (features, codes) = stored::decode_with(&data).unwrap_or_default();
        Ok(Some(QueryWord::each(stored::aggregated(&features, &codes))))
    }

    /// The vector of an image of the collection as it is compared.
    pub(super) fn compared_vector(&self, image: i64) -> Result<Option<Vec<f32>>, Error> {
        let vector = self.catalog.vector(Owner::Image, image)?;
        let compared = vector.map(|vector| self.collection.compared_image(vector));
        compared.transpose()
    }

    /// The vectors of images as they are compared, row by row, with the place of each among `images`. Those that have none of
    /// this length are left out: images that only words or captions found may have none.
    pub(super) fn compared_rows(
        &self,
        images: impl IntoIterator<Item = i64>,
        length: usize,
    ) -> Result<(Vec<usize>, Vec<f32>), Error> {
        let (mut places, mut rows) = (Vec::new(), Vec::new());
        let Some(compared) = self.collection.compared(Owner::Image)? else {
            return Ok((places, rows));
        };
        for (place, image) in images.into_iter().enumerate() {
            let vector = self.catalog.vector(Owner::Image, image)?;
            let vector = vector.map(|vector| compared.of(vector));
            if let Some(vector) = vector.filter(|vector| vector.len() == length) {
                places.push(place);
                rows.extend_from_slice(&vector);
            }
        }
        Ok((places, rows))
    }

    fn describe_text(
        &self,
        out: &mut Described<'_>,
        text: &str,
        asked: &Asked,
        trace: &mut Trace,
    ) -> Result<(), Error> {
        let Some(recipe) = &self.recipe().text else {
            return Ok(());
        };
        let batch = self.models().text(recipe)?.encode_texts(&[text])?;
        if batch.out_of_vocabulary > 0 {
            trace.notes.push(format!(
                "{} of {} words are not in the vocabulary of {}: {text}",
                batch.out_of_vocabulary, batch.tokens, recipe.model
            ));
        }
        let vector = batch.vectors.into_iter().next().unwrap_or_default();
        if asked.global && asked.joint {
            out.global = Some(vector.clone());
        }
        out.meaning = Some(vector);
        trace.stage(StageName::Encode, recipe.dimension);
        Ok(())
    }

    fn given_vector(&self, vector: &[f32]) -> Result<Vec<f32>, Error> {
        let global = self.recipe().global.as_ref();
        let raw = global.map_or(0, GlobalRecipe::dimension);
        let mut vector = vector.to_vec();
        let length: f32 = vector.iter().map(|v| v * v).sum();
        if vector.len() != raw || !length.is_finite() || length <= 0.0 {
            return Err(Error::Query(format!(
                "a query vector must have {raw} finite numbers that are not all zero, this one has {}",
                vector.len()
            )));
        }
        // Descriptions are no directions.
        if global.is_none_or(|global| global.unmapped().is_none()) {
            l2_normalise(&mut vector);
        }
        Ok(vector)
    }
}

fn check(query: &Query) -> Result<(), Error> {
    if query.parts.len() > MOST_PARTS {
        return Err(Error::Query(format!(
            "a query has at most {MOST_PARTS} parts, this one has {}; leave some out",
            query.parts.len()
        )));
    }
    let length = |part: &Part| match &part.what {
        PartSource::Text(text) => text.len(),
        _ => 0,
    };
    if let Some(long) = query
        .parts
        .iter()
        .map(length)
        .find(|&length| length > MOST_TEXT)
    {
        return Err(Error::Query(format!(
            "a text to search by has at most {MOST_TEXT} bytes, this one has {long}; say it in fewer words"
        )));
    }
    if query
        .parts
        .iter()
        .any(|part| !part.weight.is_finite() || part.weight == 0.0)
    {
        return Err(Error::Query(
            "the weight of a part must be a number that is not zero".into(),
        ));
    }
    if query.parts.iter().all(|part| part.weight < 0.0) {
        return Err(Error::Query(
            "a query needs at least one part with a positive weight: say what you look for, not only what you do \
             not"
            .into(),
        ));
    }
    Ok(())
}
