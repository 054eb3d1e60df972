//! The weights of a model that is read.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use fs_err as fs;
use prost::bytes::Bytes;
use vizsla_neural::onnx::messages::TensorProto;

use super::parts::{FLOAT, INT64};
use crate::network::parameters::shape_text;

/// Largest file of weights beside a model that is read.
const MOST_BYTES: u64 = 8 << 30;

/// An array of known numbers.
#[derive(Clone, Debug)]
pub(super) struct Constant {
    pub shape: Vec<usize>,
    pub numbers: Numbers,
}

/// The numbers of one, in row-major order.
#[derive(Clone, Debug)]
pub(super) enum Numbers {
    Floats(Vec<f32>),
    Integers(Vec<i64>),
}

/// Reads weights; files beside the model are read once.
pub(super) struct Constants<'a> {
    folder: &'a Path,
    files: BTreeMap<String, Bytes>,
}

impl<'a> Constants<'a> {
    pub fn beside(path: &'a Path) -> Constants<'a> {
        Constants {
            folder: path.parent().unwrap_or(Path::new(".")),
            files: BTreeMap::new(),
        }
    }

    /// The numbers of a weight; what is wrong with it as a part of a sentence.
    pub fn read(&mut self, tensor: &TensorProto) -> Result<Constant, String> {
        let shape: Option<Vec<usize>> = tensor
            .dims
            .iter()
            .map(|&side| usize::try_from(side).ok())
            .collect();
        let shape = shape.ok_or("its shape is negative")?;
        let count = shape
            .iter()
            .try_fold(1usize, |product, &side| product.checked_mul(side));
        let count = count.ok_or("its shape is too large")?;
        let raw = match tensor.data_location {
            Some(1) => Some(self.external(tensor)?),
            _ => tensor.raw_data.clone(),
        };
        let numbers = match (tensor.data_type.unwrap_or(0), raw) {
            (FLOAT, None) => Numbers::Floats(tensor.float_data.clone()),
            (FLOAT, Some(raw)) => {
                Numbers::Floats(words::<4>(&raw)?.map(f32::from_le_bytes).collect())
            }
            (INT64, None) => Numbers::Integers(tensor.int64_data.clone()),
            (INT64, Some(raw)) => {
                Numbers::Integers(words::<8>(&raw)?.map(i64::from_le_bytes).collect())
            }
            (10 | 16, _) => {
                return Err("its numbers have 16 bits; convert the model to 32-bit floats".into());
            }
            (other, _) => {
                return Err(format!(
                    "its numbers are of type {other}; 32-bit floats are known"
                ));
            }
        };
        let found = match &numbers {
            Numbers::Floats(x) => x.len(),
            Numbers::Integers(x) => x.len(),
        };
        match found == count {
            true => Ok(Constant { shape, numbers }),
            false => Err(format!(
                "it holds {found} numbers for shape {}",
                shape_text(&shape)
            )),
        }
    }

    fn external(&mut self, tensor: &TensorProto) -> Result<Bytes, String> {
        let value = |key: &str| {
            let mut entries = tensor.external_data.iter();
            entries
                .find(|e| e.key.as_deref() == Some(key))
                .and_then(|e| e.value.clone())
        };
        let location = value("location").ok_or("the file it is in is not named")?;
        let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if !Path::new(&location).components().all(inside) {
            return Err(format!(
                "it is said to be in '{location}', outside of the folder of the model"
            ));
        }
        if !self.files.contains_key(&location) {
            let path = self.folder.join(&location);
            let length = fs::metadata(&path).map_err(|e| e.to_string())?.len();
            if length > MOST_BYTES {
                return Err(format!(
                    "its file '{location}' has {length} bytes, at most {MOST_BYTES} are read"
                ));
            }
            let content = fs::read(&path).map_err(|e| e.to_string())?;
            self.files.insert(location.clone(), content.into());
        }
        let file = self.files.get(&location).cloned().unwrap_or_default();
        let number = |key: &str, default: usize| match value(key) {
            None => Ok(default),
            Some(text) => text
                .parse::<usize>()
                .map_err(|_| format!("its {key} is '{text}'")),
        };
        let offset = number("offset", 0)?;
        let length = number("length", file.len().saturating_sub(offset))?;
        let end = offset.checked_add(length).filter(|&end| end <= file.len());
        end.map(|end| file.slice(offset..end))
            .ok_or_else(|| format!("it reaches beyond the end of '{location}'"))
    }
}

fn words<const N: usize>(raw: &[u8]) -> Result<impl Iterator<Item = [u8; N]>, String> {
    match raw.as_chunks::<N>() {
        (words, []) => Ok(words.iter().copied()),
        _ => Err(format!(
            "it has {} bytes, which are no whole numbers",
            raw.len()
        )),
    }
}
