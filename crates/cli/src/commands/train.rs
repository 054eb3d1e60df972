//! `vizsla train`: from a folder of labelled images to a model that searches them better.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use vizsla_training::{
    CrossModalConfig, CrossModalResult, Figure, Grid, GridRow, RunConfig, RunResult, TrainOptions,
    train, train_cross_modal,
};

use super::Outcome;
use super::threads::Threads;
use crate::output::{self, Table, TrainProgress};

/// Train a network for retrieval on your own images
///
/// With --images DIR, one folder in it for each class, nothing else is needed but a backbone; a TOML file says
/// everything else. The run's folder gets the model (best.onnx, for `vizsla models add`), figures, curves and a
/// checkpoint that --resume goes on from.
#[derive(Args)]
pub struct Arguments {
    /// The configuration of the run
    #[arg(required_unless_present = "images")]
    run: Option<PathBuf>,
    /// Folder of images, one folder in it for each class
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// A model of the registry, an ONNX file, or resnet18, resnet50, resnet101, vgg16, mobilenet_v1:WIDTH
    #[arg(long, value_name = "MODEL")]
    backbone: Option<String>,
    /// Folder for what the run makes; left out, `runs/` and the name of the configuration
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Go on from the checkpoint in the folder
    #[arg(long)]
    resume: bool,
    /// cpu, cuda, cuda:NUMBER or wgpu
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// Change a setting of the configuration, such as loss.margin=0.2; may be given again
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Train once for each value, such as loss.margin=0.1,0.2; may be given again for all combinations
    #[arg(long, value_name = "NAME=VALUES")]
    grid: Vec<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

#[derive(Serialize)]
struct Sweep {
    settings: Vec<String>,
    runs: Vec<GridRow>,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        self.threads.start()?;
        if let Some(path) = &self.run
            && CrossModalConfig::is_in(path)?
        {
            return self.run_cross_modal(CrossModalConfig::read(path)?);
        }
        let config = self.config()?;
        let folder = self.folder();
        let progress = TrainProgress::start();
        if !self.grid.is_empty() {
            let grid = Grid::parse(&self.grid)?;
            fs_err::create_dir_all(&folder)?;
            let Some(runs) = grid.train(&config, &folder, &progress)? else {
                return Ok(Outcome::Interrupted);
            };
            drop(progress);
            return self.show_sweep(&grid, runs);
        }
        let options = TrainOptions {
            resume: self.resume,
        };
        let Some(result) = train(&config, &folder, options, &progress)? else {
            drop(progress);
            return Ok(interrupted(&folder));
        };
        drop(progress);
        self.show(&result)
    }

    /// A run whose configuration names captions: images and texts in one space.
    fn run_cross_modal(&self, mut config: CrossModalConfig) -> Result<Outcome> {
        if !self.grid.is_empty() {
            anyhow::bail!(
                "--grid is for runs without captions; train once for each value with --set and --output"
            );
        }
        self.amend(
            &mut config.data.images,
            &mut config.model.backbone,
            &mut config.device,
        );
        for (name, value) in self.settings()? {
            config = config.with(name, value)?;
        }
        let folder = self.folder();
        let progress = TrainProgress::start();
        let options = TrainOptions {
            resume: self.resume,
        };
        let result = train_cross_modal(&config, &folder, options, &progress)?;
        drop(progress);
        match result {
            Some(result) => self.show_cross_modal(&result),
            None => Ok(interrupted(&folder)),
        }
    }

    fn show_cross_modal(&self, result: &CrossModalResult) -> Result<Outcome> {
        if self.json {
            output::json(result)?;
            return Ok(Outcome::Done);
        }
        let mut table = Table::new(&[
            "direction",
            "recall@1",
            "recall@5",
            "recall@10",
            ">median rank",
            ">queries",
        ]);
        for direction in &result.directions {
            table.row([
                direction.name.replace('_', " "),
                interval(direction.recall_at_1),
                interval(direction.recall_at_5),
                interval(direction.recall_at_10),
                direction.median_rank.to_string(),
                direction.queries.to_string(),
            ]);
        }
        let best = best_epoch(result.best);
        output::show(&format!(
            "{}queries: {} images and captions; {} in {}{best}\nmodels: vizsla models add {}; vizsla models add {}\n",
            table.render(),
            result.queries,
            output::plural(result.epochs, "epoch"),
            output::duration(result.seconds),
            result.run.join("best.onnx").display(),
            result.run.join("best_text.onnx").display()
        ))?;
        Ok(Outcome::Done)
    }

