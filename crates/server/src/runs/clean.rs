//! Files of runs without the paths of the disk that they were made on.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

/// Pictures of a run: name → where the file may lie.
#[derive(Default)]
pub(super) struct Pictures {
    /// What the run's file says → the name that clients see.
    names: BTreeMap<String, String>,
    /// The name that clients see → places to look at, in turn.
    files: BTreeMap<String, Vec<PathBuf>>,
}

impl Pictures {
    /// The pictures that the queries of a result and their ranked lists name.
    pub fn of(result: Option<&Value>, run: &Path, images: Option<&str>) -> Self {
        let mut named = Vec::new();
        if let Some(result) = result {
            collect(result, &mut named);
        }
        named.sort_unstable();
        named.dedup();
        let absolute = || named.iter().filter(|text| Path::new(text).is_absolute());
        let shared = absolute()
            .filter_map(|text| Path::new(text).parent().map(Path::to_path_buf))
            .reduce(|a, b| shared_start(&a, &b));
        let mut pictures = Self::default();
        for text in named {
            let path = Path::new(text);
            let below = shared
                .as_ref()
                .and_then(|shared| path.strip_prefix(shared).ok());
            let name = below.unwrap_or(path).display().to_string();
            let mut places = vec![path.to_path_buf(), run.join(path)];
            places.extend(images.map(|images| Path::new(images).join(path)));
            pictures.names.insert(text.to_owned(), name.clone());
            pictures.files.insert(name, places);
        }
        pictures
    }

    /// The file behind a name, when it is there.
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        let places = self.files.get(name)?;
        places.iter().find(|place| place.is_file()).cloned()
    }

    /// A result with names in place of paths.
    pub fn renamed(&self, result: Value) -> Value {
        value(result, &|text| match self.names.get(text) {
            Some(name) => name.clone(),
            None => without_paths(text),
        })
    }
}

/// Adds what stands under `query` and `image` in lists of queries.
fn collect<'a>(value: &'a Value, named: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match field.as_str() {
                    Some(text) if key == "query" || key == "image" => named.push(text),
                    _ => collect(field, named),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, named)),
        _ => {}
    }
}

/// The folder that two folders share.
fn shared_start(a: &Path, b: &Path) -> PathBuf {
    let both = a.components().zip(b.components());
    both.take_while(|(a, b)| a == b)
        .map(|(component, _)| component)
        .collect()
}

/// A value with every text in it changed.
pub(super) fn value(value: Value, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(&text)),
        Value::Array(items) => items
            .into_iter()
            .map(|item| self::value(item, change))
            .collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, field)| (key, self::value(field, change)))
            .collect(),
        other => other,
    }
}

/// Settings with the last part of each path only.
pub(super) fn settings(table: toml::Table) -> toml::Table {
    fn clean(value: toml::Value) -> toml::Value {
        match value {
            toml::Value::String(text) => toml::Value::String(without_paths(&text)),
            toml::Value::Array(items) => toml::Value::Array(items.into_iter().map(clean).collect()),
            toml::Value::Table(table) => toml::Value::Table(settings(table)),
            other => other,
        }
    }
    let fields = table.into_iter();
    fields.map(|(key, value)| (key, clean(value))).collect()
}

/// A text in which absolute paths are their last part.
pub(super) fn without_paths(text: &str) -> String {
    if is_path(text) {
        return last_part(text);
    }
    let words = text.split(' ').map(|word| {
        let bare = word.trim_matches(['(', ')', '`', '"', '\'', ',', ';', ':', '.']);
        match is_path(bare) {
            true => word.replace(bare, &last_part(bare)),
            false => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether a text is an absolute path of this system, or one of Windows.
fn is_path(text: &str) -> bool {
    let drive =
        matches!(text.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    drive || text.starts_with("\\\\") || Path::new(text).is_absolute() && text.len() > 1
}

fn last_part(path: &str) -> String {
    let last = path
        .trim_end_matches(['/', '\\'])
        .rsplit(['/', '\\'])
        .next();
    let plain = last.filter(|part| {
        !matches!(
            Path::new(part).components().next(),
            None | Some(Component::ParentDir)
        )
    });
    plain.unwrap_or("…").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pictures_are_named_below_the_folder_they_share() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["test/coast/1.jpg", "train/city/2.jpg"] {
            fs_err::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs_err::write(root.join(name), b"x").unwrap();
        }
        let path = |name: &str| root.join(name).display().to_string();
        let result = json!({
            "dataset": path(""),
            "warnings": [format!("this is gone: {}", path("secret/list.csv"))],
            "queries": [{
                "query": path("test/coast/1.jpg"),
                "label": "coast",
                "ranked": [{"image": path("train/city/2.jpg")}, {"image": "a caption / of two parts"}],
            }],
        });
        let pictures = Pictures::of(Some(&result), root, None);
        let clean = pictures.renamed(result);
        let text = clean.to_string();
        assert!(!text.contains(root.to_str().unwrap()), "{text}");
        assert_eq!(clean["queries"][0]["query"], "test/coast/1.jpg");
        assert_eq!(
            clean["queries"][0]["ranked"][0]["image"],
            "train/city/2.jpg"
        );
        assert_eq!(
            clean["queries"][0]["ranked"][1]["image"],
            "a caption / of two parts"
        );
        assert_eq!(clean["warnings"][0], "this is gone: list.csv");
        assert_eq!(
            pictures.file("train/city/2.jpg").unwrap(),
            root.join("train/city/2.jpg")
        );
        for other in [
            "../secret",
            "/etc/passwd",
            "test/coast",
            "a caption / of two parts",
        ] {
            assert!(pictures.file(other).is_none(), "{other}");
        }
    }

    #[test]
    fn only_absolute_paths_are_cut() {
        assert_eq!(without_paths("/data/photos"), "photos");
        assert_eq!(without_paths("C:\\data\\photos\\"), "photos");
        assert_eq!(without_paths("runs/a and 1/2"), "runs/a and 1/2");
        assert_eq!(
            without_paths("missing (/a/b.csv), go on"),
            "missing (b.csv), go on"
        );
        assert_eq!(without_paths("/"), "/");
        let table: toml::Table =
            toml::from_str("a = \"/x/y\"\n[b]\nc = [\"/z/w\", \"v\"]").unwrap();
        assert_eq!(
            toml::to_string(&settings(table)).unwrap(),
            "a = \"y\"\n\n[b]\nc = [\"w\", \"v\"]\n"
        );
    }
}
