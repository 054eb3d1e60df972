//! Thumbnails of a report, within a budget of bytes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::Error;
use crate::page::{embedded, escaped, thumbnail};

/// Longest side of a thumbnail, pixels.
const SIDE: u32 = 120;
/// Characters of a text that stands in the place of a picture.
const TEXT: usize = 160;

/// How a tile is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    /// Neither right nor wrong: a query.
    Plain,
    Hit,
    Miss,
}

/// Makes tiles and counts their bytes.
pub(super) struct Pictures {
    left: usize,
    left_out: usize,
    made: BTreeMap<PathBuf, Option<String>>,
}

impl Pictures {
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            left: bytes,
            left_out: 0,
            made: BTreeMap::new(),
        }
    }

    /// Pictures that found no room.
    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }

    /// A framed picture with a caption; a name that is no file, such as a sentence, is shown as it is.
    pub(super) fn tile(
        &mut self,
        path: PathBuf,
        name: &str,
        frame: Frame,
        caption: &str,
    ) -> Result<String, Error> {
        let class = match frame {
            Frame::Plain => "tile small",
            Frame::Hit => "tile small good",
            Frame::Miss => "tile small bad",
        };
        let spoken = match frame {
            Frame::Plain => "",
            Frame::Hit => "right: ",
            Frame::Miss => "wrong: ",
        };
        let inner = match self.picture(path, &format!("{spoken}{name}"))? {
            Some(picture) => picture,
            None => {
                let text: String = name.chars().take(TEXT).collect();
                format!("<div class=\"none\">{}</div>", escaped(&text))
            }
        };
        Ok(format!(
            "<figure class=\"{class}\" title=\"{}\"><div class=\"frame\">{inner}</div><figcaption>{}</figcaption></figure>\n",
            escaped(name),
            escaped(caption)
        ))
    }

    fn picture(&mut self, path: PathBuf, alternative: &str) -> Result<Option<String>, Error> {
        if !self.made.contains_key(&path) {
            let made = match path.is_file().then(|| thumbnail(&path, SIDE)).flatten() {
                Some((picture, _)) => Some(embedded(&picture, "\u{0}")?),
                None => None,
            };
            self.made.insert(path.clone(), made);
        }
        let Some(Some(picture)) = self.made.get(&path) else {
            return Ok(None);
        };
        if picture.len() > self.left {
            self.left_out += 1;
            return Ok(None);
        }
        self.left -= picture.len();
        Ok(Some(picture.replace('\u{0}', &escaped(alternative))))
    }
}
