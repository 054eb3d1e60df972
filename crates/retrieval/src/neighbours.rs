//! The graph of neighbours that is kept with a collection, for diffusion.
//!
//! It joins the vectors of images as they are compared. To make it, all pairs are compared, so ingest leaves it alone: `optimize`
//! makes it, where the recipe names `diffuse` or the collection is small. A search uses it while no image is newer than it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use vizsla_vectors::{Graph, GraphConfig};

use crate::catalog::{Catalog, FORMAT, IndexEntry, IndexRow, Made, Owner};
use crate::error::{Error, REBUILD};
use crate::names::{IndexFile, IndexKind, Indexed};
use crate::spaces::Compared;
use crate::{Collection, GraphInfo, Remedy, Reporter, StageName};

/// Most vectors of which a graph is made unasked: seconds of work.
const UNASKED: u64 = 20_000;
/// Bytes of a node and of an edge in a file.
const NODE: f64 = 20.0;
const EDGE: f64 = 8.0;
/// The share of a vector's neighbours of which it is one too, where it is not known.
const MUTUAL: f64 = 0.6;
/// Fewest vectors between which there is an edge.
const LEAST: u64 = 2;

impl Collection {
    /// Opens the graph as one commit left it; `None` when there is none of the vectors as they are compared now.
    pub(crate) fn open_graph(&self, catalog: &Catalog) -> Result<Option<Arc<Graph>>, Error> {
        let Some(row) = catalog.graph_file()? else {
            return Ok(None);
        };
        let Some(compared) = self.compared(Owner::Image)? else {
            return Ok(None);
        };
        if row
            .made
            .as_ref()
            .is_some_and(|made| made.tag != compared.tag())
        {
            return Ok(None);
        }
        let path = self.folder.index_file(row.file);
        let damaged = |what: String| Error::damaged(&path, what, REBUILD);
        if self.folder.find_index_file(row.file)?.is_none() {
            return Err(damaged("the graph of neighbours is missing".into()));
        }
        let graph = Graph::open(&path).map_err(|error| damaged(error.to_string()))?;
        is_as_listed(&row, &path, &graph).map_err(damaged)?;
        Ok(Some(Arc::new(graph)))
    }

