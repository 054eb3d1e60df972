//! A collection as the searcher of an evaluation: files it finds become positions in the data set's gallery.

use std::collections::HashMap;
use std::path::PathBuf;

use vizsla_retrieval::{Collection, Hit, Query, Region, SearchOptions, Verdict};

use crate::dataset::{Dataset, QueryCase, QueryContent, Target};
use crate::error::Error;
use crate::runner::{BoxError, Ranked};

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
        let (QueryContent::Image { path, region }, Target::Images) = (&case.content, case.target)
        else {
            return Err("this searcher compares pictures with pictures only".into());
        };
        let mut query = Query::file(path);
        query.region = region.map(|[x, y, width, height]| Region {
            x,
            y,
            width,
            height,
        });
        let response = self.collection.search(&query, &self.search)?;
        let mut ranked = Vec::with_capacity(response.hits.len());
        for hit in &response.hits {
            ranked.extend(self.entries(hit)?);
        }
        Ok(ranked)
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
