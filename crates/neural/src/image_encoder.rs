//! An image network: pictures in, feature maps or vectors out.
//!
//! Pictures keep their aspect where the model takes any size; pictures of the same size are run
//! together, as many as a bounded amount of memory allows.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use vizsla_pixels::Rgb;

use crate::error::Error;
use crate::feature_map::FeatureMap;
use crate::found_outputs::FoundOutputs;
use crate::image_model::ImageModel;
use crate::image_output::{batched, channels_second, planes};
use crate::models::ModelEntry;
use crate::onnx::channels;
use crate::picture_input::{PictureInput, unsuitable};
use crate::preprocess::{Preprocessing, Resize};
use crate::runtime::{Session, SessionOptions};
use crate::tensor::{Tensor, shape_text};
use crate::tensor_layout::TensorLayout;

/// Most pictures in one run.
const MAX_BATCH: usize = 8;

/// Memory that the values inside a network may take in one run, roughly.
const MEMORY: usize = 768 << 20;

/// Bytes that networks hold for each byte of input: VGG-16, the greediest of the common ones, has 43.
const BYTES_PER_INPUT_BYTE: usize = 48;

/// What the output of an encoder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputKind {
    /// A feature map: [`ImageEncoder::maps`].
    Map {
        /// Numbers at every place.
        channels: usize,
    },
    /// A vector, or the vectors of tokens of which the first is taken: [`ImageEncoder::vectors`].
    Vector {
        /// Numbers.
        dimension: usize,
    },
}

/// An image network that is ready to run.
pub struct ImageEncoder {
    session: Session,
    preprocessing: Preprocessing,
    input: PictureInput,
    /// The output is height × width × channels.
    output_channels_last: bool,
    /// The model declares any number of pictures but takes one.
    takes_one: AtomicBool,
    kind: OnceLock<OutputKind>,
}

impl ImageEncoder {
    /// Opens the model of an entry after its checksum was compared. `output` names the value to read;
    /// left out, the entry's is read, and where the entry has none the last feature map, or else the
    /// last pooled vector, is found. Of a model that takes texts or anything else besides, only what the output needs is
    /// run.
    ///
    /// # Errors
    /// Those of [`ModelEntry::verified_path`] and [`Session::open`]; [`Error::Unsuitable`] when the
    /// model takes no pictures; [`Error::Output`] when the output needs another input than the pictures.
    pub fn open(
        entry: &ModelEntry,
        output: Option<&str>,
        options: &SessionOptions,
    ) -> Result<ImageEncoder, Error> {
        let wanted = output.or(entry.output.as_deref()).filter(|o| !o.is_empty());
        if entry.is_shipped() {
            return Self::shipped(entry, wanted, options);
        }
        let model = ImageModel::read(entry, options)?;
        let name = match wanted {
            Some(name) => {
                model.check_output(name)?;
                name.to_owned()
            }
            None => {
                let found = model.find(options)?;
                found
                    .map
                    .or(found.vector)
                    .map(|found| found.name)
                    .ok_or_else(|| {
                        let what =
                            "has no feature map and no vector that could be found; name an output";
                        unsuitable(entry, what)
                    })?
            }
        };
        let (path, bytes) = (&model.path, model.bytes.clone());
        let output_channels_last = channels::are_last(&model.graph, &name);
        let session = Session::of(path, bytes, &model.graph, &[name], options)?;
        Ok(ImageEncoder {
            session,
            preprocessing: model.preprocessing,
            input: model.input,
            output_channels_last,
            takes_one: AtomicBool::new(false),
            kind: OnceLock::new(),
        })
    }

    /// The network that ships.
    fn shipped(
        entry: &ModelEntry,
        output: Option<&str>,
        options: &SessionOptions,
    ) -> Result<ImageEncoder, Error> {
        let session = Session::shipped(output, options)?;
        let name = session.inputs().first().map_or("", |input| &input.name);
        let input = PictureInput::any(name);
        Ok(ImageEncoder {
            session,
            preprocessing: entry.preprocessing.for_element(input.element),
            input,
            output_channels_last: true,
            takes_one: AtomicBool::new(false),
            kind: OnceLock::new(),
        })
    }

