//! MAGSAC++: errors and weights marginalised over the level of the noise.
//!
//! The noise's standard deviation is unknown but for an upper bound. Uniform over all levels below it, the likelihood of
//! an error r makes the weight w(r) of an iteratively reweighted fit, and ∫ x w(x) dx from 0 to r the loss ρ(r) of
//! scoring (Barath, Noskova, Ivashechkin and Matas, CVPR 2020, equations 4 to 8). Both are closed in the
//! incomplete gamma function. As in the paper errors have four degrees of freedom, and a level reaches as far
//! as the 0.99 quantile of their χ distribution.

/// 0.99 quantile of the χ distribution of four degrees of freedom.
const QUANTILE: f64 = 3.643_721_195;
/// x = r²/2σ² at that quantile for the largest level.
const FARTHEST: f64 = 0.5 * QUANTILE * QUANTILE;
/// Steps of the tables over the squared error.
pub(crate) const STEPS: usize = 1024;

/// The lower incomplete gamma function γ(a, x) by its power series, for x up to some ten.
fn lower_gamma(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
    while term > 1e-17 * sum && n < a + 500.0 {
        n += 1.0;
        term *= x / n;
        sum += term;
    }
    sum * (a * x.ln() - x).exp()
}

/// Γ(3/2, x) − Γ(3/2, k²/2), the weight but for its size.
fn upper_part(x: f64) -> f64 {
    lower_gamma(1.5, FARTHEST) - lower_gamma(1.5, x)
}

/// The weight of an error, 1 for none and 0 from the farthest on. `relative` is the squared error over that of the
/// farthest.
pub(crate) fn weight(relative: f64) -> f64 {
    if relative.is_nan() || relative >= 1.0 {
        return 0.0;
    }
    upper_part(relative * FARTHEST) / upper_part(0.0)
}

/// The loss of an error, 0 for none and 1 from the farthest on.
pub(crate) fn loss(relative: f64) -> f64 {
    if relative.is_nan() || relative >= 1.0 {
        return 1.0;
    }
    let x = relative * FARTHEST;
    (lower_gamma(2.5, x) + x * upper_part(x)) / lower_gamma(2.5, FARTHEST)
}

/// [`loss`] and [`weight`] at `STEPS` + 1 relative squared errors from 0 to 1, made once.
#[derive(Debug, Clone)]
pub(crate) struct Tables {
    losses: Vec<f32>,
    weights: Vec<f64>,
}

impl Tables {
    pub(crate) fn new() -> Self {
        let at = |i: usize| i as f64 / STEPS as f64;
        Self {
            losses: (0..=STEPS).map(|i| loss(at(i)) as f32).collect(),
            weights: (0..=STEPS).map(|i| weight(at(i))).collect(),
        }
    }

    /// The loss between two steps, by a straight line.
    #[inline]
    pub(crate) fn loss(&self, relative: f32) -> f32 {
        let place = relative * STEPS as f32;
        let step = place as usize;
        match self.losses.get(step..step.saturating_add(2)) {
            Some(&[low, high]) => low + (high - low) * (place - step as f32),
            _ => 1.0,
        }
    }

    /// The weight between two steps, by a straight line.
    #[inline]
    pub(crate) fn weight(&self, relative: f64) -> f64 {
        let place = relative * STEPS as f64;
        let step = place as usize;
        match self.weights.get(step..step.saturating_add(2)) {
            Some(&[low, high]) => low + (high - low) * (place - step as f64),
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    /// Γ(3/2).
    const GAMMA_THREE_HALVES: f64 = 0.886_226_925_452_758;
    use super::*;

    #[test]
    fn incomplete_gamma_agrees_with_closed_forms() {
        // γ(1, x) = 1 - e⁻ˣ, γ(2, x) = 1 - (1 + x) e⁻ˣ.
        for x in [0.01, 0.5, 1.0, 3.0, 6.6] {
            assert!((lower_gamma(1.0, x) - (1.0 - f64::exp(-x))).abs() < 1e-14);
            assert!((lower_gamma(2.0, x) - (1.0 - (1.0 + x) * f64::exp(-x))).abs() < 1e-14);
        }
        assert!((lower_gamma(1.5, 60.0) - GAMMA_THREE_HALVES).abs() < 1e-12);
        // Two degrees of freedom a pair of coordinates: P(χ²₄ < q²) = 1 - (1 + q²/2) e^(-q²/2).
        let covered = 1.0 - (1.0 + FARTHEST) * f64::exp(-FARTHEST);
        assert!((covered - 0.99).abs() < 1e-9, "{covered}");
    }

    #[test]
    fn the_loss_is_the_integral_of_the_weight() {
        let steps = 200_000;
        let mut integral = 0.0;
        let mut at_half = 0.0;
        for i in 0..steps {
            let x = (f64::from(i) + 0.5) / f64::from(steps);
            integral += x * weight(x * x);
            if i == steps / 2 {
                at_half = integral;
            }
        }
        assert!((at_half / integral - loss(0.25)).abs() < 1e-5);
        assert_eq!(loss(0.0), 0.0);
        assert!((loss(1.0 - 1e-12) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn weights_and_losses_agree_with_scipy() {
        for (relative, w, l) in [
            (0.01, 0.987_583_611_880_783_5, 0.044_790_935_301_352_475),
            (0.1, 0.721_438_080_530_940_5, 0.394_163_083_554_668_06),
            (0.3, 0.260_290_239_821_766_46, 0.809_235_533_533_271_5),
            (0.6, 0.042_818_772_326_627_09, 0.975_524_182_104_905_4),
            (0.9, 0.003_499_191_795_862_537, 0.999_292_102_124_009_7),
        ] {
            assert!((weight(relative) - w).abs() < 1e-12, "{relative}");
            assert!((loss(relative) - l).abs() < 1e-12, "{relative}");
        }
    }

    #[test]
    fn tables_are_close() {
        let tables = Tables::new();
        for i in 0..5000 {
            let relative = f64::from(i) / 4900.0;
            let gap = f64::from(tables.loss(relative as f32)) - loss(relative);
            assert!(gap.abs() < 1e-5, "{relative} {gap}");
            // Steep at nothing, where the weight falls as a root does.
            assert!((tables.weight(relative) - weight(relative)).abs() < 1e-3);
        }
        assert_eq!(tables.loss(f32::INFINITY), 1.0);
        assert_eq!(tables.weight(f64::INFINITY), 0.0);
    }
}
