//! The serial half of ingest: one transaction a batch.

use std::collections::{HashMap, HashSet};
use std::sync::mpsc::sync_channel;

use vizsla_words::{Contents as Postings, Pose, SegmentBuilder, Signature};

use super::batch::{Batch, Item, Outcome};
use super::contents::{Contents, count_foreign, count_place};
use super::departed::Departed;
use super::intake::NewImage;
use crate::catalog::{FileRow, IndexEntry, Numbered, Owner, Writer, to_bytes};
use crate::stored::{self, StoredFeature};
use crate::{
    Collection, Error, FurtherPages, GlobalRecipe, IngestReport, Reporter, Silent, Skipped,
};

/// So many segments of one size class are merged while more are being written: few enough for searches meanwhile, and enough that
/// a posting is written again three times in a million images.
const MANY: usize = 32;

/// Writes batches, in order.
pub(super) struct BatchWriter<'a> {
    collection: &'a mut Collection,
    contents: &'a Contents,
    departed: Departed,
    known: HashMap<String, FileRow>,
    report: IngestReport,
    /// What the model said of the first picture that it refused.
    refusal: Option<String>,
}

/// A batch sorted by what must be written.
#[derive(Default)]
struct Work {
    /// New images in order, each once.
    images: Vec<NewImage>,
    /// Files with their image: of the catalog, or an index into `images`.
    files: Vec<(Item, Place)>,
    /// Paths that an image moved away from.
    left: Vec<FileRow>,
    /// Images that may have lost their last file.
    orphans: Vec<i64>,
}

#[derive(Clone, Copy)]
enum Place {
    Catalog(i64),
    New(usize),
}

impl<'a> BatchWriter<'a> {
    pub(super) fn new(
        collection: &'a mut Collection,
        contents: &'a Contents,
        departed: Departed,
        known: HashMap<String, FileRow>,
        report: IngestReport,
    ) -> Self {
        Self {
            collection,
            contents,
            departed,
            known,
            report,
            refusal: None,
        }
    }

    /// Writes batches, each while the next one is being made, until the caller wants to stop, and forgets what is gone.
    ///
    /// # Errors
    /// As [`BatchWriter::finish`], or a batch could not be written.
    pub(super) fn write_along(
        mut self,
        batches: impl Iterator<Item = Batch>,
        reporter: &dyn Reporter,
    ) -> Result<IngestReport, Error> {
        let written = std::thread::scope(|scope| {
            let (send, receive) = sync_channel::<Batch>(1);
            let writing = scope.spawn(move || {
                for batch in receive {
                    // The sender is told by the channel's end.
                    self.commit(batch)?;
                }
                Ok::<_, Error>(self)
            });
            for batch in batches {
                if send.send(batch).is_err() || reporter.cancelled() {
                    break;
                }
            }
            drop(send);
            writing.join()
        });
        let written = written.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let interrupted = reporter.cancelled();
        let mut report = written?.finish(interrupted)?;
        report.interrupted = interrupted;
        Ok(report)
    }

    /// Writes one batch: its segment first, then all rows and the segment's listing in one transaction.
    pub(super) fn commit(&mut self, batch: Batch) -> Result<(), Error> {
        let work = self.sort(batch);
        if work.files.is_empty() && work.orphans.is_empty() {
            return Ok(());
        }
        let first = self.collection.catalog().next_number(Numbered::Images)?;
        let segment = self.write_segment(&work.images, first)?;
        let ids = self.collection.catalog().write(|writer| {
            let ids = write_rows(writer, &work, first)?;
            if let Some(segment) = &segment {
                writer.add_index_file(segment)?;
            }
            Ok(ids)
        });
        let ids = match ids {
            Ok(ids) => ids,
            Err(error) => {
                if let Some(segment) = segment {
                    let _ = self.collection.folder.remove_index_file(segment.file);
                }
                return Err(error);
            }
        };
        self.collection.changed();
        if let Ok(mut contents) = self.contents.write() {
            contents.extend(work.images.iter().map(|image| image.row.content).zip(ids));
        }
        // A search goes through all segments: their number must not grow with what is taken in.
        self.collection.merge_segments(MANY, &Silent)
    }

