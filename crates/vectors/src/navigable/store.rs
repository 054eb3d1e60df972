//! Where ids, edges and codes lie: in memory or in a file.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::pages::Pages;
use crate::files::{Mapped, i64_at};
use crate::ids::place_of;

/// Ids, edges and codes.
#[derive(Debug)]
pub(super) enum Store {
    Memory(Memory),
    File(InFile),
}

/// In memory.
#[derive(Debug)]
pub(super) struct Memory {
    /// Ascending.
    pub ids: Vec<i64>,
    pub links: Pages,
    pub codes: Pages,
}

/// Parts of a file.
#[derive(Debug)]
pub(super) struct InFile {
    pub map: Mapped,
    pub path: PathBuf,
    pub count: usize,
    /// The CRC that the body should have.
    pub crc: u32,
    pub ids: Range<usize>,
    pub links: Range<usize>,
    pub codes: Range<usize>,
}

impl InFile {
    pub fn part(&self, range: &Range<usize>) -> &[u8] {
        self.map.bytes().get(range.clone()).unwrap_or_default()
    }
}

impl Store {
    pub fn len(&self) -> usize {
        match self {
            Self::Memory(memory) => memory.ids.len(),
            Self::File(file) => file.count,
        }
    }

    pub fn path(&self) -> &Path {
        match self {
            Self::Memory(_) => Path::new("(in memory)"),
            Self::File(file) => &file.path,
        }
    }

    /// Whether numbers and codes lie where they can be read.
    pub fn lies_well(&self) -> bool {
        let begins = |bytes: &[u8]| bytes.as_ptr().cast::<u32>().is_aligned();
        match self {
            Self::Memory(_) => true,
            Self::File(file) => begins(file.part(&file.links)) && begins(file.part(&file.codes)),
        }
    }

    /// The id of a node; 0 where there is no such node.
    #[inline]
    pub fn id(&self, node: usize) -> i64 {
        match self {
            Self::Memory(memory) => memory.ids.get(node).copied().unwrap_or(0),
            Self::File(file) => i64_at(file.part(&file.ids), 8 * node),
        }
    }

    /// Where an id is.
    pub fn place(&self, id: i64) -> Option<usize> {
        place_of(id, self.len(), |at| self.id(at))
    }

    /// Edges as [`View::links`](super::view::View::links).
    pub fn links(&self) -> &[u32] {
        let bytes = match self {
            Self::Memory(memory) => memory.links.bytes(),
            Self::File(file) => file.part(&file.links),
        };
        bytemuck::try_cast_slice(bytes).unwrap_or_default()
    }

    pub fn codes(&self) -> &[u8] {
        match self {
            Self::Memory(memory) => memory.codes.bytes(),
            Self::File(file) => file.part(&file.codes),
        }
    }
}
