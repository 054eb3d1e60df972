//! Any bytes as a segment of the inverted file: an error or postings within bounds, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vizsla_vectors::Allowed;
use vizsla_words::{QueryWord, ScoringConfig, Segment, Signature, search};

const WORDS: u32 = 64;

fuzz_target!(|bytes: &[u8]| {
    let Ok(folder) = tempfile::tempdir() else { return };
    let path = folder.path().join("fuzz.vzsg");
    if std::fs::write(&path, bytes).is_err() {
        return;
    }
    let Ok(segment) = Segment::open(&path, WORDS) else { return };
    let _ = segment.verify();
    let query: Vec<QueryWord> = (0..WORDS)
        .map(|word| QueryWord { feature: word, word, signature: Signature::default(), weight: 1.0 })
        .collect();
    let config = ScoringConfig { hamming_threshold: 64, ..ScoringConfig::default() };
    let _ = search(&[&segment], &query, &config, &Allowed::All, 10);
});
