//! From pixels to the numbers a network was trained on.
//!
//! A network answers well only for images prepared as in its training: size, crop, interpolation,
//! order of the channels and their range. The presets are the published settings of the families
//! of models that are met most; interpolation is that of Pillow (convolution with a triangle or a
//! cubic kernel whose support grows when shrinking), which these families were trained with.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use vizsla_pixels::Rgb;

use crate::error::Error;
use crate::tensor::{ElementKind, ElementType};

/// Longest side of an image that is given to a network, pixels.
pub(crate) const MAX_SIDE: u32 = 4096;

/// Which size an image takes before it is cropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resize {
    /// The shorter side takes the size, the aspect is kept.
    Shortest,
    /// The longer side takes the size, the aspect is kept.
    Longest,
    /// Both sides take the size, the aspect is not kept.
    Exact,
    /// The image is taken as it is.
    None,
}

/// How values between pixels are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interpolation {
    /// A triangle, as wide as two target pixels.
    Bilinear,
    /// Keys' cubic with a = -0.5, as wide as four target pixels.
    Bicubic,
}

/// The order of the colours in the tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channels {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red, as in models made with Caffe.
    Bgr,
}

/// How an image becomes a tensor: resized, cropped in the middle, and every byte `v` of channel `c`
/// turned into `(v * scale - mean[c]) / std[c]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// Which side takes `size`.
    pub resize: Resize,
    /// The size that `resize` speaks of, pixels.
    pub size: u32,
    /// Side of the square cut out of the middle, pixels; left out, nothing is cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop: Option<u32>,
    /// How values between pixels are found.
    pub interpolation: Interpolation,
    /// The order of the colours.
    pub channels: Channels,
    /// What bytes of 0 to 255 are multiplied by.
    pub scale: f32,
    /// Subtracted, in the order of `channels`.
    pub mean: [f32; 3],
    /// Divided by, in the order of `channels`.
    pub std: [f32; 3],
}

/// The settings of a family of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// torchvision's classification models.
    Torchvision,
    /// Most of timm's models: as torchvision, bicubic.
    Timm,
    /// OpenAI's CLIP and its descendants.
    Clip,
    /// SigLIP: squeezed to a square, range -1 to 1.
    Siglip,
    /// DINOv2.
    Dinov2,
    /// Keras models of "tf" mode: range -1 to 1.
    Keras,
    /// Caffe models: blue first, bytes minus the mean of each channel.
    Caffe,
}

impl Preset {
    /// Every preset with its name.
    pub const ALL: [(&'static str, Preset); 7] = [
        ("torchvision", Preset::Torchvision),
        ("timm", Preset::Timm),
        ("clip", Preset::Clip),
        ("siglip", Preset::Siglip),
        ("dinov2", Preset::Dinov2),
        ("keras", Preset::Keras),
        ("caffe", Preset::Caffe),
    ];

    /// The name as it is written.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, preset)| *preset == self);
        found.map_or("", |(name, _)| name)
    }

    /// The settings.
    pub fn preprocessing(self) -> Preprocessing {
        use Interpolation::{Bicubic, Bilinear};
        let imagenet = |interpolation| Preprocessing {
            resize: Resize::Shortest,
            size: 256,
            crop: Some(224),
            interpolation,
            channels: Channels::Rgb,
            scale: 1.0 / 255.0,
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
        };
        match self {
            Preset::Torchvision => imagenet(Bilinear),
            Preset::Timm | Preset::Dinov2 => imagenet(Bicubic),
            Preset::Clip => Preprocessing {
                size: 224,
                mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
                std: [0.268_629_54, 0.261_302_6, 0.275_777_1],
                ..imagenet(Bicubic)
            },
            Preset::Siglip => Preprocessing {
                resize: Resize::Exact,
                size: 224,
                crop: None,
                mean: [0.5; 3],
                std: [0.5; 3],
                ..imagenet(Bicubic)
            },
            Preset::Keras => Preprocessing {
                size: 224,
                scale: 1.0 / 127.5,
                mean: [1.0; 3],
                std: [1.0; 3],
                ..imagenet(Bilinear)
            },
            Preset::Caffe => Preprocessing {
                channels: Channels::Bgr,
                scale: 1.0,
                mean: [104.0, 117.0, 123.0],
                std: [1.0; 3],
                ..imagenet(Bilinear)
            },
        }
    }
}

impl FromStr for Preset {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        found.map(|&(_, preset)| preset).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|(name, _)| *name).collect();
            Error::Value {
                name: "the preset",
                value: text.to_owned(),
                allowed: format!("it is one of {}", names.join(", ")),
            }
        })
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

