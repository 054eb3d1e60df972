//! `vizsla search`: finds the pictures, or the captions, that a query means.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;
use vizsla_pixels::{DecodeOptions, Limits, has_picture_name};
use vizsla_retrieval::{
    Channel, Collection, Filter, Hit, Part, PartSource, Query, QueryImage, Region, SearchOptions,
    SearchResponse, Share, StageName, StageTrace, Target, Verdict, draw_pair,
};

use super::asking::Asking;
use super::bounds::{self, Bounds};
use super::threads::Threads;
use super::{Outcome, picture, range, region, strips};
use crate::output::{self, Table};
use crate::preview::Preview;

/// Find the pictures of a collection that a picture, words, or a mix of both mean
///
/// QUERY is a picture, or an expression: parts in quotes are words, others are pictures (with a region after @), #7 is
/// image 7 of the collection; each with a weight, added or taken off. For example
/// "2*'red umbrella' + ./street.jpg@120,80,300,220 - ./car.jpg".
#[derive(Args)]
pub struct Arguments {
    /// The collection
    collection: PathBuf,
    /// A picture, or an expression
    #[arg(required_unless_present = "text", allow_hyphen_values = true)]
    query: Option<String>,
    /// Search by these words; added to QUERY when both are given
    #[arg(long, value_name = "WORDS")]
    text: Option<String>,
    /// Search for this part of the query picture only: x,y,width,height in pixels
    #[arg(long, value_name = "X,Y,W,H", value_parser = region::parse, allow_hyphen_values = true)]
    region: Option<Region>,
    /// Only images that meet a condition, such as "taken >= 2024-01-01 and near(47.5, 19.0, 10 km)"
    #[arg(long = "where", value_name = "CONDITION")]
    condition: Option<String>,
    /// What is looked for
    #[arg(long, value_enum, default_value_t = Find::Images)]
    find: Find,
    /// Most results shown
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = range::one_or_more)]
    top: usize,
    /// Leave out results whose score is lower
    #[arg(long, value_name = "SCORE")]
    min_score: Option<f64>,
    #[command(flatten)]
    asking: Asking,
    /// Show matches only
    #[arg(long)]
    matches_only: bool,
    /// Draw why the best result was found into this PNG or JPEG file: what agrees in its geometry, or a heat map
    #[arg(long, value_name = "FILE")]
    explain: Option<PathBuf>,
    /// Show the results as thumbnails, in a terminal that can: auto, kitty, iterm or sixel
    #[arg(long, value_enum, value_name = "PROTOCOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "auto", conflicts_with = "json")]
    preview: Option<Preview>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    bounds: Bounds,
    #[command(flatten)]
    threads: Threads,
}

/// What is looked for.
#[derive(Clone, Copy, ValueEnum)]
enum Find {
    /// Pictures
    Images,
    /// Captions
    Captions,
}

/// The answer as a script reads it.
#[derive(Serialize)]
struct Answer<'a> {
    collection: String,
    query: String,
    region: Option<Region>,
    #[serde(flatten)]
    response: &'a SearchResponse,
    explained: Option<String>,
}

