//! Tables of numbers, as runs log them.

use serde_json::{Map, Number, Value};
use vizsla_evaluation::RunLog;

/// An object for each line of a log. What is no finite number is text, or `null` when there is nothing or no number.
pub(super) fn rows(text: &str) -> Vec<Map<String, Value>> {
    let log = RunLog::parse(text);
    let row = |cells: &Vec<String>| {
        let named = log.columns.iter().zip(cells);
        named
            .map(|(column, cell)| (column.clone(), value(cell)))
            .collect()
    };
    log.lines.iter().map(row).collect()
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
