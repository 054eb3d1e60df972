//! An image network: pictures in, feature maps or vectors out.
//!
//! Pictures keep their aspect where the model takes any size; pictures of the same size are run
//! together, as many as a bounded amount of memory allows.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use prost::bytes::Bytes;
use rayon::prelude::*;
use vizsla_pixels::Rgb;

use crate::error::Error;
use crate::feature_map::FeatureMap;
use crate::found_outputs::{self, FoundOutputs};
use crate::models::{ModelEntry, ModelKind};
use crate::onnx::{self, Graph, ValueInfo};
use crate::preprocess::Preprocessing;
use crate::runtime::{Session, SessionOptions};
use crate::tensor::{ElementKind, Tensor, shape_text};

/// Most pictures in one run.
const MAX_BATCH: usize = 8;

/// Memory that the values inside a network may take in one run, roughly.
const MEMORY: usize = 768 << 20;

/// Bytes that networks hold for each byte of input: VGG-16, the greediest of the common ones, has 43.
const BYTES_PER_INPUT_BYTE: usize = 48;

/// Side of the picture that a model of free size is tried with, pixels.
const TRIAL_SIDE: usize = 224;

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
    layout: Layout,
    kind: OnceLock<OutputKind>,
}

/// How the model wants its pictures.
struct Layout {
    input: String,
    /// Batch of the model; `None` when any goes.
    batch: Option<usize>,
    /// Height and width; `None` when any goes.
    size: (Option<usize>, Option<usize>),
    /// Height × width × channels instead of channels × height × width.
    channels_last: bool,
}

