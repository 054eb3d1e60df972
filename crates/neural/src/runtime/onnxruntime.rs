//! Sessions of ONNX Runtime.

use std::sync::{Mutex, PoisonError};

use half::{bf16, f16};
use ort::ep::{self, ExecutionProvider, ExecutionProviderDispatch};
use ort::logging::LogLevel;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Tensor as OrtTensor, TensorElementType, TensorRef};
use vizsla_pixels::guarded;

use super::library::{self, Library};
use crate::onnx::ValueInfo;
use crate::tensor::{ElementType, Tensor};

/// Environment variable that names what to compute on.
const VARIABLE: &str = "VIZSLA_PROVIDER";

/// What is said when something fails inside the bindings.
const BROKE: &str = "it broke inside the runtime";

/// A loaded model. Runs of one session wait for each other; each uses all its threads.
pub(super) struct OrtSession {
    session: Mutex<Session>,
    outputs: Vec<String>,
}

impl OrtSession {
    /// Loads a model; `external` holds the files of weights by the names that the model uses. With
    /// `fixed_shapes` only the batch of its inputs varies.
    pub fn load(
        bytes: &[u8],
        external: Vec<(String, Vec<u8>)>,
        threads: usize,
        fixed_shapes: bool,
    ) -> Result<OrtSession, String> {
        let library = library::loaded().as_ref()?;
        let load = || -> Result<Session, String> {
            let text = |error: ort::Error<_>| error.to_string();
            let mut builder = Session::builder(&library.environment)
                .map_err(|error| error.to_string())?
                .with_log_level(LogLevel::Error)
                .map_err(text)?
                .with_inter_threads(1)
                .map_err(text)?
                .with_intra_threads(threads)
                .map_err(text)?
                // A plan of memory is kept for every shape that was met.
                .with_memory_pattern(fixed_shapes)
                .map_err(text)?;
            if let Some(provider) = wanted_provider()? {
                builder = builder.with_execution_providers([provider]).map_err(text)?;
            }
            for (name, content) in external {
                builder = builder
                    .with_external_initializer_file_in_memory(name, content.into())
                    .map_err(text)?;
            }
            builder
                .commit_from_memory(bytes)
                .map_err(|error| error.to_string())
        };
        let session = guarded(load).map_err(|panic| format!("{BROKE} ({panic})"))??;
        let outputs = session.outputs().iter().map(|o| o.name().to_owned());
        Ok(OrtSession {
            outputs: outputs.collect(),
            session: Mutex::new(session),
        })
    }

