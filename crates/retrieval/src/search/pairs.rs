//! One stored image against others of the collection: who shares its visual words, and who shows the same.
//!
//! [`Searcher::search`] answers people: the whole collection, fused and ordered. Work on many pairs (cleaning a
//! training set, mining pairs) chooses its own candidates and needs the two stages singly.

use vizsla_pixels::Limits;
use vizsla_vectors::{Allowed, IdSet};

use super::asked::Asked;
use super::candidate::Candidate;
use super::described::Described;
use super::searcher::Searcher;
use super::shortlist::shortlist;
use super::trace::Trace;
use crate::{Agreement, Error, Query, Silent};

impl Searcher<'_> {
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
        let parts = self.described_by_words(&query, false, &Limits::default())?;
        let (mut taken, mut room) = (self.snapshot.removed.clone(), IdSet::new());
        taken.insert(image);
        self.sharing_words(&parts, size, &allowed.without(&taken, &mut room))
    }

    /// Verifies a stored image against others by geometry: a candidate for each, in their order, with the agreement and
    /// the verdict. Ids that the collection does not have are left out. No file is opened.
    ///
    /// # Errors
    /// As [`Searcher::alike_by_words`].
    pub fn agreements(&self, image: i64, others: &[i64]) -> Result<Vec<Candidate>, Error> {
        let query = Query::stored(image);
        self.verified(
            &self.described_by_words(&query, false, &Limits::default())?,
            others,
        )
    }

    /// The allowed images that share most visual words with the pictures of a query, verified by
    /// geometry: at most `size`, most alike first.
    pub(crate) fn verified_alike(
        &self,
        query: &Query,
        size: usize,
        allowed: &Allowed<'_>,
    ) -> Result<Vec<Candidate>, Error> {
        let parts = self.described_by_words(query, false, &Limits::default())?;
        let mut room = IdSet::new();
        let allowed = allowed.without(&self.snapshot.removed, &mut room);
        let found = self.sharing_words(&parts, size, &allowed)?;
        let others: Vec<i64> = found.into_iter().map(|(image, _)| image).collect();
        self.verified(&parts, &others)
    }

    /// Verifies the pictures of a query against one image of the collection by geometry: the agreement, where there is
    /// one, and the size of the query's picture. With `mirrored`, its mirror image as well. Its filter is not looked at.
    ///
    /// # Errors
    /// There is no such image, the collection keeps no local features, the query has no picture, or one that cannot be
    /// read within `limits`.
    pub fn compare(
        &self,
        query: &Query,
        image: i64,
        mirrored: bool,
        limits: &Limits,
    ) -> Result<(Option<Agreement>, [u32; 2]), Error> {
        let parts = self.described_by_words(query, mirrored, limits)?;
        let Some(size) = parts.iter().find_map(|part| part.full) else {
            return Err(Error::Query(
                "geometry is of pictures; the query has none".into(),
            ));
        };
        match self.verified(&parts, &[image])?.pop() {
            Some(candidate) => Ok((candidate.agreement, size)),
            None => Err(Error::NotIndexed(format!("image {image}"))),
        }
    }

    fn sharing_words(
        &self,
        parts: &[Described<'_>],
        size: usize,
        allowed: &Allowed<'_>,
    ) -> Result<Vec<(i64, f64)>, Error> {
        let first = parts.first();
        let Some((part, words)) = first.and_then(|part| Some((part, part.words()?))) else {
            return Ok(Vec::new());
        };
        let sight = part.sight.as_ref().map(|(sight, _)| sight);
        let recipe = &self.recipe().search;
        shortlist(&self.snapshot, words, sight, recipe, size, allowed)
    }

    fn verified(&self, parts: &[Described<'_>], others: &[i64]) -> Result<Vec<Candidate>, Error> {
        let mut candidates: Vec<Candidate> = others.iter().copied().map(Candidate::new).collect();
        let mut all: Vec<&mut Candidate> = candidates.iter_mut().collect();
        self.verify(parts, &mut all, &Silent)?;
        // What the collection does not have has no size.
        candidates.retain(|candidate| candidate.size != [0; 2]);
        Ok(candidates)
    }

    fn described_by_words<'q>(
        &self,
        query: &'q Query,
        mirrored: bool,
        limits: &Limits,
    ) -> Result<Vec<Described<'q>>, Error> {
        if !self.recipe().local.enabled {
            return Err(Error::Unable {
                what: "pairs are verified by local features, which this collection does not keep"
                    .into(),
                remedy: None,
                collection: self.collection.path().to_owned(),
            });
        }
        let words = Asked {
            words: true,
            mirrored,
            limits: *limits,
            ..Asked::default()
        };
        self.describe_parts(query, &words, &mut Trace::new(), &Silent)
    }
}
