//! The dense layers of a semantic hash.

use crate::Error;
use crate::distance::dot_f32;
use crate::files::{f32s, u32_at};
use crate::points::in_range;
use crate::projection::MAX_DIMENSION;

/// Most layers of an encoder.
const MOST_LAYERS: usize = 16;
/// Most units of a layer that is not the last.
const MOST_UNITS: usize = 1 << 16;
/// Most weights and biases of an encoder.
const MOST_NUMBERS: usize = 1 << 26;
/// Bytes of a layer in the table of a file: units and activation.
const ENTRY: usize = 8;

/// What becomes of the weighted sum x that a unit computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// 1 / (1 + e⁻ˣ), from 0 to 1.
    Logistic,
    /// x where it is above 0, else 0.
    Relu,
}

impl Activation {
    const ALL: [Self; 2] = [Self::Logistic, Self::Relu];

    /// The number that stands in files.
    fn number(self) -> u32 {
        match self {
            Self::Logistic => 0,
            Self::Relu => 1,
        }
    }

    /// What is no number stays so: a code must not be made of it.
    fn of(self, x: f32) -> f32 {
        match self {
            Self::Logistic => logistic(x),
            Self::Relu if x < 0.0 => 0.0,
            Self::Relu => x,
        }
    }
}

/// A dense layer of an encoder: `activation(weights · x + bias)`.
#[derive(Debug, Clone, PartialEq)]
pub struct HashLayer {
    /// A row for each unit, of as many numbers as the layer before has units, or the vectors dimensions.
    pub weights: Vec<f32>,
    /// One number for each unit.
    pub bias: Vec<f32>,
    /// What becomes of the sums.
    pub activation: Activation,
}

/// The layers of an encoder, whose shapes fit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layers {
    input: usize,
    layers: Vec<HashLayer>,
}

impl Layers {
    /// Takes layers whose shapes and numbers are sound.
    pub fn new(input: usize, layers: Vec<HashLayer>, most_bits: usize) -> Result<Self, Error> {
        let (name, count) = ("the number of layers", layers.len());
        in_range(name, count, 1, MOST_LAYERS)?;
        in_range("the dimension of vectors", input, 1, MAX_DIMENSION)?;
        let (mut before, mut numbers) = (input, 0usize);
        for (at, layer) in layers.iter().enumerate() {
            let units = layer.bias.len();
            match at + 1 == count {
                true => in_range("the bits of a code", units, 1, most_bits)?,
                false => in_range("the units of a layer", units, 1, MOST_UNITS)?,
            }
            // Bounds of both factors keep the product within 64 bits.
            if layer.weights.len() != units * before {
                return Err(Error::Shape {
                    numbers: layer.weights.len(),
                    dimension: before,
                });
            }
            let all = layer.weights.iter().chain(&layer.bias);
            if !all.into_iter().all(|x| x.is_finite()) {
                return Err(Error::LayerNotFinite { layer: at });
            }
            numbers += units * before + units;
            before = units;
        }
        in_range("the number of weights", numbers, 1, MOST_NUMBERS)?;
        if layers.last().map(|layer| layer.activation) != Some(Activation::Logistic) {
            return Err(Error::CodeLayer);
        }
        Ok(Self { input, layers })
    }

    pub fn input(&self) -> usize {
        self.input
    }