crate::as_text!(Preset);

impl Default for Preprocessing {
    fn default() -> Self {
        Preset::Torchvision.preprocessing()
    }
}

impl Preprocessing {
    /// Checks that the settings can be carried out.
    ///
    /// # Errors
    /// [`Error::Value`], which names the setting and its range.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |name, value: String, allowed: &str| {
            Err(Error::Value {
                name,
                value,
                allowed: allowed.to_owned(),
            })
        };
        if !(1..=MAX_SIDE).contains(&self.size) {
            let allowed = format!("it is 1 to {MAX_SIDE} pixels");
            return wrong("preprocessing.size", self.size.to_string(), &allowed);
        }
        if let Some(crop) = self.crop {
            let fits = matches!(self.resize, Resize::Shortest | Resize::Exact);
            if !fits || crop == 0 || crop > self.size {
                let allowed =
                    "it is at most the size, and needs resize = \"shortest\" or \"exact\"";
                return wrong("preprocessing.crop", crop.to_string(), allowed);
            }
        }
        let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
        if !(self.scale.is_finite() && self.scale > 0.0) {
            let allowed = "it is a number above zero";
            return wrong("preprocessing.scale", self.scale.to_string(), allowed);
        }
        if !finite(&self.mean) {
            return wrong(
                "preprocessing.mean",
                format!("{:?}", self.mean),
                "it is finite",
            );
        }
        if !finite(&self.std) || self.std.contains(&0.0) {
            let allowed = "it is finite and not zero";
            return wrong("preprocessing.std", format!("{:?}", self.std), allowed);
        }
        Ok(())
    }

    /// The same rule for a model that takes squares of `side` pixels: what is cropped away keeps its
    /// proportion.
    pub(crate) fn for_side(&self, side: u32) -> Preprocessing {
        let mut rule = self.clone();
        match self.crop {
            Some(crop) => {
                let margin = f64::from(self.size) / f64::from(crop.max(1));
                rule.size = (f64::from(side) * margin).round() as u32;
                rule.crop = Some(side);
            }
            None => {
                rule.size = side;
                if self.resize != Resize::Exact {
                    rule.resize = Resize::Shortest;
                    rule.crop = Some(side);
                }
            }
        }
        rule
    }

    /// The same rule for a model whose input is of whole numbers: it gets the bytes as they are, and scales them by
    /// itself. With a sign they are moved to where they fit, -128 to 127.
    pub(crate) fn for_element(&self, element: ElementType) -> Preprocessing {
        if element.kind() != ElementKind::Integer {
            return self.clone();
        }
        Preprocessing {
            scale: 1.0,
            mean: match element {
                ElementType::I8 => [128.0; 3],
                _ => [0.0; 3],
            },
            std: [1.0; 3],
            ..self.clone()
        }
    }

    /// The image at exactly this size, which is no square: squeezed where the rule squeezes, else scaled until it covers
    /// the size and cut out of the middle.
    ///
    /// # Errors
    /// When the sizes are out of range.
    pub(crate) fn covered(&self, image: &Rgb, width: usize, height: usize) -> Result<Rgb, Error> {
        if self.resize == Resize::Exact {
            return resample(image, width, height, self.interpolation);
        }
        let factor = f64::max(
            width as f64 / image.width().max(1) as f64,
            height as f64 / image.height().max(1) as f64,
        );
        let scaled = |side: usize, least: usize| {
            let side = (side as f64 * factor).round() as usize;
            side.clamp(least, least.max(MAX_SIDE as usize))
        };
        let (all_width, all_height) =
            (scaled(image.width(), width), scaled(image.height(), height));
        let resized = resample(image, all_width, all_height, self.interpolation)?;
        let (x, y) = ((all_width - width) / 2, (all_height - height) / 2);
        Ok(resized.crop(x, y, width, height)?)
    }

    /// True when the rule makes squares of exactly this side.
    pub(crate) fn fits_side(&self, side: u32) -> bool {
        match self.crop {
            Some(crop) => crop == side,
            None => self.resize == Resize::Exact && self.size == side,
        }
    }

    /// The image resized and cropped by the rule of the model.
    ///
    /// # Errors
    /// When the sizes are out of range.
    pub fn framed(&self, image: &Rgb) -> Result<Rgb, Error> {
        let (width, height) = self.resized_size(image.width(), image.height());
        let resized = resample(image, width, height, self.interpolation)?;
        let Some(crop) = self.crop else {
            return Ok(resized);
        };
        let crop = crop as usize;
        let (crop_width, crop_height) = (crop.min(width), crop.min(height));
        // As in torchvision: halves go to the even neighbour.
        let start =
            |all: usize, part: usize| ((all - part) as f64 / 2.0).round_ties_even() as usize;
        let (x, y) = (start(width, crop_width), start(height, crop_height));
        Ok(resized.crop(x, y, crop_width, crop_height)?)
    }

    /// The image scaled, up or down, until its longest side is exactly `side` pixels; the aspect is
    /// kept and nothing is cut.
    ///
    /// # Errors
    /// [`Error::Value`] when `side` is out of range.
    pub fn scaled(&self, image: &Rgb, side: u32) -> Result<Rgb, Error> {
        check_side(side)?;
        let (width, height) = scaled_size(image.width(), image.height(), side as usize);
        resample(image, width, height, self.interpolation)
    }

    fn resized_size(&self, width: usize, height: usize) -> (usize, usize) {
        let size = self.size as usize;
        match self.resize {
            Resize::None => (width, height),
            Resize::Exact => (size, size),
            Resize::Longest => scaled_size(width, height, size),
            Resize::Shortest => {
                // As in torchvision: the longer side is cut off, not rounded. A strip is bounded.
                let long = |short: usize, long: usize| {
                    (size * long / short).clamp(size, MAX_SIDE as usize)
                };
                if width <= height {
                    (size, long(width, height))
                } else {
                    (long(height, width), size)
                }
            }
        }
    }

    /// Appends the values of an image, channel by channel (3 × height × width), to `tensor`; with
    /// `last` pixel by pixel (height × width × 3).
    pub fn append(&self, image: &Rgb, last: bool, tensor: &mut Vec<f32>) {
        let order = match self.channels {
            Channels::Rgb => [0, 1, 2],
            Channels::Bgr => [2, 1, 0],
        };
        let table: Vec<[f32; 256]> = (0..3)
            .map(|c| std::array::from_fn(|v| (v as f32 * self.scale - self.mean[c]) / self.std[c]))
            .collect();
        let (pixels, _) = image.data().as_chunks::<3>();
        if last {
            for pixel in pixels {
                tensor.extend((0..3).map(|c| table[c][usize::from(pixel[order[c]])]));
            }
            return;
        }
        for (table, channel) in table.iter().zip(order) {
            tensor.extend(
                pixels
                    .iter()
                    .map(|pixel| table[usize::from(pixel[channel])]),
            );
        }
    }
}

