//! `vizsla match`: what two pictures have in common.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde::Serialize;
use vizsla_features::{Transform, TransformModel};
use vizsla_retrieval::{
    ComparedPicture, MatchOptions, PictureMatch, Source, Verdict, match_pictures,
};

use super::bounds::{self, Bounds};
use super::describing::Describing;
use super::{Outcome, picture, range};
use crate::output;

/// Match two pictures: correspondences, inliers and the transform between them
#[derive(Args)]
pub struct Arguments {
    /// The first picture
    a: PathBuf,
    /// The second picture
    b: PathBuf,
    /// Draw both side by side with the inliers joined by lines, into this PNG or JPEG file
    #[arg(long, value_name = "FILE")]
    draw: Option<PathBuf>,
    /// The richest transform looked for
    #[arg(long, value_enum, default_value_t = Model::Homography)]
    model: Model,
    /// Largest distance of an inlier, in pixels of the analysed picture
    #[arg(long, value_name = "PIXELS", default_value_t = 5.0, value_parser = range::positive)]
    threshold: f64,
    /// Largest ratio of the nearest to the second nearest descriptor distance
    #[arg(long, default_value_t = 0.8, value_parser = range::ratio)]
    ratio: f32,
    #[command(flatten)]
    describing: Describing,
    /// Most features taken of each picture
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = range::one_or_more)]
    budget: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    bounds: Bounds,
}

/// A family of transforms by its name on the command line.
#[derive(Clone, Copy, ValueEnum)]
enum Model {
    Similarity,
    Affine,
    Homography,
}

impl From<Model> for TransformModel {
    fn from(model: Model) -> Self {
        match model {
            Model::Similarity => Self::Similarity,
            Model::Affine => Self::Affine,
            Model::Homography => Self::Homography,
        }
    }
}

/// What is reported of one picture.
#[derive(Serialize)]
struct Side {
    path: String,
    size: [u32; 2],
    features: usize,
}

/// The answer as a script reads it. Points and transform are in full-resolution pixels.
#[derive(Serialize)]
struct Report {
    a: Side,
    b: Side,
    matches: usize,
    inliers: usize,
    verdict: Verdict,
    /// Share of what both could have in common that agrees.
    coverage: Option<f64>,
    log10_nfa: Option<f64>,
    model: Option<&'static str>,
    transform: Option<[[f64; 3]; 3]>,
    outline: Option<[[f64; 2]; 4]>,
    pairs: Vec<Pair>,
}

#[derive(Serialize)]
struct Pair {
    a: [f32; 2],
    b: [f32; 2],
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        if let Some(file) = &self.draw {
            picture::check_ending(file)?;
        }
        let mut options = MatchOptions {
            model: self.model.into(),
            threshold: self.threshold,
            ratio: self.ratio,
            limits: self.bounds.limits(),
            ..MatchOptions::default()
        };
        self.describing.amend(&mut options.recipe, self.budget)?;
        let found = match_pictures(Source::File(&self.a), Source::File(&self.b), &options);
        let found = bounds::advise(found.map_err(Into::into))?;
        let report = Report::new(&self.a, &self.b, &found);
        if let Some(file) = &self.draw {
            picture::save(&found.draw()?, file).context("the drawing could not be written")?;
        }
        if self.json {
            output::json(&report)?;
        } else {
            output::show(&report.describe(self.draw.as_deref()))?;
        }
        Ok(Outcome::Done)
    }
}

impl Side {
    fn new(path: &Path, compared: &ComparedPicture) -> Self {
        Self {
            path: path.display().to_string(),
            size: compared.size,
            features: compared.features,
        }
    }
}

impl Report {
    fn new(a: &Path, b: &Path, found: &PictureMatch) -> Self {
        let agreement = found.agreement.as_ref();
        let pairs = agreement.map(|agreement| &agreement.pairs[..]);
        let pairs = pairs.unwrap_or_default().iter().map(|pair| Pair {
            a: pair.query,
            b: pair.gallery,
        });
        Self {
            a: Side::new(a, &found.left),
            b: Side::new(b, &found.right),
            matches: found.tentative,
            inliers: agreement.map_or(0, |agreement| agreement.inliers),
            verdict: found.verdict,
            coverage: agreement.map(|agreement| agreement.coverage),
            log10_nfa: agreement.map(|agreement| agreement.log10_nfa),
            model: found.model.map(model_name),
            transform: agreement.map(|agreement| Transform(agreement.transform).normalised().0),
            outline: agreement.and_then(|agreement| agreement.outline),
            pairs: pairs.collect(),
        }
    }

    fn describe(&self, drawn: Option<&Path>) -> String {
        let mut text = String::new();
        for side in [&self.a, &self.b] {
            let [width, height] = side.size;
            let features = output::plural(side.features, "feature");
            text.push_str(&format!("{}: {width}x{height}, {features}\n", side.path));
        }
        let verdict = match self.verdict {
            Verdict::Match => "match",
            Verdict::NoMatch => "no match",
        };
        text.push_str(&format!(
            "{verdict}: {} of {} agree",
            output::count(self.inliers),
            output::plural(self.matches, "correspondence")
        ));
        if let (Some(model), Some(nfa)) = (self.model, self.log10_nfa) {
            text.push_str(&format!(
                " on one {model}; chance would give as many 10^{nfa:.1} times"
            ));
        }
        if let (Verdict::NoMatch, Some(coverage)) = (self.verdict, self.coverage) {
            text.push_str(&format!(
                "; they cover {:.1} % of what both show",
                100.0 * coverage
            ));
        }
        text.push('\n');
        for row in self.transform.iter().flatten() {
            let cells: Vec<String> = row.iter().map(|v| format!("{v:>14.6}")).collect();
            text.push_str(&format!("  {}\n", cells.join(" ")));
        }
        if let Some(file) = drawn {
            text.push_str(&format!("drawn: {}\n", file.display()));
        }
        text
    }
}

fn model_name(model: TransformModel) -> &'static str {
    match model {
        TransformModel::Similarity => "similarity",
        TransformModel::Affine => "affine map",
        TransformModel::Homography => "homography",
    }
}
