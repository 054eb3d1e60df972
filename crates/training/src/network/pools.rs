//! How maps become vectors, with gradients. The formulas are those of [`vizsla_neural::Pooling`].

use burn::tensor::Tensor;
use burn::tensor::activation::softmax;
use vizsla_neural::r_mac_regions;

/// Added under the root of a length: nothing beside any length that is told from 0, but the gradient of a zero vector
/// stays finite.
const LEAST_SQUARE: f64 = 1e-24;

/// Mean of each channel.
pub(super) fn spoc(x: Tensor<4>) -> Tensor<2> {
    places(x).mean_dim(2).squeeze_dim(2)
}

/// Largest response of each channel.
pub(super) fn mac(x: Tensor<4>) -> Tensor<2> {
    places(x).max_dim(2).squeeze_dim(2)
}

/// (mean of max(x, ε)^p)^(1/p) of each channel. With powers as exp(p·ln x), p has a gradient too.
pub(super) fn gem(x: Tensor<4>, p: Tensor<1>, epsilon: f64) -> Tensor<2> {
    let logarithms = places(x.clamp_min(epsilon)).log();
    let means: Tensor<2> = (logarithms * p.clone().reshape([1, 1, 1]))
        .exp()
        .mean_dim(2)
        .squeeze_dim(2);
    (means.log() / p.reshape([1, 1])).exp()
}

/// Sum of the MAC vectors of regions, each of length 1.
pub(super) fn r_mac(x: Tensor<4>, levels: usize) -> Tensor<2> {
    let [_, _, height, width] = x.dims();
    let mut sum: Option<Tensor<2>> = None;
    for region in r_mac_regions(height, width, levels) {
        let part =
            x.clone()
                .narrow(2, region.top, region.height)
                .narrow(3, region.left, region.width);
        let vector = l2_normalise(mac(part));
        sum = Some(match sum {
            None => vector,
            Some(sum) => sum + vector,
        });
    }
    // There is always the region of the whole map.
    sum.unwrap_or_else(|| mac(x))
}

/// Residuals to the centres, `assignment` and `centres` K × C, `bias` K; K·C numbers an image.
pub(super) fn netvlad(
    x: Tensor<4>,
    assignment: Tensor<2>,
    bias: Tensor<1>,
    centres: Tensor<2>,
) -> Tensor<2> {
    let [batch, channels, ..] = x.dims();
    let [count, _] = centres.dims();
    // N × C × places, each place of length 1.
    let local = l2_normalise(places(x));
    let logits =
        assignment.unsqueeze_dim::<3>(0).matmul(local.clone()) + bias.reshape([1, count, 1]);
    let shares = softmax(logits, 1);
    let totals = shares.clone().sum_dim(2);
    let sums = shares.matmul(local.swap_dims(1, 2));
    let residuals = sums - centres.unsqueeze_dim::<3>(0) * totals;
    let length = (residuals.clone().square().sum_dim(2) + LEAST_SQUARE).sqrt();
    (residuals / length).reshape([batch, count * channels])
}

/// Scaled to length 1 along dimension 1.
pub(super) fn l2_normalise<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let length = (x.clone().square().sum_dim(1) + LEAST_SQUARE).sqrt();
    x / length
}

/// N × C × places.
fn places(x: Tensor<4>) -> Tensor<3> {
    let [batch, channels, height, width] = x.dims();
    x.reshape([batch, channels, height * width])
}
