//! A searcher: one consistent view of a collection.

use std::sync::Arc;

use crate::catalog::View;
use crate::models::Models;
use crate::snapshot::Snapshot;
use crate::{Collection, Recipe};

/// Answers queries from one state of a collection, whatever is committed meanwhile.
///
/// It holds a connection to the catalog, so it belongs to one thread and is to be dropped when its queries are answered:
/// while one is held, SQLite's log cannot be cut.
pub struct Searcher<'c> {
    pub(super) collection: &'c Collection,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) catalog: View<'c>,
}

impl<'c> Searcher<'c> {
    pub(super) fn recipe(&self) -> &'c Recipe {
        &self.collection.recipe
    }

    pub(super) fn models(&self) -> &'c Models {
        &self.collection.models
    }
}
