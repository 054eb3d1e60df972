//! What a pooling is called. A name is read once, where a file or an option is read, and says by itself what it needs.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::{FisherPooling, NetVlad, Pooling};
use crate::error::Error;

/// Most levels of R-MAC; beyond, regions would be smaller than a place for any usual map.
const MOST_LEVELS: usize = 20;

/// A pooling by its name: as [`Pooling`], but of what was learned it holds only which one.
#[derive(Debug, Clone, PartialEq)]
pub enum PoolingName {
    /// See [`Pooling::Mac`].
    Mac,
    /// See [`Pooling::Spoc`].
    Spoc,
    /// See [`Pooling::SpocCentre`].
    SpocCentre,
    /// See [`Pooling::Crow`].
    Crow,
    /// See [`Pooling::RMac`].
    RMac {
        /// Number of levels.
        levels: usize,
    },
    /// See [`Pooling::Gem`].
    Gem {
        /// The exponent.
        p: f32,
    },
    /// One that was learned from images.
    Learned {
        /// What kind of thing was learned.
        kind: LearnedPooling,
        /// The id of what was learned; in a recipe that a person wrote, a file.
        which: String,
    },
    /// Several, one after the other.
    Joined(Vec<PoolingName>),
}

/// The poolings that are learned from images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LearnedPooling {
    /// See [`NetVlad`].
    NetVlad,
    /// See [`FisherPooling`].
    Fisher,
}

/// What a recipe or a model says of the pooling.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum PoolingRecipe {
    /// Nothing, an empty text: the model's own, or `spoc`.
    #[default]
    Open,
    /// `none`: there is nothing to pool, the model gives vectors.
    None,
    /// This one.
    Named(PoolingName),
}

impl LearnedPooling {
    /// The name before the colon.
    pub fn name(self) -> &'static str {
        match self {
            Self::NetVlad => "netvlad",
            Self::Fisher => "fisher",
        }
    }
}

impl PoolingName {
    /// The pooling itself, where the name alone is enough.
    ///
    /// # Errors
    /// When a part of it was learned from images.
    pub fn plain(&self) -> Result<Pooling, Error> {
        match self.learned().first() {
            None => self.open(&|_| PathBuf::new()),
            Some((kind, which)) => Err(not_learned(&format!("{}:{which}", kind.name()))),
        }
    }

    /// The pooling itself; `file` says where one that was learned lies.
    ///
    /// # Errors
    /// When a file cannot be read or holds something else.
    pub fn open(&self, file: &dyn Fn(&str) -> PathBuf) -> Result<Pooling, Error> {
        Ok(match self {
            Self::Mac => Pooling::Mac,
            Self::Spoc => Pooling::Spoc,
            Self::SpocCentre => Pooling::SpocCentre,
            Self::Crow => Pooling::Crow,
            Self::RMac { levels } => Pooling::RMac { levels: *levels },
            Self::Gem { p } => Pooling::Gem { p: *p },
            Self::Learned { kind, which } => match kind {
                LearnedPooling::NetVlad => Pooling::NetVlad(NetVlad::open(&file(which))?.into()),
                LearnedPooling::Fisher => {
                    Pooling::Fisher(FisherPooling::open(&file(which))?.into())
                }
            },
            Self::Joined(parts) => {
                let parts = parts.iter().map(|part| part.open(file));
                Pooling::Joined(parts.collect::<Result<_, _>>()?)
            }
        })
    }

    /// The parts that are not made of others, itself included.
    pub fn parts(&self) -> &[PoolingName] {
        match self {
            Self::Joined(parts) => parts,
            single => std::slice::from_ref(single),
        }
    }

    /// What of it was learned: the kind, and which.
    pub fn learned(&self) -> Vec<(LearnedPooling, &str)> {
        self.parts()
            .iter()
            .filter_map(|part| match part {
                Self::Learned { kind, which } => Some((*kind, which.as_str())),
                _ => None,
            })
            .collect()
    }
}

impl PoolingRecipe {
    /// The pooling that is named.
    pub fn named(&self) -> Option<&PoolingName> {
        match self {
            Self::Named(name) => Some(name),
            Self::Open | Self::None => None,
        }
    }
}

impl fmt::Display for PoolingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mac => f.write_str("mac"),
            Self::Spoc => f.write_str("spoc"),
            Self::SpocCentre => f.write_str("spoc+centre"),
            Self::Crow => f.write_str("crow"),
            Self::RMac { levels } => write!(f, "r_mac:{levels}"),
            Self::Gem { p } => write!(f, "gem:{p}"),
            Self::Learned { kind, which } => write!(f, "{}:{which}", kind.name()),
            Self::Joined(parts) => {
                for (at, part) in parts.iter().enumerate() {
                    write!(f, "{}{part}", if at > 0 { "|" } else { "" })?;
                }
                Ok(())
            }
        }
    }
}

