//! Running a network: one session type over two runtimes, and a third for the one network that ships.
//!
//! [rten](https://github.com/robertknight/rten) is written in Rust, part of the program and always
//! there. [ONNX Runtime](https://onnxruntime.ai) is faster, brings quantised models and graphics
//! processors, and is used when its shared library is found on the machine; nothing is downloaded
//! and nothing is linked when the program is built. Both give the same numbers to 1e-3, which the
//! tests of this crate hold against ONNX Runtime in Python.

mod chain;
mod choice;
mod library;
mod onnxruntime;
mod rten;
mod session;

pub use choice::{RuntimeChoice, RuntimeKind, RuntimeReport, SessionOptions, runtimes};
pub use session::Session;
pub(crate) use session::declared_shape;
