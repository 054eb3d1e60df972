//! The tags of one picture, checked: what follows may rely on every size and count in here.

use crate::error::{Error, ErrorKind};
use crate::jpeg::Colour as Coded;
use crate::limits::Limits;

use super::colour::{Alpha, Colour};
use super::compression::Compression;
use super::ifd::{Block, Directory};
use super::tags::{Kind, TIFF, tag, unread};

/// Most samples of one pixel that are looked at.
const MOST_SAMPLES: u64 = 16;

/// What was done to neighbouring samples before they were compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Predictor {
    None,
    Horizontal,
    Float,
}

/// One picture of a file.
pub(super) struct Header<'a> {
    pub block: Block<'a>,
    pub directory: Directory<'a>,
    pub width: u32,
    pub height: u32,
    /// Bits of each sample.
    pub bits: usize,
    /// Samples of each pixel, those that are no colour included.
    pub samples: usize,
    pub kind: Kind,
    pub compression: Compression,
    pub predictor: Predictor,
    pub colour: Colour,
    /// What the components of JPEGs inside of it are.
    pub coded: Coded,
    pub alpha: Option<Alpha>,
    /// Whether each sample has a plane of its own.
    pub planar: bool,
    /// Whether the bits of each byte are stored the other way round.
    pub reversed: bool,
    pub grid: Grid,
}

/// The strips or tiles that a picture is cut into.
pub(super) struct Grid {
    pub tiled: bool,
    pub width: u32,
    pub height: u32,
    pub across: u32,
    pub down: u32,
    offsets: Vec<u64>,
    lengths: Vec<u64>,
}

impl Grid {
    /// Whether a strip or tile was never written, which means that all of it is zero.
    pub fn is_absent(&self, index: usize) -> bool {
        self.offsets.get(index) == Some(&0) && self.lengths.get(index) == Some(&0)
    }

    /// The bytes of a strip or tile, as far as the file has them.
    pub fn bytes<'a>(&self, file: &'a [u8], index: usize) -> Option<&'a [u8]> {
        let start = usize::try_from(*self.offsets.get(index)?).ok()?;
        let rest = file.get(start..)?;
        // Without a length, or with one of zero, it ends where its content does.
        match self
            .lengths
            .get(index)
            .copied()
            .filter(|&length| length > 0)
        {
            Some(length) => Some(&rest[..rest.len().min(usize::try_from(length).ok()?)]),
            None => Some(rest),
        }
    }

    /// As [`Grid::bytes`], to the end of the file whatever length is given.
    pub fn bytes_onward<'a>(&self, file: &'a [u8], index: usize) -> Option<&'a [u8]> {
        file.get(usize::try_from(*self.offsets.get(index)?).ok()?..)
    }

    /// How many there are in one plane.
    pub fn per_plane(&self) -> usize {
        self.across as usize * self.down as usize
    }
}

impl<'a> Header<'a> {
    /// Checks the tags of a directory against each other and against the limits.
    pub fn read(
        block: Block<'a>,
        directory: Directory<'a>,
        limits: &Limits,
    ) -> Result<Header<'a>, Error> {
        let side = |tag, name| {
            let value = directory.uint(tag);
            value.ok_or_else(|| Error::corrupt(TIFF, format!("it has no {name}")))
        };
        let (width, height) = (side(tag::WIDTH, "width")?, side(tag::HEIGHT, "height")?);
        limits.check_size(width, height)?;
        // The limits of sides are below 2³².
        let (width, height) = (width as u32, height as u32);
        let samples = directory.uint(tag::SAMPLES).unwrap_or(1);
        if !(1..=MOST_SAMPLES).contains(&samples) {
            return Err(unread(format!("{samples} samples a pixel")));
        }
        let samples = samples as usize;
        let kind = kind(&directory)?;
        let bits = bits(&directory, samples, kind)?;
        let compression = Compression::read(&directory, bits)?;
        let planar = directory.uint(tag::PLANAR) == Some(2) && samples > 1;
        let colour = Colour::read(&directory, compression, samples, bits, kind)?;
        let alpha = Alpha::read(&directory, &colour, samples);
        let predictor = predictor(&directory, compression, bits)?;
        let coded = coded(&colour, if planar { 1 } else { samples });
        if colour.is_subsampled() && predictor != Predictor::None {
            return Err(unread(
                "a predictor before colours that several pixels share",
            ));
        }
        if planar && colour.is_shared(&directory) {
            return Err(unread("planes of colours that several pixels share"));
        }
        // The decoder of JPEG gives red, green and blue of these.
        let decoded = compression.is_jpeg() && coded == Coded::Ycc;
        let colour = if decoded { Colour::Rgb } else { colour };
        let planes = if planar { samples } else { 1 };
        Ok(Header {
            grid: grid(&directory, (width, height), planes, limits)?,
            predictor,
            reversed: directory.uint(tag::FILL_ORDER) == Some(2),
            block,
            directory,
            width,
            height,
            bits,
            samples,
            kind,
            compression,
            colour,
            coded,
            alpha,
            planar,
        })
    }

    /// Samples of a pixel that lie together.
    pub fn samples_together(&self) -> usize {
        if self.planar { 1 } else { self.samples }
    }

    /// Whether samples have more range than can be judged one by one: their scale is found when all are known.
    pub fn is_deep(&self) -> bool {
        match self.kind {
            Kind::Float => true,
            // Eight signed bits are read as Pillow reads them, as unsigned ones.
            Kind::Signed => self.bits > 8,
            Kind::Unsigned => self.bits > 16,
        }
    }

    /// Bytes of memory that reading it takes at most: strips as they are unpacked, and what is made of them, of which each
    /// pixel takes `kept` bytes.
    pub fn memory(&self, kept: usize) -> u64 {
        let area = |width: u32, height: u32| u64::from(width) * u64::from(height);
        let chunk = area(self.grid.width, self.grid.height);
        let unpacked = chunk * (self.samples * self.bits).div_ceil(8) as u64;
        // A decoder of JPEG or WebP holds its own planes beside its result.
        let inside = match self.compression {
            Compression::Jpeg | Compression::OldJpeg => chunk * 8 * self.samples as u64,
            Compression::WebP => chunk * 12,
            _ if self.colour.is_subsampled() => chunk * 3,
            _ => 0,
        };
        let deep = match self.is_deep() {
            true => 5 * self.colour.samples() as u64 + 1,
            false => 0,
        };
        let result = area(self.width, self.height) * (kept as u64 + deep);
        result + unpacked + inside
    }
}