    /// Runs the model; outputs in the order of the model. `declared` are the model's inputs.
    pub fn run(
        &self,
        inputs: &[(&str, &Tensor)],
        declared: &[ValueInfo],
    ) -> Result<Vec<Tensor>, String> {
        let run = || -> Result<Vec<Tensor>, ort::Error> {
            let mut values: Vec<(String, SessionInputValue<'_>)> = Vec::new();
            for (name, tensor) in inputs {
                let info = declared.iter().find(|info| info.name == *name);
                let element = info.map_or(ElementType::Other, |info| info.element);
                values.push(((*name).to_owned(), value(tensor, element)?));
            }
            let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
            let outputs = session.run(values)?;
            let read = |name: &String| match outputs.get(name) {
                Some(output) => tensor(output),
                None => Err(ort::Error::new(format!("no output '{name}' came"))),
            };
            self.outputs.iter().map(read).collect()
        };
        guarded(run)
            .map_err(|panic| format!("{BROKE} ({panic})"))?
            .map_err(|error| error.to_string())
    }
}

/// What the library can compute on, of what this program can ask it for.
pub(super) fn providers(_: &Library) -> Vec<String> {
    let known = [
        ("cpu", Ok(true)),
        ("cuda", ep::CUDA::is_available()),
        ("coreml", ep::CoreML::is_available()),
        ("directml", ep::DirectML::is_available()),
    ];
    known
        .into_iter()
        .filter(|(_, available)| matches!(available, Ok(true)))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// The provider that the environment asks for; none is the processor.
fn wanted_provider() -> Result<Option<ExecutionProviderDispatch>, String> {
    let name = std::env::var(VARIABLE).unwrap_or_default();
    let provider = match name.as_str() {
        "" | "cpu" => return Ok(None),
        "cuda" => ep::CUDA::default().build(),
        "coreml" => ep::CoreML::default().build(),
        "directml" => ep::DirectML::default().build(),
        _ => {
            return Err(format!(
                "{VARIABLE} cannot be '{name}'; it is cpu, cuda, coreml or directml"
            ));
        }
    };
    Ok(Some(provider.error_on_failure()))
}

fn value(tensor: &Tensor, element: ElementType) -> Result<SessionInputValue<'_>, ort::Error> {
    macro_rules! converted {
        ($shape:expr, $data:expr, $convert:expr) => {{
            let converted: Vec<_> = $data.iter().map($convert).collect();
            OrtTensor::from_array(($shape.clone(), converted))?.into()
        }};
    }
    macro_rules! integers {
        ($shape:expr, $data:expr, $type:ty) => {{
            let narrow: Result<Vec<$type>, _> =
                $data.iter().map(|&v| <$type>::try_from(v)).collect();
            let narrow = narrow.map_err(|_| {
                ort::Error::new(format!("an integer has more than {} bits", <$type>::BITS))
            })?;
            OrtTensor::from_array(($shape.clone(), narrow))?.into()
        }};
    }
    Ok(match (tensor, element) {
        (Tensor::F32 { shape, data }, ElementType::F16) => {
            converted!(shape, data, |&v| f16::from_f32(v))
        }
        (Tensor::F32 { shape, data }, ElementType::Bf16) => {
            converted!(shape, data, |&v| bf16::from_f32(v))
        }
        (Tensor::F32 { shape, data }, ElementType::F64) => {
            converted!(shape, data, |&v| f64::from(v))
        }
        (Tensor::F32 { shape, data }, _) => {
            TensorRef::from_array_view((shape.clone(), data.as_slice()))?.into()
        }
        (Tensor::I64 { shape, data }, ElementType::I8) => integers!(shape, data, i8),
        (Tensor::I64 { shape, data }, ElementType::U8) => integers!(shape, data, u8),
        (Tensor::I64 { shape, data }, ElementType::I16) => integers!(shape, data, i16),
        (Tensor::I64 { shape, data }, ElementType::U16) => integers!(shape, data, u16),
        (Tensor::I64 { shape, data }, ElementType::I32) => integers!(shape, data, i32),
        (Tensor::I64 { shape, data }, ElementType::U32) => integers!(shape, data, u32),
        (Tensor::I64 { shape, data }, ElementType::U64) => integers!(shape, data, u64),
        (Tensor::I64 { shape, data }, ElementType::Bool) => {
            converted!(shape, data, |&v| v != 0)
        }
        (Tensor::I64 { shape, data }, _) => {
            TensorRef::from_array_view((shape.clone(), data.as_slice()))?.into()
        }
    })
}

fn tensor(value: &DynValue) -> Result<Tensor, ort::Error> {
    let wrong = |what: String| ort::Error::new(what);
    let shape = value
        .dtype()
        .tensor_shape()
        .ok_or_else(|| wrong("an output is no tensor".into()))?;
    let shape: Vec<usize> = shape.iter().map(|&side| side.max(0) as usize).collect();
    macro_rules! floats {
        ($type:ty, $convert:expr) => {{
            let (_, data) = value.try_extract_tensor::<$type>()?;
            Tensor::f32(&shape, data.iter().map($convert).collect())
        }};
    }
    macro_rules! integers {
        ($type:ty) => {{
            let (_, data) = value.try_extract_tensor::<$type>()?;
            Tensor::i64(&shape, data.iter().map(|&v| i64::from(v)).collect())
        }};
    }
    let made = match value.dtype().tensor_type() {
        Some(TensorElementType::Float32) => {
            Tensor::f32(&shape, value.try_extract_tensor::<f32>()?.1.to_vec())
        }
        Some(TensorElementType::Float16) => floats!(f16, |v| v.to_f32()),
        Some(TensorElementType::Float64) => floats!(f64, |&v| v as f32),
        Some(TensorElementType::Bfloat16) => floats!(bf16, |v| v.to_f32()),
        Some(TensorElementType::Int64) => integers!(i64),
        Some(TensorElementType::Int32) => integers!(i32),
        Some(TensorElementType::Uint32) => integers!(u32),
        Some(TensorElementType::Int16) => integers!(i16),
        Some(TensorElementType::Uint16) => integers!(u16),
        Some(TensorElementType::Int8) => integers!(i8),
        Some(TensorElementType::Uint8) => integers!(u8),
        Some(TensorElementType::Bool) => integers!(bool),
        other => return Err(wrong(format!("an output holds {other:?}"))),
    };
    made.map_err(|error| wrong(error.to_string()))
}
