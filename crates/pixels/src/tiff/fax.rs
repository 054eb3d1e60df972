//! Facsimile coding of black and white (ITU-T T.4 and T.6; TIFF 6.0, sections 10 and 11).
//!
//! A row is a list of places where the colour changes, beginning with white. Rows of one dimension give
//! the lengths of runs; rows of two dimensions say how each change lies to one of the row above. Faxes
//! travelled over telephone lines without correction: a broken row of Group 3 is replaced by the one above
//! it, as fax machines do, and the next is found by its end-of-line code. Group 4 has no such codes, so
//! there a broken row is an error.

use super::fax_codes::{Run, black, white};

/// How the rows are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// Runs alone, each row beginning at a byte or at a word of 16 bits; no end-of-line codes.
    Runs { words: bool },
    /// Group 3; rows of two dimensions among them.
    Group3 { two_dimensions: bool },
    /// Group 4.
    Group4,
}

/// Why rows could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The data end before the rows do.
    Short,
    /// A code that does not exist, or too many broken rows.
    Code,
    /// The uncompressed mode, which nothing writes.
    Uncompressed,
}

/// Rows of one bit a pixel, black as 1, each beginning at a byte.
pub(super) fn decode(
    data: &[u8],
    width: usize,
    rows: usize,
    coding: Coding,
) -> Result<Vec<u8>, Fault> {
    let mut bits = Bits { data, at: 0 };
    let stride = width.div_ceil(8);
    let mut out = vec![0; stride * rows];
    let mut above: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = Vec::new();
    let mut broken = 0;
    for target in out.chunks_exact_mut(stride) {
        row.clear();
        match read_row(&mut bits, &above, &mut row, width, coding) {
            Ok(Row::Whole) => {}
            // An early end: what is missing is white, the paper.
            Ok(Row::End) => break,
            Err(Fault::Code) if matches!(coding, Coding::Group3 { .. }) => {
                broken += 1;
                row.clone_from(&above);
                bits.skip_to_end_of_line();
            }
            Err(fault) => return Err(fault),
        }
        paint(&row, target, width);
        std::mem::swap(&mut above, &mut row);
    }
    // A page with a few specks is readable, one of rubbish is none.
    if broken > 2 + rows / 10 {
        return Err(Fault::Code);
    }
    Ok(out)
}

enum Row {
    Whole,
    End,
}

fn read_row(
    bits: &mut Bits,
    above: &[usize],
    row: &mut Vec<usize>,
    width: usize,
    coding: Coding,
) -> Result<Row, Fault> {
    match coding {
        Coding::Runs { words } => {
            one_dimension(bits, row, width)?;
            bits.align(if words { 16 } else { 8 });
            Ok(Row::Whole)
        }
        Coding::Group3 { two_dimensions } => {
            let mut ends = 0;
            while bits.take_end_of_line() {
                ends += 1;
                if ends == 6 {
                    return Ok(Row::End);
                }
                // Between the six that end a page stand the tags of rows that are not there.
                if two_dimensions && bits.peek(1) == 1 && bits.end_of_line(bits.at + 1).is_some() {
                    bits.at += 1;
                }
            }
            if bits.is_over() {
                return match ends {
                    0 => Err(Fault::Short),
                    _ => Ok(Row::End),
                };
            }
            // The bit behind an end of line tells how the next row is coded.
            if two_dimensions && ends > 0 && bits.take(1) == 0 {
                return two_dimensions_row(bits, above, row, width);
            }
            one_dimension(bits, row, width)?;
            Ok(Row::Whole)
        }
        Coding::Group4 => two_dimensions_row(bits, above, row, width),
    }
}

/// Runs of white and black in turn until the row is full.
fn one_dimension(bits: &mut Bits, row: &mut Vec<usize>, width: usize) -> Result<(), Fault> {
    let mut at = 0;
    let mut is_black = false;
    while at < width {
        at += run(bits, is_black)?;
        if at > width {
            return Err(Fault::Code);
        }
        row.push(at);
        is_black = !is_black;
    }
    Ok(())
}

