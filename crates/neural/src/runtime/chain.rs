//! The network that ships, run by the program itself.

use std::sync::Arc;

use rayon::prelude::*;

use crate::chain::Network;
use crate::onnx::ValueInfo;
use crate::tensor::{ElementType, Tensor, shape_text};

/// Name of its input.
const INPUT: &str = "picture";
/// Colours of a place.
const COLOURS: usize = 3;

/// The chain up to one of its values.
pub(super) struct ChainSession {
    network: Arc<Network>,
    depth: usize,
    /// Whether pictures of one run may be shared between threads.
    shared: bool,
}

impl ChainSession {
    /// `output` names the value that is read.
    ///
    /// # Errors
    /// There is none of this name; the names there are.
    pub fn new(network: Arc<Network>, output: &str, threads: usize) -> Result<Self, String> {
        Ok(Self {
            depth: network.depth(output)?,
            shared: threads != 1,
            network,
        })
    }

    /// What goes in: pictures of any size, the three colours of a place together.
    pub fn inputs() -> Vec<ValueInfo> {
        vec![value(INPUT, Some(COLOURS))]
    }

    /// What comes out, under its name.
    pub fn outputs(&self, name: &str) -> Vec<ValueInfo> {
        vec![value(name, Some(self.network.channels(self.depth)))]
    }

    pub fn run(&self, inputs: &[(&str, &Tensor)]) -> Result<Vec<Tensor>, String> {
        let (_, pictures) = inputs.first().ok_or("it is given nothing")?;
        let shape = pictures.shape();
        let (&[batch, height, width, COLOURS], Some(numbers)) = (shape, pictures.as_f32()) else {
            return Err(format!("it is given {}", shape_text(shape)));
        };
        if batch * height * width == 0 {
            return Err("it is given pictures without a place".into());
        }
        let run = |picture: &[f32]| self.network.run(picture, (height, width), self.depth);
        let pictures = height * width * COLOURS;
        let maps: Vec<(usize, usize, Vec<f32>)> = match self.shared {
            true => numbers.par_chunks(pictures).map(run).collect(),
            false => numbers.chunks(pictures).map(run).collect(),
        };
        let &(rows, columns, _) = maps.first().ok_or("it is given nothing")?;
        let channels = self.network.channels(self.depth);
        let maps: Vec<Vec<f32>> = maps.into_iter().map(|(_, _, map)| map).collect();
        let data = maps.concat();
        let map = Tensor::f32(&[batch, rows, columns, channels], data);
        map.map(|map| vec![map]).map_err(|error| error.to_string())
    }
}

fn value(name: &str, channels: Option<usize>) -> ValueInfo {
    ValueInfo {
        name: name.to_owned(),
        element: ElementType::F32,
        shape: Some(vec![None, None, None, channels]),
        dimension_names: ["batch", "height", "width", "channels"]
            .map(str::to_owned)
            .to_vec(),
    }
}
