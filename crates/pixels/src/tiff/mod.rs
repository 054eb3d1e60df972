//! TIFF: one picture in strips, tiles or planes, packed and coloured in many ways.
//!
//! Every variety goes one way: the tags are checked ([`header`]), a strip or tile is unpacked ([`unpack`]),
//! its bits become samples ([`samples`]), and the samples of a pixel a colour ([`colour`]). So every
//! compression works with every photometric interpretation, and what is not read is known from the tags and
//! said by name before anything is unpacked. Files are read as Pillow with libtiff reads them, with these
//! exceptions: 16 bits are divided by 257, where Pillow cuts them off at 255, and samples of more range (32
//! bits, floating point) are scaled by what holds them; alpha is composited over white.
//!
//! A reader of our own, because the files differ more than a library's few layouts: see
//! `docs/decisions/011-a-tiff-reader-of-our-own.md`.

mod canvas;
mod colour;
mod compression;
mod fax;
mod fax_codes;
mod header;
pub(crate) mod ifd;
mod jpeg;
mod old_jpeg;
mod part;
mod samples;
mod tags;
mod unpack;
mod webp;

use std::collections::HashSet;

use crate::error::Error;
use crate::layout::{Layout, Stored, Wanted};

use self::canvas::Canvas;
use self::header::Header;
use self::ifd::Block;
use self::tags::{TIFF, tag};

/// Most pages that are counted.
const MOST_PAGES: usize = 10_000;

pub(crate) fn decode<T: Layout>(bytes: &[u8], wanted: &Wanted) -> Result<Stored<T>, Error> {
    let block = Block::open(bytes).ok_or_else(|| Error::corrupt(TIFF, "its header is cut"))?;
    let first = block.first();
    let first = first.ok_or_else(|| Error::corrupt(TIFF, "its first directory is missing"))?;
    let header = Header::read(block, first, &wanted.limits)?;
    let (width, height) = (header.width, header.height);
    let channels = if header.colour.is_grey() {
        1
    } else {
        T::CHANNELS
    };
    // The picture, and once more when it is turned upright; its luma stays beside its colours.
    let kept = 2 * T::CHANNELS + usize::from(T::LUMA_TOO);
    let grant = wanted.limits.admit_bytes(header.memory(kept))?;
    let mut canvas = Canvas::new(&header, channels);
    for down in 0..header.grid.down {
        for across in 0..header.grid.across {
            canvas.draw(&header, across, down)?;
        }
    }
    let image: T = canvas.finish(&header)?;
    Ok(Stored {
        image: image.fitted(wanted)?,
        full_width: width,
        full_height: height,
        grant,
    })
}

/// How many pictures a file has, counting no smaller copies and no masks of them.
pub(crate) fn pages(bytes: &[u8]) -> u32 {
    let mut pages = 0;
    let mut seen = HashSet::new();
    let mut next = Block::open(bytes).and_then(|block| block.first());
    while let Some(directory) = next {
        let kind = directory.uint(tag::NEW_SUBFILE).unwrap_or(0);
        let old = directory.uint(tag::OLD_SUBFILE).unwrap_or(1);
        let is_page = kind & 0b101 == 0 && old != 2 && directory.has(tag::WIDTH);
        pages += u32::from(is_page);
        let offset = directory.next;
        let fresh = seen.len() < MOST_PAGES && seen.insert(offset);
        next = Block::open(bytes)
            .filter(|_| fresh)
            .and_then(|block| block.directory(offset));
    }
    pages.max(1)
}
