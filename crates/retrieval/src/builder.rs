//! How a collection is opened or made.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use vizsla_neural::KeypointNetwork;
use vizsla_words::{Aggregator, Codebook};

use crate::collection::Given;
use crate::{Collection, Error, ModelOptions, Recipe};

/// A collection that is about to be opened or made; see [`Collection::builder`].
pub struct CollectionBuilder {
    path: PathBuf,
    recipe: Recipe,
    codebook: Option<Arc<Codebook>>,
    aggregator: Option<Arc<Aggregator>>,
    local_model: Option<Arc<KeypointNetwork>>,
    models: ModelOptions,
}

impl Collection {
    /// Begins to open or to make the collection at `path`: with local features alone, the built-in codebook and the user's
    /// models, where nothing else is said. [`Recipe::standard`] takes the network that ships as well.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use vizsla_retrieval::Collection;
    /// # let folder = tempfile::tempdir()?;
    /// let place = folder.path().join("photos.vizsla");
    /// let made = Collection::builder(&place).open_or_create()?;
    /// assert_eq!(made.info()?.images, 0);
    /// assert!(Collection::builder(&place).create().is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(path: impl AsRef<Path>) -> CollectionBuilder {
        CollectionBuilder {
            path: path.as_ref().to_owned(),
            recipe: Recipe::default(),
            codebook: None,
            aggregator: None,
            local_model: None,
            models: ModelOptions::default(),
        }
    }

    /// Opens the collection at `path`: short for `Collection::builder(path).open()`.
    ///
    /// # Errors
    /// As [`CollectionBuilder::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::builder(path).open()
    }
}

impl CollectionBuilder {
    /// How the images of a new collection are described. One that exists keeps the recipe that it was made with.
    #[must_use]
    pub fn recipe(mut self, recipe: Recipe) -> Self {
        self.recipe = recipe;
        self
    }

    /// The codebook of a new collection. One that exists keeps its own.
    #[must_use]
    pub fn codebook(mut self, codebook: Arc<Codebook>) -> Self {
        self.codebook = Some(codebook);
        self
    }

    /// The vocabulary of a new collection's global descriptor, where this is a sum over local features. One that exists
    /// keeps its own.
    #[must_use]
    pub fn aggregator(mut self, aggregator: Arc<Aggregator>) -> Self {
        self.aggregator = Some(aggregator);
        self
    }

    /// The network of a new collection whose local features are learned, such as `xfeat`; the same as its file in `local.model`
    /// of the recipe. The collection keeps a copy. One that exists keeps its own.
    #[must_use]
    pub fn local_model(mut self, network: Arc<KeypointNetwork>) -> Self {
        self.local_model = Some(network);
        self
    }

    /// Where models are found and how they run. They are opened when first needed.
    #[must_use]
    pub fn models(mut self, models: ModelOptions) -> Self {
        self.models = models;
        self
    }

    /// Opens a collection. Its index, codebook and whitening are opened when they are first needed.
    ///
    /// # Errors
    /// None is there, it is of a newer format, or its catalog is damaged; the message names the file.
    pub fn open(self) -> Result<Collection, Error> {
        Collection::open_at(&self.path, self.models)
    }

    /// Makes an empty collection. It appears whole or not at all.
    ///
    /// # Errors
    /// Something other than an empty folder is at the path, the recipe is out of range, the codebook or the
    /// aggregator is of other descriptors than the recipe's, a model of the recipe is not there or does not work, or writing
    /// failed.
    pub fn create(self) -> Result<Collection, Error> {
        let codebook = self.codebook.unwrap_or_else(Codebook::builtin);
        let given = Given {
            codebook,
            aggregator: self.aggregator,
            network: self.local_model,
        };
        Collection::make(&self.path, self.recipe, given, self.models)
    }

    /// Opens the collection if it is there, else makes it.
    ///
    /// # Errors
    /// As [`CollectionBuilder::open`] and [`CollectionBuilder::create`].
    pub fn open_or_create(self) -> Result<Collection, Error> {
        match Collection::find(&self.path)? {
            true => self.open(),
            false => self.create(),
        }
    }
}
