//! What a person chooses of the geometry between two images.
//!
//! A person names a [`GeometryMethod`] and what is not as usual. [`GeometryChoice`] makes the [`GeometryConfig`] of it, and refuses
//! what means nothing to the method.

use super::geometry_config::GeometryConfig;
use super::geometry_method::{GeometryMethod, GeometryOption};
use super::hough::HoughConfig;
use super::local_consistency::LocalConsistencyConfig;
use super::ransac_config::{
    Degeneracy, LocalOptimisation, RansacConfig, Rejection, Sampling, Scoring,
};
use super::sequential::SequentialConfig;
use super::spatial::{SpatialConfig, SpatialHypothesis};
use super::two_view::{SampleKind, TwoViewModel};
use super::verify::VerifyConfig;

/// A method, and what of its configuration is not as usual.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct GeometryChoice {
    /// The method.
    pub method: GeometryMethod,
    /// The family that is looked for; left out, homographies, and of [`GeometryMethod::Hough`] affine maps.
    pub model: Option<TwoViewModel>,
    /// Largest error of an inlier, pixels; left out, [`GeometryChoice::THRESHOLD`].
    pub threshold: Option<f64>,
    /// What one correspondence proposes.
    pub hypothesis: Option<SpatialHypothesis>,
    /// What minimal samples are made of.
    pub sample: Option<SampleKind>,
    /// Which samples are drawn.
    pub sampling: Option<Sampling>,
    /// What the best geometry is.
    pub scoring: Option<Scoring>,
    /// What is done with every new best.
    pub local: Option<LocalOptimisation>,
    /// How a hopeless geometry is told early.
    pub rejection: Option<Rejection>,
    /// What is done about a dominant plane; only of a fundamental matrix.
    pub degeneracy: Option<Degeneracy>,
    /// Most geometries that are kept.
    pub objects: Option<usize>,
    /// Start of the random generator.
    pub seed: Option<u64>,
    /// Whether the features are to be matched again where the geometry allows, by [`match_guided`](crate::match_guided).
    pub guided: bool,
}

/// Why a choice means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GeometryRefusal {
    /// The method has no such option.
    #[error("`{option}` means nothing to {method}; it has {}", names(method.options()))]
    Option {
        /// What was chosen.
        option: GeometryOption,
        /// The method.
        method: GeometryMethod,
    },
    /// The method does not look for the family.
    #[error("{method} finds no {model}; choose {}", models(*method))]
    Model {
        /// The family.
        model: TwoViewModel,
        /// The method.
        method: GeometryMethod,
    },
    /// An option that only a fundamental matrix has.
    #[error("`degeneracy` is about the fundamental matrix; choose that model, or leave it out")]
    NotEpipolar,
}

fn names(options: &[GeometryOption]) -> String {
    let names: Vec<&str> = options.iter().map(|option| option.name()).collect();
    match names.is_empty() {
        true => "none".to_owned(),
        false => names.join(", "),
    }
}

fn models(method: GeometryMethod) -> String {
    let names: Vec<&str> = method.models().iter().map(|model| model.name()).collect();
    names.join(", ")
}

impl GeometryChoice {
    /// Largest error of an inlier, pixels, where nothing is said.
    pub const THRESHOLD: f64 = 5.0;

