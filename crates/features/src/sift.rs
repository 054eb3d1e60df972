//! SIFT and RootSIFT: detector, budget, directions and descriptors put together.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use vizsla_pixels::{Gray, ScaleSpace, ScaleSpaceConfig};

use crate::budget::{self, Bid};
use crate::descriptor::{Window, describe};
use crate::dog::{Blob, DogConfig, DogRows, detect};
use crate::extractor::{DescriptorKind, ExtractError, Extractor};
use crate::keypoint::{Features, Keypoint};
use crate::orientation::orientations;
use crate::shape::Shape;

/// What [`Sift`] looks for; [`SiftConfig::default`] holds Lowe's values as OpenCV uses them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SiftConfig {
    /// Largest number of features of an image; 0 keeps all. The strongest are kept, where strength is the contrast, [`Keypoint::response`], times the
    /// square root of the scale.
    pub budget: usize,
    /// Smallest contrast of a blob, grey values as `[0, 1]`, before division by `layers`; default 0.04.
    pub contrast_threshold: f32,
    /// Largest ratio of principal curvatures; default 10.
    pub edge_threshold: f32,
    /// Layers per octave, 1 to 8 (others are clamped); default 3.
    pub layers: usize,
    /// Blur of the first layer in its octave's pixels, 0.8 to 8 (others are clamped); default 1.6.
    pub sigma: f32,
    /// Whether the image is doubled first, which finds about four times the features; default true.
    pub upsample: bool,
    /// RootSIFT instead of SIFT; default true.
    pub root: bool,
    /// Whether the budget is spread over the image instead of going to the strongest alone; default true.
    pub spread: bool,
    /// Whether features stand as the picture does, one for each blob, instead of having the directions of their
    /// gradients; default false.
    pub upright: bool,
}

impl Default for SiftConfig {
    fn default() -> Self {
        Self {
            budget: 0,
            contrast_threshold: 0.04,
            edge_threshold: 10.0,
            layers: 3,
            sigma: 1.6,
            upsample: true,
            root: true,
            spread: true,
            upright: false,
        }
    }
}

/// Extracts SIFT features. Holds only its configuration: one value serves any number of threads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sift {
    config: SiftConfig,
}

/// How long the stages of one extraction took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageTimes {
    /// Scale space, extrema, refinement and the choice within the budget.
    pub detect: Duration,
    /// Dominant directions.
    pub orient: Duration,
    /// Descriptors.
    pub describe: Duration,
}

/// Largest scale space that a thread keeps.
const KEPT_BYTES: usize = 256 << 20;

/// Reach of the direction's window over a blob's sigma.
const DIRECTION_REACH: f32 = 4.5;

/// Reach of most of the descriptor's window over a blob's sigma; its corners reach further.
const DESCRIPTOR_REACH: f32 = 9.0;

/// Memory that a thread uses again for its next image.
struct Workspace {
    space: ScaleSpace,
    rows: DogRows,
}

/// One direction of a blob.
#[derive(Clone, Copy, Debug)]
struct Oriented {
    /// The blob.
    index: usize,
    /// Place of the feature among all.
    place: u32,
    angle: f32,
}

/// Stands for a blob that the budget left out.
const NOT_CHOSEN: u32 = u32::MAX;

thread_local! {
    static WORKSPACE: RefCell<Option<Workspace>> = const { RefCell::new(None) };
}

