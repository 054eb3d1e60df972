//! libjpeg-turbo's decoder, as `mozjpeg-sys` bundles it, behind two safe functions.
//!
//! All that knows of libjpeg's structures, its error exits and its jumps is in `libjpeg.c`, which
//! never jumps over a frame of this file. What crosses is plain numbers and slices.

use std::ffi::{CStr, c_char};

// Its build script compiles the library; this names it, so that it is linked.
use mozjpeg_sys as _;

/// Colours of components. The numbers are those of `libjpeg.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Colour {
    /// What the markers say, by the rules of libjpeg: JFIF, Adobe's word, the components' names.
    AsMarked = 0,
    Gray = 1,
    Rgb = 2,
    Ycc = 3,
    Cmyk = 4,
    Ycck = 5,
}

/// What the segments before the first scan say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Header {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) components: u32,
    colour: u32,
    pub(crate) progressive: u32,
    pub(crate) arithmetic: u32,
    pub(crate) several_scans: u32,
    pub(crate) uneven_sampling: u32,
    /// In all components, padded to whole units.
    pub(crate) coefficients: u64,
}

impl Header {
    /// What the components are; `None` for what libjpeg has no name for.
    pub(crate) fn colour(&self) -> Option<Colour> {
        [
            Colour::Gray,
            Colour::Rgb,
            Colour::Ycc,
            Colour::Cmyk,
            Colour::Ycck,
        ]
        .into_iter()
        .find(|&colour| colour as u32 == self.colour)
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Done,
    Damaged,
    Unsupported,
    /// A frame marker that is not decoded.
    OtherProcess(u8),
    /// A number of bits a sample that is not decoded.
    OtherDepth(i32),
    EmptyFrame,
    TooLarge,
    NoMemory,
    TooManyScans {
        limit: u32,
    },
}

/// What was seen on the way, also when the call failed.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Report {
    status: u32,
    parameter: i32,
    ran_out: u32,
    absent_component: u32,
    coarse: u32,
    pub(crate) units: u64,
    pub(crate) empty_units: u64,
    pub(crate) starved_units: u64,
    pub(crate) blocks: u64,
    pub(crate) wild_blocks: u64,
    pub(crate) skipped_bytes: u64,
    message: [c_char; 200],
}

impl Report {
    fn new() -> Report {
        Report {
            status: 0,
            parameter: 0,
            ran_out: 0,
            absent_component: 0,
            coarse: 0,
            units: 0,
            empty_units: 0,
            starved_units: 0,
            blocks: 0,
            wild_blocks: 0,
            skipped_bytes: 0,
            message: [0; 200],
        }
    }

    pub(crate) fn status(&self) -> Status {
        match self.status {
            0 => Status::Done,
            2 => Status::Unsupported,
            3 => Status::OtherProcess(self.parameter as u8),
            4 => Status::OtherDepth(self.parameter),
            5 => Status::EmptyFrame,
            6 => Status::TooLarge,
            7 => Status::NoMemory,
            8 => Status::TooManyScans {
                limit: self.parameter.unsigned_abs(),
            },
            _ => Status::Damaged,
        }
    }

    /// Whether the bytes ended before an end-of-image marker came.
    pub(crate) fn ran_out(&self) -> bool {
        self.ran_out != 0
    }

    /// The number, from 1, of a component that no scan holds.
    pub(crate) fn absent_component(&self) -> Option<u32> {
        (self.absent_component != 0).then_some(self.absent_component)
    }

    /// Whether bits of a progressive file's coefficients were never sent.
    pub(crate) fn is_coarse(&self) -> bool {
        self.coarse != 0
    }

    /// What libjpeg said; empty when it had nothing to say.
    pub(crate) fn message(&self) -> String {
        let bytes = self.message.map(|c| c as u8);
        CStr::from_bytes_until_nul(&bytes)
            .map(|text| text.to_string_lossy().into_owned())
            .unwrap_or_default()
    }
}

unsafe extern "C" {
    fn vizsla_jpeg_read_header(
        bytes: *const u8,
        length: usize,
        colour: u32,
        header: *mut Header,
        report: *mut Report,
    );
    fn vizsla_jpeg_decode(
        bytes: *const u8,
        length: usize,
        colour: u32,
        wanted: u32,
        most_scans: u32,
        header: *const Header,
        pixels: *mut u8,
        stride: usize,
        luma: *mut u8,
        report: *mut Report,
    );
}

/// Reads the segments before the first scan. The header's sides are set even when the call failed
/// behind them.
pub(crate) fn read_header(bytes: &[u8], colour: Colour) -> (Header, Report) {
    let (mut header, mut report) = (Header::default(), Report::new());
    // SAFETY: the pointers come from a slice with its length and from two values that live until the
    // call returns; the C side keeps none of them, and returns by `return` alone.
    unsafe {
        vizsla_jpeg_read_header(
            bytes.as_ptr(),
            bytes.len(),
            colour as u32,
            &mut header,
            &mut report,
        );
    }
    (header, report)
}