impl FromStr for PoolingName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.contains('|') {
            let parts = text.split('|').map(str::parse).collect::<Result<_, _>>()?;
            return Ok(Self::Joined(parts));
        }
        let refused = |allowed: &str| refused(text, allowed);
        let (name, setting) = match text.split_once(':') {
            Some((name, setting)) => (name, Some(setting)),
            None => (text, None),
        };
        let learned = |kind| match setting {
            Some(which) if !which.is_empty() => Ok(Self::Learned {
                kind,
                which: which.to_owned(),
            }),
            _ => Err(not_learned(text)),
        };
        match (name, setting) {
            ("mac", None) => Ok(Self::Mac),
            ("spoc", None) => Ok(Self::Spoc),
            ("spoc+centre", None) => Ok(Self::SpocCentre),
            ("crow", None) => Ok(Self::Crow),
            ("r_mac", setting) => match setting.unwrap_or("3").parse() {
                Ok(levels) if (1..=MOST_LEVELS).contains(&levels) => Ok(Self::RMac { levels }),
                _ => Err(refused("r_mac takes 1 to 20 levels, as r_mac:3")),
            },
            ("gem", setting) => match setting.unwrap_or("3").parse::<f32>() {
                Ok(p) if (0.1..=100.0).contains(&p) => Ok(Self::Gem { p }),
                _ => Err(refused("gem takes an exponent from 0.1 to 100, as gem:3")),
            },
            ("netvlad", _) => learned(LearnedPooling::NetVlad),
            ("fisher", _) => learned(LearnedPooling::Fisher),
            _ => Err(refused(
                "choose mac, spoc, spoc+centre, crow, r_mac:LEVELS, gem:P, or several joined by |; netvlad:FILE and \
                 fisher:FILE where something was learned",
            )),
        }
    }
}

impl fmt::Display for PoolingRecipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => Ok(()),
            Self::None => f.write_str("none"),
            Self::Named(name) => name.fmt(f),
        }
    }
}

impl FromStr for PoolingRecipe {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "" => Ok(Self::Open),
            "none" => Ok(Self::None),
            name => name.parse().map(Self::Named),
        }
    }
}

crate::as_text!(PoolingName);
crate::as_text!(PoolingRecipe);

fn refused(text: &str, allowed: &str) -> Error {
    Error::Value {
        name: "the pooling",
        value: text.to_owned(),
        allowed: allowed.to_owned(),
    }
}

fn not_learned(text: &str) -> Error {
    refused(
        text,
        "it is learned from images: give the file that `vizsla models learn-pooling` wrote, as netvlad:FILE",
    )
}

impl Pooling {
    /// What it is called; [`PoolingName::open`] makes it again.
    pub fn name(&self) -> PoolingName {
        let learned = |kind, id: &str| PoolingName::Learned {
            kind,
            which: id.to_owned(),
        };
        match self {
            Self::Mac => PoolingName::Mac,
            Self::Spoc => PoolingName::Spoc,
            Self::SpocCentre => PoolingName::SpocCentre,
            Self::Crow => PoolingName::Crow,
            Self::RMac { levels } => PoolingName::RMac { levels: *levels },
            Self::Gem { p } => PoolingName::Gem { p: *p },
            Self::NetVlad(netvlad) => learned(LearnedPooling::NetVlad, netvlad.id()),
            Self::Fisher(fisher) => learned(LearnedPooling::Fisher, fisher.id()),
            Self::Joined(parts) => PoolingName::Joined(parts.iter().map(Self::name).collect()),
        }
    }
}

impl fmt::Display for Pooling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name().fmt(f)
    }
}

impl FromStr for Pooling {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text.parse::<PoolingName>()?.plain()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in [
            "mac",
            "spoc",
            "spoc+centre",
            "crow",
            "r_mac:4",
            "gem:2.5",
            "netvlad:0123abcd",
            "spoc|fisher:places.vzpl|gem:3",
        ] {
            assert_eq!(name.parse::<PoolingName>().unwrap().to_string(), name);
            assert_eq!(name.parse::<PoolingRecipe>().unwrap().to_string(), name);
            let json = serde_json::to_string(&name.parse::<PoolingRecipe>().unwrap()).unwrap();
            assert_eq!(json, format!("\"{name}\""));
            let again: PoolingRecipe = serde_json::from_str(&json).unwrap();
            assert_eq!(again.named().unwrap().to_string(), name);
        }
        for name in ["", "none"] {
            assert_eq!(name.parse::<PoolingRecipe>().unwrap().to_string(), name);
        }
        let short = ["gem", "r_mac"].map(|name| name.parse::<PoolingName>().unwrap().to_string());
        assert_eq!(short, ["gem:3", "r_mac:3"]);
    }

    #[test]
    fn an_unknown_name_lists_those_there_are() {
        for name in [
            "", "max", "none", "gem:0", "gem:nan", "r_mac:0", "mac:3", "netvlad", "fisher:",
            "spoc|",
        ] {
            let error = name.parse::<PoolingName>().unwrap_err().to_string();
            assert!(error.contains("cannot be"), "{error}");
        }
        let error = serde_json::from_str::<PoolingRecipe>("\"gam\"").unwrap_err();
        for known in [
            "mac",
            "spoc+centre",
            "crow",
            "r_mac:LEVELS",
            "gem:P",
            "netvlad",
        ] {
            assert!(error.to_string().contains(known), "{error}");
        }
    }

    #[test]
    fn what_was_learned_is_told_and_not_made_from_its_name() {
        let name: PoolingName = "spoc|netvlad:abc|fisher:def".parse().unwrap();
        let learned = [
            (LearnedPooling::NetVlad, "abc"),
            (LearnedPooling::Fisher, "def"),
        ];
        assert_eq!(name.learned(), learned);
        let error = name.plain().unwrap_err().to_string();
        assert!(
            error.contains("netvlad:abc") && error.contains("learn-pooling"),
            "{error}"
        );
        let plain: PoolingName = "spoc|gem:3".parse().unwrap();
        assert_eq!(plain.plain().unwrap().name(), plain);
    }
}
