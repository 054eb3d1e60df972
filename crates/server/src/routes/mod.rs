//! The routes of the API, one topic in a file.

pub(crate) mod collections;
pub(crate) mod explain;
pub(crate) mod facets;
pub(crate) mod fetch;
pub(crate) mod health;
pub(crate) mod images;
pub(crate) mod ingest;
pub(crate) mod jobs;
pub(crate) mod map;
pub(crate) mod runs;
pub(crate) mod search;
pub(crate) mod session;
pub(crate) mod uploads;
