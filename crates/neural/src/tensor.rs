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

/// What the elements of a model's input or output are, as the model declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementType {
    /// 32-bit floats.
    F32,
    /// 16-bit floats of IEEE 754.
    F16,
    /// 16-bit floats with the exponent of 32-bit ones.
    Bf16,
    /// 64-bit floats.
    F64,
    /// Bytes with a sign.
    I8,
    /// Bytes.
    U8,
    /// 16-bit integers with a sign.
    I16,
    /// 16-bit integers.
    U16,
    /// 32-bit integers with a sign.
    I32,
    /// 32-bit integers.
    U32,
    /// 64-bit integers with a sign.
    I64,
    /// 64-bit integers.
    U64,
    /// True or false.
    Bool,
    /// Strings, complex numbers, sequences, or what the model does not say.
    Other,
}

impl ElementType {
    /// The type with this number in `TensorProto.DataType` of the ONNX format.
    pub(crate) fn of_onnx(number: i32) -> ElementType {
        match number {
            1 => ElementType::F32,
            2 => ElementType::U8,
            3 => ElementType::I8,
            4 => ElementType::U16,
            5 => ElementType::I16,
            6 => ElementType::I32,
            7 => ElementType::I64,
            9 => ElementType::Bool,
            10 => ElementType::F16,
            11 => ElementType::F64,
            12 => ElementType::U32,
            13 => ElementType::U64,
            16 => ElementType::Bf16,
            _ => ElementType::Other,
        }
    }

    /// Floating point, integer or neither.
    pub fn kind(self) -> ElementKind {
        match self {
            ElementType::F32 | ElementType::F16 | ElementType::Bf16 | ElementType::F64 => {
                ElementKind::Float
            }
            ElementType::Other => ElementKind::Other,
            _ => ElementKind::Integer,
        }
    }

    /// The least and the greatest value of an integer type, as far as 64 bits with a sign hold them.
    pub(crate) fn range(self) -> Option<(i64, i64)> {
        match self {
            ElementType::I8 => Some((i8::MIN.into(), i8::MAX.into())),
            ElementType::U8 => Some((0, u8::MAX.into())),
            ElementType::I16 => Some((i16::MIN.into(), i16::MAX.into())),
            ElementType::U16 => Some((0, u16::MAX.into())),
            ElementType::I32 => Some((i32::MIN.into(), i32::MAX.into())),
            ElementType::U32 => Some((0, u32::MAX.into())),
            ElementType::I64 => Some((i64::MIN, i64::MAX)),
            ElementType::U64 => Some((0, i64::MAX)),
            ElementType::Bool => Some((0, 1)),
            _ => None,
        }
    }
}

impl std::fmt::Display for ElementType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ElementType::F32 => "float32",
            ElementType::F16 => "float16",
            ElementType::Bf16 => "bfloat16",
            ElementType::F64 => "float64",
            ElementType::I8 => "int8",
            ElementType::U8 => "uint8",
            ElementType::I16 => "int16",
            ElementType::U16 => "uint16",
            ElementType::I32 => "int32",
            ElementType::U32 => "uint32",
            ElementType::I64 => "int64",
            ElementType::U64 => "uint64",
            ElementType::Bool => "bool",
            ElementType::Other => "no numbers that are read",
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
