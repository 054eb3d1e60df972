//! The input of an image network: which one takes the pictures, and in what order it wants their numbers.
//!
//! Files declare their inputs carelessly: sides and channels are left free, the names of dimensions are missing, the
//! batch is fixed to what happened to be exported. The order of the dimensions is therefore taken from what is known
//! best: what the entry says, a length of 3 in one place only, the first convolution behind the input, the names of the
//! dimensions. Where none of them tells, [`crate::ImageEncoder`] tries both.

use crate::tensor_layout::TensorLayout;
use vizsla_pixels::Rgb;

use crate::error::Error;
use crate::models::ModelEntry;
use crate::onnx::{Graph, ValueInfo, channels};
use crate::preprocess::Preprocessing;
use crate::runtime::declared_shape;
use crate::tensor::{ElementKind, ElementType, Tensor};

/// Width and height of the picture that a model is tried with, before the rule: not square, so that what the rule makes of
/// it is seen.
pub(crate) const TRIAL_PICTURE: (usize, usize) = (320, 240);
/// Side of it where the rule makes none that the model takes, pixels.
const TRIAL_SIDE: usize = 224;

/// Channels of a picture.
const CHANNELS: usize = 3;

/// How a model wants its pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PictureInput {
    /// Its name.
    pub name: String,
    /// What the numbers are.
    pub element: ElementType,
    /// False when it takes one picture without a dimension for the batch.
    pub has_batch: bool,
    /// Pictures that it insists on; `None` when any number goes.
    pub batch: Option<usize>,
    /// Height and width; `None` when any goes.
    pub size: (Option<usize>, Option<usize>),
    /// The order of the numbers.
    pub layout: TensorLayout,
}

impl PictureInput {
    /// The ways in which the pictures may be meant: one when something tells the order, else both.
    ///
    /// # Errors
    /// [`Error::Unsuitable`] when the model takes no pictures of three channels.
    pub fn candidates(graph: &Graph, entry: &ModelEntry) -> Result<Vec<PictureInput>, Error> {
        let info = picture_input(graph, entry)?;
        let unknown = vec![None; 4];
        let shape = info.shape.as_deref().unwrap_or(&unknown);
        let has_batch = shape.len() == 4;
        let sides = match shape {
            [_, sides @ ..] if has_batch => sides,
            sides => sides,
        };
        let may_be = |layout: &TensorLayout| {
            let channels = sides[channels_place(*layout)];
            channels.is_none_or(|channels| channels == CHANNELS)
        };
        let possible: Vec<TensorLayout> = TensorLayout::ALL.into_iter().filter(may_be).collect();
        if possible.is_empty() {
            let what = format!(
                "takes {} at its input '{}' and not pictures of three channels",
                declared_shape(info),
                info.name
            );
            return Err(unsuitable(entry, &what));
        }
        let contradicts = |layout: &TensorLayout| {
            let told = by_length(sides).is_some_and(|told| told != *layout);
            told || !possible.contains(layout)
        };
        if let Some(layout) = entry.layout.filter(contradicts) {
            let what = format!(
                "takes {} at its input '{}', which is not {layout}",
                declared_shape(info),
                info.name
            );
            return Err(unsuitable(entry, &what));
        }
        let told = entry.layout.or_else(|| {
            by_length(sides)
                .or_else(|| by_use(graph, info, shape.len()))
                .or_else(|| by_names(&info.dimension_names))
                .filter(|layout| possible.contains(layout))
        });
        let layouts = told.map_or(possible, |layout| vec![layout]);
        let of = |layout| PictureInput {
            name: info.name.clone(),
            element: info.element,
            has_batch,
            batch: if has_batch { shape[0] } else { Some(1) },
            size: match layout {
                TensorLayout::ChannelsFirst => (sides[1], sides[2]),
                TensorLayout::ChannelsLast => (sides[0], sides[1]),
            },
            layout,
        };
        Ok(layouts.into_iter().map(of).collect())
    }

