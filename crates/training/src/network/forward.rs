//! Running a network.

use burn::tensor::module::{avg_pool2d, conv2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData, activation};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::operator::{Kind, Operator, Window};
use super::parameters::{flat, numbers, shape_text};
use super::{Network, Node, Parameters, pools};
use crate::error::Error;

/// What goes in and out of a network.
#[derive(Clone, Debug)]
pub enum Value {
    /// Images or feature maps, N × C × H × W.
    Map(Tensor<4>),
    /// Rows of numbers, N × D.
    Vectors(Tensor<2>),
}

/// Whether a network is trained while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Numbers are left out by the [`Operator::Dropout`] nodes. Equal seeds leave out the same, so that a step can be
    /// computed twice.
    Train {
        /// The seed of this step or part of it.
        seed: u64,
    },
    /// Nothing is left out.
    Eval,
}

impl Value {
    /// Images or maps from their numbers in row-major order.
    ///
    /// # Errors
    /// [`Error::Input`] when the count does not fit.
    pub fn map(numbers: Vec<f32>, shape: [usize; 4], device: &Device) -> Result<Value, Error> {
        check_count(numbers.len(), &shape)?;
        Ok(Self::Map(Tensor::from_data(
            TensorData::new(numbers, shape),
            device,
        )))
    }

    /// Rows of numbers.
    ///
    /// # Errors
    /// [`Error::Input`] when the count does not fit.
    pub fn vectors(numbers: Vec<f32>, shape: [usize; 2], device: &Device) -> Result<Value, Error> {
        check_count(numbers.len(), &shape)?;
        Ok(Self::Vectors(Tensor::from_data(
            TensorData::new(numbers, shape),
            device,
        )))
    }

    /// Length of each dimension.
    pub fn shape(&self) -> Vec<usize> {
        match self {
            Self::Map(x) => x.dims().to_vec(),
            Self::Vectors(x) => x.dims().to_vec(),
        }
    }

    /// The numbers in row-major order.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails to give them.
    pub fn numbers(self) -> Result<Vec<f32>, Error> {
        match self {
            Self::Map(x) => numbers(x),
            Self::Vectors(x) => numbers(x),
        }
    }

    /// The rows, one for each image.
    ///
    /// # Errors
    /// [`Error::Input`] when these are maps.
    pub fn into_vectors(self) -> Result<Tensor<2>, Error> {
        match self {
            Self::Vectors(x) => Ok(x),
            Self::Map(x) => Err(Error::Input {
                what: format!(
                    "it gives maps of {}, vectors are needed",
                    shape_text(&x.dims())
                ),
                advice: "put a pooling behind it".into(),
            }),
        }
    }

    /// The maps, one for each image.
    ///
    /// # Errors
    /// [`Error::Input`] when these are vectors.
    pub fn into_map(self) -> Result<Tensor<4>, Error> {
        match self {
            Self::Map(x) => Ok(x),
            Self::Vectors(x) => Err(Error::Input {
                what: format!("vectors of {}, maps are needed", shape_text(&x.dims())),
                advice: "take the value before the pooling".into(),
            }),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Map(x) => Kind::Map {
                channels: x.dims()[1],
            },
            Self::Vectors(x) => Kind::Vectors {
                dimension: x.dims()[1],
            },
        }
    }
}

fn check_count(found: usize, shape: &[usize]) -> Result<(), Error> {
    let expected = shape
        .iter()
        .try_fold(1usize, |product, &side| product.checked_mul(side));
    match expected == Some(found) && found > 0 {
        true => Ok(()),
        false => Err(Error::Input {
            what: format!("{found} numbers for {}", shape_text(shape)),
            advice: "give as many numbers as the shape has, and at least one".into(),
        }),
    }
}

