//! `vizsla doctor`: what this machine has, and what runs because of it.

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use vizsla_neural::{Registry, RuntimeReport, SessionOptions, runtimes};

use super::Outcome;
use crate::output;

/// Say which runtime executes networks and why, and where models are
#[derive(Args)]
pub struct Arguments {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    version: &'static str,
    platform: String,
    threads: usize,
    runtimes: Vec<RuntimeReport>,
    models: Models,
    data: Data,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct Models {
    folder: String,
    known: usize,
    usable: usize,
}

/// The folder of data sets that benchmarks and tests read.
#[derive(Serialize)]
struct Data {
    folder: Option<String>,
    why: String,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        let mut problems = Vec::new();
        let runtimes = runtimes()?;
        if let Err(error) = SessionOptions::default().resolve() {
            problems.push(error.to_string());
        }
        let models = models(&mut problems)?;
        let report = Report {
            version: env!("CARGO_PKG_VERSION"),
            platform: platform(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            runtimes,
            models,
            data: data(),
            problems,
        };
        if self.json {
            output::json(&report)?;
        } else {
            output::show(&describe(&report))?;
        }
        Ok(match report.problems.as_slice() {
            [] => Outcome::Done,
            _ => Outcome::Found,
        })
    }
}

/// Reads every entry and hashes every file that is here.
fn models(problems: &mut Vec<String>) -> Result<Models> {
    let registry = Registry::default_registry()?;
    problems.extend(registry.problems()?.iter().map(ToString::to_string));
    let entries = registry.list()?;
    let mut usable = 0;
    for entry in &entries {
        match entry.verify() {
            Ok(_) => usable += 1,
            Err(error) => problems.push(error.to_string()),
        }
    }
    Ok(Models {
        folder: registry.folder().display().to_string(),
        known: entries.len(),
        usable,
    })
}

fn data() -> Data {
    const VARIABLE: &str = "VIZSLA_DATA";
    match std::env::var_os(VARIABLE).map(std::path::PathBuf::from) {
        Some(folder) if folder.is_dir() => Data {
            folder: Some(folder.display().to_string()),
            why: format!("named by {VARIABLE}"),
        },
        Some(folder) => Data {
            folder: None,
            why: format!("{VARIABLE} names no folder: {}", folder.display()),
        },
        None => Data {
            folder: None,
            why: format!("{VARIABLE} is not set; only benchmarks and tests need it"),
        },
    }
}

fn platform() -> String {
    let mut text = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    #[cfg(target_arch = "x86_64")]
    for (name, there) in [
        ("avx2", std::is_x86_feature_detected!("avx2")),
        ("avx512f", std::is_x86_feature_detected!("avx512f")),
    ] {
        if there {
            text.push_str(&format!(", {name}"));
        }
    }
    text
}

fn describe(report: &Report) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        text.push_str(format!("{name:14}{value}").trim_end());
        text.push('\n');
    };
    line("vizsla", report.version);
    line("platform", &report.platform);
    line("cores", &report.threads.to_string());
    for runtime in &report.runtimes {
        let name = serde_json::to_value(runtime.runtime);
        let name = name.ok().and_then(|n| n.as_str().map(str::to_owned));
        let state = match (runtime.available, runtime.chosen) {
            (_, true) => "runs",
            (true, false) => "available",
            (false, false) => "not available",
        };
        let version = runtime.version.clone().unwrap_or_default();
        let title = format!("{} {version}", name.unwrap_or_default());
        line(
            "runtime",
            &format!("{}: {state}, {}", title.trim(), runtime.why),
        );
        if let Some(path) = &runtime.path {
            line("", &format!("library {}", path.display()));
        }
        if runtime.available {
            line("", &format!("computes on {}", runtime.providers.join(", ")));
        }
    }
    line("models", &report.models.folder);
    let known = output::plural(report.models.known, "model");
    line("", &format!("{known}, {} usable", report.models.usable));
    line("data", report.data.folder.as_deref().unwrap_or("none"));
    line("", &report.data.why);
    for problem in &report.problems {
        line("problem", problem);
    }
    text
}
