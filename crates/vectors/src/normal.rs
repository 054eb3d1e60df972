//! Normal numbers that are the same on every machine.
//!
//! Marsaglia's polar method (1964). The logarithm is computed here, because that of the system may differ in its last bit;
//! all other steps are those that IEEE 754 defines exactly.

use crate::random::Random;

/// Draws numbers of mean 0 and variance 1.
pub(crate) struct Normal {
    random: Random,
    spare: Option<f64>,
}

impl Normal {
    pub fn new(random: Random) -> Self {
        Self {
            random,
            spare: None,
        }
    }

    pub fn draw(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (
                2.0 * self.random.unit() - 1.0,
                2.0 * self.random.unit() - 1.0,
            );
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let factor = (-2.0 * logarithm(square) / square).sqrt();
                self.spare = Some(y * factor);
                return x * factor;
            }
        }
    }
}

/// Natural logarithm of a positive normal number: ln(2ᵉ·m) = e·ln 2 + 2·artanh((m − 1)/(m + 1)).
fn logarithm(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i64 - 1023;
    let mut mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa /= 2.0;
        exponent += 1;
    }
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    // |ratio| < 0.172: twelve terms reach the last bit.
    let mut sum = 0.0;
    for term in (0..12).rev() {
        sum = sum * ratio * ratio + 1.0 / f64::from(2 * term + 1);
    }
    exponent as f64 * std::f64::consts::LN_2 + 2.0 * ratio * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_that_of_the_system() {
        let mut random = Random::new(1);
        for _ in 0..1000 {
            let x = random.unit() + 1e-9;
            assert!((logarithm(x) - x.ln()).abs() < 1e-15 * (1.0 + x.ln().abs()));
        }
        assert_eq!(logarithm(1.0), 0.0);
    }

    #[test]
    fn moments_are_those_of_a_normal_distribution() {
        let mut normal = Normal::new(Random::new(2));
        let drawn: Vec<f64> = (0..40_000).map(|_| normal.draw()).collect();
        let moment = |power| drawn.iter().map(|x| x.powi(power)).sum::<f64>() / 40_000.0;
        let moments = [moment(1), moment(2) - 1.0, moment(3), moment(4) - 3.0];
        for (found, error) in moments.iter().zip([0.02, 0.03, 0.08, 0.2]) {
            assert!(found.abs() < error, "{moments:?}");
        }
    }
}
