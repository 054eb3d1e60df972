//! What a collection learned: its codebook, its whitening and its hash, opened when first needed.
//!
//! One damaged file costs what needs it. Listing, searching by other channels, taking it away and making the index again
//! work without. What failed to open is tried again the next time: a file that was brought back is used at once.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use vizsla_features::DescriptorKind;
use vizsla_neural::PoolingName;
use vizsla_vectors::{BinaryHasher, Projection};
use vizsla_words::{Aggregator, Codebook};

use crate::error::{Error, LEARN_AGAIN, LEARN_HASH, REBUILD, RESTORE};
use crate::folder::Folder;
use crate::models::shared;
use crate::names::ArtefactKind;
use crate::{GlobalRecipe, Problem, Recipe, Remedy, learned};

/// The artefacts of one collection besides its poolings, which are part of the models.
pub(crate) struct Artefacts {
    folder: Folder,
    codebook_id: String,
    /// What its descriptors must be; `None` where the recipe takes none.
    descriptor: Option<DescriptorKind>,
    codebook: Mutex<Option<Arc<Codebook>>>,
    whitening: Mutex<Option<Arc<Projection>>>,
    hash: Mutex<Option<Arc<BinaryHasher>>>,
    /// Of the vocabulary of the global descriptor, where it has one.
    aggregator_id: Option<String>,
    aggregator: Mutex<Option<Arc<Aggregator>>>,
    /// Of the network of learned local features, where it has one; the models open it.
    local_model_id: Option<String>,
    /// Whether its file was looked at, and found to be the one.
    local_model: Mutex<Option<Arc<()>>>,
}

impl Artefacts {
    /// What the catalog and the recipe name, without opening it.
    ///
    /// # Errors
    /// One of the names is none that an artefact has.
    pub(crate) fn new(folder: Folder, codebook_id: String, recipe: &Recipe) -> Result<Self, Error> {
        folder.check_name(ArtefactKind::Codebook, &codebook_id)?;
        match recipe.whitening_id() {
            "" => {}
            id => folder.check_name(ArtefactKind::Whitening, id)?,
        }
        match recipe.search.hash.as_str() {
            "" => {}
            id => folder.check_name(ArtefactKind::Hash, id)?,
        }
        let aggregate = recipe.global.as_ref().and_then(GlobalRecipe::aggregate);
        let aggregator_id = aggregate.map(|aggregate| aggregate.aggregator.clone());
        if let Some(id) = &aggregator_id {
            folder.check_name(ArtefactKind::Aggregator, id)?;
        }
        let learned = recipe.local.descriptor.is_learned() && recipe.takes_local();
        let local_model_id = learned.then(|| recipe.local.model.clone());
        if let Some(id) = &local_model_id {
            folder.check_name(ArtefactKind::LocalModel, id)?;
        }
        Ok(Self {
            local_model_id,
            local_model: Mutex::default(),
            aggregator_id,
            aggregator: Mutex::default(),
            folder,
            codebook_id,
            descriptor: recipe.local.enabled.then_some(recipe.local.descriptor),
            codebook: Mutex::default(),
            whitening: Mutex::default(),
            hash: Mutex::default(),
        })
    }

    /// Content hash of the codebook.
    pub(crate) fn codebook_id(&self) -> &str {
        &self.codebook_id
    }

    /// The codebook; the built-in one also serves when its copy in the collection is damaged or missing.
    pub(crate) fn codebook(&self) -> Result<Arc<Codebook>, Error> {
        shared(&self.codebook, || {
            let builtin = Codebook::builtin();
            match self.check_codebook() {
                Ok(codebook) => Ok(codebook),
                Err(_) if builtin.id() == self.codebook_id && self.suits(&builtin) => Ok(builtin),
                Err(damaged) => Err(damaged),
            }
        })
    }

    /// The codebook as its file is now.
    pub(crate) fn check_codebook(&self) -> Result<Arc<Codebook>, Error> {
        let path = self.codebook_path()?;
        match Codebook::open(&path) {
            Ok(codebook) if codebook.id() == self.codebook_id && !self.suits(&codebook) => {
                let found = codebook.kind();
                let wanted = self.descriptor.unwrap_or(found);
                let what =
                    format!("the codebook is of {found} descriptors, the recipe's are {wanted}");
                Err(Error::damaged(&path, what, RESTORE))
            }
            Ok(codebook) if codebook.id() == self.codebook_id => Ok(Arc::new(codebook)),
            Ok(_) => Err(Error::damaged(
                &path,
                "the codebook is not the one this collection was made with",
                RESTORE,
            )),
            Err(error) => Err(Error::damaged(&path, error.to_string(), RESTORE)),
        }
    }

    fn suits(&self, codebook: &Codebook) -> bool {
        self.descriptor
            .is_none_or(|wanted| wanted == codebook.kind())
    }

    /// The whitening that a recipe names.
    pub(crate) fn whitening(&self, recipe: &Recipe) -> Result<Option<Arc<Projection>>, Error> {
        match recipe.whitening_id() {
            "" => Ok(None),
            id => shared(&self.whitening, || self.check_whitening(id)).map(Some),
        }
    }

    /// A whitening as its file is now.
    fn check_whitening(&self, id: &str) -> Result<Arc<Projection>, Error> {
        let path = self.whitening_path(id)?;
        let whitening = Projection::open(&path).map_err(|e| e.to_string());
        let other = "this is another whitening than the collection's";
        the_one(id, &path, whitening, Projection::id, other, LEARN_AGAIN)
    }

