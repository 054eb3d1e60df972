//! The kinds of index files of vectors.
//!
//! What an index does stands on the floor of vectors ([`VectorIndex`]). Here stands which kinds there are, what the catalog
//! calls them, and how they are opened and made: another one is a file beside `flat.rs` and a line in [`KINDS`].

mod choice;
mod flat;
mod hash;
mod kd_forest;
mod kind;
mod named;
mod suited;

use std::path::Path;

use vizsla_vectors::{IndexName, VectorIndex};

pub use self::choice::IndexChoice;
use self::kind::Kind;
pub(crate) use self::kind::{IndexBytes, Planned, Source, Take};
pub(crate) use self::suited::{FLAT_BELOW, Suited, suited};
use crate::Error;

/// All kinds; new files are of the first unless a recipe asks for another.
static KINDS: [&Kind; 6] = [
    &flat::KIND,
    &kd_forest::KIND,
    &hash::SPECTRAL,
    &hash::ITQ,
    &hash::SEMANTIC,
    &named::KIND,
];

/// One of the kinds of index files of vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct VectorKind(usize);

impl VectorKind {
    /// The kind of new files where nothing else is asked for.
    pub(crate) const USUAL: Self = Self(0);

    /// The kind that a recipe asks for; the usual one where that depends on the vectors.
    pub(crate) fn of(choice: IndexChoice) -> Self {
        let name = match choice {
            IndexChoice::Named(_) => named::KIND.name,
            choice => choice.name(),
        };
        let mut kinds = Self::all();
        let found = kinds.find(|kind| kind.name() == name);
        found.unwrap_or(Self::USUAL)
    }

    /// The kind of indexes that are called by their names.
    pub(crate) fn named() -> Self {
        Self::of(IndexChoice::Named(IndexName::FLAT))
    }

