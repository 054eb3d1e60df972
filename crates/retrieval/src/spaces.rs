//! A space of vectors, searched exactly.
//!
//! The catalog keeps the vectors as the networks gave them; `segments/` keeps a flat file of them as they are
//! compared (whitened, 16-bit floats, memory-mapped), made again from the catalog at any time. Ids only grow, so
//! what was added since the file was written is what has greater ids: it is read from the catalog.

use std::path::PathBuf;
use std::sync::Arc;

use fs_err as fs;
use vizsla_neural::Pooling;
use vizsla_vectors::{FlatVectors, Moments, Projection, TopK, l2_normalise};

use crate::catalog::{Catalog, Owner};
use crate::collection::ARTEFACTS;
use crate::error::{Error, REBUILD, RESTORE};
use crate::models::pooling_path;
use crate::{Collection, Reporter};

/// Vectors that may lie outside the flat file before it is written again, and their share of all.
const TAIL: u64 = 1024;
const TAIL_SHARE: u64 = 8;
/// Vectors read from the catalog at a time.
const CHUNK: usize = 4096;
/// Tag of a file of vectors that are not whitened.
const PLAIN: &str = "plain";

/// The vectors of one owner at one commit.
pub(crate) struct Space {
    flat: Option<FlatVectors>,
    ids: Vec<i64>,
    rows: Vec<f32>,
    dimension: usize,
}

/// The best of a space, and what all its scores are like.
pub(crate) struct Nearest {
    /// Id and cosine, best first.
    pub best: Vec<(i64, f32)>,
    pub moments: Moments,
}

impl Space {
    /// The `k` vectors with the greatest inner product with `query` among those kept.
    pub(crate) fn nearest(
        &self,
        query: &[f32],
        k: usize,
        keep: &(dyn Fn(i64) -> bool + Sync),
    ) -> Nearest {
        let mut top = TopK::new(k);
        let mut moments = Moments::default();
        if let Some(flat) = &self.flat {
            flat.search(query, keep, &mut top, &mut moments);
        }
        for (&id, row) in self
            .ids
            .iter()
            .zip(self.rows.chunks_exact(self.dimension.max(1)))
        {
            if keep(id) {
                let score = vizsla_vectors::dot_f32(query, row);
                moments.add(score);
                top.push(score, id);
            }
        }
        let best = top.into_sorted().into_iter().map(|(score, id)| (id, score));
        Nearest {
            best: best.collect(),
            moments,
        }
    }
}

impl Collection {
    /// A vector of the catalog as it is compared: whitened, of length 1.
    pub(crate) fn compared(&self, owner: Owner, vector: Vec<f32>) -> Vec<f32> {
        match (&self.whitening, owner) {
            (Some(whitening), Owner::Image) => whiten(whitening, &vector),
            _ => vector,
        }
    }

    fn tag(&self, owner: Owner) -> &str {
        match (&self.whitening, owner) {
            (Some(whitening), Owner::Image) => whitening.id(),
            _ => PLAIN,
        }
    }

    fn space_dimension(&self, owner: Owner) -> Option<usize> {
        match (owner, &self.whitening) {
            (Owner::Image, Some(whitening)) => Some(whitening.output()),
            (Owner::Image, None) => self.recipe.global.as_ref().map(|r| r.dimension),
            (Owner::Caption, _) => self.recipe.text.as_ref().map(|r| r.dimension),
        }
    }

    /// Opens the space of one owner as one commit left it; `None` when the recipe has no such part.
    pub(crate) fn open_space(
        &self,
        catalog: &Catalog,
        owner: Owner,
    ) -> Result<Option<Arc<Space>>, Error> {
        let Some(dimension) = self.space_dimension(owner) else {
            return Ok(None);
        };
        let flat = self.open_flat(catalog, owner, dimension)?;
        let mut space = Space {
            ids: Vec::new(),
            rows: Vec::new(),
            dimension,
            flat,
        };
        let mut after = space.flat.as_ref().map_or(0, FlatVectors::last_id);
        loop {
            let chunk = catalog.vectors_after(owner, after, CHUNK)?;
            let Some(&(last, _)) = chunk.last() else {
                break;
            };
            after = last;
            for (id, vector) in chunk {
                let row = self.compared(owner, vector);
                if row.len() == dimension {
                    space.ids.push(id);
                    space.rows.extend_from_slice(&row);
                }
            }
        }
        Ok(Some(Arc::new(space)))
    }

    /// What is wrong with the flat files and the whitening: file, damage, remedy.
    pub(crate) fn check_spaces(
        &self,
        catalog: &Catalog,
    ) -> Result<Vec<(PathBuf, String, &'static str)>, Error> {
        let mut found = Vec::new();
        for owner in [Owner::Image, Owner::Caption] {
            let Some(file) = catalog.flat_file(owner)? else {
                continue;
            };
            let path = self.segment_path(&file);
            let sound = FlatVectors::open(&path).and_then(|flat| flat.verify());
            found.extend(sound.err().map(|e| (path, e.to_string(), REBUILD)));
        }
        if let Some(whitening) = &self.whitening {
            let path = self.whitening_path(whitening.id());
            let sound = Projection::open(&path);
            found.extend(sound.err().map(|e| (path, e.to_string(), RESTORE)));
        }
        let pooling = self.recipe.global.as_ref().map_or("", |g| &g.pooling);
        let kept = pooling.split('|').filter_map(|part| part.split_once(':'));
        for (name, id) in kept.filter(|(name, _)| matches!(*name, "netvlad" | "fisher")) {
            let path = pooling_path(&self.path().join(ARTEFACTS), id);
            let sound = Pooling::open(&format!("{name}:{id}"), &|_| path.clone());
            found.extend(sound.err().map(|e| (path, e.to_string(), RESTORE)));
        }
        Ok(found)
    }

