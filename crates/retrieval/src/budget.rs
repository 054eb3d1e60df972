//! What a collection of the same kind with more images takes, told from what this one measures of itself.
//!
//! Each part grows by its own rule: pages of the catalog with the rows that they hold, the inverted file with images, postings and words that
//! occur, an index of vectors by its kind and its name. What does not grow, such as the codebook, is counted apart. The figures are
//! those of a collection after it was optimized.

use std::fmt;

use serde::Serialize;
use vizsla_words::SegmentShape;

use crate::catalog::{Held, Owner, Tree};
use crate::indexes::{IndexBytes, Planned};
use crate::spaces::{Wanted, most_outside};
use crate::{Collection, Error, Scoring};

/// Most images that are reckoned with.
const MOST_IMAGES: u64 = 1_000_000_000_000;
/// Bytes of pages that a connection to the catalog keeps.
const PAGES: f64 = 16_384.0 * 1024.0;
/// Images of a batch, and batches that are in memory while pictures are indexed.
const BATCHES: f64 = 3.0 * 256.0;
/// Bytes by which an image of known content is remembered while others are indexed.
const KNOWN: f64 = 64.0;
/// Bytes of an image while segments are merged.
const MERGED: f64 = 20.0;

/// What a collection takes, as an estimate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Budget {
    /// How many images it is to have.
    pub images: u64,
    /// How many there are, of which this is told.
    pub measured: u64,
    /// Bytes on disk.
    pub disk: Vec<BudgetLine>,
    /// Bytes on disk together.
    pub disk_bytes: u64,
    /// Bytes of memory that a search holds.
    pub search: Vec<BudgetLine>,
    /// Bytes of memory that a search holds together, at least.
    pub search_bytes: u64,
    /// Bytes of mapped files of which any search may read all: it is fast where they stay in memory, and the system may drop them.
    pub walked: Vec<BudgetLine>,
    /// These together.
    pub walked_bytes: u64,
    /// Bytes of mapped files of which a search reads little.
    pub mapped_bytes: u64,
    /// Bytes of memory that indexing pictures takes at least, besides those that are being decoded.
    pub indexing_bytes: u64,
    /// Bytes of memory that optimizing takes at least.
    pub optimizing_bytes: u64,
    /// The indexes of vectors.
    pub indexes: Vec<PlannedIndex>,
}

/// A part of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BudgetLine {
    /// What takes it.
    pub part: BudgetPart,
    /// How much.
    pub bytes: u64,
}

/// An index of vectors that there would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedIndex {
    /// Whose vectors: of images or of captions.
    pub of: String,
    /// How many.
    pub vectors: u64,
    /// Numbers of a vector.
    pub dimension: usize,
    /// Its kind, or what it is made of.
    pub index: String,
    /// Bytes of its file.
    pub bytes: u64,
}

/// What takes space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetPart {
    /// Rows of images and of their files.
    Images,
    /// Local features, with pictures in little.
    LocalFeatures,
    /// Vectors of images in the catalog.
    ImageVectors,
    /// Captions, their words and their vectors in the catalog.
    Captions,
    /// Metadata.
    Metadata,
    /// What of the catalog does not grow.
    Catalog,
    /// The inverted file.
    Words,
    /// The index of vectors of images.
    ImageIndex,
    /// The index of vectors of captions.
    CaptionIndex,
    /// The graph of neighbours.
    Graph,
    /// Codebook, whitening, hash, and networks that are kept with the collection.
    Artefacts,
    /// Networks of the registry.
    Networks,
    /// Scores of all images.
    Tallies,
    /// Vectors that are newer than their index.
    NewVectors,
    /// Pages of the catalog that are kept.
    Pages,
}

impl fmt::Display for BudgetPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Images => "images and files",
            Self::LocalFeatures => "local features",
            Self::ImageVectors => "vectors of images",
            Self::Captions => "captions",
            Self::Metadata => "metadata",
            Self::Catalog => "rest of the catalog",
            Self::Words => "inverted file",
            Self::ImageIndex => "index of images",
            Self::CaptionIndex => "index of captions",
            Self::Graph => "graph of neighbours",
            Self::Artefacts => "artefacts",
            Self::Networks => "networks",
            Self::Tallies => "scores of all images",
            Self::NewVectors => "newest vectors, at most",
            Self::Pages => "pages of the catalog",
        })
    }
}

/// Parts of which some bytes are taken.
#[derive(Default)]
struct Lines(Vec<BudgetLine>);

impl Lines {
    fn add(&mut self, part: BudgetPart, bytes: f64) {
        let bytes = bytes.round() as u64;
        if bytes > 0 {
            self.0.push(BudgetLine { part, bytes });
        }
    }

    fn bytes(&self) -> u64 {
        self.0.iter().map(|line| line.bytes).sum()
    }
}

/// An index of vectors that is not made yet.
struct Space {
    planned: PlannedIndex,
    part: BudgetPart,
    bytes: IndexBytes,
    /// Vectors in memory that are newer than it.
    newest: f64,
}

