//! A picture as it is analysed: read and decoded once, the part that is meant cut out, in the forms and sizes that are
//! wanted.

use std::path::Path;

use vizsla_pixels::{Both, DecodeOptions, Decoded, Exif, Format, Gray, Limits, Rgb};

use crate::{Error, QueryImage, Region};

/// Where a picture comes from.
#[derive(Clone, Copy)]
pub(crate) enum PictureSource<'a> {
    /// A file.
    File(&'a Path),
    /// The bytes of a file.
    Bytes(&'a [u8]),
    /// A decoded picture at full resolution.
    Gray(&'a Gray),
    /// A decoded picture in colour at full resolution.
    Rgb(&'a Rgb),
}

impl<'a> From<&'a QueryImage> for PictureSource<'a> {
    fn from(image: &'a QueryImage) -> Self {
        match image {
            QueryImage::File(path) => Self::File(path),
            QueryImage::Bytes(bytes) => Self::Bytes(bytes),
            QueryImage::Gray(gray) => Self::Gray(gray),
            QueryImage::Rgb(rgb) => Self::Rgb(rgb),
        }
    }
}

/// Longest sides of the forms that are wanted; `None` = that form is not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sides {
    pub gray: Option<u32>,
    pub colour: Option<u32>,
}

/// A picture in the forms that were wanted.
pub(crate) struct Picture {
    /// For local features.
    pub gray: Option<Gray>,
    /// For networks.
    pub colour: Option<Rgb>,
    /// Upright full-resolution size.
    pub full: [u32; 2],
    /// The part that is meant, in full-resolution pixels.
    pub region: Region,
    /// What the file says beside its pixels.
    pub file: FileNotes,
}

/// What a file says beside its pixels; nothing where there was none.
#[derive(Default)]
pub(crate) struct FileNotes {
    pub format: Option<Format>,
    pub exif: Exif,
    /// Pictures in the file, of which this is the first.
    pub pages: u32,
}

impl Picture {
    /// Reads the picture, cuts the region out, and fits each form to its side.
    ///
    /// # Errors
    /// The picture cannot be read, or the region lies outside.
    pub(crate) fn read(
        source: PictureSource<'_>,
        region: Option<Region>,
        sides: Sides,
        limits: Limits,
    ) -> Result<Self, Error> {
        // A region is cut out at full resolution first: it may be a small part of a large picture.
        let fit = |side: Option<u32>| side.filter(|_| region.is_none());
        let options = DecodeOptions {
            fit: fit(sides.gray),
            limits,
        };
        let loaded = load(source, sides, &options, fit(sides.colour))?;
        let whole = whole(loaded.full);
        let region = region.map(|region| clip(region, whole)).transpose()?;
        let gray = loaded.gray.zip(sides.gray);
        let colour = loaded.colour.zip(sides.colour);
        Ok(Self {
            gray: gray
                .map(|(gray, side)| cut_gray(gray, region, side))
                .transpose()?,
            colour: colour
                .map(|(colour, side)| cut_colour(colour, region, side))
                .transpose()?,
            full: loaded.full,
            region: region.unwrap_or(whole),
            file: loaded.file,
        })
    }

    /// Makes the form for local features half as large.
    ///
    /// # Errors
    /// There is no memory for it.
    pub(crate) fn halve(&mut self) -> Result<(), Error> {
        if let Some(gray) = &self.gray {
            let side = gray.width().max(gray.height()).div_ceil(2);
            self.gray = Some(gray.fit_within(side)?);
        }
        Ok(())
    }

    /// Its mirror image: left and right of the part that is meant change over.
    pub(crate) fn mirrored(&self) -> Self {
        Self {
            gray: self.gray.as_ref().map(Gray::mirrored),
            colour: self.colour.as_ref().map(Rgb::mirrored),
            full: self.full,
            region: self.region,
            file: FileNotes::default(),
        }
    }

    /// Full-resolution pixels for each pixel of the grey form.
    pub(crate) fn zoom(&self) -> f64 {
        let width = self.gray.as_ref().map_or(1, Gray::width);
        self.region.width / width.max(1) as f64
    }
}

/// A picture as it was decoded.
struct Loaded {
    gray: Option<Gray>,
    colour: Option<Rgb>,
    full: [u32; 2],
    file: FileNotes,
}

impl Loaded {
    fn of<T>(decoded: Decoded<T>, forms: impl FnOnce(T) -> (Option<Gray>, Option<Rgb>)) -> Self {
        let (gray, colour) = forms(decoded.image);
        Self {
            gray,
            colour,
            full: [decoded.full_width, decoded.full_height],
            file: FileNotes {
                format: Some(decoded.format),
                exif: decoded.exif,
                pages: decoded.pages,
            },
        }
    }

    fn given(gray: Option<Gray>, colour: Option<Rgb>, width: usize, height: usize) -> Self {
        Self {
            gray,
            colour,
            full: [width as u32, height as u32],
            file: FileNotes::default(),
        }
    }
}

fn load(
    source: PictureSource<'_>,
    sides: Sides,
    options: &DecodeOptions,
    colour_fit: Option<u32>,
) -> Result<Loaded, Error> {
    let colours = DecodeOptions {
        fit: colour_fit,
        ..*options
    };
    let gray = |gray: Gray| (Some(gray), None);
    let rgb = |rgb: Rgb| (None, Some(rgb));
    let both = |both: Both| (Some(both.gray), Some(both.rgb));
    let wanted = (sides.gray.is_some(), sides.colour.is_some());
    Ok(match (source, wanted) {
        (PictureSource::File(path), (true, true)) => {
            Loaded::of(vizsla_pixels::read_both(path, options, colour_fit)?, both)
        }
        (PictureSource::File(path), (false, true)) => {
            Loaded::of(vizsla_pixels::read_rgb(path, &colours)?, rgb)
        }
        (PictureSource::File(path), (_, false)) => {
            Loaded::of(vizsla_pixels::read_gray(path, options)?, gray)
        }
        (PictureSource::Bytes(bytes), (true, true)) => Loaded::of(
            vizsla_pixels::decode_both(bytes, options, colour_fit)?,
            both,
        ),
        (PictureSource::Bytes(bytes), (false, true)) => {
            Loaded::of(vizsla_pixels::decode_rgb(bytes, &colours)?, rgb)
        }
        (PictureSource::Bytes(bytes), (_, false)) => {
            Loaded::of(vizsla_pixels::decode_gray(bytes, options)?, gray)
        }
        (PictureSource::Gray(given), (gray, colour)) => {
            let (gray, colour) = (gray.then(|| given.clone()), colour.then(|| given.to_rgb()));
            Loaded::given(gray, colour, given.width(), given.height())
        }
        (PictureSource::Rgb(given), (gray, colour)) => {
            let (gray, colour) = (gray.then(|| given.to_gray()), colour.then(|| given.clone()));
            Loaded::given(gray, colour, given.width(), given.height())
        }
    })
}

macro_rules! cut {
    ($name:ident, $form:ty) => {
        fn $name(mut picture: $form, region: Option<Region>, side: u32) -> Result<$form, Error> {
            if let Some(r) = region {
                let (x, y) = (r.x as usize, r.y as usize);
                picture = picture.crop(x, y, r.width as usize, r.height as usize)?;
            }
            match picture.width().max(picture.height()) > side as usize {
                true => Ok(picture.fit_within(side as usize)?),
                false => Ok(picture),
            }
        }
    };
}

cut!(cut_gray, Gray);
cut!(cut_colour, Rgb);

/// All of a picture of this size.
pub(crate) fn whole([width, height]: [u32; 2]) -> Region {
    Region {
        x: 0.0,
        y: 0.0,
        width: f64::from(width),
        height: f64::from(height),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn colourful() -> Rgb {
        let pixel = |at: usize| [(at % 251) as u8, (at * 7 % 256) as u8, (at / 90) as u8];
        Rgb::new(90, 60, (0..90 * 60).flat_map(pixel).collect()).unwrap()
    }

    fn read(source: PictureSource<'_>, region: Option<Region>, sides: Sides) -> Picture {
        Picture::read(source, region, sides, Limits::default()).unwrap()
    }

    fn sides(gray: Option<u32>, colour: Option<u32>) -> Sides {
        Sides { gray, colour }
    }

    #[test]
    fn both_forms_at_once_are_those_that_are_read_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (png, jpeg) = (folder.path().join("p.png"), folder.path().join("p.jpg"));
        colourful().save_png(&png).unwrap();
        fs_err::write(&jpeg, colourful().encode_jpeg(80).unwrap()).unwrap();
        let part = Region {
            x: 10.2,
            y: 5.0,
            width: 50.0,
            height: 44.5,
        };
        let (rgb, gray) = (colourful(), colourful().to_gray());
        let bytes = fs_err::read(&jpeg).unwrap();
        for source in [
            PictureSource::File(&png),
            PictureSource::File(&jpeg),
            PictureSource::Bytes(&bytes),
            PictureSource::Rgb(&rgb),
            PictureSource::Gray(&gray),
        ] {
            for region in [None, Some(part)] {
                let both = read(source, region, sides(Some(32), Some(40)));
                let gray = read(source, region, sides(Some(32), None));
                let colour = read(source, region, sides(None, Some(40)));
                assert_eq!(both.gray, gray.gray);
                assert_eq!(both.colour, colour.colour);
                assert_eq!((both.full, colour.full), ([90, 60], [90, 60]));
                assert_eq!((both.region, both.zoom()), (gray.region, gray.zoom()));
                assert!(gray.colour.is_none() && colour.gray.is_none());
                let longest = both.gray.map(|gray| gray.width().max(gray.height()));
                assert_eq!(longest, Some(32));
            }
        }
    }

    #[test]
    fn a_region_is_cut_out_at_full_resolution() {
        let rgb = colourful();
        let part = Region {
            x: 20.0,
            y: 10.0,
            width: 30.0,
            height: 20.0,
        };
        let cut = read(
            PictureSource::Rgb(&rgb),
            Some(part),
            sides(Some(64), Some(64)),
        );
        assert_eq!(cut.colour, Some(rgb.crop(20, 10, 30, 20).unwrap()));
        assert_eq!((cut.region, cut.zoom()), (part, 1.0));
        let outside = Region { x: 90.0, ..part };
        let wanted = sides(Some(64), None);
        assert!(
            Picture::read(
                PictureSource::Rgb(&rgb),
                Some(outside),
                wanted,
                Limits::default()
            )
            .is_err()
        );
    }

    #[test]
    fn a_file_tells_what_it_is() {
        let png = colourful().encode_png().unwrap();
        let seen = read(PictureSource::Bytes(&png), None, Sides::default());
        assert_eq!((seen.file.format, seen.file.pages), (Some(Format::Png), 1));
        let given = read(PictureSource::Rgb(&colourful()), None, Sides::default());
        assert!(given.file.format.is_none() && given.gray.is_none());
    }
}
