//! A test as one SQL statement with parameters.
//!
//! Nothing of the user's text enters the SQL: keys and values are parameters. A statement goes once over the one table
//! that the values are in, so what it costs does not depend on the condition around it.

use std::collections::BTreeMap;

use rusqlite::types::Value as Parameter;

use super::condition::{Comparison, Field, Key, Test, Value};

/// Stands in for tables that a catalog of format 1 does not have.
const NO_METADATA: &str =
    "(SELECT 0 AS image, '' AS key, 0 AS place, '' AS text, 0.0 AS number WHERE 0)";
const NO_CAPTIONS: &str = "(SELECT 0 AS image, '' AS text WHERE 0)";

/// Selects the images that pass a test.
pub(super) struct Statement {
    pub sql: String,
    pub parameters: Vec<Parameter>,
}

impl Statement {
    /// A test on a catalog of the second format or of the first. Where metadata gives values for a key that images have of
    /// themselves, these go first.
    pub fn of(key: &Key, test: &Test, second: bool, given: bool) -> Self {
        let mut compiler = Compiler {
            metadata: if second { "metadata" } else { NO_METADATA },
            captions: if second { "captions" } else { NO_CAPTIONS },
            given,
            parameters: Vec::new(),
        };
        let sql = compiler.test(key, test);
        Self {
            sql,
            parameters: compiler.parameters,
        }
    }

    /// The same for the same test.
    pub fn name(&self) -> String {
        format!("{} {:?}", self.sql, self.parameters)
    }
}

struct Compiler {
    metadata: &'static str,
    captions: &'static str,
    given: bool,
    parameters: Vec<Parameter>,
}

impl Compiler {
    fn test(&mut self, key: &Key, test: &Test) -> String {
        let (metadata, captions) = (self.metadata, self.captions);
        let known = |column: &str, name: &str| match self.given {
            true => format!(
                "coalesce((SELECT m.{column} FROM {metadata} m WHERE m.image = i.id AND m.key = '{name}' AND \
                 m.place = 0), i.{name})"
            ),
            false => format!("i.{name}"),
        };
        let scalar = match key.field {
            Field::Number(name) => format!("i.{name}"),
            Field::Place(name) => known("number", name),
            Field::Format => "i.format".into(),
            Field::Camera => known("text", "camera"),
            Field::Taken => format!("replace({}, ' ', 'T')", known("text", "taken")),
            Field::Path => {
                let test = self.predicate("f.path", None, key.field, test);
                return format!("SELECT f.image FROM files f WHERE {test}");
            }
            Field::Caption => {
                let test = self.predicate("c.text", None, key.field, test);
                return format!("SELECT c.image FROM {captions} c WHERE {test}");
            }
            Field::Metadata => {
                self.parameters.push(Parameter::Text(key.name.clone()));
                let test = self.predicate("m.text", Some("m.number"), key.field, test);
                return format!("SELECT m.image FROM {metadata} m WHERE m.key = ? AND {test}");
            }
        };
        let number = key.field.is_number().then_some(scalar.as_str());
        let test = self.predicate(&scalar, number, key.field, test);
        format!("SELECT i.id FROM images i WHERE {test}")
    }

    /// A test of a text and, where there is one, of the number that it stands for.
    fn predicate(&mut self, text: &str, number: Option<&str>, field: Field, test: &Test) -> String {
        match test {
            Test::Present => format!("({text} IS NOT NULL)"),
            Test::Like(pattern) => {
                self.parameters.push(Parameter::Text(pattern.clone()));
                format!("({text} LIKE ?)")
            }
            Test::Contains(part) => {
                self.parameters.push(Parameter::Text(part.clone()));
                format!("(instr(lower({text}), lower(?)) > 0)")
            }
            Test::Compare(comparison, value) => {
                self.compared(text, number, field, *comparison, value)
            }
            Test::In(values) => self.any_equal(text, number, field, values),
        }
    }

    /// Lists go in as JSON, so that a thousand values cost SQLite one table and not a thousand expressions.
    fn any_equal(
        &mut self,
        text: &str,
        number: Option<&str>,
        field: Field,
        values: &[Value],
    ) -> String {
        let mut texts = Vec::new();
        let mut numbers = Vec::new();
        let mut dates: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for value in values {
            match value {
                Value::Text(value) => texts.push(value.as_str()),
                Value::Date(date) => dates.entry(date.len()).or_default().push(date),
                Value::Number(value, written) => {
                    numbers.push(*value);
                    texts.push(written);
                }
            }
        }
        let mut tests = Vec::new();
        if let (Some(number), false) = (number, numbers.is_empty()) {
            self.list(&numbers);
            tests.push(format!("{number} IN (SELECT value FROM json_each(?))"));
        }
        if !texts.is_empty() && number != Some(text) {
            self.list(&texts);
            tests.push(if field == Field::Camera {
                format!(
                    "EXISTS (SELECT 1 FROM json_each(?) v WHERE {})",
                    camera(text, "v.value")
                )
            } else {
                format!("{text} COLLATE NOCASE IN (SELECT value FROM json_each(?))")
            });
        }
        for (length, dates) in dates {
            self.list(&dates);
            tests.push(format!(
                "substr({text}, 1, {length}) IN (SELECT value FROM json_each(?))"
            ));
        }
        format!("({})", tests.join(" OR "))
    }

    fn list<T: Clone + Into<serde_json::Value>>(&mut self, values: &[T]) {
        let json = serde_json::Value::from(values).to_string();
        self.parameters.push(Parameter::Text(json));
    }

    fn compared(
        &mut self,
        text: &str,
        number: Option<&str>,
        field: Field,
        comparison: Comparison,
        value: &Value,
    ) -> String {
        let sign = match comparison {
            Comparison::Equal => "=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        };
        let equal = comparison == Comparison::Equal;
        match (value, number) {
            (Value::Number(value, _), Some(number)) if !equal || number == text => {
                self.parameters.push(Parameter::Real(*value));
                format!("({number} {sign} ?)")
            }
            (Value::Number(value, written), Some(number)) => {
                self.parameters.push(Parameter::Real(*value));
                self.parameters.push(Parameter::Text(written.clone()));
                format!("({number} = ? OR {text} = ?)")
            }
            (Value::Date(date), _) => {
                let length = date.len();
                self.parameters.push(Parameter::Text(date.clone()));
                format!("(substr({text}, 1, {length}) {sign} ?)")
            }
            (Value::Text(name) | Value::Number(_, name), _) if equal && field == Field::Camera => {
                let name = Parameter::Text(name.clone());
                self.parameters.extend([name.clone(), name.clone(), name]);
                camera(text, "?")
            }
            (Value::Text(value) | Value::Number(_, value), _) => {
                self.parameters.push(Parameter::Text(value.clone()));
                format!("({text} {sign} ? COLLATE NOCASE)")
            }
        }
    }
}

/// A camera is stored as maker and model; people name the model.
fn camera(text: &str, name: &str) -> String {
    format!(
        "({text} = {name} COLLATE NOCASE OR substr({text}, -1 - length({name})) = (' ' || {name}) COLLATE NOCASE)"
    )
}
