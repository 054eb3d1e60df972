//! Small parts of a model that is written.

use prost::bytes::Bytes;
use vizsla_neural::onnx::messages::{
    AttributeProto, DimensionProto, NodeProto, TensorProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto,
};

/// Elements that are 32-bit floats.
pub(super) const FLOAT: i32 = 1;
/// Elements that are 64-bit integers.
pub(super) const INT64: i32 = 7;

/// A node; the setting names follow.
pub(super) fn node(
    op: &str,
    inputs: &[&str],
    output: &str,
    attribute: Vec<AttributeProto>,
) -> NodeProto {
    NodeProto {
        input: inputs.iter().map(|name| (*name).to_owned()).collect(),
        output: vec![output.to_owned()],
        name: Some(output.to_owned()),
        op_type: Some(op.to_owned()),
        attribute,
        domain: None,
    }
}

pub(super) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        i: Some(value),
        ..attribute(name, 2)
    }
}

pub(super) fn float(name: &str, value: f64) -> AttributeProto {
    AttributeProto {
        f: Some(value as f32),
        ..attribute(name, 1)
    }
}

pub(super) fn text(name: &str, value: &'static str) -> AttributeProto {
    AttributeProto {
        s: Some(Bytes::from_static(value.as_bytes())),
        ..attribute(name, 3)
    }
}

pub(super) fn ints(name: &str, values: impl IntoIterator<Item = usize>) -> AttributeProto {
    AttributeProto {
        ints: values.into_iter().map(|x| x as i64).collect(),
        ..attribute(name, 7)
    }
}

fn attribute(name: &str, kind: i32) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(kind),
        ..AttributeProto::default()
    }
}

pub(super) fn floats(name: &str, shape: &[usize], values: &[f32]) -> TensorProto {
    tensor(
        name,
        shape,
        FLOAT,
        values.iter().flat_map(|x| x.to_le_bytes()).collect(),
    )
}

pub(super) fn integers(name: &str, values: &[i64]) -> TensorProto {
    tensor(
        name,
        &[values.len()],
        INT64,
        values.iter().flat_map(|x| x.to_le_bytes()).collect(),
    )
}

fn tensor(name: &str, shape: &[usize], kind: i32, bytes: Vec<u8>) -> TensorProto {
    TensorProto {
        dims: shape.iter().map(|&side| side as i64).collect(),
        data_type: Some(kind),
        name: Some(name.to_owned()),
        raw_data: Some(bytes.into()),
        ..TensorProto::default()
    }
}

/// A dimension of a declared value.
pub(super) enum Side {
    Fixed(usize),
    Free(&'static str),
}

/// The declaration of a value of floats.
pub(super) fn value(name: &str, sides: Vec<Side>) -> ValueInfoProto {
    let dim = sides.into_iter().map(|side| match side {
        Side::Fixed(length) => DimensionProto {
            dim_value: Some(length as i64),
            dim_param: None,
        },
        Side::Free(name) => DimensionProto {
            dim_value: None,
            dim_param: Some(name.to_owned()),
        },
    });
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto {
            tensor_type: Some(TensorTypeProto {
                elem_type: Some(FLOAT),
                shape: Some(TensorShapeProto { dim: dim.collect() }),
            }),
        }),
    }
}
