//! What a pair costs a geometry, by its error.

use super::consensus::BLOCK;
use super::magsac::Tables;
use super::ransac_config::Scoring;

/// A cost of at most 1 a pair.
#[derive(Debug, Clone)]
pub(crate) enum Loss {
    /// 0 below the threshold, 1 above.
    Count,
    /// The squared error over the squared threshold.
    Msac,
    /// [`super::magsac`].
    Magsac(Tables),
}

impl Loss {
    pub(crate) fn new(scoring: Scoring) -> Self {
        match scoring {
            Scoring::InlierCount => Self::Count,
            Scoring::Msac => Self::Msac,
            Scoring::Magsac => Self::Magsac(Tables::new()),
        }
    }

    /// The sum over a block of squared errors; `inverse` is one over the squared threshold. What is not a number
    /// costs 1.
    #[inline]
    pub(crate) fn sum(&self, errors: &[f32; BLOCK], inverse: f32) -> f32 {
        let mut lanes = [0f32; 8];
        for eight in errors.as_chunks::<8>().0 {
            for (sum, error) in lanes.iter_mut().zip(eight) {
                let relative = error * inverse;
                *sum += match self {
                    Self::Count => f32::from(u8::from(relative.is_nan() || relative >= 1.0)),
                    Self::Msac => {
                        if relative < 1.0 {
                            relative
                        } else {
                            1.0
                        }
                    }
                    Self::Magsac(tables) => {
                        if relative < 1.0 {
                            tables.loss(relative)
                        } else {
                            1.0
                        }
                    }
                };
            }
        }
        lanes.iter().sum()
    }

    /// The weight of a pair in a fit, 0 from a relative squared error of 1 on: Tukey's biweight, or that of MAGSAC++.
    #[inline]
    pub(crate) fn weight(&self, relative: f64) -> f64 {
        if relative.is_nan() || relative >= 1.0 {
            return 0.0;
        }
        match self {
            Self::Count | Self::Msac => (1.0 - relative).powi(2),
            Self::Magsac(tables) => tables.weight(relative),
        }
    }
}