impl Network {
    /// The output for an input of [`Network::input`]'s kind; a batch of at least one. Gradients flow to the parameters
    /// that are leaves (see [`Parameters::tracked`]) and to the input if it is one.
    ///
    /// # Errors
    /// [`Error::Input`] when the input is of another kind or too small for the windows; [`Error::MissingParameter`]
    /// and [`Error::ParameterShape`] when the parameters are those of another network.
    pub fn forward(
        &self,
        parameters: &Parameters,
        input: Value,
        mode: Mode,
    ) -> Result<Value, Error> {
        self.check(parameters, &input)?;
        let last_use = self.last_uses();
        let mut values: Vec<Option<Value>> = Vec::with_capacity(self.nodes().len() + 1);
        values.push(Some(input));
        for (place, node) in self.nodes().iter().enumerate() {
            let mut inputs = Vec::with_capacity(node.inputs.len());
            for &input in &node.inputs {
                let value = match last_use[input] == place {
                    // A node may read the same value twice.
                    true if node.inputs.iter().filter(|&&i| i == input).count() == 1 => {
                        values[input].take()
                    }
                    _ => values[input].clone(),
                };
                inputs.push(value.ok_or_else(|| lost(node))?);
            }
            let step = Step {
                node,
                place,
                parameters,
                mode,
            };
            let made = step.run(inputs)?;
            values.push(Some(made));
        }
        values.pop().flatten().ok_or_else(|| Error::Input {
            what: "no nodes".into(),
            advice: "a network has at least one".into(),
        })
    }

    /// The node that reads each value last.
    fn last_uses(&self) -> Vec<usize> {
        let mut last = vec![usize::MAX; self.nodes().len() + 1];
        for (place, node) in self.nodes().iter().enumerate() {
            for &input in &node.inputs {
                last[input] = place;
            }
        }
        last
    }

    fn check(&self, parameters: &Parameters, input: &Value) -> Result<(), Error> {
        let shape = input.shape();
        if input.kind() != self.input() || shape.contains(&0) {
            return Err(Error::Input {
                what: shape_text(&shape),
                advice: format!("it takes {}, at least one", self.input()),
            });
        }
        let declared = self.declarations();
        for (wanted, found) in declared.iter().zip(parameters.entries()) {
            if wanted.name != found.name || wanted.shape != found.shape {
                return Err(Error::ParameterShape {
                    name: wanted.name.clone(),
                    expected: shape_text(&wanted.shape),
                    found: format!("{} of '{}'", shape_text(&found.shape), found.name),
                    place: "the parameters given".into(),
                });
            }
        }
        match declared.get(parameters.len()) {
            None => Ok(()),
            Some(missing) => Err(Error::MissingParameter {
                name: missing.name.clone(),
                near: format!(
                    "{} are given, {} are needed",
                    parameters.len(),
                    declared.len()
                ),
                place: "the parameters given".into(),
            }),
        }
    }
}

fn lost(node: &Node) -> Error {
    Error::Network {
        node: node.name.clone(),
        what: "a value it reads was given away".into(),
    }
}

/// One node at work.
struct Step<'a> {
    node: &'a Node,
    place: usize,
    parameters: &'a Parameters,
    mode: Mode,
}

