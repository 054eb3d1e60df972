//! A query goes through its stages: describe → filter → the channels → fuse → verify.
//!
//! Each channel (visual words, the global descriptor, captions by word and by meaning) gives candidates of its own; they
//! are fused, and the head of the fused list is verified geometrically wherever both sides have local features.

mod candidates;
mod channels;
mod coverage;
mod extent;
mod fusion;
mod lost;
mod page;
mod pairs;
mod parts;
mod sight;
mod verify;

use std::collections::HashMap;
use std::time::Instant;

use vizsla_vectors::{Allowed, IdSet};

use self::channels::{Asked, Scope};
use self::fusion::{Answer, Fused};
use self::parts::Described;
pub(crate) use self::sight::Sight;
use self::verify::Verifier;
use crate::collection::Snapshot;
use crate::{
    Collection, Error, Hit, Query, Reporter, SearchOptions, SearchResponse, Silent, StageTrace,
    Target, Verdict,
};

/// Collects what each stage did.
struct Trace {
    start: Instant,
    last: Instant,
    stages: Vec<StageTrace>,
}

impl Trace {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            start: now,
            last: now,
            stages: Vec::new(),
        }
    }

    /// Ends a stage; what a stage does for several parts of a query adds up.
    fn stage(&mut self, stage: &'static str, out: usize, unit: &'static str) {
        let ms = self.last.elapsed().as_secs_f64() * 1e3;
        self.last = Instant::now();
        if let Some(known) = self.stages.iter_mut().find(|known| known.stage == stage) {
            known.out += out;
            known.ms += ms;
            return;
        }
        self.stages.push(StageTrace {
            stage,
            out,
            unit,
            ms,
        });
    }
}

/// What is the same for all stages of one search.
struct Asking<'a> {
    asked: &'a Asked,
    options: &'a SearchOptions,
    reporter: &'a dyn Reporter,
    trace: &'a mut Trace,
}

/// Passes unless the caller wants to stop.
fn go_on(reporter: &dyn Reporter) -> Result<(), Error> {
    match reporter.cancelled() {
        true => Err(Error::Cancelled),
        false => Ok(()),
    }
}

impl Collection {
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

