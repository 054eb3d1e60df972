//! A space of vectors and what is searched of it.
//!
//! The catalog keeps the vectors as the networks gave them; `segments/` keeps an index of them as they are compared
//! (whitened, of length 1), made again from the catalog at any time. Ids only grow, so what was added since the index was
//! made is what has greater ids: it is read from the catalog. An index that was made with another whitening, or found through
//! the codes of another hash, is not used.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use half::f16;
use vizsla_features::Combined;
use vizsla_vectors::{BinaryHasher, IndexName, Projection, VectorIndex, content_id, l2_normalise};

use crate::catalog::{Catalog, FORMAT, IndexEntry, IndexRow, Made, Owner};
use crate::error::{Error, REBUILD};
use crate::indexes::{FLAT_BELOW, Source, Suited, Take, VectorKind, suited};
use crate::names::{IndexFile, IndexKind};
use crate::space::Space;
use crate::{Collection, GlobalRecipe, IndexChoice, IndexInfo, IndexRecipe, Remedy, Reporter};

/// Vectors that may lie outside the index before it is made again, and their share of all.
const TAIL: u64 = 1024;
const TAIL_SHARE: u64 = 8;
/// Most vectors that lie outside the index of so many.
pub(crate) fn most_outside(vectors: u64) -> u64 {
    vectors.min(TAIL.max(vectors / TAIL_SHARE))
}

/// Vectors read from the catalog at a time.
const CHUNK: usize = 4096;
/// Tag of an index of vectors that are not whitened.
const PLAIN: &str = "plain";

/// How vectors of an owner are compared.
pub(crate) struct Compared {
    /// Descriptions that are found by their feature map.
    unmapped: Option<Combined>,
    whitening: Option<Arc<Projection>>,
    dimension: usize,
    /// Id of the hash that they are found by; empty where there is none.
    hash: String,
}

impl Compared {
    /// A vector of the catalog as it is compared: mapped, whitened, of length 1.
    pub(crate) fn of(&self, vector: Vec<f32>) -> Vec<f32> {
        match (&self.unmapped, &self.whitening) {
            (Some(whole), _) => whole.vector_of_record(&vector),
            (None, Some(whitening)) => whiten(whitening, &vector),
            (None, None) => vector,
        }
    }

    /// Numbers of a vector as it is compared.
    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    /// What such vectors are tagged with.
    pub(crate) fn tag(&self) -> &str {
        self.whitening
            .as_ref()
            .map_or(PLAIN, |whitening| whitening.id())
    }

    /// What an index of such vectors is tagged with: where it is of a given hash, of that too.
    fn tag_of(&self, kind: IndexKind) -> Cow<'_, str> {
        match kind {
            IndexKind::Vectors(_, kind) if kind.is_of_a_given_hash() => {
                content_id(format!("{} {}", self.tag(), self.hash).as_bytes()).into()
            }
            _ => self.tag().into(),
        }
    }
}

/// What index a recipe asks for.
pub(crate) struct Wanted {
    pub kind: VectorKind,
    /// What the kind that is called by its name is made of.
    pub name: Option<IndexName>,
    /// Whether it stays within what an index may take.
    pub fits: bool,
}

/// How a new index is made.
struct Chosen {
    kind: VectorKind,
    hash: Option<Arc<BinaryHasher>>,
    /// What the kind that is called by its name is made of.
    name: Option<IndexName>,
    /// What is not as the recipe wants it, and why.
    remark: Option<String>,
}

