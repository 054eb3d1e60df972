//! The options that say what a picture may ask for.

use anyhow::Result;
use clap::{Args, value_parser};
use vizsla_pixels::{ErrorKind, Limits, set_decode_memory};

use crate::output;

/// What is said when a limit kept a file out.
pub const ADVICE: &str = "limits are raised by --max-pixels, --max-file-size and --decode-memory (sides end at 65,500 pixels)";

#[derive(Args)]
pub struct Bounds {
    /// Largest picture in megapixels
    #[arg(long, value_name = "MEGAPIXELS", default_value_t = 200, value_parser = value_parser!(u64).range(1..=4000))]
    max_pixels: u64,
    /// Largest file in MiB
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = value_parser!(u64).range(1..=16384))]
    max_file_size: u64,
    /// Memory in MiB that all pictures being decoded may take together; one that needs more waits, or is skipped when
    /// it needs more alone [default: a quarter of the machine's, at least 1024]
    #[arg(long, value_name = "MIB", value_parser = value_parser!(u64).range(1..=1_048_576))]
    decode_memory: Option<u64>,
}

impl Bounds {
    /// The limits of one picture; sets the memory of all of them together.
    pub fn limits(&self) -> Limits {
        if let Some(mebibytes) = self.decode_memory {
            set_decode_memory(mebibytes << 20);
        }
        Limits {
            max_file_bytes: self.max_file_size << 20,
            max_pixels: self.max_pixels * 1_000_000,
            max_memory_bytes: vizsla_pixels::decode_memory(),
            ..Limits::default()
        }
    }
}

/// Says how a limit is raised, where one kept a picture out; the verb must have these options.
pub fn advise<T>(result: Result<T>) -> Result<T> {
    result.inspect_err(|error| {
        let of_pixels = match error.downcast_ref() {
            Some(vizsla_retrieval::Error::Pixels(error)) => Some(error),
            _ => error.downcast_ref::<vizsla_pixels::Error>(),
        };
        let kind = of_pixels.map(vizsla_pixels::Error::kind);
        if matches!(kind, Some(ErrorKind::TooLarge { .. })) {
            output::warn(ADVICE);
        }
    })
}
