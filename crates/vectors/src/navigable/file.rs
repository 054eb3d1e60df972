//! The file of a graph, which is mapped and searched as it lies. Layout, little-endian:
//!
//! ```text
//! "VZNG" | u32 version | u32 metric | u32 kind of coder | u32 dimension | u32 degree | u32 build width | f32 α | u64 seed
//!     | u64 count | u64 bytes of the coder | u64 numbers of the entries | zeros
//!     | u32 CRC of the body | u32 CRC of the header
//! coder | count × i64 id, ascending | heads of entries (u32), heads, ends, followers, × u32
//! | count × degree × u32 node | count × code
//! ```
//!
//! Each part begins at a multiple of 64 bytes, with zeros before it. Where a node has fewer edges than the degree, its
//! row ends with the greatest number. A code takes as many bytes as its coder says, rounded up to a multiple of 64 where
//! that adds no eighth to it, otherwise to one of four.

use std::io::Write;
use std::ops::Range;
use std::path::Path;

use super::Navigable;
use super::config::NavigableConfig;
use super::entries::Entries;
use super::pages::Pages;
use super::store::{InFile, Memory, Store};
use super::view::View;
use crate::codes::StoredCoder;
use crate::files::{
    CUT_SHORT, FileFormat, LINE, Mapped, aligned, f32_at, i64_at, u32_at, u32s, u64_at,
};
use crate::points::MOST_POINTS;
use crate::{Error, Metric};

static FORMAT: FileFormat = FileFormat {
    magic: b"VZNG",
    kind: "navigable graph",
    version: 1,
    header: HEADER,
};
const HEADER: usize = 128;

/// Where the parts of a file are.
struct Parts {
    ids: Range<usize>,
    entries: Range<usize>,
    links: Range<usize>,
    codes: Range<usize>,
}

impl<C: StoredCoder> Navigable<C> {
    /// Writes the graph to a file, which appears whole or not at all, and never in the place of another.
    ///
    /// # Errors
    /// The file cannot be written.
    #[cfg(test)]
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let mut file = crate::files::AtomicFile::create_new(path)?;
        self.write(&mut file)?;
        Ok(file.commit(&[])?)
    }

    /// Writes the bytes of such a file.
    ///
    /// # Errors
    /// They cannot be written, or the file that the graph is in was cut short.
    pub fn write(&self, to: &mut dyn Write) -> Result<(), Error> {
        let mut crc = crc32fast::Hasher::new();
        self.each_part(&mut |bytes| {
            crc.update(bytes);
            Ok(())
        })?;
        let lengths = [
            self.len(),
            self.coder.to_bytes().len(),
            self.entries.to_numbers().len(),
        ];
        to.write_all(&self.header(lengths, crc.finalize()))?;
        self.each_part(&mut |bytes| to.write_all(bytes))?;
        self.check_whole()
    }

    /// Gives what follows the header.
    fn each_part(&self, put: &mut dyn FnMut(&[u8]) -> std::io::Result<()>) -> std::io::Result<()> {
        let ids = (0..self.len()).flat_map(|node| self.id(node).to_le_bytes());
        let ids: Vec<u8> = ids.collect();
        let entries = self.entries.to_numbers();
        let entries = entries.iter().flat_map(|entry| entry.to_le_bytes());
        let entries: Vec<u8> = entries.collect();
        let links = bytemuck::cast_slice(self.store.links());
        let coder = self.coder.to_bytes();
        let mut at = HEADER;
        for part in [&coder, &ids, &entries, links, self.store.codes()] {
            let zeros = at.next_multiple_of(LINE) - at;
            put(&[0; LINE][..zeros])?;
            put(part)?;
            at += zeros + part.len();
        }
        Ok(())
    }

    fn header(&self, lengths: [usize; 3], crc: u32) -> Vec<u8> {
        let metric = Metric::ALL.iter().position(|&metric| metric == self.metric);
        let mut header = FORMAT.magic.to_vec();
        let fields = [
            FORMAT.version,
            metric.unwrap_or(0) as u32,
            C::KIND,
            self.coder.dimension() as u32,
            self.config.degree as u32,
            self.config.build_width as u32,
            self.config.alpha.to_bits(),
        ];
        header.extend(fields.iter().flat_map(|field| field.to_le_bytes()));
        header.extend(self.config.seed.to_le_bytes());
        let lengths = lengths.map(|length| (length as u64).to_le_bytes());
        header.extend(lengths.iter().flatten());
        header.resize(HEADER - 8, 0);
        header.extend(crc.to_le_bytes());
        header.extend(crc32fast::hash(&header).to_le_bytes());
        header
    }

    /// Opens a file, which stays where it is: edges and codes are read as a walk comes to them. Header, lengths, coder and entries are
    /// checked, the rest only by [`Navigable::verify`]; a damaged file gives wrong answers or an error.
    ///
    /// # Errors
    /// It is not such a file, or of another coder, of a newer version, or damaged.
    #[cfg(test)]
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::of_mapped(Mapped::open(path)?, path)
    }

    /// [`Navigable::open`] of bytes that are mapped; the path is that of the file they are from.
    pub fn of_mapped(map: Mapped, path: &Path) -> Result<Self, Error> {
        let damaged = |what| FORMAT.damaged(what, path);
        let header = FORMAT.header(map.bytes(), path)?;
        let config = NavigableConfig {
            degree: u32_at(header, 20) as usize,
            build_width: u32_at(header, 24) as usize,
            alpha: f32_at(header, 28),
            seed: u64_at(header, 32),
        };
        config.check().map_err(|_| damaged("sizes out of range"))?;
        let metric = Metric::ALL.get(u32_at(header, 8) as usize).copied();
        let metric = metric.ok_or_else(|| damaged("metric"))?;
        if u32_at(header, 12) != C::KIND {
            return Err(damaged("coder of another kind"));
        }
        let lengths = [40, 48, 56].map(|at| usize::try_from(u64_at(header, at)));
        let [Ok(count), Ok(coder), Ok(entries)] = lengths else {
            return Err(damaged("sizes out of range"));
        };
        let bytes = map.bytes().get(HEADER..).and_then(|body| body.get(..coder));
        let coder = bytes.and_then(C::from_bytes);
        let coder = coder.filter(|coder| coder.dimension() == u32_at(header, 16) as usize);
        let coder = coder.ok_or_else(|| damaged("coder"))?;
        let parts = parts(&coder, &config, [count, entries])
            .filter(|parts| parts.codes.end == map.bytes().len())
            .filter(|_| count <= MOST_POINTS && entries <= 3 * count + 1)
            .ok_or_else(|| damaged("length"))?;
        let entries: Vec<u32> = u32s(&map.bytes()[parts.entries.clone()]).collect();
        let entries = Entries::from_numbers(&entries, count);
        let opened = Self {
            metric,
            config,
            entries: entries.ok_or_else(|| damaged("entries"))?,
            coder,
            store: Store::File(InFile {
                path: path.to_owned(),
                count,
                crc: u32_at(header, HEADER - 8),
                ids: parts.ids,
                links: parts.links,
                codes: parts.codes,
                map,
            }),
        };
        // Where the system does not map, bytes may lie where numbers cannot be read.
        match opened.store.lies_well() {
            true => Ok(opened),
            false => opened.into_memory(),
        }
    }
}

