//! Residual networks (He, Zhang, Ren & Sun 2016), as torchvision builds them: the stride of a bottleneck is at its
//! 3 × 3 convolution.

use super::super::{Builder, Kind, Network, Operator, Window};
use crate::error::Error;

const EPSILON: f64 = 1e-5;

/// ResNet-18, -50 or -101 up to its last feature map (512 or 2,048 channels, stride 32), with torchvision's names. Takes
/// RGB images of any size, standardised as torchvision does.
///
/// # Errors
/// [`Error::Value`] for another depth.
pub fn resnet(depth: usize) -> Result<Network, Error> {
    let (blocks, bottleneck) = match depth {
        18 => ([2, 2, 2, 2], false),
        50 => ([3, 4, 6, 3], true),
        101 => ([3, 4, 23, 3], true),
        _ => {
            return Err(Error::Value {
                name: "the depth of a ResNet",
                value: depth.to_string(),
                allowed: "choose 18, 50 or 101".into(),
            });
        }
    };
    let mut builder = Builder::new(Kind::Map { channels: 3 });
    let b = &mut builder;
    let x = convolution(
        b,
        "conv1",
        "bn1",
        Builder::INPUT,
        (3, 64),
        Window::square(7, 2, 3),
    );
    let x = b.node("relu", Operator::Relu, &[x], &[]);
    let window = Window::square(3, 2, 1);
    let mut x = b.node("maxpool", Operator::MaxPool { window }, &[x], &[]);
    let mut channels = 64;
    for (stage, &count) in blocks.iter().enumerate() {
        let inner = 64 << stage;
        let out = if bottleneck { 4 * inner } else { inner };
        for place in 0..count {
            let block = Block {
                name: format!("layer{}.{place}", stage + 1),
                channels,
                inner,
                out,
                stride: if place == 0 && stage > 0 { 2 } else { 1 },
            };
            x = match bottleneck {
                true => block.bottleneck(b, x),
                false => block.basic(b, x),
            };
            channels = out;
        }
    }
    builder.finish()
}

/// One residual block.
struct Block {
    name: String,
    channels: usize,
    inner: usize,
    out: usize,
    stride: usize,
}

impl Block {
    fn basic(&self, b: &mut Builder, input: usize) -> usize {
        let x = self.layer(
            b,
            1,
            input,
            (self.channels, self.inner),
            Window::square(3, self.stride, 1),
        );
        let x = self.relu(b, 1, x);
        let x = self.layer(b, 2, x, (self.inner, self.out), Window::square(3, 1, 1));
        self.join(b, input, x)
    }

    fn bottleneck(&self, b: &mut Builder, input: usize) -> usize {
        let x = self.layer(
            b,
            1,
            input,
            (self.channels, self.inner),
            Window::square(1, 1, 0),
        );
        let x = self.relu(b, 1, x);
        let x = self.layer(
            b,
            2,
            x,
            (self.inner, self.inner),
            Window::square(3, self.stride, 1),
        );
        let x = self.relu(b, 2, x);
        let x = self.layer(b, 3, x, (self.inner, self.out), Window::square(1, 1, 0));
        self.join(b, input, x)
    }

    fn layer(
        &self,
        b: &mut Builder,
        number: usize,
        x: usize,
        channels: (usize, usize),
        window: Window,
    ) -> usize {
        let (conv, bn) = (
            format!("{}.conv{number}", self.name),
            format!("{}.bn{number}", self.name),
        );
        convolution(b, &conv, &bn, x, channels, window)
    }

    fn relu(&self, b: &mut Builder, number: usize, x: usize) -> usize {
        b.node(
            &format!("{}.relu{number}", self.name),
            Operator::Relu,
            &[x],
            &[],
        )
    }

    /// Adds the input, projected where its shape is another.
    fn join(&self, b: &mut Builder, input: usize, x: usize) -> usize {
        let shortcut = if self.stride != 1 || self.channels != self.out {
            let (conv, bn) = (
                format!("{}.downsample.0", self.name),
                format!("{}.downsample.1", self.name),
            );
            let window = Window::square(1, self.stride, 0);
            convolution(b, &conv, &bn, input, (self.channels, self.out), window)
        } else {
            input
        };
        let sum = b.node(
            &format!("{}.add", self.name),
            Operator::Add,
            &[x, shortcut],
            &[],
        );
        b.node(&self.name, Operator::Relu, &[sum], &[])
    }
}

fn convolution(
    b: &mut Builder,
    conv: &str,
    bn: &str,
    input: usize,
    channels: (usize, usize),
    window: Window,
) -> usize {
    let x = b.convolution(conv, input, channels, window, 1, false);
    b.batch_norm(bn, x, channels.1, EPSILON)
}
