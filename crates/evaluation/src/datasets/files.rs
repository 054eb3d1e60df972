//! The user's own ground truth: which gallery pictures belong to which query.
//!
//! A JSON object `{"query file": ["gallery file", …]}`, or a list of any form with a query and what belongs to it in each
//! record. An empty list means that nothing in the gallery matches the query. Names are found as in every list; one that is not
//! found would change the figures without a sign, so it is refused.

use std::collections::BTreeMap;
use std::path::Path;

use vizsla_retrieval::lists::{self, Folder, Looks, NotFound, Role};

use super::folder::list_images;
use crate::dataset::{Dataset, Query, QueryCase};
use crate::error::Error;
use crate::protocol::{Protocol, Truth};

/// Names that a message holds at most.
const SHOWN: usize = 5;

const ROLES: [Role; 2] = [
    Role {
        names: &[
            "query",
            "queries",
            "query_image",
            "query_file",
            "anchor",
            "image",
            "file",
            "path",
        ],
        looks: Looks::Picture,
        needed: true,
    },
    Role {
        names: &[
            "relevant",
            "gallery",
            "gallery_image",
            "gallery_file",
            "match",
            "matches",
            "positive",
            "positives",
            "answer",
            "answers",
            "target",
            "targets",
            "result",
            "results",
            "image",
            "images",
            "file",
            "files",
            "path",
        ],
        looks: Looks::Picture,
        needed: true,
    },
];

/// What the truth says of one query.
#[derive(Default)]
struct Answer {
    relevant: Vec<String>,
    /// Whether it says that nothing matches.
    nothing: bool,
}

/// Reads `truth`; query files are relative to `queries`, gallery files to `gallery`, whose images are all indexed.
///
/// # Errors
/// A folder or file is missing, a query has matches and none, or the truth names files that are not there.
pub fn load_files(gallery: &Path, queries: &Path, truth: &Path) -> Result<Dataset, Error> {
    let mut order: Vec<String> = Vec::new();
    let mut answers: BTreeMap<String, Answer> = BTreeMap::new();
    let read = lists::read(truth, &ROLES, &mut |record| {
        let query = record.text(0);
        let answer = answers.entry(query.clone()).or_insert_with(|| {
            order.push(query);
            Answer::default()
        });
        let relevant = record.texts(1);
        answer.nothing |= relevant.is_empty();
        answer.relevant.extend(relevant);
        Ok(())
    })?;
    let images = list_images(gallery)?;
    let positions: BTreeMap<&str, usize> = images
        .iter()
        .map(|image| image.key.as_str())
        .zip(0..)
        .collect();
    let mut names = Lookup::new(gallery, queries);
    let mut cases = Vec::new();
    for name in &order {
        let Some(answer) = answers.get(name) else {
            continue;
        };
        if answer.nothing && !answer.relevant.is_empty() {
            let problem = format!("the query {name} occurs twice, with matches and with none");
            return Err(Error::invalid(problem, truth));
        }
        let mut found = Vec::new();
        for file in &answer.relevant {
            let known = names.gallery(file, name)?;
            found.extend(
                known
                    .iter()
                    .filter_map(|key| positions.get(key.as_str()).copied()),
            );
        }
        found.sort_unstable();
        found.dedup();
        if let Some(key) = names.query(name)? {
            cases.push(Query {
                case: QueryCase::image(name, "files", queries.join(key)),
                truth: Truth::relevant(found),
            });
        }
    }
    names.refuse(truth)?;
    Ok(Dataset {
        name: "files".into(),
        gallery: images,
        captions: Vec::new(),
        queries: cases,
        protocol: Protocol::Plain,
        notes: read.remarks(truth),
    })
}

/// Finds the files of both folders, and collects what is not there.
struct Lookup {
    gallery: Folder,
    queries: Folder,
    missing: Vec<String>,
}

impl Lookup {
    fn new(gallery: &Path, queries: &Path) -> Self {
        Self {
            gallery: Folder::new(gallery),
            queries: Folder::new(queries),
            missing: Vec::new(),
        }
    }

    /// The keys of the gallery files that one value means: one, or several that `;` or `|` separate.
    fn gallery(&mut self, file: &str, query: &str) -> Result<Vec<String>, Error> {
        let whole = self.gallery.find(&[file.to_owned()])?;
        let parts: Vec<&str> = match &whole {
            Err(NotFound::Unknown { .. }) => file.split([';', '|']).map(str::trim).collect(),
            _ => vec![file],
        };
        let mut keys = Vec::new();
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            match self.gallery.find(&[part.to_owned()])? {
                Ok(key) => keys.push(key),
                Err(why) => self.missing.push(format!(
                    "gallery file {part}, named for query {query}, ({why})"
                )),
            }
        }
        Ok(keys)
    }

    fn query(&mut self, name: &str) -> Result<Option<String>, Error> {
        match self.queries.find(&[name.to_owned()])? {
            Ok(key) => Ok(Some(key)),
            Err(why) => {
                self.missing.push(format!("query file {name} ({why})"));
                Ok(None)
            }
        }
    }

    fn refuse(&self, truth: &Path) -> Result<(), Error> {
        if self.missing.is_empty() {
            return Ok(());
        }
        let shown: Vec<&str> = self
            .missing
            .iter()
            .take(SHOWN)
            .map(String::as_str)
            .collect();
        let more = match self.missing.len() - shown.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Err(Error::missing(
            format!("{}{more}", shown.join("; ")),
            format!(
                "names are relative to the query folder, {}, and to the gallery, {}",
                self.queries.root().display(),
                self.gallery.root().display()
            ),
            truth,
        ))
    }
}

