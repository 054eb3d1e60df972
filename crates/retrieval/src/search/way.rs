//! The way of a query through a searcher.
//!
//! filter → describe → the channels → fuse → the stages of the recipe, in order → the page. Each channel (visual words, the
//! global descriptor, captions by word and by meaning) gives candidates of its own; they become one list, which the stages
//! verify, widen and order.

use std::collections::HashMap;
use std::ops::ControlFlow;

use vizsla_vectors::IdSet;

use super::asked::Asked;
use super::candidate::{Candidate, Ranking};
use super::described::Described;
use super::list::stage;
use super::question::Question;
use super::searcher::Searcher;
use super::trace::Trace;
use super::{channels, fusion};
use crate::{
    Collection, Error, Hit, Query, Reporter, SearchOptions, SearchResponse, Silent, StageName,
    StageRecipe, Target, Verdict,
};

impl Collection {
    /// A view of the last commit, to search in.
    ///
    /// # Errors
    /// The catalog cannot be read, or is damaged.
    pub fn searcher(&self) -> Result<Searcher<'_>, Error> {
        let (snapshot, catalog) = self.view()?;
        Ok(Searcher {
            collection: self,
            snapshot,
            catalog,
        })
    }

    /// Finds the images (or captions) that a query means, in the last commit: [`Searcher::search`].
    ///
    /// # Errors
    /// As [`Searcher::search`].
    pub fn search(&self, query: &Query, options: &SearchOptions) -> Result<SearchResponse, Error> {
        self.search_while(query, options, &Silent)
    }

    /// As [`Collection::search`], for a caller who may lose interest: [`Searcher::search_while`].
    ///
    /// # Errors
    /// As [`Searcher::search_while`].
    pub fn search_while(
        &self,
        query: &Query,
        options: &SearchOptions,
        reporter: &dyn Reporter,
    ) -> Result<SearchResponse, Error> {
        self.searcher()?.search_while(query, options, reporter)
    }
}

