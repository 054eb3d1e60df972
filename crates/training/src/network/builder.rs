//! Putting a network together, node by node.

use super::{Declaration, Initial, Kind, Network, Node, Operator, Window};
use crate::error::Error;

/// A network in the making. Values are numbered as [`Node::inputs`] says; the methods give the number of what they make.
#[derive(Clone, Debug)]
pub struct Builder {
    input: Kind,
    nodes: Vec<Node>,
    declarations: Vec<Declaration>,
}

impl Builder {
    /// The number of the network's input.
    pub const INPUT: usize = 0;

    /// A network that takes this.
    pub fn new(input: Kind) -> Builder {
        Builder {
            input,
            nodes: Vec::new(),
            declarations: Vec::new(),
        }
    }

    /// The network; its last node makes the output.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn finish(self) -> Result<Network, Error> {
        Network::new(self.input, self.nodes, self.declarations)
    }

    /// A parameter; the place of it.
    pub fn parameter(&mut self, name: &str, shape: &[usize], initial: Initial) -> usize {
        self.declare(name, shape, initial, false)
    }

    fn declare(&mut self, name: &str, shape: &[usize], initial: Initial, statistic: bool) -> usize {
        self.declarations.push(Declaration {
            name: name.to_owned(),
            shape: shape.to_vec(),
            initial,
            statistic,
        });
        self.declarations.len() - 1
    }

    /// A node that reads these values and parameters.
    pub fn node(
        &mut self,
        name: &str,
        operator: Operator,
        inputs: &[usize],
        parameters: &[usize],
    ) -> usize {
        self.nodes.push(Node {
            name: name.to_owned(),
            operator,
            inputs: inputs.to_vec(),
            parameters: parameters.to_vec(),
        });
        self.nodes.len()
    }

    /// A convolution `name` from `channels.0` to `channels.1`, with `name.weight` and, if `bias`, `name.bias`; weights
    /// begin as He et al. 2015 say.
    pub fn convolution(
        &mut self,
        name: &str,
        input: usize,
        channels: (usize, usize),
        window: Window,
        groups: usize,
        bias: bool,
    ) -> usize {
        let [height, width] = window.kernel;
        let fan = (channels.1 / groups.max(1)).max(1) * height * width;
        let shape = [channels.1, channels.0 / groups.max(1), height, width];
        let initial = Initial::Normal((2.0 / fan as f32).sqrt());
        let mut parameters = vec![self.parameter(&format!("{name}.weight"), &shape, initial)];
        if bias {
            let zero = Initial::Constant(0.0);
            parameters.push(self.parameter(&format!("{name}.bias"), &[channels.1], zero));
        }
        self.node(
            name,
            Operator::Convolution { window, groups },
            &[input],
            &parameters,
        )
    }

    /// A batch norm `name`, with the parameters that PyTorch names `weight`, `bias`, `running_mean`, `running_var`.
    pub fn batch_norm(&mut self, name: &str, input: usize, channels: usize, epsilon: f64) -> usize {
        let mut parameter = |part: &str, x: f32, statistic: bool| {
            self.declare(
                &format!("{name}.{part}"),
                &[channels],
                Initial::Constant(x),
                statistic,
            )
        };
        let parameters = [
            parameter("weight", 1.0, false),
            parameter("bias", 0.0, false),
            parameter("running_mean", 0.0, true),
            parameter("running_var", 1.0, true),
        ];
        self.node(name, Operator::BatchNorm { epsilon }, &[input], &parameters)
    }

    /// A fully connected layer `name` from `sizes.0` to `sizes.1` numbers, with `name.weight` and `name.bias`, which
    /// begin uniform within ±1/√(numbers that go in).
    pub fn linear(&mut self, name: &str, input: usize, sizes: (usize, usize)) -> usize {
        let initial = Initial::Uniform(1.0 / (sizes.0.max(1) as f32).sqrt());
        let parameters = [
            self.parameter(
                &format!("{name}.weight"),
                &[sizes.1, sizes.0],
                initial.clone(),
            ),
            self.parameter(&format!("{name}.bias"), &[sizes.1], initial),
        ];
        self.node(name, Operator::Linear, &[input], &parameters)
    }
}
