//! The codes for runs of facsimile (ITU-T T.4, tables 2 and 3).

use std::sync::OnceLock;

/// A code as it is looked up by the next 13 bits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    /// Bits of the code; 0 where there is none.
    pub bits: u8,
    /// Pixels it stands for; from 64 on another code follows.
    pub length: u16,
}

/// Bits of the longest code.
const LONGEST: usize = 13;

type Table = [Run; 1 << LONGEST];

/// Runs of white.
pub(super) fn white() -> &'static Table {
    static TABLE: OnceLock<Box<Table>> = OnceLock::new();
    TABLE.get_or_init(|| table(WHITE, WHITE_LONG))
}

/// Runs of black.
pub(super) fn black() -> &'static Table {
    static TABLE: OnceLock<Box<Table>> = OnceLock::new();
    TABLE.get_or_init(|| table(BLACK, BLACK_LONG))
}

fn table(short: &str, long: &str) -> Box<Table> {
    let mut table = Box::new([Run::default(); 1 << LONGEST]);
    let short = short.split_whitespace().zip(0u16..);
    let long = long.split_whitespace().chain(BOTH_LONG.split_whitespace());
    let long = long.zip((1u16..).map(|multiple| 64 * multiple));
    for (code, length) in short.chain(long) {
        let value = code
            .bytes()
            .fold(0, |sum, digit| sum << 1 | usize::from(digit - b'0'));
        let free = LONGEST - code.len();
        let run = Run {
            bits: code.len() as u8,
            length,
        };
        table[value << free..(value + 1) << free].fill(run);
    }
    table
}

/// White, 0 to 63.
const WHITE: &str = "
    00110101 000111 0111 1000 1011 1100 1110 1111
    10011 10100 00111 01000 001000 000011 110100 110101
    101010 101011 0100111 0001100 0001000 0010111 0000011 0000100
    0101000 0101011 0010011 0100100 0011000 00000010 00000011 00011010
    00011011 00010010 00010011 00010100 00010101 00010110 00010111 00101000
    00101001 00101010 00101011 00101100 00101101 00000100 00000101 00001010
    00001011 01010010 01010011 01010100 01010101 00100100 00100101 01011000
    01011001 01011010 01011011 01001010 01001011 00110010 00110011 00110100";

/// White, 64 to 1728 in steps of 64.
const WHITE_LONG: &str = "
    11011 10010 010111 0110111 00110110 00110111 01100100 01100101
    01101000 01100111 011001100 011001101 011010010 011010011 011010100 011010101
    011010110 011010111 011011000 011011001 011011010 011011011 010011000 010011001
    010011010 011000 010011011";

/// Black, 0 to 63.
const BLACK: &str = "
    0000110111 010 11 10 011 0011 0010 00011
    000101 000100 0000100 0000101 0000111 00000100 00000111 000011000
    0000010111 0000011000 0000001000 00001100111 00001101000 00001101100 00000110111 00000101000
    00000010111 00000011000 000011001010 000011001011 000011001100 000011001101 000001101000 000001101001
    000001101010 000001101011 000011010010 000011010011 000011010100 000011010101 000011010110 000011010111
    000001101100 000001101101 000011011010 000011011011 000001010100 000001010101 000001010110 000001010111
    000001100100 000001100101 000001010010 000001010011 000000100100 000000110111 000000111000 000000100111
    000000101000 000001011000 000001011001 000000101011 000000101100 000001011010 000001100110 000001100111";

/// Black, 64 to 1728 in steps of 64.
const BLACK_LONG: &str = "
    0000001111 000011001000 000011001001 000001011011 000000110011 000000110100 000000110101 0000001101100
    0000001101101 0000001001010 0000001001011 0000001001100 0000001001101 0000001110010 0000001110011 0000001110100
    0000001110101 0000001110110 0000001110111 0000001010010 0000001010011 0000001010100 0000001010101 0000001011010
    0000001011011 0000001100100 0000001100101";

/// Either colour, 1792 to 2560 in steps of 64.
const BOTH_LONG: &str = "
    00000001000 00000001100 00000001101 000000010010 000000010011 000000010100 000000010101 000000010110
    000000010111 000000011100 000000011101 000000011110 000000011111";

#[cfg(test)]
mod tests {
    use super::*;

    /// No code is the beginning of another, and all that are left are those of ends of lines and fillings.
    #[test]
    fn the_codes_tell_each_other_apart() {
        for (short, long) in [(WHITE, WHITE_LONG), (BLACK, BLACK_LONG)] {
            let codes: Vec<&str> = [short, long, BOTH_LONG]
                .iter()
                .flat_map(|codes| codes.split_whitespace())
                .collect();
            assert_eq!(codes.len(), 64 + 27 + 13);
            for (at, code) in codes.iter().enumerate() {
                let others = codes.iter().enumerate().filter(|&(other, _)| other != at);
                assert!(
                    others.clone().all(|(_, other)| !other.starts_with(code)),
                    "{code}"
                );
            }
            let left = table(short, long)
                .iter()
                .filter(|run| run.bits == 0)
                .count();
            // Eight zeros and what the standard leaves open behind seven.
            assert!(left < 100, "{left}");
        }
    }
}
