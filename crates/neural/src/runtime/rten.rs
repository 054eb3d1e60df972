//! Sessions of rten.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueOrView, ValueView};
use rten_tensor::{AsView, Layout};
use vizsla_pixels::guarded;

use crate::onnx;
use crate::onnx::ValueInfo;
use crate::tensor::{ElementType, Tensor};

/// Version of the crate, as in the manifest of the workspace.
pub(super) const VERSION: &str = "0.27";

/// What the runtime says when something fails inside of it.
const BROKE: &str = "it broke inside the runtime";

/// A loaded model.
pub(super) struct RtenSession {
    model: Model,
    outputs: Vec<NodeId>,
    options: RunOptions,
}

impl RtenSession {
    /// Loads a model; `external` holds the files of weights by the names that the model uses.
    pub fn load(
        bytes: &[u8],
        external: Vec<(String, Vec<u8>)>,
        threads: usize,
    ) -> Result<RtenSession, String> {
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        for (name, content) in external {
            options.external_data(&name, content);
        }
        let bytes = onnx::for_rten(bytes).unwrap_or_else(|| bytes.to_vec());
        // Models come from strangers; what the runtime asserts of them must not end the program.
        let model = guarded(|| options.load(bytes))
            .map_err(|panic| format!("{BROKE} ({panic})"))?
            .map_err(|error| error.to_string())?;
        Ok(RtenSession {
            outputs: model.output_ids().to_vec(),
            model,
            options: RunOptions::default().with_thread_pool(pool(threads)),
        })
    }

    /// Runs the model; outputs in the order of the model. `declared` are the model's inputs.
    pub fn run(
        &self,
        inputs: &[(&str, &Tensor)],
        declared: &[ValueInfo],
    ) -> Result<Vec<Tensor>, String> {
        let mut values = Vec::with_capacity(inputs.len());
        for (name, tensor) in inputs {
            let id = self.model.node_id(name).map_err(|e| e.to_string())?;
            let info = declared.iter().find(|info| info.name == *name);
            let element = info.map_or(ElementType::Other, |info| info.element);
            values.push((id, value(tensor, element)?));
        }
        let run = || {
            let options = Some(self.options.clone());
            self.model.run(values, &self.outputs, options)
        };
        let outputs = off_the_callers_pool(|| guarded(run))
            .map_err(|panic| format!("{BROKE} ({panic})"))?
            .map_err(|error| error.to_string())?;
        outputs.into_iter().map(tensor).collect()
    }
}

/// Runs `work` on a thread that belongs to no pool. A thread of a pool that waits for another pool takes up other work
/// meanwhile: a caller that describes pictures in parallel would begin the next picture inside of the last, without
/// end.
fn off_the_callers_pool<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if rayon::current_thread_index().is_none() {
        return work();
    }
    std::thread::scope(|scope| match scope.spawn(work).join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// A pool of so many threads; `None` for the runtime's own, which takes all cores. Sessions of one thread have one
/// each, since they are opened to run side by side.
fn pool(threads: usize) -> Option<Arc<ThreadPool>> {
    static POOLS: Mutex<BTreeMap<usize, Arc<ThreadPool>>> = Mutex::new(BTreeMap::new());
    match threads {
        0 => return None,
        1 => return Some(Arc::new(ThreadPool::with_num_threads(1))),
        _ => {}
    }
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let pool = pools
        .entry(threads)
        .or_insert_with(|| Arc::new(ThreadPool::with_num_threads(threads)));
    Some(Arc::clone(pool))
}

fn value(tensor: &Tensor, element: ElementType) -> Result<ValueOrView<'_>, String> {
    macro_rules! integers {
        ($shape:expr, $data:expr, $type:ty) => {{
            let narrow: Result<Vec<$type>, _> =
                $data.iter().map(|&v| <$type>::try_from(v)).collect();
            let narrow =
                narrow.map_err(|_| format!("an integer has more than {} bits", <$type>::BITS))?;
            Value::from_shape($shape, narrow)
                .map(ValueOrView::from)
                .map_err(|error| error.to_string())
        }};
    }
    match tensor {
        Tensor::F32 { shape, data } => ValueView::from_shape(shape, data)
            .map(ValueOrView::from)
            .map_err(|error| error.to_string()),
        Tensor::I64 { shape, data } => match element {
            ElementType::U8 => integers!(shape, data, u8),
            ElementType::I8 => integers!(shape, data, i8),
            // The runtime computes with 32 bits where a model says 64.
            _ => integers!(shape, data, i32),
        },
    }
}

fn tensor(value: Value) -> Result<Tensor, String> {
    let made = match value {
        Value::FloatTensor(t) => {
            let shape = t.shape().to_vec();
            Tensor::f32(&shape, t.into_data())
        }
        Value::Int32Tensor(t) => Tensor::i64(t.shape(), t.iter().map(|&v| i64::from(v)).collect()),
        Value::Int8Tensor(t) => Tensor::i64(t.shape(), t.iter().map(|&v| i64::from(v)).collect()),
        Value::UInt8Tensor(t) => Tensor::i64(t.shape(), t.iter().map(|&v| i64::from(v)).collect()),
        _ => return Err("an output is no tensor".into()),
    };
    made.map_err(|error| error.to_string())
}
