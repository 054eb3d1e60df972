//! Options of which local features are taken, the same for every verb that takes some.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use vizsla_features::{DescriptorKind, Detectors};
use vizsla_retrieval::{LocalRecipe, Recipe};

/// Which local features are taken.
#[derive(Args)]
pub struct Local {
    /// What finds local features, dog where nothing is said: dog, harris_laplace, hessian_laplace, harris_affine, hessian_affine,
    /// mser, fast_hessian, fast, orb, dense, xfeat; several share the budget: dog+mser
    #[arg(long, value_name = "DETECTOR")]
    detector: Option<Detectors>,
    /// What describes them, root_sift where nothing is said: root_sift, sift, surf, surf_extended, lbp, cs_lbp, brief,
    /// dsp_sift, xfeat; a collection needs --codebook for others than root_sift
    #[arg(long, value_name = "DESCRIPTOR")]
    descriptor: Option<DescriptorKind>,
    /// The network of xfeat, an ONNX file; a collection keeps a copy of it
    #[arg(long, value_name = "FILE")]
    local_model: Option<PathBuf>,
}

impl Local {
    pub fn is_empty(&self) -> bool {
        self.detector.is_none() && self.descriptor.is_none() && self.local_model.is_none()
    }

    /// The network's file, where one is named.
    pub fn model(&self) -> Option<&PathBuf> {
        self.local_model.as_ref()
    }

    /// Names detector and descriptor in a recipe; the network is left as it is.
    ///
    /// # Errors
    /// A network is given to features that need none.
    pub fn choose(&self, local: &mut LocalRecipe) -> Result<()> {
        local.choose(self.detector.clone(), self.descriptor);
        let learned = local.detector.is_learned() || local.descriptor.is_learned();
        if self.local_model.is_some() && !learned {
            bail!(
                "--local-model is the network of xfeat, and {} with {} needs none; add --detector xfeat, or leave it out",
                local.detector,
                local.descriptor
            );
        }
        Ok(())
    }

    /// The standard recipe with these features, for work outside of a collection: its network is named by its file.
    ///
    /// # Errors
    /// The options do not go together.
    pub fn recipe(&self) -> Result<Recipe> {
        let mut recipe = Recipe::default();
        self.amend(&mut recipe)?;
        Ok(recipe)
    }

    /// The same on top of another recipe.
    ///
    /// # Errors
    /// The options do not go together.
    pub fn amend(&self, recipe: &mut Recipe) -> Result<()> {
        self.choose(&mut recipe.local)?;
        if let Some(file) = &self.local_model {
            let Some(name) = file.to_str() else {
                bail!(
                    "the name of this file is no text in UTF-8; give it another: {}",
                    file.display()
                );
            };
            recipe.local.model = name.to_owned();
        }
        Ok(())
    }
}
