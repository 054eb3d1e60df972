//! The parser of conditions: recursive descent over the grammar in the module above, no deeper than a bound.

use super::condition::{BUILT_IN, Comparison, Condition, Field, Key, Test, Value};
use super::lexer::{self, Placed, Token};
use crate::SyntaxError;

const MOST_BYTES: usize = 100_000;
const MOST_TESTS: usize = 1_000;
const MOST_VALUES: usize = 10_000;
const MOST_LEVELS: usize = 100;
/// A pattern is compared with all texts at every place, in one step of SQLite's machine.
const MOST_PATTERN: usize = 1_000;

/// Words that cannot be keys without back quotes.
const RESERVED: [&str; 11] = [
    "and", "or", "not", "in", "is", "null", "like", "contains", "between", "true", "false",
];

pub(super) fn parse(text: &str) -> Result<Condition, SyntaxError> {
    if text.len() > MOST_BYTES {
        let message = format!("the condition is too long, the most are {MOST_BYTES} characters");
        return Err(SyntaxError::at(text, 0, message));
    }
    let tokens = lexer::tokens(text)?;
    let mut parser = Parser {
        text,
        tokens,
        at: 0,
        tests: 0,
        values: 0,
    };
    let condition = parser.any(0)?;
    match parser.peek() {
        Token::End => Ok(condition),
        Token::Sign(")") => parser.fail("this parenthesis closes nothing"),
        _ => parser.fail("and, or, or the end is expected here"),
    }
}

struct Parser<'a> {
    text: &'a str,
    /// Ends with [`Token::End`].
    tokens: Vec<Placed>,
    at: usize,
    tests: usize,
    values: usize,
}

