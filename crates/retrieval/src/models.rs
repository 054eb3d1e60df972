//! The networks that a recipe names, opened when first needed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use vizsla_features::Extractor;
use vizsla_neural::{
    DescriptorRecipe, ImageDescriptor, KeypointNetwork, Pooling, PoolingRecipe, Registry,
    SessionOptions, TextEncoder, VectorEncoder,
};
use vizsla_vectors::Projection;
use vizsla_words::Aggregator;

use crate::folder::Folder;
use crate::names::ArtefactKind;
use crate::{AggregateRecipe, Error, GlobalRecipe, LocalRecipe, Recipe, TextRecipe, learned};

/// Most copies of a network that are open at a time.
const MOST_SESSIONS: usize = 16;

/// Where models are found and how they run.
#[derive(Debug, Clone, Default)]
pub struct ModelOptions {
    /// Folder of the model registry; `None` = the user's.
    pub folder: Option<PathBuf>,
    /// Runtime and threads.
    pub session: SessionOptions,
}

/// The networks of a collection.
#[derive(Default)]
pub(crate) struct Models {
    options: ModelOptions,
    /// Where poolings lie that were learned; `None` while the collection is being made.
    folder: Option<Folder>,
    image: Mutex<Option<Arc<ImageDescriptor>>>,
    text: Mutex<Option<Arc<TextEncoder>>>,
    layers: Mutex<Option<Arc<VectorEncoder>>>,
    /// Of learned local features.
    keypoints: Mutex<Option<Arc<KeypointNetwork>>>,
}

/// Descriptors that run on one thread each, one for each thread of the caller's pool.
pub(crate) struct PerThread {
    descriptors: Vec<ImageDescriptor>,
}

impl PerThread {
    /// The descriptor of this thread; `None` never happens, there is at least one.
    pub(crate) fn get(&self) -> Option<&ImageDescriptor> {
        let thread = rayon::current_thread_index().unwrap_or(0);
        self.descriptors.get(thread % self.descriptors.len().max(1))
    }
}

impl Models {
    pub(crate) fn new(options: ModelOptions, folder: Option<Folder>) -> Self {
        Self {
            options,
            folder,
            ..Self::default()
        }
    }

    /// The same, with a network of learned local features that is open already.
    pub(crate) fn with_keypoints(self, network: Option<Arc<KeypointNetwork>>) -> Self {
        Self {
            keypoints: Mutex::new(network),
            ..self
        }
    }

    /// The same, networks that are open included, with the folder of a collection.
    pub(crate) fn moved(self, folder: Folder) -> Self {
        Self {
            folder: Some(folder),
            ..self
        }
    }

    pub(crate) fn registry(&self) -> Result<Registry, Error> {
        Ok(match &self.options.folder {
            Some(folder) => Registry::open(folder),
            None => Registry::open(&Registry::default_folder()?),
        })
    }

    /// The global descriptor, whitening left out: the catalog keeps what it gives.
    pub(crate) fn image(&self, recipe: &DescriptorRecipe) -> Result<Arc<ImageDescriptor>, Error> {
        once(&self.image, || {
            self.open_image(recipe, &self.options.session)
        })
    }

    /// A descriptor for each thread of the caller's pool, for callers that work on many pictures at a time. All are
    /// opened here: opening shares its work with the pool, and a thread of the pool that waits for it may
    /// be given a picture to describe meanwhile.
    ///
    /// # Errors
    /// The model is not there, or another than the collection's.
    pub(crate) fn image_per_thread(
        &self,
        recipe: &DescriptorRecipe,
        pictures: usize,
    ) -> Result<PerThread, Error> {
        let threads = rayon::current_num_threads().min(MOST_SESSIONS);
        let session = SessionOptions {
            threads: 1,
            ..self.options.session
        };
        let open = |_| self.open_image(recipe, &session);
        let descriptors = (0..threads.min(pictures).max(1)).map(open);
        Ok(PerThread {
            descriptors: descriptors.collect::<Result<_, _>>()?,
        })
    }

    fn open_image(
        &self,
        recipe: &DescriptorRecipe,
        session: &SessionOptions,
    ) -> Result<ImageDescriptor, Error> {
        let mut recipe = DescriptorRecipe {
            whitening: String::new(),
            ..recipe.clone()
        };
        let entry = self.registry()?.get(&recipe.model)?;
        let pooling = self.learned_pooling(&mut recipe)?;
        Ok(ImageDescriptor::open_entry(
            &recipe, &entry, pooling, None, session,
        )?)
    }