    /// The last feature map and the last pooled vector of a model.
    ///
    /// # Errors
    /// As [`ImageEncoder::open`].
    pub fn find_outputs(
        entry: &ModelEntry,
        options: &SessionOptions,
    ) -> Result<FoundOutputs, Error> {
        ImageModel::read(entry, options)?.find(options)
    }

    /// The input that takes the pictures.
    pub fn input(&self) -> &str {
        &self.input.name
    }

    /// In which order that input takes the numbers of a picture.
    pub fn layout(&self) -> TensorLayout {
        self.input.layout
    }

    /// How pictures are prepared: the rule of the entry, made for the kind of numbers that the input takes.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    /// The value that is read.
    pub fn output(&self) -> &str {
        self.session
            .outputs()
            .first()
            .map_or("", |output| &output.name)
    }

    /// What the output is. The first call runs the model on a grey picture unless pictures were
    /// described before.
    ///
    /// # Errors
    /// [`Error::Output`] when it is neither a map nor a vector; those of [`Session::run`].
    pub fn kind(&self) -> Result<OutputKind, Error> {
        if let Some(kind) = self.kind.get() {
            return Ok(*kind);
        }
        let image = self.input.trial_picture(&self.preprocessing)?;
        let tensor = self.tensor(&[&image])?;
        let run = self.session.run(&[(self.input(), tensor)])?;
        let shape = run.first().map(Tensor::shape).unwrap_or_default();
        let kind = match *self.shape(shape, 1) {
            [_, channels, height, width] if (height, width) != (1, 1) => {
                OutputKind::Map { channels }
            }
            [_, dimension] | [_, dimension, 1, 1] | [_, _, dimension] => {
                OutputKind::Vector { dimension }
            }
            _ => return Err(self.wrong_output(shape, "a feature map or a vector")),
        };
        Ok(*self.kind.get_or_init(|| kind))
    }

    /// True when the model takes pictures of any size and aspect.
    pub fn takes_any_size(&self) -> bool {
        self.input.size == (None, None)
    }

    /// The side of the squares that the model takes, when it takes nothing else.
    pub fn fixed_side(&self) -> Option<u32> {
        match self.input.size {
            (Some(height), Some(width)) if height == width => u32::try_from(height).ok(),
            _ => None,
        }
    }

    /// A picture as the model takes it, a batch of one. Without `side` it is resized and cropped by
    /// the rule of the entry; with it, it is scaled until its longest side is exactly `side` pixels,
    /// the aspect kept and nothing cropped.
    ///
    /// # Errors
    /// [`Error::Input`] when the model takes one size only and `side` or the rule of the entry make
    /// another; [`Error::Value`] when `side` is out of range.
    pub fn prepare(&self, image: &Rgb, side: Option<u32>) -> Result<Tensor, Error> {
        self.tensor(&[&self.frame(image, side)?])
    }

    /// The feature maps of pictures, in order; see [`ImageEncoder::prepare`] for `side`.
    ///
    /// # Errors
    /// Those of [`ImageEncoder::prepare`] and [`Session::run`]; [`Error::Output`] when the output is
    /// no feature map.
    pub fn maps(&self, images: &[&Rgb], side: Option<u32>) -> Result<Vec<FeatureMap>, Error> {
        self.run(images, side, |tensor, batch| {
            let shape = self.shape(tensor.shape(), batch);
            let &[batch, channels, height, width] = shape.as_slice() else {
                return Err(self.wrong_output(&shape, "a feature map"));
            };
            let _ = self.kind.set(match (height, width) {
                (1, 1) => OutputKind::Vector {
                    dimension: channels,
                },
                _ => OutputKind::Map { channels },
            });
            let data = self.floats(tensor)?;
            let length = data.len() / batch.max(1);
            data.chunks_exact(length.max(1))
                .map(|part| match self.output_channels_last {
                    true => FeatureMap::new(channels, height, width, planes(part, channels)),
                    false => FeatureMap::new(channels, height, width, part.to_vec()),
                })
                .collect()
        })
    }

