//! Searching lists.

use rayon::prelude::*;

use super::best::Gathered;
use super::coding::ListQuestion;
use super::exact::{ExactScores, OfQuery};
use super::places::Places;
use super::{ListSearch, Refinement, VectorLists};
use crate::files::CUT_SHORT;
use crate::points::{check_query, count_points};
use crate::{Allowed, Error};

/// Queries that are compared with the centroids together.
const SEVERAL: usize = 32;
/// Where no more than this share of what the lists hold that would be read is allowed, all of it is compared.
const FEW: usize = 8;
/// So many are always few.
const FEW_AT_LEAST: usize = 256;
/// Vectors that are expected while another is compared.
const AHEAD: usize = 8;
/// Factor for codes without bounds where bounds are asked for.
const WITHOUT_BOUNDS: usize = 10;

impl VectorLists {
    /// The best allowed vectors, id and score, best first; of equal scores the lower id. Without an `exact` score of ids, or without a refinement, scores are
    /// those of the codes.
    ///
    /// Where few are allowed, all of these are compared; otherwise the lists nearest to the query are read, until there are
    /// enough of those allowed.
    ///
    /// # Errors
    /// The query has another length or holds what is no finite number, or the file was cut short.
    pub fn search(
        &self,
        query: &[f32],
        search: &ListSearch,
        allowed: &Allowed<'_>,
        exact: Option<&dyn ExactScores>,
    ) -> Result<Vec<(i64, f32)>, Error> {
        check_query(query, self.dimension())?;
        let query = self.metric.prepared(query);
        let few = self.few(search, allowed);
        let mut worth = Vec::new();
        if few.is_none() {
            self.coarse.worth(&query, self.metric, &mut worth);
        }
        let found = self.search_one(&query, &worth, search, allowed, few.as_deref(), exact);
        self.check_whole()?;
        Ok(found)
    }

    /// As [`VectorLists::search`] for each of many queries, rows of [`VectorLists::dimension`] numbers, in the current rayon pool.
    ///
    /// # Errors
    /// As [`VectorLists::search`].
    pub fn search_many(
        &self,
        queries: &[f32],
        search: &ListSearch,
        allowed: &Allowed<'_>,
        exact: Option<&dyn ExactScores>,
    ) -> Result<Vec<Vec<(i64, f32)>>, Error> {
        count_points(queries, self.dimension())?;
        let few = self.few(search, allowed);
        let chunks = queries.par_chunks(SEVERAL * self.dimension());
        let found = chunks.flat_map_iter(|queries| {
            self.search_some(queries, search, allowed, few.as_deref(), exact)
        });
        let found = found.collect();
        self.check_whole()?;
        Ok(found)
    }

    fn search_some(
        &self,
        queries: &[f32],
        search: &ListSearch,
        allowed: &Allowed<'_>,
        few: Option<&[(u32, u32)]>,
        exact: Option<&dyn ExactScores>,
    ) -> Vec<Vec<(i64, f32)>> {
        let mut prepared = Vec::with_capacity(queries.len());
        for query in queries.chunks_exact(self.dimension()) {
            prepared.extend_from_slice(&self.metric.prepared(query));
        }
        let mut worth = Vec::new();
        self.coarse.worth(&prepared, self.metric, &mut worth);
        let queries = prepared.chunks_exact(self.dimension());
        let each = queries.zip(worth.chunks_exact(self.lists()));
        each.map(|(query, worth)| self.search_one(query, worth, search, allowed, few, exact))
            .collect()
    }

    /// All allowed vectors in the `probes` nearest lists with a score of at least `least`, best first; of equal scores the lower id. Scores are those of the codes.
    ///
    /// # Errors
    /// As [`VectorLists::search`].
    pub fn within(
        &self,
        query: &[f32],
        least: f32,
        probes: usize,
        allowed: &Allowed<'_>,
    ) -> Result<Vec<(i64, f32)>, Error> {
        check_query(query, self.dimension())?;
        let query = self.metric.prepared(query);
        let mut worth = Vec::new();
        self.coarse.worth(&query, self.metric, &mut worth);
        let mut found = Gathered::within(least, *allowed);
        let mut question = self.coding.ask(&query, self.metric);
        for number in self.nearest_lists(&worth, probes).0 {
            question.scan(&self.list(number as usize), &mut found);
        }
        self.check_whole()?;
        Ok(found.sorted())
    }

    /// The places of all that is allowed, where that is little.
    fn few(&self, search: &ListSearch, allowed: &Allowed<'_>) -> Option<Vec<(u32, u32)>> {
        let read = (self.count / self.lists().max(1)).saturating_mul(search.probes.max(1));
        let few = (read / FEW)
            .max(search.k.saturating_mul(2))
            .max(FEW_AT_LEAST);
        let filtered = !matches!(allowed, Allowed::All);
        (filtered && allowed.most_of(self.count) <= few).then(|| {
            self.places
                .get_or_init(|| Places::of((0..self.lists()).map(|number| self.list(number))))
                .allowed(allowed)
        })
    }

