//! Pictures with captions, asked in both directions: a caption looks for its picture, a picture for its captions.
//!
//! The list has a picture and a caption in each record, in any of the forms in which captions are passed on: Flickr8k's (Hodosh,
//! Young & Hockenmaier 2013) as a table or as its token file, COCO's, Karpathy's, and those of one's own. The n-th caption of
//! `beach.jpg`, from 0, is called `beach.jpg#n`, as in the judgements published with Flickr8k.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use vizsla_retrieval::lists::{self, CAPTION, Folder, IMAGE, ListRead, Looks, Role};

use crate::dataset::{Dataset, Query, QueryCase, QueryContent, Target};
use crate::error::Error;
use crate::gallery::{GalleryCaption, GalleryImage};
use crate::protocol::{Protocol, Truth};

/// Name of the query set of captions that look for their picture.
pub const TEXT_TO_IMAGE: &str = "text_to_image";
/// Name of the query set of pictures that look for their captions.
pub const IMAGE_TO_TEXT: &str = "image_to_text";

/// Pictures that a note names.
const SHOWN: usize = 5;

const ROLES: [Role; 2] = [
    Role {
        names: IMAGE,
        looks: Looks::Picture,
        needed: true,
    },
    Role {
        names: CAPTION,
        looks: Looks::Text,
        needed: true,
    },
];

/// Reads Flickr8k: `captions.txt`, the folder `images`, and the official list of a split (`train`, `dev` or `test`)
/// named `Flickr_8k.<split>Images.txt`. The gallery is the pictures of the split.
///
/// # Errors
/// A file is missing or not in its format, there is no such split, or a listed picture has no file or no caption.
pub fn load_flickr8k(root: &Path, split: &str) -> Result<Dataset, Error> {
    if !["train", "dev", "test"].contains(&split) {
        return Err(Error::invalid(
            format!("Flickr8k has no split {split}; it has train, dev and test"),
            root,
        ));
    }
    let list = root.join(format!("Flickr_8k.{split}Images.txt"));
    let images = root.join("images");
    let wanted = read_image_list(&list, &images)?;
    let dataset = load_captions_of(&root.join("captions.txt"), Some(&images), &wanted)?;
    Ok(Dataset {
        name: "flickr8k".into(),
        ..dataset
    })
}

/// Names of pictures, one a line or as a JSON list, as paths from the folder that holds them; those of files that are not there
/// stay as they are.
///
/// # Errors
/// The list cannot be read, or there is no name in it.
pub fn read_image_list(list: &Path, images: &Path) -> Result<BTreeSet<String>, Error> {
    let mut folder = Folder::new(images);
    let mut keys = BTreeSet::new();
    for name in lists::read_names(list)? {
        let found = folder.find(std::slice::from_ref(&name))?;
        keys.insert(found.unwrap_or(name));
    }
    Ok(keys)
}

/// As [`load_captions`], the wanted images only; they are named by their paths from the folder of the images.
///
/// # Errors
/// As [`load_captions`], and when a wanted image has no caption.
pub fn load_captions_of(
    table: &Path,
    images: Option<&Path>,
    wanted: &BTreeSet<String>,
) -> Result<Dataset, Error> {
    let mut dataset = Captioned::read(table, images)?;
    dataset.rows.retain(|(image, _)| wanted.contains(image));
    let described: BTreeSet<&str> = dataset
        .rows
        .iter()
        .map(|(image, _)| image.as_str())
        .collect();
    if let Some(silent) = wanted.iter().find(|w| !described.contains(w.as_str())) {
        return Err(Error::invalid(format!("{silent} has no caption"), table));
    }
    Ok(dataset.pair_up("captions"))
}

/// Reads a list of captions; images are relative to `images`, or to the list's folder without it. The gallery is
/// the pictures that the list names and that are there.
///
/// # Errors
/// The list is missing or nothing of it can be used, or none of its pictures is there.
pub fn load_captions(table: &Path, images: Option<&Path>) -> Result<Dataset, Error> {
    Ok(Captioned::read(table, images)?.pair_up("captions"))
}

/// As [`load_captions`], and all pictures that the list names must be there.
///
/// # Errors
/// As [`load_captions`], and when a picture is missing.
pub fn load_all_captions(table: &Path, images: Option<&Path>) -> Result<Dataset, Error> {
    let captioned = Captioned::read(table, images)?;
    match captioned.missing() {
        Some(missing) => Err(missing),
        None => Ok(captioned.pair_up("captions")),
    }
}

/// Image and sentence of every record as they are written, in the order of the list.
///
/// # Errors
/// The file cannot be read, or nothing of it can be used; the message names the line.
pub(crate) fn read_captions(table: &Path) -> Result<Vec<(String, String)>, Error> {
    let (rows, _) = read_records(table)?;
    let named = rows
        .into_iter()
        .filter_map(|(names, text)| Some((names.into_iter().next()?, text)));
    Ok(named.collect())
}

