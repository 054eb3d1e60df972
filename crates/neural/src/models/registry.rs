//! The folder of entries: one TOML file for each model.

use std::path::{Path, PathBuf};

use fs_err as fs;
use vizsla_vectors::AtomicFile;

use super::digest;
use super::entry::{ModelEntry, ModelKind, ModelSource};
use super::hub;
use super::small::{SMALL_NETWORK, small_network};
use crate::error::Error;
use crate::onnx::{self, nearest};

/// Longest entry that is read, bytes; a written one has a few hundred.
const MAX_ENTRY_BYTES: u64 = 1 << 20;

/// The models that are known on this machine.
#[derive(Clone, Debug)]
pub struct Registry {
    folder: PathBuf,
}

impl Registry {
    /// Where entries are kept when nobody says otherwise: `VIZSLA_MODELS`, else `vizsla/models` below
    /// the data folder of the platform.
    ///
    /// # Errors
    /// [`Error::Value`] when the environment names no home folder.
    pub fn default_folder() -> Result<PathBuf, Error> {
        let variable = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        if let Some(folder) = variable("VIZSLA_MODELS") {
            return Ok(folder);
        }
        let below_home = |parts: &str| variable("HOME").map(|home| home.join(parts));
        let data = if cfg!(windows) {
            variable("APPDATA")
        } else if cfg!(target_os = "macos") {
            below_home("Library/Application Support")
        } else {
            variable("XDG_DATA_HOME").or_else(|| below_home(".local/share"))
        };
        data.map(|data| data.join("vizsla/models"))
            .ok_or_else(|| Error::Value {
                name: "the home folder",
                value: String::new(),
                allowed: "set VIZSLA_MODELS to a folder for models".into(),
            })
    }

    /// The registry in `folder`, which need not exist yet.
    pub fn open(folder: &Path) -> Registry {
        Registry {
            folder: folder.to_path_buf(),
        }
    }

    /// The registry in the default folder.
    ///
    /// # Errors
    /// As [`Registry::default_folder`].
    pub fn default_registry() -> Result<Registry, Error> {
        Ok(Registry::open(&Self::default_folder()?))
    }

    /// The folder of the entries.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All entries that can be read, by id.
    ///
    /// # Errors
    /// When the folder cannot be read; an absent folder is an empty registry.
    pub fn list(&self) -> Result<Vec<ModelEntry>, Error> {
        let entries = self.ids()?.into_iter().filter_map(|id| self.get(&id).ok());
        Ok(entries.collect())
    }

    /// What is wrong with the entries that cannot be read, by id.
    ///
    /// # Errors
    /// As [`Registry::list`].
    pub fn problems(&self) -> Result<Vec<Error>, Error> {
        let errors = self.ids()?.into_iter().filter_map(|id| self.get(&id).err());
        Ok(errors.collect())
    }

    /// The entry of this id. Its file is not looked at; [`ModelEntry::verified_path`] does that.
    ///
    /// # Errors
    /// [`Error::UnknownModel`] with the ids there are, [`Error::Entry`] when it cannot be understood.
    ///
    /// The network that ships, [`SMALL_NETWORK`], is in every registry.
    pub fn get(&self, id: &str) -> Result<ModelEntry, Error> {
        let unknown = |known: Vec<String>| {
            let known = known.iter().map(String::as_str);
            Error::UnknownModel {
                id: id.to_owned(),
                known: nearest(id, known.chain([SMALL_NETWORK])),
                folder: self.folder.clone(),
            }
        };
        if check_id(id).is_err() {
            return Err(unknown(self.ids()?));
        }
        if id == SMALL_NETWORK {
            return Ok(small_network());
        }
        let path = self.path(id);
        if !path.is_file() {
            return Err(unknown(self.ids()?));
        }
        let broken = |what: String| Error::Entry {
            what,
            path: path.clone(),
        };
        if fs::metadata(&path)?.len() > MAX_ENTRY_BYTES {
            return Err(broken(format!("longer than {MAX_ENTRY_BYTES} bytes")));
        }
        let text = fs::read_to_string(&path)?;
        let mut entry: ModelEntry = toml::from_str(&text)
            .map_err(|error| broken(error.to_string().trim_end().replace('\n', " ")))?;
        if entry.id != id {
            return Err(broken(format!(
                "it calls itself '{}'; the file must be named after it",
                entry.id
            )));
        }
        check(&entry).map_err(|error| broken(error.to_string()))?;
        if let ModelSource::File { file } = &mut entry.source {
            *file = self.folder.join(&*file);
        }
        Ok(entry)
    }

