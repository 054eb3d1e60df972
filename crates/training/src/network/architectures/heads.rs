//! What turns a pooled vector into the one that is compared.

use vizsla_vectors::Projection;

use super::super::{Builder, Initial, Kind, Network, Operator};
use crate::error::Error;

/// Fully connected layers of these sizes, the first what goes in and the last what comes out; behind each but the last
/// ReLU and dropout. Nothing is normalised. Layers are called `0`, `1`, ….
///
/// # Errors
/// [`Error::Value`] when there are fewer than two sizes; [`Error::Network`] when a size is 0 or the rate of dropout is
/// not from 0 to below 1.
pub fn head(sizes: &[usize], dropout: f64) -> Result<Network, Error> {
    let [first, layers @ ..] = sizes else {
        return Err(too_few(sizes));
    };
    if layers.is_empty() {
        return Err(too_few(sizes));
    }
    let mut b = Builder::new(Kind::Vectors { dimension: *first });
    let (mut x, mut width) = (Builder::INPUT, *first);
    for (number, &size) in layers.iter().enumerate() {
        x = b.linear(&number.to_string(), x, (width, size));
        if number + 1 < layers.len() {
            x = b.node(&format!("{number}.relu"), Operator::Relu, &[x], &[]);
            if dropout != 0.0 {
                let rate = dropout;
                x = b.node(
                    &format!("{number}.dropout"),
                    Operator::Dropout { rate },
                    &[x],
                    &[],
                );
            }
        }
        width = size;
    }
    b.finish()
}

fn too_few(sizes: &[usize]) -> Error {
    Error::Value {
        name: "the sizes of a head",
        value: format!("{sizes:?}"),
        allowed: "give at least two: what goes in and what comes out".into(),
    }
}

/// A fully connected layer `whitening` that begins as this projection: P(x − m) = Px − Pm (Radenović, Tolias & Chum 2018
/// learn it end to end from there).
///
/// # Errors
/// None for a projection that was made by its own constructors.
pub fn whitening(projection: &Projection) -> Result<Network, Error> {
    let (input, output) = (projection.input(), projection.output());
    let weight: Vec<f32> = projection.rows().flatten().copied().collect();
    let bias: Vec<f32> = projection.apply(&vec![0.0; input]);
    let mut b = Builder::new(Kind::Vectors { dimension: input });
    let parameters = [
        b.parameter(
            "whitening.weight",
            &[output, input],
            Initial::Values(weight.into()),
        ),
        b.parameter("whitening.bias", &[output], Initial::Values(bias.into())),
    ];
    b.node(
        "whitening",
        Operator::Linear,
        &[Builder::INPUT],
        &parameters,
    );
    b.finish()
}
