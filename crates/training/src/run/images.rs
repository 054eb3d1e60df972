//! The images of a run: classes from folders, from a list or from pairs; which are trained on and which are held
//! out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use vizsla_retrieval::find_pictures;
use vizsla_retrieval::lists::{self, Folder, IMAGE, LABEL, ListRead, Looks, Record, Role};

use super::config::DataConfig;
use crate::error::Error;
use crate::relevance::Relevance;

/// Most lines of a list that is read.
const MOST_LINES: usize = 1 << 24;
/// Names that a message holds at most.
const SHOWN: usize = 5;

/// One image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    /// Path relative to its folder, `/` between parts.
    pub name: String,
    pub path: PathBuf,
    /// The part that is looked at: x, y, width, height in pixels of the upright image.
    pub region: Option<[usize; 4]>,
}

/// All images of a run in one list; the others hold places in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Images {
    pub pictures: Vec<Picture>,
    pub classes: Vec<String>,
    /// What belongs together, by places in `pictures`; labels are places in `classes`.
    pub relevance: Relevance,
    pub train: Vec<usize>,
    pub validation: Vec<usize>,
    pub queries: Vec<usize>,
    pub warnings: Vec<String>,
}

impl Images {
    /// Reads what the configuration names.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a missing folder, a list with missing files or a picture without a class;
    /// [`Error::Shape`] when fewer than two classes have two images.
    pub fn read(data: &DataConfig, seed: u64) -> Result<Images, Error> {
        if data.images.as_os_str().is_empty() {
            let allowed = "name the folder of the images";
            return Err(Error::setting("data.images", "empty", allowed));
        }
        if !data.images.is_dir() {
            return Err(Error::invalid(
                "there is no such folder of images",
                &data.images,
            ));
        }
        let mut pairs = None;
        let mut images = Images::default();
        let found = match (&data.list, &data.pairs) {
            (Some(_), Some(_)) => {
                let allowed = "give a list or pairs, not both";
                return Err(Error::setting("data.pairs", "given", allowed));
            }
            (Some(list), None) => {
                let (found, warnings) = from_list(&data.images, list)?;
                images.warnings = warnings;
                found
            }
            (None, Some(list)) => {
                let (found, named, warnings) = from_pairs(&data.images, list)?;
                pairs = Some(named);
                images.warnings = warnings;
                found
            }
            (None, None) => from_folders(&data.images)?,
        };
        let mut classes = BTreeSet::new();
        classes.extend(found.iter().map(|(_, class)| class.clone()));
        let queries = match &data.queries {
            Some(folder) => from_folders(folder)?,
            None => Vec::new(),
        };
        classes.extend(queries.iter().map(|(_, class)| class.clone()));
        images.classes = classes.into_iter().collect();
        let trained = found.len();
        let mut labels = Vec::new();
        for (picture, class) in found.into_iter().chain(queries) {
            labels.push(images.classes.binary_search(&class).unwrap_or(0));
            images.pictures.push(picture);
        }
        images.queries = (trained..images.pictures.len()).collect();
        images.relevance = match pairs {
            None => Relevance::from(labels),
            Some(pairs) => Relevance::with_pairs(labels, &pairs)?,
        };
        images.share(trained, data.validation, seed)?;
        Ok(images)
    }

