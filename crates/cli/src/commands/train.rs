//! `vizsla train`: from a folder of labelled images to a model that searches them better.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use vizsla_training::{
    BackboneName, Compute, CrossModalConfig, CrossModalResult, Figure, Grid, GridRow, RunConfig,
    RunResult, Swept, TrainOptions,
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
    backbone: Option<BackboneName>,
    /// Folder for what the run makes; left out, `runs/` and the name of the configuration
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Go on from the checkpoint in the folder
    #[arg(long)]
    resume: bool,
    /// cpu, cuda, cuda:NUMBER or wgpu
    #[arg(long, value_name = "DEVICE")]
    device: Option<Compute>,
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
struct Sweep<R> {
    settings: Vec<String>,
    runs: Vec<GridRow<R>>,
}

/// How the results of a kind of run are shown.
struct Shown<R> {
    /// One run.
    run: fn(&Arguments, &R) -> Result<Outcome>,
    /// Titles of the figures that a sweep is looked at for.
    titles: [&'static str; 2],
    /// These figures.
    figures: fn(&R) -> [String; 2],
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        self.threads.start()?;
        if let Some(path) = &self.run
            && CrossModalConfig::is_in(path)?
        {
            return self.run_cross_modal(CrossModalConfig::read(path)?);
        }
        let mut config = match &self.run {
            Some(path) => RunConfig::read(path)?,
            None => RunConfig::default(),
        };
        self.amend(
            &mut config.data.images,
            &mut config.model.backbone,
            &mut config.device,
        );
        let shown = Shown {
            run: Self::show,
            titles: ["mAP", "precision@1"],
            figures: |result: &RunResult| {
                [result.map, result.precision_at_1].map(|f| f.map_or(String::new(), interval))
            },
        };
        self.train(config, &shown)
    }

    /// A run whose configuration names captions: images and texts in one space.
    fn run_cross_modal(&self, mut config: CrossModalConfig) -> Result<Outcome> {
        self.amend(
            &mut config.data.images,
            &mut config.model.backbone,
            &mut config.device,
        );
        let shown = Shown {
            run: Self::show_cross_modal,
            titles: ["image to text recall@1", "text to image recall@1"],
            figures: |result: &CrossModalResult| {
                let mut firsts = result.directions.iter().map(|d| interval(d.recall_at_1));
                [(); 2].map(|()| firsts.next().unwrap_or_default())
            },
        };
        self.train(config, &shown)
    }

    /// One run, or a sweep of them.
    fn train<C: Swept<Result: Serialize>>(
        &self,
        mut config: C,
        shown: &Shown<C::Result>,
    ) -> Result<Outcome> {
        for (name, value) in self.settings()? {
            config = config.with(name, value)?;
        }
        let grid = Grid::parse(&self.grid)?;
        let folder = self.folder();
        let progress = TrainProgress::start();
        if !self.grid.is_empty() {
            fs_err::create_dir_all(&folder)?;
            let Some(runs) = grid.train(&config, &folder, &progress)? else {
                return Ok(Outcome::Interrupted);
            };
            drop(progress);
            return self.show_sweep(&grid, runs, shown);
        }
        let options = TrainOptions {
            resume: self.resume,
        };
        let result = config.train(&folder, options, &progress)?;
        drop(progress);
        match result {
            Some(result) => (shown.run)(self, &result),
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
    fn amend(
        &self,
        images: &mut PathBuf,
        backbone: &mut BackboneName,
        device: &mut Option<Compute>,
    ) {
        if let Some(named) = &self.images {
            images.clone_from(named);
        }
        if let Some(named) = &self.backbone {
            backbone.clone_from(named);
        }
        if self.device.is_some() {
            *device = self.device;
        }
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

    fn show_sweep<R: Serialize>(
        &self,
        grid: &Grid,
        runs: Vec<GridRow<R>>,
        shown: &Shown<R>,
    ) -> Result<Outcome> {
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
        let mut table = Table::new(&["settings", shown.titles[0], shown.titles[1]]);
        for run in &runs {
            let pairs = settings.iter().zip(&run.values);
            let named: Vec<String> = pairs
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let mut row = vec![named.join(" ")];
            match &run.result {
                Some(result) => row.extend((shown.figures)(result)),
                None => row.push(run.error.clone().unwrap_or_default()),
            }
            table.row(row);
        }
        output::show(&format!(
            "{}all figures: {}\n",
            table.render(),
            self.folder().join("grid.csv").display()
        ))?;
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
