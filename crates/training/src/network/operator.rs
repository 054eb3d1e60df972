//! The operators of which networks are made, and what each makes of what goes in.

/// What a value is: everything about its shape but the batch and the size of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Images or feature maps, N × channels × height × width.
    Map {
        /// Channels.
        channels: usize,
    },
    /// Rows of numbers, N × dimension.
    Vectors {
        /// Numbers of a row.
        dimension: usize,
    },
}

impl Kind {
    /// Channels of a map, or numbers of a row.
    pub fn width(self) -> usize {
        match self {
            Self::Map { channels } => channels,
            Self::Vectors { dimension } => dimension,
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Map { channels } => write!(f, "maps of {channels} channels"),
            Self::Vectors { dimension } => write!(f, "vectors of {dimension} numbers"),
        }
    }
}

/// What is added around a map before a window slides over it. Height first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// So many rows and columns before and after.
    Fixed {
        /// Rows above, columns to the left.
        begin: [usize; 2],
        /// Rows below, columns to the right.
        end: [usize; 2],
    },
    /// As much as makes the output the input's size divided by the stride, rounded up; an odd row or column goes
    /// below or to the right. Keras' "same", `SAME_UPPER` of ONNX.
    Same,
}

/// A window that slides over a map. Height first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its size.
    pub kernel: [usize; 2],
    /// How far it moves.
    pub strides: [usize; 2],
    /// Distance between its elements, 1 for none left out.
    pub dilations: [usize; 2],
    /// What is added around the map.
    pub padding: Padding,
}

impl Window {
    /// A square window with the same padding on all sides.
    pub fn square(kernel: usize, stride: usize, padding: usize) -> Window {
        Window {
            kernel: [kernel; 2],
            strides: [stride; 2],
            dilations: [1; 2],
            padding: Padding::Fixed {
                begin: [padding; 2],
                end: [padding; 2],
            },
        }
    }

    /// Padding before and after along each axis for a map of this size.
    pub fn padding_for(&self, size: [usize; 2]) -> [(usize, usize); 2] {
        let axis = |axis: usize| match self.padding {
            Padding::Fixed { begin, end } => (begin[axis], end[axis]),
            Padding::Same => {
                let steps = size[axis].div_ceil(self.strides[axis]).saturating_sub(1);
                let covered = steps * self.strides[axis] + self.extent(axis);
                let total = covered.saturating_sub(size[axis]);
                (total / 2, total - total / 2)
            }
        };
        [axis(0), axis(1)]
    }

    /// Size of what comes out for a map of this size; `None` when the window does not fit in.
    pub fn output_size(&self, size: [usize; 2]) -> Option<[usize; 2]> {
        let padding = self.padding_for(size);
        let axis = |axis: usize| {
            let length = size[axis] + padding[axis].0 + padding[axis].1;
            let steps = length.checked_sub(self.extent(axis))? / self.strides[axis];
            Some(steps + 1)
        };
        Some([axis(0)?, axis(1)?])
    }

    /// Rows or columns from the window's first element to its last.
    fn extent(&self, axis: usize) -> usize {
        self.dilations[axis] * (self.kernel[axis] - 1) + 1
    }

    /// Bounds everything, so that no later sum overflows.
    fn check(&self) -> Result<(), String> {
        const MOST: usize = 1 << 12;
        let sizes = [self.kernel, self.strides, self.dilations];
        let small = |x: &usize| (1..=MOST).contains(x);
        let paddings = match self.padding {
            Padding::Fixed { begin, end } => [begin, end],
            Padding::Same => [[0; 2]; 2],
        };
        match sizes.as_flattened().iter().all(small)
            && paddings.as_flattened().iter().all(|&p| p <= MOST)
        {
            true => Ok(()),
            false => Err(format!(
                "kernel, strides and dilations are 1 to {MOST}, padding 0 to {MOST}; these are {self:?}"
            )),
        }
    }
}

