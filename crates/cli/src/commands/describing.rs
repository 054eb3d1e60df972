//! Options of how a picture is described where no collection says it.

use clap::Args;
use vizsla_features::{DescriptorKind, Detector};
use vizsla_retrieval::Recipe;

/// How a picture is described.
#[derive(Args)]
pub struct Describing {
    /// What finds local features: dog, harris_laplace, hessian_laplace, harris_affine, hessian_affine, mser, fast_hessian, fast,
    /// orb, dense
    #[arg(long, value_name = "DETECTOR", default_value_t = Detector::default())]
    pub detector: Detector,
    /// What describes them: root_sift, sift, surf, surf_extended, lbp, cs_lbp, brief, dsp_sift
    #[arg(long, value_name = "DESCRIPTOR", default_value_t = DescriptorKind::default())]
    pub descriptor: DescriptorKind,
    /// Longest side at which a picture is analysed, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 1024,
        value_parser = clap::value_parser!(u32).range(64..=16_384))]
    max_side: u32,
}

impl Describing {
    /// Lets a recipe take so many features, described so.
    pub fn amend(&self, recipe: &mut Recipe, budget: usize) {
        recipe.local.detector = self.detector;
        recipe.local.descriptor = self.descriptor;
        recipe.local.budget = budget;
        recipe.pixels.max_side = self.max_side;
    }
}
