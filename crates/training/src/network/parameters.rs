//! The values of a network's parameters.

use burn::tensor::{Device, Gradients, Tensor, TensorData};

use super::operator::Operator;
use super::{Network, Node};
use crate::error::Error;

/// One parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Length of each dimension; the product is the length of `value`.
    pub shape: Vec<usize>,
    /// Its numbers in row-major order, flat: the network gives them their shape. Optimisers need not know it.
    pub value: Tensor<1>,
    /// Whether it is trained.
    pub trained: bool,
    /// True for statistics, which are stored with the weights and never trained.
    pub statistic: bool,
}

/// The parameters of a network, in the order of its declarations.
#[derive(Clone, Debug)]
pub struct Parameters {
    entries: Vec<Parameter>,
}

impl Parameters {
    /// What the declarations of a network say its parameters are before training. Equal seeds give equal values. All
    /// but statistics are trained.
    pub fn initial(network: &Network, seed: u64, device: &Device) -> Parameters {
        let entries = network
            .declarations()
            .iter()
            .enumerate()
            .map(|(place, declaration)| {
                let count = declaration.shape.iter().product();
                let values = declaration.initial.values(count, seed, place as u64);
                Parameter {
                    name: declaration.name.clone(),
                    shape: declaration.shape.clone(),
                    value: flat(values, device),
                    trained: !declaration.statistic,
                    statistic: declaration.statistic,
                }
            });
        Parameters {
            entries: entries.collect(),
        }
    }

    /// The values that a network needs, found by name among these; what these have beside them is left out.
    ///
    /// # Errors
    /// [`Error::MissingParameter`] or [`Error::ParameterShape`].
    pub fn select(&self, network: &Network) -> Result<Parameters, Error> {
        let place = || "the parameters given".to_owned();
        let entries = network.declarations().iter().map(|wanted| {
            let found = self
                .get(&wanted.name)
                .ok_or_else(|| Error::MissingParameter {
                    name: wanted.name.clone(),
                    near: near(&wanted.name, self.names()),
                    place: place(),
                })?;
            if found.shape != wanted.shape {
                return Err(Error::ParameterShape {
                    name: wanted.name.clone(),
                    expected: shape_text(&wanted.shape),
                    found: shape_text(&found.shape),
                    place: place(),
                });
            }
            Ok(found.clone())
        });
        Ok(Parameters {
            entries: entries.collect::<Result<_, _>>()?,
        })
    }

    /// These with the values of others where those have the same name: how a trained part goes back into the whole.
    ///
    /// # Errors
    /// [`Error::ParameterShape`] when one has another shape.
    pub fn with(mut self, others: &Parameters) -> Result<Parameters, Error> {
        for entry in &mut self.entries {
            if let Some(other) = others.get(&entry.name) {
                if other.shape != entry.shape {
                    return Err(Error::ParameterShape {
                        name: entry.name.clone(),
                        expected: shape_text(&entry.shape),
                        found: shape_text(&other.shape),
                        place: "the parameters given".into(),
                    });
                }
                entry.value = other.value.clone();
            }
        }
        Ok(self)
    }

