//! Arrays of numbers as models take and give them.

use crate::error::Error;

/// A dense array in row-major order, whose last dimension varies fastest.
#[derive(Clone, Debug, PartialEq)]
pub enum Tensor {
    /// 32-bit floats. 16-bit and 64-bit floats of a model are converted on the way in and out.
    F32 {
        /// Length of each dimension.
        shape: Vec<usize>,
        /// As many values as the product of the dimensions.
        data: Vec<f32>,
    },
    /// 64-bit integers: token identities, masks. Smaller integers of a model are converted.
    I64 {
        /// Length of each dimension.
        shape: Vec<usize>,
        /// As many values as the product of the dimensions.
        data: Vec<i64>,
    },
}

impl Tensor {
    /// An array of floats.
    ///
    /// # Errors
    /// [`Error::Length`] when `data` does not fill `shape`.
    pub fn f32(shape: &[usize], data: Vec<f32>) -> Result<Tensor, Error> {
        check(shape, data.len())?;
        Ok(Tensor::F32 {
            shape: shape.to_vec(),
            data,
        })
    }

    /// An array of integers.
    ///
    /// # Errors
    /// [`Error::Length`] when `data` does not fill `shape`.
    pub fn i64(shape: &[usize], data: Vec<i64>) -> Result<Tensor, Error> {
        check(shape, data.len())?;
        Ok(Tensor::I64 {
            shape: shape.to_vec(),
            data,
        })
    }

    /// Length of each dimension.
    pub fn shape(&self) -> &[usize] {
        match self {
            Tensor::F32 { shape, .. } | Tensor::I64 { shape, .. } => shape,
        }
    }

    /// The floats, or `None` for an array of integers.
    pub fn as_f32(&self) -> Option<&[f32]> {
        match self {
            Tensor::F32 { data, .. } => Some(data),
            Tensor::I64 { .. } => None,
        }
    }

    /// Shape and floats, or `None` for an array of integers.
    pub fn into_f32(self) -> Option<(Vec<usize>, Vec<f32>)> {
        match self {
            Tensor::F32 { shape, data } => Some((shape, data)),
            Tensor::I64 { .. } => None,
        }
    }

    /// What kind of number it holds, as the errors say it.
    pub fn kind(&self) -> ElementKind {
        match self {
            Tensor::F32 { .. } => ElementKind::Float,
            Tensor::I64 { .. } => ElementKind::Integer,
        }
    }
}

/// The two kinds of numbers that go in and out of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementKind {
    /// Floating point of any width.
    Float,
    /// Integers of any width, and booleans.
    Integer,
    /// Strings, complex numbers, sequences: nothing this floor can use.
    Other,
}

impl std::fmt::Display for ElementKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ElementKind::Float => "float",
            ElementKind::Integer => "integer",
            ElementKind::Other => "other",
        })
    }
}

/// A shape as people write it: "1x3x224x224".
pub(crate) fn shape_text(shape: &[usize]) -> String {
    let sides: Vec<String> = shape.iter().map(usize::to_string).collect();
    sides.join("x")
}

fn check(shape: &[usize], found: usize) -> Result<(), Error> {
    let expected = shape
        .iter()
        .try_fold(1_usize, |product, &side| product.checked_mul(side))
        .unwrap_or(usize::MAX);
    if expected != found {
        return Err(Error::Length {
            what: format!("a tensor of {}", shape_text(shape)),
            expected,
            found,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_must_fill_the_shape() {
        assert!(Tensor::f32(&[2, 3], vec![0.0; 6]).is_ok());
        let error = Tensor::i64(&[2, 3], vec![0; 5]).unwrap_err().to_string();
        assert_eq!(error, "a tensor of 2x3 needs 6 values, 5 were given");
        assert!(Tensor::f32(&[usize::MAX, 2], Vec::new()).is_err());
    }
}
