//! Options of how two pictures are matched, and what they are to agree on.

use anyhow::{Result, bail};
use clap::Args;
use vizsla_features::{
    CrossCheck, Degeneracy, GeometryChoice, GeometryMethod, GeometryOption, GeometryRefusal,
    GuidedConfig, LocalOptimisation, MatchRule, NeighbourSearch, Rejection, SampleKind, Sampling,
    Scoring, SecondNeighbour, SpatialHypothesis, TwoViewModel,
};
use vizsla_retrieval::MatchOptions;

use super::range;

/// How two pictures are matched, and what they are to agree on.
#[derive(Args)]
pub struct Relating {
    /// The richest geometry looked for: similarity, affine, homography, or fundamental, the epipolar lines of a scene that is not flat
    /// (--geometry ransac and sequential) [default: homography; affine of hough]
    #[arg(long, value_name = "MODEL")]
    model: Option<TwoViewModel>,
    /// Largest distance of an inlier, in pixels of the analysed picture [default: 5]
    #[arg(long, value_name = "PIXELS", value_parser = range::positive)]
    threshold: Option<f64>,
    /// Largest ratio of the nearest to the second nearest descriptor distance; 1 keeps every nearest
    #[arg(long, default_value_t = 0.8, value_parser = range::ratio)]
    ratio: f32,
    #[command(flatten)]
    matching: Matching,
    #[command(flatten)]
    geometry: Geometry,
}

/// Which features may show the same.
#[derive(Args)]
#[command(next_help_heading = "Which features may show the same (vizsla methods matching)")]
struct Matching {
    /// What is asked of the other direction: one_way (nothing), mutual (each other's nearest), symmetric (the ratio both ways as well)
    /// [default: mutual]
    #[arg(long, value_name = "CHECK")]
    check: Option<CrossCheck>,
    /// What the nearest is compared with: nearest (the second nearest, wherever it is), inconsistent (the nearest at another
    /// place, FGINN) [default: nearest]
    #[arg(long, value_name = "WHICH")]
    second: Option<SecondNeighbour>,
    /// How the nearest are found: exact, kd_forest, lsh [default: exact]
    #[arg(long, value_name = "SEARCH")]
    neighbours: Option<NeighbourSearch>,
    /// Largest distance of two descriptors that match [default: any]
    #[arg(long, value_name = "DISTANCE", value_parser = range::positive)]
    max_distance: Option<f64>,
}

/// What they are to agree on.
#[derive(Args)]
#[command(next_help_heading = "What they are to agree on (vizsla methods geometry)")]
struct Geometry {
    /// How it is found: verify (the verdict of a search), ransac, spatial, hough and sequential (several objects), local_consistency
    /// (no model of the whole) [default: verify]
    #[arg(long, value_name = "METHOD")]
    geometry: Option<GeometryMethod>,
    /// Match again where the geometry that was found allows; what is found is drawn and fitted, the verdict stays
    #[arg(long)]
    guided: bool,
    /// What one correspondence proposes (spatial): scale, anisotropic, upright, similarity, affine [default: affine]
    #[arg(long, value_name = "WHAT")]
    hypothesis: Option<SpatialHypothesis>,
    /// What minimal samples are made of (ransac, sequential): points, frames (scale, direction and shape count) [default: points]
    #[arg(long, value_name = "KIND")]
    sample: Option<SampleKind>,
    /// Which samples are drawn (ransac, sequential): uniform, prosac (the clearest matches first) [default: uniform]
    #[arg(long, value_name = "HOW")]
    sampling: Option<Sampling>,
    /// What the best is (ransac, sequential): inlier_count, msac, magsac [default: msac]
    #[arg(long, value_name = "HOW")]
    scoring: Option<Scoring>,
    /// What is done with every new best (ransac, sequential): off, iterated, lo_ransac, lo_plus [default: iterated]
    #[arg(long, value_name = "HOW")]
    local_optimisation: Option<LocalOptimisation>,
    /// How a hopeless sample is told early (ransac, sequential): off, tdd, sprt [default: off]
    #[arg(long, value_name = "HOW")]
    rejection: Option<Rejection>,
    /// What is done about a dominant plane (--model fundamental): ignore, degensac [default: degensac]
    #[arg(long, value_name = "HOW")]
    degeneracy: Option<Degeneracy>,
    /// Most objects that are looked for (hough, sequential) [default: 16]
    #[arg(long, value_name = "N", value_parser = range::one_or_more)]
    objects: Option<usize>,
    /// Start of the random generator (ransac, sequential) [default: 0]
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
}

