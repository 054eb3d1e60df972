//! Pictures inside a terminal, by the three protocols that terminals speak.
//!
//! * kitty's graphics protocol (kitty, Ghostty, WezTerm, Konsole): a PNG in chunks of base64;
//! * iTerm2's inline images (iTerm2, WezTerm, mintty, VS Code): a PNG in one escape sequence;
//! * sixel (xterm, foot, mlterm, Windows Terminal, tmux from 3.4): bands of six rows in at most 256 colours.
//!
//! A terminal that does not speak one of them prints its bytes as garbage, so nothing is sent on a guess: either the
//! terminal says who it is in the environment, or it is asked and answers.

mod base64;
mod detect;
mod iterm;
mod kitty;
mod palette;
mod protocol;
mod sixel;

pub use protocol::Protocol;

use anyhow::{Result, bail};
use clap::ValueEnum;

/// How pictures are shown, as the user asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Preview {
    /// What the terminal says it can
    Auto,
    /// kitty's graphics protocol
    Kitty,
    /// iTerm2's inline images
    Iterm,
    /// Sixel
    Sixel,
}

impl Preview {
    /// The protocol to use. A named one is taken as it is, so that its bytes can also go into a file.
    ///
    /// # Errors
    /// The terminal speaks none, or standard output is no terminal.
    pub fn protocol(self) -> Result<Protocol> {
        match self {
            Self::Kitty => Ok(Protocol::Kitty),
            Self::Iterm => Ok(Protocol::Iterm),
            Self::Sixel => Ok(Protocol::Sixel),
            Self::Auto => match detect::terminal() {
                Some(protocol) => Ok(protocol),
                None => bail!(
                    "no picture can be shown here: standard output is not a terminal that says it speaks the protocols \
                     of kitty or iTerm2 or sixel; if you know that it does, name one, as in --preview=sixel, or leave \
                     --preview out"
                ),
            },
        }
    }
}
