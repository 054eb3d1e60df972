//! One stored image against others of the collection: who shares its visual words, and who shows the same.
//!
//! [`Collection::search`] answers people: the whole collection, fused and ordered. Work on many pairs (cleaning a
//! training set, mining pairs) chooses its own candidates and needs the two stages singly.

use std::collections::HashMap;

use vizsla_pixels::Limits;
use vizsla_vectors::{Allowed, IdSet};

use super::Trace;
use super::candidates::{Candidate, shortlist};
use super::channels::{Asked, Scope};
use super::fusion::Fused;
use super::parts::Described;
use crate::{Agreement, Collection, Error, Hit, Query, Silent, Target};

impl Collection {
    /// The allowed images that share most visual words with a stored image: at most
    /// `size`, best first, each with its similarity, 0 to below 1. The image itself is not among them.
    ///
    /// # Errors
    /// There is no such image, the collection keeps no local features, or the index is damaged.
    pub fn alike_by_words(
        &self,
        image: i64,
        size: usize,
        allowed: &Allowed<'_>,
    ) -> Result<Vec<(i64, f64)>, Error> {
        let query = Query::stored(image);
        let parts = self.stored_part(&query)?;
        let Some((_, words)) = parts.first().and_then(|part| part.sight.as_ref()) else {
            return Ok(Vec::new());
        };
        let snapshot = self.snapshot()?;
        let (mut taken, mut room) = (snapshot.removed.clone(), IdSet::new());
        taken.insert(image);
        let allowed = allowed.without(&taken, &mut room);
        let found = shortlist(
            snapshot.segments()?,
            words,
            &self.recipe.search,
            size,
            &allowed,
        )?;
        let pair = |candidate: Candidate| (candidate.image, candidate.similarity);
        Ok(found.into_iter().map(pair).collect())
    }

    /// Verifies a stored image against others by geometry: a hit for each, in their order, with the agreement and the
    /// verdict. Ids that the collection does not have are left out. No file is opened.
    ///
    /// # Errors
    /// As [`Collection::alike_by_words`].
    pub fn agreements(&self, image: i64, others: &[i64]) -> Result<Vec<Hit>, Error> {
        self.verified_pairs_of(&self.stored_part(&Query::stored(image))?, others)
    }

    /// The allowed images that share most visual words with the pictures of a query, verified by
    /// geometry: at most `size`, most alike first.
    pub(crate) fn verified_alike(
        &self,
        query: &Query,
        size: usize,
        allowed: &Allowed<'_>,
    ) -> Result<Vec<Hit>, Error> {
        let parts = self.described_by_words(query, &Limits::default())?;
        let Some((_, words)) = parts.first().and_then(|part| part.sight.as_ref()) else {
            return Ok(Vec::new());
        };
        let snapshot = self.snapshot()?;
        let mut room = IdSet::new();
        let allowed = allowed.without(&snapshot.removed, &mut room);
        let found = shortlist(
            snapshot.segments()?,
            words,
            &self.recipe.search,
            size,
            &allowed,
        )?;
        let others: Vec<i64> = found.into_iter().map(|candidate| candidate.image).collect();
        self.verified_pairs_of(&parts, &others)
    }

    /// Verifies the pictures of a query against one image of the collection by geometry: the agreement, where there is
    /// one, and the size of the query's picture. Its filter is not looked at.
    ///
    /// # Errors
    /// There is no such image, the collection keeps no local features, the query has no picture, or one that cannot be
    /// read within `limits`.
    pub fn compare(
        &self,
        query: &Query,
        image: i64,
        limits: &Limits,
    ) -> Result<(Option<Agreement>, [u32; 2]), Error> {
        let parts = self.described_by_words(query, limits)?;
        let Some(size) = parts.iter().find_map(|part| part.full) else {
            return Err(Error::Query(
                "geometry is of pictures; the query has none".into(),
            ));
        };
        match self.verified_pairs_of(&parts, &[image])?.pop() {
            Some(hit) => Ok((hit.agreement, size)),
            None => Err(Error::NotIndexed(format!("image {image}"))),
        }
    }

    fn verified_pairs_of(
        &self,
        parts: &[Described<'_>],
        others: &[i64],
    ) -> Result<Vec<Hit>, Error> {
        let snapshot = self.snapshot()?;
        let unscored = |&key: &i64| Fused {
            key,
            score: 0.0,
            shares: Vec::new(),
            caption: None,
        };
        let scope = Scope {
            snapshot: &snapshot,
            images: Allowed::All,
            captions: &HashMap::new(),
            described: &IdSet::new(),
            target: Target::Images,
            depth: others.len(),
        };
        let mut hits = self.hits(others.iter().map(unscored).zip(1..).collect(), &scope)?;
        self.verify_hits(parts, &mut hits, &snapshot, &Silent)?;
        Ok(hits)
    }

    fn without_local(&self) -> Error {
        Error::Unable {
            what: "pairs are verified by local features, which this collection does not keep"
                .into(),
            collection: self.path().to_owned(),
        }
    }

    fn stored_part<'q>(&self, query: &'q Query) -> Result<Vec<Described<'q>>, Error> {
        self.described_by_words(query, &Limits::default())
    }

    fn described_by_words<'q>(
        &self,
        query: &'q Query,
        limits: &Limits,
    ) -> Result<Vec<Described<'q>>, Error> {
        if !self.recipe.local.enabled {
            return Err(self.without_local());
        }
        let words = Asked {
            words: true,
            limits: *limits,
            ..Asked::default()
        };
        self.describe_parts(query, &words, &mut Vec::new(), &mut Trace::new(), &Silent)
    }
}