    /// The vectors of pictures, in order, prepared by the rule of the entry and not normalised. Of
    /// an output of tokens the first one is taken, which transformers use for the whole picture.
    ///
    /// # Errors
    /// As [`ImageEncoder::maps`]; [`Error::Output`] when the output is no vector.
    pub fn vectors(&self, images: &[&Rgb]) -> Result<Vec<Vec<f32>>, Error> {
        self.run(images, None, |tensor, batch| {
            let shape = self.shape(tensor.shape(), batch);
            let (batch, dimension) = match *shape.as_slice() {
                [batch, dimension] | [batch, dimension, 1, 1] | [batch, _, dimension] => {
                    (batch, dimension)
                }
                _ => return Err(self.wrong_output(&shape, "a vector")),
            };
            let _ = self.kind.set(OutputKind::Vector { dimension });
            let data = self.floats(tensor)?;
            let length = data.len() / batch.max(1);
            let first = |part: &[f32]| part[..dimension.min(part.len())].to_vec();
            Ok(data.chunks_exact(length.max(1)).map(first).collect())
        })
    }

    /// Prepares, batches and runs; `split` makes one result for each picture of a run, given their number.
    fn run<T>(
        &self,
        images: &[&Rgb],
        side: Option<u32>,
        split: impl Fn(Tensor, usize) -> Result<Vec<T>, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut results: Vec<Option<T>> = images.iter().map(|_| None).collect();
        let places: Vec<usize> = (0..images.len()).collect();
        // Framed pictures are bytes; a few batches of them are small beside one run.
        for places in places.chunks(4 * MAX_BATCH) {
            let frames: Vec<Rgb> = places
                .par_iter()
                .map(|&place| self.frame(images[place], side))
                .collect::<Result<_, _>>()?;
            let mut by_size: BTreeMap<(usize, usize), Vec<(usize, &Rgb)>> = BTreeMap::new();
            for (&place, frame) in places.iter().zip(&frames) {
                let size = (frame.height(), frame.width());
                by_size.entry(size).or_default().push((place, frame));
            }
            for ((height, width), frames) in by_size {
                for batch in frames.chunks(self.batch(height, width)) {
                    let pictures: Vec<&Rgb> = batch.iter().map(|(_, frame)| *frame).collect();
                    let parts = self.run_batch(&pictures, &split)?;
                    for ((place, _), part) in batch.iter().zip(parts) {
                        results[*place] = Some(part);
                    }
                }
            }
        }
        Ok(results.into_iter().flatten().collect())
    }

    /// One result for each picture of a batch. Some models declare any number of pictures and were exported for one: they
    /// get them one by one from then on.
    fn run_batch<T>(
        &self,
        pictures: &[&Rgb],
        split: &impl Fn(Tensor, usize) -> Result<Vec<T>, Error>,
    ) -> Result<Vec<T>, Error> {
        let together = self.run_once(pictures, split);
        let (Err(error), true) = (&together, self.input.batch.is_none() && pictures.len() > 1)
        else {
            return together;
        };
        if matches!(error, Error::NotFinite { .. }) {
            return together;
        }
        let mut parts = Vec::with_capacity(pictures.len());
        for &picture in pictures {
            parts.extend(self.run_once(&[picture], split)?.into_iter().take(1));
        }
        self.takes_one.store(true, Ordering::Relaxed);
        Ok(parts)
    }

