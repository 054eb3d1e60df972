//! What a file may ask for before it is decoded.
//!
//! A message of two bytes becomes a structure of hundreds, graphs nest in graphs, and a weight says how large it is
//! before it says what it holds. All of it is counted on the bytes, without taking memory, so that decoding a file costs
//! no more than a bounded number of times its length.

use super::wire::{Field, fields, packed};

/// Messages of a graph: operators, attributes, weights, declarations. The largest networks in use have some 100,000.
const MOST_MESSAGES: usize = 1 << 20;
/// Fields of all these messages, names of values among them.
const MOST_FIELDS: usize = 1 << 23;
/// Graphs inside of graphs: loops and branches.
const DEEPEST: usize = 16;
/// Dimensions of a weight.
const MOST_DIMENSIONS: usize = 32;

const MODEL_GRAPH: u64 = 7;

const GRAPH_NODE: u64 = 1;
const GRAPH_INITIALIZER: u64 = 5;
const GRAPH_VALUES: [u64; 4] = [11, 12, 13, 15];

const NODE_ATTRIBUTE: u64 = 5;

const ATTRIBUTE_TENSOR: u64 = 5;
const ATTRIBUTE_GRAPH: u64 = 6;
const ATTRIBUTE_TENSORS: u64 = 10;
const ATTRIBUTE_GRAPHS: u64 = 11;

/// Checks a model of the ONNX format. The error says what is out of bounds, as a part of a sentence.
pub(super) fn check(model: &[u8]) -> Result<(), String> {
    let mut count = Count::default();
    for field in fields(model) {
        let field = count.next(field)?;
        if field.number == MODEL_GRAPH {
            graph(field.content, 0, &mut count)?;
        }
    }
    Ok(())
}

/// What was met so far.
#[derive(Default)]
struct Count {
    messages: usize,
    fields: usize,
}

impl Count {
    fn next<'a>(&mut self, field: Option<Field<'a>>) -> Result<Field<'a>, String> {
        self.fields += 1;
        match field {
            Some(_) if self.fields > MOST_FIELDS => Err(format!("more than {MOST_FIELDS} fields")),
            Some(field) => Ok(field),
            None => Err("it cannot be parsed, its lengths do not fit".into()),
        }
    }

    fn message(&mut self) -> Result<(), String> {
        self.messages += 1;
        match self.messages > MOST_MESSAGES {
            true => Err(format!(
                "more than {MOST_MESSAGES} operators, settings and weights"
            )),
            false => Ok(()),
        }
    }
}

fn graph(content: &[u8], depth: usize, count: &mut Count) -> Result<(), String> {
    if depth > DEEPEST {
        return Err(format!("graphs nested more than {DEEPEST} deep"));
    }
    for field in fields(content) {
        let field = count.next(field)?;
        match field.number {
            GRAPH_NODE => node(field.content, depth, count)?,
            GRAPH_INITIALIZER => weight(field.content, count)?,
            number if GRAPH_VALUES.contains(&number) => count.message()?,
            _ => {}
        }
    }
    Ok(())
}

fn node(content: &[u8], depth: usize, count: &mut Count) -> Result<(), String> {
    count.message()?;
    for field in fields(content) {
        let field = count.next(field)?;
        if field.number == NODE_ATTRIBUTE {
            attribute(field.content, depth, count)?;
        }
    }
    Ok(())
}

fn attribute(content: &[u8], depth: usize, count: &mut Count) -> Result<(), String> {
    count.message()?;
    for field in fields(content) {
        let field = count.next(field)?;
        match field.number {
            ATTRIBUTE_TENSOR | ATTRIBUTE_TENSORS => weight(field.content, count)?,
            ATTRIBUTE_GRAPH | ATTRIBUTE_GRAPHS => graph(field.content, depth + 1, count)?,
            _ => {}
        }
    }
    Ok(())
}

/// What a weight says of itself.
#[derive(Default)]
struct Weight {
    name: String,
    dims: Vec<u64>,
    kind: u64,
    raw: Option<usize>,
    /// Elements in the typed fields.
    typed: usize,
    external: bool,
}

/// A weight holds as many elements as its dimensions say: runtimes take the memory before they look.
fn weight(content: &[u8], count: &mut Count) -> Result<(), String> {
    count.message()?;
    let mut weight = Weight::default();
    for field in fields(content) {
        // Long lists of numbers, one field each, are the data itself.
        let field = field.ok_or("it cannot be parsed, a weight is cut off")?;
        weight.take(&field)?;
        if weight.dims.len() > MOST_DIMENSIONS {
            return Err(format!(
                "a weight of more than {MOST_DIMENSIONS} dimensions"
            ));
        }
    }
    weight.check()
}

