//! Sums of table entries for many codes of four bits at once.
//!
//! André, Kermarrec & Le Scouarnec 2017 ("Accelerated nearest neighbor search with quick ADC") keep the table of a part of a
//! code, sixteen entries of a byte, in a register, and look up a register of codes by one shuffle. FAISS made it the scan of its
//! inverted files. Here 32 codes make a block, and four parts a *quad* of 64 bytes: byte 4·v + p has part p of code v in its
//! low half and that of code v + 16 in its high half. So a quad is one register of 512 bits, whose four tables fill one as well:
//! a permutation of bytes looks up 64 parts at a time, and the sum of four neighbouring bytes gives whole numbers of 32 bits,
//! which no number of parts overflows. With 256 bits the quad is first sorted by parts.
//!
//! After its quads a block has up to three numbers for each code, of which a score is made: what was written about lists by
//! residuals and about RaBitQ says which.

mod kernel;
mod pack;
mod scan;
mod tables;

pub(crate) use self::pack::{code_of, pack};
pub(crate) use self::scan::{Scan, Terms};
pub(crate) use self::tables::ByteTables;

/// Codes of a block.
pub(crate) const BLOCK_CODES: usize = 32;
/// Parts that are looked up together.
pub(crate) const QUAD: usize = 4;
/// Bytes of a quad of a block, and of four tables.
pub(crate) const QUAD_BYTES: usize = 64;
/// Bytes of one number for each code of a block.
pub(crate) const FACTOR_BYTES: usize = 4 * BLOCK_CODES;

/// Quads of a code of so many parts.
pub(crate) fn quads(parts: usize) -> usize {
    parts.div_ceil(QUAD)
}