    /// Decides for every file of the batch what it means.
    fn sort(&mut self, batch: Batch) -> Work {
        let mut work = Work::default();
        let mut fresh: HashMap<[u8; 32], usize> = HashMap::new();
        for mut item in batch.items {
            let before = self.known.get(&item.path).map(|row| row.image);
            let outcome = std::mem::replace(&mut item.outcome, Outcome::Cancelled);
            let place = match outcome {
                Outcome::Cancelled | Outcome::Read(_) => continue,
                Outcome::Skipped(reason) => {
                    self.skip(&mut work, item, before, reason);
                    continue;
                }
                Outcome::Refused(reason) => {
                    self.report.refused += 1;
                    self.refusal.get_or_insert_with(|| reason.clone());
                    self.report.skipped.push(Skipped {
                        path: item.path,
                        reason,
                    });
                    continue;
                }
                Outcome::Foreign(foreign) => {
                    self.leave(&mut work, &item, before);
                    count_foreign(&mut self.report, foreign, item.path);
                    continue;
                }
                Outcome::Unread(reason) => {
                    self.report.skipped.push(Skipped {
                        path: item.path,
                        reason,
                    });
                    continue;
                }
                Outcome::Known(image) => Place::Catalog(image),
                Outcome::Same(hash) => {
                    let committed = self.committed(&hash).map(Place::Catalog);
                    let fresh = || fresh.get(&hash).copied().map(Place::New);
                    // What is neither was not described after all; the next run sees the file again.
                    let Some(place) = committed.or_else(fresh) else {
                        continue;
                    };
                    place
                }
                Outcome::Described(image) => {
                    let hash = image.row.content;
                    match (self.committed(&hash), fresh.get(&hash)) {
                        (Some(image), _) => Place::Catalog(image),
                        (None, Some(&index)) => Place::New(index),
                        (None, None) => {
                            fresh.insert(hash, work.images.len());
                            self.note_pages(&item.path, image.pages);
                            work.images.push(*image);
                            self.report.added += usize::from(before.is_none());
                            self.report.changed += usize::from(before.is_some());
                            work.orphans.extend(before);
                            work.files.push((item, Place::New(work.images.len() - 1)));
                            continue;
                        }
                    }
                }
            };
            self.count_known(&mut work, place, before);
            if !self.is_as_known(&item, place) {
                work.files.push((item, place));
            }
        }
        work
    }

    /// The image of this content, when one was committed before.
    fn committed(&self, hash: &[u8; 32]) -> Option<i64> {
        self.contents.read().ok()?.get(hash).copied()
    }

    fn note_pages(&mut self, path: &str, pages: u32) {
        if pages > 1 {
            self.report.further_pages.push(FurtherPages {
                path: path.to_owned(),
                left_out: pages - 1,
            });
        }
    }

    /// A file that was an image and is none any more keeps nothing in the collection.
    fn leave(&self, work: &mut Work, item: &Item, before: Option<i64>) {
        if let (Some(image), Some(row)) = (before, self.known.get(&item.path)) {
            work.left.push(row.clone());
            work.orphans.push(image);
        }
    }

    fn skip(&mut self, work: &mut Work, item: Item, before: Option<i64>, reason: String) {
        self.leave(work, &item, before);
        self.report.skipped.push(Skipped {
            path: item.path,
            reason,
        });
    }

    /// Whether the catalog says of a file just what would be written.
    fn is_as_known(&self, item: &Item, place: Place) -> bool {
        self.known.get(&item.path).is_some_and(|row| {
            matches!(place, Place::Catalog(image) if image == row.image)
                && row.size == item.found.size
                && row.modified_ns == item.found.modified_ns
        })
    }

    fn count_known(&mut self, work: &mut Work, place: Place, before: Option<i64>) {
        match (place, before) {
            (Place::Catalog(image), Some(old)) if image == old => self.report.unchanged += 1,
            (_, Some(old)) => {
                self.report.changed += 1;
                work.orphans.push(old);
            }
            (Place::Catalog(image), None) => {
                work.left
                    .extend(count_place(&mut self.report, &mut self.departed, image));
            }
            (Place::New(_), None) => self.report.duplicates += 1,
        }
    }

