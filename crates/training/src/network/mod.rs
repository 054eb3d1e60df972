//! A network as data: a graph of plain operators over named parameters.
//!
//! The same graph is run by the training engine ([`Network::forward`]), cut where its trainable part begins
//! ([`Network::split`]) and written in ONNX format ([`Network::to_onnx`]), so that what is searched with later is what
//! was trained. Shapes are checked once, when a graph is made; running it can then only fail for the size of its input.

mod architectures;
mod builder;
mod forward;
mod initial;
mod operator;
pub(crate) mod parameters;
mod pools;

use std::collections::BTreeSet;

pub use architectures::{head, mobilenet_v1, pooling, resnet, vgg16, whitening};
pub use builder::Builder;
pub use forward::{Mode, Value};
pub use initial::Initial;
pub(crate) use initial::normals;
pub use operator::{Kind, Operator, Padding, Window};
pub use parameters::{Parameter, Parameters};

use crate::error::Error;

/// Most nodes of a network.
const MOST_NODES: usize = 1 << 14;

/// One step of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its name, which is also the name of the value it makes.
    pub name: String,
    /// What it does.
    pub operator: Operator,
    /// Values it reads: 0 is the input of the network, k + 1 what node k makes.
    pub inputs: Vec<usize>,
    /// Parameters it reads, by their place in [`Network::declarations`].
    pub parameters: Vec<usize>,
}

/// A parameter as a network needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    /// Its name.
    pub name: String,
    /// Length of each dimension.
    pub shape: Vec<usize>,
    /// What it is before training.
    pub initial: Initial,
    /// True for statistics, which are stored with the weights and never trained.
    pub statistic: bool,
}

/// A network with one input; the last node makes the output.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    kinds: Vec<Kind>,
    nodes: Vec<Node>,
    declarations: Vec<Declaration>,
}

impl Network {
    /// A network of these nodes, each of which reads values made before it.
    ///
    /// # Errors
    /// [`Error::Network`] when shapes do not fit, a node reads what is not made before it, or a name is given twice.
    pub fn new(
        input: Kind,
        nodes: Vec<Node>,
        declarations: Vec<Declaration>,
    ) -> Result<Network, Error> {
        if nodes.is_empty() || nodes.len() > MOST_NODES || input.width() == 0 {
            return Err(misfit(
                "input",
                format!(
                    "a network has 1 to {MOST_NODES} nodes and takes at least one channel; this has {} and takes {input}",
                    nodes.len()
                ),
            ));
        }
        let mut names = BTreeSet::from(["input"]);
        let all = nodes
            .iter()
            .map(|n| n.name.as_str())
            .chain(declarations.iter().map(|d| d.name.as_str()));
        for name in all {
            if !names.insert(name) {
                return Err(misfit(name, "this name is given twice".into()));
            }
        }
        let mut kinds = vec![input];
        for node in &nodes {
            let kind = infer(node, &kinds, &declarations)?;
            kinds.push(kind);
        }
        Ok(Network {
            kinds,
            nodes,
            declarations,
        })
    }

    /// What goes in.
    pub fn input(&self) -> Kind {
        self.kinds[0]
    }

    /// What comes out.
    pub fn output(&self) -> Kind {
        self.kinds[self.nodes.len()]
    }

    /// Numbers of a vector that comes out, or channels of a map.
    pub fn dimension(&self) -> usize {
        self.output().width()
    }

    /// The nodes in order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// What each value is: the input first, then what the nodes make.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// The parameters it needs.
    pub fn declarations(&self) -> &[Declaration] {
        &self.declarations
    }

    /// This network with another behind it, whose names all get `prefix` before them; parameters of both.
    ///
    /// # Errors
    /// [`Error::Network`] when the other does not take what this gives, or a name would be given twice.
    pub fn then(self, prefix: &str, other: Network) -> Result<Network, Error> {
        if self.output() != other.input() {
            let node = other.nodes.first().map_or("", |node| node.name.as_str());
            return Err(misfit(
                &format!("{prefix}{node}"),
                format!(
                    "it takes {}, what comes before gives {}",
                    other.input(),
                    self.output()
                ),
            ));
        }
        let (values, parameters) = (self.nodes.len(), self.declarations.len());
        let mut nodes = self.nodes;
        nodes.extend(other.nodes.into_iter().map(|node| {
            Node {
                name: format!("{prefix}{}", node.name),
                inputs: node.inputs.iter().map(|input| input + values).collect(),
                parameters: node
                    .parameters
                    .iter()
                    .map(|place| place + parameters)
                    .collect(),
                ..node
            }
        }));
        let mut declarations = self.declarations;
        declarations.extend(
            other
                .declarations
                .into_iter()
                .map(|declaration| Declaration {
                    name: format!("{prefix}{}", declaration.name),
                    ..declaration
                }),
        );
        Network::new(self.kinds[0], nodes, declarations)
    }

    /// The first `count` nodes, and the others as a network that takes what these give. Either is `None` when it has no
    /// nodes.
    ///
    /// # Errors
    /// [`Error::Network`] when a node behind the cut reads more than the last value before it.
    pub fn split(&self, count: usize) -> Result<(Option<Network>, Option<Network>), Error> {
        let count = count.min(self.nodes.len());
        let (before, behind) = self.nodes.split_at(count);
        for node in behind {
            if let Some(&input) = node.inputs.iter().find(|&&input| input < count) {
                return Err(misfit(
                    &node.name,
                    format!("it reads value {input} from before the cut at value {count}"),
                ));
            }
        }
        let part = |input: Kind, nodes: &[Node], offset: usize| {
            if nodes.is_empty() {
                return Ok(None);
            }
            let used: BTreeSet<usize> = nodes
                .iter()
                .flat_map(|n| n.parameters.iter().copied())
                .collect();
            let used: Vec<usize> = used.into_iter().collect();
            let place = |old: &usize| used.partition_point(|p| p < old);
            let nodes = nodes.iter().map(|node| Node {
                inputs: node.inputs.iter().map(|input| input - offset).collect(),
                parameters: node.parameters.iter().map(place).collect(),
                ..node.clone()
            });
            let declarations = used.iter().map(|&place| self.declarations[place].clone());
            Network::new(input, nodes.collect(), declarations.collect()).map(Some)
        };
        Ok((
            part(self.kinds[0], before, 0)?,
            part(self.kinds[count], behind, count)?,
        ))
    }
}

fn infer(node: &Node, kinds: &[Kind], declarations: &[Declaration]) -> Result<Kind, Error> {
    let wrong = |what: String| misfit(&node.name, what);
    let inputs = node.inputs.iter().map(|&input| {
        kinds.get(input).copied().ok_or_else(|| {
            wrong(format!(
                "it reads value {input}, which is not made before it"
            ))
        })
    });
    let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
    let shapes = node.parameters.iter().map(|&place| {
        let declaration = declarations.get(place);
        declaration
            .map(|d| d.shape.as_slice())
            .ok_or_else(|| wrong(format!("it reads parameter {place}, which is not there")))
    });
    let shapes = shapes.collect::<Result<Vec<_>, _>>()?;
    node.operator.infer(&inputs, &shapes).map_err(wrong)
}

fn misfit(node: &str, what: String) -> Error {
    Error::Network {
        node: node.to_owned(),
        what,
    }
}
