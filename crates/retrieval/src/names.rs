//! Names that a catalog holds and that become paths.
//!
//! A collection may come from a stranger. What its catalog says becomes a path only by way of these types, and they have
//! no form for a separator, a parent or a root.

use std::fmt;
use std::str::FromStr;

use vizsla_vectors::AtomicFile;

use crate::catalog::Owner;
use crate::indexes::VectorKind;

/// Digits that a number is filled up to.
const DIGITS: usize = 8;
/// No index file has a greater number.
pub(crate) const MOST_NUMBER: i64 = 999_999_999_999_999;
/// Hexadecimal digits of a content's name.
const ID_DIGITS: usize = 32;

/// A file under `segments/`: `00000007.vzsg`, `global-00000007.vzfv`, `text-00000007.vzfv` or `graph-00000007.vzkg`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct IndexFile {
    kind: IndexKind,
    number: i64,
}

/// What an index file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum IndexKind {
    /// A segment of the inverted file.
    Words,
    /// Vectors as they are compared, in an index of this kind.
    Vectors(Owner, VectorKind),
    /// The graph of neighbours of the vectors of images.
    Graph,
}

/// What an index file makes findable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Indexed {
    /// The visual words of images.
    Words,
    /// The vectors of an owner.
    Vectors(Owner),
    /// Which images are neighbours.
    Graph,
}

impl Indexed {
    pub const ALL: [Self; 4] = [
        Self::Words,
        Self::Vectors(Owner::Image),
        Self::Vectors(Owner::Caption),
        Self::Graph,
    ];

    /// What the catalog calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::Vectors(owner) => owner.name(),
            Self::Graph => "graph",
        }
    }
}

impl IndexKind {
    /// All that this program knows.
    pub fn all() -> impl Iterator<Item = Self> {
        let owners = [Owner::Image, Owner::Caption].into_iter();
        let vectors = owners.flat_map(|owner| VectorKind::all().map(move |kind| (owner, kind)));
        let vectors = vectors.map(|(owner, kind)| Self::Vectors(owner, kind));
        [Self::Words, Self::Graph].into_iter().chain(vectors)
    }

    /// What the catalog calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Words => "segment",
            Self::Vectors(_, kind) => kind.name(),
            Self::Graph => "knn",
        }
    }

    pub fn indexed(self) -> Indexed {
        match self {
            Self::Words => Indexed::Words,
            Self::Vectors(owner, _) => Indexed::Vectors(owner),
            Self::Graph => Indexed::Graph,
        }
    }

    /// What stands before and after the number.
    fn around(self) -> (String, &'static str) {
        match self {
            Self::Words => (String::new(), ".vzsg"),
            Self::Vectors(owner, kind) => (format!("{}-", owner.name()), kind.ending()),
            Self::Graph => ("graph-".into(), ".vzkg"),
        }
    }
}

impl IndexFile {
    /// The name of this number; `None` when there is no such number.
    pub fn new(kind: IndexKind, number: i64) -> Option<Self> {
        (1..=MOST_NUMBER)
            .contains(&number)
            .then_some(Self { kind, number })
    }

    pub fn kind(self) -> IndexKind {
        self.kind
    }

    pub fn number(self) -> i64 {
        self.number
    }

    /// Whether `name` is that of an index file, or of one that was being written.
    pub fn is_or_was_to_be(name: &str) -> bool {
        let whole = match name.strip_suffix(".tmp").and_then(|n| n.rsplit_once('.')) {
            Some((whole, _)) if AtomicFile::is_temporary_of(name, whole) => whole,
            _ => name,
        };
        whole.parse::<Self>().is_ok()
    }
}

impl fmt::Display for IndexFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = self.kind.around();
        write!(f, "{before}{:0DIGITS$}{after}", self.number)
    }
}

impl FromStr for IndexFile {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let found = IndexKind::all().find_map(|kind| {
            let (before, after) = kind.around();
            let digits = name.strip_prefix(before.as_str())?.strip_suffix(after)?;
            let plain = digits.bytes().all(|b| b.is_ascii_digit());
            Self::new(kind, digits.parse().ok().filter(|_| plain)?)
        });
        // One number has one name.
        found.filter(|file| file.to_string() == name).ok_or(())
    }
}

/// A file under `artefacts/`, named by the hash of its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Artefact {
    kind: ArtefactKind,
    id: String,
}

/// What an artefact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArtefactKind {
    Codebook,
    Whitening,
    Pooling,
    Aggregator,
    /// The network of learned local features.
    LocalModel,
    Hash,
}

impl ArtefactKind {
    const ALL: [Self; 6] = [
        Self::Codebook,
        Self::Whitening,
        Self::Pooling,
        Self::Aggregator,
        Self::LocalModel,
        Self::Hash,
    ];

