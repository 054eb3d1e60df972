//! A space of vectors, searched exactly.
//!
//! The catalog keeps the vectors as the networks gave them; `segments/` keeps a flat file of them as they are
//! compared (whitened, 16-bit floats, memory-mapped), made again from the catalog at any time. Ids only grow, so
//! what was added since the file was written is what has greater ids: it is read from the catalog.

use std::path::PathBuf;
use std::sync::Arc;

use vizsla_vectors::{Allowed, FlatVectors, Moments, Projection, TopK, l2_normalise};

use crate::catalog::{Catalog, Owner};
use crate::error::{Error, REBUILD};
use crate::names::{IndexFile, IndexKind};
use crate::{Collection, Remedy, Reporter};

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
    /// The `k` vectors with the greatest inner product with `query` among those allowed.
    pub(crate) fn nearest(
        &self,
        query: &[f32],
        k: usize,
        allowed: &Allowed<'_>,
    ) -> Result<Nearest, Error> {
        let mut top = TopK::new(k);
        let mut moments = Moments::default();
        if let Some(flat) = &self.flat {
            flat.search(query, allowed, &mut top, &mut moments)
                .map_err(Error::of_index)?;
        }
        for (&id, row) in self
            .ids
            .iter()
            .zip(self.rows.chunks_exact(self.dimension.max(1)))
        {
            if allowed.contains(id) {
                let score = vizsla_vectors::dot_f32(query, row);
                moments.add(score);
                top.push(score, id);
            }
        }
        let best = top.into_sorted().into_iter().map(|(score, id)| (id, score));
        Ok(Nearest {
            best: best.collect(),
            moments,
        })
    }

    /// Whether its file is as long as when it was opened.
    pub(crate) fn is_whole(&self) -> bool {
        self.flat
            .as_ref()
            .is_none_or(|flat| flat.check_whole().is_ok())
    }
}

/// How vectors of an owner are compared.
pub(crate) struct Compared {
    whitening: Option<Arc<Projection>>,
    dimension: usize,
}

impl Compared {
    /// A vector of the catalog as it is compared: whitened, of length 1.
    pub(crate) fn of(&self, vector: Vec<f32>) -> Vec<f32> {
        match &self.whitening {
            Some(whitening) => whiten(whitening, &vector),
            None => vector,
        }
    }

    /// What a flat file of such vectors is tagged with.
    fn tag(&self) -> &str {
        self.whitening
            .as_ref()
            .map_or(PLAIN, |whitening| whitening.id())
    }
}

impl Collection {
    /// How vectors of this owner are compared; `None` when the recipe has no such part.
    pub(crate) fn compared(&self, owner: Owner) -> Result<Option<Compared>, Error> {
        let recipe = &self.recipe;
        let raw = match owner {
            Owner::Image => recipe.global.as_ref().map(|r| r.dimension),
            Owner::Caption => recipe.text.as_ref().map(|r| r.dimension),
        };
        let Some(raw) = raw else {
            return Ok(None);
        };
        let whitening = match owner {
            Owner::Image => self.whitening()?,
            Owner::Caption => None,
        };
        Ok(Some(Compared {
            dimension: whitening
                .as_ref()
                .map_or(raw, |whitening| whitening.output()),
            whitening,
        }))
    }

    /// The vector of an image as it is compared.
    pub(crate) fn compared_image(&self, vector: Vec<f32>) -> Result<Vec<f32>, Error> {
        Ok(match self.compared(Owner::Image)? {
            Some(compared) => compared.of(vector),
            None => vector,
        })
    }

    /// Opens the space of one owner as one commit left it; `None` when the recipe has no such part.
    pub(crate) fn open_space(
        &self,
        catalog: &Catalog,
        owner: Owner,
    ) -> Result<Option<Arc<Space>>, Error> {
        let Some(compared) = self.compared(owner)? else {
            return Ok(None);
        };
        let dimension = compared.dimension;
        let flat = self.open_flat(catalog, owner, &compared)?;
        let mut space = Space {
            ids: Vec::new(),
            rows: Vec::new(),
            dimension,
            flat,
        };
        let mut after = space.flat.as_ref().map_or(0, FlatVectors::last_id);
        if let Some(flat) = &space.flat {
            flat.check_whole().map_err(Error::of_index)?;
        }
        loop {
            let chunk = catalog.vectors_after(owner, after, CHUNK)?;
            let Some(&(last, _)) = chunk.last() else {
                break;
            };
            after = last;
            for (id, vector) in chunk {
                let row = compared.of(vector);
                if row.len() == dimension {
                    space.ids.push(id);
                    space.rows.extend_from_slice(&row);
                }
            }
        }
        Ok(Some(Arc::new(space)))
    }