    /// Holds out images of each class for validation, one at least where there are three. Of named pairs an image is
    /// held out only where every partner keeps another one to train with.
    fn share(&mut self, trained: usize, validation: f64, seed: u64) -> Result<(), Error> {
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (place, &label) in self.relevance.labels()[..trained].iter().enumerate() {
            members.entry(label).or_default().push(place);
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut lone = Vec::new();
        let mut usable = 0;
        for (label, mut of_class) in members {
            match of_class.len() {
                1 => lone.push(self.classes[label].clone()),
                _ => usable += 1,
            }
            of_class.shuffle(&mut rng);
            let most = match validation > 0.0 && of_class.len() > 2 {
                true => ((of_class.len() as f64 * validation).round() as usize)
                    .clamp(1, of_class.len() - 2),
                false => 0,
            };
            let held = self.spared(&of_class, most);
            of_class.retain(|place| !held.contains(place));
            self.validation.extend(held);
            self.train.extend(of_class);
        }
        self.train.sort_unstable();
        self.validation.sort_unstable();
        if !lone.is_empty() {
            self.warnings.push(format!(
                "{} of one image, which has no positive and is not trained on: {}",
                if lone.len() == 1 {
                    "1 class".into()
                } else {
                    format!("{} classes", lone.len())
                },
                few(&lone)
            ));
        }
        if usable < 2 {
            return Err(Error::shape(format!(
                "{usable} of {} classes have two images or more; a ranking is learned from at least 2 such classes",
                self.classes.len()
            )));
        }
        Ok(())
    }

    /// The class of an image.
    pub fn class(&self, place: usize) -> &str {
        &self.classes[self.relevance.labels()[place]]
    }

    /// The first of a class that can be held out, `most` at most.
    fn spared(&self, of_class: &[usize], most: usize) -> BTreeSet<usize> {
        let mut held = BTreeSet::new();
        for &place in of_class {
            if held.len() == most {
                break;
            }
            let partners = self.relevance.partners(place);
            let trained = |of: usize| {
                let partners = self.relevance.partners(of).unwrap_or_default();
                partners.iter().any(|p| *p != place && !held.contains(p))
            };
            if partners.is_none_or(|all| trained(place) && all.iter().all(|&p| trained(p))) {
                held.insert(place);
            }
        }
        held
    }
}

/// The first few names of many.
fn few(names: &[String]) -> String {
    let mut text = names
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

type Found = Vec<(Picture, String)>;
/// Places in what was found.
type Pairs = Vec<[usize; 2]>;

fn picture(name: String, path: PathBuf) -> Picture {
    Picture {
        name,
        path,
        region: None,
    }
}

fn from_folders(root: &Path) -> Result<Found, Error> {
    if !root.is_dir() {
        return Err(Error::invalid("there is no such folder of images", root));
    }
    let (paths, _) = find_pictures(&[root.to_path_buf()])?;
    let root_path = fs_err::canonicalize(root)?;
    let mut found = Vec::with_capacity(paths.len());
    for path in paths {
        let below = path
            .strip_prefix(root)
            .or_else(|_| path.strip_prefix(&root_path))
            .unwrap_or(&path);
        let parts: Vec<String> = below
            .components()
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .collect();
        let [class, _, ..] = parts.as_slice() else {
            let what = "this picture lies in no class; put it into a folder named after its class, or give a list";
            return Err(Error::invalid(what, path));
        };
        found.push((picture(parts.join("/"), path.clone()), class.clone()));
    }
    if found.is_empty() {
        return Err(Error::invalid("there is no image in this folder", root));
    }
    found.sort_by(|a, b| a.0.name.cmp(&b.0.name));
    Ok(found)
}

/// A role of a list: a picture, or a value.
const fn role(names: &'static [&'static str], looks: Looks, needed: bool) -> Role {
    Role {
        names,
        looks,
        needed,
    }
}

/// A list of pictures with their classes and boxes.
const CLASSES: [Role; 6] = [
    role(IMAGE, Looks::Picture, true),
    role(LABEL, Looks::Any, true),
    role(&["x"], Looks::Named, false),
    role(&["y"], Looks::Named, false),
    role(&["width"], Looks::Named, false),
    role(&["height"], Looks::Named, false),
];

/// A list of pairs of pictures that show the same.
const PAIRS: [Role; 2] = [
    role(
        &[
            "image", "anchor", "query", "first", "image1", "image_1", "path", "file", "filename",
        ],
        Looks::Picture,
        true,
    ),
    role(
        &[
            "positive", "match", "second", "image2", "image_2", "pair", "other", "image", "path",
        ],
        Looks::Picture,
        true,
    ),
];

/// Files that a list names and that are not there.
fn refuse_missing(missing: &[String], root: &Path, list: &Path) -> Result<(), Error> {
    if missing.is_empty() {
        return Ok(());
    }
    let what = format!(
        "{} images named here are missing below {} ({}); names are relative to that folder",
        missing.len(),
        root.display(),
        few(missing)
    );
    Err(Error::invalid(what, list))
}

fn from_list(root: &Path, list: &Path) -> Result<(Found, Vec<String>), Error> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    let mut folder = Folder::new(root);
    let mut entries: Vec<(Vec<String>, String, Option<[usize; 4]>)> = Vec::new();
    let read = lists::read(list, &CLASSES, &mut |record| {
        if entries.len() == MOST_LINES {
            return Err(format!("there are more than {MOST_LINES} lines"));
        }
        let label = record.text(1);
        if label.is_empty() {
            return Err("the label is missing".into());
        }
        entries.push((record.names(), label, region(&record)?));
        Ok(())
    })?;
    for (names, label, region) in entries {
        match folder.find(&names)? {
            Ok(name) => {
                let path = root.join(&name);
                found.push((Picture { name, path, region }, label));
            }
            Err(_) => missing.extend(names.into_iter().next()),
        }
    }
    refuse_missing(&missing, root, list)?;
    if found.is_empty() {
        return Err(Error::invalid("there is no image in this list", list));
    }
    found.sort_by(|a, b| a.0.name.cmp(&b.0.name));
    Ok((found, read.remarks(list)))
}

