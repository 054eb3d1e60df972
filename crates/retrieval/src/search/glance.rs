//! A first look at half the size, which settles what is easy.
//!
//! A picture at half its size has a third of the features and takes a third of the time to describe, look up and verify. Where that proves that an
//! image shows the same beyond all doubt, looking closer would find the same image again; where it does not, the query is asked as if nothing had
//! been looked at.

use std::ops::ControlFlow;

use super::candidate::Ranking;
use super::question::Question;
use super::searcher::Searcher;
use super::trace::Trace;
use crate::{
    Channel, Error, PartSource, Query, Reporter, SearchOptions, StageRecipe, Target, Verdict,
};

/// Decimal logarithm of the number of false alarms from which a match is beyond doubt.
const SETTLED: f64 = -20.0;

impl Searcher<'_> {
    /// The answer of a first look by visual words and geometry alone, where it settles the query; what is to go on with where it does not, or where
    /// there is nothing to glance at: the query is more than one picture, or asks for other channels or stages.
    pub(super) fn glance<'q>(
        &self,
        query: &'q Query,
        options: &SearchOptions,
        trace: Trace,
        reporter: &'q dyn Reporter,
    ) -> Result<ControlFlow<(Ranking, Question<'q>), Trace>, Error> {
        let Some(options) = self.glancing(query, options) else {
            return Ok(ControlFlow::Continue(trace));
        };
        let stages = [StageRecipe::Verify { images: None }];
        let mut question = self.question(query, &options, &stages, true, trace, reporter)?;
        let mut ranking = self.retrieve(&mut question)?;
        self.run(&stages, &mut question, &mut ranking)?;
        let settled = ranking.candidates.first().is_some_and(|first| {
            let evidence = first.agreement.as_ref().map(|found| found.log10_nfa);
            first.verdict == Verdict::Match && evidence.is_some_and(|log| log <= SETTLED)
        });
        if settled {
            return Ok(ControlFlow::Break((ranking, question)));
        }
        // What is to be remarked is remarked of the closer look.
        question.trace.notes.clear();
        Ok(ControlFlow::Continue(question.trace))
    }

    /// How a first look is asked, where the caller wants one and the query is one for it.
    fn glancing(&self, query: &Query, options: &SearchOptions) -> Option<SearchOptions> {
        let [part] = query.parts.as_slice() else {
            return None;
        };
        let picture = part.weight > 0.0 && matches!(part.what, PartSource::Image { .. });
        let may = |channels: &Vec<Channel>| channels.contains(&Channel::Words);
        let possible = options.quick
            && picture
            && options.verify
            && options.stages.is_none()
            && options.target == Target::Images
            && options.channels.as_ref().is_none_or(may)
            && self.recipe().local.enabled
            && self.recipe().search.weight(Channel::Words) > 0.0;
        possible.then(|| SearchOptions {
            channels: Some(vec![Channel::Words]),
            ..options.clone()
        })
    }
}