    /// Whether its files are of a hash that the collection was given.
    pub(crate) fn is_of_a_given_hash(self) -> bool {
        self.name() == IndexChoice::SemanticHash.name()
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..KINDS.len()).map(Self)
    }

    pub(crate) fn name(self) -> &'static str {
        KINDS[self.0].name
    }

    pub(crate) fn ending(self) -> &'static str {
        KINDS[self.0].ending
    }

    /// Opens a file of this kind.
    pub(crate) fn open(self, path: &Path) -> Result<Box<dyn VectorIndex>, vizsla_vectors::Error> {
        (KINDS[self.0].open)(path)
    }

    /// Makes a file of this kind; it appears whole or not at all. Answers what could not be made as it was asked for, and why.
    pub(crate) fn make(self, path: &Path, source: &Source<'_>) -> Result<Option<String>, Error> {
        (KINDS[self.0].make)(path, source)
    }

    /// About the bytes that an index of this kind takes.
    pub(crate) fn bytes(self, planned: &Planned) -> IndexBytes {
        (KINDS[self.0].bytes)(planned)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use vizsla_vectors::{Activation, BinaryHasher, HashLayer};

    use super::*;

    #[test]
    fn every_kind_finds_what_it_was_made_from() {
        let folder = tempfile::tempdir().unwrap();
        let rows = [[1.0, 0.0], [0.0, 1.0], [0.8, 0.6]];
        let each = |take: &mut Take<'_>| {
            let mut rows = rows.iter().zip([3, 5, 8]);
            rows.try_for_each(|(row, id)| take(id, row))
        };
        let layer = HashLayer {
            weights: vec![1.0, 0.0, 0.0, 1.0],
            bias: vec![-0.5; 2],
            activation: Activation::Logistic,
        };
        let hash = BinaryHasher::from_layers(2, vec![layer]).unwrap();
        let source = Source {
            dimension: 2,
            tag: "test",
            hash: Some(&hash),
            name: "HNSW8,SQ8,RFlat".parse().ok(),
            recall: 0.9,
            each: &each,
        };
        for kind in VectorKind::all() {
            let path = folder.path().join(kind.name());
            kind.make(&path, &source).unwrap();
            let index = kind.open(&path).unwrap();
            index.verify().unwrap();
            let about = (index.len(), index.dimension(), index.tag(), index.last_id());
            assert_eq!(about, (3, 2, "test", 8), "{}", kind.name());
            let found = index.nearest(&[1.0, 0.0], 2, &vizsla_vectors::Allowed::All);
            let ids: Vec<i64> = found.unwrap().best.into_iter().map(|(id, _)| id).collect();
            assert_eq!(ids, [3, 8], "{}", kind.name());
            assert!(kind.open(folder.path()).is_err());
        }
    }

    #[test]
    fn every_kind_tells_about_how_long_its_file_is() {
        let folder = tempfile::tempdir().unwrap();
        // More than those that are always compared all.
        let (vectors, dimension) = (5000u64, 16);
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 16_777_216.0 - 0.5
        };
        let rows: Vec<Vec<f32>> = (0..vectors)
            .map(|_| (0..dimension).map(|_| next()).collect())
            .collect();
        let each = |take: &mut Take<'_>| {
            let mut rows = rows.iter().zip(1..);
            rows.try_for_each(|(row, id)| take(id, row))
        };
        let layer = HashLayer {
            weights: vec![0.5; 8 * dimension],
            bias: vec![0.0; 8],
            activation: Activation::Logistic,
        };
        let hash = BinaryHasher::from_layers(dimension, vec![layer]).unwrap();
        let source = Source {
            dimension,
            tag: "test",
            hash: Some(&hash),
            name: "IVF16,PQ8x4fs,Refine(SQ8)".parse().ok(),
            recall: 0.9,
            each: &each,
        };
        for kind in VectorKind::all() {
            let path = folder.path().join(kind.name());
            kind.make(&path, &source).unwrap();
            let planned = Planned {
                vectors,
                dimension,
                name: source.name,
                bits: hash.bits(),
            };
            let found = fs_err::metadata(&path).unwrap().len() as f64;
            let ratio = kind.bytes(&planned).file() / found;
            assert!((0.9..1.1).contains(&ratio), "{}: {ratio}", kind.name());
        }
    }

    #[test]
    fn each_choice_is_a_kind() {
        for choice in IndexChoice::ALL {
            assert_eq!(choice.to_string().parse::<IndexChoice>(), Ok(choice));
            if choice != IndexChoice::Auto {
                assert_eq!(VectorKind::of(choice).name(), choice.name());
            }
        }
        assert_eq!(VectorKind::of(IndexChoice::default()), VectorKind::USUAL);
        let recipe = crate::Recipe::from_toml("[search]\nindex = \"itq\"").unwrap();
        assert_eq!(recipe.search.index, IndexChoice::Itq);
        let written = recipe.to_toml().unwrap();
        assert_eq!(crate::Recipe::from_toml(&written).unwrap(), recipe);
        let usual = crate::Recipe::default().to_toml().unwrap();
        assert!(!usual.contains("index"), "recipes are written as before");
        let named = "[search]\nindex = \"IVF64, PQ8x4fs,RFlat\"";
        let recipe = crate::Recipe::from_toml(named).unwrap();
        assert_eq!(recipe.search.index.to_string(), "IVF64,PQ8x4fs,RFlat");
        assert_eq!(VectorKind::of(recipe.search.index), VectorKind::named());
        let written = recipe.to_toml().unwrap();
        assert_eq!(crate::Recipe::from_toml(&written).unwrap(), recipe);
        let error = crate::Recipe::from_toml("[search]\nindex = \"ivf\"").unwrap_err();
        assert!(error.to_string().contains("kd_forest"), "{error}");
        let error = "hnsw".parse::<IndexChoice>().unwrap_err().to_string();
        assert!(
            error.contains("auto, flat, kd_forest") && error.contains("HNSW16"),
            "{error}"
        );
    }

    #[test]
    fn each_kind_has_a_name_and_an_ending_of_its_own() {
        let names: BTreeSet<&str> = VectorKind::all().map(VectorKind::name).collect();
        let endings: BTreeSet<&str> = VectorKind::all().map(VectorKind::ending).collect();
        assert_eq!((names.len(), endings.len()), (KINDS.len(), KINDS.len()));
    }
}