    /// What is wrong with the graph: file, damage, remedy.
    pub(crate) fn check_graph(
        &self,
        catalog: &Catalog,
    ) -> Result<Vec<(PathBuf, String, Remedy)>, Error> {
        let row = match catalog.graph_file() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(Vec::new()),
            // It is among what the catalog finds of itself.
            Err(Error::Damaged { .. }) if catalog.format()? == FORMAT => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let path = self.folder.index_file(row.file);
        let sound = match self.folder.find_index_file(row.file) {
            Ok(Some(_)) => verified(&row, &path),
            Ok(None) => Err("the graph of neighbours is missing".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        Ok(sound
            .err()
            .map(|what| (path, what, REBUILD))
            .into_iter()
            .collect())
    }

    /// What `info` says of the graph.
    pub(crate) fn graph_info(&self, catalog: &Catalog) -> Result<Option<GraphInfo>, Error> {
        let row = match catalog.graph_file() {
            Ok(Some(row)) => row,
            // Damage of the list is told by `verify`.
            Ok(None) | Err(Error::Damaged { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let (_, last) = catalog.vector_count(Owner::Image)?;
        let compared = self.compared(Owner::Image).unwrap_or_default();
        let made = row.made.unwrap_or_default();
        let current = compared.is_some_and(|compared| compared.tag() == made.tag);
        Ok(Some(GraphInfo {
            images: row.items.unsigned_abs(),
            current: current && made.last >= last,
            bytes: row.bytes.unsigned_abs(),
        }))
    }

    /// Whether a graph of so many vectors is made.
    fn wants_graph(&self, count: u64) -> bool {
        let asked = |stage: &crate::StageRecipe| stage.name() == StageName::Diffuse;
        count >= LEAST && (count <= UNASKED || self.recipe.search.stages.iter().any(asked))
    }

    /// About the bytes of the graph of so many vectors of images; 0 where none is made of so many.
    pub(crate) fn planned_graph(&self, catalog: &Catalog, count: u64) -> f64 {
        if !self.wants_graph(count) {
            return 0.0;
        }
        let neighbours = |count: u64| count.min(1 + GraphConfig::default().neighbours as u64) - 1;
        let most = neighbours(count) as f64;
        // In a small graph all are neighbours of all.
        let telling = |row: &IndexRow| row.items > 4 * most as i64;
        let listed = catalog.graph_file().unwrap_or_default().filter(telling);
        let linked = match listed {
            Some(row) => {
                let each = row.bytes as f64 / row.items as f64 - NODE;
                each / (EDGE * neighbours(row.items.unsigned_abs()) as f64)
            }
            None if most as u64 + 1 == count => 1.0,
            None => MUTUAL,
        };
        count as f64 * (NODE + EDGE * linked.clamp(0.0, 1.0) * most)
    }

    /// Makes the graph again where it is not that of the vectors as they are, or where `anyway` asks for it; takes one that is
    /// not wanted any more away.
    pub(crate) fn refresh_graph(
        &mut self,
        anyway: bool,
        reporter: &dyn Reporter,
    ) -> Result<(), Error> {
        let compared = match self.compared(Owner::Image) {
            Ok(compared) => compared,
            // That was told with the vectors.
            Err(Error::Damaged { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let (count, last) = self.catalog().vector_count(Owner::Image)?;
        // An entry that is damaged is written again with the file.
        let found = self.catalog().graph_file();
        let none = matches!(found, Ok(None));
        let listed = found.unwrap_or_default();
        match compared.filter(|_| self.wants_graph(count)) {
            Some(compared) => {
                if anyway || !self.is_current(&compared, count, last) {
                    self.make_graph(&compared, last, listed.map(|row| row.file), reporter)?;
                }
            }
            None if none => {}
            None => {
                self.catalog()
                    .write(|writer| writer.remove_index_files(Indexed::Graph))?;
                self.changed();
                self.remove_old(listed.map(|row| row.file));
            }
        }
        Ok(())
    }

    /// Whether the graph is that of so many vectors up to this one, made as graphs are made now.
    fn is_current(&self, compared: &Compared, count: u64, last: i64) -> bool {
        let opened = self.open_graph(&self.catalog());
        opened.ok().flatten().is_some_and(|graph| {
            graph.tag() == compared.tag()
                && (graph.len() as u64, graph.last_id()) == (count, last)
                && graph.config() == GraphConfig::default()
                && graph.verify().is_ok()
        })
    }

    fn make_graph(
        &mut self,
        compared: &Compared,
        last: i64,
        listed: Option<IndexFile>,
        reporter: &dyn Reporter,
    ) -> Result<(), Error> {
        reporter.begin("linking neighbours", 0);
        let (mut ids, mut rows) = (Vec::new(), Vec::new());
        self.each_compared(Owner::Image, compared, last, &mut |id, row| {
            ids.push(id);
            rows.extend_from_slice(row);
            Ok(())
        })?;
        let config = GraphConfig::default();
        let graph = Graph::build(&ids, rows, compared.dimension(), &config, compared.tag())?;
        // A name that no reader has open.
        let after = listed.map_or(0, IndexFile::number);
        let file = self.new_index_file(IndexKind::Graph, after)?;
        let path = self.folder.index_file(file);
        graph.save(&path)?;
        let entry = entry(file, &path, &graph)?;
        self.catalog()
            .write(|writer| writer.set_index_file(&entry))?;
        self.changed();
        reporter.end();
        self.remove_old(listed);
        Ok(())
    }

    fn remove_old(&self, listed: Option<IndexFile>) {
        if let Some(old) = listed {
            // A reader may still hold it: then the next writer sweeps it away.
            let _ = self.folder.remove_index_file(old);
        }
    }
}

/// What is to be listed of a graph.
pub(crate) fn entry(file: IndexFile, path: &Path, graph: &Graph) -> Result<IndexEntry, Error> {
    let made = Made {
        tag: graph.tag().to_owned(),
        last: graph.last_id(),
    };
    IndexEntry::of(file, path, made, graph.len())
}

/// Checks every byte of a graph.
fn verified(row: &IndexRow, path: &Path) -> Result<(), String> {
    let graph = Graph::open(path).map_err(|error| error.to_string())?;
    graph.verify().map_err(|error| error.to_string())?;
    is_as_listed(row, path, &graph)
}

/// Whether a file is the one that was listed.
fn is_as_listed(row: &IndexRow, path: &Path, graph: &Graph) -> Result<(), String> {
    let found = entry(row.file, path, graph).map_err(|error| error.to_string())?;
    let listed = (row.made.as_ref(), row.items, row.bytes);
    match (Some(&found.made), found.items, found.bytes) == listed {
        true => Ok(()),
        false => Err("the graph of neighbours is another than the one listed".into()),
    }
}
