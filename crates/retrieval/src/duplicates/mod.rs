//! Near-duplicates of a whole collection: the same picture in other sizes, crops, formats and colours.
//!
//! Each image is looked for by its stored features, as if it were a query; no file is opened. Two images are
//! near-duplicates when geometry proves them to show the same *and* they agree over a good part of what there is to see in
//! both ([`Agreement::extent`](crate::Agreement::extent)): one object in two different photographs, or one letterhead over two
//! letters, is a match and no duplicate. Pairs become groups by union–find (Tarjan 1975), so a chain of small steps ends in one group.
//!
//! A shortlist bounds what each image is compared with. Where it is full of duplicates, more may stand behind them: such images
//! are asked again for what is not yet in their group, until nothing is added.
//!
//! What agrees only in a part, letters on one letterhead or one picture with two captions, is no duplicate unless that is asked for.
//!
//! A mirrored copy shares hardly a feature with its original. It is looked for by the features of the flipped
//! picture, which costs reading and describing every picture once, and can be left out.

mod found;
mod groups;
mod mirrored;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use rayon::prelude::*;
use vizsla_vectors::{Allowed, IdSet};

use self::found::Pair;
pub use self::found::{Duplicate, DuplicateGroup, DuplicateKind, DuplicatesReport};
use self::groups::{Forest, groups};
use crate::{Candidate, Collection, Error, ListedImage, Query, Reporter, Skipped, Verdict};

/// Images looked for at a time; between them the caller may stop.
const BATCH: usize = 64;

/// When two images are near-duplicates.
#[derive(Debug, Clone)]
pub struct DuplicateOptions {
    /// Least share, 0 to 1, of the places with features over which they agree, in *each* of the two.
    pub extent: f64,
    /// Least score, −log10 of the number of false alarms, beyond that of a match.
    pub score: f64,
    /// Images compared with each at a time.
    pub shortlist: usize,
    /// Whether mirrored copies are looked for too; every picture is read and described for that.
    pub mirrored: bool,
    /// Whether pictures that agree in a part ([`Verdict::Part`]) count too: one layout with other contents, the same picture with another caption.
    pub parts: bool,
}

impl Default for DuplicateOptions {
    fn default() -> Self {
        Self {
            extent: 0.45,
            score: 0.0,
            shortlist: 20,
            mirrored: true,
            parts: false,
        }
    }
}

/// What looking for one image found.
struct Looked {
    /// Its place in the listing.
    place: usize,
    /// The images that are its duplicates.
    pairs: Vec<(i64, Pair)>,
    /// Whether the shortlist may have been too short.
    full: bool,
    /// Why its file could not be read, where it had to be.
    unread: Option<Skipped>,
}

/// How images are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// By their stored features, among all images.
    Stored,
    /// By their stored features, among the images of other groups.
    Apart,
    /// By the features of the flipped picture, among the images of other groups.
    Mirrored,
}

/// The work on one listing.
struct Hunt<'a> {
    collection: &'a Collection,
    options: &'a DuplicateOptions,
    reporter: &'a dyn Reporter,
    listed: &'a [ListedImage],
    places: BTreeMap<i64, usize>,
    /// The images listed; what came in later belongs to the next run.
    images: IdSet,
    forest: Forest,
    pairs: BTreeMap<(usize, usize), Pair>,
    report: DuplicatesReport,
}

impl Collection {
    /// Finds all near-duplicates. When the reporter says that the caller wants to stop, the report holds what was
    /// found so far.
    ///
    /// # Errors
    /// The collection keeps no local features, or the index is damaged.
    pub fn duplicates(
        &self,
        options: &DuplicateOptions,
        reporter: &dyn Reporter,
    ) -> Result<DuplicatesReport, Error> {
        let start = Instant::now();
        let listed = self.list()?;
        let mut hunt = Hunt {
            collection: self,
            options,
            reporter,
            listed: &listed,
            places: listed.iter().map(|image| image.image).zip(0..).collect(),
            images: listed.iter().map(|image| image.image).collect(),
            forest: Forest::new(listed.len()),
            pairs: BTreeMap::new(),
            report: DuplicatesReport::default(),
        };
        hunt.run()?;
        let Hunt {
            forest,
            pairs,
            mut report,
            ..
        } = hunt;
        report.pairs = pairs.len();
        report.mirrored_pairs = pairs.values().filter(|pair| pair.mirrored).count();
        report.groups = groups(&listed, &pairs, &forest);
        let files =
            |group: &DuplicateGroup| group.images.iter().map(|i| i.paths.len()).sum::<usize>();
        report.spare_files = report.groups.iter().map(|group| files(group) - 1).sum();
        report.seconds = start.elapsed().as_secs_f64();
        Ok(report)
    }
}

