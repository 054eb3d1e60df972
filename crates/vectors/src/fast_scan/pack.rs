//! Codes side by side in blocks.

use super::{BLOCK_CODES, QUAD, QUAD_BYTES};

/// Codes in one half of the bytes of a block.
const HALF: usize = BLOCK_CODES / 2;

/// Where a part of a code lies in the quads of its block, and how far up in the byte.
fn place(lane: usize, part: usize) -> (usize, u32) {
    let byte = part / QUAD * QUAD_BYTES + lane % HALF * QUAD + part % QUAD;
    (byte, if lane < HALF { 0 } else { 4 })
}

/// Writes a code, one part a byte, into a block; its place has to be zero.
pub(crate) fn pack(block: &mut [u8], lane: usize, code: impl Iterator<Item = u8>) {
    for (part, value) in code.enumerate() {
        let (byte, shift) = place(lane, part);
        if let Some(byte) = block.get_mut(byte) {
            *byte |= (value & 15) << shift;
        }
    }
}

/// The parts of a code of a block.
pub(crate) fn code_of(block: &[u8], lane: usize, parts: usize) -> impl Iterator<Item = u8> + '_ {
    (0..parts).map(move |part| {
        let (byte, shift) = place(lane, part);
        block.get(byte).map_or(0, |byte| byte >> shift & 15)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fast_scan::quads;
    use crate::random::Random;

    #[test]
    fn what_is_packed_comes_back() {
        let mut random = Random::new(1);
        for parts in [1, 4, 7, 32] {
            let mut block = vec![0; quads(parts) * QUAD_BYTES];
            let mut code = || -> Vec<u8> { (0..parts).map(|_| random.below(16) as u8).collect() };
            let codes: Vec<Vec<u8>> = (0..BLOCK_CODES).map(|_| code()).collect();
            for (lane, code) in codes.iter().enumerate() {
                pack(&mut block, lane, code.iter().copied());
            }
            for (lane, code) in codes.iter().enumerate() {
                assert!(code_of(&block, lane, parts).eq(code.iter().copied()));
            }
        }
    }
}
