//! A query picture as it is analysed: read, cut, scaled.

use vizsla_features::{Features, Keypoint};
use vizsla_pixels::{DecodeOptions, Decoded, Gray, Limits, Rgb};
use vizsla_words::QueryWord;

use crate::stored::StoredFeature;
use crate::{Error, QueryImage, Region};

/// A query picture as it is analysed.
pub(crate) struct Sight {
    /// Features in pixels of the analysed picture.
    pub features: Features,
    /// The part that is meant, in full-resolution pixels.
    pub region: Region,
    /// Full-resolution pixels for each analysed pixel.
    pub zoom: f64,
}

/// A picture at the size of analysis, and where it comes from.
pub(super) struct Cut<T> {
    pub image: T,
    pub full: [u32; 2],
    pub region: Region,
    pub zoom: f64,
}

/// What [`cut_gray`] and [`cut_rgb`] need of a kind of picture.
trait Picture: Sized {
    fn file(path: &std::path::Path, options: &DecodeOptions) -> Result<Decoded<Self>, Error>;
    fn bytes(bytes: &[u8], options: &DecodeOptions) -> Result<Decoded<Self>, Error>;
    fn gray(gray: &Gray) -> Result<Self, Error>;
    fn rgb(rgb: &Rgb) -> Self;
    fn size(&self) -> (usize, usize);
    fn crop(&self, region: Region) -> Result<Self, Error>;
    fn fit(&self, side: usize) -> Result<Self, Error>;
}

macro_rules! picture {
    ($kind:ty, $read:path, $decode:path, $gray:expr, $rgb:expr) => {
        impl Picture for $kind {
            fn file(
                path: &std::path::Path,
                options: &DecodeOptions,
            ) -> Result<Decoded<Self>, Error> {
                Ok($read(path, options)?)
            }
            fn bytes(bytes: &[u8], options: &DecodeOptions) -> Result<Decoded<Self>, Error> {
                Ok($decode(bytes, options)?)
            }
            fn gray(gray: &Gray) -> Result<Self, Error> {
                $gray(gray)
            }
            fn rgb(rgb: &Rgb) -> Self {
                $rgb(rgb)
            }
            fn size(&self) -> (usize, usize) {
                (self.width(), self.height())
            }
            fn crop(&self, r: Region) -> Result<Self, Error> {
                let (x, y) = (r.x as usize, r.y as usize);
                Ok(self.crop(x, y, r.width as usize, r.height as usize)?)
            }
            fn fit(&self, side: usize) -> Result<Self, Error> {
                Ok(self.fit_within(side)?)
            }
        }
    };
}

picture!(
    Gray,
    vizsla_pixels::read_gray,
    vizsla_pixels::decode_gray,
    |gray: &Gray| Ok(gray.clone()),
    |rgb: &Rgb| rgb.to_gray()
);
picture!(
    Rgb,
    vizsla_pixels::read_rgb,
    vizsla_pixels::decode_rgb,
    |gray: &Gray| {
        let pixels = gray.data().iter().flat_map(|&v| [v, v, v]).collect();
        Ok(Rgb::new(gray.width(), gray.height(), pixels)?)
    },
    |rgb: &Rgb| rgb.clone()
);

/// Reads a picture in grey, cuts the region out, scales it to at most `side` pixels.
pub(super) fn cut_gray(
    image: &QueryImage,
    region: Option<Region>,
    side: u32,
    limits: Limits,
) -> Result<Cut<Gray>, Error> {
    cut(image, region, side, limits)
}

/// Reads a picture in colour, cuts the region out, scales it to at most `side` pixels.
pub(super) fn cut_rgb(
    image: &QueryImage,
    region: Option<Region>,
    side: u32,
    limits: Limits,
) -> Result<Cut<Rgb>, Error> {
    cut(image, region, side, limits)
}

fn cut<T: Picture>(
    image: &QueryImage,
    region: Option<Region>,
    side: u32,
    limits: Limits,
) -> Result<Cut<T>, Error> {
    // A region is cut out at full resolution first: it may be a small part of a large picture.
    let fit = region.is_none().then_some(side);
    let options = DecodeOptions { fit, limits };
    let given = |image: T| {
        let (width, height) = image.size();
        (image, width as u32, height as u32)
    };
    let decoded = |decoded: Decoded<T>| (decoded.image, decoded.full_width, decoded.full_height);
    let (picture, width, height) = match image {
        QueryImage::File(path) => decoded(T::file(path, &options)?),
        QueryImage::Bytes(bytes) => decoded(T::bytes(bytes, &options)?),
        QueryImage::Gray(gray) => given(T::gray(gray)?),
        QueryImage::Rgb(rgb) => given(T::rgb(rgb)),
    };
    let whole = whole(width, height);
    let (region, picture) = match region {
        None => (whole, picture),
        Some(region) => {
            let region = clip(region, whole)?;
            (region, picture.crop(region)?)
        }
    };
    let small = picture.fit(side as usize)?;
    let zoom = region.width / small.size().0.max(1) as f64;
    Ok(Cut {
        image: small,
        full: [width, height],
        region,
        zoom,
    })
}

fn whole(width: u32, height: u32) -> Region {
    Region {
        x: 0.0,
        y: 0.0,
        width: f64::from(width),
        height: f64::from(height),
    }
}

/// An image of the collection as a query: its stored features, at the size of analysis.
pub(super) fn stored_sight(
    stored: &[StoredFeature],
    full: [u32; 2],
    max_side: u32,
) -> (Sight, Vec<QueryWord>) {
    let zoom = (f64::from(full[0].max(full[1])) / f64::from(max_side)).max(1.0);
    let [width, height] = full.map(|side| (f64::from(side) / zoom) as f32);
    let keypoint = |feature: &StoredFeature| Keypoint {
        x: feature.x * width - 0.5,
        y: feature.y * height - 0.5,
        scale: feature.scale / zoom as f32,
        angle: feature.angle,
        response: 0.0,
    };
    let word = |(at, feature): (usize, &StoredFeature)| QueryWord {
        feature: at as u32,
        word: feature.word,
        signature: feature.signature,
        weight: 1.0,
    };
    let sight = Sight {
        features: Features {
            width: width.round() as u32,
            height: height.round() as u32,
            keypoints: stored.iter().map(keypoint).collect(),
            descriptors: Vec::new(),
        },
        region: whole(full[0], full[1]),
        zoom,
    };
    (sight, stored.iter().enumerate().map(word).collect())
}

/// The part of `region` inside `whole`, on whole pixels.
fn clip(region: Region, whole: Region) -> Result<Region, Error> {
    let x = region.x.floor().clamp(0.0, whole.width);
    let y = region.y.floor().clamp(0.0, whole.height);
    let right = (region.x + region.width).ceil().clamp(0.0, whole.width);
    let bottom = (region.y + region.height).ceil().clamp(0.0, whole.height);
    let sound = [region.x, region.y, region.width, region.height]
        .iter()
        .all(|v| v.is_finite());
    if !sound || right - x < 1.0 || bottom - y < 1.0 {
        return Err(Error::Query(format!(
            "the region {},{},{},{} (x,y,width,height) lies outside the picture of {} × {} pixels",
            region.x, region.y, region.width, region.height, whole.width, whole.height
        )));
    }
    Ok(Region {
        x,
        y,
        width: right - x,
        height: bottom - y,
    })
}
