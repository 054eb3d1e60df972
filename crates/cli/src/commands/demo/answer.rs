//! What one search of the demonstration found.

use vizsla_retrieval::Hit;

use crate::demo::render::DemoQuery;

/// A query with what was found.
pub(super) struct Answer<'a> {
    pub(crate) query: &'a DemoQuery,
    pub(crate) hits: Vec<Hit>,
}
