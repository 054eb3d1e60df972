//! Sweeps: every combination of some settings, one run each, one table.

use std::path::Path;

use serde::Serialize;
use vizsla_vectors::AtomicFile;

use super::config::RunConfig;
use super::cross_modal::{CrossModalConfig, CrossModalResult, train_cross_modal};
use super::observer::TrainObserver;
use super::options::TrainOptions;
use super::result::RunResult;
use super::train::train;
use crate::error::Error;

/// Most runs of a sweep.
const MOST_RUNS: usize = 1000;

/// Settings with the values they take, such as `loss.margin=0.1,0.2`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grid {
    axes: Vec<(String, Vec<String>)>,
}

/// One run of a sweep, with the result `R` of its kind.
#[derive(Clone, Debug, Serialize)]
pub struct GridRow<R> {
    /// The values of the settings, in the order of the axes.
    pub values: Vec<String>,
    /// What it found; `None` when it failed.
    pub result: Option<R>,
    /// Why it failed.
    pub error: Option<String>,
}

/// A kind of run that can be swept: of labelled images, or of images and captions.
pub trait Swept: Clone {
    /// What a run finds.
    type Result;
    /// Names of the figures in the table.
    const FIGURES: &'static [&'static str];

    /// A copy with one setting changed.
    ///
    /// # Errors
    /// [`Error::Setting`] when there is no such setting or it cannot have this value.
    fn with(&self, name: &str, value: &str) -> Result<Self, Error>;

    /// Trains; `None` when the observer stopped it.
    ///
    /// # Errors
    /// As [`train`] and [`train_cross_modal`].
    fn train(
        &self,
        folder: &Path,
        options: TrainOptions,
        observer: &dyn TrainObserver,
    ) -> Result<Option<Self::Result>, Error>;

    /// The figures in the order of [`Swept::FIGURES`]; nothing where one is not known.
    fn figures(result: &Self::Result) -> Vec<Option<f64>>;
}

impl Grid {
    /// Reads axes of the form `name=value,value`. Commas within brackets belong to a value.
    ///
    /// # Errors
    /// [`Error::Setting`] for an axis without a name or values, or more than 1000 runs.
    pub fn parse(texts: &[String]) -> Result<Grid, Error> {
        let mut axes = Vec::new();
        for text in texts {
            let refused = || {
                Error::setting(
                    "grid",
                    text,
                    "it is NAME=VALUE,VALUE, such as loss.margin=0.1,0.2",
                )
            };
            let (name, values) = text.split_once('=').ok_or_else(refused)?;
            let values = split(values);
            if name.trim().is_empty() || values.iter().any(String::is_empty) {
                return Err(refused());
            }
            axes.push((name.trim().to_owned(), values));
        }
        let grid = Grid { axes };
        let mut runs = grid.axes.iter().map(|(_, values)| values.len());
        let runs = runs
            .try_fold(1usize, usize::checked_mul)
            .unwrap_or(usize::MAX);
        match runs <= MOST_RUNS {
            true => Ok(grid),
            false => Err(Error::setting(
                "grid",
                runs,
                format!("at most {MOST_RUNS} runs"),
            )),
        }
    }