    /// What `--set` changes.
    fn settings(&self) -> Result<Vec<(&str, &str)>> {
        let pair = |setting: &'_ String| match setting.split_once('=') {
            Some(_) => Ok(()),
            None => anyhow::bail!(
                "--set {setting} has no '='; it is NAME=VALUE, such as loss.margin=0.2"
            ),
        };
        self.set.iter().try_for_each(pair)?;
        let pairs = self
            .set
            .iter()
            .filter_map(|setting| setting.split_once('='));
        Ok(pairs
            .map(|(name, value)| (name.trim(), value.trim()))
            .collect())
    }

    /// What the options say in place of the configuration.
    fn amend(&self, images: &mut PathBuf, backbone: &mut String, device: &mut Option<String>) {
        if let Some(named) = &self.images {
            images.clone_from(named);
        }
        if let Some(named) = &self.backbone {
            backbone.clone_from(named);
        }
        if self.device.is_some() {
            device.clone_from(&self.device);
        }
    }

    /// The file with what the options change.
    fn config(&self) -> Result<RunConfig> {
        let mut config = match &self.run {
            Some(path) => RunConfig::read(path)?,
            None => RunConfig::default(),
        };
        self.amend(
            &mut config.data.images,
            &mut config.model.backbone,
            &mut config.device,
        );
        for (name, value) in self.settings()? {
            config = config.with(name, value)?;
        }
        Ok(config)
    }

    fn folder(&self) -> PathBuf {
        let named = self.run.as_ref().or(self.images.as_ref());
        let name = named.and_then(|path| path.file_stem()).map(PathBuf::from);
        match &self.output {
            Some(folder) => folder.clone(),
            None => PathBuf::from("runs").join(name.unwrap_or_else(|| "run".into())),
        }
    }

    fn show(&self, result: &RunResult) -> Result<Outcome> {
        for warning in &result.warnings {
            output::warn(warning);
        }
        for (image, reason) in &result.skipped {
            output::warn(&format!("skipped {image}: {reason}"));
        }
        if self.json {
            output::json(result)?;
            return Ok(Outcome::Done);
        }
        let mut text = String::new();
        for (name, figure) in [
            ("mAP", result.map),
            ("precision@1", result.precision_at_1),
            ("precision@5", result.precision_at_5),
        ] {
            if let Some(figure) = figure {
                text.push_str(&format!("{name:12} {}\n", interval(figure)));
            }
        }
        let best = best_epoch(result.best);
        text.push_str(&format!(
            "queries: {} images; {} in {}{best}\nmodel: vizsla models add {}\n",
            result.queries,
            output::plural(result.epochs, "epoch"),
            output::duration(result.seconds),
            result.run.join("best.onnx").display()
        ));
        output::show(&text)?;
        Ok(Outcome::Done)
    }

    fn show_sweep(&self, grid: &Grid, runs: Vec<GridRow>) -> Result<Outcome> {
        let failed = runs.iter().any(|run| run.result.is_none());
        let outcome = if failed {
            Outcome::Found
        } else {
            Outcome::Done
        };
        let settings: Vec<String> = grid.names().into_iter().map(str::to_owned).collect();
        if self.json {
            output::json(&Sweep { settings, runs })?;
            return Ok(outcome);
        }
        let mut table = Table::new(&["settings", "mAP", "precision@1", ">epochs", ">seconds"]);
        for run in &runs {
            let pairs = settings.iter().zip(&run.values);
            let named: Vec<String> = pairs
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let mut row = vec![named.join(" ")];
            match &run.result {
                Some(result) => row.extend([
                    result.map.map_or(String::new(), interval),
                    result.precision_at_1.map_or(String::new(), interval),
                    result.epochs.to_string(),
                    format!("{:.1}", result.seconds),
                ]),
                None => row.push(run.error.clone().unwrap_or_default()),
            }
            table.row(row);
        }
        output::show(&table.render())?;
        Ok(outcome)
    }
}

/// Says how a run that was stopped goes on.
fn interrupted(folder: &Path) -> Outcome {
    output::warn(&format!(
        "stopped; go on with --resume --output {}",
        folder.display()
    ));
    Outcome::Interrupted
}

/// The end of the sentence that says how many epochs there were.
fn best_epoch(best: Option<(f64, usize)>) -> String {
    best.map_or(String::new(), |(_, epoch)| {
        format!(", the best of them {epoch}")
    })
}

fn interval(figure: Figure) -> String {
    format!(
        "{:.3} ({:.3} to {:.3})",
        figure.value, figure.low, figure.high
    )
}
