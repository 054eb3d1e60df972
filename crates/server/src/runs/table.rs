//! Tables of numbers, as runs log them.

use serde_json::{Map, Number, Value};

/// Rows that are read.
const MOST_ROWS: usize = 100_000;

/// An object for each line under the first, which names the columns. Cells hold no commas; what is no finite number is
/// text, or `null` when there is nothing or no number.
pub(super) fn rows(text: &str) -> Vec<Map<String, Value>> {
    let mut lines = text.lines();
    let heads: Vec<&str> = lines
        .next()
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .collect();
    let row = |line: &str| {
        let cells = line.split(',').map(|cell| value(cell.trim()));
        let named = heads.iter().zip(cells);
        named
            .map(|(head, cell)| ((*head).to_owned(), cell))
            .collect()
    };
    let filled = lines.filter(|line| !line.trim().is_empty());
    filled.take(MOST_ROWS).map(row).collect()
}

fn value(cell: &str) -> Value {
    match cell.parse::<f64>() {
        Ok(number) => Number::from_f64(number).map_or(Value::Null, Value::Number),
        Err(_) if cell.is_empty() => Value::Null,
        Err(_) => Value::String(cell.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_numbers_and_what_is_none_is_null() {
        let rows = rows("epoch, loss,device\n1,0.5,cpu\r\n2,NaN,\n\n3\n");
        let rows: Vec<Value> = rows.into_iter().map(Value::Object).collect();
        assert_eq!(
            rows,
            [
                json!({"epoch": 1.0, "loss": 0.5, "device": "cpu"}),
                json!({"epoch": 2.0, "loss": null, "device": null}),
                json!({"epoch": 3.0}),
            ]
        );
        assert!(super::rows("").is_empty());
    }
}