    /// The names of the settings.
    pub fn names(&self) -> Vec<&str> {
        self.axes.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Every combination, the last axis varying fastest.
    pub fn combinations(&self) -> Vec<Vec<String>> {
        let mut all = vec![Vec::new()];
        for (_, values) in &self.axes {
            let longer = |head: &Vec<String>| -> Vec<Vec<String>> {
                let with = |value: &String| [head.clone(), vec![value.clone()]].concat();
                values.iter().map(with).collect()
            };
            all = all.iter().flat_map(longer).collect();
        }
        all
    }

    /// Trains all combinations into folders below `folder`, and writes `grid.csv` and `grid.md` after each. Runs that
    /// are finished are not trained again, interrupted ones go on. A run that fails is listed with its reason.
    /// `None` when the observer stopped it.
    ///
    /// # Errors
    /// A combination that cannot be configured, before anything is trained; a folder that cannot be written.
    pub fn train<C: Swept>(
        &self,
        config: &C,
        folder: &Path,
        observer: &dyn TrainObserver,
    ) -> Result<Option<Vec<GridRow<C::Result>>>, Error> {
        let mut runs = Vec::new();
        for values in self.combinations() {
            let mut changed = config.clone();
            for (name, value) in self.names().iter().zip(&values) {
                changed = changed.with(name, value)?;
            }
            runs.push((values, changed));
        }
        let mut rows = Vec::new();
        for (values, config) in runs {
            let run = folder.join(folder_name(&self.names(), &values));
            let options = TrainOptions {
                resume: run.join("checkpoint/state.vzck").is_file(),
            };
            let (result, error) = match config.train(&run, options, observer) {
                Ok(Some(result)) => (Some(result), None),
                Ok(None) => return Ok(None),
                Err(error) => (None, Some(error.to_string())),
            };
            rows.push(GridRow {
                values,
                result,
                error,
            });
            self.write::<C>(&rows, folder)?;
        }
        Ok(Some(rows))
    }

    fn write<C: Swept>(&self, rows: &[GridRow<C::Result>], folder: &Path) -> Result<(), Error> {
        let heads = C::FIGURES.iter().copied().chain(["error"]);
        let names: Vec<&str> = self.names().into_iter().chain(heads).collect();
        let mut table = csv::Writer::from_writer(Vec::new());
        let wrong = |error: csv::Error| Error::shape(error.to_string());
        table.write_record(&names).map_err(wrong)?;
        let mut text = format!(
            "| {} |\n|{}\n",
            names.join(" | "),
            "---|".repeat(names.len())
        );
        for row in rows {
            let figures = match &row.result {
                Some(result) => C::figures(result),
                None => vec![None; C::FIGURES.len()],
            };
            let written = figures.into_iter().map(written);
            let error = row.error.clone().unwrap_or_default();
            let cells = row.values.iter().cloned().chain(written).chain([error]);
            let cells: Vec<String> = cells.collect();
            table.write_record(&cells).map_err(wrong)?;
            let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
        let bytes = table
            .into_inner()
            .map_err(|error| Error::shape(error.to_string()))?;
        AtomicFile::write_whole(&folder.join("grid.csv"), &bytes)?;
        Ok(AtomicFile::write_whole(
            &folder.join("grid.md"),
            text.as_bytes(),
        )?)
    }
}

impl Swept for RunConfig {
    type Result = RunResult;
    const FIGURES: &'static [&'static str] = &[
        "map",
        "map_low",
        "map_high",
        "precision_at_1",
        "validation_map",
        "epochs",
        "seconds",
    ];

    fn with(&self, name: &str, value: &str) -> Result<Self, Error> {
        self.with(name, value)
    }

    fn train(
        &self,
        folder: &Path,
        options: TrainOptions,
        observer: &dyn TrainObserver,
    ) -> Result<Option<RunResult>, Error> {
        train(self, folder, options, observer)
    }

    fn figures(result: &RunResult) -> Vec<Option<f64>> {
        vec![
            result.map.map(|f| f.value),
            result.map.map(|f| f.low),
            result.map.map(|f| f.high),
            result.precision_at_1.map(|f| f.value),
            result.best.map(|(map, _)| map),
            Some(result.epochs as f64),
            Some(result.seconds),
        ]
    }
}

impl Swept for CrossModalConfig {
    type Result = CrossModalResult;
    const FIGURES: &'static [&'static str] = &[
        "image_to_text_r1",
        "image_to_text_r5",
        "image_to_text_r10",
        "image_to_text_median",
        "text_to_image_r1",
        "text_to_image_r5",
        "text_to_image_r10",
        "text_to_image_median",
        "validation_map",
        "epochs",
        "seconds",
    ];

    fn with(&self, name: &str, value: &str) -> Result<Self, Error> {
        self.with(name, value)
    }

    fn train(
        &self,
        folder: &Path,
        options: TrainOptions,
        observer: &dyn TrainObserver,
    ) -> Result<Option<CrossModalResult>, Error> {
        train_cross_modal(self, folder, options, observer)
    }

    fn figures(result: &CrossModalResult) -> Vec<Option<f64>> {
        let directions = result.directions.iter().flat_map(|direction| {
            [
                direction.recall_at_1.value,
                direction.recall_at_5.value,
                direction.recall_at_10.value,
                direction.median_rank,
            ]
        });
        let rest = [Some(result.epochs as f64), Some(result.seconds)];
        let best = result.best.map(|(map, _)| map);
        directions.map(Some).chain([best]).chain(rest).collect()
    }
}

/// A figure as the table shows it: whole numbers as such, others with four places.
fn written(figure: Option<f64>) -> String {
    match figure {
        None => String::new(),
        Some(whole) if whole.fract() == 0.0 && whole >= 1.0 => format!("{whole}"),
        Some(figure) => format!("{figure:.4}"),
    }
}

/// Splits at commas outside of brackets.
fn split(text: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0usize);
    for c in text.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts.iter().map(|part| part.trim().to_owned()).collect()
}

fn folder_name(names: &[&str], values: &[String]) -> String {
    let part = |(name, value): (&&str, &String)| {
        format!("{}={value}", name.rsplit('.').next().unwrap_or(name))
    };
    let parts: Vec<String> = names.iter().zip(values).map(part).collect();
    let plain = |c: char| match c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '=') {
        true => c,
        false => '_',
    };
    parts.join("-").chars().map(plain).take(120).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn all_combinations_in_order() {
        let axes = [
            "loss.margin=0.1, 0.2".to_owned(),
            "model.hidden=[1, 2],[3]".to_owned(),
        ];
        let grid = Grid::parse(&axes).unwrap();
        assert_eq!(grid.names(), ["loss.margin", "model.hidden"]);
        let all = grid.combinations();
        assert_eq!(all.len(), 4);
        assert_eq!(all[1], ["0.1", "[3]"]);
        assert_eq!(
            folder_name(&grid.names(), &all[0]),
            "margin=0.1-hidden=_1__2_"
        );
        for wrong in ["loss.margin", "=1", "a=1,,2"] {
            assert!(Grid::parse(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
        let many: Vec<String> = (0..4).map(|i| format!("a{i}=1,2,3,4,5,6,7")).collect();
        assert!(Grid::parse(&many).is_err());
    }
}
