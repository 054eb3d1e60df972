//! Networks that find and describe places of a picture: one run gives three maps, of which `vizsla-features` makes keypoints and
//! descriptors.
//!
//! The first is XFeat (Potje et al., CVPR 2024). Its file is kept in collections and travels with them, so it is checked
//! before it runs: it has plain operators alone, and what a run costs is bounded.

use std::path::{Path, PathBuf};

use prost::bytes::Bytes;
use vizsla_vectors::{AtomicFile, content_id};

use crate::error::Error;
use crate::onnx::{self, Graph};
use crate::runtime::{Session, SessionOptions, declared_shape};
use crate::tensor::{ElementType, Tensor, shape_text};

/// Outputs by name, with the planes of each.
const OUTPUTS: [(&str, usize); 3] = [("features", 64), ("keypoints", 65), ("reliability", 1)];
/// Pixels along a side of a cell of the maps.
const CELL: usize = 8;
/// Sides of a picture are multiples of this.
const STEP: usize = 32;
/// Largest file; XFeat has 2.6 million bytes.
const MOST_BYTES: u64 = 64 << 20;
/// Most numbers of all values of a run for each pixel of the picture. XFeat has 69, most of which are freed on the way.
const MOST_NUMBERS: f64 = 100.0;
/// What such a network is, for messages.
const EXPECTED: &str = "network of XFeat, which takes N x 3 x H x W floats and gives 'features' of 64, 'keypoints' of 65 and \
                        'reliability' of 1 plane of H/8 x W/8";

/// A network that finds and describes places. It can be shared between threads.
pub struct KeypointNetwork {
    path: PathBuf,
    bytes: Bytes,
    graph: Graph,
    session: Session,
    input: String,
    id: String,
}

/// What a network answered to one picture: planes of `rows` × `columns` cells, one cell for 8 × 8 pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct KeypointMaps {
    /// Cells in a row.
    pub columns: usize,
    /// Cells in a column.
    pub rows: usize,
    /// 64 planes: what describes the cell, of any length.
    pub features: Vec<f32>,
    /// 65 planes: logits of the pixels of the cell, row by row, then of none.
    pub keypoints: Vec<f32>,
    /// One plane, `[0, 1]`.
    pub reliability: Vec<f32>,
}

impl std::fmt::Debug for KeypointNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("KeypointNetwork");
        shown.field("path", &self.path).finish_non_exhaustive()
    }
}

impl KeypointNetwork {
    /// Opens an ONNX file and tries it on a small picture.
    ///
    /// # Errors
    /// [`Error::WrongKind`], which says what was expected, when the file is too large, has other inputs, outputs or
    /// operators; those of [`Session::open`] and [`Session::run`].
    pub fn open(path: &Path, options: &SessionOptions) -> Result<Self, Error> {
        let bytes = read(path)?;
        let graph = Graph::parse(&bytes, path)?;
        let input = checked(&bytes, &graph).map_err(|what| wrong(path, what))?;
        let network = Self {
            session: session(path, &bytes, &graph, options)?,
            path: path.to_owned(),
            id: content_id(&bytes),
            bytes,
            graph,
            input,
        };
        let grey = (0..2 * STEP * STEP).map(|i| (i * 7 % 11) as f32 / 10.0);
        network.run((2 * STEP, STEP), &grey.collect::<Vec<_>>())?;
        Ok(network)
    }

    /// The same network once more, for another thread.
    ///
    /// # Errors
    /// Those of [`Session::open`].
    pub fn again(&self, options: &SessionOptions) -> Result<Self, Error> {
        Ok(Self {
            session: session(&self.path, &self.bytes, &self.graph, options)?,
            path: self.path.clone(),
            bytes: self.bytes.clone(),
            graph: self.graph.clone(),
            input: self.input.clone(),
            id: self.id.clone(),
        })
    }

    /// Hash of the file's content, 32 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The hash of a file as it is now, without opening it as a network.
    ///
    /// # Errors
    /// It cannot be read, or is larger than any that is taken.
    pub fn id_of(path: &Path) -> Result<String, Error> {
        Ok(content_id(&read(path)?))
    }