impl Parser<'_> {
    fn any(&mut self, level: usize) -> Result<Condition, SyntaxError> {
        let mut parts = vec![self.all(level)?];
        while self.take_word("or") {
            parts.push(self.all(level)?);
        }
        Ok(joined(parts, Condition::Any))
    }

    fn all(&mut self, level: usize) -> Result<Condition, SyntaxError> {
        let mut parts = vec![self.one(level)?];
        while self.take_word("and") {
            parts.push(self.one(level)?);
        }
        Ok(joined(parts, Condition::All))
    }

    fn one(&mut self, level: usize) -> Result<Condition, SyntaxError> {
        if level > MOST_LEVELS {
            let message = format!("conditions may be nested {MOST_LEVELS} levels deep");
            return self.fail(message);
        }
        if self.take_word("not") {
            return Ok(Condition::Not(Box::new(self.one(level + 1)?)));
        }
        if self.take_sign("(") {
            let opened = self.tokens[self.at - 1].offset;
            let inner = self.any(level + 1)?;
            if !self.take_sign(")") {
                return self.unclosed(opened);
            }
            return Ok(inner);
        }
        self.tests += 1;
        if self.tests > MOST_TESTS {
            return self.fail(format!("a condition has at most {MOST_TESTS} tests"));
        }
        let call = self.tokens.get(self.at + 1).map(|placed| &placed.token);
        if self.is_word("near") && call == Some(&Token::Sign("(")) {
            return self.near();
        }
        let key = self.key()?;
        self.test(key)
    }

    fn near(&mut self) -> Result<Condition, SyntaxError> {
        let opened = self.tokens[self.at + 1].offset;
        self.at += 2;
        let north = self.number("the degrees north", -90.0, 90.0)?;
        self.comma("the degrees east")?;
        let east = self.number("the degrees east", -180.0, 360.0)?;
        self.comma("the radius, such as 10 km")?;
        let radius = self.number("the radius, such as 10 km,", 0.0, 1e9)?;
        let unit = match self.peek() {
            Token::Word(unit) => match unit.to_lowercase().as_str() {
                "m" => 1.0,
                "km" => 1000.0,
                "mi" => 1609.344,
                _ => return self.fail("a radius is in m, km or mi"),
            },
            _ => return self.fail("the unit of the radius is missing: m, km or mi"),
        };
        self.at += 1;
        if !self.take_sign(")") {
            return self.unclosed(opened);
        }
        Ok(Condition::Near {
            north,
            east,
            metres: radius * unit,
        })
    }

    fn key(&mut self) -> Result<Key, SyntaxError> {
        let offset = self.offset();
        let name = match self.peek() {
            Token::Name(name) => name.trim().to_lowercase(),
            Token::Word(word) if !RESERVED.contains(&word.to_lowercase().as_str()) => {
                word.to_lowercase()
            }
            Token::Text(text) => {
                let message = format!(
                    "a key is expected here, such as taken; a key stands without quotes or in back quotes, `{text}`"
                );
                return self.fail(message);
            }
            _ => {
                let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
                return self.fail(format!(
                    "a condition is expected here: not, near(…), or a key with a comparison; keys are {} and those of \
                     the metadata",
                    names.join(", ")
                ));
            }
        };
        self.at += 1;
        // The list of labels and the label are one thing.
        let name = if name == "labels" {
            "label".into()
        } else {
            name
        };
        let field = Field::of(&name);
        Ok(Key {
            name,
            field,
            offset,
        })
    }

    fn test(&mut self, key: Key) -> Result<Condition, SyntaxError> {
        let negated = self.take_word("not");
        let test = if self.take_word("in") {
            Test::In(self.list(&key)?)
        } else if self.take_word("contains") {
            Test::Contains(self.words(&key, "contains")?)
        } else if self.take_word("like") {
            Test::Like(self.words(&key, "like")?)
        } else if self.take_word("between") {
            return self.between(key, negated);
        } else if negated {
            return self.fail("in, like, contains or between is expected after `not` here");
        } else if self.take_word("is") {
            let present = self.take_word("not");
            if !self.take_word("null") {
                return self.fail("`null` is expected here: is null, or is not null");
            }
            let test = Condition::Test(key, Test::Present);
            return Ok(negate_if(!present, test));
        } else {
            let (comparison, negated) = self.comparison()?;
            let value = self.value(&key)?;
            return Ok(compared(key, comparison, value, negated));
        };
        Ok(negate_if(negated, Condition::Test(key, test)))
    }

    fn between(&mut self, key: Key, negated: bool) -> Result<Condition, SyntaxError> {
        let low = self.value(&key)?;
        if !self.take_word("and") {
            return self.fail("`and` is expected here: between 10 and 20");
        }
        let high = self.value(&key)?;
        let above = Test::Compare(Comparison::GreaterOrEqual, low);
        let below = Test::Compare(Comparison::LessOrEqual, high);
        let both = vec![
            Condition::Test(key.clone(), above),
            Condition::Test(key, below),
        ];
        Ok(negate_if(negated, Condition::All(both)))
    }

    fn comparison(&mut self) -> Result<(Comparison, bool), SyntaxError> {
        let found = match self.peek() {
            Token::Sign("=") => (Comparison::Equal, false),
            Token::Sign("!=") => (Comparison::Equal, true),
            Token::Sign("<") => (Comparison::Less, false),
            Token::Sign("<=") => (Comparison::LessOrEqual, false),
            Token::Sign(">") => (Comparison::Greater, false),
            Token::Sign(">=") => (Comparison::GreaterOrEqual, false),
            _ => {
                return self.fail(
                    "a comparison is expected here: =, !=, <, <=, >, >=, in, like, contains, between, is null",
                );
            }
        };
        self.at += 1;
        Ok(found)
    }

    fn list(&mut self, key: &Key) -> Result<Vec<Value>, SyntaxError> {
        let opened = self.offset();
        if !self.take_sign("(") {
            return self.fail("values in parentheses are expected here: in (\"a\", \"b\")");
        }
        let mut values = vec![self.value(key)?];
        while self.take_sign(",") {
            values.push(self.value(key)?);
        }
        if !self.take_sign(")") {
            return self.unclosed(opened);
        }
        Ok(values)
    }

    fn value(&mut self, key: &Key) -> Result<Value, SyntaxError> {
        self.values += 1;
        if self.values > MOST_VALUES {
            return self.fail(format!("a condition has at most {MOST_VALUES} values"));
        }
        let value = match self.peek() {
            Token::Number(number, written) => Value::Number(*number, written.clone()),
            Token::Date(date) => Value::Date(date.clone()),
            Token::Text(text) => Value::Text(text.clone()),
            Token::Word(word) if ["true", "false"].contains(&word.to_lowercase().as_str()) => {
                Value::Text(word.to_lowercase())
            }
            Token::Word(word) => {
                return self.fail(format!("a text stands in quotes: \"{word}\""));
            }
            _ => return self.fail("a value is expected here: a number, a date or a \"text\""),
        };
        let value = match (key.field, value) {
            (Field::Taken, Value::Text(text) | Value::Number(_, text)) => {
                match lexer::date(&text) {
                    Some(date) => Value::Date(date),
                    None => return self.fail(lexer::no_date(&text)),
                }
            }
            (field, Value::Text(_) | Value::Date(_)) if field.is_number() => {
                return self.fail(format!("`{}` is a number, without quotes", key.name));
            }
            (_, value) => value,
        };
        self.at += 1;
        Ok(value)
    }

    /// The text of `contains` and `like`.
    fn words(&mut self, key: &Key, test: &str) -> Result<String, SyntaxError> {
        let text = match self.peek() {
            Token::Text(text) => text.clone(),
            _ => return self.fail(format!("a text in quotes is expected after `{test}`")),
        };
        if key.field.is_number() {
            let message = format!(
                "`{}` is a number; compare it with =, <, > or between",
                key.name
            );
            return Err(SyntaxError::at(self.text, key.offset, message));
        }
        if text.len() > MOST_PATTERN {
            return self.fail(format!(
                "this text is longer than {MOST_PATTERN} characters"
            ));
        }
        self.at += 1;
        Ok(text)
    }

    fn number(&mut self, what: &str, low: f64, high: f64) -> Result<f64, SyntaxError> {
        match *self.peek() {
            Token::Number(number, _) if (low..=high).contains(&number) => {
                self.at += 1;
                Ok(number)
            }
            Token::Number(..) => self.fail(format!(
                "{} must lie between {low} and {high}",
                what.trim_end_matches(',')
            )),
            _ => self.fail(format!(
                "{what} must stand here, as in near(47.5, 19.0, 10 km)"
            )),
        }
    }

    fn comma(&mut self, what: &str) -> Result<(), SyntaxError> {
        if self.take_sign(",") {
            return Ok(());
        }
        self.fail(format!(
            "a comma and {what} must stand here, as in near(47.5, 19.0, 10 km)"
        ))
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.at].token
    }

    fn offset(&self) -> usize {
        self.tokens[self.at].offset
    }

    fn is_word(&self, wanted: &str) -> bool {
        matches!(self.peek(), Token::Word(word) if word.eq_ignore_ascii_case(wanted))
    }

    fn take_word(&mut self, wanted: &str) -> bool {
        let there = self.is_word(wanted);
        self.at += usize::from(there);
        there
    }

    fn take_sign(&mut self, wanted: &str) -> bool {
        let there = matches!(self.peek(), Token::Sign(sign) if *sign == wanted);
        self.at += usize::from(there);
        there
    }

    fn unclosed<T>(&self, opened: usize) -> Result<T, SyntaxError> {
        let column = self.text[..opened].chars().count() + 1;
        let message =
            format!("a closing parenthesis is missing here; the open one is in column {column}");
        self.fail(message)
    }

    fn fail<T>(&self, message: impl Into<String>) -> Result<T, SyntaxError> {
        Err(SyntaxError::at(self.text, self.offset(), message))
    }
}

/// Unequal means that there is a value and that none is equal.
fn compared(key: Key, comparison: Comparison, value: Value, negated: bool) -> Condition {
    let test = Condition::Test(key.clone(), Test::Compare(comparison, value));
    if !negated {
        return test;
    }
    let present = Condition::Test(key, Test::Present);
    Condition::All(vec![present, Condition::Not(Box::new(test))])
}

fn negate_if(negated: bool, condition: Condition) -> Condition {
    if negated {
        Condition::Not(Box::new(condition))
    } else {
        condition
    }
}

fn joined(mut parts: Vec<Condition>, join: impl FnOnce(Vec<Condition>) -> Condition) -> Condition {
    match parts.len() {
        1 => parts.remove(0),
        _ => join(parts),
    }
}