    /// Writes a new entry; it is there completely or not at all.
    ///
    /// # Errors
    /// [`Error::ModelExists`] when the id is taken, [`Error::Value`] when a field is out of range,
    /// [`Error::Io`] when the folder cannot be written.
    pub fn add(&self, entry: &ModelEntry) -> Result<(), Error> {
        check(entry)?;
        let path = self.path(&entry.id);
        if path.exists() || entry.id == SMALL_NETWORK {
            return Err(Error::ModelExists {
                id: entry.id.clone(),
                path,
            });
        }
        self.write(entry, &path)
    }

    /// Writes an entry in the place of the one with the same id.
    ///
    /// # Errors
    /// As [`Registry::add`], but [`Error::UnknownModel`] when there is none.
    pub fn replace(&self, entry: &ModelEntry) -> Result<(), Error> {
        check(entry)?;
        self.get(&entry.id)?;
        self.changeable(&entry.id)?;
        self.write(entry, &self.path(&entry.id))
    }

    /// Takes an entry out. The file of the model stays where it is.
    ///
    /// # Errors
    /// [`Error::UnknownModel`] when there is none.
    pub fn remove(&self, id: &str) -> Result<(), Error> {
        self.changeable(id)?;
        if check_id(id).is_err() || !self.path(id).is_file() {
            self.get(id)?;
        }
        Ok(fs::remove_file(self.path(id))?)
    }

    /// Fetches the files of a hub model that are not here yet, and checks or, where the entry holds
    /// none, records their digests. Returns the entry and the number of bytes fetched.
    ///
    /// # Errors
    /// [`Error::Download`] when something cannot be fetched, or offline mode is on;
    /// [`Error::Checksum`] when a file is another one than the recorded.
    pub fn pull(&self, id: &str) -> Result<(ModelEntry, u64), Error> {
        let mut entry = self.get(id)?;
        let mut fetched = 0;
        if let ModelSource::Hub {
            repository,
            revision,
            filename,
        } = entry.source.clone()
        {
            let fetch = |name: &str| hub::fetch(&repository, &revision, name);
            let (path, bytes) = fetch(&filename)?;
            fetched += bytes;
            if entry.kind != ModelKind::WordVectors {
                let folder = filename.rsplit_once('/').map_or("", |(folder, _)| folder);
                for external in onnx::external_names(&path)? {
                    let name = format!("{folder}/{external}");
                    fetched += fetch(name.trim_start_matches('/'))?.1;
                }
            }
            if let Some(text) = &mut entry.text
                && let Some(tokenizer) = &text.tokenizer
                && tokenizer.is_relative()
            {
                let (path, bytes) = fetch(&tokenizer.to_string_lossy())?;
                fetched += bytes;
                if text.tokenizer_sha256.is_empty() {
                    text.tokenizer_sha256 = digest::file(&path)?;
                }
            }
            if entry.sha256.is_empty() {
                entry.sha256 = entry.digest()?;
            }
            self.replace(&entry)?;
        }
        entry.verify()?;
        Ok((entry, fetched))
    }

    /// Whether an entry is one of the folder.
    fn changeable(&self, id: &str) -> Result<(), Error> {
        match id == SMALL_NETWORK {
            false => Ok(()),
            true => Err(Error::Unsuitable {
                id: id.to_owned(),
                what: "is part of the program: it can neither be changed nor taken out".into(),
            }),
        }
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.toml"))
    }

    fn ids(&self) -> Result<Vec<String>, Error> {
        if !self.folder.is_dir() {
            return Ok(Vec::new());
        }
        let mut ids = Vec::new();
        for file in fs::read_dir(&self.folder)? {
            let name = file?.file_name();
            if let Some(id) = name.to_str().and_then(|name| name.strip_suffix(".toml")) {
                ids.push(id.to_owned());
            }
        }
        ids.sort();
        Ok(ids)
    }

    fn write(&self, entry: &ModelEntry, path: &Path) -> Result<(), Error> {
        let text = toml::to_string_pretty(entry).map_err(|error| Error::Entry {
            what: error.to_string(),
            path: path.to_path_buf(),
        })?;
        fs::create_dir_all(&self.folder)?;
        Ok(AtomicFile::write_whole(path, text.as_bytes())?)
    }
}