/// What an explanation shows.
enum Drawn {
    Geometry,
    Heat,
    Nothing,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        self.threads.start()?;
        if let Some(file) = &self.explain {
            picture::check_ending(file)?;
        }
        // A terminal that cannot is said before the work, not after it.
        let shown = self.preview.map(Preview::protocol).transpose()?;
        let query = self.query()?;
        let collection = Collection::open(&self.collection)?;
        let options = self.options();
        let response = collection.search(&query, &options);
        let response = bounds::advise(response.map_err(Into::into))?;
        self.warn(&response);
        let drawn = match &self.explain {
            Some(file) => explain(&collection, &query, &response, file, options.limits)?,
            None => Drawn::Nothing,
        };
        if self.json {
            return self.print_json(&response, &drawn);
        }
        output::show(&describe(&response, self.find))?;
        if let Some(protocol) = shown {
            output::raw(&strips::render(&response.hits, protocol)?)?;
        }
        match (&self.explain, drawn) {
            (Some(file), Drawn::Geometry) => {
                output::show(&format!("drawn, what agrees: {}\n", file.display()))?;
            }
            (Some(file), Drawn::Heat) => {
                output::show(&format!("drawn, what looks alike: {}\n", file.display()))?;
            }
            (Some(file), Drawn::Nothing) => output::warn(&format!(
                "nothing drawn, no result agrees with a picture of the query: {}",
                file.display()
            )),
            (None, _) => {}
        }
        Ok(Outcome::Done)
    }

    /// The query: a file of that name, or else an expression, and the words.
    fn query(&self) -> Result<Query> {
        let mut query = match &self.query {
            Some(text) if Path::new(text).is_file() => Query::file(text),
            Some(text) => parsed(text)?,
            None => Query::default(),
        };
        if let Some(words) = &self.text {
            query.parts.extend(Query::text(words).parts);
        }
        if let Some(region) = self.region {
            let pictures = |part: &&Part| matches!(part.what, PartSource::Image { .. });
            if query.parts.iter().filter(pictures).count() != 1 {
                bail!(
                    "--region needs a query with one picture; in an expression write the region after the picture, as \
                     in street.jpg@120,80,300,220"
                );
            }
            query = query.within(region);
        }
        if let Some(condition) = &self.condition {
            query = query.filtered(Filter::parse(condition)?);
        }
        Ok(query)
    }

    fn options(&self) -> SearchOptions {
        let mut options = self.asking.options(self.top);
        options.target = match self.find {
            Find::Images => Target::Images,
            Find::Captions => Target::Captions,
        };
        options.limits = self.bounds.limits();
        options.matches_only = self.matches_only;
        options.least_score = self.min_score;
        options
    }

    fn warn(&self, response: &SearchResponse) {
        let plain = |stage: &StageTrace| stage.stage == StageName::Describe && stage.out == 0;
        if response.stages.iter().any(plain) && response.hits.is_empty() {
            output::warn(&format!(
                "there is nothing to search by, the picture or region is too plain or too small: {}",
                self.said()
            ));
        }
        for note in &response.notes {
            output::warn(&output::with_how(note));
        }
        let verified = response
            .stages
            .iter()
            .any(|stage| stage.stage == StageName::Verify);
        if self.matches_only && !verified {
            output::warn(
                "--matches-only leaves nothing here: no geometry was checked, and only that makes a match; leave it out",
            );
        }
    }

    /// The query as the user said it.
    fn said(&self) -> String {
        [self.query.as_deref(), self.text.as_deref()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" + ")
    }

    fn print_json(&self, response: &SearchResponse, drawn: &Drawn) -> Result<Outcome> {
        let explained = self
            .explain
            .as_ref()
            .filter(|_| !matches!(drawn, Drawn::Nothing));
        output::json(&Answer {
            collection: self.collection.display().to_string(),
            query: self.said(),
            region: self.region,
            response,
            explained: explained.map(|file| file.display().to_string()),
        })?;
        Ok(Outcome::Done)
    }
}

/// The query that an expression says. What is none and has the name of a picture was meant as one.
fn parsed(text: &str) -> Result<Query> {
    match Query::parse(text) {
        Err(_) if has_picture_name(Path::new(text)) && !text.contains(['\'', '"', '@']) => {
            bail!("there is no such picture; check the path: {text}")
        }
        parsed => Ok(parsed?),
    }
}

/// Whether two files hold the same bytes; a file that cannot be read is like no other.
fn same_file(a: &Path, b: &Path) -> bool {
    let length = |path: &Path| fs_err::metadata(path).map(|data| data.len()).ok();
    let read = |path: &Path| fs_err::read(path).ok();
    length(a).is_some() && length(a) == length(b) && read(a) == read(b)
}

/// Draws the first result that has a transform, or else the places that made the first result look alike.
fn explain(
    collection: &Collection,
    query: &Query,
    response: &SearchResponse,
    file: &Path,
    limits: Limits,
) -> Result<Drawn> {
    let picture_of = |part: usize| match &query.parts.get(part)?.what {
        PartSource::Image {
            image: QueryImage::File(path),
            ..
        } => Some(path.clone()),
        PartSource::Stored(image) => collection.image_path(*image).ok().flatten(),
        _ => None,
    };
    let open = |path: &Path| -> Result<_> {
        let picture = vizsla_pixels::read_rgb(path, &DecodeOptions { limits, fit: None })
            .context("it cannot be drawn; index the folder again if the file has moved")?;
        Ok(picture.image)
    };
    // What the collection holds of the query itself explains nothing.
    let asked: Vec<PathBuf> = (0..query.parts.len()).filter_map(picture_of).collect();
    let (copies, others): (Vec<&Hit>, Vec<&Hit>) = response
        .hits
        .iter()
        .partition(|hit| asked.iter().any(|path| same_file(path, &hit.path)));
    let hits: Vec<&Hit> = others.into_iter().chain(copies).collect();
    let agreeing = hits
        .iter()
        .find_map(|hit| Some((*hit, hit.agreement.as_ref()?)));
    if let Some((hit, agreement)) = agreeing {
        let Some(left) = picture_of(agreement.part) else {
            return Ok(Drawn::Nothing);
        };
        let (left, right) = (open(&left)?, open(&hit.path)?);
        let drawing = draw_pair(
            &left,
            &right,
            &agreement.pairs,
            Some(agreement.transform),
            agreement.cells(),
        )?;
        picture::save(&drawing, file)?;
        return Ok(Drawn::Geometry);
    }
    let alike = |hit: &&&Hit| hit.share(Channel::Global).is_some();
    let part = (0..query.parts.len()).find_map(|part| {
        let positive = query.parts[part].weight > 0.0;
        picture_of(part).filter(|_| positive)
    });
    let (Some(hit), Some(left)) = (hits.iter().find(alike), part) else {
        return Ok(Drawn::Nothing);
    };
    let drawing = collection.draw_relevance(&open(&left)?, &open(&hit.path)?)?;
    picture::save(&drawing, file)?;
    Ok(Drawn::Heat)
}