    /// The configuration.
    ///
    /// # Errors
    /// Something was chosen that means nothing to the method.
    pub fn settle(&self) -> Result<GeometryConfig, GeometryRefusal> {
        let method = self.method;
        let refused = (self.chosen()).find(|option| !method.options().contains(option));
        if let Some(option) = refused {
            return Err(GeometryRefusal::Option { option, method });
        }
        if let Some(model) = self.model.filter(|model| !method.models().contains(model)) {
            return Err(GeometryRefusal::Model { model, method });
        }
        let model = self.model.unwrap_or_default();
        if self.degeneracy.is_some() && model != TwoViewModel::Fundamental {
            return Err(GeometryRefusal::NotEpipolar);
        }
        let threshold = self.threshold.unwrap_or(Self::THRESHOLD);
        let of_plane = || {
            let plane = model.plane();
            plane.ok_or(GeometryRefusal::Model { model, method })
        };
        let stop = SequentialConfig::default();
        Ok(match method {
            GeometryMethod::Verify => GeometryConfig::Verify(VerifyConfig {
                model: of_plane()?,
                threshold,
                ..VerifyConfig::default()
            }),
            GeometryMethod::Spatial => GeometryConfig::Spatial(SpatialConfig {
                hypothesis: self.hypothesis.unwrap_or_default(),
                model: of_plane()?,
                threshold,
                ..SpatialConfig::default()
            }),
            GeometryMethod::Ransac => GeometryConfig::Ransac(self.ransac(model, threshold)),
            GeometryMethod::Sequential => GeometryConfig::Sequential(
                self.ransac(model, threshold),
                SequentialConfig {
                    max_objects: self.objects.unwrap_or(stop.max_objects),
                    ..stop
                },
            ),
            GeometryMethod::Hough => GeometryConfig::Hough(
                HoughConfig {
                    // Poses mean as much as objects found one after another.
                    max_log10_nfa: stop.max_log10_nfa,
                    ..HoughConfig::default()
                },
                self.objects.unwrap_or(stop.max_objects),
            ),
            GeometryMethod::LocalConsistency => {
                GeometryConfig::LocalConsistency(LocalConsistencyConfig::default())
            }
        })
    }

    /// What is not left out.
    fn chosen(&self) -> impl Iterator<Item = GeometryOption> {
        let told = [
            (GeometryOption::Model, self.model.is_some()),
            (GeometryOption::Threshold, self.threshold.is_some()),
            (GeometryOption::Hypothesis, self.hypothesis.is_some()),
            (GeometryOption::Sample, self.sample.is_some()),
            (GeometryOption::Sampling, self.sampling.is_some()),
            (GeometryOption::Scoring, self.scoring.is_some()),
            (GeometryOption::LocalOptimisation, self.local.is_some()),
            (GeometryOption::Rejection, self.rejection.is_some()),
            (GeometryOption::Degeneracy, self.degeneracy.is_some()),
            (GeometryOption::Objects, self.objects.is_some()),
            (GeometryOption::Seed, self.seed.is_some()),
            (GeometryOption::Guided, self.guided),
        ];
        let told = told.into_iter().filter(|(_, chosen)| *chosen);
        told.map(|(option, _)| option)
    }

