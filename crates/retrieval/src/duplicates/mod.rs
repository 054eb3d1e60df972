//! Near-duplicates of a whole collection: the same picture in other sizes, crops, formats and colours.
//!
//! Each image is looked for by its stored features, as if it were a query; no file is opened. Two images are
//! near-duplicates when geometry proves them to show the same *and* what agrees spreads over a good part of both: one
//! object in two different photographs is a match and no duplicate. Pairs become groups by union–find (Tarjan
//! 1975), so a chain of small steps ends in one group.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use rayon::prelude::*;
use serde::Serialize;

use crate::{
    Channel, Collection, Error, Hit, ListedImage, Query, Region, Reporter, SearchOptions, Verdict,
};

/// Images looked for at a time; between them the caller may stop.
const BATCH: usize = 64;

/// When two images are near-duplicates.
#[derive(Debug, Clone)]
pub struct DuplicateOptions {
    /// Least share, 0 to 1, of the area of *each* of the two that the agreeing box covers.
    pub extent: f64,
    /// Least score, −log10 of the number of false alarms, beyond that of a match.
    pub score: f64,
    /// Images compared with each; it bounds how many partners an image can have directly.
    pub shortlist: usize,
}

impl Default for DuplicateOptions {
    fn default() -> Self {
        Self {
            extent: 0.5,
            score: 0.0,
            shortlist: 20,
        }
    }
}

/// The near-duplicates of a collection.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DuplicatesReport {
    /// Images looked for.
    pub images: usize,
    /// Images so plain that not even they themselves are recognised; of them nothing can be said.
    pub too_plain: usize,
    /// Pairs of near-duplicates.
    pub pairs: usize,
    /// Groups, the largest first; also single images that several files hold.
    pub groups: Vec<DuplicateGroup>,
    /// Files that could go if one of each group stays.
    pub spare_files: usize,
    /// Whether it was stopped before the end.
    pub interrupted: bool,
    /// Seconds it took.
    pub seconds: f64,
}

/// Images that are near-duplicates of each other.
#[derive(Debug, Clone, Serialize)]
pub struct DuplicateGroup {
    /// The images, best first: by their pixels, then the one that came in earlier.
    pub images: Vec<Duplicate>,
}

/// An image of a group.
#[derive(Debug, Clone, Serialize)]
pub struct Duplicate {
    /// Identity of the image.
    pub image: i64,
    /// The files that hold it; more than one are exact copies.
    pub paths: Vec<PathBuf>,
    /// Upright full-resolution width in pixels.
    pub width: u32,
    /// Upright full-resolution height in pixels.
    pub height: u32,
    /// Its best score with another of the group; 0 when it is alone.
    pub score: f64,
    /// Share, 0 to 1, of the less covered of the two in that pair.
    pub extent: f64,
}

/// Two images that agree.
#[derive(Debug, Clone, Copy)]
struct Pair {
    a: i64,
    b: i64,
    score: f64,
    extent: f64,
}

/// What looking for one image found.
struct Looked {
    /// Whether it found itself.
    recognised: bool,
    pairs: Vec<Pair>,
}

impl Collection {
    /// Finds all near-duplicates. When the reporter says that the caller wants to stop, the report holds what was
    /// found so far.
    ///
    /// # Errors
    /// The index is damaged.
    pub fn duplicates(
        &self,
        options: &DuplicateOptions,
        reporter: &dyn Reporter,
    ) -> Result<DuplicatesReport, Error> {
        let start = Instant::now();
        let listed = self.list()?;
        let sizes: BTreeMap<i64, [u32; 2]> = listed
            .iter()
            .map(|image| (image.image, [image.width, image.height]))
            .collect();
        let mut report = DuplicatesReport::default();
        let mut pairs: Vec<Pair> = Vec::new();
        reporter.begin("comparing", listed.len() as u64);
        for batch in listed.chunks(BATCH) {
            if reporter.cancelled() {
                report.interrupted = true;
                break;
            }
            let looked = batch.par_iter().map(|image| {
                let looked = self.look_for(image, &sizes, options);
                reporter.advance(1);
                looked
            });
            for looked in looked.collect::<Result<Vec<_>, Error>>()? {
                report.images += 1;
                report.too_plain += usize::from(!looked.recognised);
                pairs.extend(looked.pairs);
            }
        }
        reporter.end();
        pairs.sort_by_key(|pair| (pair.a, pair.b));
        pairs.dedup_by(|later, kept| {
            let same = (later.a, later.b) == (kept.a, kept.b);
            if same && later.score > kept.score {
                *kept = *later;
            }
            same
        });
        report.pairs = pairs.len();
        report.groups = groups(listed, &pairs);
        let files =
            |group: &DuplicateGroup| group.images.iter().map(|i| i.paths.len()).sum::<usize>();
        report.spare_files = report.groups.iter().map(|group| files(group) - 1).sum();
        report.seconds = start.elapsed().as_secs_f64();
        Ok(report)
    }