/// What the components are of JPEGs of so many samples.
fn coded(colour: &Colour, samples: usize) -> Coded {
    match colour {
        _ if samples == 1 => Coded::Gray,
        Colour::Ycc(_) => Coded::Ycc,
        _ if samples == 4 => Coded::Cmyk,
        _ => Coded::Rgb,
    }
}

fn kind(directory: &Directory) -> Result<Kind, Error> {
    let formats = directory.uints(tag::SAMPLE_FORMAT, MOST_SAMPLES as usize);
    let first = formats.first().copied().unwrap_or(1);
    if formats.iter().any(|&format| format != first) {
        return Err(unread("samples of several kinds in one pixel"));
    }
    match first {
        // 4 is "not defined", and 0 is written for it by mistake.
        0 | 1 | 4 => Ok(Kind::Unsigned),
        2 => Ok(Kind::Signed),
        3 => Ok(Kind::Float),
        5 | 6 => Err(unread("complex numbers as samples")),
        other => Err(unread(format!("samples of the kind {other}"))),
    }
}

fn bits(directory: &Directory, samples: usize, kind: Kind) -> Result<usize, Error> {
    let all = directory.uints(tag::BITS, samples);
    let first = all.first().copied().unwrap_or(1);
    if all.iter().any(|&bits| bits != first) {
        let all: Vec<String> = all.iter().map(u64::to_string).collect();
        return Err(unread(format!("samples of {} bits", all.join(", "))));
    }
    let read = match kind {
        Kind::Unsigned => (1..=32).contains(&first),
        Kind::Signed => matches!(first, 8 | 16 | 32),
        Kind::Float => matches!(first, 16 | 32 | 64),
    };
    match read {
        true => Ok(first as usize),
        false => {
            let kind = match kind {
                Kind::Unsigned => "",
                Kind::Signed => "signed ",
                Kind::Float => "floating-point ",
            };
            Err(unread(format!("{kind}samples of {first} bits")))
        }
    }
}

fn predictor(
    directory: &Directory,
    compression: Compression,
    bits: usize,
) -> Result<Predictor, Error> {
    // Other compressions have none, whatever the tag says.
    if !compression.has_predictor() {
        return Ok(Predictor::None);
    }
    match directory.uint(tag::PREDICTOR).unwrap_or(1) {
        0 | 1 => Ok(Predictor::None),
        2 if matches!(bits, 8 | 16 | 32 | 64) => Ok(Predictor::Horizontal),
        2 => Err(unread(format!("predictor 2 with samples of {bits} bits"))),
        3 if matches!(bits, 16 | 32 | 64) => Ok(Predictor::Float),
        other => Err(unread(format!(
            "predictor {other} with samples of {bits} bits"
        ))),
    }
}

fn grid(
    directory: &Directory,
    (width, height): (u32, u32),
    planes: usize,
    limits: &Limits,
) -> Result<Grid, Error> {
    let tiled = directory.has(tag::TILE_WIDTH) || directory.has(tag::TILE_OFFSETS);
    let (chunk_width, chunk_height) = match tiled {
        true => {
            let side = |tag| directory.uint(tag).filter(|&side| side > 0);
            let sides = side(tag::TILE_WIDTH).zip(side(tag::TILE_HEIGHT));
            sides.ok_or_else(|| Error::corrupt(TIFF, "its tiles have no size"))?
        }
        false => {
            let rows = directory.uint(tag::ROWS_PER_STRIP).filter(|&rows| rows > 0);
            let rows = rows.unwrap_or(u64::MAX).min(u64::from(height));
            (u64::from(width), rows)
        }
    };
    // Tiles reach over the borders: all of what is unpacked must be as small as a picture may be.
    let across = u64::from(width).div_ceil(chunk_width);
    let down = u64::from(height).div_ceil(chunk_height);
    let padded = [across, chunk_width, down, chunk_height];
    let pixels = padded.into_iter().fold(1u64, u64::saturating_mul);
    if pixels > limits.max_pixels.max(1 << 20) {
        return Err(ErrorKind::TooLarge {
            what: "the number of pixels in its tiles",
            value: pixels,
            limit: limits.max_pixels,
        }
        .into());
    }
    let (offsets, lengths) = match directory.has(tag::TILE_OFFSETS) {
        true => (tag::TILE_OFFSETS, tag::TILE_BYTES),
        false => (tag::STRIP_OFFSETS, tag::STRIP_BYTES),
    };
    let wanted = (across * down) as usize * planes;
    if directory.count(offsets) < wanted {
        let what = format!(
            "it lists {} of its {wanted} strips or tiles",
            directory.count(offsets)
        );
        return Err(Error::corrupt(TIFF, what));
    }
    Ok(Grid {
        tiled,
        width: chunk_width as u32,
        height: chunk_height as u32,
        across: across as u32,
        down: down as u32,
        offsets: directory.uints(offsets, wanted),
        lengths: directory.uints(lengths, wanted),
    })
}
