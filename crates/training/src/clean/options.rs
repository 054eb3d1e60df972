//! How a folder is cleaned.

use std::path::PathBuf;

use crate::Error;

/// How a folder is cleaned.
#[derive(Debug, Clone)]
pub struct CleanOptions {
    /// A collection that holds the pictures already; `None` makes one for the time of the work, with the built-in
    /// codebook.
    pub collection: Option<PathBuf>,
    /// Fewest inliers of an edge, at least 4.
    pub min_inliers: usize,
    /// Most pictures of its class that a picture is verified with, those that share most words; at least 1.
    pub neighbours: usize,
    /// Metres within which two pictures are candidates; then classes do not matter and each component is a place.
    pub near: Option<f64>,
    /// Quantiles, 0 to 1 and ascending, of the edges' inliers between which an edge is a positive pair.
    pub positives: [f64; 2],
    /// Most hard negatives of a picture, each of another cluster; 0 leaves them out.
    pub negatives: usize,
}

impl Default for CleanOptions {
    fn default() -> Self {
        Self {
            collection: None,
            min_inliers: 8,
            neighbours: 50,
            near: None,
            positives: [0.0, 0.9],
            negatives: 5,
        }
    }
}

impl CleanOptions {
    pub(super) fn check(&self) -> Result<(), Error> {
        let refuse = |what: String| Err(Error::Clean(what));
        if self.min_inliers < 4 {
            return refuse(format!(
                "an edge needs at least 4 inliers, not {}: fewer fit any transform",
                self.min_inliers
            ));
        }
        if !(1..=10_000).contains(&self.neighbours) {
            return refuse(format!(
                "a picture is verified with 1 to 10,000 neighbours, not {}",
                self.neighbours
            ));
        }
        if self.near.is_some_and(|m| !(m > 0.0 && m <= 100_000.0)) {
            return refuse("near in place means above 0 and at most 100,000 metres".to_owned());
        }
        let [low, high] = self.positives;
        if !(0.0 <= low && low <= high && high <= 1.0) {
            return refuse(format!(
                "positives lie between two quantiles from 0 to 1 in ascending order, not {low} and {high}"
            ));
        }
        Ok(())
    }
}
