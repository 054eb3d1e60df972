//! `vizsla evaluate agreement`: how far similarities agree with people's judgements.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use vizsla_evaluation::{
    Agreement, CaptionOracle, CollectionSimilarities, JudgedPair, SEED, Similarities,
    SimilarityTable, agree_with_judgements, agree_with_triplets, load_crowd_judgements,
    load_expert_judgements, load_triplets, triplets_of_judgements,
};
use vizsla_retrieval::Collection;

use crate::commands::Outcome;
use crate::commands::threads::Threads;
use crate::output::{self, Table};

/// Similarities and judgements.
#[derive(Args)]
pub struct Arguments {
    /// Folder with ExpertAnnotations.txt, CrowdFlowerAnnotations.txt and captions.txt, or some of them
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Judgements of which of two is closer: CSV with query,a,b,votes_a,votes_b
    #[arg(long, value_name = "FILE")]
    triplets: Option<PathBuf>,
    /// Similarities of a model: CSV of a name, another name, their similarity; left out, the caption oracle (tf-idf)
    #[arg(long, value_name = "FILE")]
    similarities: Option<PathBuf>,
    /// Similarities of a collection: pictures by file name, captions as picture#n
    #[arg(long, value_name = "COLLECTION", conflicts_with_all = ["similarities", "captions"])]
    collection: Option<PathBuf>,
    /// Captions for the oracle, when they are not with the data: CSV with image,caption
    #[arg(long, value_name = "FILE", conflicts_with = "similarities")]
    captions: Option<PathBuf>,
    /// Judge also the captions that were written for the picture itself
    #[arg(long)]
    own_captions: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

/// All that was compared.
#[derive(Serialize)]
struct Figures {
    /// The collection, the file of the similarities, or "caption oracle".
    model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expert: Option<Agreement>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expert_triplets: Option<Agreement>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crowd: Option<Agreement>,
    #[serde(skip_serializing_if = "Option::is_none")]
    triplets: Option<Agreement>,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        self.threads.start()?;
        let (model, similarities) = self.model()?;
        let similarities = similarities.as_ref();
        let judged = |name: &str, load: Load| -> Result<Option<Vec<JudgedPair>>> {
            let Some(file) = self.file(name) else {
                return Ok(None);
            };
            let mut pairs = load(&file)?;
            pairs.retain(|pair| self.own_captions || !pair.is_own());
            Ok(Some(pairs))
        };
        let experts = judged("ExpertAnnotations.txt", load_expert_judgements)?;
        let crowd = judged("CrowdFlowerAnnotations.txt", load_crowd_judgements)?;
        let votes = experts.as_ref().map(triplets_of_judgements);
        let own = self.triplets.as_deref().map(load_triplets).transpose()?;
        let graded = |pairs: &Vec<JudgedPair>| agree_with_judgements(pairs, similarities, SEED);
        let figures = Figures {
            model,
            expert: experts.as_ref().map(graded).transpose()?,
            expert_triplets: votes
                .map(|votes| agree_with_triplets(&votes, similarities, SEED))
                .transpose()?,
            crowd: crowd.as_ref().map(graded).transpose()?,
            triplets: own
                .map(|own| agree_with_triplets(&own, similarities, SEED))
                .transpose()?,
        };
        if figures
            .all()
            .iter()
            .all(|(_, agreement)| agreement.is_none())
        {
            bail!(
                "there are no judgements; name --triplets FILE, or a folder with \
                 ExpertAnnotations.txt or CrowdFlowerAnnotations.txt by --data DIR"
            );
        }
        match self.json {
            true => output::json(&figures)?,
            false => output::show(&figures.describe())?,
        }
        Ok(Outcome::Done)
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        self.data
            .as_ref()
            .map(|folder| folder.join(name))
            .filter(|file| file.is_file())
    }

    fn model(&self) -> Result<(String, Box<dyn Similarities>)> {
        if let Some(file) = &self.similarities {
            let table = SimilarityTable::open(file)?;
            return Ok((file.display().to_string(), Box::new(table)));
        }
        if let Some(path) = &self.collection {
            let similarities = CollectionSimilarities::open(&Collection::open(path)?)?;
            return Ok((path.display().to_string(), Box::new(similarities)));
        }
        let captions = self.captions.clone().or_else(|| self.file("captions.txt"));
        let Some(captions) = captions else {
            bail!(
                "there is nothing to compare with the judgements; give a --collection, a model's --similarities FILE, or \
                 --captions FILE for the caption oracle"
            );
        };
        let oracle = CaptionOracle::open(&captions)?;
        Ok(("caption oracle".to_owned(), Box::new(oracle)))
    }
}

type Load = fn(&Path) -> Result<Vec<JudgedPair>, vizsla_evaluation::Error>;

impl Figures {
    fn all(&self) -> [(&str, &Option<Agreement>); 4] {
        [
            ("experts", &self.expert),
            ("experts, triplets", &self.expert_triplets),
            ("crowd", &self.crowd),
            ("triplets", &self.triplets),
        ]
    }

    fn describe(&self) -> String {
        let head = [
            "judges",
            ">compared",
            "metric",
            ">model",
            ">95 % interval",
            ">people",
        ];
        let mut table = Table::new(&head);
        for (judges, agreement) in self.all() {
            let Some(agreement) = agreement else {
                continue;
            };
            for (name, value) in agreement.metrics.iter() {
                let interval = agreement.intervals.get(name);
                table.row([
                    judges.to_owned(),
                    output::count(agreement.compared as u64),
                    name.to_owned(),
                    format!("{value:.4}"),
                    interval.map_or(String::new(), |i| format!("{:.4} to {:.4}", i.low, i.high)),
                    agreement
                        .people
                        .get(name)
                        .map_or(String::new(), |people| format!("{people:.4}")),
                ]);
            }
        }
        format!("{}\n\n{}", self.model, table.render())
    }
}
