//! Any bytes as a graph of neighbours: an error or a graph that can be walked, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vizsla_vectors::{Diffusion, DiffusionConfig, Graph};

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = tempfile::NamedTempFile::new() else {
        return;
    };
    if std::fs::write(file.path(), bytes).is_err() {
        return;
    }
    if let Ok(graph) = Graph::open(file.path()) {
        let _ = graph.verify();
        if let Ok(matrix) = Diffusion::of(&graph) {
            let _ = matrix.spread(&[(0, 1.0)], &DiffusionConfig::default());
        }
        let _ = Diffusion::within(&graph, &[0, 1]);
    }
});
