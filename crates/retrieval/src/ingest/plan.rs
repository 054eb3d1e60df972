//! What is to be done, found by comparing disk and catalog.

use std::collections::HashMap;
use std::path::PathBuf;

use vizsla_pixels::{Foreign, Reach};

use super::departed::Departed;
use super::held::Held;
use crate::catalog::FileRow;
use crate::scan::{Found, KeptRules, Scan, Sight};
use crate::{Collection, Error, IngestOptions, IngestReport, Skipped};

/// Files and folders left out that a report lists.
const MOST_LISTED: usize = 20;

/// What is to be done.
pub(super) struct Plan {
    /// Files to look into, in path order.
    pub todo: Vec<(String, Found)>,
    /// Files of the catalog that are not where they were.
    pub departed: Departed,
    pub known: HashMap<String, FileRow>,
    pub report: IngestReport,
    /// What the collection has to remember, when that changed.
    pub remember: Option<KeptRules>,
    /// Where files may be opened.
    pub reach: Reach,
}

impl Collection {
    /// Looks at the sources and compares them with the catalog.
    pub(super) fn plan(
        &self,
        sources: &[PathBuf],
        held: &Held<'_>,
        options: &IngestOptions,
    ) -> Result<Plan, Error> {
        let before = match (self.catalog().kept_rules(), &options.rules) {
            // What cannot be understood makes room for what is given.
            (Err(Error::Damaged { .. }), Some(_)) => KeptRules::default(),
            (kept, _) => kept?,
        };
        let sight = Sight {
            within: options.within.as_deref(),
            kept: before.clone(),
            given: options.rules.as_ref(),
        };
        let scan = Scan::of(sources, sight)?;
        let mut report = first_report(&scan);
        let changed = options.rules.is_some() || scan.kept != before;
        let remember = changed.then(|| scan.kept.clone());
        let (departed, known) = self.departed(&scan, &mut report)?;
        let same = |path: &String, found: &Found| {
            known.get(path).is_some_and(|row: &FileRow| {
                row.size == found.size && row.modified_ns == found.modified_ns
            })
        };
        report.skipped.extend(held.refused.iter().cloned());
        let mut todo = Vec::new();
        for (path, found) in scan.files {
            match same(&path, &found) && !options.rescan {
                true => report.unchanged += 1,
                false => todo.push((path, found)),
            }
        }
        // Their places come behind those of files.
        let before = todo.len();
        todo.extend(held.found());
        report.seen += todo.len() - before;
        Ok(Plan {
            todo,
            departed,
            known,
            report,
            remember,
            reach: match &options.within {
                Some(folder) => Reach::beneath(folder)?,
                None => Reach::anywhere(),
            },
        })
    }

    /// Files of the catalog that the walk did not come upon, and all files of the catalog by path.
    fn departed(
        &self,
        scan: &Scan,
        report: &mut IngestReport,
    ) -> Result<(Departed, HashMap<String, FileRow>), Error> {
        let mut known = HashMap::new();
        let mut departed = Departed::default();
        let mut gone = Vec::new();
        for row in self.catalog().files()? {
            if !scan.covers(&row.path) {
                departed.add_elsewhere(row.clone());
            } else if scan.leaves_out(&row.path) && !scan.files.contains_key(&row.path) {
                report.gone_by_rule += 1;
                departed.add_gone(row.clone());
            } else if !scan.files.contains_key(&row.path) {
                gone.push(row.clone());
            }
            known.insert(row.path.clone(), row);
        }
        if scan.files.is_empty() && !gone.is_empty() {
            report.warnings.push(format!(
                "no picture is left here, but {} are indexed; nothing was removed in case a drive is not \
                 mounted (take them out of the collection if they are really gone)",
                gone.len()
            ));
        } else {
            gone.into_iter().for_each(|row| departed.add_gone(row));
        }
        Ok((departed, known))
    }
}

/// What the walk alone tells.
fn first_report(scan: &Scan) -> IngestReport {
    let left_out = scan.left_out.iter().take(MOST_LISTED);
    let mut report = IngestReport {
        seen: scan.files.len(),
        ignored: scan.ignored,
        skipped: scan.skipped.clone(),
        left_out_files: scan.left_out.len() - scan.left_out_folders,
        left_out_folders: scan.left_out_folders,
        left_out: left_out
            .map(|(path, reason)| Skipped {
                path: crate::scan::shown(path),
                reason: reason.clone(),
            })
            .collect(),
        ..IngestReport::default()
    };
    for (&foreign, &files) in &scan.foreign {
        count_foreign(&mut report, foreign, files);
    }
    for pattern in &scan.unused {
        report.warnings.push(format!(
            "this pattern left nothing out; patterns begin at the folder that is indexed, as in a .gitignore there: {pattern}"
        ));
    }
    report
}

/// Counts files of a format that is not read.
pub(super) fn count_foreign(report: &mut IngestReport, foreign: Foreign, files: usize) {
    let counts = match foreign.video {
        true => &mut report.videos,
        false => &mut report.unreadable,
    };
    *counts.entry(foreign.name.to_owned()).or_default() += files;
}