    /// As [`Collection::search`], for a caller who may lose interest: the reporter is asked between stages, between
    /// candidates while they are verified, and, where it has a flag, while the catalog is read.
    ///
    /// # Errors
    /// As [`Collection::search`], and [`Error::Cancelled`] when the reporter wanted to stop.
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
        let mut trace = Trace::new();
        let mut notes = Vec::new();
        let asked = self.asked(query, options, &mut notes)?;
        let snapshot = self.snapshot()?;
        let parts = self.describe_parts(query, &asked, &mut notes, &mut trace, reporter)?;
        let mut asking = Asking {
            asked: &asked,
            options,
            reporter,
            trace: &mut trace,
        };
        let (hits, found) = self.answer(query, &parts, &snapshot, &mut asking)?;
        let ms = trace.start.elapsed().as_secs_f64() * 1e3;
        Ok(SearchResponse {
            hits,
            found,
            stages: trace.stages,
            ms,
            query_size: parts.iter().find_map(|part| part.full).unwrap_or_default(),
            notes,
        })
    }

    /// The results, and how many there are beyond them.
    fn answer(
        &self,
        query: &Query,
        parts: &[Described<'_>],
        snapshot: &Snapshot,
        asking: &mut Asking<'_>,
    ) -> Result<(Vec<Hit>, usize), Error> {
        let (recipe, options) = (&self.recipe.search, asking.options);
        let verified = options.shortlist.unwrap_or(recipe.shortlist);
        let passed = match &query.filter {
            Some(filter) => {
                let passed = self.catalog().matching(filter)?;
                asking.trace.stage("filter", passed.len(), "images");
                Some(passed)
            }
            None => None,
        };
        let mut room = IdSet::new();
        let images = match &passed {
            Some(passed) => Allowed::Only(passed).without(&snapshot.removed, &mut room),
            None => Allowed::except(&snapshot.removed),
        };
        let captions = self.captions_in_play(asking.asked, options)?;
        let described = captions
            .iter()
            .filter(|(_, image)| images.contains(**image));
        let described = described.map(|(&caption, _)| caption).collect();
        let scope = Scope {
            snapshot,
            images,
            captions: &captions,
            described: &described,
            target: options.target,
            depth: channels::depth(options, verified),
        };
        let answers = self.ask(parts, &scope, asking)?;
        let fusion = options.fusion.unwrap_or(recipe.fusion);
        let mut fused = fusion::fuse(&answers, fusion, recipe);
        fused.truncate(scope.depth);
        asking.trace.stage("fuse", fused.len(), "candidates");
        go_on(asking.reporter)?;
        let sighted = parts
            .iter()
            .any(|part| part.weight > 0.0 && part.sight.is_some());
        let head = match options.verify && sighted {
            true => verified.min(fused.len()),
            false => 0,
        };
        let rest: Vec<(Fused, usize)> = fused.drain(head..).zip(head + 1..).collect();
        let mut hits = self.hits(fused.into_iter().zip(1..).collect(), &scope)?;
        if options.verify && sighted {
            self.verify_hits(parts, &mut hits, snapshot, asking.reporter)?;
            go_on(asking.reporter)?;
            let matches = hits.iter().filter(|hit| hit.verdict == Verdict::Match);
            asking.trace.stage("verify", matches.count(), "matches");
        }
        self.page(hits, rest, &scope, options)
    }

    /// Asks the channels, one after the other.
    fn ask(
        &self,
        parts: &[Described<'_>],
        scope: &Scope<'_>,
        asking: &mut Asking<'_>,
    ) -> Result<Vec<Answer>, Error> {
        let (asked, reporter, trace) = (asking.asked, asking.reporter, &mut *asking.trace);
        let mut answers = Vec::new();
        let mut take = |answer: Answer, stage: &'static str, trace: &mut Trace| {
            trace.stage(stage, answer.found.len(), "candidates");
            answers.push(self.towards_target(answer, scope));
            go_on(reporter)
        };
        go_on(reporter)?;
        if asked.words {
            take(self.ask_words(parts, scope)?, "shortlist", trace)?;
        }
        if asked.global
            && let Some(answer) = self.ask_global(parts, scope)?
        {
            take(answer, "global", trace)?;
        }
        if asked.captions {
            take(self.ask_captions(parts, scope)?, "captions", trace)?;
        }
        if asked.text
            && let Some(answer) = self.ask_text(parts, scope)?
        {
            take(answer, "text", trace)?;
        }
        Ok(answers)
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
        let mut captions = self.catalog().caption_images()?;
        for ignored in &options.ignore_captions {
            captions.remove(ignored);
        }
        Ok(captions)
    }

    /// Candidates, each with its place, become results with files and captions, unverified.
    fn hits(&self, fused: Vec<(Fused, usize)>, scope: &Scope<'_>) -> Result<Vec<Hit>, Error> {
        let catalog = self.catalog();
        let mut hits = Vec::with_capacity(fused.len());
        for (candidate, rank) in fused {
            let image = match scope.target {
                Target::Images => Some(candidate.key),
                Target::Captions => scope.captions.get(&candidate.key).copied(),
            };
            let Some(image) = image else { continue };
            let Some((width, height, mut paths)) = catalog.image_files(image)? else {
                continue;
            };
            if paths.is_empty() {
                continue;
            }
            let path = paths.remove(0);
            let caption = match candidate.caption {
                Some(caption) => catalog.caption(caption)?,
                None => None,
            };
            hits.push(Hit {
                image,
                path,
                duplicates: paths,
                score: candidate.score,
                verdict: Verdict::NoMatch,
                rank,
                shares: candidate.shares,
                caption,
                agreement: None,
                width,
                height,
            });
        }
        Ok(hits)
    }

    /// Verifies candidates against every picture that is looked for; the best agreement counts.
    fn verify_hits(
        &self,
        parts: &[Described<'_>],
        hits: &mut [Hit],
        snapshot: &Snapshot,
        reporter: &dyn Reporter,
    ) -> Result<(), Error> {
        let blobs = {
            let catalog = self.catalog();
            let load = |hit: &Hit| Ok(catalog.features(hit.image)?.unwrap_or_default());
            hits.iter().map(load).collect::<Result<Vec<_>, Error>>()?
        };
        for (at, part) in parts
            .iter()
            .enumerate()
            .filter(|(_, part)| part.weight > 0.0)
        {
            let Some((sight, words)) = &part.sight else {
                continue;
            };
            let recipe = &self.recipe;
            let side = recipe.pixels.max_side;
            let verifier = Verifier::new(at, sight, words, &recipe.search, side, snapshot.images);
            verifier.verify_all(hits, &blobs, reporter);
        }
        Ok(())
    }
}