fn describe(response: &SearchResponse, find: Find) -> String {
    let several = response.hits.iter().any(|hit| hit.shares.len() > 1);
    let captions = response.hits.iter().any(|hit| hit.caption.is_some());
    let mut columns = vec![">rank", "verdict", ">score", ">inliers", "box"];
    columns.extend(several.then_some("found by"));
    columns.push("path");
    columns.extend(captions.then_some("caption"));
    let mut table = Table::new(&columns);
    for (place, hit) in response.hits.iter().enumerate() {
        let agreement = hit.agreement.as_ref();
        let mut row = vec![
            (place + 1).to_string(),
            match (hit.verdict, agreement.is_some_and(|a| a.mirrored)) {
                (Verdict::Match, false) => "match".to_owned(),
                (Verdict::Match, true) => "match, mirrored".to_owned(),
                (Verdict::Part, false) => "part".to_owned(),
                (Verdict::Part, true) => "part, mirrored".to_owned(),
                (Verdict::NoMatch, _) => "-".to_owned(),
            },
            format!("{:.2}", hit.score),
            agreement
                .map(|a| output::count(a.inliers))
                .unwrap_or_default(),
            agreement
                .map(|a| rectangle(&a.gallery_box))
                .unwrap_or_default(),
        ];
        if several {
            row.push(found_by(hit));
        }
        row.push(hit.path.display().to_string());
        if captions {
            row.push(
                hit.caption
                    .as_ref()
                    .map_or_else(String::new, |c| c.text.clone()),
            );
        }
        table.row(row);
    }
    let mut text = if response.hits.is_empty() {
        String::new()
    } else {
        table.render()
    };
    text.push_str(&closing(response, find));
    text
}

/// The last line: what was found, how, and in which time.
fn closing(response: &SearchResponse, find: Find) -> String {
    let stages: Vec<String> = response
        .stages
        .iter()
        .map(|stage| format!("{} {:.1} ms", stage.stage, stage.ms))
        .collect();
    let matches = response.hits.iter();
    let matches = matches.filter(|hit| hit.verdict == Verdict::Match).count();
    // Only geometry can say that a result is a match or none; of words and likeness there is more or less.
    let verified = response
        .stages
        .iter()
        .any(|stage| stage.stage == StageName::Verify);
    let noun = match find {
        Find::Images => "image",
        Find::Captions => "caption",
    };
    let results = output::plural(response.hits.len(), noun);
    let found = match (matches, response.hits.len()) {
        (1, _) => "1 match".to_owned(),
        (2.., _) => format!("{matches} matches"),
        (0, 0) if verified => "no match".to_owned(),
        (0, 0) => "nothing found".to_owned(),
        (0, _) if verified => format!("no match; {results} found by {}", ways(&response.hits)),
        (0, _) => format!("{results} found by {}", ways(&response.hits)),
    };
    let how = if response.settled {
        " at a first look"
    } else {
        ""
    };
    format!(
        "{found}{how} in {:.1} ms ({})\n",
        response.ms,
        stages.join(", ")
    )
}

/// What the channels that found something go by.
fn ways(hits: &[Hit]) -> String {
    let used = |channel: &Channel| hits.iter().any(|hit| hit.share(*channel).is_some());
    let ways: Vec<&str> = Channel::ALL
        .into_iter()
        .filter(used)
        .map(|channel| match channel {
            Channel::Words => "details",
            Channel::Global => "likeness",
            Channel::Captions => "words of captions",
            Channel::Text => "the meaning of captions",
        })
        .collect();
    ways.join(", ")
}

/// Each channel with its place in that channel's list.
fn found_by(hit: &Hit) -> String {
    let share = |share: &Share| format!("{} {}", share.channel.name(), share.rank);
    hit.shares.iter().map(share).collect::<Vec<_>>().join(", ")
}

fn rectangle(region: &Region) -> String {
    format!(
        "{:.0},{:.0},{:.0},{:.0}",
        region.x, region.y, region.width, region.height
    )
}
