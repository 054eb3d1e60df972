//! How vectors are linked in a graph of nearest neighbours.

use std::fmt;
use std::str::FromStr;

/// Which neighbours are linked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Linking {
    /// Two vectors that are both among the nearest of the other (Iscen et al. 2017).
    #[default]
    Mutual,
    /// Two vectors one of which is among the nearest of the other.
    Either,
}

impl Linking {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Mutual, Self::Either];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mutual => "mutual",
            Self::Either => "either",
        }
    }
}

impl fmt::Display for Linking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Linking {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|linking| linking.name() == text);
        found.ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("there is no linking `{text}`; there are {known}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for linking in Linking::ALL {
            assert_eq!(linking.to_string().parse(), Ok(linking));
        }
        let error = "both".parse::<Linking>().unwrap_err();
        assert!(error.contains("mutual, either"), "{error}");
    }
}