impl ImageEncoder {
    /// Opens the model of an entry after its checksum was compared. `output` names the value to read;
    /// left out, the entry's is read, and where the entry has none the last feature map, or else the
    /// last pooled vector, is found.
    ///
    /// # Errors
    /// Those of [`ModelEntry::verified_path`] and [`Session::open`]; [`Error::Unsuitable`] when the
    /// model takes no pictures.
    pub fn open(
        entry: &ModelEntry,
        output: Option<&str>,
        options: &SessionOptions,
    ) -> Result<ImageEncoder, Error> {
        let model = Model::read(entry)?;
        let wanted = output.or(entry.output.as_deref()).filter(|o| !o.is_empty());
        let name = match wanted {
            Some(name) => name.to_owned(),
            None => {
                let found = model.find(entry, options)?;
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
        let session = Session::of(path, bytes, &model.graph, &[name], options)?;
        Ok(ImageEncoder {
            session,
            preprocessing: entry.preprocessing.clone(),
            layout: model.layout,
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
        Model::read(entry)?.find(entry, options)
    }

    /// The input that takes the pictures.
    pub fn input(&self) -> &str {
        &self.layout.input
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
        let (height, width) = self.layout.trial_size();
        let image = Rgb::filled(width, height, [128; 3])?;
        let tensor = self.tensor(&[&image])?;
        let run = self.session.run(&[(self.layout.input.as_str(), tensor)])?;
        let kind = match run.first().map(Tensor::shape) {
            Some(&[_, channels, height, width]) if (height, width) != (1, 1) => {
                OutputKind::Map { channels }
            }
            Some(&[_, dimension] | &[_, dimension, 1, 1] | &[_, _, dimension]) => {
                OutputKind::Vector { dimension }
            }
            shape => {
                let shape = shape.unwrap_or_default();
                return Err(self.wrong_output(shape, "a feature map or a vector"));
            }
        };
        Ok(*self.kind.get_or_init(|| kind))
    }

    /// True when the model takes pictures of any size and aspect.
    pub fn takes_any_size(&self) -> bool {
        self.layout.size == (None, None)
    }

    /// The side of the squares that the model takes, when it takes nothing else.
    pub fn fixed_side(&self) -> Option<u32> {
        match self.layout.size {
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
        self.run(images, side, |tensor| {
            let shape = tensor.shape().to_vec();
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
                .map(|part| FeatureMap::new(channels, height, width, part.to_vec()))
                .collect()
        })
    }

    /// The vectors of pictures, in order, prepared by the rule of the entry and not normalised. Of
    /// an output of tokens the first one is taken, which transformers use for the whole picture.
    ///
    /// # Errors
    /// As [`ImageEncoder::maps`]; [`Error::Output`] when the output is no vector.
    pub fn vectors(&self, images: &[&Rgb]) -> Result<Vec<Vec<f32>>, Error> {
        self.run(images, None, |tensor| {
            let shape = tensor.shape().to_vec();
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

    /// Prepares, batches and runs; `split` makes one result for each picture of a batch.
    fn run<T>(
        &self,
        images: &[&Rgb],
        side: Option<u32>,
        split: impl Fn(Tensor) -> Result<Vec<T>, Error>,
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
                    let tensor = self.tensor(&pictures)?;
                    let outputs = self.session.run(&[(self.layout.input.as_str(), tensor)])?;
                    let output = outputs
                        .into_iter()
                        .next()
                        .ok_or_else(|| self.wrong_output(&[], "one output"))?;
                    let parts = split(output)?;
                    if parts.len() < batch.len() {
                        return Err(self.wrong_output(&[parts.len()], "one part for each picture"));
                    }
                    for ((place, _), part) in batch.iter().zip(parts) {
                        results[*place] = Some(part);
                    }
                }
            }
        }
        Ok(results.into_iter().flatten().collect())
    }

    /// Pictures of this size in one run. The scale of a dynamically quantised model spans the batch:
    /// its pictures go one by one, so that none depends on its neighbours.
    fn batch(&self, height: usize, width: usize) -> usize {
        let input_bytes = 12 * height * width;
        let fits = MEMORY / (input_bytes * BYTES_PER_INPUT_BYTE).max(1);
        match self.layout.batch {
            Some(batch) => batch,
            None if self.session.is_quantised() => 1,
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
                        self.layout.size_text()
                    ),
                ));
            }
            Some(side) => self.preprocessing.scaled(image, side)?,
            None => self.preprocessing.framed(image)?,
        };
        if !self.layout.takes(frame.height(), frame.width()) {
            return Err(wrong(
                format!("pictures of {}x{}", frame.width(), frame.height()),
                format!(
                    "it wants {}, set size and crop in its registry entry so",
                    self.layout.size_text()
                ),
            ));
        }
        Ok(frame)
    }

    /// Pictures of one size as a tensor; a model of fixed batch is filled up with the last one.
    fn tensor(&self, images: &[&Rgb]) -> Result<Tensor, Error> {
        let (height, width) = images.first().map_or((0, 0), |i| (i.height(), i.width()));
        let batch = self.layout.batch.unwrap_or(images.len()).max(images.len());
        let mut data = Vec::with_capacity(batch * 3 * height * width);
        for place in 0..batch {
            let image = images[place.min(images.len() - 1)];
            self.preprocessing
                .append(image, self.layout.channels_last, &mut data);
        }
        let shape = match self.layout.channels_last {
            true => [batch, height, width, 3],
            false => [batch, 3, height, width],
        };
        Tensor::f32(&shape, data)
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

impl Layout {
    fn of(graph: &Graph, entry: &ModelEntry) -> Result<Layout, Error> {
        let is_picture = |info: &&ValueInfo| {
            info.kind == ElementKind::Float && info.shape.as_ref().is_none_or(|s| s.len() == 4)
        };
        let info = match &entry.input {
            Some(name) => graph.inputs.iter().find(|info| info.name == *name),
            None => graph.inputs.iter().find(is_picture),
        };
        let Some(info) = info else {
            let names: Vec<&str> = graph.inputs.iter().map(|i| i.name.as_str()).collect();
            let what = format!(
                "takes no pictures: among its inputs ({}) is no {}",
                names.join(", "),
                match &entry.input {
                    Some(name) => format!("'{name}'"),
                    None => "tensor of four dimensions".to_owned(),
                }
            );
            return Err(unsuitable(entry, &what));
        };
        let shape = info.shape.clone().unwrap_or(vec![None; 4]);
        let (size, channels_last) = match *shape.as_slice() {
            [_, Some(3) | None, height, width] => ((height, width), false),
            [_, height, width, Some(3)] => ((height, width), true),
            _ => {
                let text = crate::runtime::declared_shape(info);
                let what = format!("takes {text} and not pictures of three channels");
                return Err(unsuitable(entry, &what));
            }
        };
        Ok(Layout {
            input: info.name.clone(),
            batch: shape[0],
            size,
            channels_last,
        })
    }

    fn takes(&self, height: usize, width: usize) -> bool {
        let fits = |want: Option<usize>, have| want.is_none_or(|want| want == have);
        fits(self.size.0, height) && fits(self.size.1, width)
    }

    fn size_text(&self) -> String {
        let side = |side: Option<usize>| side.map_or("any".to_owned(), |side| side.to_string());
        format!("{}x{}", side(self.size.1), side(self.size.0))
    }

    fn trial_size(&self) -> (usize, usize) {
        let side = |side: Option<usize>| side.unwrap_or(TRIAL_SIDE);
        (side(self.size.0), side(self.size.1))
    }
}

/// A model's file with its structure.
struct Model {
    path: std::path::PathBuf,
    bytes: Bytes,
    graph: Graph,
    layout: Layout,
}

impl Model {
    fn read(entry: &ModelEntry) -> Result<Model, Error> {
        if entry.kind != ModelKind::Image {
            let what = format!("is for {} and takes no pictures", entry.kind);
            return Err(unsuitable(entry, &what));
        }
        let path = entry.verified_path()?;
        let bytes = onnx::read(&path)?;
        let graph = Graph::parse(&bytes, &path)?;
        Ok(Model {
            layout: Layout::of(&graph, entry)?,
            path,
            bytes,
            graph,
        })
    }

    fn find(&self, entry: &ModelEntry, options: &SessionOptions) -> Result<FoundOutputs, Error> {
        let (height, width) = self.layout.trial_size();
        let image = Rgb::filled(width, height, [128; 3])?;
        let batch = self.layout.batch.unwrap_or(1);
        let mut data = Vec::new();
        for _ in 0..batch {
            entry
                .preprocessing
                .append(&image, self.layout.channels_last, &mut data);
        }
        let shape = match self.layout.channels_last {
            true => [batch, height, width, 3],
            false => [batch, 3, height, width],
        };
        let tensor = Tensor::f32(&shape, data)?;
        let input = (self.layout.input.as_str(), &tensor);
        found_outputs::find(&self.path, &self.bytes, &self.graph, input, options)
    }
}

fn unsuitable(entry: &ModelEntry, what: &str) -> Error {
    Error::Unsuitable {
        id: entry.id.clone(),
        what: what.to_owned(),
    }
}