    fn look_for(
        &self,
        image: &ListedImage,
        sizes: &BTreeMap<i64, [u32; 2]>,
        options: &DuplicateOptions,
    ) -> Result<Looked, Error> {
        let mut looked = Looked {
            recognised: false,
            pairs: Vec::new(),
        };
        if image.features == 0 {
            return Ok(looked);
        }
        // One more than asked for, because the image itself is among them.
        let search = SearchOptions {
            top: options.shortlist + 1,
            shortlist: Some(options.shortlist + 1),
            channels: Some(vec![Channel::Words]),
            ..SearchOptions::default()
        };
        let id = image.image;
        for hit in self.search(&Query::stored(id), &search)?.hits {
            if hit.verdict != Verdict::Match {
                continue;
            }
            if hit.image == id {
                looked.recognised = true;
                continue;
            }
            // What came in after the listing belongs to the next run.
            let Some(&size) = sizes.get(&id).filter(|_| sizes.contains_key(&hit.image)) else {
                continue;
            };
            let extent = extent(&hit, size);
            if extent >= options.extent && hit.score >= options.score {
                looked.pairs.push(Pair {
                    a: id.min(hit.image),
                    b: id.max(hit.image),
                    score: hit.score,
                    extent,
                });
            }
        }
        Ok(looked)
    }
}

/// The share of the query or of the image, whichever is smaller, that the agreeing box covers.
fn extent(hit: &Hit, [width, height]: [u32; 2]) -> f64 {
    let Some(agreement) = &hit.agreement else {
        return 0.0;
    };
    let share = |part: &Region, width: u32, height: u32| {
        let whole = f64::from(width) * f64::from(height);
        (part.width * part.height / whole.max(1.0)).min(1.0)
    };
    let query = share(&agreement.query_box, width, height);
    query.min(share(&agreement.gallery_box, hit.width, hit.height))
}

/// Joins pairs to groups; an image that several files hold is a group too.
fn groups(listed: Vec<ListedImage>, pairs: &[Pair]) -> Vec<DuplicateGroup> {
    let places: BTreeMap<i64, usize> = listed
        .iter()
        .enumerate()
        .map(|(place, image)| (image.image, place))
        .collect();
    let mut forest = Forest::new(listed.len());
    let mut best = vec![(0.0_f64, 0.0_f64); listed.len()];
    for pair in pairs {
        let (Some(&a), Some(&b)) = (places.get(&pair.a), places.get(&pair.b)) else {
            continue;
        };
        forest.join(a, b);
        for place in [a, b] {
            if pair.score > best[place].0 {
                best[place] = (pair.score, pair.extent);
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<Duplicate>> = BTreeMap::new();
    for (place, image) in listed.into_iter().enumerate() {
        let (score, extent) = best[place];
        groups
            .entry(forest.root(place))
            .or_default()
            .push(Duplicate {
                image: image.image,
                paths: image.paths,
                width: image.width,
                height: image.height,
                score,
                extent,
            });
    }
    let mut groups: Vec<DuplicateGroup> = groups
        .into_values()
        .filter(|images| images.len() > 1 || images.iter().any(|image| image.paths.len() > 1))
        .map(|mut images| {
            let pixels = |image: &Duplicate| u64::from(image.width) * u64::from(image.height);
            images.sort_by_key(|image| (std::cmp::Reverse(pixels(image)), image.image));
            DuplicateGroup { images }
        })
        .collect();
    let id = |group: &DuplicateGroup| group.images.first().map(|image| image.image);
    groups.sort_by_key(|group| (std::cmp::Reverse(group.images.len()), id(group)));
    groups
}

/// Disjoint sets; the root of each is its smallest member.
struct Forest(Vec<usize>);

impl Forest {
    fn new(size: usize) -> Self {
        Self((0..size).collect())
    }

    fn root(&mut self, mut at: usize) -> usize {
        while self.0[at] != at {
            self.0[at] = self.0[self.0[at]];
            at = self.0[at];
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(id: i64, width: u32, files: usize) -> ListedImage {
        ListedImage {
            image: id,
            paths: (0..files).map(|n| format!("{id}-{n}.png").into()).collect(),
            content: String::new(),
            width,
            height: 10,
            format: "PNG".into(),
            features: 1,
            taken: None,
            camera: None,
            latitude: None,
            longitude: None,
            captions: Vec::new(),
            metadata: BTreeMap::new(),
        }
    }

    #[test]
    fn pairs_become_groups_with_the_largest_first() {
        let listed = vec![
            image(3, 10, 1),
            image(5, 40, 1),
            image(6, 10, 1),
            image(8, 40, 1),
            image(9, 10, 2),
            image(12, 10, 1),
        ];
        let pair = |a, b, score| Pair {
            a,
            b,
            score,
            extent: 0.5,
        };
        let groups = groups(
            listed,
            &[pair(3, 8, 20.0), pair(5, 8, 30.0), pair(6, 12, 9.0)],
        );
        let ids: Vec<Vec<i64>> = groups
            .iter()
            .map(|group| group.images.iter().map(|i| i.image).collect())
            .collect();
        assert_eq!(ids, [vec![5, 8, 3], vec![6, 12], vec![9]]);
        assert_eq!(groups[0].images[1].score, 30.0);
    }
}
