//! Where the numbers are computed, chosen at run time.
//!
//! The processor is always there. Graphics processors are features of the build, since their kernels and drivers weigh
//! more than all the rest; a build without one says so when it is asked for.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;

use crate::error::Error;

/// A device to compute on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compute {
    /// The processor, with its SIMD instructions and all its cores: `cpu`.
    #[default]
    Cpu,
    /// An NVIDIA GPU by its number: `cuda`, which is `cuda:0`, or `cuda:1`. Needs the cargo feature `cuda`.
    Cuda(usize),
    /// The fastest GPU that Vulkan, Metal or DirectX offers: `wgpu`. Needs the cargo feature `wgpu`.
    Wgpu,
}

impl Compute {
    /// The device itself, without automatic differentiation.
    ///
    /// # Errors
    /// [`Error::Device`] when this build cannot use it; says which feature is missing.
    pub fn device(self) -> Result<Device, Error> {
        match self {
            Self::Cpu => Ok(Device::flex()),
            #[cfg(feature = "cuda")]
            Self::Cuda(index) => Ok(Device::cuda(index)),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
            #[cfg(not(feature = "cuda"))]
            Self::Cuda(_) => Err(self.not_built("cuda")),
            #[cfg(not(feature = "wgpu"))]
            Self::Wgpu => Err(self.not_built("wgpu")),
        }
    }

    #[cfg(not(all(feature = "cuda", feature = "wgpu")))]
    fn not_built(self, feature: &str) -> Error {
        Error::Device {
            device: self.to_string(),
            why: format!(
                "this program was built without it; build with `--features {feature}`, or take cpu"
            ),
        }
    }
}

impl fmt::Display for Compute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(0) => f.write_str("cuda"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
            Self::Wgpu => f.write_str("wgpu"),
        }
    }
}

impl FromStr for Compute {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = || Error::Value {
            name: "the device",
            value: text.to_owned(),
            allowed: "choose cpu, cuda, cuda:NUMBER or wgpu".to_owned(),
        };
        match text.split_once(':') {
            None if text == "cpu" => Ok(Self::Cpu),
            None if text == "cuda" => Ok(Self::Cuda(0)),
            None if text == "wgpu" => Ok(Self::Wgpu),
            Some(("cuda", index)) => index.parse().map(Self::Cuda).map_err(|_| refused()),
            _ => Err(refused()),
        }
    }
}

vizsla_neural::as_text!(Compute);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in ["cpu", "cuda", "cuda:1", "wgpu"] {
            assert_eq!(name.parse::<Compute>().unwrap().to_string(), name);
        }
        let error = "gpu".parse::<Compute>().unwrap_err().to_string();
        assert_eq!(
            error,
            "the device cannot be 'gpu'; choose cpu, cuda, cuda:NUMBER or wgpu"
        );
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_device_that_was_not_built_in_says_which_feature() {
        assert!(Compute::Cpu.device().is_ok());
        let error = Compute::Cuda(0).device().unwrap_err().to_string();
        assert!(error.contains("--features cuda"), "{error}");
    }
}
