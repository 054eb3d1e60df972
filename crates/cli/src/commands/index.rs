//! `vizsla index`: takes a folder of pictures into a collection, or brings a collection up to date.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde::Serialize;
use vizsla_retrieval::{
    Collection, Error, ImportReport, IngestOptions, IngestReport, Scratch, check_captions,
    check_metadata, check_source,
};

use super::Outcome;
use super::bounds::{self, Bounds};
use super::making::Making;
use super::threads::Threads;
use super::walking::Walking;
use crate::interrupt;
use crate::output::{self, Progress, Table};

/// Index pictures, or bring an existing collection up to date
///
/// Run it again on the same folders at any time: only what is new, changed, moved or gone is
/// worked on. Ctrl-C stops at a safe point, and the next run goes on from there.
/// Captions, metadata and labels can come along or later, without folders.
#[derive(Args)]
pub struct Arguments {
    /// Folders and files to take in
    #[arg(required_unless_present_any = ["captions", "metadata", "labels"], value_name = "PATH")]
    sources: Vec<PathBuf>,
    /// The collection, a folder by convention called something.vizsla; made when missing
    #[arg(long, value_name = "COLLECTION")]
    into: PathBuf,
    /// Captions: a table with columns image and caption (CSV of any separator), JSON, JSON Lines, COCO,
    /// Karpathy or Flickr lists, or a folder with photo.txt beside each photo.jpg; may be repeated
    #[arg(long, value_name = "FILE")]
    captions: Vec<PathBuf>,
    /// Metadata: a table with a column image and any others, JSON, JSON Lines, or a folder with
    /// photo.json beside each photo.jpg; may be repeated
    #[arg(long, value_name = "FILE")]
    metadata: Vec<PathBuf>,
    /// Where labels come from besides metadata: the names of the folders that hold the pictures
    #[arg(long, value_enum)]
    labels: Option<Labels>,
    #[command(flatten)]
    walking: Walking,
    /// Read every file and compare its content: finds edits that kept size and time. What did not change is not
    /// described again
    #[arg(long, requires = "sources")]
    rescan: bool,
    /// Say what would be done, and what is left out by which rule; write nothing
    #[arg(long, conflicts_with_all = ["captions", "metadata", "labels"])]
    dry_run: bool,
    /// End with exit code 1 when a picture was not taken in: skipped, or of a format that cannot be read yet
    #[arg(long)]
    strict: bool,
    /// Files of one transaction: what is lost at most when the program is killed; 0 lets it choose
    #[arg(long, value_name = "N", default_value_t = 0)]
    batch: usize,
    /// Print the report as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    bounds: Bounds,
    #[command(flatten)]
    threads: Threads,
    #[command(flatten)]
    making: Making,
}

/// Where labels are taken from.
#[derive(Clone, Copy, ValueEnum)]
enum Labels {
    /// The folder that holds a picture is its label.
    Folders,
}