    /// Writes the network's file, which appears complete or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        Ok(AtomicFile::write_whole(path, &self.bytes)?)
    }

    /// The maps of a grey picture of `size` = (columns, rows), multiples of 32: values `[0, 1]`, row by row.
    ///
    /// # Errors
    /// [`Error::Length`] when the picture is not of that size, [`Error::WrongKind`] when a map is not as large as it must be,
    /// those of [`Session::run`].
    pub fn run(&self, size: (usize, usize), grey: &[f32]) -> Result<KeypointMaps, Error> {
        let (width, height) = size;
        let fits = |side: usize| side > 0 && side.is_multiple_of(STEP);
        let pixels = width.checked_mul(height);
        if !fits(width) || !fits(height) || pixels != Some(grey.len()) {
            return Err(Error::Length {
                what: format!(
                    "a grey picture of {width} x {height}, with sides that are multiples of {STEP},"
                ),
                expected: pixels.unwrap_or(usize::MAX),
                found: grey.len(),
            });
        }
        let tensor = Tensor::f32(&[1, 3, height, width], [grey; 3].concat())?;
        let mut answers = self.session.run(&[(self.input.as_str(), tensor)])?;
        let (columns, rows) = (width / CELL, height / CELL);
        let mut maps = Vec::with_capacity(OUTPUTS.len());
        for ((name, planes), answer) in OUTPUTS.into_iter().zip(answers.drain(..)) {
            let wanted = [1, planes, rows, columns];
            match answer.into_f32() {
                Some((shape, data)) if shape == wanted => maps.push(data),
                other => {
                    let found = other.map_or("no floats".into(), |(shape, _)| shape_text(&shape));
                    let what = format!(
                        "its output '{name}' is {found} of a picture of {width} x {height}, not {}",
                        shape_text(&wanted)
                    );
                    return Err(wrong(&self.path, what));
                }
            }
        }
        let [features, keypoints, reliability] = <[Vec<f32>; 3]>::try_from(maps)
            .map_err(|_| wrong(&self.path, "it does not give three maps".into()))?;
        Ok(KeypointMaps {
            columns,
            rows,
            features,
            keypoints,
            reliability,
        })
    }
}

fn wrong(path: &Path, what: String) -> Error {
    Error::WrongKind {
        expected: EXPECTED,
        what,
        path: path.to_owned(),
    }
}

fn read(path: &Path) -> Result<Bytes, Error> {
    let length = fs_err::metadata(path)?.len();
    match length > MOST_BYTES {
        true => Err(wrong(
            path,
            format!("it has {length} bytes, more than the {MOST_BYTES} that are taken"),
        )),
        false => onnx::read(path),
    }
}

fn session(
    path: &Path,
    bytes: &Bytes,
    graph: &Graph,
    options: &SessionOptions,
) -> Result<Session, Error> {
    let outputs = OUTPUTS.map(|(name, _)| name.to_owned());
    Session::of(path, bytes.clone(), graph, &outputs, options)
}

/// The name of the input; an error says what is not as it should be.
fn checked(bytes: &Bytes, graph: &Graph) -> Result<String, String> {
    let [input] = graph.inputs.as_slice() else {
        return Err(format!("it has {} inputs", graph.inputs.len()));
    };
    let shape = input.shape.as_deref();
    let takes = |shape: &[Option<usize>]| {
        let [batch, channels, height, width] = shape else {
            return false;
        };
        batch.is_none_or(|batch| batch == 1)
            && channels.is_none_or(|channels| channels == 3)
            && height.is_none()
            && width.is_none()
    };
    if input.element != ElementType::F32 || !shape.is_some_and(takes) {
        return Err(format!(
            "its input '{}' is {} of {}",
            input.name,
            declared_shape(input),
            input.element
        ));
    }
    let made = |name: &str| graph.values().any(|value| value == name);
    if let Some((name, _)) = OUTPUTS.into_iter().find(|(name, _)| !made(name)) {
        let names = graph.outputs.iter().map(|output| output.name.as_str());
        let names: Vec<&str> = names.take(8).collect();
        return Err(format!(
            "it has no output '{name}', its outputs are {}",
            names.join(", ")
        ));
    }
    if !graph.external.is_empty() {
        return Err("its weights are in files of their own".into());
    }
    let numbers = onnx::numbers_per_pixel(bytes)?;
    if numbers > MOST_NUMBERS {
        return Err(format!(
            "a run takes {numbers:.0} numbers for each pixel, more than {MOST_NUMBERS}"
        ));
    }
    Ok(input.name.clone())
}