    /// The pooling of a recipe that cannot be made from its name alone. A recipe that is new may name a file, as
    /// `netvlad:FILE`; the name becomes that of what the file holds. That of a collection names nothing but an artefact.
    fn learned_pooling(&self, recipe: &mut DescriptorRecipe) -> Result<Option<Pooling>, Error> {
        let Some(name) = recipe.pooling.named() else {
            return Ok(None);
        };
        let place = |(_, which)| {
            let path = match &self.folder {
                Some(folder) => folder.artefact(ArtefactKind::Pooling, which)?,
                None => PathBuf::from(which),
            };
            Ok((which, path))
        };
        let places = name.learned().into_iter().map(place);
        let places = places.collect::<Result<BTreeMap<_, _>, Error>>()?;
        if places.is_empty() {
            return Ok(None);
        }
        let pooling = name.open(&|which| places.get(which).cloned().unwrap_or_default())?;
        recipe.pooling = PoolingRecipe::Named(pooling.name());
        Ok(Some(pooling))
    }

    /// Keeps the whitening that ships as an artefact of a collection, where the recipe names it.
    pub(crate) fn save_whitening(recipe: &Recipe, folder: &Folder) -> Result<(), Error> {
        match shipped_whitening(recipe.whitening_id())? {
            Some(whitening) => {
                Ok(whitening.save(&folder.artefact(ArtefactKind::Whitening, whitening.id())?)?)
            }
            None => Ok(()),
        }
    }

    /// Keeps what the poolings of the global descriptor learned as artefacts of a collection.
    pub(crate) fn save_poolings(&self, recipe: &Recipe, folder: &Folder) -> Result<(), Error> {
        let Some(global) = recipe.global.as_ref().and_then(GlobalRecipe::network) else {
            return Ok(());
        };
        let descriptor = self.image(global)?;
        for part in descriptor.chain().pooling.learned() {
            if let Some(id) = part.learned_id() {
                part.save_learned(&folder.artefact(ArtefactKind::Pooling, id)?)?;
            }
        }
        Ok(())
    }

    /// The network of learned local features.
    ///
    /// # Errors
    /// The recipe names none, it is damaged or missing, or it cannot run here.
    pub(crate) fn keypoints(&self, local: &LocalRecipe) -> Result<Arc<KeypointNetwork>, Error> {
        let session = &self.options.session;
        shared(&self.keypoints, || match &self.folder {
            Some(folder) => learned::open_kept(folder, &local.model, session),
            None => learned::open_file(local, session),
        })
    }

    /// What finds and describes the local features of so many pictures of a gallery.
    ///
    /// # Errors
    /// As [`Models::keypoints`].
    pub(crate) fn gallery_extractor(
        &self,
        recipe: &Recipe,
        pictures: usize,
    ) -> Result<Box<dyn Extractor>, Error> {
        let mut networks = Vec::new();
        if recipe.local.descriptor.is_learned() {
            let threads = rayon::current_num_threads().min(MOST_SESSIONS);
            let network = self.keypoints(&recipe.local)?;
            networks =
                learned::for_threads(&network, threads.min(pictures), &self.options.session)?;
        }
        recipe.extractor(recipe.local.budget, networks)
    }

    /// What finds and describes those of a query, at most so many.
    ///
    /// # Errors
    /// As [`Models::keypoints`].
    pub(crate) fn query_extractor(
        &self,
        recipe: &Recipe,
        budget: usize,
    ) -> Result<Box<dyn Extractor>, Error> {
        let mut networks = Vec::new();
        if recipe.local.descriptor.is_learned() {
            networks.push(self.keypoints(&recipe.local)?);
        }
        recipe.extractor(budget, networks)
    }

    /// Keeps the network of learned local features as an artefact of a collection.
    pub(crate) fn save_keypoints(&self, recipe: &Recipe, folder: &Folder) -> Result<(), Error> {
        if recipe.local.model.is_empty() {
            return Ok(());
        }
        let network = self.keypoints(&recipe.local)?;
        Ok(network.save(&folder.artefact(ArtefactKind::LocalModel, network.id())?)?)
    }

    /// The text encoder.
    pub(crate) fn text(&self, recipe: &TextRecipe) -> Result<Arc<TextEncoder>, Error> {
        once(&self.text, || {
            let entry = self.registry()?.get(&recipe.model)?;
            let encoder = TextEncoder::open(&entry, &self.options.session)?;
            let found = encoder.fingerprint();
            if !recipe.sha256.is_empty() && found != recipe.sha256 {
                return Err(Error::OtherModel {
                    model: recipe.model.clone(),
                    found: found.to_owned(),
                    expected: recipe.sha256.clone(),
                });
            }
            Ok(encoder)
        })
    }

    /// The layers behind a sum over local features; `None` where the recipe names none.
    ///
    /// # Errors
    /// The model is not there, is another than the collection's, or takes no vectors.
    pub(crate) fn layers(
        &self,
        recipe: &AggregateRecipe,
    ) -> Result<Option<Arc<VectorEncoder>>, Error> {
        if recipe.network.is_empty() {
            return Ok(None);
        }
        let layers = once(&self.layers, || {
            let entry = self.registry()?.get(&recipe.network)?;
            if !recipe.network_sha256.is_empty() && entry.sha256 != recipe.network_sha256 {
                return Err(Error::OtherModel {
                    model: recipe.network.clone(),
                    found: entry.sha256,
                    expected: recipe.network_sha256.clone(),
                });
            }
            Ok(VectorEncoder::open(&entry, None, &self.options.session)?)
        })?;
        Ok(Some(layers))
    }

