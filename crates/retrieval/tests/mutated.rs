//! Catalogs of mutated bytes: an error or an answer, never a panic. The fuzz target `catalog` asks the same.
#![allow(clippy::unwrap_used)]

#[path = "support/whole.rs"]
mod whole;

use std::path::Path;

use fs_err as fs;
use rusqlite::Connection;

const CODEBOOK: &str = "artefacts/codebook-00b4ad3e807d02ab200d39168f430c40.vzcb";

/// Numbers by a fixed rule (xorshift, Marsaglia 2003).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most.max(1) as u64) as usize
    }
}

fn mutate(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    let page = 4096;
    for _ in 0..1 + numbers.below(6) {
        let at = numbers.below(bytes.len());
        let start = at / page * page;
        match numbers.below(6) {
            0 => bytes[at] = numbers.below(256) as u8,
            1 => bytes[at] = [0, 0x7f, 0x80, 0xff][numbers.below(4)],
            // The head of a page, where the tree is.
            2 => bytes[start + numbers.below(24)] = numbers.below(256) as u8,
            3 => {
                let from = numbers.below(bytes.len() / page) * page;
                let copy = bytes[from..from + page].to_vec();
                bytes[start..start + page].copy_from_slice(&copy);
            }
            4 => {
                let end = (at + numbers.below(64)).min(bytes.len());
                bytes[at..end].fill(numbers.below(256) as u8);
            }
            _ if numbers.below(8) == 0 => bytes.truncate(at.max(page)),
            _ => bytes[at] ^= 1 << numbers.below(8),
        }
        if bytes.len() < 2 * page {
            return;
        }
    }
}

#[test]
fn mutated_catalogs_are_refused_or_read_without_panic() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/collection-v1");
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("c.vizsla");
    for file in ["segments/00000001.vzsg", CODEBOOK] {
        fs::create_dir_all(place.join(file).parent().unwrap()).unwrap();
        fs::copy(fixture.join(file), place.join(file)).unwrap();
    }
    let mut whole = fs::read(fixture.join("catalog.db")).unwrap();
    let mut numbers = Numbers(0x5eed_0012);
    for turn in 0..240 {
        if turn == 120 {
            // From here on one of the newest format, with captions.
            whole = lifted(&place, &fixture);
        }
        let mut bytes = whole.clone();
        mutate(&mut bytes, &mut numbers);
        for ending in ["-wal", "-shm", "-wal.damaged"] {
            let _ = fs::remove_file(place.join(format!("catalog.db{ending}")));
        }
        fs::write(place.join("catalog.db"), bytes).unwrap();
        whole::ask_everything(&place);
    }
}

fn lifted(place: &Path, fixture: &Path) -> Vec<u8> {
    let catalog = place.join("catalog.db");
    fs::copy(fixture.join("catalog.db"), &catalog).unwrap();
    let captions = place.with_extension("csv");
    let lines: String = (0..40)
        .map(|n| format!("00{}.png,a dog number {n}\n", 1 + n % 3))
        .collect();
    fs::write(&captions, format!("image,caption\n{lines}")).unwrap();
    let mut collection = vizsla_retrieval::Collection::open(place).unwrap();
    collection.import_captions(&captions, &[]).unwrap();
    drop(collection);
    let connection = Connection::open(&catalog).unwrap();
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    drop(connection);
    fs::read(catalog).unwrap()
}