impl Hunt<'_> {
    fn run(&mut self) -> Result<(), Error> {
        let (seen, blind): (Vec<usize>, Vec<usize>) =
            (0..self.listed.len()).partition(|&place| self.listed[place].features > 0);
        self.report.without_features = blind.len();
        self.report.images = blind.len();
        self.reporter.begin("comparing", seen.len() as u64);
        let mut full = self.look(&seen, Look::Stored)?;
        self.reporter.end();
        // Each round joins groups, or is the last one.
        while !full.is_empty() && !self.report.interrupted {
            self.reporter
                .begin("comparing large groups", full.len() as u64);
            full = self.look(&full, Look::Apart)?;
            self.reporter.end();
        }
        if self.options.mirrored && !self.report.interrupted {
            self.reporter.begin("comparing mirrored", seen.len() as u64);
            let mut full = self.look(&seen, Look::Mirrored)?;
            while !full.is_empty() && !self.report.interrupted {
                full = self.look(&full, Look::Mirrored)?;
            }
            self.reporter.end();
        }
        self.count_plain(&seen)
    }

    /// Looks for images and joins them with what is found; those whose shortlist may have been too short.
    fn look(&mut self, places: &[usize], look: Look) -> Result<Vec<usize>, Error> {
        let mut full = Vec::new();
        for batch in places.chunks(BATCH) {
            if self.reporter.cancelled() {
                self.report.interrupted = true;
                break;
            }
            let groups = self.own_groups(batch, look);
            let looked = batch.par_iter().map(|&place| {
                let looked = self.look_for(place, look, &groups);
                self.reporter.advance(1);
                looked
            });
            for looked in looked.collect::<Result<Vec<_>, Error>>()? {
                self.report.images += usize::from(look == Look::Stored);
                self.report.unread.extend(looked.unread);
                if self.join(looked.place, &looked.pairs) && looked.full {
                    full.push(looked.place);
                }
            }
        }
        Ok(full)
    }

    /// For each place whose group is not looked through the images of that group.
    fn own_groups(&mut self, places: &[usize], look: Look) -> HashMap<usize, IdSet> {
        if look == Look::Stored {
            return HashMap::new();
        }
        let roots = self.forest.roots();
        let sought: HashSet<usize> = places.iter().map(|&place| roots[place]).collect();
        let mut groups: HashMap<usize, IdSet> = HashMap::new();
        for (image, root) in self.listed.iter().zip(&roots) {
            if sought.contains(root) {
                groups.entry(*root).or_default().insert(image.image);
            }
        }
        let own = |&place: &usize| Some((place, groups.get(&roots[place])?.clone()));
        places.iter().filter_map(own).collect()
    }

    fn look_for(
        &self,
        place: usize,
        look: Look,
        groups: &HashMap<usize, IdSet>,
    ) -> Result<Looked, Error> {
        let image = &self.listed[place];
        let mut looked = Looked {
            place,
            pairs: Vec::new(),
            full: false,
            unread: None,
        };
        let query = match look {
            Look::Stored | Look::Apart => Query::stored(image.image),
            Look::Mirrored => match mirrored::query(image, &self.collection.recipe) {
                Ok(query) => query,
                Err(unread) => {
                    looked.unread = Some(unread);
                    return Ok(looked);
                }
            },
        };
        let itself = IdSet::from_iter([image.image]);
        let mut room = IdSet::new();
        let others =
            Allowed::Only(&self.images).without(groups.get(&place).unwrap_or(&itself), &mut room);
        let shortlist = self.options.shortlist;
        let hits = self
            .collection
            .searcher()?
            .verified_alike(&query, shortlist, &others)?;
        for (rank, hit) in hits.iter().enumerate() {
            let Some(pair) = self.duplicate(hit, look == Look::Mirrored) else {
                continue;
            };
            looked.pairs.push((hit.image, pair));
            // A duplicate in the last quarter may have others behind it.
            looked.full |= 4 * (rank + 1) > 3 * shortlist;
        }
        Ok(looked)
    }

    /// Whether a result is a duplicate.
    fn duplicate(&self, hit: &Candidate, mirrored: bool) -> Option<Pair> {
        let agreement = hit.agreement.as_ref()?;
        let alike = match hit.verdict {
            Verdict::Match => true,
            Verdict::Part => self.options.parts,
            Verdict::NoMatch => false,
        };
        let enough =
            alike && agreement.extent >= self.options.extent && hit.score() >= self.options.score;
        enough.then_some(Pair {
            score: hit.score(),
            extent: agreement.extent,
            mirrored,
        })
    }

    /// Joins an image with its duplicates; whether there are some.
    fn join(&mut self, place: usize, found: &[(i64, Pair)]) -> bool {
        for (other, pair) in found {
            let Some(&other) = self.places.get(other) else {
                continue;
            };
            self.forest.join(place, other, pair.mirrored);
            let key = (place.min(other), place.max(other));
            let known = self.pairs.entry(key).or_insert(*pair);
            if pair.score > known.score {
                *known = *pair;
            }
        }
        !found.is_empty()
    }

    /// Counts the images that are in no pair because not even they themselves are recognised.
    fn count_plain(&mut self, seen: &[usize]) -> Result<(), Error> {
        let mut paired = vec![false; self.listed.len()];
        for &(a, b) in self.pairs.keys() {
            paired[a] = true;
            paired[b] = true;
        }
        for &place in seen.iter().filter(|place| !paired[**place]) {
            if self.report.interrupted || self.reporter.cancelled() {
                self.report.interrupted = true;
                break;
            }
            let id = self.listed[place].image;
            let itself = self.collection.searcher()?.agreements(id, &[id])?;
            let recognised = itself.iter().any(|hit| hit.verdict == Verdict::Match);
            self.report.too_plain += usize::from(!recognised);
        }
        Ok(())
    }
}
