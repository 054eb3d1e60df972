//! What can go wrong with a collection.

use std::path::{Path, PathBuf};

use vizsla_features::DescriptorKind;

use crate::{Problem, Remedy};

/// An error of the retrieval floor. Its message says what happened, what to do, and ends with the path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no collection at this path.
    #[error("{}; {}: {}", missing(.0), missing_remedy(.0), .0.display())]
    Missing(PathBuf),
    /// The collection, or the folder it should be in, may not be read.
    #[error("permission denied, this may not be read; get the permission, or name another: {}", .0.display())]
    Denied(PathBuf),
    /// A collection cannot be made because something else is there.
    #[error("this exists and is not a collection; choose another name: {}", .0.display())]
    Occupied(PathBuf),
    /// The catalog was written by a newer version.
    #[error(
        "the collection has format {found}, this program reads up to {supported}; install a newer vizsla: {}",
        path.display()
    )]
    TooNew {
        /// The catalog file.
        path: PathBuf,
        /// Its format version.
        found: i64,
        /// The newest format this program reads.
        supported: i64,
    },
    /// A file of the collection is damaged.
    #[error("{what}; {remedy}: {}", path.display())]
    Damaged {
        /// The damaged file.
        path: PathBuf,
        /// What was seen.
        what: String,
        /// What to do about it.
        remedy: Remedy,
    },
    /// Another process is writing to the collection.
    #[error("another process is writing to this collection; wait for it to end: {}", .0.display())]
    Busy(PathBuf),
    /// The collection, or the folder it was to be made in, may not be written to.
    #[error(
        "this cannot be written to; get the permission, or choose another place: {}",
        .0.display()
    )]
    ReadOnly(PathBuf),
    /// A source path given to ingest does not exist.
    #[error("no pictures here, the path does not exist; check it: {}", .0.display())]
    NoSource(PathBuf),
    /// Nothing can be learned or measured, because there are no pictures for it.
    #[error("{what}: {}", path.display())]
    NoPictures {
        /// What was looked for, and what to do.
        what: String,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The query could not be used.
    #[error("{0}")]
    Query(String),
    /// The collection has none of what the question is about.
    #[error("{what}; {remedy}")]
    Lacking {
        /// What is missing.
        what: String,
        /// What to do about it.
        remedy: Remedy,
    },
    /// The collection was not made for what is asked of it.
    #[error("{what}{}: {}", and_do(*remedy), collection.display())]
    Unable {
        /// What is missing.
        what: String,
        /// What to do about it, where something can be done.
        remedy: Option<Remedy>,
        /// The collection.
        collection: PathBuf,
    },
    /// The collection's model could describe none of the pictures. Nothing was taken in.
    #[error(
        "the model '{model}' refused every picture ({pictures}), nothing was taken in; {reason}"
    )]
    Refused {
        /// The model.
        model: String,
        /// Pictures that it was given.
        pictures: usize,
        /// What it said of one of them.
        reason: String,
    },
    /// The caller asked the work to stop.
    #[error("stopped before the end, as was asked")]
    Cancelled,
    /// A query or a filter is not written as it should be; the message points at the place.
    #[error(transparent)]
    Syntax(#[from] crate::SyntaxError),
    /// A list cannot be understood. Nothing of it was taken.
    #[error("{what}{}: {}", line.map(|line| format!(", line {line}")).unwrap_or_default(), path.display())]
    Import {
        /// The file.
        path: PathBuf,
        /// The line, from 1, when it is one.
        line: Option<u64>,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// A recipe could not be read.
    #[error("the recipe is not valid: {0}")]
    Recipe(String),
    /// Something that was learned from other descriptors than the recipe's.
    #[error(
        "the {what} is of {found} descriptors, the recipe's local.descriptor is {recipe}; give one of {recipe}, or \
         another recipe"
    )]
    OtherDescriptor {
        /// What was learned.
        what: &'static str,
        /// What its descriptors are.
        found: DescriptorKind,
        /// What the recipe's are.
        recipe: DescriptorKind,
    },
    /// An image that is not in the collection was named.
    #[error("not in the collection; {remedy}: {0}", remedy = Remedy::ListImages)]
    NotIndexed(String),
    /// A model of the registry is not the one that the collection was made with.
    #[error(
        "the model `{model}` is another than the one this collection was made with: it has SHA-256 {found}, the \
         collection has {expected}; {remedy}",
        remedy = Remedy::BringModel
    )]
    OtherModel {
        /// Id in the registry.
        model: String,
        /// Hash of the registry's file.
        found: String,
        /// Hash that the recipe names.
        expected: String,
    },
    /// A picture could not be described by the network of learned local features.
    #[error(transparent)]
    Extract(#[from] vizsla_features::ExtractError),
    /// A network failed, or is not there.
    #[error(transparent)]
    Neural(#[from] vizsla_neural::Error),
    /// A file of vectors or a whitening failed.
    #[error(transparent)]
    Vectors(#[from] vizsla_vectors::Error),
    /// Decoding or drawing a picture failed.
    #[error(transparent)]
    Pixels(#[from] vizsla_pixels::Error),
    /// A codebook or a segment failed.
    #[error(transparent)]
    Words(#[from] vizsla_words::Error),
    /// The file system failed; the message names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// SQLite failed.
    #[error("{}: {}", sqlite_advice(source), path.display())]
    Sqlite {
        /// The catalog file.
        path: PathBuf,
        /// The cause.
        source: rusqlite::Error,
    },
}

/// Remedy for damage that the catalog can heal.
pub(crate) const REBUILD: Remedy = Remedy::Rebuild;
/// Remedy for damage that every writer puts right.
pub(crate) const WRITE: Remedy = Remedy::Write;
/// Remedy for damage of the catalog itself.
pub(crate) const RESTORE: Remedy = Remedy::Restore;
/// Remedy for a damaged whitening.
pub(crate) const LEARN_AGAIN: Remedy = Remedy::LearnWhitening;
/// Remedy for a damaged hash.
pub(crate) const LEARN_HASH: Remedy = Remedy::LearnHash;

/// Damage that is told whenever somebody needs what is damaged.
#[derive(Debug, Clone)]
pub(crate) struct Damage {
    pub path: PathBuf,
    what: String,
    remedy: Remedy,
}

impl From<Damage> for Error {
    fn from(damage: Damage) -> Self {
        Self::Damaged {
            path: damage.path,
            what: damage.what,
            remedy: damage.remedy,
        }
    }
}

/// A remedy as the end of a sentence that goes on.
fn and_do(remedy: Option<Remedy>) -> String {
    remedy.map_or_else(String::new, |remedy| format!("; {remedy}"))
}

impl Error {
    /// What can be done about it, where that is known. Its words are part of the message.
    pub fn remedy(&self) -> Option<Remedy> {
        Some(match self {
            Self::Missing(path) => missing_remedy(path),
            Self::Damaged { remedy, .. } | Self::Lacking { remedy, .. } => *remedy,
            Self::Unable { remedy, .. } => (*remedy)?,
            Self::NotIndexed(_) => Remedy::ListImages,
            Self::OtherModel { .. } => Remedy::BringModel,
            _ => return None,
        })
    }

    /// Keeps damage apart from what makes everything fail.
    pub(crate) fn apart<T>(found: Result<T, Self>) -> Result<Result<T, Damage>, Self> {
        match found {
            Ok(found) => Ok(Ok(found)),
            Err(Self::Damaged { path, what, remedy }) => Ok(Err(Damage { path, what, remedy })),
            Err(other) => Err(other),
        }
    }

    /// Damage as `verify` shows it, with another remedy where there is one; `None` when it is something else.
    pub(crate) fn into_problem(self, other: Option<Remedy>) -> Option<Problem> {
        match self {
            Self::Damaged { path, what, remedy } => Some(Problem {
                path,
                what,
                remedy: other.unwrap_or(remedy),
            }),
            _ => None,
        }
    }

    pub(crate) fn damaged(path: &Path, what: impl Into<String>, remedy: Remedy) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            what: what.into(),
            remedy,
        }
    }

    /// What an index file failed with: damage of it is healed from the catalog.
    pub(crate) fn of_index(error: impl Into<vizsla_words::Error>) -> Self {
        use vizsla_vectors::Error::Damaged;
        match error.into() {
            vizsla_words::Error::Vectors(Damaged { kind, what, path }) => {
                Self::damaged(&path, format!("the {kind} is damaged ({what})"), REBUILD)
            }
            other => other.into(),
        }
    }

    /// Whether SQLite could not make or change a file.
    pub(crate) fn only_reading(&self) -> bool {
        use rusqlite::ErrorCode as Code;
        let code = match self {
            Self::Sqlite { source, .. } => source.sqlite_error_code(),
            _ => None,
        };
        matches!(code, Some(Code::ReadOnly | Code::CannotOpen))
    }
}

fn missing(path: &Path) -> &'static str {
    match missing_remedy(path) {
        Remedy::NameCollection => "this is not a collection",
        _ => "there is no collection here",
    }
}

fn missing_remedy(path: &Path) -> Remedy {
    match path.exists() {
        true => Remedy::NameCollection,
        false => Remedy::Create,
    }
}

fn sqlite_advice(error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode as Code;
    let advice = match error.sqlite_error_code() {
        Some(Code::DiskFull) => {
            "the disk is full; nothing that was reported done is lost, free some space and run again"
        }
        Some(Code::DatabaseCorrupt | Code::NotADatabase) => {
            "the catalog is damaged; restore it from a backup, or index the pictures again into a new collection"
        }
        Some(Code::DatabaseBusy | Code::DatabaseLocked) => {
            "another process holds the catalog; wait for it to end"
        }
        Some(Code::ReadOnly | Code::CannotOpen | Code::PermissionDenied) => {
            "the catalog cannot be opened; check the permissions of the folder"
        }
        Some(Code::SystemIoFailure) => "reading or writing the catalog failed; check the disk",
        _ => "the catalog refused",
    };
    format!("{advice} ({error})")
}