impl Weight {
    fn take(&mut self, field: &Field<'_>) -> Result<(), String> {
        let content = field.content;
        // A number that stands alone has no content.
        let several = |width: usize| match content.is_empty() {
            true => 1,
            false => content.len() / width,
        };
        match field.number {
            1 if content.is_empty() => self.dims.push(field.value),
            1 => {
                let dims = packed(content.get(..content.len().min(1024)).unwrap_or_default());
                self.dims
                    .extend(dims.ok_or("the dimensions of a weight cannot be read")?);
            }
            2 => self.kind = field.value,
            4 => self.typed += several(4),
            10 => self.typed += several(8),
            5 | 7 | 11 => {
                self.typed += match content.is_empty() {
                    true => 1,
                    false => content.iter().filter(|&&byte| byte & 0x80 == 0).count(),
                };
            }
            6 => self.typed += 1,
            8 => self.name = String::from_utf8_lossy(content).chars().take(80).collect(),
            9 => self.raw = Some(content.len()),
            14 => self.external = field.value == 1,
            _ => {}
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        let sides = || {
            let sides = self.dims.iter().map(|&side| (side as i64).to_string());
            format!(
                "the weight '{}' of {}",
                self.name,
                sides.collect::<Vec<_>>().join("x")
            )
        };
        let product = self.dims.iter().try_fold(1_u64, |product, &side| {
            let side = u64::try_from(side as i64).ok()?;
            product
                .checked_mul(side)
                .filter(|&product| product < 1 << 48)
        });
        let Some(elements) = product else {
            return Err(format!("{} has a size that is none", sides()));
        };
        let Some(bits) = bits(self.kind) else {
            return Ok(());
        };
        let expected = (elements * bits).div_ceil(8);
        let held = match self.raw {
            _ if self.external => return Ok(()),
            Some(bytes) => bytes as u64 == expected,
            // Two elements of 4 bits share a number.
            None if bits < 8 => self.typed as u64 == expected,
            None => self.typed as u64 == elements,
        };
        match held {
            true => Ok(()),
            false => Err(format!("{} does not hold as many numbers", sides())),
        }
    }
}

/// Bits of an element by its number in `TensorProto.DataType`; none for strings, complex numbers and what is not known.
fn bits(kind: u64) -> Option<u64> {
    match kind {
        2 | 3 | 9 | 17..=20 => Some(8),
        4 | 5 | 10 | 16 => Some(16),
        1 | 6 | 12 => Some(32),
        7 | 11 | 13 => Some(64),
        21 | 22 => Some(4),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::{append, append_number};
    use super::*;

    fn tensor(dims: &[u64], raw: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        dims.iter()
            .for_each(|&side| append_number(&mut bytes, 1, side));
        append_number(&mut bytes, 2, 1);
        append(&mut bytes, 9, &vec![0; raw]);
        bytes
    }

    fn model(graph: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        append(&mut bytes, MODEL_GRAPH, graph);
        bytes
    }

    fn with_weight(weight: &[u8]) -> Vec<u8> {
        let mut graph = Vec::new();
        append(&mut graph, GRAPH_INITIALIZER, weight);
        model(&graph)
    }

    #[test]
    fn weights_hold_what_their_dimensions_say() {
        assert_eq!(check(&with_weight(&tensor(&[2, 3], 24))), Ok(()));
        assert_eq!(check(&with_weight(&tensor(&[], 4))), Ok(()));
        assert_eq!(check(&with_weight(&tensor(&[0, 3], 0))), Ok(()));
        for (dims, part) in [
            (&[2, 4][..], "of 2x4 does not hold"),
            (&[u64::MAX, u64::MAX], "of -1x-1 has a size that is none"),
            (&[1 << 32, 1 << 32, 6], "has a size that is none"),
            (&[1 << 40], "does not hold"),
            (&[1; 40], "more than 32 dimensions"),
        ] {
            let message = check(&with_weight(&tensor(dims, 24))).unwrap_err();
            assert!(message.contains(part), "{message}");
        }
        // Numbers of their own field, packed and one by one.
        let mut typed = Vec::new();
        append_number(&mut typed, 1, 3);
        append_number(&mut typed, 2, 7);
        append(&mut typed, 7, &[0x96, 0x01, 5]);
        append_number(&mut typed, 7, 300);
        assert_eq!(check(&with_weight(&typed)), Ok(()));
    }

    #[test]
    fn graphs_nest_and_multiply_within_bounds() {
        let nested = |depth: usize| {
            let mut graph = Vec::new();
            for _ in 0..depth {
                let (mut attribute, mut node, mut outer) = (Vec::new(), Vec::new(), Vec::new());
                append(&mut attribute, ATTRIBUTE_GRAPH, &graph);
                append(&mut node, NODE_ATTRIBUTE, &attribute);
                append(&mut outer, GRAPH_NODE, &node);
                graph = outer;
            }
            check(&model(&graph))
        };
        assert_eq!(nested(DEEPEST), Ok(()));
        assert!(nested(DEEPEST + 1).unwrap_err().contains("nested"));
        assert!(nested(2000).unwrap_err().contains("nested"));
        let many = [(GRAPH_NODE as u8) << 3 | 2, 0].repeat(MOST_MESSAGES + 1);
        assert!(check(&model(&many)).unwrap_err().contains("operators"));
        let named = [1 << 3 | 2, 0].repeat(MOST_FIELDS + 1);
        let mut graph = Vec::new();
        append(&mut graph, GRAPH_NODE, &named);
        assert!(check(&model(&graph)).unwrap_err().contains("fields"));
    }
}
