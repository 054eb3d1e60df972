//! Directories of tags, which TIFF files and EXIF blocks are made of (TIFF 6.0, section 2; BigTIFF).
//!
//! Every offset and count here was chosen by whoever made the file. A directory therefore borrows from
//! the bytes and takes no memory by a count that those bytes do not bear out: an entry whose values do
//! not lie inside the block is left out, and what asks for numbers says how many it wants at most.
//! Numbers are read whatever integer type they are stored with, since writers differ.

/// Entries of one directory that are looked at.
const MOST_ENTRIES: usize = 4096;

/// A block of bytes that starts with a TIFF header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<'a> {
    bytes: &'a [u8],
    big_endian: bool,
    /// BigTIFF: offsets and counts of 64 bits.
    wide: bool,
    first: u64,
}

/// One directory: tags and where their values lie.
#[derive(Clone, Debug)]
pub(crate) struct Directory<'a> {
    block: Block<'a>,
    entries: Vec<Entry<'a>>,
    /// Offset of the directory behind this one, 0 for none.
    pub(crate) next: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry<'a> {
    tag: u16,
    kind: u16,
    values: &'a [u8],
}

impl<'a> Block<'a> {
    /// Recognises the header.
    pub(crate) fn open(bytes: &'a [u8]) -> Option<Block<'a>> {
        let (big_endian, version) = match bytes.get(..4)? {
            [b'I', b'I', version, 0] => (false, *version),
            [b'M', b'M', 0, version] => (true, *version),
            _ => return None,
        };
        let mut block = Block {
            bytes,
            big_endian,
            wide: version == 43,
            first: 0,
        };
        block.first = match version {
            42 => block.number(4, 4)?,
            43 if block.number(4, 2)? == 8 => block.number(8, 8)?,
            _ => return None,
        };
        Some(block)
    }

    /// Whether the most significant byte comes first.
    pub(crate) fn is_big_endian(&self) -> bool {
        self.big_endian
    }

    /// The bytes of the whole block.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The first directory.
    pub(crate) fn first(&self) -> Option<Directory<'a>> {
        self.directory(self.first)
    }

    /// The directory at an offset; `None` when there is none. A cut one has the entries that are there.
    pub(crate) fn directory(&self, offset: u64) -> Option<Directory<'a>> {
        let start = usize::try_from(offset).ok().filter(|&at| at > 0)?;
        let (count_bytes, entry_bytes) = if self.wide { (8, 20) } else { (2, 12) };
        let count = usize::try_from(self.number(start, count_bytes)?).ok()?;
        let entries_at = start.checked_add(count_bytes)?;
        let room = self.bytes.len().saturating_sub(entries_at) / entry_bytes;
        let read = count.min(room).min(MOST_ENTRIES);
        let entries = (0..read)
            .filter_map(|index| self.entry(entries_at + index * entry_bytes))
            .collect();
        let behind = count
            .checked_mul(entry_bytes)
            .and_then(|length| length.checked_add(entries_at));
        let next = behind.and_then(|at| self.number(at, if self.wide { 8 } else { 4 }));
        Some(Directory {
            block: *self,
            entries,
            next: next.unwrap_or(0),
        })
    }

    fn entry(&self, at: usize) -> Option<Entry<'a>> {
        let tag = self.number(at, 2)? as u16;
        let kind = self.number(at + 2, 2)? as u16;
        let word = if self.wide { 8 } else { 4 };
        let count = usize::try_from(self.number(at + 4, word)?).ok()?;
        let length = count.checked_mul(size_of(kind)?)?;
        let start = match length <= word {
            true => at + 4 + word,
            false => usize::try_from(self.number(at + 4 + word, word)?).ok()?,
        };
        let values = self.bytes.get(start..start.checked_add(length)?)?;
        Some(Entry { tag, kind, values })
    }

    /// The unsigned number of so many bytes at a place.
    fn number(&self, at: usize, length: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at.checked_add(length)?)?;
        Some(self.fold(bytes))
    }

    fn fold(&self, bytes: &[u8]) -> u64 {
        let push = |sum: u64, &byte: &u8| sum << 8 | u64::from(byte);
        match self.big_endian {
            true => bytes.iter().fold(0, push),
            false => bytes.iter().rev().fold(0, push),
        }
    }
}