impl Collection {
    /// How vectors of this owner are compared; `None` when the recipe has no such part.
    pub(crate) fn compared(&self, owner: Owner) -> Result<Option<Compared>, Error> {
        let recipe = &self.recipe;
        let raw = match owner {
            Owner::Image => recipe.global.as_ref().map(GlobalRecipe::dimension),
            Owner::Caption => recipe.text.as_ref().map(|r| r.dimension),
        };
        let Some(raw) = raw else {
            return Ok(None);
        };
        let whitening = match owner {
            Owner::Image => self.whitening()?,
            Owner::Caption => None,
        };
        let unmapped = match owner {
            Owner::Image => recipe.global.as_ref().and_then(GlobalRecipe::unmapped),
            Owner::Caption => None,
        };
        let dimension = match (unmapped, &whitening) {
            (Some(whole), _) => whole.dimension(),
            (None, Some(whitening)) => whitening.output(),
            (None, None) => raw,
        };
        Ok(Some(Compared {
            unmapped: unmapped.cloned(),
            dimension,
            whitening,
            hash: match owner {
                Owner::Image => recipe.search.hash.clone(),
                Owner::Caption => String::new(),
            },
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
        let index = self.open_index(catalog, owner, &compared)?;
        let mut space = Space {
            ids: Vec::new(),
            rows: Vec::new(),
            dimension,
            index,
        };
        let mut after = space.index.as_ref().map_or(0, |index| index.last_id());
        if let Some(index) = &space.index {
            index.check_whole().map_err(Error::of_index)?;
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
                    // As an index would keep it, so that making one changes no score.
                    let kept = row.iter().map(|&number| f16::from_f32(number).to_f32());
                    space.rows.extend(kept);
                }
            }
        }
        Ok(Some(Arc::new(space)))
    }

    /// What is wrong with the indexes of vectors: file, damage, remedy.
    pub(crate) fn check_spaces(
        &self,
        catalog: &Catalog,
    ) -> Result<Vec<(PathBuf, String, Remedy)>, Error> {
        let mut found = Vec::new();
        for owner in [Owner::Image, Owner::Caption] {
            let row = match catalog.vectors_file(owner) {
                Ok(Some(row)) => row,
                Ok(None) => continue,
                // It is among what the catalog finds of itself.
                Err(Error::Damaged { .. }) if catalog.format()? == FORMAT => continue,
                Err(error) => return Err(error),
            };
            let path = match self.folder.find_index_file(row.file) {
                Ok(Some(path)) => path,
                Ok(None) => {
                    let what = "a file of vectors is missing".to_owned();
                    found.push((self.folder.index_file(row.file), what, REBUILD));
                    continue;
                }
                Err(error) => {
                    found.push((self.folder.index_file(row.file), error.to_string(), REBUILD));
                    continue;
                }
            };
            let sound = opened(&row, &path).and_then(|index| {
                index.verify().map_err(|error| error.to_string())?;
                is_as_listed(&row, &path, &*index)
            });
            found.extend(sound.err().map(|what| (path, what, REBUILD)));
        }
        Ok(found)
    }

    fn open_index(
        &self,
        catalog: &Catalog,
        owner: Owner,
        compared: &Compared,
    ) -> Result<Option<Box<dyn VectorIndex>>, Error> {
        let Some(row) = catalog.vectors_file(owner)? else {
            return Ok(None);
        };
        let wanted = compared.tag_of(row.file.kind());
        let of_another = |tag: &str| tag != wanted;
        if row.made.as_ref().is_some_and(|made| of_another(&made.tag)) {
            return Ok(None);
        }
        let path = self.folder.index_file(row.file);
        let damaged = |what: String| Error::damaged(&path, what, REBUILD);
        if self.folder.find_index_file(row.file)?.is_none() {
            return Err(damaged("a file of vectors is missing".into()));
        }
        let index = opened(&row, &path).map_err(damaged)?;
        if of_another(index.tag()) || index.dimension() != compared.dimension {
            return Ok(None);
        }
        is_as_listed(&row, &path, &*index).map_err(damaged)?;
        Ok(Some(index))
    }

    /// Makes the indexes again where much was added since, or where `all` asks for it. Gives remarks on those that
    /// cannot be made because an artefact is damaged: what is there is left then, or, where only the hash is, all vectors are compared.
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
            let listed = self.catalog().vectors_file(owner).unwrap_or_default();
            let covered = match self.open_index(&self.catalog(), owner, &compared) {
                Ok(index) => index.map_or(0, |index| index.len() as u64),
                Err(_) => 0,
            };
            let tail = count.saturating_sub(covered);
            if all || tail > TAIL.max(count / TAIL_SHARE) {
                let old = listed.map(|row| row.file);
                left.extend(self.make_index(owner, &compared, last, old, reporter)?);
            }
        }
        Ok(left)
    }

    /// The files of vectors and how they are searched.
    pub(crate) fn index_infos(&self) -> Result<Vec<IndexInfo>, Error> {
        let mut infos = Vec::new();
        for owner in [Owner::Image, Owner::Caption] {
            let compared = self.compared(owner).unwrap_or_default();
            let Some(compared) = compared else { continue };
            // Damage is told by `verify`.
            let Ok(Some(index)) = self.open_index(&self.catalog(), owner, &compared) else {
                continue;
            };
            let row = self.catalog().vectors_file(owner)?;
            let (kind, bytes) = match &row {
                Some(row) => (row.file.kind(), row.bytes.unsigned_abs()),
                None => continue,
            };
            infos.push(IndexInfo {
                bytes,
                why: self.why(&*index),
                outdated: self.outdated(owner, kind, &*index)?,
                of: match owner {
                    Owner::Image => "image",
                    Owner::Caption => "caption",
                }
                .to_owned(),
                vectors: index.len() as u64,
                dimension: index.dimension(),
                made_of: index.made_of(),
            });
        }
        Ok(infos)
    }

    /// Changes how vectors of this collection are made findable: the index, and what it is to reach. The next index is made by it, which
    /// [`Collection::optimize`] makes at once.
    ///
    /// # Errors
    /// A figure is out of range, or another process is writing.
    pub fn set_index(&mut self, index: IndexChoice, reach: IndexRecipe) -> Result<(), Error> {
        let mut recipe = self.recipe.clone();
        recipe.search.index = index;
        recipe.index = reach;
        recipe.check()?;
        let _lock = self.lock()?;
        self.write_recipe(recipe)?;
        self.changed();
        Ok(())
    }

    fn make_index(
        &mut self,
        owner: Owner,
        compared: &Compared,
        last: i64,
        listed: Option<IndexFile>,
        reporter: &dyn Reporter,
    ) -> Result<Option<String>, Error> {
        // A name that no reader has open.
        let after = listed.map_or(0, IndexFile::number);
        let Chosen {
            kind,
            hash,
            name,
            remark,
        } = self.chosen(owner, compared)?;
        let listed_kind = IndexKind::Vectors(owner, kind);
        let file = self.new_index_file(listed_kind, after)?;
        let path = self.folder.index_file(file);
        reporter.begin("writing vectors", 0);
        let each = |take: &mut Take<'_>| self.each_compared(owner, compared, last, take);
        let source = Source {
            dimension: compared.dimension,
            tag: &compared.tag_of(listed_kind),
            hash: hash.as_deref(),
            name,
            recall: self.recipe.index.recall,
            each: &each,
        };
        let remark = remark.or(kind.make(&path, &source)?);
        let entry = entry(file, &path, &*kind.open(&path)?)?;
        self.catalog()
            .write(|writer| writer.set_index_file(&entry))?;
        self.changed();
        reporter.end();
        if let Some(old) = listed {
            // A reader may still hold it: then the next writer sweeps it away.
            let _ = self.folder.remove_index_file(old);
        }
        Ok(remark)
    }

    /// What index of so many vectors the recipe asks for. Where no hash is set, and for captions, it is of the usual kind.
    pub(crate) fn wanted_index(&self, owner: Owner, vectors: u64, dimension: usize) -> Wanted {
        let search = &self.recipe.search;
        let usual = Wanted {
            kind: VectorKind::USUAL,
            name: None,
            fits: true,
        };
        match search.index {
            IndexChoice::Named(name) => Wanted {
                kind: VectorKind::named(),
                name: Some(name),
                ..usual
            },
            IndexChoice::Auto => {
                let Suited { name, fits } = suited(vectors, dimension, self.recipe.index.memory);
                Wanted {
                    kind: name.map_or(VectorKind::USUAL, |_| VectorKind::named()),
                    name,
                    fits,
                }
            }
            choice => {
                let kind = VectorKind::of(choice);
                let hashed = owner == Owner::Image && !search.hash.is_empty();
                match kind.is_of_a_given_hash() && !hashed {
                    true => usual,
                    false => Wanted { kind, ..usual },
                }
            }
        }
    }

    /// How a new index of an owner is made. Where the hash cannot be opened, it is of the usual kind.
    fn chosen(&self, owner: Owner, compared: &Compared) -> Result<Chosen, Error> {
        let vectors = self.catalog().vector_count(owner)?.0;
        let wanted = self.wanted_index(owner, vectors, compared.dimension);
        let kind = wanted.kind;
        let mut chosen = Chosen {
            kind,
            hash: None,
            name: wanted.name,
            remark: self.over_memory(&wanted, vectors, compared.dimension),
        };
        if !kind.is_of_a_given_hash() {
            return Ok(chosen);
        }
        chosen.hash = match self.hash() {
            Err(error @ Error::Damaged { .. }) => {
                chosen.remark = Some(format!(
                    "all vectors are compared, not those with the nearest codes: {error}"
                ));
                None
            }
            found => found?,
        };
        let fits = |hash: &Arc<BinaryHasher>| hash.input() == compared.dimension;
        chosen.hash = chosen.hash.filter(fits);
        if chosen.hash.is_none() {
            chosen.kind = VectorKind::USUAL;
        }
        Ok(chosen)
    }

    /// What is said where no index stays within its memory.
    fn over_memory(&self, wanted: &Wanted, vectors: u64, dimension: usize) -> Option<String> {
        let name = wanted.name.filter(|_| !wanted.fits)?;
        let memory = self.recipe.index.memory?;
        let least = name.bytes(vectors, dimension).div_ceil(1 << 20);
        Some(format!(
            "no index of {vectors} vectors of {dimension} numbers stays within index.memory = \"{memory}\"; the smallest, {name}, \
             takes about {least} MiB"
        ))
    }

    /// Why an index is as it is, in words.
    fn why(&self, index: &dyn VectorIndex) -> String {
        let choice = self.recipe.search.index;
        if choice != IndexChoice::Auto {
            return format!("search.index is \"{choice}\"");
        }
        let (vectors, dimension) = (index.len(), index.dimension());
        let IndexRecipe { recall, memory } = self.recipe.index;
        let Some(_) = index.name_and_recall() else {
            return format!(
                "chosen for {vectors} vectors of {dimension} numbers: below {FLAT_BELOW} all are compared"
            );
        };
        let recall = (recall * 1000.0).round() / 10.0;
        let memory = memory.map_or_else(
            || "no bound on memory".to_owned(),
            |m| format!("within {m}"),
        );
        format!(
            "chosen for {vectors} vectors of {dimension} numbers, {memory}, {recall} % of the nearest wanted"
        )
    }

    /// Why the next index of an owner is another than this one, in words.
    fn outdated(
        &self,
        owner: Owner,
        kind: IndexKind,
        index: &dyn VectorIndex,
    ) -> Result<Option<String>, Error> {
        let vectors = self.catalog().vector_count(owner)?.0;
        let wanted = self.wanted_index(owner, vectors, index.dimension());
        let other_kind = !matches!(kind, IndexKind::Vectors(_, kind) if kind == wanted.kind);
        let found = index.name_and_recall();
        if other_kind || wanted.name.zip(found).is_some_and(|(a, (b, _))| a != b) {
            let name = wanted.name.map(|name| name.to_string());
            let name = name.unwrap_or_else(|| wanted.kind.name().to_owned());
            return Ok(Some(format!("{name} is wanted for {vectors} vectors now")));
        }
        let recall = self.recipe.index.recall;
        let told = found.map(|(_, told)| told).filter(|&told| told > 0.0);
        Ok(told
            .filter(|told| (told - recall).abs() > 1e-6)
            .map(|told| format!("it was tuned for a recall of {told:.3}, {recall} is wanted now")))
    }

    /// Gives the vectors of an owner up to an id, as they are compared.
    pub(crate) fn each_compared(
        &self,
        owner: Owner,
        compared: &Compared,
        last: i64,
        take: &mut Take<'_>,
    ) -> Result<(), Error> {
        let mut after = 0;
        while after < last {
            let chunk = self.catalog().vectors_after(owner, after, CHUNK)?;
            let Some(&(end, _)) = chunk.last() else { break };
            after = end;
            for (id, vector) in chunk {
                let row = compared.of(vector);
                if row.len() == compared.dimension {
                    take(id, &row)?;
                }
            }
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
            what: "this collection has no global descriptor".into(),
            remedy: Some(Remedy::IndexGlobal),
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

/// Opens an index file of an owner's vectors, by the kind that the catalog says it has.
fn opened(row: &IndexRow, path: &Path) -> Result<Box<dyn VectorIndex>, String> {
    match row.file.kind() {
        IndexKind::Vectors(_, kind) => kind.open(path).map_err(|error| error.to_string()),
        IndexKind::Words | IndexKind::Graph => Err("this is no file of vectors".into()),
    }
}

/// What is to be listed of an index of vectors.
pub(crate) fn entry(
    file: IndexFile,
    path: &Path,
    index: &dyn VectorIndex,
) -> Result<IndexEntry, Error> {
    let made = Made {
        tag: index.tag().to_owned(),
        last: index.last_id(),
    };
    IndexEntry::of(file, path, made, index.len())
}

/// Whether a file is the one that was listed, where the catalog says more of it than its name.
fn is_as_listed(row: &IndexRow, path: &Path, index: &dyn VectorIndex) -> Result<(), String> {
    let Some(made) = &row.made else { return Ok(()) };
    let found = entry(row.file, path, index).map_err(|error| error.to_string())?;
    match (&found.made, found.items, found.bytes) == (made, row.items, row.bytes) {
        true => Ok(()),
        false => Err(format!(
            "the file of vectors is another than the one listed: it has {} vectors of `{}` up to {}, the catalog says \
             {} of `{}` up to {}",
            found.items, found.made.tag, found.made.last, row.items, made.tag, made.last
        )),
    }
}

/// Whitens a vector and gives it length 1.
pub(crate) fn whiten(whitening: &Projection, vector: &[f32]) -> Vec<f32> {
    let mut projected = whitening.apply(vector);
    l2_normalise(&mut projected);
    projected
}
