//! Reports of training runs: what they reached, whether they differ, and what their mistakes look like.
//!
//! One page that holds everything it shows, and the same tables as Markdown. Runs are compared on the same queries:
//! the interval of a difference is the paired bootstrap's (Efron 1979), its p-value that of the paired
//! randomisation test, which Smucker, Allan and Carterette ("A comparison of statistical significance tests for
//! information retrieval evaluation", CIKM 2007) recommend for average precision. Mistakes are shown as pictures, the
//! same queries for all runs, because a table does not tell a confusion of classes from a wrong label.

mod charts;
mod compare;
mod configuration;
mod failures;
mod maps;
mod markdown;
mod negatives;
mod options;
mod pictures;
mod queries;
mod read;
mod short;
mod tables;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

use vizsla_retrieval::Reporter;

pub use self::options::ReportOptions;
use self::pictures::Pictures;
use self::read::{Facts, RunFolder};
use crate::Error;
use crate::page::{escaped, page};

/// Runs that one report can hold; colours for more cannot be told apart.
const MOST_RUNS: usize = 24;

/// Runs, read and compared, ready to be written.
pub struct RunReport {
    runs: Vec<RunFolder>,
    comparisons: Vec<compare::Comparison>,
    options: ReportOptions,
}

impl RunReport {
    /// Reads the folders of runs, in the order in which they will be shown. What a run does not have yet is said in the
    /// report.
    ///
    /// # Errors
    /// There is no run or too many, a folder is not one of a run, or a file of it cannot be understood.
    pub fn read(folders: &[PathBuf], options: ReportOptions) -> Result<Self, Error> {
        if folders.is_empty() || folders.len() > MOST_RUNS {
            return Err(Error::Report(format!(
                "a report is of 1 to {MOST_RUNS} runs, not {}",
                folders.len()
            )));
        }
        let read = |folder: &PathBuf| RunFolder::read(folder);
        let mut runs = folders.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        read::name_apart(&mut runs);
        let comparisons = compare::all(&runs, options.seed);
        Ok(Self {
            runs,
            comparisons,
            options,
        })
    }

    /// The names of the runs, each once.
    pub fn names(&self) -> Vec<&str> {
        self.runs.iter().map(|run| run.name.as_str()).collect()
    }

    /// What runs do not have, as sentences.
    pub fn missing(&self) -> Vec<String> {
        let of_run = |run: &RunFolder| {
            let missing = run.missing.iter();
            missing
                .map(|what| format!("{}: {what}", run.name))
                .collect::<Vec<_>>()
        };
        self.runs.iter().flat_map(of_run).collect()
    }

    /// The tables as Markdown.
    pub fn markdown(&self) -> String {
        markdown::render(&self.runs, &self.comparisons)
    }

    /// The whole page. Pictures that cannot be read leave their places empty.
    ///
    /// # Errors
    /// A picture cannot be encoded.
    pub fn html(&self, reporter: &dyn Reporter) -> Result<String, Error> {
        let mut pictures = Pictures::new(self.options.picture_bytes);
        let mut sections: Vec<(&str, &str, String)> = vec![
            (
                "results",
                "Results",
                tables::results(&self.runs, &self.comparisons),
            ),
            ("curves", "Curves", charts::section(&self.runs)),
        ];
        let queries = queries::section(&self.runs, &self.options, &mut pictures)?;
        sections.push(("queries", "Queries", queries));
        let failures = failures::section(&self.runs, &mut pictures)?;
        sections.push(("failures", "Failures", failures));
        let negatives = negatives::section(&self.runs, &self.options, &mut pictures)?;
        sections.push(("negatives", "Hardest negatives", negatives));
        let maps = maps::section(&self.runs, &self.options, reporter);
        sections.push(("maps", "Embedding maps", maps));
        let configuration = configuration::section(&self.runs);
        sections.push(("configuration", "Configuration", configuration));
        sections.retain(|(_, _, body)| !body.is_empty());
        Ok(self.whole(&sections, pictures.left_out()))
    }

    fn whole(&self, sections: &[(&str, &str, String)], left_out: usize) -> String {
        let mut body = self.headline();
        body.push_str("<nav aria-label=\"Sections\"><div>\n");
        for (id, name, _) in sections {
            let _ = writeln!(body, "<a href=\"#{id}\">{name}</a>");
        }
        body.push_str("</div></nav>\n<main>\n");
        for (id, name, section) in sections {
            let _ = writeln!(
                body,
                "<section id=\"{id}\">\n<h2>{name}</h2>\n{section}</section>"
            );
        }
        body.push_str("</main>\n");
        if left_out > 0 {
            let _ = writeln!(
                body,
                "<footer><p class=\"soft\">{left_out} pictures were left out to keep the page small.</p></footer>"
            );
        }
        page("Training runs", &body)
    }

    /// What the results say, each answer once.
    fn said<'a>(&'a self, what: &dyn Fn(&'a Facts) -> Option<&'a str>) -> Vec<&'a str> {
        let answers: BTreeSet<&str> = self
            .runs
            .iter()
            .filter_map(|run| what(&run.facts))
            .collect();
        answers.into_iter().collect()
    }

    fn headline(&self) -> String {
        let title = match self.runs.len() {
            1 => format!("Training run {}", self.runs[0].name),
            runs => format!("{runs} training runs"),
        };
        let data = self.said(&|facts| facts.dataset.as_deref());
        let protocols = self.said(&|facts| facts.protocol.as_deref());
        let mut text = format!("<header class=\"top\"><h1>{}</h1>\n", escaped(&title));
        for (what, values) in [("Data", data), ("Protocol", protocols)] {
            if !values.is_empty() {
                let values = escaped(&values.join("; "));
                let _ = writeln!(text, "<p class=\"soft\">{what}: {values}</p>");
            }
        }
        for missing in self.missing() {
            let _ = writeln!(text, "<p class=\"soft\">{}</p>", escaped(&missing));
        }
        text.push_str("</header>\n");
        text
    }
}
