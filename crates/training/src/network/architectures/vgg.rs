//! VGG (Simonyan & Zisserman 2015).

use super::super::{Builder, Kind, Network, Operator, Window};
use crate::error::Error;

/// VGG-16 up to its last feature map before the last pooling (512 channels, stride 16), with torchvision's names: what
/// retrieval pools (Tolias et al. 2016). Takes RGB images of any size, standardised as torchvision does.
///
/// # Errors
/// None of this architecture's own.
pub fn vgg16() -> Result<Network, Error> {
    let mut b = Builder::new(Kind::Map { channels: 3 });
    let stages: [&[usize]; 5] = [&[64; 2], &[128; 2], &[256; 3], &[512; 3], &[512; 3]];
    let (mut x, mut channels, mut number) = (Builder::INPUT, 3, 0);
    for (stage, widths) in stages.iter().enumerate() {
        for &width in *widths {
            let window = Window::square(3, 1, 1);
            x = b.convolution(
                &format!("features.{number}"),
                x,
                (channels, width),
                window,
                1,
                true,
            );
            x = b.node(
                &format!("features.{}", number + 1),
                Operator::Relu,
                &[x],
                &[],
            );
            (channels, number) = (width, number + 2);
        }
        if stage < 4 {
            let window = Window::square(2, 2, 0);
            x = b.node(
                &format!("features.{number}"),
                Operator::MaxPool { window },
                &[x],
                &[],
            );
            number += 1;
        }
    }
    b.finish()
}