/// Checks the longest side that an image shall take.
pub(crate) fn check_side(side: u32) -> Result<(), Error> {
    if (1..=MAX_SIDE).contains(&side) {
        return Ok(());
    }
    Err(Error::Value {
        name: "the longest side",
        value: side.to_string(),
        allowed: format!("it is 1 to {MAX_SIDE} pixels"),
    })
}

/// The size whose longest side is `side`, aspect kept, sides rounded and at least 1.
fn scaled_size(width: usize, height: usize, side: usize) -> (usize, usize) {
    let longest = width.max(height) as f64;
    let scaled = |length: usize| ((length as f64 * side as f64 / longest).round() as usize).max(1);
    (scaled(width), scaled(height))
}

/// Weights of the source pixels that one target pixel sees.
struct Window {
    start: usize,
    weights: Vec<f32>,
}

fn kernel(interpolation: Interpolation, x: f64) -> f64 {
    let x = x.abs();
    match interpolation {
        Interpolation::Bilinear => (1.0 - x).max(0.0),
        Interpolation::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
        Interpolation::Bicubic if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
        Interpolation::Bicubic => 0.0,
    }
}

fn windows(from: usize, to: usize, interpolation: Interpolation) -> Vec<Window> {
    let factor = from as f64 / to as f64;
    let spread = factor.max(1.0);
    let reach = match interpolation {
        Interpolation::Bilinear => spread,
        Interpolation::Bicubic => 2.0 * spread,
    };
    let window = |target: usize| {
        let centre = (target as f64 + 0.5) * factor;
        // The rounding of both ends is Pillow's.
        let start = ((centre - reach + 0.5).max(0.0) as usize).min(from - 1);
        let end = ((centre + reach + 0.5) as usize).clamp(start + 1, from);
        let raw: Vec<f64> = (start..end)
            .map(|source| kernel(interpolation, (source as f64 + 0.5 - centre) / spread))
            .collect();
        let sum: f64 = raw.iter().sum();
        let weights = raw.iter().map(|weight| (weight / sum) as f32).collect();
        Window { start, weights }
    };
    (0..to).map(window).collect()
}

