//! What files of numbers have in common: they appear complete or not at all, they say what they are and of
//! which version, and a checksum tells damage. The floors above build their formats on this.

mod aligned;
mod atomic;
mod fields;
mod format;
mod holes;
mod mapped;
mod spill;

pub(crate) use aligned::{LINE, aligned};
pub use atomic::AtomicFile;
pub use fields::{f32_at, f32s, i64_at, u32_at, u32s, u64_at};
pub use format::{FileFormat, content_id};
pub use mapped::Mapped;
pub(crate) use spill::SpillFile;

/// What is wrong with a file that is not whole any more, for [`FileFormat::damaged`].
pub const CUT_SHORT: &str = "it was cut short while it was open";
