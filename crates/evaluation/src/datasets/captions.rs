//! Pictures with captions, asked in both directions: a caption looks for its picture, a picture for its captions.
//!
//! The table is CSV with a header that names an `image` (or `path`) and a `caption` column, one line for each caption,
//! in the form in which Flickr8k (Hodosh, Young & Hockenmaier 2013) is usually passed on. The n-th caption of
//! `beach.jpg`, from 0, is called `beach.jpg#n`, as in the judgements published with that set.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::folder::read_text;
use crate::dataset::{
    Dataset, GalleryCaption, GalleryImage, Query, QueryCase, QueryContent, Target,
};
use crate::error::Error;
use crate::protocol::{Protocol, Truth};

/// Name of the query set of captions that look for their picture.
pub const TEXT_TO_IMAGE: &str = "text_to_image";
/// Name of the query set of pictures that look for their captions.
pub const IMAGE_TO_TEXT: &str = "image_to_text";

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
    let wanted: BTreeSet<String> = read_text(&list)?
        .lines()
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect();
    let images = root.join("images");
    let dataset = load_captions_of(&root.join("captions.txt"), Some(&images), &wanted)?;
    Ok(Dataset {
        name: "flickr8k".into(),
        ..dataset
    })
}

/// As [`load_captions`], the wanted images only.
///
/// # Errors
/// As [`load_captions`], and when a wanted image has no caption.
pub fn load_captions_of(
    table: &Path,
    images: Option<&Path>,
    wanted: &BTreeSet<String>,
) -> Result<Dataset, Error> {
    let mut rows = read_captions(table)?;
    rows.retain(|(image, _)| wanted.contains(image));
    let described: BTreeSet<&str> = rows.iter().map(|(image, _)| image.as_str()).collect();
    if let Some(silent) = wanted.iter().find(|w| !described.contains(w.as_str())) {
        return Err(Error::invalid(format!("{silent} has no caption"), table));
    }
    let beside = table.parent().unwrap_or(Path::new(""));
    pair_up("captions", images.unwrap_or(beside), table, rows)
}

/// Reads a table of captions; images are relative to `images`, or to the table's folder without it. The gallery is
/// the pictures that the table names.
///
/// # Errors
/// The table is missing or not in its format, or names a picture that is not there.
pub fn load_captions(table: &Path, images: Option<&Path>) -> Result<Dataset, Error> {
    let rows = read_captions(table)?;
    let beside = table.parent().unwrap_or(Path::new(""));
    pair_up("captions", images.unwrap_or(beside), table, rows)
}

/// Image and sentence of every line, in the order of the file.
///
/// # Errors
/// The file cannot be read, is not CSV, or lacks a column; the message names the line.
pub(crate) fn read_captions(table: &Path) -> Result<Vec<(String, String)>, Error> {
    let text = read_text(table)?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let broken = |error: csv::Error| Error::invalid(format!("not a CSV table ({error})"), table);
    let header = reader.headers().map_err(broken)?;
    let column = |names: &[&str]| {
        let at = header.iter().position(|h| {
            let h = h.trim_start_matches('\u{feff}').trim();
            names.iter().any(|name| h.eq_ignore_ascii_case(name))
        });
        at.ok_or_else(|| {
            let found: Vec<&str> = header.iter().collect();
            let (wanted, found) = (names.join(" or "), found.join(", "));
            Error::invalid(
                format!("no column {wanted} in the first line; it has {found}"),
                table,
            )
        })
    };
    let (image, caption) = (column(&["image", "path"])?, column(&["caption"])?);
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let (image, caption) = (record[image].trim(), record[caption].trim());
        if !caption.is_empty() {
            rows.push((image.to_owned(), caption.to_owned()));
        }
    }
    if rows.is_empty() {
        return Err(Error::invalid("no caption in it", table));
    }
    Ok(rows)
}

fn pair_up(
    name: &str,
    images: &Path,
    table: &Path,
    rows: Vec<(String, String)>,
) -> Result<Dataset, Error> {
    let keys: BTreeSet<&str> = rows.iter().map(|(image, _)| image.as_str()).collect();
    let positions: BTreeMap<&str, usize> = keys.iter().copied().zip(0..).collect();
    let gallery = keys
        .iter()
        .map(|key| gallery_image(key, images, table))
        .collect::<Result<Vec<_>, Error>>()?;
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
    Ok(Dataset {
        name: name.into(),
        gallery,
        captions,
        queries,
        protocol: Protocol::Plain,
    })
}

fn gallery_image(key: &str, images: &Path, table: &Path) -> Result<GalleryImage, Error> {
    let path = images.join(key);
    if !path.is_file() {
        return Err(Error::missing(
            format!("image {key}, named in {},", table.display()),
            "names are relative to the image folder",
            path,
        ));
    }
    let key = key.to_owned();
    Ok(GalleryImage { key, path })
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
    fn tables_that_do_not_fit_are_refused_by_name() {
        for (table, says) in [
            ("picture,caption\na.jpg,x\n", "no column image or path"),
            ("image,text\na.jpg,x\n", "no column caption"),
            ("image,caption\n", "no caption in it"),
            ("image,caption\na.jpg,x,y\n", "not a CSV table"),
            ("image,caption\nnone.jpg,x\n", "image none.jpg"),
        ] {
            let root = folder(table);
            let file = root.path().join("captions.txt");
            let message = load_captions(&file, None).expect_err(table).to_string();
            assert!(message.contains(says), "{message}");
        }
    }
}
