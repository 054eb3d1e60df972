//! What an index of vectors is made of, as the field writes it: the factory strings of FAISS (Douze et al. 2024, "The Faiss
//! library").
//!
//! A name is a list of parts: perhaps a transform, perhaps how vectors are looked for, how they are coded, and perhaps finer codes that the best
//! are compared by once more:
//!
//! | part | names |
//! |---|---|
//! | transform | `PCA64`, `RR64` (a random rotation), `OPQ16`, `OPQ16_64` (to 64 numbers) |
//! | looked for | nothing: all are compared; `IVF4096`: by lists around so many centroids; `HNSW32`: along the edges of a graph, 32 of a vector and more of the first layer |
//! | codes | `Flat`, `SQfp16`, `SQ8`, `SQ4`, `PQ16` or `PQ16x8`, `PQ16x4`, `PQ16x4fs` (fast scan, with `IVF` alone), `RQ4x8`, `RaBitQ`, `RaBitQ4` (with `IVF` alone) |
//! | finer codes | `RFlat`, `Refine(SQfp16)`, `Refine(SQ8)` |
//!
//! ```
//! use vizsla_vectors::IndexName;
//!
//! let name: IndexName = "OPQ16_64,IVF4096,PQ16x4fs,RFlat".parse().unwrap();
//! assert_eq!(name.to_string(), "OPQ16_64,IVF4096,PQ16x4fs,RFlat");
//! assert_eq!("HNSW32".parse::<IndexName>().unwrap().to_string(), "HNSW32,Flat");
//! assert!("IVF4096,PQ16x9".parse::<IndexName>().unwrap_err().contains("PQ16x9"));
//! ```

use std::fmt;
use std::iter::Peekable;
use std::str::FromStr;

use crate::Sample;

/// Bytes of a line, to which parts of files are filled up, and vectors of a block of codes.
const LINE: usize = 64;
const BLOCK: usize = 32;
/// Most lists, neighbours, sub-quantisers and dimensions that a name may hold.
const MOST: usize = 1 << 20;
/// Neighbours of a vector of a graph, of which there are twice as many at most.
const NEIGHBOURS: std::ops::RangeInclusive<usize> = 2..=256;
const KNOWN: &str = "`PCA64`, `RR64`, `OPQ16_64`; `IVF4096`, `HNSW32`; `Flat`, `SQfp16`, `SQ8`, `SQ4`, `PQ16x8`, `PQ16x4fs`, `RQ4x8`, \
                     `RaBitQ`, `RaBitQ4`; `RFlat`, `Refine(SQ8)`";

/// What an index of vectors is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IndexName {
    /// What is done to vectors first.
    pub transform: Option<VectorTransform>,
    /// How they are looked for.
    pub looking: Looking,
    /// How they are coded.
    pub codes: VectorCodes,
    /// The codes by which the best are compared once more.
    pub finer: Option<VectorCodes>,
}

/// What is done to vectors before they are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VectorTransform {
    /// Principal components, so many.
    Pca(usize),
    /// A random rotation; of fewer numbers than came, so many of what it gives.
    RandomRotation(usize),
    /// The rotation that makes product quantisation into so many parts err least (Ge, He, Ke & Sun 2013), after principal
    /// components where a number of them is given.
    Optimised {
        /// Parts.
        parts: usize,
        /// Numbers of what comes out; `None`: as many as come in.
        dimension: Option<usize>,
    },
}

/// How vectors are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Looking {
    /// All are compared.
    All,
    /// Those of the nearest of so many lists are (inverted file).
    Lists(usize),
    /// Along the edges of a graph: half as many neighbours as the first layer has at most, as HNSW counts.
    Graph(usize),
}

/// How vectors are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VectorCodes {
    /// As they are, four bytes a number.
    Floats,
    /// Two bytes a number.
    Halves,
    /// So many bits a number, 4 or 8.
    Scalar(u32),
    /// Product quantisation.
    Product {
        /// Parts of a vector.
        parts: usize,
        /// Bits of each, 4 to 8.
        bits: u32,
        /// Codes of many vectors lie interleaved and are scored in registers; of 4 bits.
        fast_scan: bool,
    },
    /// Sums of so many vectors, each one of 256.
    Residual(usize),
    /// RaBitQ, 1 to 8 bits a dimension.
    RaBitQ(u32),
}

