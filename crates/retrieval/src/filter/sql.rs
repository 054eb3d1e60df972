//! A condition as one SQL expression with parameters, and its answer.
//!
//! Nothing of the user's text enters the SQL: keys and values are parameters. Every test is wrapped so that it is true or
//! false and never SQL's third value. Conditions joined by one word become balanced trees, because SQLite bounds the
//! depth of an expression.

use std::collections::{BTreeMap, HashSet};

use rusqlite::types::Value as Parameter;

use super::{BUILT_IN, Comparison, Condition, Field, Filter, Key, Test, Value, distance};
use crate::catalog::Catalog;
use crate::{Error, SyntaxError};

/// Stands in for tables that a catalog of format 1 does not have.
const NO_METADATA: &str =
    "(SELECT 0 AS image, '' AS key, 0 AS place, '' AS text, 0.0 AS number WHERE 0)";
const NO_CAPTIONS: &str = "(SELECT 0 AS image, '' AS text WHERE 0)";

impl Catalog {
    /// Identities of the images for which the condition holds.
    pub(crate) fn matching(&self, filter: &Filter) -> Result<HashSet<i64>, Error> {
        let mut used = Uses::default();
        used.collect(&filter.condition);
        self.check_keys(filter, &used.keys)?;
        let second = self.format()? >= 2;
        let mut compiler = Compiler {
            metadata: if second { "metadata" } else { NO_METADATA },
            captions: if second { "captions" } else { NO_CAPTIONS },
            positions: if used.near {
                self.positions()?
            } else {
                BTreeMap::new()
            },
            parameters: Vec::new(),
        };
        let condition = compiler.condition(&filter.condition);
        let sql = format!("SELECT i.id FROM images i WHERE {condition}");
        self.select_ids(&sql, compiler.parameters)
    }

    /// A key that no image has is a slip of the pen more often than a question.
    fn check_keys(&self, filter: &Filter, keys: &[&Key]) -> Result<(), Error> {
        if keys.is_empty() {
            return Ok(());
        }
        let known = self.metadata_keys()?;
        let Some(key) = keys.iter().find(|key| !known.contains(&key.name)) else {
            return Ok(());
        };
        let names = |names: Vec<&str>| match names.len() {
            0 => "none".to_owned(),
            _ => names.join(", "),
        };
        let message = format!(
            "no image has `{}`; every image has {}; from metadata there are: {}",
            key.name,
            names(BUILT_IN.iter().map(|(name, _)| *name).collect()),
            names(known.iter().take(40).map(String::as_str).collect())
        );
        Err(SyntaxError::at(filter.text(), key.offset, message).into())
    }
}

/// What a condition asks for.
#[derive(Default)]
struct Uses<'a> {
    keys: Vec<&'a Key>,
    near: bool,
}

impl<'a> Uses<'a> {
    fn collect(&mut self, condition: &'a Condition) {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().for_each(|part| self.collect(part));
            }
            Condition::Not(inner) => self.collect(inner),
            Condition::Near { .. } => self.near = true,
            Condition::Test(key, _) if key.field == Field::Metadata => self.keys.push(key),
            Condition::Test(..) => {}
        }
    }
}

struct Compiler {
    metadata: &'static str,
    captions: &'static str,
    positions: BTreeMap<i64, [f64; 2]>,
    parameters: Vec<Parameter>,
}

impl Compiler {
    fn condition(&mut self, condition: &Condition) -> String {
        match condition {
            Condition::All(parts) => self.joined(parts, "AND"),
            Condition::Any(parts) => self.joined(parts, "OR"),
            Condition::Not(inner) => format!("NOT ({})", self.condition(inner)),
            Condition::Near {
                north,
                east,
                metres,
            } => self.near([*north, *east], *metres),
            Condition::Test(key, test) => self.test(key, test),
        }
    }

    /// Joins parts as a balanced tree; parameters keep their order.
    fn joined(&mut self, parts: &[Condition], word: &str) -> String {
        match parts {
            [only] => self.condition(only),
            _ => {
                let (left, right) = parts.split_at(parts.len() / 2);
                let left = self.joined(left, word);
                format!("({left} {word} {})", self.joined(right, word))
            }
        }
    }

    fn near(&mut self, centre: [f64; 2], metres: f64) -> String {
        let inside = self
            .positions
            .iter()
            .filter(|(_, place)| distance(centre, **place) <= metres)
            .map(|(image, _)| image.to_string());
        let list = format!("[{}]", inside.collect::<Vec<_>>().join(","));
        self.parameters.push(Parameter::Text(list));
        "i.id IN (SELECT value FROM json_each(?))".into()
    }

    fn test(&mut self, key: &Key, test: &Test) -> String {
        let metadata = self.metadata;
        let given = |column: &str, name: &str| {
            format!(
                "(SELECT m.{column} FROM {metadata} m WHERE m.image = i.id AND m.key = '{name}' AND m.place = 0)"
            )
        };
        let scalar = match key.field {
            Field::Number(name) => format!("i.{name}"),
            Field::Place(name) => format!("coalesce({}, i.{name})", given("number", name)),
            Field::Format => "i.format".into(),
            Field::Camera => format!("coalesce({}, i.camera)", given("text", "camera")),
            Field::Taken => format!(
                "replace(coalesce({}, i.taken), ' ', 'T')",
                given("text", "taken")
            ),
            Field::Path => {
                let test = self.predicate("f.path", None, key.field, test);
                return format!("EXISTS (SELECT 1 FROM files f WHERE f.image = i.id AND {test})");
            }
            Field::Caption => {
                let captions = self.captions;
                let test = self.predicate("c.text", None, key.field, test);
                return format!(
                    "EXISTS (SELECT 1 FROM {captions} c WHERE c.image = i.id AND {test})"
                );
            }
            Field::Metadata => {
                self.parameters.push(Parameter::Text(key.name.clone()));
                let test = self.predicate("m.text", Some("m.number"), key.field, test);
                return format!(
                    "EXISTS (SELECT 1 FROM {metadata} m WHERE m.image = i.id AND m.key = ? AND {test})"
                );
            }
        };
        let number = key.field.is_number().then_some(scalar.as_str());
        let test = self.predicate(&scalar, number, key.field, test);
        format!("coalesce({test}, 0)")
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