/// What was done, as a script reads it.
#[derive(Default, Serialize)]
struct Done {
    #[serde(flatten)]
    ingest: Option<IngestReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    imports: Vec<ImportReport>,
    /// Why the run ended before its end, when a list was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    /// Captions that got their vector.
    encoded_captions: usize,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        self.threads.start()?;
        let options = IngestOptions {
            dry_run: self.dry_run,
            batch: self.batch,
            limits: self.bounds.limits(),
            rules: self.walking.rules()?,
            rescan: self.rescan,
            ..IngestOptions::default()
        };
        // A mistyped path must not leave an empty collection behind.
        for source in &self.sources {
            check_source(source)?;
        }
        for file in self.captions.iter().chain(&self.metadata) {
            fs_err::metadata(file)?;
        }
        // Nor should the pictures go in before it shows that a list is none.
        if let Err(error) = self.check_lists() {
            return self.refuse(Done::default(), error);
        }
        let progress = Progress::start();
        // A dry run on a collection that is not there yet is played through in a passing folder.
        let passing = Scratch::new()?;
        let place = match self.dry_run && !Collection::find(&self.into)? {
            true => passing.path().join("dry-run.vizsla"),
            false => self.into.clone(),
        };
        let (mut collection, ingest) = self.take_in(&place, &options, &progress)?;
        let mut done = Done {
            ingest,
            ..Done::default()
        };
        let mut refused = None;
        if !(interrupt::requested() || self.dry_run) {
            match self.import(&mut collection, &mut done.imports) {
                Ok(()) => done.encoded_captions = collection.encode_captions(&progress)?,
                Err(error) => refused = Some(error),
            }
        }
        let interrupted = interrupt::requested();
        drop(progress);
        if let Some(error) = refused {
            return self.refuse(done, error);
        }
        self.report(&done)?;
        let warned = done.warn();
        Ok(if interrupted {
            Outcome::Interrupted
        } else if (self.strict && warned) || done.all_refused() {
            Outcome::Found
        } else {
            Outcome::Done
        })
    }

    /// Opens or makes the collection, and brings it in step with the sources if there are some.
    fn take_in(
        &self,
        place: &Path,
        options: &IngestOptions,
        progress: &Progress,
    ) -> Result<(Collection, Option<IngestReport>)> {
        let existed = Collection::exists(place);
        if self.sources.is_empty() {
            return Ok((Collection::open(place)?, None));
        }
        let mut collection = self.making.open(place)?;
        match collection.ingest(&self.sources, options, progress) {
            Err(error @ Error::Refused { .. }) if !existed => {
                // Made by this run and empty: left behind, it would only be in the way of another model.
                drop(collection);
                fs_err::remove_dir_all(place)?;
                Err(error.into())
            }
            ingested => Ok((collection, Some(ingested?))),
        }
    }

    fn report(&self, done: &Done) -> Result<()> {
        if self.json {
            output::json(done)?;
        } else {
            let name = self.into.display().to_string();
            let ingest = done.ingest.iter().map(|report| describe(report, &name));
            let imports = done.imports.iter().map(describe_import);
            let mut text: String = ingest.chain(imports).collect();
            if done.encoded_captions > 0 {
                let captions = output::plural(done.encoded_captions, "caption");
                text.push_str(&format!("{captions} encoded\n"));
            }
            output::show(&text)?;
        }
        Ok(())
    }

    /// Reports what was done before a list was refused, and ends with the reason.
    fn refuse(&self, mut done: Done, error: anyhow::Error) -> Result<Outcome> {
        done.refused = Some(output::told(&error));
        let did = done.ingest.is_some() || !done.imports.is_empty();
        if self.json || did {
            self.report(&done)?;
            done.warn();
        }
        Err(error)
    }

    /// Whether all lists can be read, before anything is written.
    fn check_lists(&self) -> Result<()> {
        for file in &self.captions {
            check_captions(file)?;
        }
        for file in &self.metadata {
            check_metadata(file)?;
        }
        Ok(())
    }

    /// Labels of folders come first, so that those of a file take their place.
    fn import(&self, collection: &mut Collection, reports: &mut Vec<ImportReport>) -> Result<()> {
        if let Some(Labels::Folders) = self.labels {
            reports.push(collection.label_by_folder(&self.sources)?);
        }
        for file in &self.captions {
            reports.push(collection.import_captions(file, &self.sources)?);
        }
        for file in &self.metadata {
            reports.push(collection.import_metadata(file, &self.sources)?);
        }
        Ok(())
    }
}

impl Done {
    /// Whether there were pictures to describe and the model took none of them.
    fn all_refused(&self) -> bool {
        let nothing = |report: &IngestReport| report.added + report.changed == 0;
        let report = self.ingest.as_ref();
        report.is_some_and(|report| report.refused > 0 && nothing(report))
    }

    /// Says what needs a person's eye; whether there was something.
    fn warn(&self) -> bool {
        let mut warned = false;
        if let Some(report) = &self.ingest {
            if report.seen + report.skipped.len() == 0 && report.warnings.is_empty() {
                output::warn(no_picture(report));
            }
            if !report.unreadable.is_empty() {
                let formats = and(&report.unreadable);
                let files = noun(report.unreadable.values().sum(), "file");
                output::warn(&format!(
                    "{formats} {files} cannot be read yet; convert them to JPEG or PNG"
                ));
            }
            for warning in &report.warnings {
                output::warn(warning);
            }
            if report.refused > 0 {
                let files = output::plural(report.refused, "file");
                output::warn(&format!(
                    "{files} refused by the model; the reasons are listed"
                ));
            }
            if !report.skipped.is_empty() {
                let files = output::plural(report.skipped.len(), "file");
                output::warn(&format!("{files} skipped"));
            }
            if report
                .skipped
                .iter()
                .any(|file| file.reason.contains("above the limit of"))
            {
                output::warn(bounds::ADVICE);
            }
            warned |= !(report.skipped.is_empty()
                && report.warnings.is_empty()
                && report.unreadable.is_empty());
        }
        for report in &self.imports {
            let list = report.source.display();
            for note in &report.notes {
                output::warn(&format!("{note}: {list}"));
            }
            let left = [(report.unmatched, "not used"), (report.unread, "not read")];
            for (number, what) in left.into_iter().filter(|&(number, _)| number > 0) {
                let records = output::plural(number, "record");
                output::warn(&format!("{records} {what}: {list}"));
                warned = true;
            }
        }
        warned
    }
}

fn describe_import(report: &ImportReport) -> String {
    let mut text = format!(
        "{}: {}, about {}\n",
        report.source.display(),
        output::plural(report.records, "record"),
        output::plural(report.images, "image")
    );
    let parts = [
        (report.added, "added"),
        (report.removed, "removed"),
        (report.unchanged, "unchanged"),
        (report.unmatched, "not used"),
        (report.unread, "not read"),
    ];
    for (number, what) in parts.into_iter().filter(|&(number, _)| number > 0) {
        text.push_str(&format!("  {:>9} {what}\n", output::count(number)));
    }
    let unused = report.unmatched_listed.iter();
    let unused: Vec<[String; 2]> = unused.map(|r| [r.path.clone(), r.reason.clone()]).collect();
    let unread = report.unread_listed.iter();
    let unread: Vec<[String; 2]> = unread.map(|u| [u.at.clone(), u.reason.clone()]).collect();
    text.push_str(&left_out("not used", unused, report.unmatched));
    text.push_str(&left_out("not read", unread, report.unread));
    text
}

