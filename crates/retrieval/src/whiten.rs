//! Whitening learnt from a collection itself.
//!
//! Pairs of images that show the same thing teach which directions of a descriptor are noise (Mikolajczyk & Matas
//! 2007; for pooled networks Radenović, Tolias & Chum 2018). No labels are needed: two images are a pair when their local
//! features verify each other. The catalog keeps vectors as the network gave them, so no picture is read again.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use vizsla_vectors::{Projection, group_pairs};

use crate::catalog::Owner;
use crate::{Channel, Collection, Error, Query, Reporter, SearchOptions, Verdict};

/// How many images further on among those of a label the partners of an image stand.
const AHEAD: [usize; 4] = [1, 2, 5, 11];

/// What tells that two images show the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PairSource {
    /// Their local features verify each other.
    Geometry,
    /// They have a label in common.
    Labels,
    /// Nothing: the whitening is learnt from the spread of all images alone (PCA-whitening, Jégou & Chum 2012).
    None,
}

/// How a whitening is learnt.
#[derive(Debug, Clone)]
pub struct WhitenOptions {
    /// Length of the whitened vectors; `None` = as long as they are.
    pub dimension: Option<usize>,
    /// Where pairs come from.
    pub pairs: PairSource,
    /// Most images that are searched with to find pairs, evenly spread over the collection.
    pub queries: usize,
}

/// What was learnt.
#[derive(Debug, Clone, Serialize)]
pub struct WhitenReport {
    /// Identity of the whitening.
    pub id: String,
    /// Images it was learnt from.
    pub images: usize,
    /// Pairs of images it was learnt from.
    pub pairs: usize,
    /// Where the pairs came from.
    pub source: PairSource,
    /// Length of vectors before.
    pub input: usize,
    /// Length of vectors after.
    pub output: usize,
}

impl Collection {
    /// Learns a whitening from the images of this collection and compares their vectors by it from now on. A hash that was set
    /// is taken away: it was learned from other vectors.
    ///
    /// # Errors
    /// There is no global descriptor, no local features to verify pairs by or no labels, or too few pairs; another
    /// process is writing.
    pub fn train_whitening(
        &mut self,
        options: &WhitenOptions,
        reporter: &dyn Reporter,
    ) -> Result<WhitenReport, Error> {
        let _lock = self.lock()?;
        let (ids, samples, input) = self.samples()?;
        let output = options.dimension.unwrap_or(input);
        let pairs = match options.pairs {
            PairSource::Geometry => self.verified_pairs(&ids, options.queries, reporter)?,
            PairSource::Labels => self.label_pairs(&ids)?,
            PairSource::None => Vec::new(),
        };
        reporter.begin("learning the whitening", 0);
        let whitening = match options.pairs {
            PairSource::None => Projection::pca(&samples, input, output, true)?,
            _ => Projection::learned(&samples, input, &pairs, output)?,
        };
        reporter.end();
        let report = WhitenReport {
            id: whitening.id().to_owned(),
            images: ids.len(),
            pairs: pairs.len(),
            source: options.pairs,
            input,
            output,
        };
        self.adopt_whitening(whitening, reporter)?;
        Ok(report)
    }

    /// Compares the images of this collection by a whitening that was learnt elsewhere; `None` takes it away. A hash that was set
    /// is taken away too: it was learned from other vectors.
    ///
    /// # Errors
    /// There is no global descriptor, or the whitening is for vectors of another length; another process is writing.
    pub fn set_whitening(
        &mut self,
        whitening: Option<Projection>,
        reporter: &dyn Reporter,
    ) -> Result<(), Error> {
        let _lock = self.lock()?;
        let dimension = self.global_dimension()?;
        match whitening {
            Some(whitening) if whitening.input() != dimension => Err(Error::Query(format!(
                "the whitening takes vectors of {} numbers, this collection's have {dimension}: {}",
                whitening.input(),
                self.path().display()
            ))),
            Some(whitening) => self.adopt_whitening(whitening, reporter),
            None => self.swap_whitening(None, reporter),
        }
    }

    fn global_dimension(&self) -> Result<usize, Error> {
        match &self.recipe.global {
            Some(global) if global.unmapped().is_some() => Err(Error::Query(format!(
                "images described by `{}` are put into order by that distance itself, so there is nothing to whiten: {}",
                global.name(),
                self.path().display()
            ))),
            Some(global) => Ok(global.dimension()),
            None => Err(self.without_global()),
        }
    }

