//! `vizsla info`: the figures and the recipe of a collection.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, value_parser};
use vizsla_retrieval::{Budget, BudgetLine, Collection, FolderRules, Info};

use super::Outcome;
use crate::output;

/// Show the figures and the recipe of a collection
#[derive(Args)]
pub struct Arguments {
    /// The collection
    collection: PathBuf,
    /// Tell what a collection of this recipe and of such pictures takes on disk and in memory with so many images
    #[arg(long, value_name = "IMAGES", value_parser = value_parser!(u64).range(1..=1_000_000_000_000))]
    budget: Option<u64>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        let collection = Collection::open(&self.collection)?;
        if let Some(images) = self.budget {
            let budget = collection.budget(images)?;
            match self.json {
                true => output::json(&budget)?,
                false => output::show(&describe_budget(&budget))?,
            }
            return Ok(Outcome::Done);
        }
        let info = collection.info()?;
        if self.json {
            output::json(&info)?;
        } else {
            output::show(&describe(&info))?;
        }
        Ok(Outcome::Done)
    }
}

fn describe(info: &Info) -> String {
    let lines = [
        ("collection", info.path.display().to_string()),
        ("format", info.format.to_string()),
        ("images", output::count(info.images)),
        ("files", output::count(info.files)),
        ("features", output::count(info.features)),
        ("captions", output::count(info.captions)),
        ("metadata values", output::count(info.metadata)),
        ("segments", output::count(info.segments)),
        ("removed, not yet cleared", output::count(info.tombstones)),
        (
            "codebook",
            format!(
                "{} words, {}",
                output::count(info.codebook_words),
                info.codebook
            ),
        ),
        ("catalog", output::bytes(info.catalog_bytes)),
        ("segments on disk", output::bytes(info.segment_bytes)),
        ("artefacts", output::bytes(info.artefact_bytes)),
        (
            "for each image",
            output::bytes(info.bytes_per_image.round() as u64),
        ),
    ];
    let mut text = String::new();
    for (name, value) in lines {
        text.push_str(&format!("{name:26}{value}\n"));
    }
    if let Some(graph) = &info.graph {
        let images = output::count(graph.images);
        let current = match graph.current {
            true => "",
            false => ", not of all that is there now: `vizsla optimize` makes it again",
        };
        text.push_str(&format!(
            "{:26}{images} images{current}\n",
            "graph of neighbours"
        ));
    }
    for index in &info.indexes {
        text.push_str(&format!(
            "{:26}{} of {} numbers; {}\n",
            format!("vectors of {}s", index.of),
            output::count(index.vectors),
            output::count(index.dimension),
            index.made_of
        ));
        text.push_str(&format!(
            "{:26}{}; {}\n",
            "",
            index.why,
            output::bytes(index.bytes)
        ));
        if let Some(outdated) = &index.outdated {
            text.push_str(&format!(
                "{:26}{outdated}: `vizsla optimize` makes it again\n",
                ""
            ));
        }
    }
    if info.without_look > 0 && info.features > 0 {
        text.push_str(&format!(
            "{:26}{}: their verdicts go by coverage alone\n",
            "no picture in little",
            output::plural(info.without_look as usize, "image")
        ));
    }
    for problem in &info.problems {
        let (what, remedy) = (&problem.what, output::how(problem.remedy));
        let path = problem.path.display();
        text.push_str(&format!("{:26}{what}; {remedy}: {path}\n", "damaged"));
    }
    if !info.rules.is_empty() {
        text.push_str("\nleft out when these folders are indexed again (`vizsla index --forget-rules` forgets it)\n");
    }
    for FolderRules { folder, rules } in &info.rules {
        text.push_str(&format!("  {}:", folder.display()));
        for pattern in &rules.exclude {
            text.push_str(&format!(" {pattern}"));
        }
        text.push_str(match (rules.exclude.is_empty(), rules.include_hidden) {
            (_, true) => " (hidden files are taken)\n",
            (true, false) => " nothing but the usual\n",
            (false, false) => "\n",
        });
    }
    text.push_str("\nrecipe\n");
    for line in info.recipe.lines() {
        text.push_str(&format!("  {line}\n").replace("  \n", "\n"));
    }
    text
}

/// What a larger collection takes.
fn describe_budget(budget: &Budget) -> String {
    let mut text = format!(
        "with {} of this kind, as an estimate from the {} there are, after `vizsla optimize`:\n",
        output::plural(budget.images, "image"),
        output::count(budget.measured)
    );
    let line = |name: &dyn std::fmt::Display, bytes: u64| {
        format!("  {:24}{}\n", name.to_string(), output::bytes(bytes))
    };
    let part = |head: &str, lines: &[BudgetLine], bytes: u64| {
        let lines = lines.iter().map(|each| line(&each.part, each.bytes));
        format!(
            "\n{head}\n{}{}",
            lines.collect::<String>(),
            line(&"together", bytes)
        )
    };
    text.push_str(&part("disk", &budget.disk, budget.disk_bytes));
    let head = "memory of a search, at least";
    text.push_str(&part(head, &budget.search, budget.search_bytes));
    let head = "mapped files that any search may read: fast where they stay in memory, and the system may drop them";
    text.push_str(&part(head, &budget.walked, budget.walked_bytes));
    text.push_str(&line(&"others, read little", budget.mapped_bytes));
    text.push_str("\nmemory, at least\n");
    text.push_str(&line(&"to index pictures", budget.indexing_bytes));
    text.push_str(&line(&"to optimize", budget.optimizing_bytes));
    for index in &budget.indexes {
        text.push_str(&format!(
            "\nvectors of {}s: {} of {} numbers; {}, {} each\n",
            index.of,
            output::count(index.vectors),
            output::count(index.dimension),
            index.index,
            output::bytes(index.bytes / index.vectors.max(1)),
        ));
    }
    text
}