impl VectorCodes {
    /// Bytes of the code of a vector of so many numbers.
    pub fn bytes(self, dimension: usize) -> usize {
        match self {
            Self::Floats => 4 * dimension,
            Self::Halves => 2 * dimension,
            Self::Scalar(bits) => (dimension * bits as usize).div_ceil(8),
            Self::Product { parts, bits, .. } => (parts * bits as usize).div_ceil(8),
            Self::Residual(stages) => stages + 4,
            // Three numbers for the signs, and three for what is finer.
            Self::RaBitQ(bits) => {
                (dimension * bits as usize).div_ceil(8) + 12 * (1 + usize::from(bits > 1))
            }
        }
    }
}

impl IndexName {
    /// Every vector as it is, compared with every query.
    pub const FLAT: Self = Self {
        transform: None,
        looking: Looking::All,
        codes: VectorCodes::Floats,
        finer: None,
    };

    /// Numbers of a vector that comes out of the transform.
    pub fn coded_dimension(&self, dimension: usize) -> usize {
        match self.transform {
            Some(VectorTransform::Pca(out) | VectorTransform::RandomRotation(out)) => out,
            Some(VectorTransform::Optimised { dimension: out, .. }) => out.unwrap_or(dimension),
            None => dimension,
        }
    }

    /// Bytes of a vector of so many numbers: its codes, its edges and its id.
    pub fn bytes_per_vector(&self, dimension: usize) -> usize {
        let edges = match self.looking {
            Looking::Graph(neighbours) => 4 * 2 * neighbours,
            Looking::All | Looking::Lists(_) => 0,
        };
        let codes = self.codes.bytes(self.coded_dimension(dimension));
        let finer = self.finer.map_or(0, |finer| finer.bytes(dimension));
        // Ids stand with the codes and with the finer ones.
        codes + finer + edges + 2 * size_of::<i64>()
    }

    /// About the bytes of a whole index of so many vectors: those of [`IndexName::bytes_per_vector`], what is learned once, and the
    /// sample from which scores are calibrated.
    pub fn bytes(&self, vectors: u64, dimension: usize) -> u64 {
        let coded = self.coded_dimension(dimension);
        let once = |codes: VectorCodes, numbers: usize| match codes {
            VectorCodes::Floats | VectorCodes::Halves => 0,
            VectorCodes::Scalar(_) => 4 * numbers,
            VectorCodes::Product { bits, .. } => (4 * numbers) << bits,
            VectorCodes::Residual(stages) => 4 * 256 * stages * numbers,
            VectorCodes::RaBitQ(_) => 4 * numbers,
        };
        let lists = match self.looking {
            Looking::All => 1,
            Looking::Lists(lists) => lists,
            Looking::Graph(_) => 0,
        };
        // A centroid, a length, and ids and codes that are filled up to lines.
        let mut list = 4 * coded + 4 + LINE;
        if let VectorCodes::Product {
            fast_scan: true, ..
        } = self.codes
        {
            list += self.codes.bytes(coded) * BLOCK / 2;
        }
        let transform = self.transform.map_or(0, |_| 4 * coded * dimension);
        let learned = once(self.codes, coded)
            + self.finer.map_or(0, |finer| once(finer, dimension))
            + lists * list
            + transform;
        let sampled = if self.finer.is_some() {
            dimension
        } else {
            coded
        };
        let sample = vectors.min(Sample::MOST as u64) * (8 + 2 * sampled as u64);
        vectors * self.bytes_per_vector(dimension) as u64 + learned as u64 + sample
    }

    fn check(&self) -> Result<(), String> {
        let lists = matches!(self.looking, Looking::Lists(_));
        let needs_lists = match self.codes {
            VectorCodes::Product { fast_scan, .. } => fast_scan,
            VectorCodes::RaBitQ(_) => true,
            _ => false,
        };
        match needs_lists && !lists {
            true => Err(format!(
                "codes {} are of lists; write IVF1024,{}",
                self.codes, self.codes
            )),
            false => Ok(()),
        }
    }
}