/// Bytes of one value of a type; `None` for a type that does not exist.
fn size_of(kind: u16) -> Option<usize> {
    Some(match kind {
        // Bytes, text (129: in UTF-8), signed bytes and bytes without a meaning.
        1 | 2 | 6 | 7 | 129 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 | 17 | 18 => 8,
        _ => return None,
    })
}

impl<'a> Directory<'a> {
    fn entry(&self, tag: u16) -> Option<&Entry<'a>> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }

    /// Whether the tag is there.
    pub(crate) fn has(&self, tag: u16) -> bool {
        self.entry(tag).is_some()
    }

    /// The values of a tag as they lie in the file: what text and tables are read from.
    pub(crate) fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        self.entry(tag).map(|entry| entry.values)
    }

    /// How many values a tag has.
    pub(crate) fn count(&self, tag: u16) -> usize {
        self.entry(tag).map_or(0, |entry| {
            entry.values.len() / size_of(entry.kind).unwrap_or(1)
        })
    }

    /// The first value of a tag as a whole number that is not negative.
    pub(crate) fn uint(&self, tag: u16) -> Option<u64> {
        self.uint_at(tag, 0)
    }

    /// A value of a tag as a whole number that is not negative, whatever integer type it is stored with.
    pub(crate) fn uint_at(&self, tag: u16, index: usize) -> Option<u64> {
        let entry = self.entry(tag)?;
        let value = value(entry, index)?;
        let unsigned = self.block.fold(value);
        match entry.kind {
            1 | 3 | 4 | 7 | 13 | 16 | 18 => Some(unsigned),
            6 | 8 | 9 | 17 => u64::try_from(signed(unsigned, value.len())).ok(),
            _ => None,
        }
    }

    /// The first `most` values of a tag as whole numbers; empty when one of them is none.
    pub(crate) fn uints(&self, tag: u16, most: usize) -> Vec<u64> {
        let count = self.count(tag).min(most);
        let values: Option<Vec<u64>> = (0..count).map(|at| self.uint_at(tag, at)).collect();
        values.unwrap_or_default()
    }

    /// A value of a tag as a real number: a fraction, a floating-point number or a whole one. A
    /// fraction over zero is none: 0/0 is how cameras write what they do not know.
    pub(crate) fn real(&self, tag: u16, index: usize) -> Option<f64> {
        let entry = self.entry(tag)?;
        let bytes = value(entry, index)?;
        let whole = self.block.fold(bytes);
        let number = match entry.kind {
            5 | 10 => {
                let (over, under) = bytes.split_at(4);
                let (over, under) = (self.block.fold(over), self.block.fold(under));
                match (entry.kind, under) {
                    (_, 0) => return None,
                    (5, _) => over as f64 / under as f64,
                    _ => signed(over, 4) as f64 / signed(under, 4) as f64,
                }
            }
            11 => f64::from(f32::from_bits(whole as u32)),
            12 => f64::from_bits(whole),
            6 | 8 | 9 | 17 => signed(whole, bytes.len()) as f64,
            2 | 129 => return None,
            _ => whole as f64,
        };
        number.is_finite().then_some(number)
    }

    /// The text of a tag up to its first zero byte, which some writers leave out.
    pub(crate) fn text(&self, tag: u16) -> Option<&'a [u8]> {
        let entry = self.entry(tag)?;
        if !matches!(entry.kind, 1 | 2 | 7 | 129) {
            return None;
        }
        entry.values.split(|&byte| byte == 0).next()
    }

    /// The directory that a tag points at.
    pub(crate) fn below(&self, tag: u16) -> Option<Directory<'a>> {
        self.block.directory(self.uint(tag)?)
    }
}

