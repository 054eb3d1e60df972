//! One stored image against others of the collection: who shares its visual words, and who shows the same.
//!
//! [`Collection::search`] answers people: the whole collection, fused and ordered. Work on many pairs (cleaning a
//! training set, mining pairs) chooses its own candidates and needs the two stages singly.

use std::collections::HashMap;

use super::Trace;
use super::candidates::{Candidate, shortlist};
use super::channels::{Asked, Scope};
use super::fusion::Fused;
use super::parts::Described;
use crate::{Collection, Error, Hit, Query, Target};

impl Collection {
    /// The images, of those that `keep` lets through, that share most visual words with a stored image: at most
    /// `size`, best first, each with its similarity, 0 to below 1. The image itself is not among them.
    ///
    /// # Errors
    /// There is no such image, the collection keeps no local features, or the index is damaged.
    pub fn alike_by_words(
        &self,
        image: i64,
        size: usize,
        keep: &dyn Fn(i64) -> bool,
    ) -> Result<Vec<(i64, f64)>, Error> {
        let query = Query::stored(image);
        let parts = self.stored_part(&query)?;
        let Some((_, words)) = parts.first().and_then(|part| part.sight.as_ref()) else {
            return Ok(Vec::new());
        };
        let snapshot = self.snapshot()?;
        let keep = |id: i64| id != image && !snapshot.removed.contains(&id) && keep(id);
        let found = shortlist(&snapshot.segments, words, &self.recipe.search, size, &keep)?;
        let pair = |candidate: Candidate| (candidate.image, candidate.similarity);
        Ok(found.into_iter().map(pair).collect())
    }

    /// Verifies a stored image against others by geometry: a hit for each, in their order, with the agreement and the
    /// verdict. Ids that the collection does not have are left out. No file is opened.
    ///
    /// # Errors
    /// As [`Collection::alike_by_words`].
    pub fn agreements(&self, image: i64, others: &[i64]) -> Result<Vec<Hit>, Error> {
        let query = Query::stored(image);
        let parts = self.stored_part(&query)?;
        let snapshot = self.snapshot()?;
        let unscored = |&key: &i64| Fused {
            key,
            score: 0.0,
            shares: Vec::new(),
            caption: None,
        };
        let scope = Scope {
            snapshot: &snapshot,
            allowed: None,
            captions: &HashMap::new(),
            target: Target::Images,
            depth: others.len(),
        };
        let mut hits = self.hits(others.iter().map(unscored).collect(), &scope)?;
        self.verify_hits(&parts, &mut hits, &snapshot)?;
        Ok(hits)
    }

    fn stored_part<'q>(&self, query: &'q Query) -> Result<Vec<Described<'q>>, Error> {
        if !self.recipe.local.enabled {
            return Err(Error::Query(format!(
                "pairs are verified by local features, which this collection does not keep: {}",
                self.path().display()
            )));
        }
        let words = Asked {
            words: true,
            ..Asked::default()
        };
        self.describe_parts(query, &words, &mut Vec::new(), &mut Trace::new())
    }
}