impl Relating {
    /// Whether an option says more than the model, the threshold and the ratio of a search's verdict: what is reported then is more, too.
    pub fn is_chosen(&self) -> bool {
        let Matching {
            check,
            second,
            neighbours,
            max_distance,
        } = &self.matching;
        let matching =
            check.is_some() || second.is_some() || neighbours.is_some() || max_distance.is_some();
        let usual = GeometryChoice {
            model: self.model,
            threshold: self.threshold,
            ..GeometryChoice::default()
        };
        matching || self.geometry.geometry.is_some() || self.choice() != usual
    }

    /// Lets two pictures be compared so.
    ///
    /// # Errors
    /// The options do not go together.
    pub fn amend(&self, options: &mut MatchOptions) -> Result<()> {
        let usual = MatchRule::default();
        let matching = &self.matching;
        options.rule = MatchRule {
            ratio: self.ratio,
            check: matching.check.unwrap_or(usual.check),
            second: matching.second.unwrap_or(usual.second),
            max_distance: (matching.max_distance)
                .map_or(usual.max_distance, |distance| distance as f32),
            ..usual
        };
        if matching.second.is_some() && self.ratio >= 1.0 {
            bail!(
                "--second means nothing to --ratio 1, which keeps every nearest neighbour; choose a ratio below 1, or leave one of them out"
            );
        }
        if matching.check == Some(CrossCheck::Symmetric) && self.ratio >= 1.0 {
            bail!(
                "--check symmetric asks for the ratio both ways, and --ratio 1 keeps every nearest neighbour; choose a ratio below 1, or --check mutual"
            );
        }
        options.neighbours = matching.neighbours.unwrap_or_default();
        let choice = self.choice();
        options.geometry = choice
            .settle()
            .map_err(|refused| anyhow::anyhow!(told(&refused)))?;
        options.guided = choice.guided.then(|| GuidedConfig {
            radius: self.threshold.unwrap_or(GeometryChoice::THRESHOLD),
            ..GuidedConfig::default()
        });
        Ok(())
    }

    fn choice(&self) -> GeometryChoice {
        let of = &self.geometry;
        GeometryChoice {
            method: of.geometry.unwrap_or_default(),
            model: self.model,
            threshold: self.threshold,
            hypothesis: of.hypothesis,
            sample: of.sample,
            sampling: of.sampling,
            scoring: of.scoring,
            local: of.local_optimisation,
            rejection: of.rejection,
            degeneracy: of.degeneracy,
            objects: of.objects,
            seed: of.seed,
            guided: of.guided,
        }
    }
}

/// What is wrong with a choice, in the words of the command line, and what is possible.
fn told(refused: &GeometryRefusal) -> String {
    match *refused {
        GeometryRefusal::Option { option, method } => {
            let has = method.options().iter().copied().map(flag);
            let has: Vec<String> = has.collect();
            let has = match has.is_empty() {
                true => "no options".to_owned(),
                false => has.join(", "),
            };
            let having = |method: &GeometryMethod| method.options().contains(&option);
            format!(
                "{} means nothing to --geometry {method}, which has {has}; choose among these, or --geometry {}",
                flag(option),
                methods(having)
            )
        }
        GeometryRefusal::Model { model, method } => {
            let having = |method: &GeometryMethod| method.models().contains(&model);
            let models: Vec<&str> = method.models().iter().map(|model| model.name()).collect();
            format!(
                "--geometry {method} finds no {model}; choose --model {}, or --geometry {}",
                models.join("|"),
                methods(having)
            )
        }
        GeometryRefusal::NotEpipolar => {
            "--degeneracy is about the fundamental matrix; add --model fundamental, or leave it out"
                .to_owned()
        }
        _ => refused.to_string(),
    }
}

fn flag(option: GeometryOption) -> String {
    format!("--{}", option.name().replace('_', "-"))
}

/// Methods of a kind, to choose from.
fn methods(having: impl Fn(&GeometryMethod) -> bool) -> String {
    let methods = GeometryMethod::ALL.into_iter().filter(having);
    let names: Vec<&str> = methods.map(GeometryMethod::name).collect();
    names.join("|")
}