    pub fn bits(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.bias.len())
    }

    pub fn all(&self) -> &[HashLayer] {
        &self.layers
    }

    /// The sums of the units of the last layer, before the logistic function.
    pub fn logits(&self, vector: &[f32]) -> Vec<f32> {
        let mut values = vector.to_vec();
        // Of a vector of another length the common part counts.
        values.resize(self.input, 0.0);
        for (at, layer) in self.layers.iter().enumerate() {
            let rows = layer.weights.chunks_exact(values.len());
            let sums = rows
                .zip(&layer.bias)
                .map(|(row, bias)| dot_f32(row, &values) + bias);
            values = match at + 1 == self.layers.len() {
                true => sums.collect(),
                false => sums.map(|x| layer.activation.of(x)).collect(),
            };
        }
        values
    }

    /// The table of units and activations, and after it the weights and the biases of each layer.
    pub fn to_bytes(&self) -> Vec<u8> {
        let entry = |layer: &HashLayer| [layer.bias.len() as u32, layer.activation.number()];
        let table = self.layers.iter().flat_map(entry);
        let mut bytes: Vec<u8> = table.flat_map(u32::to_le_bytes).collect();
        for layer in &self.layers {
            let numbers = layer.weights.iter().chain(&layer.bias);
            bytes.extend(numbers.flat_map(|x| x.to_le_bytes()));
        }
        bytes
    }

    /// Bytes that the table says there are, the table's own among them; `None` where it says what cannot be. No memory is taken.
    pub fn length(bytes: &[u8], input: usize, layers: usize, bits: usize) -> Option<usize> {
        let table = Self::table(bytes, layers)?;
        let (mut before, mut numbers) = (input, 0usize);
        for (at, entry) in table.chunks_exact(ENTRY).enumerate() {
            let units = u32_at(entry, 0) as usize;
            let known = Activation::ALL.map(Activation::number);
            let last = at + 1 == layers;
            let fits = (1..=MOST_UNITS).contains(&units) && (!last || units == bits);
            if !fits || !known.contains(&u32_at(entry, 4)) {
                return None;
            }
            numbers += units * before + units;
            before = units;
        }
        (numbers <= MOST_NUMBERS).then_some(ENTRY * layers + 4 * numbers)
    }

    fn table(bytes: &[u8], layers: usize) -> Option<&[u8]> {
        let possible = (1..=MOST_LAYERS).contains(&layers);
        bytes.get(..ENTRY * layers).filter(|_| possible)
    }

    /// Reads what [`Layers::to_bytes`] wrote, of a length that [`Layers::length`] said.
    pub fn from_bytes(bytes: &[u8], input: usize, layers: usize, most_bits: usize) -> Option<Self> {
        let table = Self::table(bytes, layers)?;
        let mut numbers = f32s(bytes.get(table.len()..)?);
        let (mut before, mut read) = (input, Vec::with_capacity(layers));
        for entry in table.chunks_exact(ENTRY) {
            let units = u32_at(entry, 0) as usize;
            let mut activations = Activation::ALL.into_iter();
            read.push(HashLayer {
                weights: numbers.by_ref().take(units * before).collect(),
                bias: numbers.by_ref().take(units).collect(),
                activation: activations.find(|one| one.number() == u32_at(entry, 4))?,
            });
            before = units;
        }
        Self::new(input, read, most_bits).ok()
    }
}

/// 1 / (1 + e⁻ˣ) without the system's exponential, which not all machines compute alike.
fn logistic(x: f32) -> f32 {
    (1.0 / (1.0 + exponential(-f64::from(x)))) as f32
}

/// eˣ = 2ᵏ·eʳ with |r| ≤ ln 2 / 2; exact to some units of the last place of a double.
fn exponential(x: f64) -> f64 {
    // Beyond these the logistic function of a float is 0 or 1.
    let x = x.clamp(-700.0, 700.0);
    let turns = (x / std::f64::consts::LN_2).round();
    let rest = x - turns * std::f64::consts::LN_2;
    let mut sum = 1.0;
    for term in (1..=14).rev() {
        sum = 1.0 + sum * rest / f64::from(term);
    }
    let power = f64::from_bits(((turns as i64 + 1023) as u64) << 52);
    if x.is_nan() { x } else { sum * power }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_that_of_the_system() {
        for step in -7000..7000 {
            let x = f64::from(step) * 0.0931;
            assert!(
                (exponential(x) / x.exp() - 1.0).abs() < 1e-13 * x.abs().max(1.0),
                "{x}"
            );
        }
        assert!(exponential(f64::NAN).is_nan());
        assert_eq!((logistic(0.0), logistic(200.0)), (0.5, 1.0));
        assert_eq!(logistic(f32::INFINITY), 1.0);
        assert!(logistic(f32::NEG_INFINITY) < 1e-30 && logistic(f32::NAN).is_nan());
    }
}