impl Sift {
    /// An extractor with this configuration.
    #[must_use]
    pub fn new(config: SiftConfig) -> Self {
        let sigma = if config.sigma.is_nan() {
            1.6
        } else {
            config.sigma.clamp(0.8, 8.0)
        };
        Self {
            config: SiftConfig {
                layers: config.layers.clamp(1, 8),
                sigma,
                ..config
            },
        }
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &SiftConfig {
        &self.config
    }

    /// Finds and describes the features of an image, strongest first, on the calling thread. An image without
    /// texture or too small for one octave has none.
    ///
    /// The scale space takes about 65 bytes per pixel (16 without upsampling). A thread keeps up to 256 MiB of it for
    /// the next image.
    #[must_use]
    pub fn extract(&self, image: &Gray) -> Features {
        self.extract_timed(image).0
    }

    /// [`Sift::extract`] with the time that each stage took.
    #[must_use]
    pub fn extract_timed(&self, image: &Gray) -> (Features, StageTimes) {
        let layout = ScaleSpaceConfig {
            layers: self.config.layers,
            sigma: self.config.sigma,
            upsample: self.config.upsample,
            ..ScaleSpaceConfig::default()
        };
        let kept = WORKSPACE.with(|cell| cell.borrow_mut().take());
        let mut workspace = match kept {
            Some(workspace) if *workspace.space.config() == layout => workspace,
            _ => Workspace {
                space: ScaleSpace::new(layout),
                rows: DogRows::default(),
            },
        };
        let features = self.extract_with(image, &mut workspace);
        if workspace.space.bytes() <= KEPT_BYTES {
            WORKSPACE.with(|cell| *cell.borrow_mut() = Some(workspace));
        }
        features
    }

    fn extract_with(&self, image: &Gray, workspace: &mut Workspace) -> (Features, StageTimes) {
        let (width, height) = (image.width(), image.height());
        let thresholds = DogConfig {
            contrast_threshold: self.config.contrast_threshold,
            edge_threshold: self.config.edge_threshold,
        };
        let Workspace { space, rows } = workspace;
        let start = Instant::now();
        let blobs = detect(space, rows, image.data(), width, height, &thresholds);
        let chosen = self.chosen(space, &blobs, (width, height));
        let detect = start.elapsed();
        let oriented = self.orient(space, &blobs, &chosen);
        let orient = start.elapsed();
        let features = self.describe(space, &blobs, &oriented, (width, height));
        let describe = start.elapsed() - orient;
        (
            features,
            StageTimes {
                detect,
                orient: orient - detect,
                describe,
            },
        )
    }

    /// Directions of the chosen blobs, each with its place in the order in which they were chosen, within the budget.
    ///
    /// The blobs are visited in the order in which they lie in memory, not by strength: on large images most of the
    /// time would else go into waiting for pixels.
    fn orient(&self, space: &ScaleSpace, blobs: &[Blob], chosen: &[usize]) -> Vec<Oriented> {
        let mut ranks = vec![NOT_CHOSEN; blobs.len()];
        for (&index, rank) in chosen.iter().zip(0..) {
            ranks[index] = rank;
        }
        let visits: Vec<usize> = (0..blobs.len())
            .filter(|&index| ranks[index] != NOT_CHOSEN)
            .collect();
        let mut found: Vec<Oriented> = Vec::with_capacity(visits.len() + visits.len() / 4);
        // How many directions come before those of a rank, first how many it has itself.
        let mut before = vec![0; chosen.len() + 1];
        for (visit, &index) in visits.iter().enumerate() {
            let place = ranks[index];
            let mut note = |angle: f32| {
                before[place as usize + 1] += 1;
                found.push(Oriented {
                    index,
                    place,
                    angle,
                });
            };
            if self.config.upright {
                note(0.0);
                continue;
            }
            if let Some(&next) = visits.get(visit + 1) {
                prefetch(space, &blobs[next], DIRECTION_REACH);
            }
            let blob = &blobs[index];
            let plane = &space.octaves()[blob.octave].planes[blob.layer];
            orientations(space.isa(), plane, blob, note);
        }
        for rank in 1..before.len() {
            before[rank] += before[rank - 1];
        }
        for oriented in &mut found {
            let next = &mut before[oriented.place as usize];
            oriented.place = *next;
            *next += 1;
        }
        if self.config.budget != 0 {
            found.retain(|oriented| (oriented.place as usize) < self.config.budget);
        }
        found
    }

    /// Keypoints and descriptors at their places; visited in the order of memory as well.
    fn describe(
        &self,
        space: &ScaleSpace,
        blobs: &[Blob],
        oriented: &[Oriented],
        (width, height): (usize, usize),
    ) -> Features {
        let nowhere = Keypoint {
            x: 0.0,
            y: 0.0,
            scale: 0.0,
            angle: 0.0,
            shape: Shape::CIRCLE,
            response: 0.0,
        };
        let mut features = Features {
            width: width as u32,
            height: height as u32,
            keypoints: vec![nowhere; oriented.len()],
            descriptors: vec![[0; 128]; oriented.len()],
        };
        for (visit, one) in oriented.iter().enumerate() {
            if let Some(next) = oriented.get(visit + 1)
                && next.index != one.index
            {
                prefetch(space, &blobs[next.index], DESCRIPTOR_REACH);
            }
            let blob = &blobs[one.index];
            let plane = &space.octaves()[blob.octave].planes[blob.layer];
            let window = Window {
                x: blob.x,
                y: blob.y,
                sigma: blob.sigma,
                angle: one.angle,
            };
            let place = one.place as usize;
            features.keypoints[place] = keypoint(space, blob, one.angle);
            features.descriptors[place] = describe(space.isa(), plane, &window, self.config.root);
        }
        features
    }

    fn chosen(&self, space: &ScaleSpace, blobs: &[Blob], size: (usize, usize)) -> Vec<usize> {
        let bids: Vec<Bid> = blobs
            .iter()
            .map(|blob| {
                let point = keypoint(space, blob, 0.0);
                Bid {
                    x: point.x,
                    y: point.y,
                    response: budget::strength(point.response, point.scale),
                }
            })
            .collect();
        budget::choose(&bids, size, self.config.budget, self.config.spread)
    }
}

impl Extractor for Sift {
    fn kind(&self) -> DescriptorKind {
        match self.config.root {
            true => DescriptorKind::RootSift,
            false => DescriptorKind::Sift,
        }
    }

    fn extract(&self, image: &Gray) -> Result<Features, ExtractError> {
        Ok(Sift::extract(self, image))
    }
}

/// Has the surroundings of the next blob brought into the cache, `reach` times its sigma around it.
fn prefetch(space: &ScaleSpace, blob: &Blob, reach: f32) {
    let plane = &space.octaves()[blob.octave].planes[blob.layer];
    plane.prefetch(blob.x, blob.y, reach * blob.sigma);
}

/// A blob in the photograph's pixels.
pub(crate) fn keypoint(space: &ScaleSpace, blob: &Blob, angle: f32) -> Keypoint {
    let (offset, step) = space.placement(blob.octave);
    Keypoint {
        x: blob.x * step + offset,
        y: blob.y * step + offset,
        scale: blob.sigma * step,
        angle,
        shape: Shape::CIRCLE,
        response: blob.response,
    }
}
