//! Lists in a file, which is mapped. Layout, little-endian:
//!
//! ```text
//! magic | u32 version | u32 dimension | u32 metric | u32 kind of codes | u32 lists | u64 count | u64 bytes of the coder
//!     | u32 CRC of the body | u32 CRC of the header
//! coder, filled up to a multiple of 64 bytes | lists × dimension × f32 centroids | lists × u32 count, filled up | for each list:
//!     count × i64 id, ascending, filled up | codes, filled up
//! ```

use std::io::Write;
use std::path::Path;

use super::VectorLists;
use super::bits::{BitCodes, KIND as BITS, coder_from_bytes};
use super::blocks::{BlockCodes, KIND as BLOCKS};
use super::bytes::Bytes;
use super::coding::ListCoding;
use super::index::{File, ListData};
use super::rows::RowCodes;
use crate::coarse::Coarse;
use crate::codes::{Additive, Floats, Halves, Product, Scalar, StoredCoder};
use crate::files::{AtomicFile, FileFormat, Mapped, f32s, i64_at, u32_at, u32s, u64_at};
use crate::points::{MOST_DIMENSIONS, MOST_POINTS};
use crate::{Error, Metric};

pub(super) static FORMAT: FileFormat = FileFormat {
    magic: b"VZIV",
    kind: "file of vector lists",
    version: 1,
    header: HEADER,
};
const HEADER: usize = 64;
/// Parts begin at multiples of this.
const ALIGNED: usize = 64;

impl VectorLists {
    /// Writes the lists to a file; it appears whole or not at all, in the place of what had its name. The same lists give the same bytes.
    ///
    /// # Errors
    /// The file cannot be written, or the file that these lists are in was cut short.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let mut file = AtomicFile::create(path)?;
        self.write(&mut file)?;
        Ok(file.commit(&[])?)
    }

    /// Writes the bytes of such a file.
    pub(crate) fn write(&self, to: &mut dyn Write) -> Result<(), Error> {
        let mut crc = crc32fast::Hasher::new();
        self.each_part(&mut |bytes| {
            crc.update(bytes);
            Ok(())
        })?;
        to.write_all(&self.header(crc.finalize()))?;
        self.each_part(&mut |bytes| to.write_all(bytes))?;
        self.check_whole()
    }

    /// Gives what follows the header.
    fn each_part(&self, put: &mut dyn FnMut(&[u8]) -> std::io::Result<()>) -> std::io::Result<()> {
        let mut put = |bytes: &[u8]| {
            const FILL: [u8; ALIGNED] = [0; ALIGNED];
            put(bytes)?;
            put(&FILL[..bytes.len().next_multiple_of(ALIGNED) - bytes.len()])
        };
        put(&self.coding.to_bytes())?;
        let centroids = self.coarse.centroids().iter();
        put(&centroids.flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())?;
        let lists = (0..self.lists()).map(|number| self.list(number));
        let counts = lists.clone().map(|list| list.len() as u32);
        put(&counts.flat_map(u32::to_le_bytes).collect::<Vec<u8>>())?;
        for list in lists {
            put(list.ids)?;
            put(list.codes)?;
        }
        Ok(())
    }

    fn header(&self, crc: u32) -> Vec<u8> {
        let mut header = Vec::with_capacity(HEADER);
        header.extend(FORMAT.magic);
        let metric = Metric::ALL.iter().position(|&metric| metric == self.metric);
        let fields = [
            FORMAT.version,
            self.dimension() as u32,
            metric.unwrap_or(0) as u32,
            self.coding.kind(),
            self.lists() as u32,
        ];
        header.extend(fields.into_iter().flat_map(u32::to_le_bytes));
        header.extend((self.count as u64).to_le_bytes());
        header.extend((self.coding.to_bytes().len() as u64).to_le_bytes());
        header.resize(HEADER - 8, 0);
        header.extend(crc.to_le_bytes());
        header.extend(crc32fast::hash(&header).to_le_bytes());
        header
    }

    /// Opens a file by mapping it. Header and lengths are checked, the rest only by [`VectorLists::verify`].
    ///
    /// # Errors
    /// It cannot be read, is no file of vector lists, of a later version, or damaged.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::of_mapped(Mapped::open(path)?, path)
    }

    /// [`VectorLists::open`] of bytes that are mapped; the path is that of the file they are from.
    pub(crate) fn of_mapped(map: Mapped, path: &Path) -> Result<Self, Error> {
        let header = FORMAT.header(map.bytes(), path)?;
        let crc = u32_at(header, HEADER - 8);
        let mut found = read(&map).ok_or_else(|| FORMAT.damaged("sizes", path))?;
        found.file = Some(File {
            map,
            path: path.to_owned(),
            crc,
        });
        found.last_id = found.greatest_id();
        Ok(found)
    }

    /// Checks every byte of the file that the lists were opened from; there is nothing to check where they were not.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the checksum differs or ids do not ascend.
    pub fn verify(&self) -> Result<(), Error> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let body = file.map.bytes().get(HEADER..).unwrap_or_default();
        if crc32fast::hash(body) != file.crc {
            return Err(FORMAT.damaged("checksum", &file.path));
        }
        for number in 0..self.lists() {
            let list = self.list(number);
            if (1..list.len()).any(|at| list.id(at - 1) >= list.id(at)) {
                return Err(FORMAT.damaged("ids do not ascend", &file.path));
            }
        }
        self.check_whole()
    }

    fn greatest_id(&self) -> i64 {
        let lists = (0..self.lists()).map(|number| self.list(number));
        let last = |ids: &[u8]| i64_at(ids, ids.len().saturating_sub(8));
        let last = lists.filter(|l| l.len() > 0).map(|l| last(l.ids));
        last.max().unwrap_or(0)
    }
}

