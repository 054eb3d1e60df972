//! A collection as the searcher of an evaluation: files it finds become positions in the data set's gallery.

use std::collections::HashMap;
use std::path::PathBuf;

use vizsla_retrieval::{Channel, Collection, Hit, Query, Region, SearchOptions, Verdict};

use crate::dataset::{Dataset, QueryCase, QueryContent, Target};
use crate::error::Error;
use crate::ranked::Ranked;
use crate::runner::BoxError;

/// Asks a collection the queries of a data set whose gallery it holds.
///
/// `search.top` is the depth of the ranked lists: what is not returned counts as not found, so average precision over
/// many relevant images needs a deep list. Files with the same content are one image of the collection; each of
/// them takes its place in the list, in gallery order.
pub struct CollectionSearcher<'a> {
    collection: &'a Collection,
    search: SearchOptions,
    /// Gallery positions by the path under which the collection knows the file.
    positions: HashMap<PathBuf, Vec<usize>>,
    captions: Captions,
}

/// Which caption of the data set is which of the collection.
#[derive(Default)]
struct Captions {
    /// Identity in the collection, by position in [`Dataset::captions`].
    ids: Vec<Option<i64>>,
    positions: HashMap<i64, usize>,
}

impl Captions {
    /// Captions are told by their image and their text; the same sentence twice at one image, by order.
    fn new(
        dataset: &Dataset,
        collection: &Collection,
        gallery: &HashMap<PathBuf, Vec<usize>>,
    ) -> Result<Self, Error> {
        if dataset.captions.is_empty() {
            return Ok(Self::default());
        }
        let mut images: HashMap<i64, usize> = HashMap::new();
        for listed in collection.list()? {
            let position = listed
                .paths
                .iter()
                .find_map(|path| gallery.get(path)?.first());
            images.extend(position.map(|&position| (listed.image, position)));
        }
        let mut waiting: HashMap<(usize, String), Vec<usize>> = HashMap::new();
        for (position, caption) in dataset.captions.iter().enumerate().rev() {
            waiting
                .entry((caption.image, caption.text.trim().to_owned()))
                .or_default()
                .push(position);
        }
        let mut found = Self {
            ids: vec![None; dataset.captions.len()],
            positions: HashMap::new(),
        };
        for caption in collection.captions()? {
            let key = images
                .get(&caption.image)
                .map(|&image| (image, caption.text.trim().to_owned()));
            if let Some(position) = key.and_then(|key| waiting.get_mut(&key)?.pop()) {
                found.ids[position] = Some(caption.id);
                found.positions.insert(caption.id, position);
            }
        }
        Ok(found)
    }

    fn id(&self, position: usize) -> Option<i64> {
        self.ids.get(position).copied().flatten()
    }

    fn position(&self, id: i64) -> Option<usize> {
        self.positions.get(&id).copied()
    }
}

impl<'a> CollectionSearcher<'a> {
    /// A searcher for the gallery of `dataset`, which is indexed in `collection`.
    ///
    /// # Errors
    /// A gallery file is not there any more.
    pub fn new(
        dataset: &Dataset,
        collection: &'a Collection,
        search: SearchOptions,
    ) -> Result<Self, Error> {
        let mut positions: HashMap<PathBuf, Vec<usize>> = HashMap::new();
        for (position, image) in dataset.gallery.iter().enumerate() {
            positions
                .entry(fs_err::canonicalize(&image.path)?)
                .or_default()
                .push(position);
        }
        Ok(Self {
            captions: Captions::new(dataset, collection, &positions)?,
            collection,
            search,
            positions,
        })
    }

    /// The ranked list of one query, best first.
    ///
    /// # Errors
    /// The search fails, or finds a file that is not in the gallery: a collection that holds more than the data set
    /// would rank differently, and leaving those files out would flatter it.
    pub fn ask(&self, case: &QueryCase) -> Result<Vec<Ranked>, BoxError> {
        let mut options = self.search.clone();
        let query = match &case.content {
            QueryContent::Image { path, region } => {
                // The gallery holds the picture itself, whose captions would follow it: only its meaning may answer.
                if case.target == Target::Captions {
                    options.channels = Some(vec![Channel::Text]);
                }
                let query = Query::file(path);
                let region = region.map(|[x, y, width, height]| Region {
                    x,
                    y,
                    width,
                    height,
                });
                region.map_or(query.clone(), |region| query.within(region))
            }
            QueryContent::Text { text, caption } => {
                let own = caption.and_then(|position| self.captions.id(position));
                options.ignore_captions.extend(own);
                Query::text(text)
            }
        };
        options.target = match case.target {
            Target::Images => vizsla_retrieval::Target::Images,
            Target::Captions => vizsla_retrieval::Target::Captions,
        };
        let response = self.collection.search(&query, &options)?;
        let mut ranked = Vec::with_capacity(response.hits.len());
        for hit in &response.hits {
            match case.target {
                Target::Images => ranked.extend(self.entries(hit)?),
                Target::Captions => ranked.extend(self.caption(hit)?),
            }
        }
        Ok(ranked)
    }

    fn caption(&self, hit: &Hit) -> Result<Option<Ranked>, BoxError> {
        let Some(caption) = &hit.caption else {
            return Ok(None);
        };
        let position = self.captions.position(caption.id).ok_or_else(|| {
            format!(
                "the collection holds a caption that is not in the data set: {}",
                caption.text
            )
        })?;
        Ok(Some(Ranked {
            gallery: position,
            score: hit.score,
            matched: hit.verdict == Verdict::Match,
            log10_nfa: None,
        }))
    }

    fn entries(&self, hit: &Hit) -> Result<impl Iterator<Item = Ranked>, BoxError> {
        let mut found = Vec::new();
        for path in std::iter::once(&hit.path).chain(&hit.duplicates) {
            let positions = self.positions.get(path).ok_or_else(|| {
                format!(
                    "the collection holds a file that is not in the gallery; index the gallery into a \
                     collection of its own: {}",
                    path.display()
                )
            })?;
            found.extend_from_slice(positions);
        }
        found.sort_unstable();
        let matched = hit.verdict == Verdict::Match;
        let (score, log10_nfa) = (hit.score, hit.agreement.as_ref().map(|a| a.log10_nfa));
        Ok(found.into_iter().map(move |gallery| Ranked {
            gallery,
            score,
            matched,
            log10_nfa,
        }))
    }
}