/// What is said of a walk that came upon no picture.
fn no_picture(report: &IngestReport) -> &'static str {
    if !report.unreadable.is_empty() {
        "no picture that can be read was found"
    } else if report.left_out_files + report.left_out_folders > 0 {
        "no picture was found; some files or folders are left out by rules, --dry-run lists them"
    } else {
        "no picture was found; files are taken by endings such as .jpg or .png"
    }
}

fn noun(count: usize, one: &str) -> String {
    format!("{one}{}", if count == 1 { "" } else { "s" })
}

/// Counts with their names: "412 HEIC and 3 AVIF".
fn and(counts: &BTreeMap<String, usize>) -> String {
    let each = counts.iter();
    let mut each: Vec<String> = each
        .map(|(name, &count)| format!("{} {name}", output::count(count)))
        .collect();
    let last = each.pop().unwrap_or_default();
    match each.is_empty() {
        true => last,
        false => format!("{} and {last}", each.join(", ")),
    }
}

/// A table of what was left out, with how many more there are.
fn left_out(what: &'static str, rows: Vec<[String; 2]>, all: usize) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let more = all.saturating_sub(rows.len());
    let mut table = Table::new(&[what, "reason"]);
    for row in rows {
        table.row(row);
    }
    if more > 0 {
        table.row([format!("… and {} more", output::count(more))]);
    }
    format!("\n{}", table.render())
}

fn describe(report: &IngestReport, collection: &str) -> String {
    let verb = if report.dry_run { "would be " } else { "" };
    let mut text = format!(
        "{collection}: {} seen\n",
        output::plural(report.seen, "file")
    );
    let mut line = |number: usize, what: &str| {
        if number > 0 {
            text.push_str(&format!("  {:>9} {what}\n", output::count(number)));
        }
    };
    line(report.added, &format!("{verb}added"));
    line(report.changed, &format!("{verb}changed"));
    line(report.moved, &format!("{verb}moved"));
    line(
        report.duplicates,
        &format!("{verb}duplicates of another file"),
    );
    let by_rule = match report.gone_by_rule {
        0 => String::new(),
        number => format!(", {} of them left out by a rule", output::count(number)),
    };
    line(report.gone, &format!("{verb}gone{by_rule}"));
    line(report.unchanged, "unchanged");
    for (format, &files) in &report.unreadable {
        let noun = noun(files, "file");
        line(files, &format!("{format} {noun} cannot be read yet"));
    }
    let videos = report.videos.values().sum();
    let what = noun(videos, "video");
    line(
        videos,
        &format!("{what} ({}), left alone", and(&report.videos)),
    );
    line(report.ignored, "not pictures by their name, left alone");
    line(report.left_out_files, "left out by a rule");
    let what = noun(report.left_out_folders, "folder");
    line(
        report.left_out_folders,
        &format!("{what} left out by a rule, with all that is inside"),
    );
    line(report.skipped.len(), "skipped");
    text.push_str(&tables(report));
    if !report.dry_run {
        text.push_str(&format!("took {}", output::duration(report.seconds)));
        if report.added + report.changed > 0 {
            text.push_str(&format!(", {:.1} images/s", report.images_per_s));
        }
        text.push('\n');
    }
    if report.interrupted {
        text.push_str("stopped before the end; run the same command again to go on\n");
    }
    text
}

/// The files that were skipped, and for a dry run those that a rule leaves out, with the reasons.
fn tables(report: &IngestReport) -> String {
    let mut text = String::new();
    if !report.skipped.is_empty() {
        let mut table = Table::new(&["skipped", "reason"]);
        for skipped in &report.skipped {
            table.row([skipped.path.clone(), skipped.reason.clone()]);
        }
        text.push_str(&format!("\n{}", table.render()));
    }
    if !report.further_pages.is_empty() {
        let files = output::plural(report.further_pages.len(), "file");
        text.push_str(&format!(
            "\nonly the first page of {files} was taken in; save the others as files of their own\n\n"
        ));
        let mut table = Table::new(&["file", "pages left out"]);
        for file in &report.further_pages {
            table.row([file.path.clone(), file.left_out.to_string()]);
        }
        text.push_str(&table.render());
    }
    if report.dry_run && !report.left_out.is_empty() {
        let mut table = Table::new(&["left out", "rule"]);
        for left_out in &report.left_out {
            table.row([left_out.path.clone(), left_out.reason.clone()]);
        }
        let more = report.left_out_files + report.left_out_folders - report.left_out.len();
        if more > 0 {
            table.row([format!("… and {} more", output::count(more))]);
        }
        text.push_str(&format!("\n{}", table.render()));
    }
    text
}
