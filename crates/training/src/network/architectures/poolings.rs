//! Poolings as the last part of a network.

use vizsla_neural::Pooling;

use super::super::{Builder, Initial, Kind, Network, Operator};
use crate::error::Error;

/// Least response before GeM takes its power, as in [`Pooling::Gem`].
const GEM_LEAST: f64 = 1e-6;

/// A pooling of maps of so many channels, the vector scaled to length 1. The exponent of GeM (`gem.p`) and the centres of
/// NetVLAD are parameters and begin as the pooling has them. Of joined poolings each part has length 1 first.
///
/// # Errors
/// [`Error::Value`] for a pooling that cannot be trained; [`Error::Network`] when it was learned for other channels.
pub fn pooling(pooling: &Pooling, channels: usize) -> Result<Network, Error> {
    let mut b = Builder::new(Kind::Map { channels });
    let (name, pooled) = match pooling {
        Pooling::Joined(parts) => {
            let mut pooled = Vec::with_capacity(parts.len());
            for (number, part) in parts.iter().enumerate() {
                let prefix = format!("part{number}.");
                let (name, x) = add(&mut b, &prefix, part)?;
                pooled.push(b.node(&format!("{name}.l2"), Operator::L2Normalise, &[x], &[]));
            }
            (
                "joined".to_owned(),
                b.node("joined", Operator::Concat, &pooled, &[]),
            )
        }
        single => add(&mut b, "", single)?,
    };
    b.node(&format!("{name}.l2"), Operator::L2Normalise, &[pooled], &[]);
    b.finish()
}

fn add(b: &mut Builder, prefix: &str, pooling: &Pooling) -> Result<(String, usize), Error> {
    let (name, operator, parameters) = match pooling {
        Pooling::Spoc => ("spoc", Operator::GlobalAverage, Vec::new()),
        Pooling::Mac => ("mac", Operator::GlobalMax, Vec::new()),
        Pooling::RMac { levels } => ("r_mac", Operator::RMac { levels: *levels }, Vec::new()),
        Pooling::Gem { p } => {
            let p = b.parameter(&format!("{prefix}gem.p"), &[1], Initial::Constant(*p));
            ("gem", Operator::Gem { epsilon: GEM_LEAST }, vec![p])
        }
        Pooling::NetVlad(netvlad) => {
            let (channels, alpha) = (netvlad.channels(), netvlad.alpha());
            let centres = netvlad.centres();
            let count = centres.len() / channels.max(1);
            let weight: Vec<f32> = centres.iter().map(|x| 2.0 * alpha * x).collect();
            let length = |centre: &[f32]| centre.iter().map(|x| x * x).sum::<f32>();
            let bias: Vec<f32> = centres
                .chunks_exact(channels.max(1))
                .map(|c| -alpha * length(c))
                .collect();
            let shape = [count, channels];
            let mut parameter = |part: &str, shape: &[usize], values: Vec<f32>| {
                b.parameter(
                    &format!("{prefix}netvlad.{part}"),
                    shape,
                    Initial::Values(values.into()),
                )
            };
            let parameters = vec![
                parameter("assignment", &shape, weight),
                parameter("bias", &[count], bias),
                parameter("centres", &shape, centres.to_vec()),
            ];
            ("netvlad", Operator::NetVlad, parameters)
        }
        other => {
            return Err(Error::Value {
                name: "the pooling of a trained network",
                value: other.to_string(),
                allowed: "choose mac, spoc, gem:P, r_mac:LEVELS, a NetVLAD, or several of these joined by |".into(),
            });
        }
    };
    let name = format!("{prefix}{name}");
    let made = b.node(&name, operator, &[Builder::INPUT], &parameters);
    Ok((name, made))
}
