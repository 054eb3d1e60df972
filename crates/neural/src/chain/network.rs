//! A chain of convolutions, run.

use std::cell::RefCell;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::bytes::rounded;
use super::convolution::{depthwise, finish, framed, windows};
use super::file::{Kind, Layer, WINDOW, Window};
use crate::onnx::nearest;

/// Channels of a picture.
const COLOURS: usize = 3;

/// A chain of convolutions.
#[derive(Debug)]
pub(crate) struct Network {
    layers: Vec<Layer>,
}

/// Numbers that a thread keeps room for from picture to picture; what larger pictures need is given back.
const MOST_KEPT: usize = 4 << 20;

thread_local! {
    static ROOM: RefCell<Room> = RefCell::default();
}

/// Memory that layers work in, taken once a thread. Values are those of all channels at the first place, then those at the next to the
/// right.
#[derive(Default)]
struct Room {
    /// What comes into a layer.
    values: Vec<f32>,
    /// The same with a frame.
    framed: Vec<f32>,
    /// The windows of a full convolution.
    windows: Vec<f32>,
    /// What comes into a pointwise layer.
    bytes: Vec<u8>,
    /// What the layer makes.
    made: Vec<f32>,
}

impl Network {
    pub(super) fn new(layers: Vec<Layer>) -> Self {
        Self { layers }
    }

    /// Name of the last layer's values.
    pub fn last(&self) -> &str {
        self.layers.last().map_or("", |layer| &layer.name)
    }

    /// How many layers make this value.
    ///
    /// # Errors
    /// There is none of this name; the names there are, as a part of a sentence.
    pub fn depth(&self, name: &str) -> Result<usize, String> {
        let mut names = self.layers.iter().map(|layer| layer.name.as_str());
        let at = names.position(|known| known == name);
        let known = self.layers.iter().map(|layer| layer.name.as_str());
        at.map(|at| at + 1).ok_or_else(|| nearest(name, known))
    }

    /// Channels of what this many layers make.
    pub fn channels(&self, depth: usize) -> usize {
        let last = self.layers[..depth].last();
        last.map_or(COLOURS, |layer| layer.outputs)
    }

    /// Runs so many layers on a picture of height × width × 3 numbers. Gives height and width of the map, and its numbers,
    /// height × width × channels.
    pub fn run(
        &self,
        picture: &[f32],
        size: (usize, usize),
        depth: usize,
    ) -> (usize, usize, Vec<f32>) {
        ROOM.with_borrow_mut(|room| {
            room.values.clear();
            room.values.extend_from_slice(picture);
            let layers = self.layers[..depth].iter();
            let (height, width) = layers.fold(size, |size, layer| layer.run(size, room));
            let values = room.values.clone();
            if room.values.capacity().max(room.made.capacity()) > MOST_KEPT {
                *room = Room::default();
            }
            (height, width, values)
        })
    }
}

impl Layer {
    /// Runs on the values of `room`, a map of this height and width; gives those of the map that it makes.
    fn run(&self, size: (usize, usize), room: &mut Room) -> (usize, usize) {
        let (height, width) = (size.0.div_ceil(self.stride), size.1.div_ceil(self.stride));
        // Every number is written below.
        room.made.resize(height * width * self.outputs, 0.0);
        match &self.kind {
            Kind::Pointwise(panel) => {
                rounded(&room.values, self.inputs, &mut room.bytes);
                panel.product(&room.bytes, &mut room.made);
            }
            Kind::Depthwise(window) => {
                let across = framed(window, &room.values, size, &mut room.framed);
                depthwise(window, &room.framed, across, width, &mut room.made);
            }
            Kind::Full(window) => {
                let across = framed(window, &room.values, size, &mut room.framed);
                windows(window, &room.framed, across, width, &mut room.windows);
                product(window, &room.windows, &mut room.made);
            }
        }
        std::mem::swap(&mut room.values, &mut room.made);
        (height, width)
    }
}

/// All windows, one a row, times the weights.
fn product(window: &Window, windows: &[f32], to: &mut [f32]) {
    let (outputs, columns) = (window.bias.len(), WINDOW * window.channels);
    let rows = to.len() / outputs;
    matmul(
        MatMut::from_row_major_slice_mut(to, rows, outputs),
        Accum::Replace,
        MatRef::from_row_major_slice(windows, rows, columns),
        MatRef::from_row_major_slice(&window.weights, columns, outputs),
        1.0,
        Par::Seq,
    );
    finish(to, &window.bias);
}