impl Step<'_> {
    fn run(&self, mut inputs: Vec<Value>) -> Result<Value, Error> {
        let input = inputs.remove(0);
        let operator = &self.node.operator;
        let made = match (operator, input) {
            (Operator::Convolution { window, groups }, Value::Map(x)) => {
                Value::Map(self.convolution(x, window, *groups)?)
            }
            (Operator::MaxPool { window }, Value::Map(x)) => Value::Map(self.max_pool(x, window)?),
            (
                Operator::AveragePool {
                    window,
                    count_padding,
                },
                Value::Map(x),
            ) => Value::Map(self.average_pool(x, window, *count_padding)?),
            (Operator::GlobalAverage, Value::Map(x)) => Value::Vectors(pools::spoc(x)),
            (Operator::GlobalMax, Value::Map(x)) => Value::Vectors(pools::mac(x)),
            (Operator::Gem { epsilon }, Value::Map(x)) => {
                Value::Vectors(pools::gem(x, self.flat(0)?, *epsilon))
            }
            (Operator::RMac { levels }, Value::Map(x)) => Value::Vectors(pools::r_mac(x, *levels)),
            (Operator::NetVlad, Value::Map(x)) => {
                let (weight, bias) = (self.matrix(0)?, self.flat(1)?);
                Value::Vectors(pools::netvlad(x, weight, bias, self.matrix(2)?))
            }
            (Operator::Linear, Value::Vectors(x)) => Value::Vectors(self.linear(x)?),
            (Operator::Concat, Value::Map(x)) => {
                let rest = inputs.into_iter().map(Value::into_map);
                let all = std::iter::once(Ok(x))
                    .chain(rest)
                    .collect::<Result<Vec<_>, _>>()?;
                self.same_size(&all)?;
                Value::Map(Tensor::cat(all, 1))
            }
            (Operator::Concat, Value::Vectors(x)) => {
                let rest = inputs.into_iter().map(Value::into_vectors);
                let all = std::iter::once(Ok(x))
                    .chain(rest)
                    .collect::<Result<Vec<_>, _>>()?;
                Value::Vectors(Tensor::cat(all, 1))
            }
            (Operator::Add, Value::Map(x)) => {
                let other = inputs.pop().ok_or_else(|| lost(self.node))?.into_map()?;
                let both = [x, other];
                self.same_size(&both)?;
                let [x, other] = both;
                Value::Map(x + other)
            }
            (Operator::Add, Value::Vectors(x)) => Value::Vectors(
                x + inputs
                    .pop()
                    .ok_or_else(|| lost(self.node))?
                    .into_vectors()?,
            ),
            (_, Value::Map(x)) => Value::Map(self.elementwise(x)?),
            (_, Value::Vectors(x)) => Value::Vectors(self.elementwise(x)?),
        };
        Ok(made)
    }

    fn linear(&self, x: Tensor<2>) -> Result<Tensor<2>, Error> {
        let product = x.matmul(self.matrix(0)?.transpose());
        Ok(match self.node.parameters.len() {
            1 => product,
            _ => product + self.flat(1)?.unsqueeze_dim(0),
        })
    }

    /// The operators that take maps and vectors alike.
    fn elementwise<const D: usize>(&self, x: Tensor<D>) -> Result<Tensor<D>, Error> {
        Ok(match &self.node.operator {
            Operator::Relu => activation::relu(x),
            Operator::Clip { min, max } => x.clamp(*min, *max),
            Operator::L2Normalise => pools::l2_normalise(x),
            Operator::BatchNorm { epsilon } => {
                let (scale, shift) = self.scale_and_shift(*epsilon)?;
                let mut shape = [1; D];
                shape[1] = x.dims()[1];
                x * scale.reshape(shape) + shift.reshape(shape)
            }
            Operator::Dropout { rate } => match self.mode {
                Mode::Eval => x,
                Mode::Train { seed } => {
                    let mask = self.mask(x.dims().iter().product(), *rate, seed, &x.device());
                    let shape = x.dims();
                    x * mask.reshape(shape)
                }
            },
            other => {
                return Err(Error::Network {
                    node: self.node.name.clone(),
                    what: format!("{other:?} cannot be applied to {}", shape_text(&x.dims())),
                });
            }
        })
    }

    /// Batch norm with fixed statistics as one factor and one summand of each channel.
    fn scale_and_shift(&self, epsilon: f64) -> Result<(Tensor<1>, Tensor<1>), Error> {
        let (scale, shift) = (self.flat(0)?, self.flat(1)?);
        let (mean, variance) = (self.flat(2)?, self.flat(3)?);
        let scale = scale / (variance + epsilon).sqrt();
        Ok((scale.clone(), shift - mean * scale))
    }

    fn convolution(
        &self,
        x: Tensor<4>,
        window: &Window,
        groups: usize,
    ) -> Result<Tensor<4>, Error> {
        let size = self.fits(&x, window)?;
        let options = ConvOptions {
            stride: window.strides,
            padding: window.padding_for(size),
            dilation: window.dilations,
            groups,
        };
        let bias = match self.node.parameters.len() {
            1 => None,
            _ => Some(self.flat(1)?),
        };
        Ok(conv2d(x, self.shaped(0)?, bias, options))
    }

    fn max_pool(&self, x: Tensor<4>, window: &Window) -> Result<Tensor<4>, Error> {
        let size = self.fits(&x, window)?;
        let options = MaxPoolOptions {
            kernel_size: window.kernel,
            stride: window.strides,
            padding: window.padding_for(size),
            dilation: window.dilations,
            ceil_mode: false,
        };
        Ok(max_pool2d(x, options))
    }

    fn average_pool(
        &self,
        x: Tensor<4>,
        window: &Window,
        count_padding: bool,
    ) -> Result<Tensor<4>, Error> {
        let size = self.fits(&x, window)?;
        let options = AvgPoolOptions {
            kernel_size: window.kernel,
            stride: window.strides,
            padding: window.padding_for(size),
            count_include_pad: count_padding,
            ceil_mode: false,
        };
        Ok(avg_pool2d(x, options))
    }

    /// Size of the map, after a check that the window fits in.
    fn fits(&self, x: &Tensor<4>, window: &Window) -> Result<[usize; 2], Error> {
        let [_, _, height, width] = x.dims();
        match window.output_size([height, width]) {
            Some(_) => Ok([height, width]),
            None => Err(Error::Input {
                what: format!(
                    "at '{}' the map is {height}x{width}, smaller than the window of {}x{}",
                    self.node.name, window.kernel[0], window.kernel[1]
                ),
                advice: "give larger images".into(),
            }),
        }
    }

    fn same_size(&self, maps: &[Tensor<4>]) -> Result<(), Error> {
        let size = |map: &Tensor<4>| [map.dims()[2], map.dims()[3]];
        match maps
            .windows(2)
            .find(|pair| size(&pair[0]) != size(&pair[1]))
        {
            None => Ok(()),
            Some(pair) => Err(Error::Input {
                what: format!(
                    "at '{}' maps of {} and {} meet",
                    self.node.name,
                    shape_text(&size(&pair[0])),
                    shape_text(&size(&pair[1]))
                ),
                advice: "give images whose sides are multiples of the network's stride".into(),
            }),
        }
    }

    fn entry(&self, which: usize) -> Result<(&Tensor<1>, &[usize]), Error> {
        let place = self.node.parameters.get(which);
        let entry = place.and_then(|&place| self.parameters.entries().get(place));
        entry
            .map(|e| (&e.value, e.shape.as_slice()))
            .ok_or_else(|| lost(self.node))
    }

    fn flat(&self, which: usize) -> Result<Tensor<1>, Error> {
        Ok(self.entry(which)?.0.clone())
    }

    fn matrix(&self, which: usize) -> Result<Tensor<2>, Error> {
        self.shaped(which)
    }

    fn shaped<const D: usize>(&self, which: usize) -> Result<Tensor<D>, Error> {
        let (value, shape) = self.entry(which)?;
        let shape: [usize; D] = shape.try_into().map_err(|_| lost(self.node))?;
        Ok(value.clone().reshape(shape))
    }

    /// 0 with probability `rate`, else 1/(1 − rate), so that the expectation stays.
    fn mask(&self, count: usize, rate: f64, seed: u64, device: &Device) -> Tensor<1> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(self.place as u64);
        let bound = (rate * f64::from(u32::MAX)) as u32;
        let kept = (1.0 / (1.0 - rate)) as f32;
        let draw = |_| if random.next_u32() < bound { 0.0 } else { kept };
        flat((0..count).map(draw).collect(), &device.clone().inner())
    }
}