impl fmt::Display for VectorTransform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pca(out) => write!(f, "PCA{out}"),
            Self::RandomRotation(out) => write!(f, "RR{out}"),
            Self::Optimised {
                parts,
                dimension: None,
            } => write!(f, "OPQ{parts}"),
            Self::Optimised {
                parts,
                dimension: Some(out),
            } => write!(f, "OPQ{parts}_{out}"),
        }
    }
}

impl fmt::Display for VectorCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Floats => f.write_str("Flat"),
            Self::Halves => f.write_str("SQfp16"),
            Self::Scalar(bits) => write!(f, "SQ{bits}"),
            Self::Product {
                parts,
                bits,
                fast_scan,
            } => write!(f, "PQ{parts}x{bits}{}", if *fast_scan { "fs" } else { "" }),
            Self::Residual(stages) => write!(f, "RQ{stages}x8"),
            Self::RaBitQ(1) => f.write_str("RaBitQ"),
            Self::RaBitQ(bits) => write!(f, "RaBitQ{bits}"),
        }
    }
}

impl fmt::Display for IndexName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.transform.map(|transform| transform.to_string()));
        match self.looking {
            Looking::All => {}
            Looking::Lists(lists) => parts.push(format!("IVF{lists}")),
            Looking::Graph(neighbours) => parts.push(format!("HNSW{neighbours}")),
        }
        parts.push(self.codes.to_string());
        parts.extend(self.finer.map(|finer| match finer {
            VectorCodes::Floats => "RFlat".to_owned(),
            finer => format!("Refine({finer})"),
        }));
        f.pad(&parts.join(","))
    }
}

/// A number behind a word, from 1.
fn behind(part: &str, word: &str) -> Option<usize> {
    let digits = part.strip_prefix(word)?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse().ok().filter(|_| plain)?;
    (1..=MOST).contains(&number).then_some(number)
}

fn transform(part: &str) -> Option<VectorTransform> {
    if let Some(out) = behind(part, "PCA") {
        return Some(VectorTransform::Pca(out));
    }
    if let Some(out) = behind(part, "RR") {
        return Some(VectorTransform::RandomRotation(out));
    }
    let (parts, dimension) = match part.split_once('_') {
        Some((parts, out)) => (parts, Some(behind(out, "")?)),
        None => (part, None),
    };
    let parts = behind(parts, "OPQ")?;
    Some(VectorTransform::Optimised { parts, dimension })
}

fn looking(part: &str) -> Option<Looking> {
    let lists = behind(part, "IVF").map(Looking::Lists);
    lists.or_else(|| {
        let neighbours = behind(part, "HNSW").filter(|number| NEIGHBOURS.contains(number));
        neighbours.map(Looking::Graph)
    })
}

fn codes(part: &str) -> Option<VectorCodes> {
    match part {
        "Flat" => return Some(VectorCodes::Floats),
        "SQfp16" => return Some(VectorCodes::Halves),
        "SQ8" => return Some(VectorCodes::Scalar(8)),
        "SQ4" => return Some(VectorCodes::Scalar(4)),
        "RaBitQ" => return Some(VectorCodes::RaBitQ(1)),
        _ => {}
    }
    if let Some(bits) = behind(part, "RaBitQ") {
        return (bits <= 8).then_some(VectorCodes::RaBitQ(bits as u32));
    }
    if let Some(stages) = part.strip_suffix("x8").and_then(|part| behind(part, "RQ")) {
        return Some(VectorCodes::Residual(stages));
    }
    let (part, fast_scan) = match part.strip_suffix("fs") {
        Some(part) => (part, true),
        None => (part, false),
    };
    let (parts, bits) = match part.split_once('x') {
        Some((parts, bits)) => (parts, behind(bits, "")?),
        None => (part, 8),
    };
    let parts = behind(parts, "PQ")?;
    let known = (4..=8).contains(&bits) && (!fast_scan || bits == 4);
    known.then_some(VectorCodes::Product {
        parts,
        bits: bits as u32,
        fast_scan,
    })
}

fn finer(part: &str) -> Option<VectorCodes> {
    let inner = match part {
        "RFlat" => return Some(VectorCodes::Floats),
        _ => part.strip_prefix("Refine(")?.strip_suffix(')')?,
    };
    // Codes that are read one by one.
    codes(inner).filter(|codes| {
        let lists = IndexName {
            codes: *codes,
            ..IndexName::FLAT
        };
        lists.check().is_ok()
    })
}