/// Checks the values of an entry that TOML does not check.
fn check(entry: &ModelEntry) -> Result<(), Error> {
    check_id(&entry.id)?;
    entry.preprocessing.check()?;
    if let Some(side) = entry.side {
        crate::preprocess::check_side(side)?;
    }
    if let ModelSource::Hub {
        repository,
        revision,
        filename,
    } = &entry.source
    {
        hub::check(repository, revision, filename)?;
    }
    let digest = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let pulled = matches!(entry.source, ModelSource::File { .. });
    if !digest(&entry.sha256) && (pulled || !entry.sha256.is_empty()) {
        return Err(Error::Value {
            name: "sha256",
            value: entry.sha256.clone(),
            allowed: "it has 64 hexadecimal digits".into(),
        });
    }
    Ok(())
}

fn check_id(id: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if (1..=64).contains(&id.len()) && !id.starts_with('.') && id.chars().all(allowed) {
        return Ok(());
    }
    Err(Error::Value {
        name: "the id of a model",
        value: id.to_owned(),
        allowed: "it has 1 to 64 letters, digits, '.', '-' or '_' and does not begin with '.'"
            .into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preprocess::Preset;

    fn entry(id: &str) -> ModelEntry {
        let mut entry = ModelEntry::for_file(id, ModelKind::Image, Path::new("m.onnx"), "");
        entry.sha256 = "0".repeat(64);
        entry.output = Some("conv".into());
        entry
    }

    #[test]
    fn an_entry_survives_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::open(&folder.path().join("models"));
        assert!(registry.list().unwrap().is_empty());
        let mut written = entry("a");
        for (_, preset) in Preset::ALL {
            written.preprocessing = preset.preprocessing();
            match registry.get("a") {
                Ok(_) => registry.replace(&written).unwrap(),
                Err(_) => registry.add(&written).unwrap(),
            }
            let read = registry.get("a").unwrap();
            assert_eq!(read.preprocessing, written.preprocessing);
            let file = registry.folder().join("m.onnx");
            assert_eq!(read.source, ModelSource::File { file });
        }
        assert!(matches!(
            registry.add(&written),
            Err(Error::ModelExists { .. })
        ));
        registry.add(&entry("b")).unwrap();
        let ids: Vec<String> = registry.list().unwrap().into_iter().map(|e| e.id).collect();
        assert_eq!(ids, ["a", "b"]);
        registry.remove("a").unwrap();
        let error = registry.remove("a").unwrap_err().to_string();
        assert!(
            error.contains("no model 'a'; there are 'vizsla-small', 'b'"),
            "{error}"
        );
        assert_eq!(fs::read_dir(registry.folder()).unwrap().count(), 1);
    }

    #[test]
    fn broken_entries_are_told_and_do_not_hide_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::open(folder.path());
        registry.add(&entry("good")).unwrap();
        fs::write(
            folder.path().join("bad.toml"),
            "id = \"bad\"\nkind = \"sound\"",
        )
        .unwrap();
        let other = toml::to_string(&entry("other")).unwrap();
        fs::write(folder.path().join("renamed.toml"), other).unwrap();
        assert_eq!(registry.list().unwrap().len(), 1);
        let problems = registry.problems().unwrap();
        assert_eq!(problems.len(), 2);
        assert!(
            problems[0].to_string().contains("bad.toml"),
            "{}",
            problems[0]
        );
        assert!(problems[1].to_string().contains("calls itself 'other'"));
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::open(folder.path());
        for id in ["", "../a", ".a", "a/b", "a b", &"x".repeat(65)] {
            assert!(registry.add(&entry(id)).is_err(), "{id}");
            assert!(registry.get(id).is_err(), "{id}");
        }
    }

    #[test]
    fn another_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::open(folder.path());
        let file = folder.path().join("vectors.txt");
        fs::write(&file, "abc").unwrap();
        let digest = digest::file(&file).unwrap();
        let entry = ModelEntry::for_file("v", ModelKind::WordVectors, &file, &digest);
        registry.add(&entry).unwrap();
        let entry = registry.get("v").unwrap();
        assert_eq!(entry.verified_path().unwrap(), file);
        fs::write(&file, "abd").unwrap();
        let error = entry.verified_path().unwrap_err().to_string();
        assert!(error.contains(&digest) && error.contains("'v'"), "{error}");
        fs::remove_file(&file).unwrap();
        assert!(matches!(entry.verified_path(), Err(Error::NotHere { .. })));
    }
}
