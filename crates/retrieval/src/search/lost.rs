//! Channels that cannot answer because a network or an artefact is not there.
//!
//! A query that names its channels fails with the reason. One that leaves the choice is answered by the others, and told
//! which were left out: a collection whose model is not in the registry still answers by words.

use super::asked::Asked;
use super::searcher::Searcher;
use crate::{Channel, Error, GlobalRecipe, PartSource, Query, SearchOptions};

/// What was left out.
#[derive(Default)]
pub(super) struct Lost {
    pub notes: Vec<String>,
    /// Why the first was, for a query that no channel can answer then.
    pub first: Option<Error>,
}

impl Lost {
    /// What was found, or the default where it is lost and the caller leaves the choice of channels.
    pub fn or_default<T: Default>(
        &mut self,
        found: Result<T, Error>,
        options: &SearchOptions,
    ) -> Result<T, Error> {
        match found {
            Err(error) if options.channels.is_none() && is_lost(&error) => {
                self.first.get_or_insert(error);
                Ok(T::default())
            }
            found => found,
        }
    }

    /// Whether something is there; if not, the channel is left out.
    fn has<T>(&mut self, channel: Channel, found: Result<T, Error>) -> Result<bool, Error> {
        match found {
            Ok(_) => Ok(true),
            Err(error) if is_lost(&error) => {
                self.notes.push(note(channel, &error));
                self.first.get_or_insert(error);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

/// What is not there can be brought back; a model that is another than the collection's is refused.
fn is_lost(error: &Error) -> bool {
    use vizsla_neural::Error::{NotHere, RuntimeMissing, UnknownModel};
    matches!(
        error,
        Error::Damaged { .. }
            | Error::Neural(UnknownModel { .. } | NotHere { .. } | RuntimeMissing { .. })
    )
}

/// Says what is left out, without paths: notes also go to clients of a server.
fn note(channel: Channel, error: &Error) -> String {
    let name = channel.name();
    match error {
        Error::Damaged { path, remedy, .. } => {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            format!("`{name}` was left out, a file that it needs is damaged; {remedy}: {file}")
        }
        _ => format!(
            "`{name}` was left out, its model cannot be used here; a search by `{name}` alone tells why"
        ),
    }
}

impl Searcher<'_> {
    /// Leaves the channels out whose network or artefact this query needs and that is not there.
    pub(super) fn leave_out(
        &self,
        query: &Query,
        texts: bool,
        able: &mut Asked,
        lost: &mut Lost,
    ) -> Result<(), Error> {
        let new = |part: &crate::Part| matches!(part.what, PartSource::Image { .. });
        let new = query.parts.iter().any(new);
        able.words = able.words && lost.has(Channel::Words, self.collection.codebook())?;
        let learned = new && self.recipe().local.descriptor.is_learned();
        if learned && able.words {
            let network = self.models().keypoints(&self.recipe().local);
            able.words = lost.has(Channel::Words, network)?;
        }
        able.global = able.global && lost.has(Channel::Global, self.collection.whitening())?;
        let global = self.recipe().global.as_ref();
        if global.is_some_and(|global| global.aggregate().is_some()) && new {
            able.global = able.global && lost.has(Channel::Global, self.collection.aggregator())?;
            if learned && able.global {
                let network = self.models().keypoints(&self.recipe().local);
                able.global = lost.has(Channel::Global, network)?;
            }
        }
        if let Some(recipe) = global.and_then(GlobalRecipe::network).filter(|_| new) {
            // Where both share a space, a picture is also looked for among captions by its vector.
            let needed = able.global || able.text && able.joint;
            if needed && !lost.has(Channel::Global, self.models().image(recipe))? {
                (able.global, able.joint) = (false, false);
                able.text = able.text && texts;
            }
        }
        if let Some(recipe) = self.recipe().text.as_ref().filter(|_| texts) {
            let needed = able.text || able.global && able.joint;
            if needed && !lost.has(Channel::Text, self.models().text(recipe))? {
                let others = query
                    .parts
                    .iter()
                    .any(|part| !matches!(part.what, PartSource::Text(_)));
                (able.text, able.joint) = (false, false);
                able.global = able.global && others;
            }
        }
        Ok(())
    }
}
