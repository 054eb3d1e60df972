//! `vizsla match`: what two pictures have in common.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde::Serialize;
use vizsla_features::{
    Correspondence, Extractor, ExtractorConfig, Features, Frame, MatchConfig, Transform,
    TransformModel, Verification, VerifyConfig, match_descriptors, verify,
};
use vizsla_pixels::{DecodeOptions, Limits, Rgb};
use vizsla_retrieval::{PointPair, Recipe, Verdict, draw_pair};

use super::bounds::{self, Bounds};
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
    /// Most features taken of each picture
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = range::one_or_more)]
    budget: usize,
    /// Longest side at which the pictures are analysed, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 1024,
        value_parser = clap::value_parser!(u32).range(64..=16_384))]
    max_side: u32,
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

/// One picture as it was analysed.
struct View {
    path: String,
    picture: Rgb,
    features: Features,
    full: [u32; 2],
    /// Full-resolution pixels for each analysed pixel.
    zoom: f64,
}

/// What is reported of one picture.
#[derive(Serialize)]
struct Side<'a> {
    path: &'a str,
    size: [u32; 2],
    features: usize,
}

/// The answer as a script reads it. Points and transform are in full-resolution pixels.
#[derive(Serialize)]
struct Report<'a> {
    a: Side<'a>,
    b: Side<'a>,
    matches: usize,
    inliers: usize,
    verdict: Verdict,
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
        let config = ExtractorConfig {
            budget: self.budget,
            ..ExtractorConfig::default()
        };
        let extractor = config.extractor();
        let limits = self.bounds.limits();
        let view = |path: &Path| self.view(path, &*extractor, limits);
        let (a, b) = rayon::join(|| view(&self.a), || view(&self.b));
        let (a, b) = (bounds::advise(a)?, bounds::advise(b)?);
        let tentative = self.tentative(&a, &b);
        let sizes = [&a, &b].map(|view| {
            (
                f64::from(view.features.width),
                f64::from(view.features.height),
            )
        });
        let config = VerifyConfig {
            model: self.model.into(),
            threshold: self.threshold,
            ..VerifyConfig::default()
        };
        let found = verify(&tentative, sizes[0], sizes[1], &config);
        let report = Report::new(&a, &b, &tentative, found.as_ref());
        if let Some(file) = &self.draw {
            report.draw(&a, &b, file)?;
        }
        if self.json {
            output::json(&report)?;
        } else {
            output::show(&report.describe(self.draw.as_deref()))?;
        }
        Ok(Outcome::Done)
    }

    fn view(&self, path: &Path, extractor: &dyn Extractor, limits: Limits) -> Result<View> {
        let options = DecodeOptions {
            fit: Some(self.max_side),
            limits,
        };
        let decoded = vizsla_pixels::read_rgb(path, &options)?;
        let features = extractor.extract(&decoded.image.to_gray());
        Ok(View {
            path: path.display().to_string(),
            zoom: f64::from(decoded.full_width) / decoded.image.width().max(1) as f64,
            full: [decoded.full_width, decoded.full_height],
            picture: decoded.image,
            features,
        })
    }

    fn tentative(&self, a: &View, b: &View) -> Vec<Correspondence> {
        let config = MatchConfig {
            ratio: self.ratio,
            mutual: true,
        };
        match_descriptors(&a.features.descriptors, &b.features.descriptors, &config)
            .iter()
            .map(|found| Correspondence {
                from: frame(&a.features, found.a),
                to: frame(&b.features, found.b),
                weight: 1.0,
            })
            .collect()
    }
}

fn frame(features: &Features, index: u32) -> Frame {
    features.keypoints[index as usize].frame()
}

impl View {
    fn side(&self) -> Side<'_> {
        Side {
            path: &self.path,
            size: self.full,
            features: self.features.keypoints.len(),
        }
    }

    /// Analysed pixels to full-resolution pixels; centres of pixels have whole coordinates.
    fn to_full(&self) -> Transform {
        Transform::enlargement(self.zoom)
    }

    fn point(&self, frame: &Frame) -> [f32; 2] {
        [frame.x, frame.y].map(|v| ((v + 0.5) * self.zoom - 0.5) as f32)
    }
}

impl<'a> Report<'a> {
    fn new(
        a: &'a View,
        b: &'a View,
        tentative: &[Correspondence],
        found: Option<&Verification>,
    ) -> Self {
        let inliers = found.map(|found| &found.inliers[..]).unwrap_or_default();
        let pairs = inliers
            .iter()
            .filter_map(|&at| tentative.get(at as usize))
            .map(|c| Pair {
                a: a.point(&c.from),
                b: b.point(&c.to),
            })
            .collect();
        let transform = found.and_then(|found| {
            let back = a.to_full().inverse()?;
            Some(
                b.to_full()
                    .compose(&found.transform)
                    .compose(&back)
                    .normalised(),
            )
        });
        let bound = Recipe::default().search.verdict_log10_nfa;
        let sure = found.is_some_and(|found| found.log10_nfa <= bound);
        Self {
            a: a.side(),
            b: b.side(),
            matches: tentative.len(),
            inliers: inliers.len(),
            verdict: if sure {
                Verdict::Match
            } else {
                Verdict::NoMatch
            },
            log10_nfa: found.map(|found| found.log10_nfa),
            model: found.map(|found| model_name(found.model)),
            outline: transform.as_ref().and_then(|t| outline(t, a.full)),
            transform: transform.map(|t| t.0),
            pairs,
        }
    }

    fn draw(&self, a: &View, b: &View, file: &Path) -> Result<()> {
        let shrink = |point: [f32; 2], zoom: f64| point.map(|v| (f64::from(v) / zoom) as f32);
        let pairs: Vec<PointPair> = self
            .pairs
            .iter()
            .map(|pair| PointPair {
                query: shrink(pair.a, a.zoom),
                gallery: shrink(pair.b, b.zoom),
            })
            .collect();
        let transform = self.transform.map(Transform).and_then(|full| {
            let small = b.to_full().inverse()?.compose(&full).compose(&a.to_full());
            Some(small.0)
        });
        let drawing = draw_pair(&a.picture, &b.picture, &pairs, transform)?;
        picture::save(&drawing, file).context("the drawing could not be written")
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

/// Where the corners of the first picture land in the second, clockwise from the top left.
fn outline(transform: &Transform, [width, height]: [u32; 2]) -> Option<[[f64; 2]; 4]> {
    let corners = transform.project_box(0.0, 0.0, f64::from(width), f64::from(height))?;
    Some(corners.map(|(x, y)| [x, y]))
}