    /// The recipe of a sum with what its layers say themselves: hash and dimension.
    ///
    /// # Errors
    /// As [`Models::layers`]; they take vectors of another length.
    pub(crate) fn complete_sum(
        &self,
        recipe: &mut AggregateRecipe,
        aggregator: &Aggregator,
    ) -> Result<(), Error> {
        if let Some(layers) = self.layers(recipe)? {
            recipe.network_sha256 = self.registry()?.get(&recipe.network)?.sha256;
            let numbers = recipe.summed_dimension(aggregator);
            recipe.dimension = network_output(&layers, numbers)?;
        }
        Ok(())
    }

    /// Bytes of the files of the networks that a recipe names and that are on this machine; one that is part of the program has none.
    pub(crate) fn bytes_of_files(&self, recipe: &Recipe) -> u64 {
        let global = recipe.global.as_ref();
        let names = [
            global
                .and_then(GlobalRecipe::network)
                .map(|network| &network.model),
            global
                .and_then(GlobalRecipe::aggregate)
                .map(|sum| &sum.network),
            recipe.text.as_ref().map(|text| &text.model),
        ];
        let bytes = |id: &String| {
            let entry = self.registry().ok()?.get(id).ok()?;
            let file = fs_err::metadata(entry.path().ok()?);
            file.ok().map(|file| file.len())
        };
        let named = names.into_iter().flatten().filter(|id| !id.is_empty());
        named.filter_map(bytes).sum()
    }

    /// Whether pictures and texts become vectors of one space.
    pub(crate) fn joint(&self, recipe: &Recipe) -> Result<bool, Error> {
        let network = recipe.global.as_ref().and_then(GlobalRecipe::network);
        let (Some(global), Some(text)) = (network, &recipe.text) else {
            return Ok(false);
        };
        if !global.whitening.is_empty() || global.dimension != text.dimension {
            return Ok(false);
        }
        let registry = self.registry()?;
        let space = |id: &str| Ok::<_, Error>(registry.get(id)?.space);
        let (image, text) = (space(&global.model)?, space(&text.model)?);
        Ok(image.is_some() && image == text)
    }

    /// The recipe with everything that the models say themselves: hashes, outputs, dimensions.
    pub(crate) fn complete(&self, mut recipe: Recipe) -> Result<Recipe, Error> {
        if let Some(GlobalRecipe::Network(network)) = &mut recipe.global {
            let whitening = shipped_whitening(&network.whitening)?;
            let described = self.image(network)?.recipe().clone();
            *network = DescriptorRecipe {
                whitening: whitening.map_or(String::new(), |whitening| whitening.id().to_owned()),
                ..described
            };
        }
        if let Some(GlobalRecipe::Whole(whole)) = &mut recipe.global {
            whole.dimension = whole.whole.record_dimension();
        }
        recipe.rank_exactly();
        let learned = recipe.local.descriptor.is_learned() && recipe.takes_local();
        recipe.local.model = match learned {
            true => self.keypoints(&recipe.local)?.id().to_owned(),
            false => String::new(),
        };
        if let Some(text) = &mut recipe.text {
            let encoder = self.text(text)?;
            text.dimension = vizsla_neural::Encoder::dimension(&*encoder);
            text.sha256 = encoder.fingerprint().to_owned();
        }
        Ok(recipe)
    }
}

/// Numbers of what layers make of a vector of so many numbers.
///
/// # Errors
/// They take vectors of another length, or fail.
pub(crate) fn network_output(network: &VectorEncoder, numbers: usize) -> Result<usize, Error> {
    let probe = vec![1.0; numbers];
    Ok(network
        .encode(&[probe])?
        .pop()
        .map_or(0, |vector| vector.len()))
}

/// The whitening that ships, where this is its id.
fn shipped_whitening(id: &str) -> Result<Option<Arc<Projection>>, Error> {
    if id.is_empty() {
        return Ok(None);
    }
    let whitening = vizsla_neural::small_whitening()?;
    Ok((whitening.id() == id).then_some(whitening))
}

/// The value, made at the first call that succeeds.
fn once<T>(
    cell: &Mutex<Option<Arc<T>>>,
    make: impl FnOnce() -> Result<T, Error>,
) -> Result<Arc<T>, Error> {
    shared(cell, || make().map(Arc::new))
}

/// As [`once`], of a value that others may have as well.
pub(crate) fn shared<T>(
    cell: &Mutex<Option<Arc<T>>>,
    make: impl FnOnce() -> Result<Arc<T>, Error>,
) -> Result<Arc<T>, Error> {
    let mut cell = cell.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(made) = &*cell {
        return Ok(Arc::clone(made));
    }
    let made = make()?;
    *cell = Some(Arc::clone(&made));
    Ok(made)
}