    /// What is wrong with the flat files: file, damage, remedy.
    pub(crate) fn check_spaces(
        &self,
        catalog: &Catalog,
    ) -> Result<Vec<(PathBuf, String, Remedy)>, Error> {
        let mut found = Vec::new();
        for owner in [Owner::Image, Owner::Caption] {
            let Some(file) = catalog.flat_file(owner)? else {
                continue;
            };
            let path = match self.folder.find_index_file(file) {
                Ok(Some(path)) => path,
                Ok(None) => {
                    let what = "a file of vectors is missing".to_owned();
                    found.push((self.folder.index_file(file), what, REBUILD));
                    continue;
                }
                Err(error) => {
                    found.push((self.folder.index_file(file), error.to_string(), REBUILD));
                    continue;
                }
            };
            let sound = FlatVectors::open(&path).and_then(|flat| flat.verify());
            found.extend(sound.err().map(|e| (path, e.to_string(), REBUILD)));
        }
        Ok(found)
    }

    fn open_flat(
        &self,
        catalog: &Catalog,
        owner: Owner,
        compared: &Compared,
    ) -> Result<Option<FlatVectors>, Error> {
        let Some(file) = catalog.flat_file(owner)? else {
            return Ok(None);
        };
        let path = self.folder.index_file(file);
        let damaged = |what: String| Error::damaged(&path, what, REBUILD);
        if self.folder.find_index_file(file)?.is_none() {
            return Err(damaged("a file of vectors is missing".into()));
        }
        let flat = FlatVectors::open(&path).map_err(|e| damaged(e.to_string()))?;
        let fits = flat.tag() == compared.tag() && flat.dimension() == compared.dimension;
        Ok(fits.then_some(flat))
    }

    /// Writes the flat files again where much was added since, or where `all` asks for it. Gives remarks on those that
    /// cannot be written because an artefact is damaged: what is there is left then.
    pub(crate) fn refresh_spaces(
        &mut self,
        all: bool,
        reporter: &dyn Reporter,
    ) -> Result<Vec<String>, Error> {
        let mut left = Vec::new();
        for owner in [Owner::Image, Owner::Caption] {
            let compared = match self.compared(owner) {
                Ok(Some(compared)) => compared,
                Ok(None) => continue,
                Err(error @ Error::Damaged { .. }) => {
                    left.push(format!(
                        "the file of {} vectors is left as it is: {error}",
                        owner.name()
                    ));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let (count, last) = self.catalog().vector_count(owner)?;
            // An entry that is damaged is written again with the file.
            let listed = self.catalog().flat_file(owner).unwrap_or_default();
            let covered = match self.open_flat(&self.catalog(), owner, &compared) {
                Ok(flat) => flat.map_or(0, |flat| flat.len() as u64),
                Err(_) => 0,
            };
            let tail = count.saturating_sub(covered);
            if all || tail > TAIL.max(count / TAIL_SHARE) {
                self.write_flat(owner, &compared, last, listed, reporter)?;
            }
        }
        Ok(left)
    }

    fn write_flat(
        &mut self,
        owner: Owner,
        compared: &Compared,
        last: i64,
        listed: Option<IndexFile>,
        reporter: &dyn Reporter,
    ) -> Result<(), Error> {
        // A name that no reader has open.
        let after = listed.map_or(0, IndexFile::number);
        let file = self.new_index_file(IndexKind::Vectors(owner), after)?;
        let path = self.folder.index_file(file);
        reporter.begin("writing vectors", 0);
        let mut writer = FlatVectors::create(&path, compared.dimension, compared.tag())?;
        let mut after = 0;
        while after < last {
            let chunk = self.catalog().vectors_after(owner, after, CHUNK)?;
            let Some(&(end, _)) = chunk.last() else { break };
            after = end;
            for (id, vector) in chunk {
                let row = compared.of(vector);
                if row.len() == compared.dimension {
                    writer.push(id, &row)?;
                }
            }
        }
        writer.finish()?;
        self.catalog()
            .write(|writer| writer.set_flat_file(owner, file))?;
        self.changed();
        reporter.end();
        if let Some(old) = listed {
            // A reader may still hold it: then the next writer sweeps it away.
            let _ = self.folder.remove_index_file(old);
        }
        Ok(())
    }

    /// The vectors of all images as they are compared, in the order of their ids.
    ///
    /// # Errors
    /// The collection has no global descriptor, or the catalog or the whitening is damaged.
    pub fn vectors(&self) -> Result<Vec<(i64, Vec<f32>)>, Error> {
        let Some(compared) = self.compared(Owner::Image)? else {
            return Err(self.without_global());
        };
        let mut all = Vec::new();
        self.each_vector(Owner::Image, |id, vector| {
            all.push((id, compared.of(vector)));
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
            all.push((id, vector));
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

/// Whitens a vector and gives it length 1.
pub(crate) fn whiten(whitening: &Projection, vector: &[f32]) -> Vec<f32> {
    let mut projected = whitening.apply(vector);
    l2_normalise(&mut projected);
    projected
}