    fn ransac(&self, model: TwoViewModel, threshold: f64) -> RansacConfig {
        let usual = RansacConfig::default();
        RansacConfig {
            model,
            sample: self.sample.unwrap_or(usual.sample),
            sampling: self.sampling.unwrap_or(usual.sampling),
            scoring: self.scoring.unwrap_or(usual.scoring),
            local: self.local.unwrap_or(usual.local),
            rejection: self.rejection.unwrap_or(usual.rejection),
            degeneracy: self.degeneracy.unwrap_or(usual.degeneracy),
            threshold,
            seed: self.seed.unwrap_or(usual.seed),
            ..usual
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Correspondence, Frame, Transform};
    use super::*;
    use crate::shape::Shape;

    const SIZE: (f64, f64) = (640.0, 480.0);

    /// Frames on a grid and what a map makes of them, with as many pairs at random.
    fn pairs(map: &Transform) -> Vec<Correspondence> {
        let frame = |x: f64, y: f64, scale: f64, angle: f64| Frame {
            x,
            y,
            scale,
            angle,
            shape: Shape::CIRCLE,
        };
        let mut state = 5u32;
        let mut next = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1u32 << 24)
        };
        let mut all = Vec::new();
        for i in 0..60 {
            let (x, y) = (
                40.0 + 55.0 * f64::from(i % 10),
                50.0 + 60.0 * f64::from(i / 10),
            );
            let (u, v) = map.apply(x, y).unwrap();
            let [[a, _, _], [b, _, _], _] = map.0;
            all.push(Correspondence {
                from: frame(x, y, 4.0, 0.1),
                to: frame(u, v, 4.0 * a.hypot(b), 0.1 + b.atan2(a)),
                weight: 1.0,
            });
            all.push(Correspondence {
                from: frame(640.0 * next(), 480.0 * next(), 3.0, 6.0 * next()),
                to: frame(640.0 * next(), 480.0 * next(), 5.0, 6.0 * next()),
                weight: 0.5,
            });
        }
        all
    }

    #[test]
    fn each_method_finds_the_map_that_half_agree_on() {
        let map = Transform::similarity(0.8, 0.3, 60.0, -20.0);
        let pairs = pairs(&map);
        for method in GeometryMethod::ALL {
            let choice = GeometryChoice {
                method,
                ..GeometryChoice::default()
            };
            let config = choice.settle().unwrap();
            assert_eq!(config.method(), method);
            let found = config.find(&pairs, SIZE, SIZE);
            let first = found.first().unwrap();
            let right = first.inliers.iter().filter(|&&i| i % 2 == 0).count();
            assert!(right >= 55 && first.inliers.len() < right + 6, "{method}");
            let Some((model, geometry)) = first.geometry else {
                assert_eq!(method, GeometryMethod::LocalConsistency);
                continue;
            };
            assert!(method.models().contains(&model));
            assert!(first.log10_nfa.unwrap() < -50.0, "{method}");
            let (u, v) = geometry.transform().unwrap().apply(300.0, 200.0).unwrap();
            let (p, q) = map.apply(300.0, 200.0).unwrap();
            assert!((u - p).hypot(v - q) < 0.5, "{method}: {u} {v} for {p} {q}");
        }
    }

    #[test]
    fn every_family_of_a_method_is_settled_and_no_other() {
        for method in GeometryMethod::ALL {
            for model in TwoViewModel::ALL {
                let choice = GeometryChoice {
                    method,
                    model: Some(model),
                    ..GeometryChoice::default()
                };
                let settled = choice.settle();
                assert_eq!(
                    settled.is_ok(),
                    method.models().contains(&model),
                    "{method}"
                );
            }
        }
    }

    #[test]
    fn what_means_nothing_is_refused_with_what_does() {
        let of = |method, choice: GeometryChoice| GeometryChoice { method, ..choice }.settle();
        let usual = GeometryChoice::default();
        let guided = GeometryChoice {
            guided: true,
            ..usual
        };
        assert!(of(GeometryMethod::Ransac, guided).is_ok());
        let refused = of(GeometryMethod::LocalConsistency, guided).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "`guided` means nothing to local_consistency; it has none"
        );
        let scored = GeometryChoice {
            scoring: Some(Scoring::Magsac),
            ..usual
        };
        let refused = of(GeometryMethod::Verify, scored).unwrap_err().to_string();
        assert_eq!(
            refused,
            "`scoring` means nothing to verify; it has model, threshold, guided"
        );
        let epipolar = GeometryChoice {
            model: Some(TwoViewModel::Fundamental),
            degeneracy: Some(Degeneracy::Ignore),
            ..usual
        };
        assert!(of(GeometryMethod::Ransac, epipolar).is_ok());
        let plane = GeometryChoice {
            model: None,
            ..epipolar
        };
        let refused = of(GeometryMethod::Ransac, plane).unwrap_err();
        assert_eq!(refused, GeometryRefusal::NotEpipolar);
        let epipolar = GeometryChoice {
            degeneracy: None,
            ..epipolar
        };
        let refused = of(GeometryMethod::Spatial, epipolar).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "spatial finds no fundamental; choose similarity, affine, homography"
        );
    }

    #[test]
    fn nothing_is_found_in_nothing() {
        for method in GeometryMethod::ALL {
            let choice = GeometryChoice {
                method,
                ..GeometryChoice::default()
            };
            let config = choice.settle().unwrap();
            assert!(config.find(&[], SIZE, SIZE).is_empty());
            let one = &pairs(&Transform::IDENTITY)[..1];
            assert!(config.find(one, SIZE, SIZE).is_empty(), "{method}");
            assert!(config.find(one, (0.0, 0.0), (f64::NAN, 1.0)).is_empty());
        }
    }
}
