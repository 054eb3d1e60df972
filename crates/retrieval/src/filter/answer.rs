//! The answer to a condition: the images for which it holds.
//!
//! Every test is asked of the catalog by a statement of its own, each once however often it stands in the condition, and
//! becomes a set of ids. The sets are joined here. So a condition costs as much as its tests, whatever stands around
//! them, and no statement grows with the condition. Between tests, and within them, whoever no longer waits can stop it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use vizsla_vectors::IdSet;

use super::condition::{BUILT_IN, Condition, Field, Key, Test};
use super::sql::Statement;
use super::{Filter, distance};
use crate::catalog::Catalog;
use crate::{Error, SyntaxError, stop};

/// Positions that are looked at between two questions whether to go on.
const STEPS: usize = 1024;

impl Catalog {
    /// Identities of the images for which the condition holds.
    pub(crate) fn matching(&self, filter: &Filter) -> Result<IdSet, Error> {
        let mut tests = Vec::new();
        collect(&filter.condition, &mut tests);
        self.check_keys(filter, &tests)?;
        let mut asking = Asking::new(self, &tests)?;
        let mut found = asking.answer(&filter.condition)?;
        // A damaged catalog may have values of images that it does not have.
        found.intersect(&asking.all);
        Ok(found)
    }

    /// A key that no image has is a slip of the pen more often than a question.
    fn check_keys(&self, filter: &Filter, tests: &[(&Key, &Test)]) -> Result<(), Error> {
        let mut there = BTreeSet::new();
        for (key, _) in tests.iter().filter(|(key, _)| key.field == Field::Metadata) {
            if there.contains(key.name.as_str()) {
                continue;
            }
            if !self.has_metadata_key(&key.name)? {
                return Err(self.unknown_key(filter, key)?.into());
            }
            there.insert(key.name.as_str());
        }
        Ok(())
    }

    fn unknown_key(&self, filter: &Filter, key: &Key) -> Result<SyntaxError, Error> {
        let known = self.metadata_keys()?;
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
        Ok(SyntaxError::at(filter.text(), key.offset, message))
    }
}

/// The tests of a condition, from left to right.
fn collect<'a>(condition: &'a Condition, tests: &mut Vec<(&'a Key, &'a Test)>) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter().for_each(|part| collect(part, tests));
        }
        Condition::Not(inner) => collect(inner, tests),
        Condition::Near { .. } => {}
        Condition::Test(key, test) => tests.push((key, test)),
    }
}

/// A test that was asked, and how often its answer is still needed.
struct Asked {
    left: usize,
    answer: Option<IdSet>,
}

/// One condition while it is answered.
struct Asking<'a> {
    catalog: &'a Catalog,
    second: bool,
    /// All images.
    all: IdSet,
    /// Keys of images that metadata has values for as well.
    given: HashMap<String, bool>,
    tests: HashMap<String, Asked>,
    positions: Option<BTreeMap<i64, [f64; 2]>>,
}

impl<'a> Asking<'a> {
    fn new(catalog: &'a Catalog, tests: &[(&Key, &Test)]) -> Result<Self, Error> {
        let mut asking = Self {
            catalog,
            second: catalog.format()? >= 2,
            all: catalog.image_ids()?.into_iter().collect(),
            given: HashMap::new(),
            tests: HashMap::new(),
            positions: None,
        };
        for (key, test) in tests {
            let name = asking.statement(key, test)?.name();
            let asked = asking.tests.entry(name).or_insert(Asked {
                left: 0,
                answer: None,
            });
            asked.left += 1;
        }
        Ok(asking)
    }

    fn statement(&mut self, key: &Key, test: &Test) -> Result<Statement, Error> {
        let beside = matches!(key.field, Field::Place(_) | Field::Camera | Field::Taken);
        let given = match self.given.get(&key.name) {
            _ if !beside => false,
            Some(&given) => given,
            None => {
                let given = self.catalog.has_metadata_key(&key.name)?;
                self.given.insert(key.name.clone(), given);
                given
            }
        };
        Ok(Statement::of(key, test, self.second, given))
    }

    fn answer(&mut self, condition: &Condition) -> Result<IdSet, Error> {
        stop::go_on()?;
        match condition {
            Condition::All(parts) => {
                let mut found = self.all.clone();
                for part in parts {
                    if found.is_empty() {
                        break;
                    }
                    found.intersect(&self.answer(part)?);
                }
                Ok(found)
            }
            Condition::Any(parts) => {
                let mut found = IdSet::new();
                for part in parts {
                    found.unite(&self.answer(part)?);
                }
                Ok(found)
            }
            Condition::Not(inner) => {
                let mut found = self.all.clone();
                found.subtract(&self.answer(inner)?);
                Ok(found)
            }
            Condition::Near {
                north,
                east,
                metres,
            } => self.near([*north, *east], *metres),
            Condition::Test(key, test) => self.ask(key, test),
        }
    }

    fn near(&mut self, centre: [f64; 2], metres: f64) -> Result<IdSet, Error> {
        let positions = match &mut self.positions {
            Some(positions) => positions,
            none => none.insert(self.catalog.positions()?),
        };
        let mut found = IdSet::new();
        for (at, (&image, &place)) in positions.iter().enumerate() {
            if at % STEPS == 0 {
                stop::go_on()?;
            }
            if distance(centre, place) <= metres {
                found.insert(image);
            }
        }
        Ok(found)
    }

    fn ask(&mut self, key: &Key, test: &Test) -> Result<IdSet, Error> {
        let statement = self.statement(key, test)?;
        let name = statement.name();
        if let Some(answer) = self
            .tests
            .get(&name)
            .and_then(|asked| asked.answer.as_ref())
        {
            let answer = answer.clone();
            self.used(&name);
            return Ok(answer);
        }
        let found: IdSet = self
            .catalog
            .select_ids(&statement.sql, statement.parameters)?;
        let again = self.tests.get_mut(&name).filter(|asked| asked.left > 1);
        if let Some(asked) = again {
            asked.answer = Some(found.clone());
        }
        self.used(&name);
        Ok(found)
    }

    /// An answer is kept as long as it is needed.
    fn used(&mut self, name: &str) {
        if let Some(asked) = self.tests.get_mut(name) {
            asked.left = asked.left.saturating_sub(1);
            if asked.left == 0 {
                asked.answer = None;
            }
        }
    }
}
