//! Taking a folder in: only what is new, changed, moved or gone costs anything.
//!
//! Files are taken in path order, in batches; each batch is one transaction with one small segment, made by a
//! writer while the next batch is being described. A kill loses at most the batches not yet committed, and
//! the next run goes on behind them, so the images come in the same order with the same ids as undisturbed.
//! Memory holds three batches of features and one decoded picture a thread, whatever the folder's size; only
//! the lists of paths grow with it.

mod batch;
mod contents;
mod departed;
mod held;
mod intake;
mod plan;
mod records;
mod writer;

pub use self::held::Source;
pub(crate) use self::held::is_held;
pub use self::records::ImageRecord;
pub(crate) use self::writer::add_to_segment;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::RwLock;
use std::time::Instant;

use self::batch::{Claims, Outcome, Worker};
use self::contents::{Contents, count_foreign, count_place};
use self::held::Held;
use self::intake::Intake;
use self::plan::Plan;
use self::writer::BatchWriter;
use crate::catalog::KEPT_RULES;
use crate::{Collection, Error, IngestOptions, IngestReport, Reporter, Skipped};

impl Collection {
    /// Brings the collection in step with the sources: folders (with all below them) and single files.
    ///
    /// A file that cannot be taken in is listed in the report with its reason and never stops the rest. When
    /// the reporter says that the caller wants to stop, what is described so far is committed and the report says
    /// `interrupted`; the next call goes on.
    ///
    /// Rules given with the options are kept for the sources, and hold for every later ingest of them.
    ///
    /// # Errors
    /// A source does not exist, a pattern of the rules is none, another process is writing, or the disk refused; what was committed stays.
    pub fn ingest(
        &mut self,
        sources: &[PathBuf],
        options: &IngestOptions,
        reporter: &dyn Reporter,
    ) -> Result<IngestReport, Error> {
        self.take_in(sources, &Held::default(), options, reporter)
    }

    /// As [`Collection::ingest`], with pictures among the sources that the caller holds in memory. They stay in the
    /// collection until an image of their name takes their place or they are removed; what needs the picture itself
    /// (thumbnails, drawings) has to be given it again.
    ///
    /// # Errors
    /// As [`Collection::ingest`].
    pub fn add(
        &mut self,
        sources: &[Source<'_>],
        options: &IngestOptions,
        reporter: &dyn Reporter,
    ) -> Result<IngestReport, Error> {
        let (files, held) = Held::apart(sources);
        self.take_in(&files, &held, options, reporter)
    }

    fn take_in(
        &mut self,
        sources: &[PathBuf],
        held: &Held<'_>,
        options: &IngestOptions,
        reporter: &dyn Reporter,
    ) -> Result<IngestReport, Error> {
        let start = Instant::now();
        let lock = if options.dry_run {
            None
        } else {
            Some(self.lock()?)
        };
        reporter.begin("looking for pictures", 0);
        let plan = self.plan(sources, held, options)?;
        if let (Some(kept), false) = (&plan.remember, options.dry_run) {
            let text = kept.to_json()?;
            self.catalog()
                .write(|writer| writer.set_meta(KEPT_RULES, &text))?;
        }
        reporter.end();
        let mut report = if options.dry_run {
            self.rehearse(plan, held, options, reporter)?
        } else {
            self.carry_out(plan, held, options, reporter)?
        };
        drop(lock);
        report.dry_run = options.dry_run;
        report.skipped.sort();
        report.further_pages.sort();
        report.seconds = start.elapsed().as_secs_f64();
        report.images_per_s = report.added as f64 / report.seconds.max(1e-9);
        Ok(report)
    }

    fn contents(&self) -> Result<Contents, Error> {
        Ok(RwLock::new(
            self.catalog().contents()?.into_iter().collect(),
        ))
    }

    /// A dry run: reads and compares the files, decodes nothing, writes nothing.
    fn rehearse(
        &self,
        plan: Plan,
        held: &Held<'_>,
        options: &IngestOptions,
        reporter: &dyn Reporter,
    ) -> Result<IngestReport, Error> {
        let Plan {
            todo,
            mut departed,
            known,
            mut report,
            reach,
            ..
        } = plan;
        let contents = self.contents()?;
        let mut fresh = BTreeSet::new();
        reporter.begin("comparing", todo.len() as u64);
        let worker = Worker {
            contents: &contents,
            intake: None,
            claims: &Claims::default(),
            reporter,
            limits: options.limits,
            reach: &reach,
            held,
        };
        for (number, chunk) in todo.chunks(64).enumerate() {
            for item in worker.run(number, chunk.to_vec()).items {
                let change = known.contains_key(&item.path);
                match item.outcome {
                    Outcome::Skipped(reason) | Outcome::Unread(reason) => {
                        report.skipped.push(Skipped {
                            path: item.path,
                            reason,
                        });
                    }
                    Outcome::Foreign(foreign) => count_foreign(&mut report, foreign, item.path),
                    Outcome::Known(image)
                        if known.get(&item.path).is_some_and(|r| r.image == image) =>
                    {
                        report.unchanged += 1;
                    }
                    _ if change => report.changed += 1,
                    Outcome::Known(image) => {
                        count_place(&mut report, &mut departed, image);
                    }
                    Outcome::Read(hash) if !fresh.insert(hash) => report.duplicates += 1,
                    _ => report.added += 1,
                }
            }
            if reporter.cancelled() {
                report.interrupted = true;
                break;
            }
        }
        report.gone = departed.gone();
        reporter.end();
        Ok(report)
    }

    fn carry_out(
        &mut self,
        plan: Plan,
        held: &Held<'_>,
        options: &IngestOptions,
        reporter: &dyn Reporter,
    ) -> Result<IngestReport, Error> {
        let Plan {
            todo,
            departed,
            known,
            report,
            reach,
            ..
        } = plan;
        let size = if options.batch == 0 {
            256
        } else {
            options.batch
        };
        let contents = self.contents()?;
        let (recipe, codebook) = (self.recipe.clone(), self.codebook()?);
        let learned = (&self.models, &self.artefacts);
        let intake = Intake::new(&recipe, &codebook, learned, todo.len(), options.limits)?;
        let worker = Worker {
            contents: &contents,
            intake: Some(&intake),
            claims: &Claims::default(),
            reporter,
            limits: options.limits,
            reach: &reach,
            held,
        };
        let writer = BatchWriter::new(self, &contents, departed, known, report);
        reporter.begin("indexing", todo.len() as u64);
        let chunks = todo.chunks(size).enumerate();
        let batches = chunks.map(|(number, chunk)| worker.run(number, chunk.to_vec()));
        let written = writer.write_along(batches, reporter);
        reporter.end();
        self.settled(written?, reporter)
    }

    /// After the last batch was written: merges what has become much, and makes indexes of vectors again.
    fn settled(
        &mut self,
        mut report: IngestReport,
        reporter: &dyn Reporter,
    ) -> Result<IngestReport, Error> {
        self.merge_small_segments(reporter)?;
        report
            .warnings
            .extend(self.refresh_spaces(false, reporter)?);
        self.catalog().checkpoint()?;
        Ok(report)
    }
}