/// Parts of a file one after the other.
struct Parts<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Parts<'_> {
    /// The next part, of so many bytes.
    fn next(&mut self, length: usize) -> Option<std::ops::Range<usize>> {
        let start = self.at;
        let end = start.checked_add(length)?;
        let filled = start.checked_add(length.checked_next_multiple_of(ALIGNED)?)?;
        self.bytes.get(start..filled)?;
        self.at = filled;
        Some(start..end)
    }
}

/// Lists in a file whose header was checked; nothing where lengths disagree.
fn read(map: &Mapped) -> Option<VectorLists> {
    let bytes = map.bytes();
    let [dimension, metric, kind, lists] = [8, 12, 16, 20].map(|at| u32_at(bytes, at));
    let [count, coder] = [24, 32].map(|at| usize::try_from(u64_at(bytes, at)).ok());
    let (dimension, lists, count) = (dimension as usize, lists as usize, count?);
    let metric = *Metric::ALL.get(metric as usize)?;
    let sound = (1..=MOST_DIMENSIONS).contains(&dimension) && lists > 0 && count <= MOST_POINTS;
    if !sound {
        return None;
    }
    let mut parts = Parts { bytes, at: HEADER };
    let coder = &bytes[parts.next(coder?)?];
    let coding = coding(kind, coder, dimension, metric)?;
    let centroids = parts.next(lists.checked_mul(4 * dimension)?)?;
    let centroids: Vec<f32> = f32s(&bytes[centroids]).collect();
    let counts = parts.next(lists.checked_mul(4)?)?;
    let mut found = VectorLists::empty(metric, Coarse::new(centroids, dimension), coding);
    for (list, count) in found.lists.iter_mut().zip(u32s(&bytes[counts])) {
        let count = count as usize;
        found.count = found.count.checked_add(count)?;
        *list = ListData {
            ids: Bytes::Mapped(parts.next(count.checked_mul(8)?)?),
            codes: Bytes::Mapped(parts.next(found.coding.bytes(count))?),
        };
    }
    (found.count == count && parts.at == bytes.len()).then_some(found)
}

fn coding(
    kind: u32,
    bytes: &[u8],
    dimension: usize,
    metric: Metric,
) -> Option<Box<dyn ListCoding>> {
    fn of<C: StoredCoder>(bytes: &[u8], dimension: usize) -> Option<C> {
        C::from_bytes(bytes).filter(|coder| coder.dimension() == dimension)
    }
    Some(match kind {
        Floats::KIND => Box::new(RowCodes::whole(of::<Floats>(bytes, dimension)?)),
        Halves::KIND => Box::new(RowCodes::whole(of::<Halves>(bytes, dimension)?)),
        Scalar::KIND => Box::new(RowCodes::whole(of::<Scalar>(bytes, dimension)?)),
        Product::KIND => Box::new(RowCodes::residual(of::<Product>(bytes, dimension)?)),
        Additive::KIND => Box::new(RowCodes::residual(of::<Additive>(bytes, dimension)?)),
        BLOCKS => {
            let product = of::<Product>(bytes, dimension);
            Box::new(BlockCodes::new(
                product.filter(|product| product.bits() == 4)?,
                metric,
            ))
        }
        BITS => Box::new(BitCodes {
            coder: coder_from_bytes(bytes).filter(|coder| coder.dimension() == dimension)?,
            metric,
        }),
        _ => return None,
    })
}