    /// All, in the order of the network's declarations.
    pub fn entries(&self) -> &[Parameter] {
        &self.entries
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Numbers that are trained.
    pub fn trained_numbers(&self) -> usize {
        let trained = self.entries.iter().filter(|entry| entry.trained);
        trained
            .map(|entry| entry.shape.iter().product::<usize>())
            .sum()
    }

    /// A parameter by its name.
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// Whether the parameter at a place is trained.
    pub fn is_trained(&self, place: usize) -> bool {
        self.entries.get(place).is_some_and(|entry| entry.trained)
    }

    /// Gives the parameter at a place another value, of as many numbers: what an optimiser does.
    ///
    /// # Errors
    /// [`Error::ParameterShape`] when the count is another one, [`Error::MissingParameter`] when there is no such place.
    pub fn set(&mut self, place: usize, value: Tensor<1>) -> Result<(), Error> {
        let count = self.entries.len();
        let entry = self
            .entries
            .get_mut(place)
            .ok_or_else(|| Error::MissingParameter {
                name: place.to_string(),
                near: format!("there are {count}"),
                place: "the parameters of the network".into(),
            })?;
        let (expected, found) = (entry.shape.iter().product::<usize>(), value.dims()[0]);
        if expected != found {
            return Err(Error::ParameterShape {
                name: entry.name.clone(),
                expected: shape_text(&entry.shape),
                found: found.to_string(),
                place: "a new value".into(),
            });
        }
        entry.value = value;
        Ok(())
    }

    /// Says for each parameter, by its name, whether it is trained. Statistics never are.
    pub fn train_where(&mut self, trained: impl Fn(&str) -> bool) {
        for entry in &mut self.entries {
            entry.trained = !entry.statistic && trained(&entry.name);
        }
    }

    /// These on another device.
    pub fn to_device(&self, device: &Device) -> Parameters {
        self.each(|entry| entry.value.clone().to_device(device))
    }

    /// These, the trained ones as leaves whose gradients are kept: what [`Network::forward`] is given to train.
    pub fn tracked(&self) -> Parameters {
        self.each(|entry| match entry.trained {
            true => entry.value.clone().detach().autodiff().require_grad(),
            false => entry.value.clone(),
        })
    }

    /// The gradient of each parameter, from the leaves made by [`Parameters::tracked`]; `None` for those that are not
    /// trained or had no part in the loss.
    pub fn gradients(&self, gradients: &Gradients) -> Vec<Option<Tensor<1>>> {
        let of = |entry: &Parameter| match entry.trained {
            true => entry.value.grad(gradients),
            false => None,
        };
        self.entries.iter().map(of).collect()
    }

    pub(crate) fn from_entries(entries: Vec<Parameter>) -> Parameters {
        Parameters { entries }
    }

    fn each(&self, value: impl Fn(&Parameter) -> Tensor<1>) -> Parameters {
        let entries = self.entries.iter().map(|entry| Parameter {
            value: value(entry),
            ..entry.clone()
        });
        Parameters {
            entries: entries.collect(),
        }
    }
}

impl Parameter {
    /// Its numbers in row-major order.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails to give them.
    pub fn numbers(&self) -> Result<Vec<f32>, Error> {
        numbers(self.value.clone())
    }
}

impl Network {
    /// How many nodes from the start can be run once and for all: none of them is trained, nothing in them is random
    /// while training, and only the last one's value is read behind them.
    pub fn frozen(&self, parameters: &Parameters) -> usize {
        let trained = |node: &Node| {
            matches!(node.operator, Operator::Dropout { .. })
                || node
                    .parameters
                    .iter()
                    .any(|&place| parameters.is_trained(place))
        };
        let first = self
            .nodes
            .iter()
            .position(trained)
            .unwrap_or(self.nodes.len());
        (0..=first)
            .rev()
            .find(|&count| self.split(count).is_ok())
            .unwrap_or(0)
    }
}

/// Numbers on a device.
pub(crate) fn flat(values: Vec<f32>, device: &Device) -> Tensor<1> {
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), device)
}

/// The numbers of a tensor, row by row.
///
/// # Errors
/// [`Error::Device`] when the device fails to give them.
pub(crate) fn numbers<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, Error> {
    let tensor = tensor.inner();
    let device = format!("{:?}", tensor.device());
    tensor
        .try_into_vec_as::<f32>()
        .map_err(|error| Error::Device {
            device,
            why: format!("its numbers cannot be read: {error}"),
        })
}

/// A shape as people write it: "64x3x7x7".
pub(crate) fn shape_text(shape: &[usize]) -> String {
    let sides: Vec<String> = shape.iter().map(usize::to_string).collect();
    sides.join("x")
}

/// The names most like one, as a part of a sentence.
pub(crate) fn near<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 5;
    let shared = |other: &str| {
        let start = name
            .bytes()
            .zip(other.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        let end = name
            .bytes()
            .rev()
            .zip(other.bytes().rev())
            .take_while(|(a, b)| a == b)
            .count();
        start + end
    };
    let mut known: Vec<&str> = known.collect();
    known.sort_by_key(|other| (std::cmp::Reverse(shared(other)), *other));
    known.truncate(SHOWN);
    match known.is_empty() {
        true => "there are none".into(),
        false => format!("the nearest are {}", known.join(", ")),
    }
}
