//! Which file of a crate uses what of which other file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fs_err as fs;

use super::names::{Brought, Names};

/// How many `pub use` a name may go through until it stands somewhere.
const HANDS: usize = 16;

/// From each file to the files it uses, with one name that it uses there.
pub type Imports = BTreeMap<String, BTreeMap<String, String>>;

/// A module: the file it stands in, what it says, the modules in it.
struct Module {
    file: String,
    names: Names,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
}

/// The modules of a crate; the first is its root.
#[derive(Default)]
pub struct Modules(Vec<Module>);

/// What a path leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Module(usize),
    /// An item, in this module.
    Item(usize),
}

impl Modules {
    /// Reads the crate whose sources are in a folder. A crate of several programs or without a root has no modules.
    pub fn of(sources: &Path) -> Result<Self> {
        let mut modules = Self::default();
        let roots = ["lib.rs", "main.rs"].map(|name| sources.join(name));
        if let Some(root) = roots.iter().find(|root| root.is_file()) {
            let mut read = |file: &Path| fs::read_to_string(file).ok();
            modules.file(sources, root, sources, None, &mut read)?;
        }
        Ok(modules)
    }

    /// Takes a file in, and the files of the modules that it declares, which are in `folder`.
    fn file(
        &mut self,
        sources: &Path,
        file: &Path,
        folder: &Path,
        parent: Option<usize>,
        read: &mut dyn FnMut(&Path) -> Option<String>,
    ) -> Result<usize> {
        let text = read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let names =
            Names::of(&text).map_err(|error| anyhow::anyhow!("{error}: {}", file.display()))?;
        let shown = file.strip_prefix(sources).unwrap_or(file);
        let shown = shown.to_string_lossy().replace('\\', "/");
        let mut declared = Vec::new();
        let id = self.take(shown, names, parent, folder.to_owned(), &mut declared);
        for (within, name, folder) in declared {
            let choices = [
                folder.join(format!("{name}.rs")),
                folder.join(&name).join("mod.rs"),
            ];
            let Some(file) = choices.iter().find(|file| read(file).is_some()) else {
                continue;
            };
            let child = self.file(sources, file, &folder.join(&name), Some(within), read)?;
            self.0[within].children.insert(name, child);
        }
        Ok(id)
    }

    /// Takes a module in with those that are written out in it; notes the files that they declare.
    fn take(
        &mut self,
        file: String,
        mut names: Names,
        parent: Option<usize>,
        folder: PathBuf,
        declared: &mut Vec<(usize, String, PathBuf)>,
    ) -> usize {
        let id = self.0.len();
        let written_out = std::mem::take(&mut names.written_out);
        declared.extend(
            names
                .files
                .iter()
                .map(|name| (id, name.clone(), folder.clone())),
        );
        let children = BTreeMap::new();
        self.0.push(Module {
            file: file.clone(),
            names,
            parent,
            children,
        });
        for (name, inner) in written_out {
            let child = self.take(file.clone(), inner, Some(id), folder.join(&name), declared);
            self.0[id].children.insert(name, child);
        }
        id
    }

    /// Which file uses what of which other.
    pub fn imports(&self) -> Imports {
        let mut imports = Imports::new();
        for (id, module) in self.0.iter().enumerate() {
            let uses = module
                .names
                .brought
                .iter()
                .filter(|brought| !brought.handed_on);
            let paths = uses
                .filter(|brought| !brought.all)
                .map(|brought| &brought.path);
            let mentions = module.names.mentioned.iter();
            for path in paths.chain(mentions.filter(|path| self.speaks_of_modules(id, path))) {
                if let Some(End::Item(there)) = self.follow(id, path, HANDS) {
                    let other = &self.0[there].file;
                    if *other != module.file {
                        let entry = imports.entry(module.file.clone()).or_default();
                        let name = path.last().cloned().unwrap_or_default();
                        entry.entry(other.clone()).or_insert(name);
                    }
                }
            }
        }
        imports
    }

    /// True when a mention can name something of another file: a path, or a name that the file hands on or brings in with
    /// all others of a module.
    fn speaks_of_modules(&self, id: usize, path: &[String]) -> bool {
        let names = &self.0[id].names;
        let handed_on = |brought: &Brought| {
            brought.all || brought.handed_on && brought.name.as_ref() == path.first()
        };
        path.len() > 1 || names.brought.iter().any(handed_on)
    }

    /// Where a path leads that stands in a module; `None` when that is outside of the crate.
    fn follow(&self, id: usize, path: &[String], hands: usize) -> Option<End> {
        let (first, rest) = path.split_first()?;
        let mut end = match first.as_str() {
            "crate" => End::Module(0),
            "self" => End::Module(id),
            "super" => End::Module(self.0[id].parent?),
            name => self.member(id, name, rest.is_empty(), hands)?,
        };
        for (at, name) in rest.iter().enumerate() {
            let End::Module(module) = end else {
                return Some(end);
            };
            end = match name.as_str() {
                "super" => End::Module(self.0[module].parent?),
                "self" => end,
                name => {
                    let last = at + 1 == rest.len();
                    self.member(module, name, last, hands)
                        .unwrap_or(End::Item(module))
                }
            };
        }
        Some(end)
    }

    /// What a name means in a module. At the end of a path an item goes before a module of the same name.
    fn member(&self, id: usize, name: &str, last: bool, hands: usize) -> Option<End> {
        let module = &self.0[id];
        let child = module.children.get(name).map(|&child| End::Module(child));
        if module.names.defined.contains(name) && (last || child.is_none()) {
            return Some(End::Item(id));
        }
        child.or_else(|| self.brought(id, name, hands.checked_sub(1)?))
    }

    /// What a name means that a `use` of a module brings in.
    fn brought(&self, id: usize, name: &str, hands: usize) -> Option<End> {
        let brought = &self.0[id].names.brought;
        let named = brought
            .iter()
            .filter(|brought| brought.name.as_deref() == Some(name));
        for brought in named {
            // `use name::x as name` and `use name;` speak of a crate.
            if brought.path.first().is_some_and(|first| first == name) && brought.path.len() == 1 {
                continue;
            }
            if let Some(end) = self.follow(id, &brought.path, hands) {
                return Some(end);
            }
        }
        brought
            .iter()
            .filter(|brought| brought.all)
            .find_map(|brought| {
                let End::Module(module) = self.follow(id, &brought.path, hands)? else {
                    return None;
                };
                (module != id)
                    .then(|| self.member(module, name, true, hands))
                    .flatten()
            })
    }
}

/// The files that a crate of these files has imports between; for tests.
#[cfg(test)]
pub fn of_files(files: &[(&str, &str)]) -> Imports {
    let files: BTreeMap<PathBuf, &str> = files
        .iter()
        .map(|&(name, text)| (name.into(), text))
        .collect();
    let mut read = |file: &Path| files.get(file).map(|&text| text.to_owned());
    let mut modules = Modules::default();
    let nowhere = Path::new("");
    modules
        .file(nowhere, Path::new("lib.rs"), nowhere, None, &mut read)
        .expect("files");
    modules.imports()
}
