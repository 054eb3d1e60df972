//! What the configurations of all kinds of runs have in common: how their files are read, one setting is changed, and the
//! ranges of the settings that several of them have.

use std::path::Path;

use fs_err as fs;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// Longest configuration that is read, bytes.
const MOST_BYTES: u64 = 1 << 20;

/// The text of a configuration.
///
/// # Errors
/// It cannot be read, or is too long to be one.
pub(super) fn read(path: &Path) -> Result<String, Error> {
    let bytes = fs::metadata(path)?.len();
    match bytes > MOST_BYTES {
        true => Err(Error::invalid(
            format!("{bytes} bytes are no configuration of a run"),
            path,
        )),
        false => Ok(fs::read_to_string(path)?),
    }
}

/// A copy of a configuration with one setting changed, unchecked.
///
/// # Errors
/// [`Error::Setting`] when there is no such setting or it cannot have this value.
pub(super) fn changed<T: Serialize + DeserializeOwned>(
    config: &T,
    name: &str,
    value: &str,
) -> Result<T, Error> {
    let refused = |why: String| Error::setting(name, value, why);
    let table = toml::Table::try_from(config).map_err(|e| refused(e.to_string()))?;
    let mut root = toml::Value::Table(table);
    let mut place = &mut root;
    let parts: Vec<&str> = name.split('.').collect();
    for part in &parts {
        let toml::Value::Table(table) = place else {
            return Err(refused("there is no such setting".into()));
        };
        let empty = toml::Value::String(String::new());
        place = table.entry((*part).to_owned()).or_insert(empty);
    }
    let parsed: Result<toml::Table, _> = toml::from_str(&format!("v = {value}"));
    *place = match parsed.ok().and_then(|mut t| t.remove("v")) {
        Some(value) => value,
        None => toml::Value::String(value.to_owned()),
    };
    root.try_into()
        .map_err(|error: toml::de::Error| refused(error.message().to_owned()))
}

/// Refuses a value that does not fit.
///
/// # Errors
/// [`Error::Setting`], which names the setting and what it may be.
pub(super) fn ranged(name: &str, value: f64, fits: bool, allowed: &str) -> Result<(), Error> {
    match fits {
        true => Ok(()),
        false => Err(Error::setting(name, value, allowed)),
    }
}

/// Refuses a number that is not above zero.
///
/// # Errors
/// As [`ranged`].
pub(super) fn above_zero(name: &str, value: f64) -> Result<(), Error> {
    let fits = value.is_finite() && value > 0.0;
    ranged(name, value, fits, "it is a number above zero")
}

/// Refuses a side of pictures that no network takes, pixels.
///
/// # Errors
/// As [`ranged`].
pub(super) fn side(side: u32) -> Result<(), Error> {
    let fits = (32..=4096).contains(&side);
    ranged("model.side", f64::from(side), fits, "it is 32 to 4096")
}

/// Refuses a share of hidden numbers to leave out.
///
/// # Errors
/// As [`ranged`].
pub(super) fn dropout(share: f64) -> Result<(), Error> {
    let fits = (0.0..1.0).contains(&share);
    ranged("model.dropout", share, fits, "it is 0 to below 1")
}

/// Refuses a run that is never saved.
///
/// # Errors
/// As [`ranged`].
pub(super) fn checkpoint_steps(steps: usize) -> Result<(), Error> {
    let name = "stop.checkpoint_steps";
    ranged(name, steps as f64, steps > 0, "it is at least 1")
}
