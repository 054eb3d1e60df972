//! A query goes through its stages: read → describe → words → shortlist → verify.

mod candidates;
mod coverage;
mod verify;

use std::time::Instant;

use vizsla_features::{Features, Sift};
use vizsla_pixels::{DecodeOptions, Gray};

use self::candidates::Candidate;
use self::verify::Verifier;
use crate::collection::Snapshot;
use crate::{
    Collection, Error, Hit, Query, QueryImage, Region, SearchOptions, SearchResponse, StageTrace,
    Verdict,
};

/// A query picture as it is analysed.
pub(crate) struct Sight {
    /// Features in pixels of the analysed picture.
    pub features: Features,
    /// Upright size of the whole picture at full resolution.
    pub full: [u32; 2],
    /// The part that is meant, in full-resolution pixels.
    pub region: Region,
    /// Full-resolution pixels for each analysed pixel.
    pub zoom: f64,
}

/// Collects what each stage did.
struct Trace {
    start: Instant,
    last: Instant,
    stages: Vec<StageTrace>,
}

impl Trace {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            start: now,
            last: now,
            stages: Vec::new(),
        }
    }

    fn stage(&mut self, stage: &'static str, out: usize, unit: &'static str) {
        let ms = self.last.elapsed().as_secs_f64() * 1e3;
        self.last = Instant::now();
        self.stages.push(StageTrace {
            stage,
            out,
            unit,
            ms,
        });
    }
}

impl Collection {
    /// Finds the images that show what the query shows.
    ///
    /// Matches come first, ordered by evidence; the rest of the shortlist follows, what geometry
    /// speaks for weakly before what only shares visual words.
    /// Gallery files are not opened.
    ///
    /// # Errors
    /// The query cannot be read, its region lies outside, or the index is damaged.
    pub fn search(&self, query: &Query, options: &SearchOptions) -> Result<SearchResponse, Error> {
        let mut trace = Trace::new();
        let snapshot = self.snapshot()?;
        let (gray, full, region, zoom) = self.read(query)?;
        trace.stage("read", gray.width() * gray.height(), "pixels");
        let features = Sift::new(self.recipe.query_sift()).extract(&gray);
        trace.stage("describe", features.keypoints.len(), "features");
        let sight = Sight {
            features,
            full,
            region,
            zoom,
        };
        let hits = self.answer(&sight, &snapshot, options, &mut trace)?;
        let ms = trace.start.elapsed().as_secs_f64() * 1e3;
        Ok(SearchResponse {
            hits,
            stages: trace.stages,
            ms,
            query_size: sight.full,
        })
    }

    fn answer(
        &self,
        sight: &Sight,
        snapshot: &Snapshot,
        options: &SearchOptions,
        trace: &mut Trace,
    ) -> Result<Vec<Hit>, Error> {
        let recipe = &self.recipe.search;
        let words = candidates::query_words(&self.codebook, &sight.features, recipe);
        trace.stage("words", words.len(), "words");
        let verified = options.shortlist.unwrap_or(recipe.shortlist);
        let size = verified.max(options.top);
        let shortlist = candidates::shortlist(snapshot, &words, recipe, size)?;
        trace.stage("shortlist", shortlist.len(), "images");
        let mut hits = self.hits(&shortlist)?;
        if options.verify {
            let verified = verified.min(hits.len());
            let blobs = self.load_features(&hits[..verified])?;
            let verifier = Verifier::new(
                sight,
                &words,
                recipe,
                self.recipe.pixels.max_side,
                snapshot.images,
            );
            verifier.verify_all(&mut hits[..verified], &blobs);
            let matches = hits
                .iter()
                .filter(|hit| hit.verdict == Verdict::Match)
                .count();
            trace.stage("verify", matches, "matches");
        }
        hits.sort_by(|a, b| {
            let unproven = |hit: &Hit| hit.verdict == Verdict::NoMatch;
            unproven(a)
                .cmp(&unproven(b))
                .then(b.score.total_cmp(&a.score))
                .then(a.words_rank.cmp(&b.words_rank))
        });
        hits.truncate(options.top);
        Ok(hits)
    }

    /// Reads the picture, cuts the region out, scales it to the size of analysis.
    fn read(&self, query: &Query) -> Result<(Gray, [u32; 2], Region, f64), Error> {
        let side = self.recipe.pixels.max_side;
        // A region is cut out at full resolution first: it may be a small part of a large picture.
        let fit = if query.region.is_some() {
            None
        } else {
            Some(side)
        };
        let options = DecodeOptions {
            fit,
            ..DecodeOptions::default()
        };
        let (gray, width, height) = match &query.image {
            QueryImage::File(path) => {
                let decoded = vizsla_pixels::read_gray(path, &options)?;
                (decoded.image, decoded.full_width, decoded.full_height)
            }
            QueryImage::Bytes(bytes) => {
                let decoded = vizsla_pixels::decode_gray(bytes, &options)?;
                (decoded.image, decoded.full_width, decoded.full_height)
            }
            QueryImage::Gray(gray) => (gray.clone(), gray.width() as u32, gray.height() as u32),
        };
        let whole = Region {
            x: 0.0,
            y: 0.0,
            width: f64::from(width),
            height: f64::from(height),
        };
        let region = match query.region {
            None => whole,
            Some(region) => clip(region, whole)?,
        };
        let cut = match query.region {
            None => gray,
            Some(_) => gray.crop(
                region.x as usize,
                region.y as usize,
                region.width as usize,
                region.height as usize,
            )?,
        };
        let small = cut.fit_within(side as usize)?;
        let zoom = region.width / small.width().max(1) as f64;
        Ok((small, [width, height], region, zoom))
    }

    /// Shortlisted images with their files, unverified.
    fn hits(&self, shortlist: &[Candidate]) -> Result<Vec<Hit>, Error> {
        let catalog = self.catalog();
        let mut hits = Vec::with_capacity(shortlist.len());
        for (at, candidate) in shortlist.iter().enumerate() {
            let Some((width, height, mut paths)) = catalog.image_files(candidate.image)? else {
                continue;
            };
            if paths.is_empty() {
                continue;
            }
            let path = paths.remove(0);
            hits.push(Hit {
                image: candidate.image,
                path,
                duplicates: paths,
                score: candidate.similarity,
                verdict: Verdict::NoMatch,
                words_score: candidate.similarity,
                words_rank: at + 1,
                agreement: None,
                width,
                height,
            });
        }
        Ok(hits)
    }

    fn load_features(&self, hits: &[Hit]) -> Result<Vec<Vec<u8>>, Error> {
        let catalog = self.catalog();
        hits.iter()
            .map(|hit| Ok(catalog.features(hit.image)?.unwrap_or_default()))
            .collect()
    }
}

/// The part of `region` inside `whole`, on whole pixels.
fn clip(region: Region, whole: Region) -> Result<Region, Error> {
    let x = region.x.floor().clamp(0.0, whole.width);
    let y = region.y.floor().clamp(0.0, whole.height);
    let right = (region.x + region.width).ceil().clamp(0.0, whole.width);
    let bottom = (region.y + region.height).ceil().clamp(0.0, whole.height);
    let sound = [region.x, region.y, region.width, region.height]
        .iter()
        .all(|v| v.is_finite());
    if !sound || right - x < 1.0 || bottom - y < 1.0 {
        return Err(Error::Query(format!(
            "the region {},{},{},{} (x,y,width,height) lies outside the picture of {} × {} pixels",
            region.x, region.y, region.width, region.height, whole.width, whole.height
        )));
    }
    Ok(Region {
        x,
        y,
        width: right - x,
        height: bottom - y,
    })
}