    /// Pictures of any number and size, the colours of a place together.
    pub fn any(name: &str) -> PictureInput {
        PictureInput {
            name: name.to_owned(),
            element: ElementType::F32,
            has_batch: true,
            batch: None,
            size: (None, None),
            layout: TensorLayout::ChannelsLast,
        }
    }

    /// True when the channels are the last dimension.
    pub fn channels_last(&self) -> bool {
        self.layout == TensorLayout::ChannelsLast
    }

    /// True when it takes pictures of this size.
    pub fn takes(&self, height: usize, width: usize) -> bool {
        let fits = |want: Option<usize>, have| want.is_none_or(|want| want == have);
        fits(self.size.0, height) && fits(self.size.1, width)
    }

    /// The size as people write it, width first.
    pub fn size_text(&self) -> String {
        let side = |side: Option<usize>| side.map_or("any".to_owned(), |side| side.to_string());
        format!("{}x{}", side(self.size.1), side(self.size.0))
    }

    /// The grey picture that it is tried with: as the rule makes one, where the input takes that.
    pub fn trial_picture(&self, rule: &Preprocessing) -> Result<Rgb, Error> {
        let (width, height) = TRIAL_PICTURE;
        let framed = rule.framed(&Rgb::filled(width, height, [128; 3])?)?;
        if self.takes(framed.height(), framed.width()) {
            return Ok(framed);
        }
        let side = |side: Option<usize>| side.unwrap_or(TRIAL_SIDE);
        Ok(Rgb::filled(side(self.size.1), side(self.size.0), [128; 3])?)
    }

    /// The tensor of pictures of one size whose numbers, in the order of the layout, are `data`.
    pub fn tensor(
        &self,
        batch: usize,
        (height, width): (usize, usize),
        data: Vec<f32>,
    ) -> Result<Tensor, Error> {
        let sides = match self.layout {
            TensorLayout::ChannelsFirst => [CHANNELS, height, width],
            TensorLayout::ChannelsLast => [height, width, CHANNELS],
        };
        let mut shape = sides.to_vec();
        if self.has_batch {
            shape.insert(0, batch);
        }
        match self.element.range() {
            None => Tensor::f32(&shape, data),
            Some((least, most)) => {
                let whole = |value: f32| (value.round() as i64).clamp(least, most);
                Tensor::i64(&shape, data.into_iter().map(whole).collect())
            }
        }
    }
}

/// The input that the entry names, or the one that looks most like pictures.
fn picture_input<'a>(graph: &'a Graph, entry: &ModelEntry) -> Result<&'a ValueInfo, Error> {
    let info = match &entry.input {
        Some(name) => graph.inputs.iter().find(|info| info.name == *name),
        // Of equal ones the first.
        None => graph
            .inputs
            .iter()
            .rev()
            .filter(|info| likeness(info) > 0)
            .max_by_key(|info| likeness(info)),
    };
    let names: Vec<&str> = graph.inputs.iter().map(|i| i.name.as_str()).collect();
    let names = names.join(", ");
    let Some(info) = info else {
        let lacking = match &entry.input {
            Some(name) => format!("'{name}'"),
            None => "tensor of four dimensions".to_owned(),
        };
        let what = format!("takes no pictures: among its inputs ({names}) is no {lacking}");
        return Err(unsuitable(entry, &what));
    };
    let rank = info.shape.as_ref().map_or(4, Vec::len);
    if !(3..=4).contains(&rank) || info.element == ElementType::Bool {
        let what = format!(
            "takes {} of {} at its input '{}' and not pictures of three channels; its inputs are {names}",
            declared_shape(info),
            info.element,
            info.name
        );
        return Err(unsuitable(entry, &what));
    }
    Ok(info)
}

/// How much an input looks like pictures; 0 for one that cannot take them.
fn likeness(info: &ValueInfo) -> u32 {
    let whole = info.element.kind() == ElementKind::Integer;
    let of_type = match info.element {
        ElementType::Bool | ElementType::Other => return 0,
        _ if whole => 1,
        _ => 2,
    };
    let Some(shape) = &info.shape else {
        // Integers of no declared shape are more likely tokens.
        return if whole { 0 } else { 2 + of_type };
    };
    let has_channels = shape.contains(&Some(CHANNELS));
    match shape.len() {
        4 if has_channels => 20 + of_type,
        4 => 10 + of_type,
        3 if has_channels => 4 + of_type,
        _ => 0,
    }
}

