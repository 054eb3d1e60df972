//! What the name of a picture looks like, and names that lists hide in other fields.

use serde_json::Value;

/// Endings of picture files, lower case; also of those that cannot be read here, for a list may name them.
const ENDINGS: [&str; 28] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "dib", "tif", "tiff", "pnm", "pbm",
    "pgm", "ppm", "pam", "heic", "heif", "avif", "jp2", "jxl", "svg", "dng", "cr2", "nef", "arw",
    "psd", "ico",
];

/// Fields from which the name of a downloaded picture can be had, the most telling first.
const OTHER: [&str; 5] = ["key", "url", "image_url", "coco_url", "flickr_url"];

/// Whether a text ends as the name of a picture file does; the number of a caption (`a.jpg#2`) may follow.
pub(crate) fn looks_like_picture(text: &str) -> bool {
    let text = without_number(text.trim());
    let Some((stem, ending)) = text.rsplit_once('.') else {
        return false;
    };
    let named = !stem.is_empty() && !stem.ends_with(['/', '\\']);
    named && ending.len() <= 4 && ENDINGS.contains(&ending.to_ascii_lowercase().as_str())
}

/// The picture of `a.jpg#2`, as Flickr8k and Flickr30k number their captions.
pub(super) fn without_number(name: &str) -> &str {
    match name.rsplit_once('#') {
        Some((image, number))
            if !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit())
                && image.contains('.') =>
        {
            image
        }
        _ => name,
    }
}

/// Whether a field may give the name of a picture where none is called so.
pub(super) fn may_name(key: &str) -> bool {
    OTHER.contains(&key)
}

/// Names of the picture from fields that are made for other things: the number of a download, the end of its address.
pub(super) fn other_names(fields: &[(String, Value)]) -> Vec<String> {
    let value = |wanted: &&str| {
        let (key, value) = fields.iter().find(|(key, _)| key == wanted)?;
        let text = super::record::plain(value)?;
        let name = match key.as_str() {
            "key" => text,
            _ => {
                let place = text.split(['?', '#']).next().unwrap_or_default();
                place.rsplit('/').next().unwrap_or_default().to_owned()
            }
        };
        (!name.is_empty()).then_some(name)
    };
    OTHER.iter().filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_pictures_are_told_from_other_texts() {
        for name in ["a.jpg", " sub\\b.JPEG ", "x/y.z.tif", "a.jpg#12", "é.png"] {
            assert!(looks_like_picture(name), "{name}");
        }
        for text in [
            "", ".jpg", "sub/.png", "A dog.", "v1.2", "a.txt", "jpg", "a.jpg b",
        ] {
            assert!(!looks_like_picture(text), "{text}");
        }
        assert_eq!(without_number("a.jpg#0"), "a.jpg");
        assert_eq!(without_number("a#b"), "a#b");
    }
}
