//! `vizsla match`: what two pictures have in common.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use vizsla_features::{GeometryMethod, MatchRule, NeighbourSearch, TwoViewModel};
use vizsla_retrieval::{
    ComparedPicture, MatchOptions, MatchTimes, PairObject, PictureMatch, Source, Verdict,
    match_pictures,
};

use super::bounds::{self, Bounds};
use super::describing::Describing;
use super::relating::Relating;
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
    #[command(flatten)]
    relating: Relating,
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
    verdict: Option<Verdict>,
    /// Share of what both could have in common that agrees.
    coverage: Option<f64>,
    log10_nfa: Option<f64>,
    model: Option<&'static str>,
    transform: Option<[[f64; 3]; 3]>,
    outline: Option<[[f64; 2]; 4]>,
    pairs: Vec<Pair>,
    /// What more there is to say where more was chosen than the verdict of a search.
    #[serde(flatten)]
    more: Option<More>,
}

#[derive(Serialize)]
struct Pair {
    a: [f32; 2],
    b: [f32; 2],
}

/// How the pictures were matched, and all that was found.
#[derive(Serialize)]
struct More {
    matching: Tentative,
    geometry: GeometryMethod,
    /// Pairs of guided matching, of all objects together.
    guided: Option<usize>,
    /// Milliseconds.
    ms: Milliseconds,
    objects: Vec<Object>,
}

#[derive(Serialize)]
struct Tentative {
    neighbours: NeighbourSearch,
    #[serde(flatten)]
    rule: MatchRule,
}

#[derive(Serialize)]
struct Milliseconds {
    describing: f64,
    matching: f64,
    geometry: f64,
}

