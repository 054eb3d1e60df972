//! What a report shows.

use vizsla_evaluation::MapMethod;

/// What a report shows.
#[derive(Debug, Clone)]
pub struct ReportOptions {
    /// Queries that are shown side by side, in each direction.
    pub queries: usize,
    /// Hardest negatives shown of each run.
    pub negatives: usize,
    /// Most bytes of embedded thumbnails; after that places stay empty.
    pub picture_bytes: usize,
    /// How embeddings are laid out; `None` leaves the maps out.
    pub map: Option<MapMethod>,
    /// Seed of bootstrap, randomisation test and layout.
    pub seed: u64,
}

impl Default for ReportOptions {
    fn default() -> Self {
        Self {
            queries: 12,
            negatives: 12,
            picture_bytes: 12_000_000,
            map: Some(MapMethod::Umap),
            seed: 1,
        }
    }
}
