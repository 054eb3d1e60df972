//! Gradients for batches of any size in constant memory.
//!
//! A loss over a whole batch needs all descriptors at the same time, but not all activations behind them.
//! Revaud et al. 2019 take the backward pass in stages: (1) descriptors of all images, chunk by chunk, without
//! keeping activations; (2) the loss and its gradient with respect to the descriptors; (3) chunk by chunk
//! again, now with activations, the gradient of `Σ descriptor · gradient`, which by the chain rule adds up
//! to that of the loss. It costs one forward pass more and the memory of one chunk.
//!
//! The network must answer the same both times: dropout from the same seed, no statistics of the batch.

use burn::tensor::Tensor;

use crate::error::Error;

/// What a backward pass found.
pub struct Backward {
    /// The loss.
    pub loss: f32,
    /// One gradient for each parameter; `None` where the loss does not depend on it.
    pub gradients: Vec<Option<Tensor<1>>>,
}

/// Gradients of `loss` with respect to `parameters`, by one pass that keeps all activations.
///
/// `forward` makes descriptors (images × length) with the parameters it is given.
///
/// # Errors
/// Those of `forward` and `loss`, and [`Error::Device`].
pub fn plain_backward(
    parameters: &[Tensor<1>],
    mut forward: impl FnMut(&[Tensor<1>]) -> Result<Tensor<2>, Error>,
    loss: impl FnOnce(Tensor<2>) -> Result<Tensor<1>, Error>,
) -> Result<Backward, Error> {
    let leaves = leaves(parameters);
    let loss = loss(forward(&leaves)?)?;
    let value = loss.clone().inner().try_into_scalar::<f32>()?;
    let gradients = gradients(&leaves, &loss);
    Ok(Backward {
        loss: value,
        gradients,
    })
}

/// As [`plain_backward`] for a batch in `chunks` parts; `forward` makes the descriptors of the part it is
/// given the number of, and is called twice for each.
///
/// # Errors
/// As [`plain_backward`], and [`Error::Shape`] when a part changes its size from one pass to the other.
pub fn staged_backward(
    parameters: &[Tensor<1>],
    chunks: usize,
    mut forward: impl FnMut(&[Tensor<1>], usize) -> Result<Tensor<2>, Error>,
    loss: impl FnOnce(Tensor<2>) -> Result<Tensor<1>, Error>,
) -> Result<Backward, Error> {
    if chunks == 0 {
        return Err(Error::shape("a batch without parts; give it an image"));
    }
    let fixed: Vec<Tensor<1>> = parameters.iter().map(|p| p.clone().inner()).collect();
    let parts = (0..chunks).map(|chunk| forward(&fixed, chunk));
    let parts = parts.collect::<Result<Vec<Tensor<2>>, Error>>()?;
    let sizes: Vec<[usize; 2]> = parts.iter().map(Tensor::dims).collect();
    let (value, slopes) = of_descriptors(Tensor::cat(parts, 0), loss)?;
    let mut sums: Vec<Option<Tensor<1>>> = vec![None; parameters.len()];
    let Some(slopes) = slopes else {
        return Ok(Backward {
            loss: value,
            gradients: sums,
        });
    };
    let mut start = 0;
    for (chunk, size) in sizes.into_iter().enumerate() {
        let leaves = leaves(parameters);
        let descriptors = forward(&leaves, chunk)?;
        if descriptors.dims() != size {
            return Err(Error::shape(format!(
                "part {chunk} of the batch had {size:?} descriptors and now has {:?}",
                descriptors.dims()
            )));
        }
        let own = slopes.clone().slice(start..start + size[0]);
        start += size[0];
        let found = gradients(&leaves, &(descriptors * own).sum());
        for (sum, gradient) in sums.iter_mut().zip(found) {
            *sum = match (sum.take(), gradient) {
                (Some(sum), Some(gradient)) => Some(sum + gradient),
                (sum, gradient) => sum.or(gradient),
            };
        }
    }
    Ok(Backward {
        loss: value,
        gradients: sums,
    })
}

/// The loss and its gradient with respect to the descriptors.
fn of_descriptors(
    descriptors: Tensor<2>,
    loss: impl FnOnce(Tensor<2>) -> Result<Tensor<1>, Error>,
) -> Result<(f32, Option<Tensor<2>>), Error> {
    let descriptors = descriptors.inner().autodiff().require_grad();
    let loss = loss(descriptors.clone())?;
    let value = loss.clone().inner().try_into_scalar::<f32>()?;
    let slopes = loss.is_tracked().then(|| loss.backward());
    let slopes = slopes.and_then(|slopes| descriptors.grad(&slopes));
    Ok((value, slopes))
}

fn leaves(parameters: &[Tensor<1>]) -> Vec<Tensor<1>> {
    let leaf = |p: &Tensor<1>| p.clone().inner().autodiff().require_grad();
    parameters.iter().map(leaf).collect()
}

fn gradients(leaves: &[Tensor<1>], loss: &Tensor<1>) -> Vec<Option<Tensor<1>>> {
    if !loss.is_tracked() {
        return vec![None; leaves.len()];
    }
    let mut gradients = loss.backward();
    let of_leaf = |leaf: &Tensor<1>| leaf.grad_remove(&mut gradients);
    leaves.iter().map(of_leaf).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn::tensor::activation::relu;
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::losses::average_precision_loss;

    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let value = |i: u32| ((i.wrapping_mul(2_654_435_761) ^ seed) % 1000) as f32 / 500.0 - 1.0;
        (1..=count as u32).map(value).collect()
    }

    #[test]
    fn stages_give_the_gradient_of_one_pass() {
        let device = Device::flex();
        let flat = |count: usize, seed| {
            Tensor::<1>::from_data(TensorData::new(numbers(count, seed), [count]), &device)
        };
        let parameters = [flat(8 * 16, 1), flat(16 * 5, 2), flat(3, 3)];
        let images = flat(64 * 8, 4).reshape([64, 8]);
        let labels: Vec<usize> = (0..64).map(|i| i % 7).collect();
        let relevance = labels.into();
        let network = |p: &[Tensor<1>], images: Tensor<2>| {
            let hidden = relu(images.matmul(p[0].clone().reshape([8, 16])));
            let rows = hidden.matmul(p[1].clone().reshape([16, 5]));
            let norm = rows.clone().square().sum_dim(1).sqrt();
            Ok(rows / norm)
        };
        let loss = |rows| average_precision_loss(rows, &relevance, 20);
        let once = plain_backward(&parameters, |p| network(p, images.clone()), loss).unwrap();
        let part = |chunk: usize| images.clone().slice(10 * chunk..64.min(10 * chunk + 10));
        let forward = |p: &[Tensor<1>], chunk| network(p, part(chunk));
        let staged = staged_backward(&parameters, 7, forward, loss).unwrap();
        assert!((once.loss - staged.loss).abs() < 1e-6 && once.loss > 0.1);
        for (one, other) in once.gradients.iter().zip(&staged.gradients).take(2) {
            let (one, other) = (one.clone().unwrap(), other.clone().unwrap());
            let wrong = (one.clone() - other).abs().max().into_scalar::<f32>();
            let scale = one.abs().max().into_scalar::<f32>();
            assert!(wrong < 1e-5 * scale, "{wrong} of {scale}");
        }
        assert!(once.gradients[2].is_none() && staged.gradients[2].is_none());
    }
}
