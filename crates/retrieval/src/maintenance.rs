//! Keeping a collection small, whole and checked: remove, merge, optimize, rebuild, verify.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use fs_err as fs;
use vizsla_vectors::{Allowed, Graph, IdSet};
use vizsla_words::{Segment, SegmentBuilder};

use crate::catalog::{Catalog, FileRow, IndexEntry, IndexRow, KEPT_RULES, Made};
use crate::collection::OTHER_CODEBOOK;
use crate::error::{Error, REBUILD};
use crate::ingest::add_to_segment;
use crate::names::{IndexFile, IndexKind};
use crate::{Collection, OptimizeReport, Problem, Remedy, Reporter, VerifyReport};
use crate::{neighbours, spaces};

/// So many segments of one size class are merged into one.
const FAN_IN: usize = 8;
/// Images of one segment when the index is made again from the catalog.
const REBUILD_IMAGES: usize = 20_000;

/// What to remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// The image with this id, with all files that hold it.
    Image(i64),
    /// A file, or every file below a folder; it need not exist any more.
    Path(PathBuf),
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(id) => write!(f, "image {id}"),
            Self::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Collection {
    /// Takes files out of the collection; pictures on disk are not touched. Gives how many files left.
    ///
    /// # Errors
    /// A selector names nothing that is indexed (then nothing at all is removed), or the catalog refused.
    pub fn remove(&mut self, selectors: &[Selector]) -> Result<usize, Error> {
        let _lock = self.lock()?;
        let files = self.catalog().files()?;
        let mut kept = self.catalog().kept_rules()?;
        let mut forgotten = false;
        let mut chosen = BTreeSet::new();
        for selector in selectors {
            let before = chosen.len();
            let root = match selector {
                Selector::Image(_) => None,
                Selector::Path(path) => {
                    Some(fs::canonicalize(path).or_else(|_| std::path::absolute(path))?)
                }
            };
            let wanted = |row: &FileRow| match selector {
                Selector::Image(id) => row.image == *id,
                Selector::Path(_) => root
                    .as_ref()
                    .is_some_and(|root| Path::new(&row.path).starts_with(root)),
            };
            chosen.extend(
                files
                    .iter()
                    .enumerate()
                    .filter(|(_, row)| wanted(row))
                    .map(|(at, _)| at),
            );
            if chosen.len() == before {
                return Err(Error::NotIndexed(selector.to_string()));
            }
            // What leaves by name was not to be remembered by name.
            forgotten |= root.is_some_and(|root| kept.forget_below(&root));
        }
        if forgotten {
            let text = kept.to_json()?;
            self.catalog()
                .write(|writer| writer.set_meta(KEPT_RULES, &text))?;
        }
        let rows: Vec<FileRow> = chosen.into_iter().map(|at| files[at].clone()).collect();
        self.forget(&rows)?;
        Ok(rows.len())
    }

    /// Removes files, and images that no file holds any more.
    pub(crate) fn forget(&mut self, rows: &[FileRow]) -> Result<(), Error> {
        self.catalog().write(|writer| {
            for row in rows {
                writer.remove_file(&row.path)?;
            }
            for row in rows {
                writer.remove_if_orphan(row.image)?;
            }
            Ok(())
        })?;
        self.changed();
        Ok(())
    }

    /// Writes a segment file that no commit lists yet, of so many images, the last of which is this one.
    pub(crate) fn write_segment(
        &self,
        builder: SegmentBuilder,
        images: usize,
        last: i64,
    ) -> Result<IndexEntry, Error> {
        let file = self.new_index_file(IndexKind::Words, 0)?;
        let written = builder.write(&self.folder.index_file(file))?;
        Ok(self.segment_entry(file, last, images as i64, written.bytes as i64))
    }

    fn segment_entry(&self, file: IndexFile, last: i64, items: i64, bytes: i64) -> IndexEntry {
        let tag = self.artefacts.codebook_id().to_owned();
        IndexEntry {
            file,
            made: Made { tag, last },
            items,
            bytes,
        }
    }

    /// What an index file says of itself; `None` when it is missing or damaged.
    pub(crate) fn index_entry(&self, file: IndexFile) -> Option<IndexEntry> {
        let path = self.folder.find_index_file(file).ok()??;
        match file.kind() {
            IndexKind::Words => {
                let segment = Segment::open_of_any_codebook(&path).ok()?;
                let last = segment.ids().max().unwrap_or(0);
                let (images, bytes) = (i64::from(segment.image_count()), segment.bytes() as i64);
                Some(self.segment_entry(file, last, images, bytes))
            }
            IndexKind::Vectors(_, kind) => {
                let index = kind.open(&path).ok()?;
                spaces::entry(file, &path, &*index).ok()
            }
            IndexKind::Graph => {
                let graph = Graph::open(&path).ok()?;
                neighbours::entry(file, &path, &graph).ok()
            }
        }
    }

    /// Merges segments of one size class where there are many, so that their number grows with the logarithm of
    /// the collection.
    pub(crate) fn merge_small_segments(&mut self, reporter: &dyn Reporter) -> Result<(), Error> {
        self.merge_segments(FAN_IN, reporter)
    }

    /// Merges segments of one size class where there are so many.
    pub(crate) fn merge_segments(
        &mut self,
        many: usize,
        reporter: &dyn Reporter,
    ) -> Result<(), Error> {
        loop {
            let mut rows = self.catalog().segments()?;
            rows.sort_by_key(|row| row.items);
            let class = |row: &IndexRow| (row.items.max(1) as u64).ilog2() / 3;
            let run = rows
                .chunk_by(|a, b| class(a) == class(b))
                .find(|run| run.len() >= many);
            let Some(run) = run else { return Ok(()) };
            if reporter.cancelled() {
                return Ok(());
            }
            let mut run = run.to_vec();
            run.sort_by_key(|row| row.id);
            self.merge(&run)?;
        }
    }

    /// Replaces segments by one that holds what is left of them.
    fn merge(&mut self, rows: &[IndexRow]) -> Result<(), Error> {
        let removed: IdSet = self.catalog().tombstones()?.into_iter().collect();
        let segments = rows
            .iter()
            .map(|row| self.open_segment(row))
            .collect::<Result<Vec<_>, _>>()?;
        let parts: Vec<&Segment> = segments.iter().collect();
        let file = self.new_index_file(IndexKind::Words, 0)?;
        let path = self.folder.index_file(file);
        let merged = vizsla_words::merge(&parts, &Allowed::except(&removed), &path)
            .map_err(Error::of_index)?;
        let ids = segments.iter().flat_map(Segment::ids);
        let (dead, live): (Vec<i64>, Vec<i64>) = ids.partition(|id| removed.contains(*id));
        let last = live.into_iter().max().unwrap_or(0);
        let (images, bytes) = (i64::from(merged.images), merged.bytes as i64);
        let entry = self.segment_entry(file, last, images, bytes);
        self.catalog().write(|writer| {
            for row in rows {
                writer.remove_index_file(row.id)?;
            }
            for image in &dead {
                writer.remove_tombstone(*image)?;
            }
            writer.add_index_file(&entry)
        })?;
        self.changed();
        drop(segments);
        for row in rows {
            // A reader may still hold it (and some systems then refuse): the next writer sweeps it away.
            let _ = self.folder.remove_index_file(row.file);
        }
        Ok(())
    }

    /// Merges all segments into one and gives free space back; with `rebuild` makes them again from the catalog.
    ///
    /// # Errors
    /// Another process is writing, or a file is damaged beyond what the catalog can heal.
    pub fn optimize(
        &mut self,
        rebuild: bool,
        reporter: &dyn Reporter,
    ) -> Result<OptimizeReport, Error> {
        let _lock = self.lock()?;
        let before = self.info()?;
        if rebuild {
            self.rebuild(reporter)?;
        } else {
            reporter.begin("merging segments", 0);
            let rows = self.catalog().segments()?;
            if rows.len() > 1 || before.tombstones > 0 {
                self.merge(&rows)?;
            }
            reporter.end();
        }
        let mut warnings = self.refresh_spaces(true, reporter)?;
        self.refresh_graph(rebuild, reporter)?;
        self.catalog().compact()?;
        let after = self.info()?;
        if self.recipe.local.look && after.without_look > 0 {
            warnings.push(format!(
                "{} images were indexed before a picture in little was kept with the features: whether they are a match or a part goes by \
                 what the agreeing places cover alone; index them again into a new collection for verdicts by all of the ground",
                after.without_look
            ));
        }
        let bytes =
            |info: &crate::Info| info.catalog_bytes + info.segment_bytes + info.artefact_bytes;
        Ok(OptimizeReport {
            segments_before: before.segments,
            segments_after: after.segments,
            bytes_before: bytes(&before),
            bytes_after: bytes(&after),
            rebuilt: rebuild,
            warnings,
        })
    }

    fn rebuild(&mut self, reporter: &dyn Reporter) -> Result<(), Error> {
        let codebook = self.codebook()?;
        if self.artefacts.check_codebook().is_err() {
            codebook.save(&self.artefacts.codebook_path()?)?;
        }
        // Where the list itself is damaged, the next writer sweeps away what it named.
        let old = self.catalog().segments().unwrap_or_default();
        let ids = self.catalog().image_ids()?;
        reporter.begin("rebuilding the index", ids.len() as u64);
        let mut made = Vec::new();
        let mut last = 0;
        for chunk in ids.chunks(REBUILD_IMAGES) {
            let mut builder = self.recipe.segment_builder(codebook.len());
            for &image in chunk {
                let data = self.catalog().features(image)?.unwrap_or_default();
                add_to_segment(&mut builder, image, &data)?;
                reporter.advance(1);
            }
            let file = self.new_index_file(IndexKind::Words, last)?;
            last = file.number();
            let written = builder.write(&self.folder.index_file(file))?;
            let greatest = chunk.last().copied().unwrap_or(0);
            let images = chunk.len() as i64;
            made.push(self.segment_entry(file, greatest, images, written.bytes as i64));
        }
        self.catalog().write(|writer| {
            writer.remove_segments()?;
            writer.clear_tombstones()?;
            writer.rebuild_caption_index()?;
            made.iter()
                .try_for_each(|entry| writer.add_index_file(entry))
        })?;
        self.changed();
        for row in &old {
            let _ = self.folder.remove_index_file(row.file);
        }
        reporter.end();
        Ok(())
    }

    /// Reads every byte that matters and says what is wrong. Changes nothing.
    ///
    /// # Errors
    /// The catalog is so damaged that it cannot be read at all.
    pub fn verify(&self, reporter: &dyn Reporter) -> Result<VerifyReport, Error> {
        let catalog = self.catalog();
        // A writer may merge a segment away between its listing and its opening: then look again.
        let mut tries = 0;
        loop {
            tries += 1;
            let version = catalog.data_version()?;
            let report = catalog.at_one_instant(|| self.check(&catalog, reporter))?;
            let still = catalog.data_version()? == version;
            if report.problems.is_empty() || still || tries == 4 {
                return Ok(report);
            }
        }
    }

    /// Checks the state of one commit, whatever others write meanwhile.
    fn check(&self, catalog: &Catalog, reporter: &dyn Reporter) -> Result<VerifyReport, Error> {
        // Open segments can be read to the end, even when a writer removes their files meanwhile.
        let words = self.codebook().ok().map(|codebook| codebook.len() as u32);
        let open = |row: IndexRow| {
            let segment = self.open_whole(&row, words);
            (self.folder.index_file(row.file), segment)
        };
        // Entries that are damaged are among what the catalog finds of itself.
        let listed = match catalog.segments() {
            Err(Error::Damaged { .. }) => Vec::new(),
            listed => listed?,
        };
        let segments: Vec<_> = listed.into_iter().map(open).collect();
        let images = catalog.image_ids()?;
        reporter.begin("verifying", images.len() as u64);
        let mut report = VerifyReport {
            images: images.len() as u64,
            segments: segments.len(),
            problems: catalog.check(|| reporter.advance(1))?,
            remarks: catalog.remarks(),
        };
        let mut found = |path: &Path, what: String, remedy: Remedy| {
            report.problems.push(Problem {
                path: path.to_owned(),
                what,
                remedy,
            });
        };
        for problem in self.artefacts.problems(&self.recipe) {
            found(&problem.path, problem.what, problem.remedy);
        }
        for (path, what, remedy) in self.check_spaces(catalog)? {
            found(&path, what, remedy);
        }
        for (path, what, remedy) in self.check_graph(catalog)? {
            found(&path, what, remedy);
        }
        let removed: IdSet = catalog.tombstones()?.into_iter().collect();
        let mut indexed = BTreeSet::new();
        for (path, segment) in &segments {
            let sound = segment.as_ref().map_err(String::clone).and_then(|segment| {
                segment.verify().map_err(|e| e.to_string())?;
                Ok(segment)
            });
            match sound {
                Ok(segment) => indexed.extend(segment.ids()),
                Err(what) => found(path, what, REBUILD),
            }
        }
        let expected: BTreeSet<i64> = images.into_iter().collect();
        let live: BTreeSet<i64> = indexed
            .iter()
            .filter(|id| !removed.contains(**id))
            .copied()
            .collect();
        // An image that comes later must not find itself among the removed.
        let nowhere = removed.iter().filter(|id| !indexed.contains(id)).count();
        if nowhere > 0 && report.problems.is_empty() {
            report.problems.push(Problem {
                path: catalog.path().to_owned(),
                what: format!("{nowhere} removed images are in no segment"),
                remedy: REBUILD,
            });
        }
        if live != expected && report.problems.is_empty() {
            let missing = expected.difference(&live).count();
            let extra = live.difference(&expected).count();
            report.problems.push(Problem {
                path: catalog.path().to_owned(),
                what: format!(
                    "{missing} images are in no segment, {extra} segment entries have no image"
                ),
                remedy: REBUILD,
            });
        }
        reporter.end();
        Ok(report)
    }

    fn open_whole(&self, row: &IndexRow, words: Option<u32>) -> Result<Segment, String> {
        let found = self.folder.find_index_file(row.file);
        let Some(path) = found.map_err(|e| e.to_string())? else {
            return Err("a segment is missing".into());
        };
        let opened = match words {
            Some(words) => Segment::open(&path, words),
            None => Segment::open_of_any_codebook(&path),
        };
        let segment = opened.map_err(|e| e.to_string())?;
        if segment.bytes() != row.bytes as u64 {
            return Err(format!(
                "the segment has {} bytes, the catalog says {}",
                segment.bytes(),
                row.bytes
            ));
        }
        let made = row.made.as_ref();
        if made.is_some_and(|made| made.tag != self.artefacts.codebook_id()) {
            return Err(OTHER_CODEBOOK.into());
        }
        // Where a catalog was lifted, the last image may not be known.
        let last = made.map(|made| made.last).filter(|last| *last != 0);
        if last.is_some_and(|last| segment.ids().max() != Some(last)) {
            return Err(
                "the catalog says of another image that it is the last in the segment".into(),
            );
        }
        Ok(segment)
    }
}
