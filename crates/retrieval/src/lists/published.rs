//! Two forms in which data sets of captioned pictures are published: COCO (Lin et al. 2014), with images and annotations in lists of
//! their own, and that of Karpathy & Fei-Fei 2015, with the sentences of each image and its split.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::objects::{broken, named};
use super::{At, Reading, Refused};

/// Identities are numbers in most files, texts in some.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(untagged)]
enum Id {
    Number(i64),
    Text(String),
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

#[derive(Deserialize)]
struct Coco {
    images: Vec<CocoImage>,
    annotations: Vec<CocoAnnotation>,
    #[serde(default)]
    categories: Vec<CocoCategory>,
}

#[derive(Deserialize)]
struct CocoImage {
    id: Id,
    file_name: Option<String>,
    coco_url: Option<String>,
}

#[derive(Deserialize)]
struct CocoAnnotation {
    image_id: Id,
    caption: Option<String>,
    category_id: Option<Id>,
}

#[derive(Deserialize)]
struct CocoCategory {
    id: Id,
    name: String,
}

/// What annotations say of one image.
#[derive(Default)]
struct Said {
    captions: Vec<Value>,
    labels: Vec<Value>,
}

/// A record for each image that annotations are about, with its captions and the names of its categories as labels.
pub(super) fn coco(content: &str, reading: &mut Reading<'_>) -> Result<(), Refused> {
    let mut coco: Coco = serde_json::from_str(content).map_err(|error| broken(&error))?;
    let annotations = std::mem::take(&mut coco.annotations);
    let said = said_of_images(&coco, annotations, reading);
    for ((image, said), at) in coco.images.iter().zip(said).zip(1..) {
        let mut fields = Vec::new();
        let mut tell = |name: &str, value: Value| fields.push((name.to_owned(), value));
        if said.captions.is_empty() && said.labels.is_empty() {
            continue;
        }
        if let Some(name) = image.file_name.as_ref().filter(|name| !name.is_empty()) {
            tell("file_name", Value::String(name.clone()));
        }
        if let Some(address) = &image.coco_url {
            tell("coco_url", Value::String(address.clone()));
        }
        if !said.captions.is_empty() {
            tell("caption", Value::Array(said.captions));
        }
        if !said.labels.is_empty() {
            tell("label", Value::Array(said.labels));
        }
        reading.take(named(fields, At::Entry(at), reading.roles));
    }
    if reading.read.records + reading.read.unread == 0 {
        return Err(Refused::new(
            "these are COCO annotations without a caption and without a category",
        ));
    }
    Ok(())
}

/// What the annotations say of each image, in the order of the images.
fn said_of_images(
    coco: &Coco,
    annotations: Vec<CocoAnnotation>,
    reading: &mut Reading<'_>,
) -> Vec<Said> {
    let categories = coco.categories.iter();
    let categories: HashMap<&Id, &str> = categories.map(|c| (&c.id, c.name.as_str())).collect();
    let images = coco.images.iter().zip(0..);
    let places: HashMap<&Id, usize> = images.map(|(image, at)| (&image.id, at)).collect();
    let mut said: Vec<Said> = Vec::new();
    said.resize_with(coco.images.len(), Said::default);
    for (annotation, at) in annotations.into_iter().zip(1..) {
        let Some(&place) = places.get(&annotation.image_id) else {
            let image = annotation.image_id;
            let reason = format!("it is about image {image}, which is not among the images");
            reading.pass(At::Entry(at), reason);
            continue;
        };
        let of_image = &mut said[place];
        of_image
            .captions
            .extend(annotation.caption.map(Value::String));
        let category = annotation.category_id.as_ref();
        let label = category.and_then(|id| categories.get(id));
        let label = label.map(|label| Value::String((*label).to_owned()));
        if label
            .as_ref()
            .is_some_and(|label| !of_image.labels.contains(label))
        {
            of_image.labels.extend(label);
        }
    }
    said
}

#[derive(Deserialize)]
struct Karpathy {
    images: Vec<KarpathyImage>,
}

#[derive(Deserialize)]
struct KarpathyImage {
    filename: String,
    filepath: Option<String>,
    split: Option<String>,
    #[serde(default)]
    sentences: Vec<KarpathySentence>,
}

#[derive(Deserialize)]
struct KarpathySentence {
    raw: Option<String>,
    #[serde(default)]
    tokens: Vec<String>,
}

/// A record for each image, with its sentences as captions and its split.
pub(super) fn karpathy(content: &str, reading: &mut Reading<'_>) -> Result<(), Refused> {
    let list: Karpathy = serde_json::from_str(content).map_err(|error| broken(&error))?;
    for (image, at) in list.images.into_iter().zip(1..) {
        let folder = image.filepath.filter(|folder| !folder.is_empty());
        let name = match &folder {
            Some(folder) => format!("{}/{}", folder.trim_end_matches('/'), image.filename),
            None => image.filename.clone(),
        };
        let sentence = |sentence: KarpathySentence| {
            Value::String(sentence.raw.unwrap_or_else(|| sentence.tokens.join(" ")))
        };
        let mut fields = vec![
            ("filename".to_owned(), Value::String(name)),
            (
                "caption".to_owned(),
                Value::Array(image.sentences.into_iter().map(sentence).collect()),
            ),
        ];
        fields.extend(
            image
                .split
                .map(|split| ("split".to_owned(), Value::String(split))),
        );
        let mut record = named(fields, At::Entry(at), reading.roles);
        record.also.extend(folder.map(|_| image.filename));
        reading.take(record);
    }
    Ok(())
}
