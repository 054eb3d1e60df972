//! Options that a collection takes when it is made: its recipe and its codebook.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use vizsla_retrieval::{Collection, Recipe};
use vizsla_words::Codebook;

/// Options that only a new collection can take.
#[derive(Args)]
#[command(next_help_heading = "For a new collection")]
pub struct Making {
    /// Most features kept of an image
    #[arg(long, value_name = "N")]
    budget: Option<usize>,
    /// Longest side at which images are analysed, in pixels
    #[arg(long, value_name = "PIXELS")]
    max_side: Option<u32>,
    /// Recipe to start from, a TOML file as printed by `vizsla info`
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,
    /// Codebook from `vizsla codebook train` in place of the built-in one
    #[arg(long, value_name = "FILE")]
    codebook: Option<PathBuf>,
}

impl Making {
    fn is_empty(&self) -> bool {
        self.budget.is_none()
            && self.max_side.is_none()
            && self.recipe.is_none()
            && self.codebook.is_none()
    }

    /// Opens the collection, or makes it with these options.
    ///
    /// # Errors
    /// The collection cannot be opened or made, or is there and was made with other options.
    pub fn open(&self, path: &Path) -> Result<Collection> {
        if Collection::exists(path) {
            let collection = Collection::open(path)?;
            if !self.is_empty() {
                self.check(&collection)?;
            }
            return Ok(collection);
        }
        let codebook = match &self.codebook {
            Some(file) => Arc::new(Codebook::open(file)?),
            None => Codebook::builtin(),
        };
        Ok(Collection::create(
            path,
            self.recipe(Recipe::default())?,
            codebook,
        )?)
    }

    /// The recipe that these options ask for, on top of a given one.
    fn recipe(&self, base: Recipe) -> Result<Recipe> {
        let mut recipe = match &self.recipe {
            Some(file) => Recipe::from_toml(&fs_err::read_to_string(file)?)
                .with_context(|| file.display().to_string())?,
            None => base,
        };
        if let Some(budget) = self.budget {
            recipe.local.budget = budget;
        }
        if let Some(max_side) = self.max_side {
            recipe.pixels.max_side = max_side;
        }
        recipe.check()?;
        Ok(recipe)
    }

    /// Features of one collection are made by one recipe: other options need another collection.
    fn check(&self, collection: &Collection) -> Result<()> {
        let info = collection.info()?;
        let kept = Recipe::from_toml(&info.recipe)?;
        let same_recipe = self.recipe(kept.clone())? == kept;
        let same_codebook = match &self.codebook {
            Some(file) => Codebook::open(file)?.id() == info.codebook,
            None => true,
        };
        if !(same_recipe && same_codebook) {
            bail!(
                "the recipe and the codebook of a collection are fixed when it is made; leave the \
                 options out, or index into a new collection: {}",
                info.path.display()
            );
        }
        Ok(())
    }
}
