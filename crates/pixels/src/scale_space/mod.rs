//! The Gaussian scale space that the detectors walk through (Lowe 2004, section 3).
//!
//! Octave `o` holds `layers + 3` planes of one size; plane `i` has the blur `sigma · 2^(i / layers)` in its own
//! pixels, and the next octave starts from every second pixel of plane `layers`. The planes of an octave are made
//! together in one sweep from top to bottom: as soon as enough rows of one plane exist, the next plane's row is made
//! from them while they are still in the cache, and the caller sees every row of the whole octave once all its planes
//! have it. Borders are mirrored without repeating the border pixel. The planes of an enlarged first octave are made
//! from the photograph one by one ([`enlarge`]).
//!
//! Only planes `1..=layers`, in which keypoints lie, are kept whole; of the others the caller sees the last rows.
//!
//! Checked against OpenCV's `GaussianBlur` chain through the SIFT reference of `vizsla-features`.

mod blur;
mod enlarge;
mod isa;
mod kernel;
mod lanes;
mod memory;
mod plane;
mod prefetch;

use blur::blur_row;
use enlarge::{Phases, enlarge_rows, mirror_repeating};
use kernel::{Kernel, mirror};

pub use isa::{Isa, Kind as IsaKind};
pub use lanes::Lanes;
pub use plane::Plane;

/// The smallest side an octave may have; below it no detector has room inside its border.
const SMALLEST_SIDE: usize = 12;

/// How many rows of every plane the caller may look back: when row `y` is announced, rows from `y + 1 - ROWS_KEPT` on
/// are there.
pub const ROWS_KEPT: usize = 14;

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
    /// Planes `1..=layers` stay; of the first and the last two, the last [`ROWS_KEPT`] rows are there.
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
            self.make_room(octave, w, h);
            if octave > 0 {
                self.build_next(octave, &mut on_row);
            } else if self.config.upsample {
                self.build_enlarged(data, width, &mut on_row);
            } else {
                self.build_first(data, width, height, &mut on_row);
            }
            self.used += 1;
            (w, h) = (w / 2, h / 2);
        }
    }

    /// Memory for the planes of an octave: whole ones where keypoints lie, else the rows that are still needed.
    fn make_room(&mut self, octave: usize, width: usize, height: usize) {
        let layers = self.config.layers;
        // How far each plane is ahead of the last one, and how far the next one reaches back.
        let mut ahead = vec![0; layers + 3];
        let mut radii = vec![0; layers + 3];
        if octave > 0 || !self.config.upsample {
            for (i, kernel) in self.kernels().iter().enumerate().rev() {
                ahead[i] = ahead[i + 1] + kernel.radius();
                radii[i] = kernel.radius();
            }
        }
        let planes = &mut self.octaves[octave].planes;
        planes.resize_with(layers + 3, Plane::default);
        for (i, plane) in planes.iter_mut().enumerate() {
            if (1..=layers).contains(&i) {
                plane.reset(width, height);
            } else {
                // Rows are made in pairs at most.
                let back = ROWS_KEPT.max(2 * radii[i]);
                plane.reset_rolling(width, height, ahead[i] + back + 2);
            }
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

    /// The blur that the first plane of the first octave still needs.
    fn base_kernel(&self) -> Kernel {
        let zoom = if self.config.upsample { 2.0 } else { 1.0 };
        let (sigma, blur) = (self.config.sigma, self.config.assumed_blur * zoom);
        let missing = (sigma * sigma - blur * blur).max(0.01).sqrt();
        Kernel::gaussian(missing, self.config.truncate)
    }

    /// The first octave at twice the photograph's resolution.
    fn build_enlarged(
        &mut self,
        data: &[u8],
        width: usize,
        on_row: &mut impl FnMut(usize, usize, &[Plane]),
    ) {
        let mut blurs = vec![self.base_kernel()];
        blurs.extend(self.kernels());
        let phases: Vec<Phases> = (1..=blurs.len())
            .map(|count| Phases::new(&blurs[..count]))
            .collect();
        let reach = phases.iter().map(Phases::radius).max().unwrap_or(0);
        let height = data.len() / width;
        self.raw.reset_rolling(width, height, 2 * reach + 1);
        let (raw, planes) = (&mut self.raw, &mut self.octaves[0].planes);
        let mut raw_done = 0;
        for y in 0..height {
            while raw_done < (y + reach + 1).min(height) {
                fill_row(&data[raw_done * width..], raw.row_mut(raw_done));
                raw_done += 1;
            }
            let (centre, reach_i) = (y as isize, reach as isize);
            let window: Vec<&[f32]> = (centre - reach_i..=centre + reach_i)
                .map(|row| raw.row(mirror_repeating(row, height)))
                .collect();
            for (plane, phases) in planes.iter_mut().zip(&phases) {
                let radius = phases.radius();
                let rows = &window[reach - radius..=reach + radius];
                let out = plane.row_pair_mut(2 * y);
                enlarge_rows(self.isa, rows, phases, &mut self.scratch, out);
            }
            on_row(0, 2 * y, planes);
            on_row(0, 2 * y + 1, planes);
        }
    }

    /// The first octave at the photograph's own resolution.
    fn build_first(
        &mut self,
        data: &[u8],
        width: usize,
        height: usize,
        on_row: &mut impl FnMut(usize, usize, &[Plane]),
    ) {
        let base = self.base_kernel();
        let kernels = self.kernels();
        self.raw.reset_rolling(width, height, 2 * base.radius() + 1);
        let (raw, planes) = (&mut self.raw, &mut self.octaves[0].planes);
        let mut sweep = Sweep::new(self.isa, &kernels, height, &mut self.scratch);
        let (mut raw_done, mut base_done) = (0, 0);
        for y in 0..height {
            let base_need = sweep.base_rows_needed(y);
            while base_done < base_need {
                while raw_done < (base_done + base.radius() + 1).min(height) {
                    fill_row(&data[raw_done * width..], raw.row_mut(raw_done));
                    raw_done += 1;
                }
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

/// Turns the first values of `data` into floats.
fn fill_row(data: &[u8], out: &mut [f32]) {
    for (value, &pixel) in out.iter_mut().zip(data) {
        *value = f32::from(pixel);
    }
}

#[cfg(test)]
mod tests;
