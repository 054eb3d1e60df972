//! The Gaussian scale space that the detectors walk through (Lowe 2004, section 3).
//!
//! Octave `o` holds `layers + 3` planes of one size; plane `i` has the blur `sigma · 2^(i / layers)` in its own
//! pixels, and the next octave starts from every second pixel of plane `layers`. The planes of an octave are made
//! together in one sweep from top to bottom: as soon as enough rows of one plane exist, the next plane's row is made
//! from them while they are still in the cache, and the caller sees every row of the whole octave once all its planes
//! have it. Borders are mirrored without repeating the border pixel.
//!
//! Checked against OpenCV's `GaussianBlur` chain through the SIFT reference of `vizsla-features`.

mod blur;
mod isa;
mod kernel;
mod lanes;
mod plane;

use blur::blur_row;
use kernel::{Kernel, mirror};

pub use isa::{Isa, Kind as IsaKind};
pub use lanes::Lanes;
pub use plane::Plane;

/// The smallest side an octave may have; below it no detector has room inside its border.
const SMALLEST_SIDE: usize = 12;

/// How the scale space is laid out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleSpaceConfig {
    /// Intervals per octave, at least 1; Lowe uses 3.
    pub layers: usize,
    /// Blur of the first plane of every octave, in that octave's pixels; Lowe uses 1.6.
    pub sigma: f32,
    /// Blur that the photograph is assumed to have already, in its own pixels; Lowe uses 0.5.
    pub assumed_blur: f32,
    /// Whether the first octave has twice the photograph's resolution.
    pub upsample: bool,
    /// Kernels end at this many standard deviations.
    pub truncate: f32,
}

impl Default for ScaleSpaceConfig {
    fn default() -> Self {
        Self {
            layers: 3,
            sigma: 1.6,
            assumed_blur: 0.5,
            upsample: true,
            truncate: 3.5,
        }
    }
}

/// The planes of one octave, finest blur first; all of one size.
#[derive(Clone, Debug, Default)]
pub struct OctavePlanes {
    /// `layers + 3` planes.
    pub planes: Vec<Plane>,
}

/// A scale space whose memory is used again for the next image.
#[derive(Clone, Debug)]
pub struct ScaleSpace {
    config: ScaleSpaceConfig,
    isa: Isa,
    octaves: Vec<OctavePlanes>,
    used: usize,
    raw: Plane,
    scratch: Vec<f32>,
}

impl ScaleSpace {
    /// An empty scale space; memory is taken by [`ScaleSpace::build`].
    #[must_use]
    pub fn new(config: ScaleSpaceConfig) -> Self {
        Self::with_isa(config, Isa::detect())
    }

    /// As [`ScaleSpace::new`] with a chosen instruction set.
    #[must_use]
    pub fn with_isa(config: ScaleSpaceConfig, isa: Isa) -> Self {
        let isa = if Isa::available().contains(&isa) {
            isa
        } else {
            Isa::SCALAR
        };
        let config = ScaleSpaceConfig {
            layers: config.layers.clamp(1, 16),
            ..config
        };
        Self {
            config,
            isa,
            octaves: Vec::new(),
            used: 0,
            raw: Plane::default(),
            scratch: Vec::new(),
        }
    }

    /// The octaves of the last image, largest first.
    #[must_use]
    pub fn octaves(&self) -> &[OctavePlanes] {
        &self.octaves[..self.used]
    }

    /// The layout.
    #[must_use]
    pub fn config(&self) -> &ScaleSpaceConfig {
        &self.config
    }

