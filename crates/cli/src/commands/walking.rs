//! Options that say what of a folder is looked at.

use anyhow::Result;
use clap::Args;
use vizsla_retrieval::WalkRules;

/// What is left out of the folders that are indexed.
#[derive(Args)]
pub struct Walking {
    /// Leave out what this pattern names, as a line of a .gitignore in the folder would: raw/, *.tif, /2001/**; may be
    /// repeated, and !name takes a thing in spite of another pattern. Kept for the folders, until given anew
    #[arg(
        long,
        value_name = "GLOB",
        requires = "sources",
        allow_hyphen_values = true
    )]
    exclude: Vec<String>,
    /// Take hidden files and folders too, those whose names begin with a dot; kept for the folders. Bins, thumbnails and
    /// the like stay out unless they are named
    #[arg(long, requires = "sources")]
    include_hidden: bool,
    /// Forget the --exclude and --include-hidden that are kept for these folders and all below them
    #[arg(long, requires = "sources", conflicts_with_all = ["exclude", "include_hidden"])]
    forget_rules: bool,
}

impl Walking {
    /// The rules that are to be kept; `None` = those that are kept already.
    ///
    /// # Errors
    /// A pattern is none.
    pub fn rules(&self) -> Result<Option<WalkRules>> {
        let rules = WalkRules {
            exclude: self.exclude.clone(),
            include_hidden: self.include_hidden,
        };
        rules.check()?;
        let given = self.forget_rules || rules != WalkRules::default();
        Ok(given.then_some(rules))
    }
}