    /// A model that takes nothing must not pass for a finished run over a folder of bad files.
    fn check_refused(&self) -> Result<(), Error> {
        let empty = self.contents.read().is_ok_and(|map| map.is_empty());
        if self.report.refused == 0 || !empty {
            return Ok(());
        }
        let global = self.collection.recipe.global.as_ref();
        Err(Error::Refused {
            model: global.map_or_else(String::new, GlobalRecipe::name),
            pictures: self.report.refused,
            reason: self.refusal.clone().unwrap_or_default(),
        })
    }

    fn write_segment(&self, images: &[NewImage], first: i64) -> Result<Option<IndexEntry>, Error> {
        if images.is_empty() {
            return Ok(None);
        }
        let words = self.collection.codebook()?.len();
        let mut builder = self.collection.recipe.segment_builder(words);
        for (offset, image) in images.iter().enumerate() {
            add_to_segment(&mut builder, first + offset as i64, &image.data)?;
        }
        self.collection
            .write_segment(builder, images.len(), first + images.len() as i64 - 1)
            .map(Some)
    }

    /// After the last batch: forgets what is gone, unless the run was cut short.
    ///
    /// # Errors
    /// [`Error::Refused`] when the model took none of the pictures and the collection holds no other.
    pub(super) fn finish(mut self, interrupted: bool) -> Result<IngestReport, Error> {
        self.check_refused()?;
        if !interrupted && self.departed.gone() > 0 {
            let gone = std::mem::take(&mut self.departed).into_gone();
            self.collection.forget(&gone)?;
            self.report.gone = gone.len();
        }
        Ok(self.report)
    }
}

/// Writes the rows of a batch, whose images have the identities from `first` on in its segment.
fn write_rows(writer: &Writer<'_>, work: &Work, first: i64) -> rusqlite::Result<Vec<i64>> {
    let mut ids = Vec::with_capacity(work.images.len());
    for (image, expected) in work.images.iter().zip(first..) {
        let id = writer.add_image(&image.row, &image.data)?;
        if id != expected {
            let what = format!("the image {expected} got the identity {id}");
            return Err(rusqlite::Error::ToSqlConversionFailure(what.into()));
        }
        if let Some(vector) = &image.vector {
            writer.set_vector(Owner::Image, id, &to_bytes(vector))?;
        }
        ids.push(id);
    }
    for row in &work.left {
        writer.remove_file(&row.path)?;
    }
    for (item, place) in &work.files {
        let image = match *place {
            Place::Catalog(image) => image,
            Place::New(index) => ids[index],
        };
        writer.set_file(&FileRow {
            path: item.path.clone(),
            image,
            size: item.found.size,
            modified_ns: item.found.modified_ns,
        })?;
    }
    let mut seen = HashSet::new();
    for image in work.orphans.iter().filter(|image| seen.insert(**image)) {
        writer.remove_if_orphan(*image)?;
    }
    Ok(ids)
}

/// Adds an image's stored features to a segment being built.
pub(crate) fn add_to_segment(
    builder: &mut SegmentBuilder,
    image: i64,
    data: &[u8],
) -> Result<(), Error> {
    let (features, codes) = stored::decode_with(data).unwrap_or_default();
    let words = features.iter();
    match builder.contents() {
        Postings::Features => {
            let words: Vec<(u32, Signature)> = words.map(|f| (f.word, f.signature)).collect();
            builder.add(image, &words)?;
        }
        Postings::Posed => {
            let pose = |f: &StoredFeature| Pose::new(f.angle, f.scale);
            let words: Vec<_> = words.map(|f| (f.word, f.signature, pose(f))).collect();
            builder.add_posed(image, &words)?;
        }
        Postings::Aggregated => builder.add(image, &stored::aggregated(&features, &codes))?,
    }
    Ok(())
}