/// What is decoded into, rows without gaps.
pub(crate) struct Target<'a> {
    /// Bytes of a pixel.
    pub(crate) channels: usize,
    pub(crate) pixels: &'a mut [u8],
    /// For the first component as well, one byte a pixel: what decoding to grey gives.
    pub(crate) luma: Option<&'a mut [u8]>,
}

/// Decodes into `target`. `header` must be what [`read_header`] gave for the same bytes and colour.
///
/// # Panics
/// When `target` is not of the size that `header` and its channels say: a fault of the caller.
pub(crate) fn decode(
    bytes: &[u8],
    colour: Colour,
    wanted: Colour,
    most_scans: u32,
    header: &Header,
    target: Target<'_>,
) -> Report {
    let (width, height) = (header.width as usize, header.height as usize);
    let stride = width * target.channels;
    assert_eq!(target.pixels.len(), stride * height);
    let luma = target.luma.map_or(std::ptr::null_mut(), |luma| {
        assert_eq!(luma.len(), width * height);
        luma.as_mut_ptr()
    });
    let mut report = Report::new();
    // SAFETY: as above. The C side compares the header it finds with `header` before it writes, and
    // its rows with `stride`, so it writes `height` rows of at most `stride` bytes: all of `pixels`. Of
    // `luma` it writes at most `height` rows of `width` bytes, which it counts.
    unsafe {
        vizsla_jpeg_decode(
            bytes.as_ptr(),
            bytes.len(),
            colour as u32,
            wanted as u32,
            most_scans,
            header,
            target.pixels.as_mut_ptr(),
            stride,
            luma,
            &mut report,
        );
    }
    report
}

#[cfg(test)]
mod tests {
    unsafe extern "C" {
        fn vizsla_idct(coefficients: *const i16, table: *const u16, samples: *mut u8);
        fn vizsla_idct_plain(coefficients: *const i16, table: *const u16, samples: *mut u8);
    }

    fn both(coefficients: &[i16; 64], table: &[u16; 64]) -> [[u8; 64]; 2] {
        let mut samples = [[0; 64]; 2];
        // SAFETY: each reads 64 values of the first two and writes 64 of the third.
        unsafe {
            vizsla_idct(
                coefficients.as_ptr(),
                table.as_ptr(),
                samples[0].as_mut_ptr(),
            );
            vizsla_idct_plain(
                coefficients.as_ptr(),
                table.as_ptr(),
                samples[1].as_mut_ptr(),
            );
        }
        samples
    }

    /// The definition, in floating point.
    fn exact(coefficients: &[i16; 64], table: &[u16; 64]) -> [f64; 64] {
        let basis = |place: usize, frequency: usize| {
            let scale = if frequency == 0 { 0.5f64.sqrt() } else { 1.0 };
            let angle = (2 * place + 1) as f64 * frequency as f64 * std::f64::consts::PI / 16.0;
            scale * angle.cos() / 2.0
        };
        std::array::from_fn(|at| {
            let (y, x) = (at / 8, at % 8);
            let sum: f64 = (0..64)
                .map(|k| {
                    let value = f64::from(coefficients[k]) * f64::from(table[k]);
                    value * basis(y, k / 8) * basis(x, k % 8)
                })
                .sum();
            (sum + 128.0).clamp(0.0, 255.0)
        })
    }

    fn random() -> impl FnMut(i32) -> i32 {
        let mut state = 0x9E37_79B9_7F4A_7C15u64;
        move |bound| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % (2 * bound as u64 + 1)) as i32 - bound
        }
    }

    #[test]
    fn vectors_and_plain_code_transform_alike_also_out_of_range() {
        let mut random = random();
        for round in 0..20_000 {
            let bound = [40, 300, 2_000, 32_767][round % 4];
            let kept = [64, 8, 1, 20][round / 4 % 4];
            let coefficients = std::array::from_fn(|k| match k < kept {
                true => random(bound) as i16,
                false => 0,
            });
            let table = std::array::from_fn(|_| {
                random(if round % 3 == 0 { 65_535 } else { 80 }).unsigned_abs() as u16
            });
            let [vectors, plain] = both(&coefficients, &table);
            assert_eq!(vectors, plain, "{coefficients:?} {table:?}");
        }
    }

    #[test]
    fn the_transform_is_the_cosine_transform() {
        let mut random = random();
        for _ in 0..200 {
            let coefficients = std::array::from_fn(|k| (random(60) / (1 + k as i32 / 4)) as i16);
            let table = std::array::from_fn(|_| 1 + random(6).unsigned_abs() as u16);
            let [ours, _] = both(&coefficients, &table);
            for (ours, exact) in ours.iter().zip(exact(&coefficients, &table)) {
                assert!((f64::from(*ours) - exact).abs() <= 1.0, "{ours} {exact}");
            }
        }
    }
}
