//! Learned local features: a network of the floor of networks, and what the floor of features makes of its answer.

use std::path::Path;
use std::sync::Arc;

use vizsla_features::{
    DescriptorKind, ExtractError, Extractor, Features, Xfeat, XfeatConfig, XfeatMaps,
};
use vizsla_neural::{KeypointNetwork, SessionOptions};
use vizsla_pixels::Gray;

use crate::error::{Error, RESTORE};
use crate::folder::Folder;
use crate::names::ArtefactKind;
use crate::{LocalRecipe, Remedy};

/// XFeat with its network, once for each thread that it has for itself.
pub(crate) struct Learned {
    networks: Vec<Arc<KeypointNetwork>>,
    around: Xfeat,
}

impl Learned {
    /// Takes at most `budget` features of a picture.
    pub(crate) fn new(networks: Vec<Arc<KeypointNetwork>>, budget: usize) -> Self {
        Self {
            networks,
            around: Xfeat::new(XfeatConfig {
                budget,
                ..XfeatConfig::default()
            }),
        }
    }
}

impl Extractor for Learned {
    fn kind(&self) -> DescriptorKind {
        DescriptorKind::Xfeat
    }

    fn extract(&self, image: &Gray) -> Result<Features, ExtractError> {
        let size = (image.width(), image.height());
        let thread = rayon::current_thread_index().unwrap_or(0);
        let network = self.networks.get(thread % self.networks.len().max(1));
        let (Some(input), Some(network)) = (self.around.input(image)?, network) else {
            return Ok(Features {
                width: size.0 as u32,
                height: size.1 as u32,
                ..Features::default()
            });
        };
        let maps = network.run((input.width, input.height), &input.data);
        let maps = maps.map_err(ExtractError::new)?;
        let cells = (maps.columns, maps.rows);
        let maps = XfeatMaps::new(cells, maps.features, maps.keypoints, maps.reliability)?;
        Ok(self.around.features(size, &maps))
    }
}

/// Opens the network that a new recipe names by its file.
///
/// # Errors
/// It names none, or the file is no such network.
pub(crate) fn open_file(
    local: &LocalRecipe,
    session: &SessionOptions,
) -> Result<Arc<KeypointNetwork>, Error> {
    if local.model.is_empty() {
        return Err(Error::Lacking {
            what: format!(
                "local.descriptor = {} is computed by a network, and there is none",
                local.descriptor
            ),
            remedy: Remedy::GiveLocalModel,
        });
    }
    let network = KeypointNetwork::open(Path::new(&local.model), session)?;
    Ok(Arc::new(network))
}

/// Opens the copy that a collection keeps.
///
/// # Errors
/// It is missing or damaged, or it cannot run here.
pub(crate) fn open_kept(
    folder: &Folder,
    id: &str,
    session: &SessionOptions,
) -> Result<Arc<KeypointNetwork>, Error> {
    check_kept(folder, id)?;
    let path = folder.artefact(ArtefactKind::LocalModel, id)?;
    let network = KeypointNetwork::open(&path, session)?;
    match network.id() == id {
        true => Ok(Arc::new(network)),
        false => Err(other(&path)),
    }
}

/// Whether the copy that a collection keeps is what it was made with.
///
/// # Errors
/// It is missing or damaged.
pub(crate) fn check_kept(folder: &Folder, id: &str) -> Result<(), Error> {
    let path = folder.artefact(ArtefactKind::LocalModel, id)?;
    match KeypointNetwork::id_of(&path) {
        Ok(found) if found == id => Ok(()),
        Ok(_) => Err(other(&path)),
        Err(error) => Err(Error::damaged(&path, error.to_string(), RESTORE)),
    }
}

fn other(path: &Path) -> Error {
    let what = "this is another network than the one the local features were made with";
    Error::damaged(path, what, RESTORE)
}

/// The same network for each of so many threads, one thread each.
///
/// # Errors
/// It cannot be opened again.
pub(crate) fn for_threads(
    network: &KeypointNetwork,
    threads: usize,
    session: &SessionOptions,
) -> Result<Vec<Arc<KeypointNetwork>>, Error> {
    let session = SessionOptions {
        threads: 1,
        ..*session
    };
    let again = |_| Ok(Arc::new(network.again(&session)?));
    (0..threads.max(1)).map(again).collect()
}
