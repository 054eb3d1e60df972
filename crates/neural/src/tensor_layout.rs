//! The two orders in which the numbers of a picture go into a network.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// In which order the numbers of a picture go into a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TensorLayout {
    /// Channels × height × width, "NCHW".
    ChannelsFirst,
    /// Height × width × channels, "NHWC".
    ChannelsLast,
}

impl TensorLayout {
    /// Both.
    pub(crate) const ALL: [TensorLayout; 2] =
        [TensorLayout::ChannelsFirst, TensorLayout::ChannelsLast];
}

impl std::fmt::Display for TensorLayout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            TensorLayout::ChannelsFirst => "channels-first",
            TensorLayout::ChannelsLast => "channels-last",
        })
    }
}

impl std::str::FromStr for TensorLayout {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "channels-first" => Ok(TensorLayout::ChannelsFirst),
            "channels-last" => Ok(TensorLayout::ChannelsLast),
            _ => Err(Error::Value {
                name: "the layout",
                value: text.to_owned(),
                allowed: "it is channels-first (NCHW) or channels-last (NHWC)".into(),
            }),
        }
    }
}