/// Where the parts are; `None` where they are too long.
fn parts<C: StoredCoder>(
    coder: &C,
    config: &NavigableConfig,
    [count, entries]: [usize; 2],
) -> Option<Parts> {
    let lengths = [
        coder.to_bytes().len(),
        count.checked_mul(8)?,
        entries.checked_mul(4)?,
        count.checked_mul(4 * config.degree)?,
        count.checked_mul(super::stride(coder))?,
    ];
    let [_, ids, entries, links, codes] = aligned(HEADER, lengths)?;
    Some(Parts {
        ids,
        entries,
        links,
        codes,
    })
}

impl<C: crate::codes::Coder> Navigable<C> {
    /// The same graph in memory, on large pages where there are such: walks through large graphs are faster there.
    ///
    /// # Errors
    /// There is not enough memory, or the file was cut short.
    pub fn into_memory(self) -> Result<Self, Error> {
        let Store::File(file) = &self.store else {
            return Ok(self);
        };
        let links = file.part(&file.links);
        let codes = file.part(&file.codes);
        let memory = Memory {
            ids: (0..file.count)
                .map(|node| i64_at(file.part(&file.ids), 8 * node))
                .collect(),
            links: Pages::grown(links, links.len())?,
            codes: Pages::grown(codes, codes.len())?,
        };
        self.check_whole()?;
        Ok(Self {
            store: Store::Memory(memory),
            ..self
        })
    }

    pub(super) fn damaged(&self, what: &'static str) -> Error {
        FORMAT.damaged(what, self.store.path())
    }

    /// Whether its file is still as long as when it was opened, and was so while it was read.
    ///
    /// # Errors
    /// [`Error::Damaged`] when not.
    pub fn check_whole(&self) -> Result<(), Error> {
        match &self.store {
            Store::File(file) if !file.map.is_whole() => Err(self.damaged(CUT_SHORT)),
            _ => Ok(()),
        }
    }

    /// Checks every byte, that ids ascend, and that all edges lead to nodes.
    ///
    /// # Errors
    /// [`Error::Damaged`] when something is wrong.
    pub fn verify(&self) -> Result<(), Error> {
        if let Store::File(file) = &self.store
            && crc32fast::hash(file.map.bytes().get(HEADER..).unwrap_or_default()) != file.crc
        {
            return Err(self.damaged("checksum"));
        }
        let count = self.len();
        if (1..count).any(|node| self.id(node - 1) >= self.id(node)) {
            return Err(self.damaged("ids do not ascend"));
        }
        match (0..count).all(|node| are_edges(&self.view(), node)) {
            true => self.check_whole(),
            false => Err(self.damaged("edges")),
        }
    }
}

/// Whether the edges of a node lead to others, each once, and nothing follows their end.
fn are_edges(view: &View<'_>, node: usize) -> bool {
    let row = view.links.get(node * view.degree..(node + 1) * view.degree);
    let row: Vec<u32> = row
        .unwrap_or_default()
        .iter()
        .map(|&to| u32::from_le(to))
        .collect();
    let mut edges: Vec<u32> = view.neighbours(node as u32).collect();
    let rest = row.get(edges.len()..).unwrap_or_default();
    edges.sort_unstable();
    row.len() == view.degree
        && rest.iter().all(|&to| to == super::view::NONE)
        && edges.is_sorted_by(|a, b| a < b)
        && edges.binary_search(&(node as u32)).is_err()
}
