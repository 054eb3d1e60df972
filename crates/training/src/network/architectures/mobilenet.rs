//! MobileNet v1 (Howard et al. 2017), as Keras builds it.

use super::super::{Builder, Kind, Network, Operator, Padding, Window};
use crate::error::Error;

/// Keras' ε of batch norm in this network.
const EPSILON: f64 = 1e-3;
/// Channels and stride of the thirteen separable convolutions at width 1.
const BLOCKS: [(usize, usize); 13] = [
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
];

/// MobileNet v1 of width `alpha` up to its last feature map `conv_pw_13_relu` (1,024 · alpha channels, stride 32), with
/// Keras' names. Takes RGB images of any size, scaled to [-1, 1].
///
/// # Errors
/// [`Error::Value`] when `alpha` is not from 0.125 to 2.
pub fn mobilenet_v1(alpha: f64) -> Result<Network, Error> {
    if !(0.125..=2.0).contains(&alpha) {
        return Err(Error::Value {
            name: "the width of a MobileNet",
            value: alpha.to_string(),
            allowed: "it is from 0.125 to 2, such as 0.25, 0.5, 0.75 or 1".into(),
        });
    }
    let scaled = |channels: usize| (channels as f64 * alpha) as usize;
    let mut b = Builder::new(Kind::Map { channels: 3 });
    let mut channels = scaled(32);
    let mut x = layer(
        &mut b,
        "conv1",
        Builder::INPUT,
        (3, channels),
        window(3, 2),
        1,
    );
    for (number, &(width, stride)) in BLOCKS.iter().enumerate() {
        let (number, width) = (number + 1, scaled(width));
        let depthwise = format!("conv_dw_{number}");
        x = layer(
            &mut b,
            &depthwise,
            x,
            (channels, channels),
            window(3, stride),
            channels,
        );
        x = layer(
            &mut b,
            &format!("conv_pw_{number}"),
            x,
            (channels, width),
            window(1, 1),
            1,
        );
        channels = width;
    }
    b.finish()
}

fn window(kernel: usize, stride: usize) -> Window {
    Window {
        padding: Padding::Same,
        ..Window::square(kernel, stride, 0)
    }
}

fn layer(
    b: &mut Builder,
    name: &str,
    x: usize,
    channels: (usize, usize),
    window: Window,
    groups: usize,
) -> usize {
    let x = b.convolution(name, x, channels, window, groups, false);
    let x = b.batch_norm(&format!("{name}_bn"), x, channels.1, EPSILON);
    let relu6 = Operator::Clip { min: 0.0, max: 6.0 };
    b.node(&format!("{name}_relu"), relu6, &[x], &[])
}
