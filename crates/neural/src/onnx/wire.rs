//! The wire format of protocol buffers: fields as slices of a message.
//!
//! A model is changed here by choosing which of its fields go into the new bytes. Whatever this
//! crate does not know of the format passes through untouched.

/// One field of a message.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    /// Its number in the message's declaration.
    pub number: u64,
    /// The whole field, tag included.
    pub whole: &'a [u8],
    /// The content of a length-delimited field; empty for numbers.
    pub content: &'a [u8],
    /// A number of variable length; 0 for other fields.
    pub value: u64,
}

/// The fields of a message in order.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

/// The fields of `message`. A `None` among them, which is the last, says that the bytes are no
/// message.
pub(super) fn fields(message: &[u8]) -> Fields<'_> {
    Fields { rest: message }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<Field<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = take(&mut self.rest);
        if field.is_none() {
            self.rest = &[];
        }
        Some(field)
    }
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<Field<'a>> {
    let start = *rest;
    let tag = varint(rest)?;
    let mut content: &[u8] = &[];
    let mut value = 0;
    match tag & 7 {
        0 => value = varint(rest)?,
        1 => *rest = rest.get(8..)?,
        2 => {
            let length = usize::try_from(varint(rest)?).ok()?;
            content = rest.get(..length)?;
            *rest = &rest[length..];
        }
        5 => *rest = rest.get(4..)?,
        _ => return None,
    }
    Some(Field {
        number: tag >> 3,
        whole: &start[..start.len() - rest.len()],
        content,
        value,
    })
}

/// The numbers of variable length that a packed field holds; `None` when they do not fill it.
pub(super) fn packed(mut content: &[u8]) -> Option<Vec<u64>> {
    let mut numbers = Vec::new();
    while !content.is_empty() {
        numbers.push(varint(&mut content)?);
    }
    Some(numbers)
}

/// Appends a length-delimited field.
pub(super) fn append(target: &mut Vec<u8>, number: u64, content: &[u8]) {
    append_varint(target, number << 3 | 2);
    append_varint(target, content.len() as u64);
    target.extend_from_slice(content);
}

/// Appends a field that is a number.
pub(super) fn append_number(target: &mut Vec<u8>, number: u64, value: u64) {
    append_varint(target, number << 3);
    append_varint(target, value);
}

fn append_varint(target: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        target.push(value as u8 | 0x80);
        value >>= 7;
    }
    target.push(value as u8);
}

/// Reads a number of seven bits a byte, the lowest first.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_back_as_they_were_written() {
        let mut message = Vec::new();
        append(&mut message, 7, &[1; 300]);
        message.extend([0x08, 0x96, 0x01]);
        append(&mut message, 2000, b"x");
        let found: Vec<Field> = fields(&message).map(Option::unwrap).collect();
        assert_eq!(
            found.iter().map(|f| f.number).collect::<Vec<_>>(),
            [7, 1, 2000]
        );
        assert_eq!(found[0].content, [1; 300]);
        let again: Vec<u8> = found
            .iter()
            .flat_map(|field| field.whole.to_vec())
            .collect();
        assert_eq!(again, message);
    }

    #[test]
    fn bytes_that_are_no_message_are_refused() {
        let broken = |bytes: &[u8]| fields(bytes).last().unwrap().is_none();
        assert!(broken(&[0xff; 20]));
        assert!(broken(&[0x0a, 0x05, 1, 2]));
        assert!(broken(&[0x08, 0x01, 0x0b]));
        for length in 0..40 {
            // Whatever the bytes, it ends.
            let noise: Vec<u8> = (0..length).map(|i: usize| (i * 37 % 251) as u8).collect();
            assert!(fields(&noise).count() <= length);
        }
    }
}
