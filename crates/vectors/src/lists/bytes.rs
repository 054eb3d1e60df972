//! Bytes of a list, in a mapped file or in memory.

use std::ops::Range;

use crate::files::Mapped;

/// Where bytes are. Those in memory begin, as those of files do, where numbers of eight bytes may.
#[derive(Debug, Clone)]
pub(super) enum Bytes {
    Mapped(Range<usize>),
    Owned { words: Vec<u64>, length: usize },
}

impl Default for Bytes {
    fn default() -> Self {
        Self::Owned {
            words: Vec::new(),
            length: 0,
        }
    }
}

impl Bytes {
    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Mapped(range) => range.is_empty(),
            Self::Owned { length, .. } => *length == 0,
        }
    }

    #[inline]
    pub fn read<'a>(&'a self, file: Option<&'a Mapped>) -> &'a [u8] {
        match self {
            Self::Mapped(range) => {
                let bytes = file.and_then(|file| file.bytes().get(range.clone()));
                bytes.unwrap_or_default()
            }
            Self::Owned { words, length } => {
                let bytes: &[u8] = bytemuck::cast_slice(words);
                bytes.get(..*length).unwrap_or_default()
            }
        }
    }

    /// Brings them into memory where they are in a file, makes them longer, by zeros, and gives them to be written.
    pub fn grown(&mut self, length: usize, file: Option<&Mapped>) -> &mut [u8] {
        if let Self::Mapped(_) = self {
            let bytes = self.read(file).to_vec();
            let mut words = vec![0u64; bytes.len().div_ceil(8)];
            bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(&bytes);
            let length = bytes.len();
            *self = Self::Owned { words, length };
        }
        match self {
            Self::Mapped(_) => &mut [],
            Self::Owned {
                words,
                length: before,
            } => {
                *before = length.max(*before);
                words.resize(before.div_ceil(8), 0);
                &mut bytemuck::cast_slice_mut(words)[..*before]
            }
        }
    }
}