/// Which of the three dimensions beside the batch holds the channels.
fn channels_place(layout: TensorLayout) -> usize {
    match layout {
        TensorLayout::ChannelsFirst => 0,
        TensorLayout::ChannelsLast => 2,
    }
}

/// A length of 3 at one end, and another or none at the other end; or a length that is not 3.
fn by_length(sides: &[Option<usize>]) -> Option<TensorLayout> {
    let channels = |side: Option<usize>| side.map(|side| side == CHANNELS);
    match (channels(sides[0]), channels(sides[2])) {
        (Some(true), Some(false) | None) | (None, Some(false)) => Some(TensorLayout::ChannelsFirst),
        (Some(false) | None, Some(true)) | (Some(false), None) => Some(TensorLayout::ChannelsLast),
        _ => None,
    }
}

/// What the operators behind the input take as channels.
fn by_use(graph: &Graph, info: &ValueInfo, rank: usize) -> Option<TensorLayout> {
    let place = channels::of_input(graph, &info.name, rank)?;
    match place + 4 - rank {
        1 => Some(TensorLayout::ChannelsFirst),
        3 => Some(TensorLayout::ChannelsLast),
        _ => None,
    }
}

/// Names of dimensions such as `N, H, W, C` or `batch, height, width, channels`.
fn by_names(names: &[String]) -> Option<TensorLayout> {
    let sides = names.get(names.len().checked_sub(3)?..)?;
    let is = |name: &String, letter: &str, word: &str| {
        let name = name.to_lowercase();
        name == letter || name.contains(word)
    };
    let height = sides.iter().position(|name| is(name, "h", "height"));
    let width = sides.iter().position(|name| is(name, "w", "width"));
    let channels = sides.iter().position(|name| is(name, "c", "channel"));
    match (height, width, channels) {
        (_, _, Some(0)) | (Some(1), _, None) | (_, Some(2), None) => {
            Some(TensorLayout::ChannelsFirst)
        }
        (_, _, Some(2)) | (Some(0), _, None) | (_, Some(1), None) => {
            Some(TensorLayout::ChannelsLast)
        }
        _ => None,
    }
}

/// The error of a model that is made for something else.
pub(crate) fn unsuitable(entry: &ModelEntry, what: &str) -> Error {
    Error::Unsuitable {
        id: entry.id.clone(),
        what: what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TensorLayout::{ChannelsFirst, ChannelsLast};

    #[test]
    fn a_length_of_three_tells_the_order() {
        let side = Some(224);
        for (sides, expected) in [
            ([Some(3), None, None], Some(ChannelsFirst)),
            ([None, None, Some(3)], Some(ChannelsLast)),
            ([Some(3), side, side], Some(ChannelsFirst)),
            ([side, side, Some(3)], Some(ChannelsLast)),
            ([None, side, side], Some(ChannelsFirst)),
            ([side, side, None], Some(ChannelsLast)),
            ([None, None, None], None),
            ([Some(3), None, Some(3)], None),
        ] {
            assert_eq!(by_length(&sides), expected, "{sides:?}");
        }
    }

    #[test]
    fn names_of_dimensions_tell_the_order() {
        let told = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            by_names(&names)
        };
        assert_eq!(told(&["N", "C", "H", "W"]), Some(ChannelsFirst));
        assert_eq!(told(&["N", "H", "W", "C"]), Some(ChannelsLast));
        assert_eq!(told(&["batch", "height", "width", ""]), Some(ChannelsLast));
        assert_eq!(told(&["batch", "", "height", "width"]), Some(ChannelsFirst));
        assert_eq!(told(&["H", "W", "C"]), Some(ChannelsLast));
        assert_eq!(told(&["unk__1", "unk__2", "unk__3", ""]), None);
        assert_eq!(told(&["", ""]), None);
    }
}