/// Resizes rows, then columns, rounding to bytes after each pass as Pillow does.
fn resample(
    image: &Rgb,
    width: usize,
    height: usize,
    interpolation: Interpolation,
) -> Result<Rgb, Error> {
    if (width, height) == (image.width(), image.height()) {
        return Ok(image.clone());
    }
    let columns = windows(image.width(), width, interpolation);
    let mut narrow = Vec::with_capacity(3 * width * image.height());
    // Four lanes a pixel, of which the last is not used: one register.
    let mut wide = vec![[0.0f32; 4]; image.width()];
    for y in 0..image.height() {
        let (row, _) = image.row(y).as_chunks::<3>();
        for (wide, pixel) in wide.iter_mut().zip(row) {
            *wide = [pixel[0], pixel[1], pixel[2], 0].map(f32::from);
        }
        for window in &columns {
            let mut sums = [0.0f32; 4];
            for (&weight, pixel) in window.weights.iter().zip(&wide[window.start..]) {
                for lane in 0..4 {
                    sums[lane] += weight * pixel[lane];
                }
            }
            let [red, green, blue, _] = sums.map(byte);
            narrow.extend([red, green, blue]);
        }
    }
    let rows = windows(image.height(), height, interpolation);
    let mut data = Vec::with_capacity(3 * width * height);
    let mut sums = vec![0.0f32; 3 * width];
    for window in &rows {
        sums.fill(0.0);
        for (k, &weight) in window.weights.iter().enumerate() {
            let row = &narrow[(window.start + k) * 3 * width..][..3 * width];
            for at in 0..3 * width {
                sums[at] += weight * f32::from(row[at]);
            }
        }
        data.extend(sums.iter().copied().map(byte));
    }
    Ok(Rgb::new(width, height, data)?)
}

/// Rounded and clamped to 0..=255.
fn byte(value: f32) -> u8 {
    (value + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(width: usize, height: usize) -> Rgb {
        let data = (0..width * height * 3)
            .map(|i| (i * 7 % 256) as u8)
            .collect();
        Rgb::new(width, height, data).unwrap()
    }

    #[test]
    fn frames_have_the_size_of_the_rule() {
        let image = gradient(100, 61);
        let size = |p: &Preprocessing| {
            let framed = p.framed(&image).unwrap();
            (framed.width(), framed.height())
        };
        assert_eq!(size(&Preset::Torchvision.preprocessing()), (224, 224));
        assert_eq!(size(&Preset::Siglip.preprocessing()), (224, 224));
        let mut rule = Preset::Clip.preprocessing();
        rule.crop = None;
        assert_eq!(size(&rule), (367, 224));
        rule.resize = Resize::Longest;
        assert_eq!(size(&rule), (224, 137));
        rule.resize = Resize::None;
        assert_eq!(size(&rule), (100, 61));
        let scaled = rule.scaled(&image, 50).unwrap();
        assert_eq!((scaled.width(), scaled.height()), (50, 31));
        assert!(rule.scaled(&image, 0).is_err());
        assert!(rule.scaled(&image, 5000).is_err());
    }

    #[test]
    fn values_have_the_published_range_and_order() {
        let image = Rgb::filled(2, 1, [255, 0, 0]).unwrap();
        let mut tensor = Vec::new();
        Preset::Keras
            .preprocessing()
            .append(&image, false, &mut tensor);
        assert_eq!(tensor, [1.0, 1.0, -1.0, -1.0, -1.0, -1.0]);
        tensor.clear();
        Preset::Caffe
            .preprocessing()
            .append(&image, true, &mut tensor);
        assert_eq!(tensor, [-104.0, -117.0, 132.0, -104.0, -117.0, 132.0]);
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        for (name, preset) in Preset::ALL {
            preset.preprocessing().check().unwrap();
            assert_eq!(name.parse::<Preset>().unwrap(), preset);
        }
        let rule = Preprocessing {
            crop: Some(300),
            ..Preprocessing::default()
        };
        assert!(rule.check().is_err());
        let mut rule = Preprocessing::default();
        rule.std[1] = 0.0;
        assert!(rule.check().is_err());
        assert!("caffe2".parse::<Preset>().is_err());
    }

    #[test]
    fn a_fixed_side_keeps_the_margin() {
        let rule = Preset::Torchvision.preprocessing().for_side(299);
        assert_eq!((rule.size, rule.crop), (342, Some(299)));
        let rule = Preset::Siglip.preprocessing().for_side(384);
        assert_eq!((rule.size, rule.crop), (384, None));
    }
}