/// One step of a network. In brackets the parameters, in their order, with their shapes; those in parentheses may be
/// left out.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Operator {
    /// Convolution [weight O × I/groups × height × width, (bias O)].
    Convolution {
        /// The window.
        window: Window,
        /// Groups of channels that do not see each other.
        groups: usize,
    },
    /// (x − mean)/√(variance + ε) · scale + shift by stored statistics [scale, shift, mean, variance: C each]. The
    /// statistics are never learned: the result of an image does not depend on the others of its batch, as retrieval
    /// networks are fine-tuned, and gradients computed in parts are exact.
    BatchNorm {
        /// ε.
        epsilon: f64,
    },
    /// max(x, 0).
    Relu,
    /// x limited to a range; 0 to 6 is ReLU6.
    Clip {
        /// Least value.
        min: f64,
        /// Largest value.
        max: f64,
    },
    /// The sum of two values.
    Add,
    /// Largest response in a window.
    MaxPool {
        /// The window.
        window: Window,
    },
    /// Mean of a window.
    AveragePool {
        /// The window.
        window: Window,
        /// Whether padded places count as zeros, or not at all.
        count_padding: bool,
    },
    /// Mean of each channel over all places: SPoC.
    GlobalAverage,
    /// Largest response of each channel: MAC.
    GlobalMax,
    /// Generalised mean, (mean of max(x, ε)^p)^(1/p) [p: 1] (Radenović, Tolias & Chum 2018).
    Gem {
        /// Least response, so that powers are defined.
        epsilon: f64,
    },
    /// Sum of the MAC vectors of regions, each scaled to length 1 (Tolias, Sicre & Jégou 2016).
    RMac {
        /// Levels of regions, see [`vizsla_neural::Pooling::RMac`].
        levels: usize,
    },
    /// Soft-assigned residuals to K centres, those of each centre scaled to length 1 [assignment K × C, its bias K,
    /// centres K × C] (Arandjelović et al. 2016). See [`vizsla_neural::NetVlad`].
    NetVlad,
    /// A fully connected layer [weight O × I, (bias O)].
    Linear,
    /// Scaled to length 1, maps at each place.
    L2Normalise,
    /// While training, each number is left out with a probability and the others scaled up; else nothing.
    Dropout {
        /// The probability, from 0 to below 1.
        rate: f64,
    },
    /// Several values one after the other, along channels or numbers.
    Concat,
}

impl Operator {
    /// What comes out for these inputs and shapes of parameters.
    ///
    /// # Errors
    /// What does not fit, as a part of a sentence.
    pub(crate) fn infer(&self, inputs: &[Kind], shapes: &[&[usize]]) -> Result<Kind, String> {
        let count = match self {
            Self::Add => 2..=2,
            Self::Concat => 1..=64,
            _ => 1..=1,
        };
        if !count.contains(&inputs.len()) {
            return Err(format!(
                "it takes {count:?} inputs, {} are given",
                inputs.len()
            ));
        }
        let input = inputs[0];
        match self {
            Self::Convolution { window, groups } => {
                convolution(window, *groups, map(input)?, shapes)
            }
            Self::BatchNorm { epsilon } => batch_norm(input, *epsilon, shapes),
            Self::Linear => linear(vectors(input)?, shapes),
            Self::Gem { epsilon } => {
                let dimension = map(input)?;
                if !matches!(shapes, [[1]]) || !positive(*epsilon) {
                    return Err("it needs one exponent and a positive epsilon".into());
                }
                Ok(Kind::Vectors { dimension })
            }
            Self::NetVlad => netvlad(map(input)?, shapes),
            _ if !shapes.is_empty() => Err("it takes no parameters".into()),
            Self::GlobalAverage | Self::GlobalMax => Ok(Kind::Vectors {
                dimension: map(input)?,
            }),
            Self::RMac { levels } => match (1..=20).contains(levels) {
                true => Ok(Kind::Vectors {
                    dimension: map(input)?,
                }),
                false => Err(format!("levels are 1 to 20, not {levels}")),
            },
            Self::MaxPool { window } | Self::AveragePool { window, .. } => {
                window.check()?;
                Ok(Kind::Map {
                    channels: map(input)?,
                })
            }
            Self::Clip { min, max } if min <= max => Ok(input),
            Self::Clip { min, max } => Err(format!("the range {min} to {max} is empty")),
            Self::Dropout { rate } if (0.0..1.0).contains(rate) => Ok(input),
            Self::Dropout { rate } => Err(format!("the rate is from 0 to below 1, not {rate}")),
            Self::Relu | Self::L2Normalise => Ok(input),
            Self::Add if inputs[0] == inputs[1] => Ok(input),
            Self::Add => Err(format!("{} and {} cannot be added", inputs[0], inputs[1])),
            Self::Concat => concat(inputs),
        }
    }
}

