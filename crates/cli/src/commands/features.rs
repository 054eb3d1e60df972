//! `vizsla features`: what a detector finds in a picture.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use vizsla_features::{DescriptorKind, Detectors};
use vizsla_retrieval::{DescribedPicture, Recipe, Source, describe_picture};

use super::bounds::{self, Bounds};
use super::describing::Describing;
use super::{Outcome, picture, range};
use crate::output;

/// Find the local features of a picture, and draw them
#[derive(Args)]
pub struct Arguments {
    /// The picture
    picture: PathBuf,
    /// Draw an ellipse for each feature, as large as what is described of it, into this PNG or JPEG file
    #[arg(long, value_name = "FILE")]
    draw: Option<PathBuf>,
    #[command(flatten)]
    describing: Describing,
    /// Most features taken
    #[arg(long, value_name = "N", default_value_t = 1200, value_parser = range::one_or_more)]
    budget: usize,
    /// Print one JSON object with all features and their descriptors
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    bounds: Bounds,
}

/// The answer as a script reads it. Places and scales are in full-resolution pixels.
#[derive(Serialize)]
struct Report {
    path: String,
    size: [u32; 2],
    detector: Detectors,
    descriptor: DescriptorKind,
    features: Vec<Feature>,
}

#[derive(Serialize)]
struct Feature {
    x: f64,
    y: f64,
    scale: f64,
    /// Radians from the x axis towards the downward y axis.
    angle: f32,
    /// The matrix of determinant 1 that makes a circle the ellipse that was described.
    shape: [[f64; 2]; 2],
    response: f32,
    descriptor: Vec<u8>,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        if let Some(file) = &self.draw {
            picture::check_ending(file)?;
        }
        let mut recipe = Recipe::default();
        self.describing.amend(&mut recipe, self.budget)?;
        let source = Source::File(&self.picture);
        let found = describe_picture(source, &recipe, self.bounds.limits());
        let found = bounds::advise(found.map_err(Into::into))?;
        if let Some(file) = &self.draw {
            picture::save(&found.draw(), file).context("the drawing could not be written")?;
        }
        if self.json {
            output::json(&self.report(&found, &recipe))?;
        } else {
            output::show(&self.describe(&found, &recipe))?;
        }
        Ok(Outcome::Done)
    }

    fn report(&self, found: &DescribedPicture, recipe: &Recipe) -> Report {
        let zoom = found.zoom();
        let both = found.features.keypoints.iter();
        let both = both.zip(&found.features.descriptors);
        let feature = both.map(|(keypoint, descriptor)| {
            let [x, y] = found.place(keypoint);
            Feature {
                x,
                y,
                scale: f64::from(keypoint.scale) * zoom,
                angle: keypoint.angle,
                shape: keypoint.shape.matrix(),
                response: keypoint.response,
                descriptor: descriptor.to_vec(),
            }
        });
        Report {
            path: self.picture.display().to_string(),
            size: found.size,
            detector: recipe.local.detector.clone(),
            descriptor: recipe.local.descriptor,
            features: feature.collect(),
        }
    }

    fn describe(&self, found: &DescribedPicture, recipe: &Recipe) -> String {
        let [width, height] = found.size;
        let mut scales: Vec<f64> = found
            .features
            .keypoints
            .iter()
            .map(|keypoint| f64::from(keypoint.scale) * found.zoom())
            .collect();
        scales.sort_by(f64::total_cmp);
        let mut text = format!(
            "{}: {width}x{height}, {} of {} with {}\n",
            self.picture.display(),
            output::plural(scales.len(), "feature"),
            recipe.local.detector,
            recipe.local.descriptor
        );
        if let (Some(least), Some(most)) = (scales.first(), scales.last()) {
            let middle = scales[scales.len() / 2];
            text.push_str(&format!(
                "scales from {least:.1} to {most:.1} pixels, half of them below {middle:.1}\n"
            ));
        }
        if let Some(file) = &self.draw {
            text.push_str(&format!("drawn: {}\n", file.display()));
        }
        text
    }
}