/// What part of the pairs agrees on.
#[derive(Serialize)]
struct Object {
    model: Option<TwoViewModel>,
    /// The map of the plane from the first to the second picture.
    transform: Option<[[f64; 3]; 3]>,
    /// The fundamental matrix F, with b' F a = 0.
    fundamental: Option<[[f64; 3]; 3]>,
    inliers: usize,
    guided: Option<usize>,
    log10_nfa: Option<f64>,
    coverage: Option<f64>,
    outline: Option<[[f64; 2]; 4]>,
    pairs: Vec<Pair>,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        if let Some(file) = &self.draw {
            picture::check_ending(file)?;
        }
        let mut options = MatchOptions {
            limits: self.bounds.limits(),
            ..MatchOptions::default()
        };
        self.relating.amend(&mut options)?;
        self.describing.amend(&mut options.recipe, self.budget)?;
        let found = match_pictures(Source::File(&self.a), Source::File(&self.b), &options);
        let found = bounds::advise(found.map_err(Into::into))?;
        let mut report = Report::new(&self.a, &self.b, &found);
        if self.relating.is_chosen() {
            report.more = Some(More::new(&options, &found));
        }
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

/// The pairs that agree, as they are reported.
fn pairs(object: &PairObject) -> Vec<Pair> {
    let pairs = object.pairs.iter().map(|pair| Pair {
        a: pair.query,
        b: pair.gallery,
    });
    pairs.collect()
}

impl More {
    fn new(options: &MatchOptions, found: &PictureMatch) -> Self {
        let guided = found.objects.iter().filter_map(|object| object.guided);
        Self {
            matching: Tentative {
                neighbours: options.neighbours,
                rule: options.rule,
            },
            geometry: options.geometry.method(),
            guided: options.guided.map(|_| guided.sum()),
            ms: Milliseconds::from(&found.times),
            objects: found.objects.iter().map(Object::from).collect(),
        }
    }
}

impl From<&MatchTimes> for Milliseconds {
    fn from(times: &MatchTimes) -> Self {
        let rounded = |time: std::time::Duration| (1e6 * time.as_secs_f64()).round() / 1e3;
        Self {
            describing: rounded(times.describing),
            matching: rounded(times.matching),
            geometry: rounded(times.geometry),
        }
    }
}

impl From<&PairObject> for Object {
    fn from(object: &PairObject) -> Self {
        let agreement = object.agreement.as_ref();
        Self {
            model: object.model,
            transform: object.transform().map(|t| t.normalised().0),
            fundamental: object.fundamental().map(|f| f.0),
            inliers: object.inliers,
            guided: object.guided,
            log10_nfa: object.log10_nfa,
            coverage: agreement.map(|agreement| agreement.coverage),
            outline: agreement.and_then(|agreement| agreement.outline),
            pairs: pairs(object),
        }
    }
}

impl Report {
    fn new(a: &Path, b: &Path, found: &PictureMatch) -> Self {
        let first = found.objects.first();
        let agreement = found.agreement();
        Self {
            a: Side::new(a, &found.left),
            b: Side::new(b, &found.right),
            matches: found.tentative,
            inliers: first.map_or(0, |first| first.inliers),
            verdict: found.verdict,
            coverage: agreement.map(|agreement| agreement.coverage),
            log10_nfa: first.and_then(|first| first.log10_nfa),
            model: found.model().map(model_name),
            transform: first.and_then(|first| Some(first.transform()?.normalised().0)),
            outline: agreement.and_then(|agreement| agreement.outline),
            pairs: first.map(pairs).unwrap_or_default(),
            more: None,
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
            Some(Verdict::Match) => "match",
            Some(Verdict::Part) => "part",
            Some(Verdict::NoMatch) => "no match",
            None => "no verdict",
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
        if let (Some(Verdict::NoMatch | Verdict::Part), Some(coverage)) =
            (self.verdict, self.coverage)
        {
            text.push_str(&format!(
                "; they cover {:.1} % of what both show",
                100.0 * coverage
            ));
        }
        text.push('\n');
        match &self.more {
            Some(more) => more.describe(&mut text),
            None => text.push_str(&self.transform.map_or(String::new(), |t| map(&t))),
        }
        if let Some(file) = drawn {
            text.push_str(&format!("drawn: {}\n", file.display()));
        }
        text
    }
}

impl More {
    fn describe(&self, text: &mut String) {
        for (number, object) in self.objects.iter().enumerate() {
            if self.geometry.is_plural() {
                let model = object.model.map_or("", model_name);
                let inliers = output::plural(object.inliers, "correspondence");
                text.push_str(&format!("object {}: {inliers} on one {model}", number + 1));
                if let Some(nfa) = object.log10_nfa {
                    text.push_str(&format!(", by chance 10^{nfa:.1} times"));
                }
                text.push('\n');
            }
            if let Some(guided) = object.guided {
                let guided = output::plural(guided, "pair");
                text.push_str(&format!("guided by it: {guided}\n"));
            }
            if let Some(transform) = &object.transform {
                text.push_str(&map(transform));
            }
            if let Some(fundamental) = &object.fundamental {
                // Its entries differ by powers of the size of a picture.
                text.push_str(&rows(fundamental, |v| format!("{v:>14.6e}")));
            }
        }
        let Milliseconds {
            describing,
            matching,
            geometry,
        } = self.ms;
        text.push_str(&format!(
            "{describing:.0} ms to read and describe, {matching:.1} ms to match, {geometry:.1} ms by {}\n",
            self.geometry
        ));
    }
}

fn map(transform: &[[f64; 3]; 3]) -> String {
    rows(transform, |v| format!("{v:>14.6}"))
}

fn rows(matrix: &[[f64; 3]; 3], cell: impl Fn(&f64) -> String) -> String {
    let row = |row: &[f64; 3]| row.iter().map(&cell).collect::<Vec<_>>().join(" ");
    matrix.iter().map(|r| format!("  {}\n", row(r))).collect()
}

fn model_name(model: TwoViewModel) -> &'static str {
    match model {
        TwoViewModel::Similarity => "similarity",
        TwoViewModel::Affine => "affine map",
        TwoViewModel::Homography => "homography",
        TwoViewModel::Fundamental => "fundamental matrix",
    }
}