impl Collection {
    /// What a collection of this recipe takes with so many images of the same kind, as an estimate from what this one takes. All pages of
    /// the catalog are read.
    ///
    /// # Errors
    /// The number is 0 or above 10¹², there are no images to measure, or the collection is damaged.
    pub fn budget(&self, images: u64) -> Result<Budget, Error> {
        if !(1..=MOST_IMAGES).contains(&images) {
            return Err(Error::Query(format!(
                "a budget is of 1 to {MOST_IMAGES} images, not of {images}"
            )));
        }
        let (snapshot, catalog) = self.view()?;
        let measured = snapshot.images;
        if measured == 0 {
            return Err(Error::NoPictures {
                what: "there are no images to measure; index some of the pictures first".into(),
                path: self.path().to_owned(),
            });
        }
        let times = images as f64 / measured as f64;
        let trees = catalog.trees()?;
        let segments = snapshot.segments()?;
        let shape = SegmentShape::of(segments).map(|shape| shape.grown(images as f64));
        let mut spaces = Vec::new();
        for owner in [Owner::Image, Owner::Caption] {
            let (count, _) = catalog.vector_count(owner)?;
            spaces.extend(self.planned_space(owner, (count as f64 * times).round() as u64)?);
        }
        let vectors = spaces
            .first()
            .filter(|space| space.part == BudgetPart::ImageIndex);
        let graph = vectors.map_or(0.0, |space| {
            self.planned_graph(&catalog, space.planned.vectors)
        });
        let words = shape.map_or(0.0, |shape| shape.bytes());
        let tables = shape.map_or(0.0, |shape| shape.table_bytes());
        let artefacts = self.folder.bytes().1 as f64;

        let mut disk = Lines::default();
        for (part, held) in [
            (BudgetPart::Images, Held::Images),
            (BudgetPart::LocalFeatures, Held::Features),
            (BudgetPart::ImageVectors, Held::ImageVectors),
            (BudgetPart::Captions, Held::Captions),
            (BudgetPart::Metadata, Held::Metadata),
            (BudgetPart::Catalog, Held::Rest),
        ] {
            disk.add(part, grown(&trees, held, times));
        }
        disk.add(BudgetPart::Words, words);
        for space in &spaces {
            disk.add(space.part, space.bytes.file());
        }
        disk.add(BudgetPart::Graph, graph);
        disk.add(BudgetPart::Artefacts, artefacts);

        let mut search = Lines::default();
        search.add(BudgetPart::Artefacts, artefacts);
        search.add(
            BudgetPart::Networks,
            self.models.bytes_of_files(&self.recipe) as f64,
        );
        search.add(BudgetPart::Tallies, images as f64 * self.bytes_of_a_score());
        search.add(
            BudgetPart::NewVectors,
            spaces.iter().map(|space| space.newest).sum(),
        );
        search.add(BudgetPart::Pages, PAGES);

        let mut walked = Lines::default();
        walked.add(BudgetPart::Words, tables);
        for space in &spaces {
            walked.add(space.part, space.bytes.walked);
        }

        let used = |held| {
            let trees = trees.iter().filter(|tree| tree.held == held);
            trees.map(|tree| tree.used).sum::<f64>() / measured as f64
        };
        let indexing = BATCHES.min(images as f64) * used(Held::Features)
            + images as f64 * (KNOWN + used(Held::Images));
        let making = spaces.iter().map(|space| space.bytes.making);
        let linking = vectors.filter(|_| graph > 0.0).map_or(0.0, |space| {
            graph + space.planned.vectors as f64 * (4 * space.planned.dimension) as f64
        });
        let optimizing = making.fold(MERGED * images as f64, f64::max).max(linking);
        let rest: f64 = spaces.iter().map(|space| space.bytes.rest).sum();
        Ok(Budget {
            images,
            measured,
            disk_bytes: disk.bytes(),
            disk: disk.0,
            search_bytes: search.bytes(),
            search: search.0,
            walked_bytes: walked.bytes(),
            walked: walked.0,
            mapped_bytes: (words - tables + rest + graph).max(0.0) as u64,
            indexing_bytes: (PAGES + artefacts + indexing) as u64,
            optimizing_bytes: (PAGES + artefacts + optimizing) as u64,
            indexes: spaces.into_iter().map(|space| space.planned).collect(),
        })
    }

    /// The index that so many vectors of an owner would have; `None` where the recipe has no such part, or there are none.
    fn planned_space(&self, owner: Owner, vectors: u64) -> Result<Option<Space>, Error> {
        let Some(compared) = self.compared(owner)?.filter(|_| vectors > 0) else {
            return Ok(None);
        };
        let dimension = compared.dimension();
        let Wanted { kind, name, .. } = self.wanted_index(owner, vectors, dimension);
        let bits = match kind.is_of_a_given_hash() {
            true => self.hash()?.map_or(0, |hash| hash.bits()),
            false => 0,
        };
        let bytes = kind.bytes(&Planned {
            vectors,
            dimension,
            name,
            bits,
        });
        let (of, part) = match owner {
            Owner::Image => ("image", BudgetPart::ImageIndex),
            Owner::Caption => ("caption", BudgetPart::CaptionIndex),
        };
        Ok(Some(Space {
            planned: PlannedIndex {
                of: of.to_owned(),
                vectors,
                dimension,
                index: name.map_or_else(|| kind.name().to_owned(), |name| name.to_string()),
                bytes: bytes.file().round() as u64,
            },
            part,
            bytes,
            newest: most_outside(vectors) as f64 * (8 + 4 * dimension) as f64,
        }))
    }

    /// Bytes of an image's score by its words while a search runs, and of its length where that is kept.
    fn bytes_of_a_score(&self) -> f64 {
        let search = &self.recipe.search;
        match search.scoring {
            _ if !self.recipe.local.enabled => 0.0,
            Scoring::Hamming | Scoring::HammingWgc => 4.0,
            Scoring::Asmk if !search.asmk.idf => 4.0,
            Scoring::Bow | Scoring::Asmk => 12.0,
        }
    }
}

/// Bytes of pages that hold such rows, when there are so many times as many.
fn grown(trees: &[Tree], held: Held, times: f64) -> f64 {
    let trees = trees.iter().filter(|tree| tree.held == held);
    trees.map(|tree| tree.grown(times)).sum()
}