    /// The hash that a recipe names.
    pub(crate) fn hash(&self, recipe: &Recipe) -> Result<Option<Arc<BinaryHasher>>, Error> {
        match recipe.search.hash.as_str() {
            "" => Ok(None),
            id => shared(&self.hash, || self.check_hash(id)).map(Some),
        }
    }

    /// A hash as its file is now.
    fn check_hash(&self, id: &str) -> Result<Arc<BinaryHasher>, Error> {
        let path = self.hash_path(id)?;
        let hash = BinaryHasher::open(&path).map_err(|e| e.to_string());
        let other = "this is another hash than the collection's";
        the_one(id, &path, hash, BinaryHasher::id, other, LEARN_HASH)
    }

    /// The vocabulary of the global descriptor; `None` where the recipe's needs none.
    pub(crate) fn aggregator(&self) -> Result<Option<Arc<Aggregator>>, Error> {
        let Some(id) = &self.aggregator_id else {
            return Ok(None);
        };
        shared(&self.aggregator, || self.check_aggregator(id)).map(Some)
    }

    /// The vocabulary of the global descriptor as its file is now.
    fn check_aggregator(&self, id: &str) -> Result<Arc<Aggregator>, Error> {
        let path = self.folder.artefact(ArtefactKind::Aggregator, id)?;
        let aggregator = Aggregator::open(&path).map_err(|e| e.to_string());
        let other = "this is another vocabulary than the one the vectors were made with";
        the_one(id, &path, aggregator, Aggregator::id, other, RESTORE)
    }

    /// The network of learned local features as its file is now.
    fn check_local_model(&self) -> Result<(), Error> {
        match &self.local_model_id {
            Some(id) => learned::check_kept(&self.folder, id),
            None => Ok(()),
        }
    }

    /// From now on vectors are compared by this one.
    pub(crate) fn set_whitening(&mut self, whitening: Option<Arc<Projection>>) {
        self.whitening = Mutex::new(whitening);
    }

    /// From now on vectors are found by the codes of this one.
    pub(crate) fn set_hash(&mut self, hash: Option<Arc<BinaryHasher>>) {
        self.hash = Mutex::new(hash);
    }

    /// What could not be opened when it was needed.
    pub(crate) fn known_problems(&self, recipe: &Recipe) -> Vec<Problem> {
        let failed = [
            self.codebook().err(),
            self.whitening(recipe).err(),
            self.hash(recipe).err(),
            self.aggregator().err(),
            shared(&self.local_model, || self.check_local_model().map(Arc::new)).err(),
        ];
        let failed = failed.into_iter().flatten();
        failed
            .filter_map(|error| error.into_problem(None))
            .collect()
    }

    /// What is wrong with all files as they are now.
    pub(crate) fn problems(&self, recipe: &Recipe) -> Vec<Problem> {
        // The built-in codebook is saved again when the index is made again.
        let builtin = Codebook::builtin().id() == self.codebook_id;
        let codebook = self.check_codebook().err();
        let codebook = codebook.and_then(|error| error.into_problem(builtin.then_some(REBUILD)));
        let whitening = match recipe.whitening_id() {
            "" => None,
            id => self.check_whitening(id).err(),
        };
        let hash = match recipe.search.hash.as_str() {
            "" => None,
            id => self.check_hash(id).err(),
        };
        let aggregator = self.aggregator_id.as_ref();
        let aggregator = aggregator.and_then(|id| self.check_aggregator(id).err());
        let local_model = self.check_local_model().err();
        let others = [whitening, hash, aggregator, local_model].into_iter();
        let others = others.flatten();
        let others = others.filter_map(|error| error.into_problem(None));
        let network = recipe.global.as_ref().and_then(GlobalRecipe::network);
        let pooling = network.and_then(|network| network.pooling.named());
        let parts = pooling.map_or(&[][..], PoolingName::parts);
        let poolings = parts.iter().filter_map(|part| {
            let (_, id) = part.learned().first().copied()?;
            let path = self.folder.artefact(ArtefactKind::Pooling, id);
            let checked = path.and_then(|path| {
                part.open(&|_| path.clone())
                    .map_err(|e| Error::damaged(&path, e.to_string(), RESTORE))
            });
            checked.err()?.into_problem(None)
        });
        codebook.into_iter().chain(others).chain(poolings).collect()
    }

    pub(crate) fn codebook_path(&self) -> Result<PathBuf, Error> {
        self.folder
            .artefact(ArtefactKind::Codebook, &self.codebook_id)
    }

    pub(crate) fn whitening_path(&self, id: &str) -> Result<PathBuf, Error> {
        self.folder.artefact(ArtefactKind::Whitening, id)
    }

    pub(crate) fn hash_path(&self, id: &str) -> Result<PathBuf, Error> {
        self.folder.artefact(ArtefactKind::Hash, id)
    }
}

/// What was opened, where it is the one with this id.
fn the_one<T>(
    id: &str,
    path: &Path,
    opened: Result<T, String>,
    id_of: fn(&T) -> &str,
    other: &str,
    remedy: Remedy,
) -> Result<Arc<T>, Error> {
    match opened {
        Ok(found) if id_of(&found) == id => Ok(Arc::new(found)),
        Ok(_) => Err(Error::damaged(path, other, remedy)),
        Err(what) => Err(Error::damaged(path, what, remedy)),
    }
}
