//! What the file of a named index begins with.

use crate::files::FileFormat;

pub(super) static FORMAT: FileFormat = FileFormat {
    magic: b"VZNV",
    kind: "named index of vectors",
    version: 1,
    header: HEADER,
};
pub(super) const HEADER: usize = 128;
