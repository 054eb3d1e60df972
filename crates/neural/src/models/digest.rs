//! SHA-256 of model files: what hubs publish and what a collection records.

use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::onnx;

/// SHA-256 of one file, hexadecimal.
pub(crate) fn file(path: &Path) -> Result<String, Error> {
    let mut hasher = Sha256::new();
    feed(&mut hasher, path)?;
    Ok(text(hasher))
}

/// SHA-256 of an ONNX file and of the external weight files that it refers to, in the order of the
/// graph; for a model in one file simply the SHA-256 of it.
pub(crate) fn model(path: &Path) -> Result<String, Error> {
    let mut hasher = Sha256::new();
    feed(&mut hasher, path)?;
    for name in onnx::external_names(path)? {
        feed(&mut hasher, &onnx::external_path(path, &name)?)?;
    }
    Ok(text(hasher))
}

fn feed(hasher: &mut Sha256, path: &Path) -> Result<(), Error> {
    let mut file = fs_err::File::open(path)?;
    let mut buffer = vec![0; 1 << 18];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        hasher.update(&buffer[..read]);
    }
}

fn text(hasher: Sha256) -> String {
    let digest = hasher.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_the_published_one() {
        // FIPS 180-4, the example message "abc".
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        fs_err::write(&path, b"abc").unwrap();
        assert_eq!(
            file(&path).unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
