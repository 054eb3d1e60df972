//! How much a list of scores tells: the weights of query-adaptive late fusion (Zheng, Wang, Tian, He, Liu & Tian 2015).
//!
//! Sorted, the scores of a list that knows the answer fall steeply from a few to the many; those of one that does not fall slowly. What
//! images that do not matter would give is taken off first, so that the area under what is left, scaled to 1, is small where
//! few stand out. The weight of a list is one over its area.
//!
//! Zheng et al. take the curves of unrelated queries to other pictures, and of these the one that is nearest in the tail. Here the
//! curve is that of normal scores (Blom 1958) of as many images as could have been found, shifted and scaled until it is nearest to
//! the second half of the list: nothing has to be kept, and it fits the collection as it is. Checked against NumPy, see
//! `tests/reference/fusion.py`.

/// Area, above 0 to 1, under the curve of `scores`, best first, of which `of` could have been found; 1 where nothing stands
/// out.
pub(super) fn area(scores: &[f64], of: f64) -> f64 {
    let reference = reference(scores, of);
    let above = scores
        .iter()
        .zip(reference)
        .map(|(score, usual)| (score - usual).max(0.0));
    let above: Vec<f64> = above.collect();
    let most = above.iter().copied().fold(0.0, f64::max);
    let spread = scores
        .first()
        .zip(scores.last())
        .map_or(0.0, |(first, last)| first - last);
    // What stands out by no more than rounding does not stand out.
    if !(most > 1e-9 * spread && most.is_finite()) {
        return 1.0;
    }
    above.iter().map(|above| above / most).sum::<f64>() / above.len() as f64
}

/// The curve of images that do not matter: normal scores, fitted to the second half by least squares.
fn reference(scores: &[f64], of: f64) -> Vec<f64> {
    let of = of.max(scores.len() as f64);
    let normal: Vec<f64> = (1..=scores.len())
        .map(|rank| normal_quantile(1.0 - (rank as f64 - 0.375) / (of + 0.25)))
        .collect();
    let from = scores.len() / 2;
    let (tail, usual) = (&scores[from..], &normal[from..]);
    let count = tail.len().max(1) as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
    let (score, place) = (mean(tail), mean(usual));
    let pairs = || tail.iter().zip(usual);
    let square: f64 = usual.iter().map(|z| (z - place).powi(2)).sum();
    let product: f64 = pairs().map(|(s, z)| (s - score) * (z - place)).sum();
    let slope = if square > 0.0 {
        (product / square).max(0.0)
    } else {
        0.0
    };
    normal
        .into_iter()
        .map(|z| score + slope * (z - place))
        .collect()
}

/// The number below which a standard normal variable is with probability `p`, by the rational approximations of Acklam (2003):
/// the relative error is below 1.2·10⁻⁹.
fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
        1.0,
    ];
    const TAIL: f64 = 0.02425;
    let polynomial = |factors: &[f64], x: f64| factors.iter().fold(0.0, |sum, f| sum * x + f);
    let tail = |p: f64| {
        let q = (-2.0 * p.ln()).sqrt();
        polynomial(&C, q) / polynomial(&D, q)
    };
    let p = p.clamp(1e-300, 1.0 - f64::EPSILON / 2.0);
    if p < TAIL {
        tail(p)
    } else if p > 1.0 - TAIL {
        -tail(1.0 - p)
    } else {
        let q = p - 0.5;
        q * polynomial(&A, q * q) / polynomial(&B, q * q)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn areas_and_quantiles_are_those_of_numpy() {
        let reference = include_str!("../../tests/reference/fusion.json");
        let reference: Value = serde_json::from_str(reference).unwrap();
        let numbers =
            |value: &Value| -> Vec<f64> { serde_json::from_value(value.clone()).unwrap() };
        for pair in reference["quantiles"].as_array().unwrap() {
            let [p, expected] = numbers(pair)[..] else {
                panic!()
            };
            assert!(
                (normal_quantile(p) - expected).abs() < 1e-8 * expected.abs().max(1.0),
                "{p}"
            );
        }
        for list in reference["lists"].as_array().unwrap() {
            let found = area(&numbers(&list["scores"]), list["of"].as_f64().unwrap());
            let expected = list["area"].as_f64().unwrap();
            assert!((found - expected).abs() < 1e-7, "{found} {expected}");
        }
    }

    #[test]
    fn one_that_stands_out_has_a_small_area_and_none_the_greatest() {
        let mut one: Vec<f64> = (0..100).map(|at| 0.3 - 0.001 * f64::from(at)).collect();
        let none = area(&one, 1000.0);
        one[0] = 0.9;
        assert!(area(&one, 1000.0) < 0.1 && none > 0.1, "{none}");
        for flat in [&[][..], &[0.5], &[0.5; 10], &[f64::NAN; 3]] {
            assert_eq!(area(flat, 10.0), 1.0);
        }
        assert!((0.0..=1.0).contains(&area(&[0.9, 0.1], 0.0)));
    }
}
