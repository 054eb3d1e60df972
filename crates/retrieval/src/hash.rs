//! The hash that a collection is given: what its vectors are found by, where its recipe says `semantic_hash`.
//!
//! A network trainer learns it from [`Collection::vectors`]; this floor keeps it, as an artefact, and makes the index.

use std::sync::Arc;

use vizsla_vectors::BinaryHasher;

use crate::catalog::Owner;
use crate::{Collection, Error, IndexChoice, Reporter};

impl Collection {
    /// Finds the images of this collection by the codes of a hash from now on, whatever index its recipe asked for before; `None`
    /// takes the hash away, and all vectors are compared.
    ///
    /// # Errors
    /// There is no global descriptor, or the hash takes vectors of another length than those that are compared, which a
    /// whitening gives where there is one; another process is writing.
    pub fn set_hash(
        &mut self,
        hash: Option<BinaryHasher>,
        reporter: &dyn Reporter,
    ) -> Result<(), Error> {
        let _lock = self.lock()?;
        let mut recipe = self.recipe.clone();
        match (&hash, self.compared(Owner::Image)) {
            (_, Ok(None)) => return Err(self.without_global()),
            (Some(hash), compared) => {
                let wanted = compared?.map_or(0, |compared| compared.dimension());
                if hash.input() != wanted {
                    return Err(Error::Query(format!(
                        "the hash takes vectors of {} numbers, those of this collection are compared by {wanted}; learn one \
                         from them: {}",
                        hash.input(),
                        self.path().display()
                    )));
                }
                hash.save(&self.artefacts.hash_path(hash.id())?)?;
                recipe.search.hash = hash.id().to_owned();
                recipe.search.index = IndexChoice::SemanticHash;
            }
            // Whatever else is damaged is none of its business.
            (None, _) => {
                recipe.search.hash.clear();
                if recipe.search.index == IndexChoice::SemanticHash {
                    recipe.search.index = IndexChoice::default();
                }
            }
        }
        // The artefact is there; the recipe names it in one commit, and the index follows, which is known by its tag.
        self.write_recipe(recipe)?;
        self.artefacts.set_hash(hash.map(Arc::new));
        self.changed();
        self.refresh_spaces(true, reporter).map(drop)
    }
}