impl Searcher<'_> {
    /// Finds the images (or captions) that a query means.
    ///
    /// Matches come first, ordered by evidence; the rest of the candidates follows, what geometry
    /// speaks for weakly before what only looks or reads alike.
    /// Gallery files are not opened.
    ///
    /// # Errors
    /// The query cannot be read or asks what the collection cannot answer, a region lies outside, a model is not
    /// there or another than the collection's, or the index is damaged.
    pub fn search(&self, query: &Query, options: &SearchOptions) -> Result<SearchResponse, Error> {
        self.search_while(query, options, &Silent)
    }

    /// As [`Searcher::search`], for a caller who may lose interest: the reporter is asked between stages, between
    /// candidates while they are verified, and, where it has a flag, while the catalog is read.
    ///
    /// # Errors
    /// As [`Searcher::search`], and [`Error::Cancelled`] when the reporter wanted to stop.
    pub fn search_while(
        &self,
        query: &Query,
        options: &SearchOptions,
        reporter: &dyn Reporter,
    ) -> Result<SearchResponse, Error> {
        match reporter.stop_flag() {
            Some(flag) => flag.governing(|| self.search_in_stages(query, options, reporter)),
            None => self.search_in_stages(query, options, reporter),
        }
    }

    fn search_in_stages(
        &self,
        query: &Query,
        options: &SearchOptions,
        reporter: &dyn Reporter,
    ) -> Result<SearchResponse, Error> {
        let stages = self.stages(options)?;
        let glance = self.glance(query, options, Trace::new(), reporter)?;
        let settled = glance.is_break();
        let (ranking, question) = match glance {
            ControlFlow::Break(enough) => enough,
            ControlFlow::Continue(trace) => {
                let asked = self.question(query, options, &stages, false, trace, reporter);
                let mut question = asked?;
                let mut ranking = self.retrieve(&mut question)?;
                self.run(&stages, &mut question, &mut ranking)?;
                (ranking, question)
            }
        };
        let (hits, found) = self.page(ranking, options)?;
        let ms = question.trace.ms();
        let size = question.parts.iter().find_map(|part| part.full);
        Ok(SearchResponse {
            hits,
            found,
            query_size: size.unwrap_or_default(),
            stages: question.trace.stages,
            ms,
            settled,
            notes: question.trace.notes,
        })
    }

    /// Lets the stages that apply rank, one after the other.
    pub(super) fn run(
        &self,
        stages: &[StageRecipe],
        question: &mut Question<'_>,
        ranking: &mut Ranking,
    ) -> Result<(), Error> {
        for recipe in stages {
            question.go_on()?;
            let stage = stage(*recipe);
            if stage.applies(question) {
                let out = stage.run(self, question, ranking)?;
                question.go_on()?;
                ranking.order();
                question.trace.stage(stage.name(), out);
            }
        }
        Ok(())
    }

    /// The stages that are asked for, or those of the recipe, as far as this collection can run them.
    fn stages(&self, options: &SearchOptions) -> Result<Vec<StageRecipe>, Error> {
        let recipe = self.recipe();
        let stages = match &options.stages {
            Some(stages) => {
                for stage in stages {
                    recipe.check_stage(*stage).map_err(Error::Query)?;
                }
                stages
            }
            None => &recipe.search.stages,
        };
        let wanted = |stage: &&StageRecipe| options.verify || stage.name() != StageName::Verify;
        Ok(stages.iter().filter(wanted).copied().collect())
    }

    /// Describes a query, at a glance or as it is, and finds out what restricts its answers.
    pub(super) fn question<'q>(
        &self,
        query: &'q Query,
        options: &SearchOptions,
        stages: &[StageRecipe],
        glance: bool,
        mut trace: Trace,
        reporter: &'q dyn Reporter,
    ) -> Result<Question<'q>, Error> {
        let recipe = &self.recipe().search;
        let asked = self.asked(query, options, glance, &mut trace)?;
        let passed = match &query.filter {
            Some(filter) => {
                let mut passed = self.catalog.matching(filter)?;
                trace.stage(StageName::Filter, passed.len());
                passed.subtract(&self.snapshot.removed);
                Some(passed)
            }
            None => None,
        };
        let parts = self.describe_parts(query, &asked, &mut trace, reporter)?;
        let shortlist = options.shortlist.unwrap_or(recipe.shortlist);
        let verified = stages.iter().filter_map(|stage| match stage {
            StageRecipe::Verify { images } => Some(images.unwrap_or(shortlist)),
            _ => None,
        });
        let most = verified.max().unwrap_or(shortlist);
        let mut question = Question {
            global: channels::combined(&parts, |part| part.global.as_deref()),
            record: only_record(&parts),
            meaning: channels::combined(&parts, |part| part.meaning.as_deref()),
            parts,
            passed,
            described: IdSet::new(),
            captions: self.captions_in_play(&asked, options)?,
            asked,
            augment: None,
            diffuse: None,
            target: options.target,
            depth: channels::depth(options, most),
            fusion: options.fusion.unwrap_or(recipe.fusion),
            shortlist,
            reporter,
            trace,
        };
        let images = question.images(&self.snapshot);
        let described = question.captions.iter();
        let described = described.filter(|(_, image)| images.contains(**image));
        question.described = described.map(|(&caption, _)| caption).collect();
        Ok(question)
    }

    /// Asks the channels and makes one list of what they say.
    ///
    /// # Errors
    /// The index or the catalog is damaged, or the caller wants to stop.
    pub fn retrieve(&self, question: &mut Question<'_>) -> Result<Ranking, Error> {
        let answers = self.ask(question)?;
        let mut fused = fusion::fuse(&answers, question.fusion, &self.recipe().search);
        fused.truncate(question.depth);
        question.trace.stage(StageName::Fuse, fused.len());
        question.go_on()?;
        for (candidate, rank) in fused.iter_mut().zip(1..) {
            candidate.rank = rank;
            if question.target == Target::Captions {
                candidate.image = question.captions.get(&candidate.key).copied().unwrap_or(0);
            }
        }
        Ok(Ranking::of(fused))
    }

    /// Asks a question that a stage has changed; what geometry said of candidates is kept.
    pub(super) fn ask_again(
        &self,
        question: &mut Question<'_>,
        ranking: &mut Ranking,
    ) -> Result<(), Error> {
        let again = self.retrieve(question)?;
        let known = std::mem::replace(ranking, again);
        ranking.remember(known);
        Ok(())
    }

    /// Caption → image, where captions are asked or looked for.
    fn captions_in_play(
        &self,
        asked: &Asked,
        options: &SearchOptions,
    ) -> Result<HashMap<i64, i64>, Error> {
        if !(asked.captions || asked.text || options.target == Target::Captions) {
            return Ok(HashMap::new());
        }
        let mut captions = self.catalog.caption_images()?;
        for ignored in &options.ignore_captions {
            captions.remove(ignored);
        }
        Ok(captions)
    }

    /// Of what the options let through, the part they ask for, and how many there are. Only what is on the page costs a
    /// look at files and captions.
    fn page(&self, ranking: Ranking, options: &SearchOptions) -> Result<(Vec<Hit>, usize), Error> {
        let mut candidates = ranking.candidates;
        candidates.retain(|candidate| {
            let good = options
                .least_score
                .is_none_or(|least| candidate.score() >= least);
            good && (!options.matches_only || candidate.verdict == Verdict::Match)
        });
        let found = candidates.len();
        let mut page = Vec::with_capacity(options.top.min(found));
        for candidate in candidates.into_iter().skip(options.skip).take(options.top) {
            page.extend(self.hit(candidate)?);
        }
        Ok((page, found))
    }

    /// A candidate with its files and caption; `None` when the catalog has no file of it.
    fn hit(&self, candidate: Candidate) -> Result<Option<Hit>, Error> {
        let Some((width, height, mut paths)) = self.catalog.image_files(candidate.image)? else {
            return Ok(None);
        };
        if paths.is_empty() {
            return Ok(None);
        }
        let path = paths.remove(0);
        let caption = match candidate.caption {
            Some(caption) => self.catalog.caption(caption)?,
            None => None,
        };
        Ok(Some(Hit {
            score: candidate.score(),
            image: candidate.image,
            path,
            duplicates: paths,
            verdict: candidate.verdict,
            rank: candidate.rank,
            shares: candidate.shares,
            caption,
            agreement: candidate.agreement,
            width,
            height,
        }))
    }
}

/// The descriptions of the one part that has a vector; of several there is no sum.
fn only_record(parts: &[Described<'_>]) -> Option<Vec<f32>> {
    let mut compared = parts.iter().filter(|part| part.global.is_some());
    match (compared.next(), compared.next()) {
        (Some(part), None) if part.weight > 0.0 => part.record.clone(),
        _ => None,
    }
}
