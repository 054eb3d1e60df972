//! What the tests of networks share: numbers that both sides make by the same formula.
#![allow(dead_code, clippy::unwrap_used)]

use burn::tensor::{Device, Tensor, TensorData};
use vizsla_training::{Compute, Network, Parameters};

/// The processor.
pub fn device() -> Device {
    Compute::Cpu.device().unwrap()
}

/// `count` numbers within ±scale/2 around shift that belong to a name; `numbers` of `networks.py`.
pub fn numbers(name: &str, count: usize, scale: f32, shift: f32) -> Vec<f32> {
    let salt = u64::from(crc32fast::hash(name.as_bytes()));
    let one = |i: usize| {
        let mut z = (i as u64 * 2_654_435_761 + salt) & 0xffff_ffff;
        z ^= z >> 16;
        z = (z * 0x045D_9F3B) & 0xffff_ffff;
        z ^= z >> 16;
        let unit = z as f64 / f64::from(1u32 << 31) / 2.0 - 0.5;
        (unit * f64::from(scale) + f64::from(shift)) as f32
    };
    (0..count).map(one).collect()
}

/// A parameter: statistics and scales around 1, weights by their fan; `parameter` of `networks.py`.
pub fn parameter(name: &str, shape: &[usize]) -> Vec<f32> {
    let count = shape.iter().product();
    if name.ends_with("running_var") {
        return numbers(name, count, 0.5, 1.0);
    }
    if shape.len() == 1 {
        let shift = if name.ends_with(".weight") { 1.0 } else { 0.0 };
        return numbers(name, count, 0.5, shift);
    }
    let fan: usize = shape[1..].iter().product();
    numbers(name, count, (12.0 / fan as f64).sqrt() as f32, 0.0)
}

/// Parameters of a network by that formula.
pub fn fill(network: &Network) -> Parameters {
    let mut parameters = Parameters::initial(network, 0, &device());
    for (place, declaration) in network.declarations().iter().enumerate() {
        let values = parameter(&declaration.name, &declaration.shape);
        let count = values.len();
        let value = Tensor::<1>::from_data(TensorData::new(values, [count]), &device());
        parameters.set(place, value).unwrap();
    }
    parameters
}

/// The largest difference is at most `tolerance` of the largest value.
pub fn close(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let most = expected.iter().fold(1e-3f32, |most, x| most.max(x.abs()));
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        let off = (found - expected).abs();
        assert!(
            off <= tolerance * most,
            "{what}: {found} instead of {expected} at {place}"
        );
    }
}
