//! Options of how a picture is described where no collection says it.

use anyhow::Result;
use clap::Args;
use vizsla_retrieval::Recipe;

use super::local::Local;

/// How a picture is described.
#[derive(Args)]
pub struct Describing {
    #[command(flatten)]
    local: Local,
    /// Longest side at which a picture is analysed, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 1024,
        value_parser = clap::value_parser!(u32).range(64..=16_384))]
    max_side: u32,
}

impl Describing {
    /// Lets a recipe take so many features, described so.
    ///
    /// # Errors
    /// The options do not go together.
    pub fn amend(&self, recipe: &mut Recipe, budget: usize) -> Result<()> {
        self.local.amend(recipe)?;
        recipe.local.budget = budget;
        recipe.pixels.max_side = self.max_side;
        Ok(())
    }
}