    fn open_flat(
        &self,
        catalog: &Catalog,
        owner: Owner,
        dimension: usize,
    ) -> Result<Option<FlatVectors>, Error> {
        let Some(file) = catalog.flat_file(owner)? else {
            return Ok(None);
        };
        let path = self.segment_path(&file);
        let damaged = |what: String| Error::damaged(&path, what, REBUILD);
        if !path.exists() {
            return Err(damaged("a file of vectors is missing".into()));
        }
        let flat = FlatVectors::open(&path).map_err(|e| damaged(e.to_string()))?;
        let fits = flat.tag() == self.tag(owner) && flat.dimension() == dimension;
        Ok(fits.then_some(flat))
    }

    /// Writes the flat files again where much was added since, or where `all` asks for it.
    pub(crate) fn refresh_spaces(
        &mut self,
        all: bool,
        reporter: &dyn Reporter,
    ) -> Result<(), Error> {
        for owner in [Owner::Image, Owner::Caption] {
            let Some(dimension) = self.space_dimension(owner) else {
                continue;
            };
            let (count, last) = self.catalog().vector_count(owner)?;
            let listed = self.catalog().flat_file(owner)?;
            let covered = match self.open_flat(&self.catalog(), owner, dimension) {
                Ok(flat) => flat.map_or(0, |flat| flat.len() as u64),
                Err(_) => 0,
            };
            let tail = count.saturating_sub(covered);
            if all || tail > TAIL.max(count / TAIL_SHARE) {
                self.write_flat(owner, dimension, last, listed, reporter)?;
            }
        }
        Ok(())
    }

    fn write_flat(
        &mut self,
        owner: Owner,
        dimension: usize,
        last: i64,
        listed: Option<String>,
        reporter: &dyn Reporter,
    ) -> Result<(), Error> {
        let file = next_name(owner, listed.as_deref());
        let path = self.segment_path(&file);
        reporter.begin("writing vectors", 0);
        let mut writer = FlatVectors::create(&path, dimension, self.tag(owner))?;
        let mut after = 0;
        while after < last {
            let chunk = self.catalog().vectors_after(owner, after, CHUNK)?;
            let Some(&(end, _)) = chunk.last() else { break };
            after = end;
            for (id, vector) in chunk {
                let row = self.compared(owner, vector);
                if row.len() == dimension {
                    writer.push(id, &row)?;
                }
            }
        }
        writer.finish()?;
        self.catalog()
            .write(|writer| writer.set_flat_file(owner, &file))?;
        self.changed();
        reporter.end();
        if let Some(old) = listed.filter(|old| *old != file) {
            // A reader may still hold it: then the next writer sweeps it away.
            let _ = fs::remove_file(self.segment_path(&old));
        }
        Ok(())
    }

    /// The vectors of all images as they are compared, in the order of their ids.
    ///
    /// # Errors
    /// The collection has no global descriptor, or the catalog is damaged.
    pub fn vectors(&self) -> Result<Vec<(i64, Vec<f32>)>, Error> {
        if self.recipe.global.is_none() {
            return Err(self.without_global());
        }
        let mut all = Vec::new();
        self.each_vector(Owner::Image, |id, vector| {
            all.push((id, self.compared(Owner::Image, vector)));
        })?;
        Ok(all)
    }

    /// The vectors of all captions that were encoded, as they are compared, in the order of the captions' ids.
    ///
    /// # Errors
    /// The catalog is damaged.
    pub fn caption_vectors(&self) -> Result<Vec<(i64, Vec<f32>)>, Error> {
        let mut all = Vec::new();
        self.each_vector(Owner::Caption, |id, vector| {
            all.push((id, self.compared(Owner::Caption, vector)));
        })?;
        Ok(all)
    }

    pub(crate) fn without_global(&self) -> Error {
        Error::Unable {
            what:
                "this collection has no global descriptor; index the pictures into a new one with \
                   `--encoder MODEL`"
                    .into(),
            collection: self.path().to_owned(),
        }
    }

    /// Every vector of an owner as the network gave it, in the order of ids.
    pub(crate) fn each_vector(
        &self,
        owner: Owner,
        mut work: impl FnMut(i64, Vec<f32>),
    ) -> Result<(), Error> {
        let mut after = 0;
        loop {
            let chunk = self.catalog().vectors_after(owner, after, CHUNK)?;
            let Some(&(last, _)) = chunk.last() else {
                return Ok(());
            };
            after = last;
            for (id, vector) in chunk {
                work(id, vector);
            }
        }
    }
}

/// A name that no reader has open.
fn next_name(owner: Owner, listed: Option<&str>) -> String {
    let serial = |name: &str| name.split(['-', '.']).nth(1)?.parse::<u64>().ok();
    let next = listed.and_then(serial).map_or(1, |last| last + 1);
    format!("{}-{next:08}.vzfv", owner.name())
}

/// Whitens a vector and gives it length 1.
pub(crate) fn whiten(whitening: &Projection, vector: &[f32]) -> Vec<f32> {
    let mut projected = whitening.apply(vector);
    l2_normalise(&mut projected);
    projected
}