    fn search_one(
        &self,
        query: &[f32],
        worth: &[f32],
        search: &ListSearch,
        allowed: &Allowed<'_>,
        few: Option<&[(u32, u32)]>,
        exact: Option<&dyn ExactScores>,
    ) -> Vec<(i64, f32)> {
        let exact = exact.map(|scores| OfQuery { scores, query });
        let factor = match (search.refinement, exact) {
            (Refinement::None, _) | (_, None) => None,
            (Refinement::Factor(factor), Some(exact)) => Some((factor, exact)),
            (Refinement::Bounds, Some(_)) if self.coding.has_bounds() => None,
            (Refinement::Bounds, Some(exact)) => Some((WITHOUT_BOUNDS, exact)),
        };
        let wanted = factor.map_or(search.k, |(factor, _)| {
            search.k.saturating_mul(factor.max(1))
        });
        let mut found = Gathered::best(wanted.min(self.count), *allowed);
        if let (Refinement::Bounds, None, Some(exact)) = (search.refinement, factor, exact) {
            found = found.by_bounds(exact);
        }
        let mut question = self.coding.ask(query, self.metric);
        match few {
            Some(places) => self.scan_places(&mut *question, places, &mut found),
            None => self.scan_lists(&mut *question, worth, search.probes, &mut found),
        }
        let best = found.sorted();
        match factor {
            None => best,
            Some((_, exact)) => {
                let mut refined = Gathered::best(search.k.min(best.len()), Allowed::All);
                best.iter()
                    .take(AHEAD)
                    .for_each(|best| exact.expect(best.0));
                for (at, &(id, _)) in best.iter().enumerate() {
                    if let Some(ahead) = best.get(at + AHEAD) {
                        exact.expect(ahead.0);
                    }
                    refined.offer(exact.score(id), id);
                }
                refined.sorted()
            }
        }
    }

    fn scan_places(
        &self,
        question: &mut dyn ListQuestion,
        places: &[(u32, u32)],
        found: &mut Gathered<'_>,
    ) {
        for of_list in places.chunk_by(|a, b| a.0 == b.0) {
            let list = self.list(of_list[0].0 as usize);
            let places: Vec<u32> = of_list.iter().map(|&(_, place)| place).collect();
            question.scan_places(&list, &places, found);
        }
    }

    fn scan_lists(
        &self,
        question: &mut dyn ListQuestion,
        worth: &[f32],
        probes: usize,
        found: &mut Gathered<'_>,
    ) {
        let (nearest, others) = self.nearest_lists(worth, probes);
        for (at, &number) in nearest.iter().enumerate() {
            if let Some(&next) = nearest.get(at + 1) {
                self.list(next as usize).expect();
            }
            question.scan(&self.list(number as usize), found);
        }
        if found.is_full() {
            return;
        }
        // Few of these are allowed.
        for number in sorted(worth, others) {
            question.scan(&self.list(number as usize), found);
            if found.is_full() {
                return;
            }
        }
    }

    /// The `probes` nearest lists that hold vectors, nearest first, and the others that do, in no order.
    fn nearest_lists(&self, worth: &[f32], probes: usize) -> (Vec<u32>, Vec<u32>) {
        let holds = |&(_, number): &(f32, u32)| !self.lists[number as usize].ids.is_empty();
        let lists = worth.iter().copied().zip(0..);
        let mut lists: Vec<(f32, u32)> = lists.filter(holds).collect();
        let probes = probes.max(1);
        let mut others = Vec::new();
        if probes < lists.len() {
            lists.select_nth_unstable_by(probes - 1, order);
            others = lists[probes..].iter().map(|list| list.1).collect();
            lists.truncate(probes);
        }
        lists.sort_unstable_by(order);
        (lists.iter().map(|list| list.1).collect(), others)
    }

    /// Whether the file is as long as when it was opened.
    ///
    /// # Errors
    /// [`Error::Damaged`] when not.
    pub fn check_whole(&self) -> Result<(), Error> {
        match &self.file {
            Some(file) if !file.map.is_whole() => {
                Err(super::file::FORMAT.damaged(CUT_SHORT, &file.path))
            }
            _ => Ok(()),
        }
    }
}

fn order(a: &(f32, u32), b: &(f32, u32)) -> std::cmp::Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

/// Lists, nearest first.
fn sorted(worth: &[f32], lists: Vec<u32>) -> Vec<u32> {
    let mut lists: Vec<(f32, u32)> = lists.iter().map(|&at| (worth[at as usize], at)).collect();
    lists.sort_unstable_by(order);
    lists.into_iter().map(|list| list.1).collect()
}