#[cfg(test)]
// Tests stop at the first surprise.
#[allow(clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn own_truth_is_read_and_mistakes_are_named() {
        let root = tempfile::tempdir().expect("temp dir");
        let (gallery, queries) = (root.path().join("g"), root.path().join("q"));
        for path in [
            gallery.join("sub/b.jpg"),
            gallery.join("a.jpg"),
            queries.join("1.jpg"),
            queries.join("2.jpg"),
        ] {
            fs_err::create_dir_all(path.parent().expect("parent")).expect("dir");
            fs_err::write(path, b"").expect("file");
        }
        let truth = root.path().join("truth.json");
        let load = |text: &str| {
            fs_err::write(&truth, text).expect("file");
            load_files(&gallery, &queries, &truth)
        };
        let dataset =
            load(r#"{"2.jpg": ["./sub/b.jpg", "a.jpg", "a.jpg"], "1.jpg": []}"#).expect("fits");
        assert_eq!(dataset.queries[0].truth.good, [0, 1]);
        assert_eq!(dataset.queries[1].truth, Truth::default());

        for (text, says) in [
            (r#"{"3.jpg": []}"#, "query file 3.jpg"),
            (
                r#"{"1.jpg": ["c.jpg"]}"#,
                "gallery file c.jpg, named for query 1.jpg",
            ),
            (r#"{"1.jpg": [], "1.jpg": ["a.jpg"]}"#, "occurs twice"),
            (r#"{"1.jpg": ["a.jpg"]"#, "EOF"),
            ("{}", "no record in it"),
        ] {
            let message = load(text).expect_err(text).to_string();
            assert!(message.contains(says), "{message}");
        }
    }

    #[test]
    fn truth_of_other_systems_is_read_alike() {
        let root = tempfile::tempdir().expect("temp dir");
        let (gallery, queries) = (root.path().join("g"), root.path().join("q"));
        for path in [
            gallery.join("sub/B\u{e9}.jpg"),
            gallery.join("a.jpg"),
            queries.join("1.jpg"),
            queries.join("2.JPG"),
        ] {
            fs_err::create_dir_all(path.parent().expect("parent")).expect("dir");
            fs_err::write(path, b"").expect("file");
        }
        let truth = root.path().join("truth.json");
        let utf16 = |text: &str| -> Vec<u8> {
            let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
            units.flat_map(u16::to_le_bytes).collect()
        };
        let object = r#"{"1.jpg": ["sub/B\u00e9.jpg", "a.jpg"], "2.jpg": []}"#;
        for content in [
            object.as_bytes().to_vec(),
            format!("\u{feff}{object}").into_bytes(),
            utf16(object),
            br#"{".\\1.jpg": ["sub\\Be\u0301.JPG", "A.jpg"], "2": []}"#.to_vec(),
            br#"{"/home/me/q/1.jpg": ["/home/me/g/sub/B\u00e9.jpg", "C:\\g\\a.jpg"], "D:\\q\\2.jpg": []}"#.to_vec(),
            br#"[{"query": "1.jpg", "relevant": ["sub/B\u00e9.jpg", "a.jpg"]}, {"query": "2.jpg", "relevant": []}]"#.to_vec(),
            b"{\"query\": \"1.jpg\", \"matches\": [\"a.jpg\", \"sub/B\xc3\xa9.jpg\"]}\n{\"query\": \"2.jpg\", \"matches\": []}\n".to_vec(),
            b"query;gallery\r\n1.jpg;a.jpg\r\n1.jpg;sub\\B\xe9.jpg\r\n2.jpg;\r\n".to_vec(),
            "query,relevant\n1.jpg,a.jpg|sub/B\u{e9}.jpg\n2.jpg,\n".into(),
        ] {
            fs_err::write(&truth, &content).expect("file");
            let dataset = load_files(&gallery, &queries, &truth);
            let shown = String::from_utf8_lossy(&content).into_owned();
            let dataset = dataset.unwrap_or_else(|error| panic!("{error}: {shown}"));
            let good: Vec<&[usize]> = dataset.queries.iter().map(|query| &query.truth.good[..]).collect();
            assert_eq!(good, [&[0, 1][..], &[]], "{shown}");
        }
        fs_err::write(&truth, "query,gallery\n1.jpg,a.jpg\n2.jpg\n").expect("file");
        let dataset = load_files(&gallery, &queries, &truth).expect("one good line");
        assert!(
            dataset.queries.len() == 1 && dataset.notes[0].contains("line 3"),
            "{:?}",
            dataset.notes
        );
    }
}