/// The names that the picture of a caption may have, and the caption.
type NamedCaption = (Vec<String>, String);

fn read_records(table: &Path) -> Result<(Vec<NamedCaption>, ListRead), Error> {
    let mut rows = Vec::new();
    let read = lists::read(table, &ROLES, &mut |record| {
        let names = record.names();
        rows.extend(
            record
                .texts(1)
                .into_iter()
                .map(|text| (names.clone(), text)),
        );
        Ok(())
    })?;
    if rows.is_empty() {
        return Err(Error::invalid("no caption in it", table));
    }
    Ok((rows, read))
}

/// Captions of pictures that are there.
struct Captioned<'a> {
    table: &'a Path,
    images: &'a Path,
    /// The picture by its path from the folder, and the sentence.
    rows: Vec<(String, String)>,
    /// Pictures that are not there, and why each was not found.
    absent: BTreeMap<String, String>,
    notes: Vec<String>,
}

impl<'a> Captioned<'a> {
    fn read(table: &'a Path, images: Option<&'a Path>) -> Result<Self, Error> {
        let beside = table
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let images = images.or(beside).unwrap_or(Path::new("."));
        let (records, read) = read_records(table)?;
        let mut folder = Folder::new(images);
        let mut absent: BTreeMap<String, String> = BTreeMap::new();
        let mut rows = Vec::new();
        for (names, text) in records {
            match folder.find(&names)? {
                Ok(key) => rows.push((key, text)),
                Err(why) => {
                    let name = names.into_iter().next().unwrap_or_default();
                    absent.insert(name, why.to_string());
                }
            }
        }
        let captioned = Self {
            table,
            images,
            rows,
            absent,
            notes: read.remarks(table),
        };
        match captioned.missing() {
            Some(missing) if captioned.rows.is_empty() => Err(missing),
            _ => Ok(captioned),
        }
    }

    /// The error of a list that names pictures that are not there.
    fn missing(&self) -> Option<Error> {
        let (name, why) = self.absent.first_key_value()?;
        let others = self.absent.len() - 1;
        Some(Error::missing(
            format!("image {name}, named in {},", self.table.display()),
            format!("names are relative to the image folder ({why}; as many others: {others})"),
            self.images.join(name),
        ))
    }

    /// What is said where such pictures are left out.
    fn left_out(&self) -> Option<String> {
        let count = self.absent.len();
        let shown: Vec<&str> = self.absent.keys().take(SHOWN).map(String::as_str).collect();
        (count > 0).then(|| {
            format!(
                "pictures that are not there were left out: {count} ({}{}): {}",
                shown.join(", "),
                if count > shown.len() { ", …" } else { "" },
                self.table.display()
            )
        })
    }