/// The box of a record, if it has one.
fn region(record: &Record) -> Result<Option<[usize; 4]>, String> {
    let sides = [2, 3, 4, 5].map(|role| record.text(role));
    if sides.iter().any(String::is_empty) {
        return Ok(None);
    }
    let mut region = [0; 4];
    for (side, text) in region.iter_mut().zip(&sides) {
        *side = text
            .parse()
            .map_err(|_| "a box is four whole numbers of pixels".to_owned())?;
    }
    Ok(Some(region))
}

/// The ends of each pair, as paths from the folder where they are there, and else as they are written.
fn read_pairs(root: &Path, pairs: &Path) -> Result<(Vec<[String; 2]>, ListRead), Error> {
    let mut written: Vec<[String; 2]> = Vec::new();
    let read = lists::read(pairs, &PAIRS, &mut |record| {
        let ends = [record.text(0), record.text(1)];
        if written.len() == MOST_LINES || ends.iter().any(String::is_empty) {
            return Err(format!(
                "a pair has two names, and a list at most {MOST_LINES} pairs"
            ));
        }
        written.push(ends);
        Ok(())
    })?;
    let mut folder = Folder::new(root);
    for end in written.as_flattened_mut() {
        if let Ok(key) = folder.find(std::slice::from_ref(end))? {
            *end = key;
        }
    }
    Ok((written, read))
}

fn from_pairs(root: &Path, pairs: &Path) -> Result<(Found, Pairs, Vec<String>), Error> {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let mut leaders: Vec<usize> = Vec::new();
    let mut named = Vec::new();
    let (rows, read) = read_pairs(root, pairs)?;
    for row in rows {
        let mut ends = Vec::new();
        for name in row {
            let next = leaders.len();
            let place = *names.entry(name).or_insert(next);
            if place == next {
                leaders.push(next);
            }
            ends.push(place);
        }
        if let [a, b] = ends[..] {
            named.push([a, b]);
            let (a, b) = (leader(&mut leaders, a), leader(&mut leaders, b));
            leaders[a.max(b)] = a.min(b);
        }
    }
    let mut missing = Vec::new();
    let mut found = Vec::new();
    // A class is called after the first of its images by name.
    let mut called: BTreeMap<usize, String> = BTreeMap::new();
    let mut place_of = vec![0; leaders.len()];
    for (name, place) in names {
        let path = root.join(&name);
        if !path.is_file() {
            missing.push(name);
            continue;
        }
        let of = leader(&mut leaders, place);
        let class = called.entry(of).or_insert_with(|| name.clone()).clone();
        place_of[place] = found.len();
        found.push((picture(name, path), class));
    }
    refuse_missing(&missing, root, pairs)?;
    if found.is_empty() {
        return Err(Error::invalid("there is no pair in this list", pairs));
    }
    for end in named.as_flattened_mut() {
        *end = place_of[*end];
    }
    Ok((found, named, read.remarks(pairs)))
}