    fn run_once<T>(
        &self,
        pictures: &[&Rgb],
        split: &impl Fn(Tensor, usize) -> Result<Vec<T>, Error>,
    ) -> Result<Vec<T>, Error> {
        let tensor = self.tensor(pictures)?;
        let outputs = self.session.run(&[(self.input(), tensor)])?;
        let output = outputs
            .into_iter()
            .next()
            .ok_or_else(|| self.wrong_output(&[], "one output"))?;
        let shape = output.shape().to_vec();
        let parts = split(output, self.filled(pictures.len()))?;
        if parts.len() != self.filled(pictures.len()) {
            return Err(self.wrong_output(&shape, "one part for each picture"));
        }
        Ok(parts)
    }

    /// Pictures of a run of so many, those that fill it up included.
    fn filled(&self, pictures: usize) -> usize {
        self.input.batch.unwrap_or(pictures).max(pictures)
    }

    /// The shape of the output with as many pictures in front as were given, channels before height and width.
    fn shape(&self, shape: &[usize], batch: usize) -> Vec<usize> {
        let shape = batched(shape, self.filled(batch));
        match self.output_channels_last {
            true => channels_second(shape),
            false => shape,
        }
    }

    /// Pictures of this size in one run. The scale of a dynamically quantised model spans the batch:
    /// its pictures go one by one, so that none depends on its neighbours.
    fn batch(&self, height: usize, width: usize) -> usize {
        let input_bytes = 12 * height * width;
        let fits = MEMORY / (input_bytes * BYTES_PER_INPUT_BYTE).max(1);
        match self.input.batch {
            Some(batch) => batch,
            None if self.session.is_quantised() || self.takes_one.load(Ordering::Relaxed) => 1,
            None => fits.clamp(1, MAX_BATCH),
        }
    }

    fn frame(&self, image: &Rgb, side: Option<u32>) -> Result<Rgb, Error> {
        let wrong = |what: String, advice: String| Error::Input {
            what,
            advice,
            path: self.session.path().to_path_buf(),
        };
        let frame = match side {
            Some(side) if !self.takes_any_size() => {
                return Err(wrong(
                    format!("pictures with a longest side of {side} pixels"),
                    format!(
                        "it wants {} pixels always, leave the side out",
                        self.input.size_text()
                    ),
                ));
            }
            Some(side) => self.preprocessing.scaled(image, side)?,
            None => match self.input.size {
                (Some(height), Some(width)) if height != width && self.resizes() => {
                    self.preprocessing.covered(image, width, height)?
                }
                _ => self.preprocessing.framed(image)?,
            },
        };
        if !self.input.takes(frame.height(), frame.width()) {
            return Err(wrong(
                format!("pictures of {}x{}", frame.width(), frame.height()),
                format!(
                    "it wants {}, set size and crop in its registry entry so",
                    self.input.size_text()
                ),
            ));
        }
        Ok(frame)
    }

    fn resizes(&self) -> bool {
        self.preprocessing.resize != Resize::None
    }

    /// Pictures of one size as a tensor; a model of fixed batch is filled up with the last one.
    fn tensor(&self, images: &[&Rgb]) -> Result<Tensor, Error> {
        let (height, width) = images.first().map_or((0, 0), |i| (i.height(), i.width()));
        let batch = self.filled(images.len());
        let mut data = Vec::with_capacity(batch * 3 * height * width);
        for place in 0..batch {
            let image = images[place.min(images.len() - 1)];
            self.preprocessing
                .append(image, self.input.channels_last(), &mut data);
        }
        self.input.tensor(batch, (height, width), data)
    }

    fn floats(&self, tensor: Tensor) -> Result<Vec<f32>, Error> {
        let shape = tensor.shape().to_vec();
        match tensor.into_f32() {
            Some((_, data)) => Ok(data),
            None => Err(self.wrong_output(&shape, "floating-point numbers")),
        }
    }

    fn wrong_output(&self, shape: &[usize], wanted: &str) -> Error {
        Error::Output {
            output: self.output().to_owned(),
            what: format!("has shape {}, {wanted} was needed", shape_text(shape)),
            advice: "name another output".into(),
            path: self.session.path().to_path_buf(),
        }
    }
}
