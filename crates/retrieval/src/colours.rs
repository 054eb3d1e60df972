//! Colours told apart by most eyes (Okabe & Ito), as they are drawn with.

pub(crate) const ORANGE: [u8; 3] = [230, 159, 0];
pub(crate) const LIGHT_BLUE: [u8; 3] = [86, 180, 233];
pub(crate) const GREEN: [u8; 3] = [0, 158, 115];
pub(crate) const YELLOW: [u8; 3] = [240, 228, 66];
pub(crate) const BLUE: [u8; 3] = [0, 114, 178];
pub(crate) const RED: [u8; 3] = [213, 94, 0];
pub(crate) const PINK: [u8; 3] = [204, 121, 167];
