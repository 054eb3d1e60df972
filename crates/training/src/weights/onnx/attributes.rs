//! The settings of an operator that is read.

use vizsla_neural::onnx::messages::{AttributeProto, NodeProto};

use crate::network::{Padding, Window};

/// The settings of one node. What is wrong is said as a part of a sentence.
pub(super) struct Attributes<'a>(pub &'a NodeProto);

impl Attributes<'_> {
    fn find(&self, name: &str) -> Option<&AttributeProto> {
        let mut attributes = self.0.attribute.iter();
        attributes.find(|attribute| attribute.name.as_deref() == Some(name))
    }

    pub fn int(&self, name: &str, default: i64) -> i64 {
        self.find(name).and_then(|a| a.i).unwrap_or(default)
    }

    pub fn float(&self, name: &str, default: f64) -> f64 {
        // The shortest decimal that is this 32-bit number: 0.001 and not 0.0010000000474974513.
        let exact = |x: f32| x.to_string().parse().unwrap_or(f64::from(x));
        self.find(name).and_then(|a| a.f).map_or(default, exact)
    }

    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        self.find(name).map(|a| a.ints.as_slice())
    }

    /// Checks that a setting has the one value that is known here.
    pub fn only(&self, name: &str, value: i64) -> Result<(), String> {
        match self.int(name, value) {
            found if found == value => Ok(()),
            found => Err(format!("{name} is {found}, only {value} is known")),
        }
    }

    /// The window of a convolution or pooling; `kernel` where the node does not say it.
    pub fn window(&self, kernel: Option<[usize; 2]>) -> Result<Window, String> {
        let kernel = match (self.pair("kernel_shape")?, kernel) {
            (Some(kernel), _) | (None, Some(kernel)) => kernel,
            (None, None) => return Err("kernel_shape is missing".into()),
        };
        let auto = self.find("auto_pad").and_then(|a| a.s.as_ref());
        let padding = match auto.map(|bytes| bytes.as_ref()) {
            None | Some(b"NOTSET" | b"") => self.padding()?,
            Some(b"VALID") => Padding::Fixed {
                begin: [0; 2],
                end: [0; 2],
            },
            Some(b"SAME_UPPER") => Padding::Same,
            Some(other) => {
                let other = String::from_utf8_lossy(other).into_owned();
                return Err(format!(
                    "auto_pad is {other}; NOTSET, VALID and SAME_UPPER are known"
                ));
            }
        };
        Ok(Window {
            kernel,
            strides: self.pair("strides")?.unwrap_or([1; 2]),
            dilations: self.pair("dilations")?.unwrap_or([1; 2]),
            padding,
        })
    }

    fn padding(&self) -> Result<Padding, String> {
        let Some(pads) = self.ints("pads") else {
            return Ok(Padding::Fixed {
                begin: [0; 2],
                end: [0; 2],
            });
        };
        let sizes = pads
            .iter()
            .map(|&pad| usize::try_from(pad))
            .collect::<Result<Vec<_>, _>>();
        match sizes.as_deref() {
            Ok(&[top, left, bottom, right]) => Ok(Padding::Fixed {
                begin: [top, left],
                end: [bottom, right],
            }),
            _ => Err(format!("pads are {pads:?}, four numbers from 0 are known")),
        }
    }

    fn pair(&self, name: &str) -> Result<Option<[usize; 2]>, String> {
        let Some(values) = self.ints(name) else {
            return Ok(None);
        };
        match *values {
            [a, b] if a > 0 && b > 0 => Ok(Some([a as usize, b as usize])),
            _ => Err(format!(
                "{name} is {values:?}, two numbers above 0 are known"
            )),
        }
    }
}
