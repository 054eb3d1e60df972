//! PNG without what is not needed to see the picture.
//!
//! Profiles and texts are compressed, and a decoder that unpacks them for its caller can be made to take gigabytes
//! by a file of a few. They are cut out before it sees the file; what they say of the camera is read elsewhere,
//! within bounds.

/// The file with its critical chunks and its transparency alone.
pub(crate) fn without_notes(bytes: &[u8]) -> Vec<u8> {
    const SIGNATURE: usize = 8;
    let mut lean = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    lean.extend_from_slice(&rest[..SIGNATURE.min(rest.len())]);
    rest = rest.get(SIGNATURE..).unwrap_or_default();
    while let Some((chunk, behind)) = chunk(rest) {
        let kind = &chunk[4..8];
        // A capital letter is the mark of a chunk that no decoder may pass over.
        if kind[0].is_ascii_uppercase() || kind == b"tRNS" {
            lean.extend_from_slice(chunk);
        }
        rest = behind;
    }
    // What is no whole chunk is left to the decoder to complain about, unless it is a note that is cut.
    if rest.get(4).is_none_or(u8::is_ascii_uppercase) {
        lean.extend_from_slice(rest);
    }
    lean
}

/// The first chunk with its length and checksum, and what lies behind it.
fn chunk(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = u32::from_be_bytes(bytes.first_chunk().copied()?) as usize;
    bytes.split_at_checked(length.checked_add(12)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_go_and_the_picture_stays() {
        let chunk = |kind: &[u8], length: u32| {
            [
                &length.to_be_bytes()[..],
                kind,
                &vec![7; length as usize],
                b"sums",
            ]
            .concat()
        };
        let file = |kinds: &[&[u8]]| {
            let chunks = kinds.iter().map(|kind| chunk(kind, 3));
            let chunks: Vec<u8> = chunks.flatten().collect();
            [b"\x89PNG\r\n\x1a\n", &chunks[..]].concat()
        };
        let whole = file(&[
            b"IHDR", b"iCCP", b"PLTE", b"tRNS", b"zTXt", b"IDAT", b"iTXt", b"IEND",
        ]);
        let lean = file(&[b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"]);
        assert_eq!(without_notes(&whole), lean);
        for length in 0..whole.len() {
            let _ = without_notes(&whole[..length]);
        }
        let cut = [&lean[..lean.len() - 15], &[0, 0, 1, 0], b"IDAT", b"abc"].concat();
        assert_eq!(without_notes(&cut), cut);
    }
}
