//! Which channels answer a query.

use vizsla_pixels::Limits;

use crate::Channel;

/// Which channels are asked, and within which bounds pictures are read for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub words: bool,
    pub global: bool,
    pub captions: bool,
    pub text: bool,
    /// Pictures and sentences share one space.
    pub joint: bool,
    /// Mirror images of pictures are looked for as well.
    pub mirrored: bool,
    /// Pictures are looked at in half their size.
    pub glance: bool,
    pub limits: Limits,
}

impl Asked {
    pub fn has(&self, channel: Channel) -> bool {
        match channel {
            Channel::Words => self.words,
            Channel::Global => self.global,
            Channel::Captions => self.captions,
            Channel::Text => self.text,
        }
    }

    pub fn set(&mut self, channel: Channel) -> &mut bool {
        match channel {
            Channel::Words => &mut self.words,
            Channel::Global => &mut self.global,
            Channel::Captions => &mut self.captions,
            Channel::Text => &mut self.text,
        }
    }
}
