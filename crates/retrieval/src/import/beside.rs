//! Files beside the pictures: `photo.jpg.txt` or `photo.txt` with captions, `photo.jpg.json` or `photo.json` with
//! metadata.

use std::path::{Path, PathBuf};

use super::collected::{Collected, MOST_LISTED, Said, Wanted};
use super::values;
use crate::catalog::FileRow;
use crate::{Error, Skipped, lists};

/// Most bytes of one such file.
const MOST_BYTES: u64 = 1 << 20;

/// What lies beside the indexed pictures below `folder`. A picture that has nothing beside it gets an empty record, so
/// that what was there before goes; a file that cannot be understood is listed, and what was there stays.
pub(super) fn collect(
    folder: &Path,
    files: &[FileRow],
    wanted: Wanted,
) -> Result<Collected, Error> {
    let ending = match wanted {
        Wanted::Captions => "txt",
        Wanted::Metadata => "json",
    };
    let mut collected = Collected::default();
    let mut images = std::collections::BTreeSet::new();
    let mut unread = Vec::new();
    for row in files {
        let picture = Path::new(&row.path);
        if !picture.starts_with(folder) {
            continue;
        }
        let Some(side) = side_file(picture, ending) else {
            collected.add(row.image, Said::default());
            continue;
        };
        collected.report.records += 1;
        match read(&side, wanted) {
            Ok(said) => {
                images.insert(row.image);
                collected.add(row.image, said);
            }
            Err(reason) => {
                unread.push(row.image);
                let report = &mut collected.report;
                report.unmatched += 1;
                if report.unmatched_listed.len() < MOST_LISTED {
                    let path = side.to_string_lossy().into_owned();
                    report.unmatched_listed.push(Skipped { path, reason });
                }
            }
        }
    }
    for image in unread {
        collected.images.remove(&image);
    }
    collected.report.images = images.len();
    Ok(collected)
}

fn side_file(picture: &Path, ending: &str) -> Option<PathBuf> {
    let mut longer = picture.as_os_str().to_owned();
    longer.push(format!(".{ending}"));
    [PathBuf::from(longer), picture.with_extension(ending)]
        .into_iter()
        .find(|side| side.is_file())
}

fn read(side: &Path, wanted: Wanted) -> Result<Said, String> {
    let text = lists::read_text(side, MOST_BYTES).map_err(|error| match error {
        Error::Import { what, line, .. } => match line {
            Some(line) => format!("{what}, line {line}"),
            None => what,
        },
        other => other.to_string(),
    })?;
    let mut said = Said::default();
    match wanted {
        Wanted::Captions => {
            for line in text.content.lines() {
                said.captions.extend(values::caption(line)?);
            }
        }
        Wanted::Metadata => {
            let fields = lists::object(&text.content)?;
            said.data = values::of_object(&fields)?;
        }
    }
    Ok(said)
}
