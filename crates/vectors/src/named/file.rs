//! The file of a named index, which is mapped. Layout, little-endian:
//!
//! ```text
//! "VZNV" | u32 version | u32 metric | u32 dimension | u32 width | u32 answers | f32 recall | f32 recall wanted | u64 count
//!     | u64 bytes of the name, of the transform, of the finer coder, of the finer codes, of the sample, of the engine | 32 bytes tag
//!     | u32 CRC of the body | u32 CRC of the header
//! name | transform | finer coder | count × i64 id, ascending | finer codes | sample | engine
//! ```
//!
//! Each part begins at a multiple of 64 bytes, with zeros before it. The engine, a graph or lists, is a whole file of its kind.

use std::io::Write;
use std::ops::Range;
use std::path::Path;

use super::engine::Engine;
use super::finer::Ids;
use super::format::{FORMAT, HEADER};
use super::index::NamedVectors;
use super::make::{open_engine, open_finer};
use super::tune::Tuned;
use crate::codes::LinearMap;
use crate::files::{AtomicFile, LINE, Mapped, aligned, f32_at, u32_at, u64_at};
use crate::points::{MOST_DIMENSIONS, MOST_POINTS};
use crate::{Error, IndexName, Metric, Sample};

const TAG: usize = 32;
/// Where the tag begins.
const TAG_AT: usize = 88;
/// Most bytes of a name.
const MOST_NAME: usize = 256;

/// What is written.
pub(super) struct Written<'a> {
    pub name: IndexName,
    pub metric: Metric,
    pub dimension: usize,
    pub tag: &'a str,
    pub tuned: Tuned,
    pub transform: Option<&'a LinearMap>,
    /// What finer codes learned, and the codes.
    pub finer: Option<(&'a [u8], &'a [u8])>,
    pub ids: &'a [i64],
    pub sample: &'a Sample,
    pub engine: &'a dyn Engine,
}

/// Writes parts, each at its place, and sums up their bytes.
struct Writer {
    file: AtomicFile,
    crc: crc32fast::Hasher,
    at: usize,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.crc.update(&bytes[..written]);
        self.at += written;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Writer {
    /// Zeros up to the next part.
    fn pad(&mut self) -> std::io::Result<()> {
        let zeros = self.at.next_multiple_of(LINE) - self.at;
        self.write_all(&[0; LINE][..zeros])
    }

    fn part(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.pad()?;
        self.write_all(bytes)
    }
}

impl Written<'_> {
    /// Writes the file; it appears whole or not at all, and never in the place of another.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let mut file = AtomicFile::create_new(path)?;
        file.write_all(&[0; HEADER])?;
        let mut writer = Writer {
            file,
            crc: crc32fast::Hasher::new(),
            at: HEADER,
        };
        let name = self.name.to_string();
        let transform = self.transform.map(LinearMap::to_bytes).unwrap_or_default();
        let (coder, codes) = self.finer.unwrap_or_default();
        let sample = self.sample.to_bytes();
        for part in [name.as_bytes(), &transform, coder] {
            writer.part(part)?;
        }
        writer.pad()?;
        for id in self.ids {
            writer.write_all(&id.to_le_bytes())?;
        }
        writer.part(codes)?;
        writer.part(&sample)?;
        writer.pad()?;
        let start = writer.at;
        self.engine.write(&mut writer)?;
        let lengths = [
            self.ids.len(),
            name.len(),
            transform.len(),
            coder.len(),
            codes.len(),
            sample.len(),
            writer.at - start,
        ];
        let header = self.header(lengths, writer.crc.finalize());
        Ok(writer.file.commit(&header)?)
    }

    fn header(&self, lengths: [usize; 7], crc: u32) -> Vec<u8> {
        let metric = Metric::ALL.iter().position(|&metric| metric == self.metric);
        let mut header = FORMAT.magic.to_vec();
        let fields = [
            FORMAT.version,
            metric.unwrap_or(0) as u32,
            self.dimension as u32,
            self.tuned.width as u32,
            self.tuned.answers as u32,
            (self.tuned.recall as f32).to_bits(),
            (self.tuned.wanted as f32).to_bits(),
        ];
        header.extend(fields.iter().flat_map(|field| field.to_le_bytes()));
        let lengths = lengths.map(|length| (length as u64).to_le_bytes());
        header.extend(lengths.iter().flatten());
        let tag = self.tag.as_bytes();
        header.extend(&tag[..tag.len().min(TAG)]);
        header.resize(HEADER - 8, 0);
        header.extend(crc.to_le_bytes());
        header.extend(crc32fast::hash(&header).to_le_bytes());
        header
    }
}