    fn adopt_whitening(
        &mut self,
        whitening: Projection,
        reporter: &dyn Reporter,
    ) -> Result<(), Error> {
        whitening.save(&self.artefacts.whitening_path(whitening.id())?)?;
        self.swap_whitening(Some(Arc::new(whitening)), reporter)
    }

    /// The artefact is there; the recipe names it in one commit, and the flat file follows, which is
    /// recognised by its tag until then.
    fn swap_whitening(
        &mut self,
        whitening: Option<Arc<Projection>>,
        reporter: &dyn Reporter,
    ) -> Result<(), Error> {
        let mut recipe = self.recipe.clone();
        if let Some(global) = &mut recipe.global {
            let id = whitening.as_ref().map(|w| w.id().to_owned());
            global.set_whitening(id.unwrap_or_default());
        }
        if recipe.whitening_id() != self.recipe.whitening_id() {
            recipe.search.hash.clear();
        }
        self.write_recipe(recipe)?;
        self.artefacts.set_whitening(whitening);
        if self.recipe.search.hash.is_empty() {
            self.artefacts.set_hash(None);
        }
        self.changed();
        self.refresh_spaces(true, reporter).map(drop)
    }

    /// Ids, vectors as the network gave them (row-major), and their length.
    fn samples(&self) -> Result<(Vec<i64>, Vec<f32>, usize), Error> {
        let dimension = self.global_dimension()?;
        let (mut ids, mut samples) = (Vec::new(), Vec::new());
        self.each_vector(Owner::Image, |id, vector| {
            if vector.len() == dimension {
                ids.push(id);
                samples.extend_from_slice(&vector);
            }
        })?;
        Ok((ids, samples, dimension))
    }

    /// Pairs of rows whose images verify each other, each once, in order.
    fn verified_pairs(
        &self,
        ids: &[i64],
        queries: usize,
        reporter: &dyn Reporter,
    ) -> Result<Vec<(u32, u32)>, Error> {
        if !self.recipe.local.enabled {
            return Err(Error::Unable {
                what: "pairs are found by local features, which this collection does not keep; use labels, or no pairs"
                    .into(),
                remedy: None,
                collection: self.path().to_owned(),
            });
        }
        let rows: BTreeMap<i64, u32> = ids.iter().zip(0..).map(|(&id, row)| (id, row)).collect();
        let options = SearchOptions {
            top: 50,
            shortlist: Some(50),
            channels: Some(vec![Channel::Words]),
            ..SearchOptions::default()
        };
        let step = ids.len().div_ceil(queries.max(1)).max(1);
        reporter.begin("finding pairs", ids.len().div_ceil(step) as u64);
        let mut pairs = Vec::new();
        for (at, &id) in ids.iter().enumerate().step_by(step) {
            for hit in self.search(&Query::stored(id), &options)?.hits {
                let other = rows
                    .get(&hit.image)
                    .filter(|_| hit.verdict == Verdict::Match);
                if let Some(&other) = other.filter(|&&other| other as usize != at) {
                    pairs.push((other.min(at as u32), other.max(at as u32)));
                }
            }
            reporter.advance(1);
            if reporter.cancelled() {
                break;
            }
        }
        reporter.end();
        pairs.sort_unstable();
        pairs.dedup();
        Ok(pairs)
    }

    /// Neighbours in the order of ids within each label: as many pairs as images, however large a class.
    fn label_pairs(&self, ids: &[i64]) -> Result<Vec<(u32, u32)>, Error> {
        let rows: BTreeMap<i64, u32> = ids.iter().zip(0..).map(|(&id, row)| (id, row)).collect();
        let mut classes: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for (image, labels) in self.catalog().labels()? {
            if let Some(&row) = rows.get(&image) {
                for label in labels {
                    classes.entry(label).or_default().push(row);
                }
            }
        }
        let groups = classes.values().map(Vec::as_slice);
        let mut pairs: Vec<(u32, u32)> = group_pairs(groups, &AHEAD)
            .into_iter()
            .map(|(a, b)| (a.min(b), a.max(b)))
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        Ok(pairs)
    }
}
