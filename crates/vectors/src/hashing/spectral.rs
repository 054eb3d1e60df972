//! The bits of spectral hashing.

/// One bit: a wave along one component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wave {
    /// The component.
    pub axis: u32,
    /// Half waves along the whole side of the box, from 1.
    pub halves: u32,
}

/// The box that vectors are taken to fill, and the waves on it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Waves {
    pub low: Vec<f32>,
    /// Lengths of the sides, above 0.
    pub sides: Vec<f32>,
    pub waves: Vec<Wave>,
}

impl Waves {
    /// The `bits` waves of smallest eigenvalue of the Laplacian, (halves · π / side)², that vary along one component only; equal
    /// ones by component. The constant one is left out.
    pub fn longest(low: Vec<f32>, sides: Vec<f32>, bits: usize) -> Self {
        let longest = sides.iter().copied().fold(0f32, f32::max);
        let mut all: Vec<(f64, Wave)> = Vec::new();
        for (axis, &side) in (0..).zip(&sides) {
            // No more than these can be among the first: along the longest side there are as many.
            let most = (bits as f64 * f64::from(side) / f64::from(longest)).ceil() as u32 + 1;
            all.extend((1..=most.min(bits as u32)).map(|halves| {
                let frequency = f64::from(halves) / f64::from(side);
                (frequency * frequency, Wave { axis, halves })
            }));
        }
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.axis.cmp(&b.1.axis)));
        all.truncate(bits);
        Self {
            low,
            sides,
            waves: all.into_iter().map(|(_, wave)| wave).collect(),
        }
    }

    /// Whether each wave is above zero where the projected vector lies, as the cosine that it is continues outside of the box.
    pub fn signs<'w>(&'w self, projected: &'w [f32]) -> impl Iterator<Item = bool> + 'w {
        self.waves.iter().map(|wave| {
            let axis = wave.axis as usize;
            let place =
                |x: &f32| (f64::from(*x) - f64::from(self.low[axis])) / f64::from(self.sides[axis]);
            let place = projected.get(axis).map_or(f64::NAN, place);
            // cos(π·t) > 0 without a cosine, which not all machines compute alike.
            let turn = (f64::from(wave.halves) * place).rem_euclid(2.0);
            (turn - 1.0).abs() > 0.5
        })
    }
}