impl NamedVectors {
    /// Opens a file by mapping it. Header, lengths and what was learned are checked, the rest only by
    /// [`VectorIndex::verify`](crate::VectorIndex::verify); a damaged file gives wrong answers or an error.
    ///
    /// # Errors
    /// It is not such a file, of a newer version, or damaged.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let map = Mapped::open(path)?;
        let damaged = |what| FORMAT.damaged(what, path);
        let header = FORMAT.header(map.bytes(), path)?;
        let metric = Metric::ALL.get(u32_at(header, 8) as usize).copied();
        let metric = metric.ok_or_else(|| damaged("metric"))?;
        let dimension = u32_at(header, 12) as usize;
        let lengths = [32, 40, 48, 56, 64, 72, 80].map(|at| usize::try_from(u64_at(header, at)));
        let [
            Ok(count),
            Ok(name),
            Ok(transform),
            Ok(coder),
            Ok(codes),
            Ok(sample),
            Ok(engine),
        ] = lengths
        else {
            return Err(damaged("sizes out of range"));
        };
        let ids = count
            .checked_mul(8)
            .filter(|_| count <= MOST_POINTS && name <= MOST_NAME);
        let [name, transform, coder, ids, codes, sample, engine] = ids
            .and_then(|ids| aligned(HEADER, [name, transform, coder, ids, codes, sample, engine]))
            .filter(|parts| parts[6].end == map.bytes().len())
            .filter(|_| (1..=MOST_DIMENSIONS).contains(&dimension))
            .ok_or_else(|| damaged("length"))?;
        let part = |range: Range<usize>| map.part(range).ok_or_else(|| damaged("length"));
        let name = String::from_utf8_lossy(&map.bytes()[name]).parse::<IndexName>();
        let name = name.map_err(|_| damaged("name"))?;
        let transform = match transform.is_empty() {
            true => None,
            false => {
                let map = LinearMap::from_bytes(&map.bytes()[transform]);
                Some(
                    map.filter(|map| map.input() == dimension)
                        .ok_or_else(|| damaged("transform"))?,
                )
            }
        };
        let finer = match name.finer {
            None => None,
            Some(finer) => {
                let found = open_finer(finer, &map.bytes()[coder], part(codes)?, dimension, count)?;
                Some(found.ok_or_else(|| damaged("finer codes"))?)
            }
        };
        let tag = String::from_utf8_lossy(&header[TAG_AT..TAG_AT + TAG]);
        let opened = open_engine(&name, part(engine)?, path)?;
        let coded = transform.as_ref().map_or(dimension, LinearMap::output);
        let sampled = if name.finer.is_some() {
            dimension
        } else {
            coded
        };
        let sample = Sample::from_bytes(&map.bytes()[sample], sampled);
        if opened.shape() != (count, coded) || name.transform.is_some() != transform.is_some() {
            return Err(damaged("parts that do not fit"));
        }
        Ok(Self {
            name,
            metric,
            dimension,
            tag: tag.trim_end_matches('\0').to_owned(),
            tuned: Tuned {
                width: (u32_at(header, 16) as usize).max(1),
                answers: (u32_at(header, 20) as usize).max(1),
                recall: f64::from(f32_at(header, 24)),
                wanted: f64::from(f32_at(header, 28)),
            },
            transform,
            finer,
            ids: Ids(part(ids)?),
            sample: sample.ok_or_else(|| damaged("sample"))?,
            engine: opened,
            crc: u32_at(header, HEADER - 8),
            path: path.to_owned(),
            map,
        })
    }
}
