//! Taking an image out of a served collection.

use vizsla_retrieval::Selector;

use super::uploads::forget;
use crate::pictures;
use crate::problem::Problem;
use crate::state::App;

/// Removes an image. A file in the folder of uploads goes with it, for it would come back with the next upload; all other
/// files stay.
///
/// # Errors
/// 404 when there is no such image, 409 when something else writes to the collection.
pub(crate) fn remove(app: &App, collection: &str, image: i64) -> Result<(), Problem> {
    let served = app.collection(collection)?;
    let Some(_turn) = app.jobs.try_write(collection) else {
        return Err(vizsla_retrieval::Error::Busy(served.path.clone()).into());
    };
    let listed = pictures::image(&served, image)?;
    served.writer()?.remove(&[Selector::Image(image)])?;
    if let Some(folder) = app.uploaded.folder(collection) {
        let own = |path: &&std::path::PathBuf| path.parent() == Some(folder.as_path());
        for path in listed.paths.iter().filter(own) {
            forget(path);
        }
    }
    Ok(())
}