/// One run: make-up codes, then a code below 64.
fn run(bits: &mut Bits, is_black: bool) -> Result<usize, Fault> {
    let mut length = 0;
    loop {
        if bits.is_over() {
            return Err(Fault::Short);
        }
        let codes = if is_black { black() } else { white() };
        let Run {
            bits: taken,
            length: part,
        } = codes[bits.peek(13) as usize];
        if taken == 0 {
            return Err(Fault::Code);
        }
        bits.at += usize::from(taken);
        length += usize::from(part);
        if part < 64 {
            return Ok(length);
        }
    }
}

fn two_dimensions_row(
    bits: &mut Bits,
    above: &[usize],
    row: &mut Vec<usize>,
    width: usize,
) -> Result<Row, Fault> {
    // The place of the change before, and its colour; places above are looked up from `next` on.
    let (mut at, mut is_black, mut next) = (0, false, 0);
    let mut begun = false;
    while at < width {
        // The first change above behind this place and to the other colour: changes to black stand at
        // even places of the list. At the beginning a change at 0 counts too.
        next = change_above(above, at, is_black, begun, next);
        let b1 = above.get(next).copied().unwrap_or(width);
        match mode(bits)? {
            Mode::Pass => {
                at = above.get(next + 1).copied().unwrap_or(width);
            }
            Mode::Vertical(offset) => {
                let place = b1.checked_add_signed(offset).ok_or(Fault::Code)?;
                if place > width || place < at {
                    return Err(Fault::Code);
                }
                row.push(place);
                at = place;
                is_black = !is_black;
            }
            Mode::Horizontal => {
                for colour in [is_black, !is_black] {
                    at += run(bits, colour)?;
                    if at > width {
                        return Err(Fault::Code);
                    }
                    row.push(at);
                }
            }
            Mode::End => return Ok(Row::End),
        }
        begun = true;
    }
    Ok(Row::Whole)
}

/// The index of the first change above that lies behind `at` and turns to the other colour than the one
/// that runs here.
fn change_above(above: &[usize], at: usize, is_black: bool, begun: bool, from: usize) -> usize {
    let behind = |place: usize| place > at || (!begun && place == at);
    // Even places turn to black, which is what a white run looks for.
    let mut index = from + usize::from(from % 2 != usize::from(is_black));
    // A step to the left may have passed a change.
    while index >= 2 && above.get(index - 2).is_none_or(|&place| behind(place)) {
        index -= 2;
    }
    while above.get(index).is_some_and(|&place| !behind(place)) {
        index += 2;
    }
    index
}

enum Mode {
    Pass,
    Horizontal,
    Vertical(isize),
    End,
}

fn mode(bits: &mut Bits) -> Result<Mode, Fault> {
    let code = bits.peek(12);
    let (taken, mode) = match code {
        _ if code >> 11 == 0b1 => (1, Mode::Vertical(0)),
        _ if code >> 9 == 0b011 => (3, Mode::Vertical(1)),
        _ if code >> 9 == 0b010 => (3, Mode::Vertical(-1)),
        _ if code >> 9 == 0b001 => (3, Mode::Horizontal),
        _ if code >> 8 == 0b0001 => (4, Mode::Pass),
        _ if code >> 6 == 0b000011 => (6, Mode::Vertical(2)),
        _ if code >> 6 == 0b000010 => (6, Mode::Vertical(-2)),
        _ if code >> 5 == 0b0000011 => (7, Mode::Vertical(3)),
        _ if code >> 5 == 0b0000010 => (7, Mode::Vertical(-3)),
        _ if code >> 5 == 0b0000001 => return Err(Fault::Uncompressed),
        1 => (12, Mode::End),
        _ if bits.is_over() => return Err(Fault::Short),
        _ => return Err(Fault::Code),
    };
    bits.at += taken;
    Ok(mode)
}

