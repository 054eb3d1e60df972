//! Two pictures made smaller and put beside each other, to be drawn on.

use vizsla_pixels::Rgb;

use crate::Error;
use crate::colours::{GREEN, LIGHT_BLUE, ORANGE, PINK, RED, YELLOW};

/// Space between the two pictures, in pixels.
const GAP: usize = 12;
/// Longest side of each picture in the drawing.
const SIDE: usize = 720;
/// Colours of what is drawn on both pictures, in turn.
pub(crate) const COLOURS: [[u8; 3]; 6] = [GREEN, ORANGE, LIGHT_BLUE, YELLOW, RED, PINK];

/// Two pictures as they are drawn.
pub(crate) struct SideBySide {
    pub left: Rgb,
    pub right: Rgb,
    /// Pixels as they are drawn for each pixel of the pictures as they were given.
    pub zoom: [f32; 2],
}

impl SideBySide {
    /// Makes both at most 720 pixels long.
    ///
    /// # Errors
    /// A picture is empty, or there is no memory for it.
    pub(crate) fn new(left: &Rgb, right: &Rgb) -> Result<Self, Error> {
        let (small_left, small_right) = (left.fit_within(SIDE)?, right.fit_within(SIDE)?);
        let zoom = |small: &Rgb, whole: &Rgb| small.width() as f32 / whole.width().max(1) as f32;
        Ok(Self {
            zoom: [zoom(&small_left, left), zoom(&small_right, right)],
            left: small_left,
            right: small_right,
        })
    }

    /// Both on one sheet, and where the right one begins.
    ///
    /// # Errors
    /// There is no memory for the sheet.
    pub(crate) fn join(self) -> Result<(Rgb, f32), Error> {
        let Self { left, right, .. } = self;
        let offset = left.width() + GAP;
        let height = left.height().max(right.height());
        let mut sheet = Rgb::filled(offset + right.width(), height, [24, 24, 28])?;
        sheet.paste(&left, 0, 0);
        sheet.paste(&right, offset as i64, 0);
        Ok((sheet, offset as f32))
    }
}
