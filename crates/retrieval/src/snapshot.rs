//! What readers see: the segments, vectors and removals of one commit.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use vizsla_vectors::{Graph, IdSet};
use vizsla_words::{IdfNorms, Segment};

use crate::catalog::Owner;
use crate::error::Damage;
use crate::space::Space;
use crate::{Error, Scoring, SearchRecipe};

/// How long a damaged part is not looked at again.
const AGAIN: Duration = Duration::from_secs(5);

/// The segments and removals that one commit made visible.
pub(crate) struct Snapshot {
    /// That of the catalog.
    pub version: i64,
    /// When it was opened.
    pub loaded: Instant,
    pub segments: Result<Vec<Segment>, Damage>,
    /// Lengths of their images under idf weights, made when first needed.
    pub norms: OnceLock<IdfNorms>,
    pub removed: IdSet,
    pub images: u64,
    pub global: Result<Option<Arc<Space>>, Damage>,
    pub text: Result<Option<Arc<Space>>, Damage>,
    pub graph: Result<Option<Arc<Graph>>, Damage>,
}

impl Snapshot {
    /// Whether its files are as long as when they were opened; one that was cut short is opened again, and refused then.
    pub fn is_whole(&self) -> bool {
        let whole = |space: &Result<Option<Arc<Space>>, Damage>| {
            let space = space.as_ref().ok().and_then(Option::as_ref);
            space.is_none_or(|space| space.is_whole())
        };
        let mut segments = self.segments.iter().flatten();
        segments.all(|segment| segment.check_whole().is_ok())
            && whole(&self.global)
            && whole(&self.text)
            && (self.graph.iter().flatten()).all(|graph| graph.check_whole().is_ok())
    }

    /// Whether a part that is damaged has not been looked at for a while: it may have been brought back.
    pub fn is_due(&self) -> bool {
        self.damage().next().is_some() && self.loaded.elapsed() > AGAIN
    }

    pub fn damage(&self) -> impl Iterator<Item = &Damage> {
        let segments = self.segments.as_ref().err();
        let spaces = [&self.global, &self.text].map(|space| space.as_ref().err());
        let graph = self.graph.as_ref().err();
        let vectors = spaces.into_iter().flatten().chain(graph);
        segments.into_iter().chain(vectors)
    }

    /// The inverted file.
    pub fn segments(&self) -> Result<&[Segment], Error> {
        match &self.segments {
            Ok(segments) => Ok(segments),
            Err(damage) => Err(damage.clone().into()),
        }
    }

    /// Lengths of the images of the inverted file under the weights of the recipe, which is the same at every call; `None` where
    /// its scoring needs none.
    pub fn norms(&self, recipe: &SearchRecipe) -> Result<Option<&IdfNorms>, Error> {
        let needed = match recipe.scoring {
            Scoring::Hamming | Scoring::HammingWgc => false,
            Scoring::Bow => true,
            Scoring::Asmk => recipe.asmk.idf,
        };
        if !needed || self.norms.get().is_some() {
            return Ok(self.norms.get());
        }
        let segments: Vec<&Segment> = self.segments()?.iter().collect();
        let norms = match recipe.scoring {
            Scoring::Bow => IdfNorms::of_bags(&segments, &recipe.bow),
            _ => IdfNorms::new(&segments),
        };
        let norms = norms.map_err(Error::of_index)?;
        Ok(Some(self.norms.get_or_init(|| norms)))
    }

    /// Vectors of images, or of captions.
    pub fn space(&self, owner: Owner) -> Result<Option<&Space>, Error> {
        let space = match owner {
            Owner::Image => &self.global,
            Owner::Caption => &self.text,
        };
        match space {
            Ok(space) => Ok(space.as_deref()),
            Err(damage) => Err(damage.clone().into()),
        }
    }

    /// The graph of neighbours of the vectors of images, where there is one of all of them; images that were removed since may
    /// be in it.
    pub fn graph(&self) -> Result<Option<&Graph>, Error> {
        let graph = match &self.graph {
            Ok(graph) => graph.as_deref(),
            Err(damage) => return Err(damage.clone().into()),
        };
        let last = self.space(Owner::Image)?.map_or(0, Space::last_id);
        Ok(graph.filter(|graph| graph.last_id() >= last))
    }
}