/// Sets the bits of the black runs: from each even change to the next.
fn paint(row: &[usize], target: &mut [u8], width: usize) {
    for pair in row.chunks(2) {
        let start = pair[0].min(width);
        let end = pair.get(1).copied().unwrap_or(width).min(width);
        for place in start..end {
            target[place / 8] |= 0x80 >> (place % 8);
        }
    }
}

/// Bits from the most significant on; zeros behind the end.
struct Bits<'a> {
    data: &'a [u8],
    /// The next bit.
    at: usize,
}

impl Bits<'_> {
    /// The next bits, at most 16, without taking them.
    fn peek(&self, count: usize) -> u32 {
        let byte = |index: usize| u32::from(self.data.get(index).copied().unwrap_or(0));
        let first = self.at / 8;
        let three = byte(first) << 16 | byte(first + 1) << 8 | byte(first + 2);
        (three >> (24 - count - self.at % 8)) & ((1 << count) - 1)
    }

    fn take(&mut self, count: usize) -> u32 {
        let bits = self.peek(count);
        self.at += count;
        bits
    }

    fn is_over(&self) -> bool {
        self.at >= 8 * self.data.len()
    }

    fn align(&mut self, to: usize) {
        self.at = self.at.next_multiple_of(to);
    }

    /// Where the bits behind an end of line begin, when one stands here: eleven zeros or more and a one.
    fn end_of_line(&self, from: usize) -> Option<usize> {
        let mut place = Bits {
            data: self.data,
            at: from,
        };
        while place.peek(8) == 0 && place.at + 8 <= 8 * self.data.len() {
            place.at += 8;
        }
        while place.peek(1) == 0 && !place.is_over() {
            place.at += 1;
        }
        (!place.is_over() && place.at - from >= 11).then_some(place.at + 1)
    }

    fn take_end_of_line(&mut self) -> bool {
        let behind = self.end_of_line(self.at);
        self.at = behind.unwrap_or(self.at);
        behind.is_some()
    }

    /// Goes on to the next end of line, which is left to be taken.
    fn skip_to_end_of_line(&mut self) {
        let mut zeros = 0;
        while !self.is_over() && zeros < 11 {
            zeros = if self.take(1) == 0 { zeros + 1 } else { 0 };
        }
        self.at -= zeros;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes from a text of zeros and ones.
    fn bits(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(|b| matches!(b, b'0' | b'1')).collect();
        digits
            .chunks(8)
            .map(|byte| {
                let mut value = 0;
                for (at, digit) in byte.iter().enumerate() {
                    value |= (digit - b'0') << (7 - at);
                }
                value
            })
            .collect()
    }

    #[test]
    fn a_group_4_row_follows_the_row_above() {
        // White 3, black 2, white 3; then the same; then the end.
        let data = bits("001 1000 11 1  1 1 1 000000000001 000000000001");
        let rows = decode(&data, 8, 3, Coding::Group4).unwrap();
        assert_eq!(rows, [0b0001_1000, 0b0001_1000, 0]);
        assert_eq!(
            decode(&bits("0000001"), 8, 1, Coding::Group4),
            Err(Fault::Uncompressed)
        );
        assert_eq!(decode(&[], 8, 1, Coding::Group4), Err(Fault::Short));
    }

    #[test]
    fn a_broken_row_of_group_3_is_the_one_above() {
        let good = "000000000001 1000 11 1000";
        let broken = "000000000001 1000 0000000011";
        let data = bits(&format!("{good}{good}{broken}{good}"));
        let coding = Coding::Group3 {
            two_dimensions: false,
        };
        let rows = decode(&data, 8, 4, coding).unwrap();
        assert_eq!(rows, [0b0001_1000; 4]);
    }

    #[test]
    fn rubbish_ends() {
        let mut state = 7u32;
        for length in 0..300 {
            let data: Vec<u8> = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8 & (state >> 16) as u8
                })
                .collect();
            for coding in [
                Coding::Runs { words: true },
                Coding::Group3 {
                    two_dimensions: true,
                },
                Coding::Group4,
            ] {
                let _ = decode(&data, 33, 40, coding);
            }
        }
    }
}