    /// Memory held by the planes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let planes = self.octaves.iter().flat_map(|octave| &octave.planes);
        planes.chain([&self.raw]).map(Plane::bytes).sum()
    }

    /// The instruction set in use.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Where pixel 0 of octave `octave` lies in the photograph and how far apart its pixels are there:
    /// `(offset, step)`, both in the photograph's pixels, for both axes alike.
    #[must_use]
    pub fn placement(&self, octave: usize) -> (f32, f32) {
        let step = (2.0f32).powi(octave as i32);
        if self.config.upsample {
            (-0.25, step * 0.5)
        } else {
            (0.0, step)
        }
    }

    /// Builds all octaves of an 8-bit image (`width · height` values, row-major). `on_row(octave, y, planes)` is
    /// called once per octave and row, in ascending order, when rows `0..=y` of all planes of that octave are final.
    ///
    /// An image too small for any octave (a side below 12 pixels after upsampling), or whose data do not match the
    /// size, yields no octaves.
    pub fn build(
        &mut self,
        data: &[u8],
        width: usize,
        height: usize,
        mut on_row: impl FnMut(usize, usize, &[Plane]),
    ) {
        self.used = 0;
        if data.len() != width.saturating_mul(height) {
            return;
        }
        let zoom = if self.config.upsample { 2 } else { 1 };
        let (mut w, mut h) = (width * zoom, height * zoom);
        while w.min(h) >= SMALLEST_SIDE {
            let octave = self.used;
            if self.octaves.len() == octave {
                self.octaves.push(OctavePlanes::default());
            }
            let planes = &mut self.octaves[octave].planes;
            planes.resize_with(self.config.layers + 3, Plane::default);
            planes.iter_mut().for_each(|plane| plane.reset(w, h));
            if octave == 0 {
                self.build_first(data, width, height, &mut on_row);
            } else {
                self.build_next(octave, &mut on_row);
            }
            self.used += 1;
            (w, h) = (w / 2, h / 2);
        }
    }

    fn kernels(&self) -> Vec<Kernel> {
        let ScaleSpaceConfig {
            layers,
            sigma,
            truncate,
            ..
        } = self.config;
        let step = 2.0f32.powf(1.0 / layers as f32);
        (0..layers + 2)
            .map(|i| {
                let from = sigma * step.powi(i as i32);
                Kernel::gaussian(from * (step * step - 1.0).sqrt(), truncate)
            })
            .collect()
    }

    fn build_first(
        &mut self,
        data: &[u8],
        width: usize,
        height: usize,
        on_row: &mut impl FnMut(usize, usize, &[Plane]),
    ) {
        let ScaleSpaceConfig {
            sigma,
            assumed_blur,
            upsample,
            truncate,
            ..
        } = self.config;
        let zoom = if upsample { 2 } else { 1 };
        let blur = assumed_blur * zoom as f32;
        let base = Kernel::gaussian((sigma * sigma - blur * blur).max(0.01).sqrt(), truncate);
        let kernels = self.kernels();
        self.raw.reset(width * zoom, height * zoom);
        let (raw, planes) = (&mut self.raw, &mut self.octaves[0].planes);
        let rows = height * zoom;
        let mut sweep = Sweep::new(self.isa, &kernels, rows, &mut self.scratch);
        let (mut raw_done, mut base_done) = (0, 0);
        for y in 0..rows {
            let base_need = sweep.base_rows_needed(y);
            let raw_need = (base_need + base.radius()).min(rows);
            while raw_done < raw_need {
                fill_row(
                    data,
                    width,
                    height,
                    upsample,
                    raw_done,
                    raw.row_mut(raw_done),
                );
                raw_done += 1;
            }
            while base_done < base_need {
                sweep.blur(raw, &mut planes[0], &base, base_done);
                base_done += 1;
            }
            sweep.advance(planes, y);
            on_row(0, y, planes);
        }
    }

    fn build_next(&mut self, octave: usize, on_row: &mut impl FnMut(usize, usize, &[Plane])) {
        let kernels = self.kernels();
        let (before, after) = self.octaves.split_at_mut(octave);
        let source = &before[octave - 1].planes[self.config.layers];
        let planes = &mut after[0].planes;
        let rows = planes[0].height();
        let mut sweep = Sweep::new(self.isa, &kernels, rows, &mut self.scratch);
        let mut base_done = 0;
        for y in 0..rows {
            let base_need = sweep.base_rows_needed(y);
            while base_done < base_need {
                let from = source.row(2 * base_done);
                for (x, value) in planes[0].row_mut(base_done).iter_mut().enumerate() {
                    *value = from[2 * x];
                }
                base_done += 1;
            }
            sweep.advance(planes, y);
            on_row(octave, y, planes);
        }
    }
}

/// The state of one sweep from top to bottom over the planes of an octave.
struct Sweep<'a> {
    isa: Isa,
    kernels: &'a [Kernel],
    rows: usize,
    done: Vec<usize>,
    scratch: &'a mut Vec<f32>,
}

impl<'a> Sweep<'a> {
    fn new(isa: Isa, kernels: &'a [Kernel], rows: usize, scratch: &'a mut Vec<f32>) -> Self {
        Self {
            isa,
            kernels,
            rows,
            done: vec![0; kernels.len()],
            scratch,
        }
    }

    /// How many rows of plane 0 must exist before row `y` of the last plane can be made.
    fn base_rows_needed(&self, y: usize) -> usize {
        self.kernels.iter().rev().fold(y + 1, |need, kernel| {
            (need + kernel.radius()).min(self.rows)
        })
    }

    /// Makes the rows of planes 1.. that are needed for row `y` of the last one.
    fn advance(&mut self, planes: &mut [Plane], y: usize) {
        let kernels = self.kernels;
        for (level, kernel) in kernels.iter().enumerate() {
            let need = kernels[level + 1..]
                .iter()
                .rev()
                .fold(y + 1, |need, kernel| {
                    (need + kernel.radius()).min(self.rows)
                });
            let (sources, targets) = planes.split_at_mut(level + 1);
            while self.done[level] < need {
                let row = self.done[level];
                self.blur(&sources[level], &mut targets[0], kernel, row);
                self.done[level] += 1;
            }
        }
    }

    /// Blurs row `y` of `source` into `target`.
    fn blur(&mut self, source: &Plane, target: &mut Plane, kernel: &Kernel, y: usize) {
        let radius = kernel.radius() as isize;
        let rows: Vec<&[f32]> = (-radius..=radius)
            .map(|d| source.row(mirror(y as isize + d, source.height())))
            .collect();
        blur_row(
            self.isa,
            &rows,
            kernel.half(),
            self.scratch,
            target.row_mut(y),
        );
    }
}

/// Writes row `y` of the working image: the photograph itself or its bilinear enlargement by two, whose pixel `X`
/// lies at `X / 2 - 1/4` in the photograph.
fn fill_row(data: &[u8], width: usize, height: usize, upsample: bool, y: usize, out: &mut [f32]) {
    if !upsample {
        for (value, &pixel) in out.iter_mut().zip(&data[y * width..][..width]) {
            *value = f32::from(pixel);
        }
        return;
    }
    let near = y / 2;
    let far = if y.is_multiple_of(2) {
        near.saturating_sub(1)
    } else {
        (near + 1).min(height - 1)
    };
    let (near, far) = (
        &data[near * width..][..width],
        &data[far * width..][..width],
    );
    let column = |x: usize| 0.75 * f32::from(near[x]) + 0.25 * f32::from(far[x]);
    let mut left = column(0);
    let mut here = left;
    for x in 0..width {
        let right = column((x + 1).min(width - 1));
        out[2 * x] = 0.75 * here + 0.25 * left;
        out[2 * x + 1] = 0.75 * here + 0.25 * right;
        (left, here) = (here, right);
    }
}

#[cfg(test)]
mod tests;