    fn around(self) -> (&'static str, &'static str) {
        match self {
            Self::Codebook => ("codebook-", ".vzcb"),
            Self::Whitening => ("whitening-", ".vzpj"),
            Self::Pooling => ("pooling-", ".vzpl"),
            Self::Aggregator => ("aggregator-", ".vzag"),
            Self::LocalModel => ("local-model-", ".onnx"),
            Self::Hash => ("hash-", ".vzbh"),
        }
    }
}

impl Artefact {
    /// The artefact with this hash; `None` when it is none.
    pub fn new(kind: ArtefactKind, id: &str) -> Option<Self> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (id.len() == ID_DIGITS && id.bytes().all(hex)).then(|| Self {
            kind,
            id: id.to_owned(),
        })
    }

    /// Whether `name` is that of an artefact that was being written.
    pub fn was_to_be(name: &str) -> bool {
        let whole = name.strip_suffix(".tmp").and_then(|n| n.rsplit_once('.'));
        whole.is_some_and(|(whole, _)| {
            AtomicFile::is_temporary_of(name, whole)
                && ArtefactKind::ALL.into_iter().any(|kind| {
                    let (before, after) = kind.around();
                    whole
                        .strip_prefix(before)
                        .and_then(|rest| rest.strip_suffix(after))
                        .is_some_and(|id| Self::new(kind, id).is_some())
                })
        })
    }
}

impl fmt::Display for Artefact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = self.kind.around();
        write!(f, "{before}{}{after}", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_name() {
        for (name, kind, number) in [
            ("00000001.vzsg", IndexKind::Words, 1),
            ("123456789.vzsg", IndexKind::Words, 123_456_789),
            (
                "global-00000012.vzfv",
                IndexKind::Vectors(Owner::Image, VectorKind::USUAL),
                12,
            ),
            (
                "text-00000003.vzfv",
                IndexKind::Vectors(Owner::Caption, VectorKind::USUAL),
                3,
            ),
            ("graph-00000004.vzkg", IndexKind::Graph, 4),
        ] {
            let file: IndexFile = name.parse().unwrap();
            assert_eq!((file.kind(), file.number()), (kind, number));
            assert_eq!(file.to_string(), name);
        }
    }

    #[test]
    fn nothing_else_is_the_name_of_an_index_file() {
        for name in [
            "",
            "1.vzsg",
            "000000001.vzsg",
            "+0000001.vzsg",
            "-0000001.vzsg",
            "00000000.vzsg",
            "00000001.vzsg/",
            "/00000001.vzsg",
            "../00000001.vzsg",
            "a/../00000001.vzsg",
            "00000001.vzsg\0",
            "00000001.VZSG",
            "00000001.vzfv",
            "global-00000001.vzsg",
            "other-00000001.vzfv",
            "00000001.vzkg",
            "graph-00000001.vzfv",
            "99999999999999999999.vzsg",
            "9999999999999999.vzsg",
            "00000001.vzsg.7.tmp",
            "٠٠٠٠٠٠٠١.vzsg",
        ] {
            assert!(name.parse::<IndexFile>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn what_was_being_written_is_known_by_its_name() {
        for name in [
            "00000001.vzsg",
            "00000001.vzsg.12.tmp",
            "text-00000001.vzfv.12-3.tmp",
        ] {
            assert!(IndexFile::is_or_was_to_be(name), "{name}");
        }
        for name in [
            "notes.txt",
            "00000001.vzsg.tmp",
            "00000001.vzsg.x.tmp",
            "a.12.tmp",
            ".tmp",
        ] {
            assert!(!IndexFile::is_or_was_to_be(name), "{name}");
        }
        let id = "00b4ad3e807d02ab200d39168f430c40";
        assert!(Artefact::was_to_be(&format!("codebook-{id}.vzcb.9.tmp")));
        assert!(!Artefact::was_to_be(&format!("codebook-{id}.vzcb")));
        assert!(Artefact::was_to_be(&format!("hash-{id}.vzbh.9.tmp")));
        assert!(!Artefact::was_to_be("codebook-x.vzcb.9.tmp"));
    }

    #[test]
    fn an_artefact_is_named_by_a_hash() {
        let id = "00b4ad3e807d02ab200d39168f430c40";
        let codebook = Artefact::new(ArtefactKind::Codebook, id).unwrap();
        assert_eq!(codebook.to_string(), format!("codebook-{id}.vzcb"));
        for id in [
            "",
            "../00b4ad3e807d02ab200d39168f430",
            &id.to_uppercase(),
            &id[1..],
        ] {
            assert!(Artefact::new(ArtefactKind::Whitening, id).is_none(), "{id}");
        }
    }
}
