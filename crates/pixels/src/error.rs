//! What can go wrong between a file name and its pixels.
//!
//! One error type for the whole floor: a kind, which callers branch on and which becomes the reason
//! in the list of skipped files, and the path it happened to, which comes last in the message.

use std::fmt;
use std::path::{Path, PathBuf};

/// The reason why an image could not be read, made or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The content starts like no format that is read here.
    #[error(
        "not an image: the content is none of JPEG, PNG, WebP, GIF, BMP, TIFF or PNM; \
         convert it to one of these"
    )]
    NotAnImage,
    /// The content is of a format that is known by name and not read, such as HEIC.
    #[error(
        "this is a file of the format {0}, which cannot be read yet; convert it to JPEG or PNG"
    )]
    Foreign(&'static str),
    /// The file has no bytes at all.
    #[error("the file is empty; copy it again from its source")]
    Empty,
    /// The data end before the image does.
    #[error("the {0} data end before the image is complete; copy the file again from its source")]
    Truncated(&'static str),
    /// The data contradict their own format.
    #[error("the {format} data are damaged ({reason}); copy the file again from its source")]
    Corrupt {
        /// Name of the format.
        format: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// Reading it would break one of the [`Limits`](crate::Limits).
    #[error("{what} is {value}, above the limit of {limit}; make a smaller copy")]
    TooLarge {
        /// Which quantity, such as "the width in pixels".
        what: &'static str,
        /// What the file asks for.
        value: u64,
        /// What is allowed.
        limit: u64,
    },
    /// A valid file of a variant that no decoder here understands.
    #[error("the {format} variant is not supported ({reason}); save it as an ordinary JPEG or PNG")]
    Unsupported {
        /// Name of the format.
        format: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// A size of zero, or one that does not fit the data given.
    #[error("an image of {width} x {height} pixels cannot be made ({reason})")]
    BadSize {
        /// Width asked for, pixels.
        width: usize,
        /// Height asked for, pixels.
        height: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A directory, a pipe or a device where a file was expected.
    #[error("not a regular file; give the path of an image file")]
    NotAFile,
    /// A file that lies, all links followed, out of the folder that files may come from.
    #[error("it leads out of the folder that files may come from; put the file itself there")]
    Outside,
    /// The operating system refused.
    #[error("{}", io_advice(.0))]
    Io(#[source] std::io::Error),
}

fn io_advice(error: &std::io::Error) -> String {
    let advice = match error.kind() {
        std::io::ErrorKind::NotFound => "; check the path",
        std::io::ErrorKind::PermissionDenied => "; check the permissions",
        _ => "",
    };
    format!("{error}{advice}")
}

/// An [`ErrorKind`] together with the path it happened to, where there is one.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    path: Option<PathBuf>,
}

impl Error {
    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// The file it happened to, when it was read from or written to a path.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub(crate) fn at(mut self, path: &Path) -> Error {
        self.path = Some(path.to_path_buf());
        self
    }

    pub(crate) fn corrupt(format: &'static str, reason: impl fmt::Display) -> Error {
        ErrorKind::Corrupt {
            format,
            reason: reason.to_string(),
        }
        .into()
    }

    pub(crate) fn unsupported(format: &'static str, reason: impl fmt::Display) -> Error {
        ErrorKind::Unsupported {
            format,
            reason: reason.to_string(),
        }
        .into()
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Error {
        Error { kind, path: None }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Error {
        ErrorKind::Io(error).into()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}: {}", self.kind, path.display()),
            None => self.kind.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.kind)
    }
}
