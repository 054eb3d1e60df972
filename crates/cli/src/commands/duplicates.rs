//! `vizsla duplicates`: the near-duplicates of a whole collection.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use vizsla_pixels::{Color, ContactSheet, DecodeOptions, Rgb, Tile};
use vizsla_retrieval::{
    Collection, Duplicate, DuplicateGroup, DuplicateKind, DuplicateOptions, DuplicatesReport,
};

use super::threads::Threads;
use super::{Outcome, picture, range};
use crate::output::{self, Progress, Table};

/// Groups and images of a group that a contact sheet shows.
const ROWS: usize = 20;
const COLUMNS: usize = 6;
const TILE: usize = 200;
const BEST: Color = [0, 158, 115];
const SPARE: Color = [170, 170, 170];

/// Find the near-duplicates of a whole collection: other sizes, crops, formats, colours
///
/// None is removed. The first of each group is the largest. Mirrored copies are found too, for which
/// every picture is read once; --no-mirrored leaves them out and opens no file. What agrees only in
/// a part (one letterhead over two letters, one picture with two captions) is no duplicate; --parts
/// counts it.
#[derive(Args)]
pub struct Arguments {
    /// The collection
    collection: PathBuf,
    /// Least share of what is to be seen in each of two pictures that must agree, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.45, value_parser = range::ratio)]
    extent: f32,
    /// Least score (zeros of the number of false alarms) beyond that of a match
    #[arg(long, value_name = "SCORE", default_value_t = 0.0)]
    score: f64,
    /// Images compared with each at a time; large groups are asked for again until they are whole
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = range::one_or_more)]
    shortlist: usize,
    /// Do not look for mirrored copies: reading and describing every picture for them takes as long
    /// as indexing
    #[arg(long)]
    no_mirrored: bool,
    /// Count pictures that agree only in a part: one layout with other contents
    #[arg(long)]
    parts: bool,
    /// Draw the first groups into this PNG or JPEG file
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        self.threads.start()?;
        if let Some(file) = &self.sheet {
            picture::check_ending(file)?;
        }
        if self.shortlist > 10_000 {
            bail!("--shortlist is at most 10,000, not {}", self.shortlist);
        }
        let options = DuplicateOptions {
            extent: f64::from(self.extent),
            score: self.score,
            shortlist: self.shortlist,
            mirrored: !self.no_mirrored,
            parts: self.parts,
        };
        let progress = Progress::start();
        let report = Collection::open(&self.collection)?.duplicates(&options, &progress)?;
        drop(progress);
        if self.json {
            output::json(&report)?;
        } else {
            output::show(&describe(&report))?;
        }
        match &self.sheet {
            Some(_) if report.groups.is_empty() => {
                output::warn("nothing drawn, there are no near-duplicates");
            }
            Some(file) => picture::save(&draw(&report.groups)?, file)?,
            None => {}
        }
        Ok(match report.interrupted {
            true => Outcome::Interrupted,
            false => Outcome::Done,
        })
    }
}

fn describe(report: &DuplicatesReport) -> String {
    let mut text = format!(
        "{} compared: {}, {} to spare, took {}\n",
        output::plural(report.images, "image"),
        output::plural(report.groups.len(), "group"),
        output::plural(report.spare_files, "file"),
        output::duration(report.seconds)
    );
    let left = [
        (
            report.without_features,
            "without features, compared by content only",
        ),
        (
            report.too_plain,
            "too plain to be compared: not even recognised themselves",
        ),
        (
            report.unread.len(),
            "not read, so no mirrored copy was looked for",
        ),
    ];
    for (number, what) in left.into_iter().filter(|&(number, _)| number > 0) {
        text.push_str(&format!("{} {what}\n", output::plural(number, "image")));
    }
    if report.interrupted {
        text.push_str("stopped before the end; the groups are not complete\n");
    }
    if report.groups.is_empty() {
        return text;
    }
    let mut table = Table::new(&[">group", ">id", "size", "kind", ">score", ">extent", "path"]);
    for (number, group) in report.groups.iter().enumerate() {
        for image in &group.images {
            for (place, path) in image.paths.iter().enumerate() {
                let path = path.display().to_string();
                let group = (number + 1).to_string();
                if place > 0 {
                    let same = ["", "", "same", "", ""].map(str::to_owned);
                    table.row([group].into_iter().chain(same).chain([path]));
                } else {
                    table.row([[group].as_slice(), &figures(image), &[path]].concat());
                }
            }
        }
    }
    text.push_str(&format!("\n{}", table.render()));
    text
}

fn figures(image: &Duplicate) -> [String; 5] {
    let kind = match image.kind {
        DuplicateKind::Best => "best",
        DuplicateKind::Near => "near",
        DuplicateKind::Mirrored => "mirrored",
    };
    [
        image.image.to_string(),
        format!("{}x{}", image.width, image.height),
        kind.to_owned(),
        format!("{:.1}", image.score),
        format!("{:.0} %", image.extent * 100.0),
    ]
}

/// A row for each of the first groups; a file that cannot be read leaves its tile empty.
fn draw(groups: &[DuplicateGroup]) -> Result<Rgb> {
    let row = |group: &DuplicateGroup| {
        let tiles = group.images.iter().take(COLUMNS).enumerate();
        tiles
            .map(|(place, image)| tile(image, place == 0))
            .collect::<Result<Vec<Tile>>>()
    };
    let sheet = ContactSheet {
        headline: "near-duplicates: a row is a group, the largest picture first".to_owned(),
        tile_side: TILE,
        rows: groups.iter().take(ROWS).map(row).collect::<Result<_>>()?,
    };
    Ok(sheet.draw()?)
}

fn tile(image: &Duplicate, best: bool) -> Result<Tile> {
    let path = image
        .paths
        .first()
        .map(PathBuf::as_path)
        .unwrap_or(Path::new(""));
    let options = DecodeOptions {
        fit: Some(TILE as u32),
        ..DecodeOptions::default()
    };
    let picture = match vizsla_pixels::read_rgb(path, &options) {
        Ok(decoded) => decoded.image,
        Err(_) => Rgb::filled(TILE, TILE, [60, 60, 60])?,
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(Tile {
        image: picture,
        caption: vec![
            name.into_owned(),
            match image.kind {
                DuplicateKind::Mirrored => format!("{}x{} mirrored", image.width, image.height),
                _ => format!("{}x{}", image.width, image.height),
            },
        ],
        frame: Some(if best { BEST } else { SPARE }),
    })
}