fn positive(x: f64) -> bool {
    x > 0.0 && x.is_finite()
}

fn map(kind: Kind) -> Result<usize, String> {
    match kind {
        Kind::Map { channels } => Ok(channels),
        Kind::Vectors { .. } => Err(format!("it takes feature maps, not {kind}")),
    }
}

fn vectors(kind: Kind) -> Result<usize, String> {
    match kind {
        Kind::Vectors { dimension } => Ok(dimension),
        Kind::Map { .. } => Err(format!("it takes vectors, not {kind}; pool them first")),
    }
}

fn batch_norm(input: Kind, epsilon: f64, shapes: &[&[usize]]) -> Result<Kind, String> {
    let width = input.width();
    let fits = |shape: &&[usize]| **shape == [width];
    match shapes.len() == 4 && shapes.iter().all(fits) && positive(epsilon) {
        true => Ok(input),
        false => Err(format!(
            "it needs four parameters of {width} numbers and a positive epsilon; there are {shapes:?}, {epsilon}"
        )),
    }
}

fn convolution(
    window: &Window,
    groups: usize,
    channels: usize,
    shapes: &[&[usize]],
) -> Result<Kind, String> {
    window.check()?;
    let (&[out, per_group, height, width], bias) = (match shapes {
        [weight] => (*weight, None),
        [weight, bias] => (*weight, Some(*bias)),
        _ => return Err("it needs a weight and at most a bias".into()),
    }) else {
        return Err(format!(
            "its weight needs four dimensions, not {:?}",
            shapes[0]
        ));
    };
    let whole = groups > 0 && channels.is_multiple_of(groups) && out.is_multiple_of(groups);
    if !whole || out == 0 || per_group * groups != channels || [height, width] != window.kernel {
        return Err(format!(
            "a weight of {:?} does not fit {channels} channels in {groups} groups and a window of {:?}",
            shapes[0], window.kernel
        ));
    }
    match bias {
        Some(bias) if bias != [out] => {
            Err(format!("a bias of {bias:?} does not fit {out} channels"))
        }
        _ => Ok(Kind::Map { channels: out }),
    }
}

fn linear(dimension: usize, shapes: &[&[usize]]) -> Result<Kind, String> {
    match shapes {
        [[out, width]] if *width == dimension && *out > 0 => Ok(Kind::Vectors { dimension: *out }),
        [[out, width], [bias]] if *width == dimension && *out > 0 && bias == out => {
            Ok(Kind::Vectors { dimension: *out })
        }
        _ => Err(format!(
            "parameters of {shapes:?} do not fit vectors of {dimension} numbers"
        )),
    }
}

fn netvlad(channels: usize, shapes: &[&[usize]]) -> Result<Kind, String> {
    match shapes {
        &[&[k, c], &[bias], centres]
            if c == channels && k > 0 && bias == k && *centres == [k, c] =>
        {
            let dimension = k.checked_mul(c).ok_or("it is too large")?;
            Ok(Kind::Vectors { dimension })
        }
        _ => Err(format!(
            "parameters of {shapes:?} do not fit maps of {channels} channels"
        )),
    }
}

fn concat(inputs: &[Kind]) -> Result<Kind, String> {
    let width = inputs.iter().map(|kind| kind.width()).sum();
    let maps = inputs
        .iter()
        .filter(|kind| matches!(kind, Kind::Map { .. }))
        .count();
    match maps {
        0 => Ok(Kind::Vectors { dimension: width }),
        all if all == inputs.len() => Ok(Kind::Map { channels: width }),
        _ => Err("maps and vectors cannot be joined".into()),
    }
}
