//! Networks that are known by name, and what is put behind them.
//!
//! Parameters have the names of torchvision's models (ResNet, VGG) and of Keras' (MobileNet), so that published weights
//! are read as they are. Backbones end at their last feature map.

mod heads;
mod mobilenet;
mod poolings;
mod resnet;
mod vgg;

pub use heads::{head, whitening};
pub use mobilenet::mobilenet_v1;
pub use poolings::pooling;
pub use resnet::resnet;
pub use vgg::vgg16;