fn value<'a>(entry: &Entry<'a>, index: usize) -> Option<&'a [u8]> {
    let size = size_of(entry.kind)?;
    let start = index.checked_mul(size)?;
    entry.values.get(start..start.checked_add(size)?)
}

/// The number of `bytes` bytes in two's complement.
fn signed(value: u64, bytes: usize) -> i64 {
    let unused = 64 - 8 * bytes.clamp(1, 8) as u32;
    ((value << unused) as i64) >> unused
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory at offset 8 with these entries: tag, type, count and four bytes of value.
    fn block(entries: &[(u16, u16, u32, [u8; 4])], behind: &[u8]) -> Vec<u8> {
        let mut bytes = b"MM\0\x2a\0\0\0\x08".to_vec();
        bytes.extend((entries.len() as u16).to_be_bytes());
        for (tag, kind, count, value) in entries {
            bytes.extend(tag.to_be_bytes());
            bytes.extend(kind.to_be_bytes());
            bytes.extend(count.to_be_bytes());
            bytes.extend(value);
        }
        bytes.extend([0; 4]);
        bytes.extend(behind);
        bytes
    }

    #[test]
    fn numbers_are_read_whatever_type_they_are_stored_with() {
        let bytes = block(
            &[
                (1, 1, 1, [6, 9, 9, 9]),
                (2, 3, 2, [0, 6, 0, 7]),
                (3, 4, 1, [0, 0, 0, 6]),
                (4, 13, 1, [0, 0, 0, 6]),
                (5, 8, 1, [0xFF, 0xFE, 0, 0]),
                (6, 10, 1, [0, 0, 0, 86]),
                (7, 2, 4, *b"NONE"),
            ],
            &[0xFF, 0xFF, 0xFF, 0xF7, 0, 0, 0, 2],
        );
        // The value of tag 6 lies behind the directory: 8 + 2 + 7 * 12 + 4 = 98.
        let mut bytes = bytes;
        let at = 10 + 5 * 12 + 11;
        bytes[at] = 98;
        let directory = Block::open(&bytes).unwrap().first().unwrap();
        for tag in 1..=4 {
            assert_eq!(directory.uint(tag), Some(6), "tag {tag}");
        }
        assert_eq!(directory.uints(2, 9), [6, 7]);
        assert_eq!(
            (directory.uint(5), directory.real(5, 0)),
            (None, Some(-2.0))
        );
        assert_eq!(directory.real(6, 0), Some(-4.5));
        assert_eq!(directory.text(7), Some(&b"NONE"[..]));
        assert_eq!((directory.uint(99), directory.has(99)), (None, false));
    }

    #[test]
    fn what_lies_outside_of_the_block_is_not_there() {
        let bytes = block(
            &[
                (1, 4, u32::MAX, [0, 0, 0, 8]),
                (2, 5, 1, [0xFF; 4]),
                (3, 99, 1, [0; 4]),
                (4, 3, 1, [0, 5, 0, 0]),
            ],
            &[],
        );
        let directory = Block::open(&bytes).unwrap().first().unwrap();
        assert_eq!(
            (directory.has(1), directory.has(2), directory.has(3)),
            (false, false, false)
        );
        assert_eq!(directory.uint(4), Some(5));
        for length in 0..bytes.len() {
            let _ = Block::open(&bytes[..length]).and_then(|block| block.first());
        }
        let mut endless = bytes.clone();
        endless[8] = 0xFF;
        let directory = Block::open(&endless).unwrap().first().unwrap();
        assert_eq!((directory.uint(4), directory.next), (Some(5), 0));
        assert!(
            Block::open(b"MM\0\x2a\xff\xff\xff\xff")
                .unwrap()
                .first()
                .is_none()
        );
    }
}
