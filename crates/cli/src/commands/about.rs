//! Options of the verbs that ask a collection about one picture.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use vizsla_retrieval::{Filter, Query, Region};

use super::region;
use super::threads::Threads;

/// Which collection is asked about which picture.
#[derive(Args)]
pub struct About {
    /// The collection
    pub collection: PathBuf,
    /// The picture
    pub picture: PathBuf,
    /// Ask about this part of the picture only: x,y,width,height in pixels
    #[arg(long, value_name = "X,Y,W,H", value_parser = region::parse, allow_hyphen_values = true)]
    region: Option<Region>,
    /// Ask only images for which this holds, such as: taken >= 2024-01-01
    #[arg(long = "where", value_name = "CONDITION", value_parser = Filter::parse)]
    filter: Option<Filter>,
    /// Images whose geometry is checked; left out, the recipe says how many
    #[arg(long, value_name = "N")]
    pub shortlist: Option<usize>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub threads: Threads,
}

/// What was found out, as a script reads it.
#[derive(Serialize)]
pub struct Answer<'a, T> {
    collection: String,
    query: String,
    #[serde(flatten)]
    found: &'a T,
}

impl About {
    /// What the collection is asked.
    pub fn query(&self) -> Query {
        let mut query = Query::file(&self.picture);
        if let Some(region) = self.region {
            query = query.within(region);
        }
        match &self.filter {
            Some(filter) => query.filtered(filter.clone()),
            None => query,
        }
    }

    /// The answer with what was asked.
    pub fn answer<'a, T>(&self, found: &'a T) -> Answer<'a, T> {
        Answer {
            collection: self.collection.display().to_string(),
            query: self.picture.display().to_string(),
            found,
        }
    }
}
