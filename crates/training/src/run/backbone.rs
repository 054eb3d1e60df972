//! Which network a run begins with.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::Error;

/// What gives the feature maps or vectors that a run goes on from.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum BackboneName {
    /// None is named yet.
    #[default]
    Unnamed,
    /// ResNet with 18, 50 or 101 layers, by torchvision's names of parameters.
    Resnet(usize),
    /// VGG with 16 layers, by torchvision's names.
    Vgg16,
    /// MobileNet of the first version with its width, by Keras' names.
    MobilenetV1(f64),
    /// A file in ONNX format.
    File(PathBuf),
    /// The id of a model in the registry.
    Model(String),
}

impl BackboneName {
    /// What there is, as it is written.
    pub const NAMES: &'static str = "a model of the registry, an ONNX file, or resnet18, resnet50, resnet101, vgg16 or mobilenet_v1:0.75";

    /// Lets the path of a file begin at a folder.
    pub(super) fn base(&mut self, folder: &Path) {
        if let Self::File(path) = self {
            *path = folder.join(&*path);
        }
    }
}

impl fmt::Display for BackboneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unnamed => Ok(()),
            Self::Resnet(layers) => write!(f, "resnet{layers}"),
            Self::Vgg16 => f.write_str("vgg16"),
            Self::MobilenetV1(width) => write!(f, "mobilenet_v1:{width}"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Model(id) => f.write_str(id),
        }
    }
}

impl FromStr for BackboneName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.ends_with(".onnx") {
            return Ok(Self::File(text.into()));
        }
        Ok(match (text, text.split_once(':')) {
            ("", _) => Self::Unnamed,
            ("resnet18", _) => Self::Resnet(18),
            ("resnet50", _) => Self::Resnet(50),
            ("resnet101", _) => Self::Resnet(101),
            ("vgg16", _) => Self::Vgg16,
            (_, Some(("mobilenet_v1", width))) => match width.parse::<f64>() {
                Ok(width) if width.is_finite() && width > 0.0 => Self::MobilenetV1(width),
                _ => {
                    let allowed = "its width is a number above zero, such as 0.75";
                    return Err(Error::setting("model.backbone", text, allowed));
                }
            },
            _ => Self::Model(text.to_owned()),
        })
    }
}

vizsla_neural::as_text!(BackboneName);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_backbone_is_read_as_it_is_written() {
        for text in [
            "",
            "resnet18",
            "resnet50",
            "resnet101",
            "vgg16",
            "mobilenet_v1:0.25",
            "mobilenet_v1:1",
            "nets/own.onnx",
            "dinov2-small",
        ] {
            let name: BackboneName = text.parse().unwrap();
            assert_eq!(name.to_string(), text);
            let registry = matches!(&name, BackboneName::Model(_));
            assert_eq!(registry, text == "dinov2-small", "{text}");
        }
        for text in [
            "mobilenet_v1:wide",
            "mobilenet_v1:",
            "mobilenet_v1:-1",
            "mobilenet_v1:NaN",
        ] {
            let error = text.parse::<BackboneName>().unwrap_err().to_string();
            assert!(error.contains(text) && error.contains("width"), "{error}");
        }
    }

    #[test]
    fn only_files_begin_at_the_folder_of_the_configuration() {
        let mut file: BackboneName = "own.onnx".parse().unwrap();
        file.base(Path::new("runs"));
        assert_eq!(file, BackboneName::File("runs/own.onnx".into()));
        let mut model: BackboneName = "dinov2-small".parse().unwrap();
        model.base(Path::new("runs"));
        assert_eq!(model.to_string(), "dinov2-small");
    }
}