/// The first member of the group that a place belongs to.
fn leader(leaders: &mut [usize], mut place: usize) -> usize {
    while leaders[place] != place {
        leaders[place] = leaders[leaders[place]];
        place = leaders[place];
    }
    place
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for name in names {
            let path = root.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, b"x").unwrap();
        }
        root
    }

    #[test]
    fn folders_are_classes_and_some_images_are_held_out() {
        let names: Vec<String> = (0..10).map(|i| format!("a/{i}.jpg")).collect();
        let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
        names.extend(["b/1.jpg", "b/2.jpg", "c/1.jpg"]);
        let root = files(&names);
        let data = DataConfig {
            images: root.path().into(),
            ..DataConfig::default()
        };
        let images = Images::read(&data, 1).unwrap();
        assert_eq!(images.classes, ["a", "b", "c"]);
        assert_eq!((images.train.len(), images.validation.len()), (11, 2));
        let held = images.relevance.select(&images.validation);
        assert_eq!(held.labels(), [0, 0]);
        assert!(images.warnings[0].contains("1 class of one image"));
        assert_eq!(images, Images::read(&data, 1).unwrap());
        assert_ne!(images, Images::read(&data, 2).unwrap());
    }

    #[test]
    fn lists_and_pairs_name_their_missing_files() {
        let root = files(&["1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg"]);
        let list = root.path().join("list.csv");
        let mut data = DataConfig {
            images: root.path().into(),
            list: Some(list.clone()),
            ..DataConfig::default()
        };
        let text = "image,label,x,y,width,height\n1.jpg,a,1,2,3,4\n2.jpg,a,,,,\n3.jpg,b,,,,\n4.jpg,b,,,,\n";
        fs_err::write(&list, text).unwrap();
        let images = Images::read(&data, 0).unwrap();
        assert_eq!(images.pictures[0].region, Some([1, 2, 3, 4]));
        assert_eq!(images.relevance.labels(), [0, 0, 1, 1]);
        fs_err::write(&list, "image,label\n9.jpg,a\n8.jpg,a\n").unwrap();
        let message = Images::read(&data, 0).unwrap_err().to_string();
        assert!(
            message.contains("2 images") && message.contains("9.jpg"),
            "{message}"
        );
        fs_err::write(&list, "image\n1.jpg\n").unwrap();
        let message = Images::read(&data, 0).unwrap_err().to_string();
        assert!(message.contains("one called label"), "{message}");
        fs_err::write(
            &list,
            "\u{feff}Datei;Klasse\r\n.\\1.JPG;a\r\n2;a\r\n3.jpg;b\r\n4.jpg\r\n4.jpg;b\r\n",
        )
        .unwrap();
        let images = Images::read(&data, 0).unwrap();
        let names: Vec<&str> = images
            .pictures
            .iter()
            .map(|picture| &picture.name[..])
            .collect();
        assert_eq!(names, ["1.jpg", "2.jpg", "3.jpg", "4.jpg"]);
        assert!(
            images.warnings[0].contains("line 5"),
            "{:?}",
            images.warnings
        );
        data.list = None;
        data.pairs = Some(list.clone());
        fs_err::write(
            &list,
            "image,positive\n1.jpg,2.jpg\n4.jpg,5.jpg\n5.jpg,3.jpg\n",
        )
        .unwrap();
        let images = Images::read(&data, 0).unwrap();
        assert_eq!(images.relevance.labels(), [0, 0, 1, 1, 1]);
        assert_eq!(images.relevance.positives(2), [4]);
        assert_eq!(images.relevance.positives(4), [2, 3]);
        // Only an end of the chain of three can be held out without taking the last partner of another.
        assert_eq!(images.validation.len(), 1);
        assert!([2, 3].contains(&images.validation[0]));
    }

    #[test]
    fn of_pairs_is_held_out_what_leaves_all_a_partner() {
        let names: Vec<String> = (0..32).map(|i| format!("{i:02}.jpg")).collect();
        let root = files(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let list = root.path().join("pairs.csv");
        // A closed chain of thirty, and a pair.
        let chain = (0..30).map(|i| format!("{},{}\n", names[i], names[(i + 1) % 30]));
        let text: String = chain.collect();
        let text = format!("image,positive\n{text}30.jpg,31.jpg\n");
        fs_err::write(&list, text).unwrap();
        let data = DataConfig {
            images: root.path().into(),
            pairs: Some(list),
            ..DataConfig::default()
        };
        let images = Images::read(&data, 3).unwrap();
        assert!((3..=6).contains(&images.validation.len()));
        let train = images.relevance.select(&images.train);
        assert!((0..train.len()).all(|place| train.has_positive(place)));
        for &held in &images.validation {
            let partners = images.relevance.positives(held);
            assert!(partners.iter().any(|p| images.train.contains(p)));
        }
    }

    #[test]
    fn one_class_is_no_ranking() {
        let root = files(&["a/1.jpg", "a/2.jpg", "b/1.jpg"]);
        let data = DataConfig {
            images: root.path().into(),
            ..DataConfig::default()
        };
        let message = Images::read(&data, 0).unwrap_err().to_string();
        assert!(message.contains("1 of 2 classes"), "{message}");
    }
}