    /// Every caption asks for its picture, and every picture for its captions.
    fn pair_up(self, name: &str) -> Dataset {
        let left_out = self.left_out();
        let Self {
            images,
            rows,
            mut notes,
            ..
        } = self;
        notes.extend(left_out);
        let keys: BTreeSet<&str> = rows.iter().map(|(image, _)| image.as_str()).collect();
        let positions: BTreeMap<&str, usize> = keys.iter().copied().zip(0..).collect();
        let gallery: Vec<GalleryImage> = keys
            .iter()
            .map(|key| GalleryImage {
                key: (*key).to_owned(),
                path: images.join(key),
            })
            .collect();
        let mut of_image: Vec<Vec<usize>> = vec![Vec::new(); gallery.len()];
        let mut captions = Vec::new();
        for (key, text) in &rows {
            let image = positions[key.as_str()];
            captions.push(GalleryCaption {
                key: format!("{key}#{}", of_image[image].len()),
                image,
                text: text.clone(),
            });
            of_image[image].push(captions.len() - 1);
        }
        let sentence = |(position, caption): (usize, &GalleryCaption)| Query {
            case: QueryCase {
                key: caption.key.clone(),
                set: TEXT_TO_IMAGE.into(),
                content: QueryContent::Text {
                    text: caption.text.clone(),
                    caption: Some(position),
                },
                target: Target::Images,
            },
            truth: Truth::relevant([caption.image]),
        };
        let picture = |(image, relevant): (&GalleryImage, &Vec<usize>)| Query {
            case: QueryCase {
                target: Target::Captions,
                ..QueryCase::image(&image.key, IMAGE_TO_TEXT, &image.path)
            },
            truth: Truth::relevant(relevant.iter().copied()),
        };
        let mut queries: Vec<Query> = captions.iter().enumerate().map(sentence).collect();
        queries.extend(gallery.iter().zip(&of_image).map(picture));
        Dataset {
            name: name.into(),
            gallery,
            captions,
            queries,
            protocol: Protocol::Plain,
            notes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(table: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("temp dir");
        fs_err::create_dir(root.path().join("images")).expect("dir");
        for name in ["a.jpg", "b.jpg", "c.jpg"] {
            fs_err::write(root.path().join("images").join(name), b"").expect("file");
        }
        fs_err::write(root.path().join("captions.txt"), table).expect("file");
        root
    }

    const TABLE: &str =
        "image,caption\nb.jpg,\"A dog , running .\"\na.jpg,A cat .\nb.jpg,Two dogs .\nc.jpg,\n";

    #[test]
    fn both_directions_are_query_sets() {
        let root = folder(TABLE);
        let table = root.path().join("captions.txt");
        let dataset = load_captions(&table, Some(&root.path().join("images"))).expect("a table");
        assert_eq!(dataset.sets(), [TEXT_TO_IMAGE, IMAGE_TO_TEXT]);
        let keys: Vec<&str> = dataset.captions.iter().map(|c| c.key.as_str()).collect();
        assert_eq!(keys, ["b.jpg#0", "a.jpg#0", "b.jpg#1"]);
        assert_eq!(dataset.captions[0].text, "A dog , running .");
        let sentence = &dataset.queries[2];
        assert_eq!(
            (sentence.case.target, &sentence.truth.good[..]),
            (Target::Images, &[1][..])
        );
        assert!(
            matches!(&sentence.case.content, QueryContent::Text { text, caption: Some(2) } if text == "Two dogs .")
        );
        let picture = dataset.queries.last().expect("queries");
        assert_eq!(
            (picture.case.target, &picture.truth.good[..]),
            (Target::Captions, &[0, 2][..])
        );
    }

    #[test]
    fn a_split_takes_the_pictures_of_its_list() {
        let root = folder(TABLE);
        let list = root.path().join("Flickr_8k.testImages.txt");
        fs_err::write(&list, "b.jpg\n").expect("file");
        let dataset = load_flickr8k(root.path(), "test").expect("a split");
        assert_eq!((dataset.gallery.len(), dataset.captions.len()), (1, 2));
        fs_err::write(&list, "b.jpg\nc.jpg\n").expect("file");
        let silent = load_flickr8k(root.path(), "test").expect_err("c has no caption");
        assert!(silent.to_string().contains("c.jpg"), "{silent}");
        let split = load_flickr8k(root.path(), "validation").expect_err("no such split");
        assert!(split.to_string().contains("train, dev and test"), "{split}");
    }

    #[test]
    fn lists_of_every_form_give_the_same_pairs_and_say_what_they_left_out() {
        for list in [
            "b.jpg#0\tA dog\na.jpg#0\tA cat\nz.jpg#0\tNobody\n",
            "Bild;Beschreibung\r\nB.JPG;A dog\r\n.\\a.jpg;A cat\r\nz.jpg;Nobody\r\n",
            r#"{"images": [{"id": 1, "file_name": "b.jpg"}, {"id": 2, "file_name": "a.jpg"}, {"id": 3, "file_name": "z.jpg"}],
               "annotations": [{"image_id": 1, "caption": "A dog"}, {"image_id": 2, "caption": "A cat"}, {"image_id": 3, "caption": "Nobody"}]}"#,
            "{\"file_name\": \"b.jpg\", \"text\": \"A dog\"}\n{\"file_name\": \"a\", \"text\": \"A cat\"}\n{\"file_name\": \"z\", \"text\": \"x\"}",
        ] {
            let root = folder(list);
            let file = root.path().join("captions.txt");
            let dataset = load_captions(&file, Some(&root.path().join("images"))).expect(list);
            let keys: Vec<&str> = dataset.captions.iter().map(|c| c.key.as_str()).collect();
            assert_eq!(keys, ["b.jpg#0", "a.jpg#0"], "{list}");
            let left_out = dataset.notes.last().expect("a note");
            assert!(
                left_out.contains("left out: 1 ") && left_out.contains("(z"),
                "{left_out}"
            );
        }
    }

    #[test]
    fn tables_that_do_not_fit_are_refused_by_name() {
        for (table, says) in [
            ("one,two\n1,2\n", "must name the columns"),
            ("image,size\na,3\n", "one called caption"),
            ("image,caption\n", "no record in it"),
            ("image,caption\na.jpg,\n", "no caption in it"),
            ("image,caption\na.jpg,x,y\n", "this line 3"),
            ("image,caption\nnone.jpg,x\n", "image none.jpg"),
        ] {
            let root = folder(table);
            let file = root.path().join("captions.txt");
            let message = load_captions(&file, None).expect_err(table).to_string();
            assert!(message.contains(says), "{message}");
        }
    }
}