impl FromStr for IndexName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // FAISS writes `HNSW32_SQ8` too.
        let apart = |part| match str::split_once(part, '_') {
            Some((graph, codes)) if behind(graph, "HNSW").is_some() => vec![graph, codes],
            _ => vec![part],
        };
        let mut parts = text.split(',').map(str::trim).flat_map(apart).peekable();
        let unknown =
            |part: &str| format!("there is no `{part}` in names of indexes; there are {KNOWN}");
        let mut name = Self::FLAT;
        name.transform = take(&mut parts, transform);
        let mut said = false;
        if let Some(found) = take(&mut parts, looking) {
            name.looking = found;
            said = matches!(found, Looking::Graph(_));
        }
        match take(&mut parts, codes) {
            Some(found) => name.codes = found,
            None if said => {}
            None => return Err(parts.next().map_or_else(
                || format!("`{text}` does not say how vectors are coded; add `Flat` or another of {KNOWN}"),
                unknown,
            )),
        }
        name.finer = take(&mut parts, finer);
        match parts.next() {
            Some(part) => Err(unknown(part)),
            None => name.check().map(|()| name),
        }
    }
}

/// Takes the next part where it is understood.
fn take<'a, T>(
    parts: &mut Peekable<impl Iterator<Item = &'a str>>,
    read: fn(&str) -> Option<T>,
) -> Option<T> {
    let found = read(parts.peek()?)?;
    parts.next();
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for text in [
            "Flat",
            "SQ8",
            "SQfp16,RFlat",
            "PCA64,SQ4,Refine(SQ8)",
            "IVF4096,Flat",
            "OPQ16_64,IVF4096,PQ16x4fs,RFlat",
            "OPQ8,PQ8x8",
            "RR96,IVF16,RQ4x8",
            "IVF1024,RaBitQ,Refine(SQfp16)",
            "IVF1024,RaBitQ4",
            "HNSW32,Flat",
            "HNSW16,SQ8,RFlat",
            "PCA128,HNSW32,PQ32x4",
        ] {
            assert_eq!(text.parse::<IndexName>().unwrap().to_string(), text);
        }
        for (text, same) in [
            ("HNSW32", "HNSW32,Flat"),
            ("HNSW32_SQ8", "HNSW32,SQ8"),
            ("PCA96, HNSW32_PQ16", "PCA96,HNSW32,PQ16x8"),
            ("IVF64,PQ16", "IVF64,PQ16x8"),
            ("SQ8,Refine(Flat)", "SQ8,RFlat"),
        ] {
            assert_eq!(text.parse::<IndexName>().unwrap().to_string(), same);
        }
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_part() {
        for (text, part) in [
            ("", "``"),
            ("IVF0,Flat", "IVF0"),
            ("HNSW1,Flat", "HNSW1"),
            ("HNSW257", "HNSW257"),
            ("IVF99999999999,Flat", "IVF99999999999"),
            ("IVF+5,Flat", "IVF+5"),
            ("IVF4096", "coded"),
            ("PQ16x9", "PQ16x9"),
            ("PQ16x8fs", "PQ16x8fs"),
            ("PQ16x4fs", "IVF1024,PQ16x4fs"),
            ("HNSW32,RaBitQ", "IVF1024,RaBitQ"),
            ("IVF64,RaBitQ9", "RaBitQ9"),
            ("Flat,IVF64", "IVF64"),
            ("SQ8,Refine(RaBitQ)", "Refine(RaBitQ)"),
            ("LSH", "LSH"),
        ] {
            let error = text.parse::<IndexName>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn bytes_are_those_of_codes_edges_and_ids() {
        let bytes = |name: &str, dimension| {
            let name: IndexName = name.parse().unwrap();
            name.bytes_per_vector(dimension)
        };
        assert_eq!(bytes("Flat", 128), 512 + 16);
        assert_eq!(
            bytes("OPQ16_64,IVF4096,PQ16x4fs,Refine(SQfp16)", 128),
            8 + 256 + 16
        );
        assert_eq!(bytes("HNSW32,SQ8", 128), 128 + 256 + 16);
        assert_eq!(bytes("PCA64,IVF16,RaBitQ", 768), 8 + 12 + 16);
    }
}
