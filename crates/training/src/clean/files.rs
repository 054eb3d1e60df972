//! The folder to clean: its pictures with their classes, described in a collection.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use vizsla_retrieval::{
    Collection, IngestOptions, ListedImage, Reporter, Scratch, Skipped, check_source, find_pictures,
};

use super::CleanOptions;
use crate::Error;

/// A picture of a class. Files with the same bytes in one class are one node.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Number of the class.
    pub class: usize,
    /// The image in the collection.
    pub image: i64,
    /// Files that hold it, relative to the folder, in order; at least one.
    pub files: Vec<String>,
    /// Upright full-resolution width and height.
    pub size: [u32; 2],
    /// Local features; none means that nothing can be said.
    pub features: u32,
    /// Degrees north and east.
    pub place: Option<[f64; 2]>,
}

/// The folder and its collection.
pub(super) struct Folder {
    pub root: PathBuf,
    pub collection: Collection,
    /// Names of the classes, ascending. Near in place there is one, without a name.
    pub classes: Vec<String>,
    /// By class, then by first file.
    pub nodes: Vec<Node>,
    /// Files that cannot be used, relative to the folder where they lie in it, with the class they lie in.
    pub unusable: Vec<(Option<String>, Skipped)>,
    /// Keeps the collection that was made for the time of the work.
    _temporary: Option<Scratch>,
}

impl Folder {
    /// Lists the folder and describes what the collection does not have yet. `None` when the caller wants to stop.
    pub(super) fn read(
        root: &Path,
        options: &CleanOptions,
        reporter: &dyn Reporter,
    ) -> Result<Option<Self>, Error> {
        check_source(root)?;
        if !root.is_dir() {
            let what = format!(
                "a folder of classes is cleaned, this is a file: {}",
                root.display()
            );
            return Err(Error::Clean(what));
        }
        let root = fs_err::canonicalize(root)?;
        let (files, skipped) = find_pictures(std::slice::from_ref(&root))?;
        check_layout(&root, &files, options)?;
        let Some((collection, described, temporary)) = collection(&root, options, reporter)? else {
            return Ok(None);
        };
        let skipped: Vec<Skipped> = skipped.into_iter().chain(described).collect();
        let mut folder = Self {
            root,
            collection,
            classes: Vec::new(),
            nodes: Vec::new(),
            unusable: Vec::new(),
            _temporary: temporary,
        };
        folder.take(&files, skipped, options)?;
        Ok(Some(folder))
    }

    /// Fills in classes, nodes and what cannot be used.
    fn take(
        &mut self,
        files: &[PathBuf],
        skipped: Vec<Skipped>,
        options: &CleanOptions,
    ) -> Result<(), Error> {
        let listed = self.collection.list()?;
        let places = self.collection.positions()?;
        let by_path: BTreeMap<&Path, &ListedImage> = listed
            .iter()
            .flat_map(|image| image.paths.iter().map(move |path| (path.as_path(), image)))
            .collect();
        let mut reasons: BTreeMap<String, String> = BTreeMap::new();
        for skip in skipped {
            reasons.insert(self.relative(Path::new(&skip.path)), skip.reason);
        }
        let mut nodes: BTreeMap<(String, i64), Node> = BTreeMap::new();
        for path in files {
            let name = self.relative(path);
            let class = match options.near {
                Some(_) => Some(String::new()),
                None => class_of(&name).map(str::to_owned),
            };
            let Some(class) = class else {
                reasons.insert(name, "it lies in no class".to_owned());
                continue;
            };
            let Some(image) = by_path.get(path.as_path()) else {
                let missing = "it is not in the collection; index the folder into it first";
                reasons.entry(name).or_insert_with(|| missing.to_owned());
                continue;
            };
            let place = places.get(&image.image).copied();
            if options.near.is_some() && place.is_none() {
                reasons.insert(name, "it is not known where it was taken".to_owned());
                continue;
            }
            let node = nodes.entry((class, image.image)).or_insert_with(|| Node {
                class: 0,
                image: image.image,
                files: Vec::new(),
                size: [image.width, image.height],
                features: image.features,
                place,
            });
            node.files.push(name);
        }
        if options.near.is_some() && nodes.is_empty() {
            return Err(Error::Clean(format!(
                "none of the {} pictures says where it was taken; clean by classes, or import latitude and longitude \
                 into a collection as metadata and clean with it: {}",
                files.len(),
                self.root.display()
            )));
        }
        self.classes = nodes.keys().map(|(class, _)| class.clone()).collect();
        self.classes.dedup();
        for ((class, _), mut node) in nodes {
            node.class = self.classes.partition_point(|known| *known < class);
            self.nodes.push(node);
        }
        self.nodes
            .sort_by(|a, b| (a.class, &a.files).cmp(&(b.class, &b.files)));
        self.unusable = reasons
            .into_iter()
            .map(|(path, reason)| {
                let class = class_of(&path).map(str::to_owned);
                (
                    class.filter(|_| options.near.is_none()),
                    Skipped { path, reason },
                )
            })
            .collect();
        Ok(())
    }

    /// The path from the folder on, with `/` between folders.
    fn relative(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.root).unwrap_or(path);
        let parts: Vec<_> = below
            .components()
            .map(|part| part.as_os_str().to_string_lossy())
            .collect();
        match path.starts_with(&self.root) {
            true => parts.join("/"),
            false => path.display().to_string(),
        }
    }
}

/// The class of a picture: the first folder it lies in.
fn class_of(name: &str) -> Option<&str> {
    name.split_once('/').map(|(class, _)| class)
}

/// Refuses a folder that cannot be what is meant.
fn check_layout(root: &Path, files: &[PathBuf], options: &CleanOptions) -> Result<(), Error> {
    if files.is_empty() {
        return Err(Error::Clean(format!(
            "there is no picture to clean: {}",
            root.display()
        )));
    }
    let in_a_class = |file: &PathBuf| file.parent().is_some_and(|parent| parent != root);
    if options.near.is_none() && !files.iter().any(in_a_class) {
        return Err(Error::Clean(format!(
            "this is not a folder of classes: its {} pictures lie in no folder of their own; put each into a folder \
             named after its class, or find pairs by where they were taken (near in place): {}",
            files.len(),
            root.display()
        )));
    }
    Ok(())
}

type Described = (Collection, Vec<Skipped>, Option<Scratch>);

/// Opens the collection, or makes one and takes the folder in.
fn collection(
    root: &Path,
    options: &CleanOptions,
    reporter: &dyn Reporter,
) -> Result<Option<Described>, Error> {
    if let Some(path) = &options.collection {
        return Ok(Some((Collection::open(path)?, Vec::new(), None)));
    }
    let temporary = Scratch::new()?;
    let path = temporary.path().join("clean.vizsla");
    let mut made = Collection::builder(&path).create()?;
    let sources = [root.to_owned()];
    let report = made.ingest(&sources, &IngestOptions::default(), reporter)?;
    if report.interrupted {
        return Ok(None);
    }
    Ok(Some((made, report.skipped, Some(temporary))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_is_the_first_folder() {
        assert_eq!(class_of("tower/1.jpg"), Some("tower"));
        assert_eq!(class_of("tower/old/1.jpg"), Some("tower"));
        assert_eq!(class_of("1.jpg"), None);
    }
}
