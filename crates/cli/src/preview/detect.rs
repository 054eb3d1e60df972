//! Which protocol the terminal speaks.
//!
//! Terminals that name themselves in the environment are believed; the others are asked two questions at once:
//! kitty's query, which only a speaker of its protocol answers, and the primary device attributes (DA1), which every
//! terminal answers and in which `4` means sixel. So the answer to the second says that the first will not be
//! answered any more. Inside tmux and screen the environment speaks of the terminal around them, which does not see
//! these bytes: there only the question counts.

use std::io::IsTerminal;

use super::Protocol;

/// Kitty's query of a picture of one pixel, then DA1.
#[cfg(any(unix, test))]
const QUESTIONS: &[u8] = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[c";
/// Most bytes of an answer that are read.
#[cfg(any(unix, test))]
const LONGEST: usize = 1024;

/// The protocol of the terminal on standard output; `None` when it is none, or speaks none.
pub(super) fn terminal() -> Option<Protocol> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    named(&variable).or_else(asked)
}

/// What the environment says.
fn named(variable: &dyn Fn(&str) -> Option<String>) -> Option<Protocol> {
    if variable("TMUX").is_some() || variable("STY").is_some() {
        return None;
    }
    let term = variable("TERM").unwrap_or_default();
    let program = variable("TERM_PROGRAM").unwrap_or_default();
    if term.contains("kitty") || term.contains("ghostty") || variable("KITTY_WINDOW_ID").is_some() {
        return Some(Protocol::Kitty);
    }
    match program.as_str() {
        "ghostty" => return Some(Protocol::Kitty),
        "iTerm.app" | "WezTerm" | "mintty" => return Some(Protocol::Iterm),
        _ => {}
    }
    if variable("LC_TERMINAL").as_deref() == Some("iTerm2") {
        return Some(Protocol::Iterm);
    }
    (term.starts_with("foot") || term.starts_with("mlterm") || term.contains("sixel"))
        .then_some(Protocol::Sixel)
}

/// What the terminal answers within half a second.
#[cfg(unix)]
fn asked() -> Option<Protocol> {
    use std::io::{Read, Write};

    let mut tty = fs_err::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .ok()?;
    let _raw = Raw::begin()?;
    tty.write_all(QUESTIONS).ok()?;
    let mut answer = Vec::new();
    let mut piece = [0; 128];
    // A read gives nothing when half a second passes without a byte.
    while answer.len() < LONGEST && !is_whole(&answer) {
        match tty.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(length) => answer.extend_from_slice(&piece[..length]),
        }
    }
    protocol(&answer)
}

#[cfg(not(unix))]
fn asked() -> Option<Protocol> {
    None
}

/// The terminal without line editing and echo, as long as this lives.
#[cfg(unix)]
struct Raw {
    before: String,
}

#[cfg(unix)]
impl Raw {
    fn begin() -> Option<Self> {
        let before = stty(&["-g"])?;
        let raw = Self {
            before: before.trim().to_owned(),
        };
        stty(&["-icanon", "-echo", "min", "0", "time", "5"])?;
        Some(raw)
    }
}

#[cfg(unix)]
impl Drop for Raw {
    fn drop(&mut self) {
        let _ = stty(&[&self.before]);
    }
}

/// The standard tool of that name on the terminal: settings change without a line of unsafe code here.
#[cfg(unix)]
fn stty(arguments: &[&str]) -> Option<String> {
    let tty = fs_err::File::open("/dev/tty").ok()?.into_parts().0;
    let output = std::process::Command::new("stty")
        .args(arguments)
        .stdin(tty)
        .stderr(std::process::Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether the answer to the second question is there to its end.
#[cfg(any(unix, test))]
fn is_whole(answer: &[u8]) -> bool {
    attributes(answer).is_some()
}

/// The numbers of `ESC [ ? … c`.
#[cfg(any(unix, test))]
fn attributes(answer: &[u8]) -> Option<Vec<u32>> {
    let start = answer.windows(3).position(|bytes| bytes == b"\x1b[?")? + 3;
    let length = answer[start..].iter().position(|&byte| byte == b'c')?;
    let text = std::str::from_utf8(&answer[start..start + length]).ok()?;
    text.split(';').map(|number| number.parse().ok()).collect()
}

/// What an answer says.
#[cfg(any(unix, test))]
fn protocol(answer: &[u8]) -> Option<Protocol> {
    let kitty = b"\x1b_Gi=31;OK";
    if answer.windows(kitty.len()).any(|bytes| bytes == kitty) {
        return Some(Protocol::Kitty);
    }
    attributes(answer)?.contains(&4).then_some(Protocol::Sixel)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Option<Protocol> {
        named(&|name| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn terminals_that_name_themselves() {
        let kitty = [("TERM", "xterm-kitty")];
        assert_eq!(environment(&kitty), Some(Protocol::Kitty));
        let ghostty = [("TERM", "xterm-256color"), ("TERM_PROGRAM", "ghostty")];
        assert_eq!(environment(&ghostty), Some(Protocol::Kitty));
        for program in ["iTerm.app", "WezTerm", "mintty"] {
            assert_eq!(
                environment(&[("TERM_PROGRAM", program)]),
                Some(Protocol::Iterm)
            );
        }
        // iTerm2 over ssh, which hands on LC_ variables.
        assert_eq!(
            environment(&[("LC_TERMINAL", "iTerm2")]),
            Some(Protocol::Iterm)
        );
        assert_eq!(
            environment(&[("TERM", "foot-extra")]),
            Some(Protocol::Sixel)
        );
        assert_eq!(environment(&[("TERM", "xterm-256color")]), None);
        assert_eq!(environment(&[]), None);
        // The environment in tmux is that of the terminal around it.
        let inside = [("TERM", "xterm-kitty"), ("TMUX", "/run/tmux,1,0")];
        assert_eq!(environment(&inside), None);
    }

    #[test]
    fn answers_of_terminals() {
        let kitty = b"\x1b_Gi=31;OK\x1b\\\x1b[?62;c";
        assert_eq!(protocol(kitty), Some(Protocol::Kitty));
        assert_eq!(protocol(b"\x1b[?62;4;22c"), Some(Protocol::Sixel));
        assert_eq!(protocol(b"\x1b[?64;1;2;6;22c"), None, "xterm without sixel");
        assert_eq!(protocol(b"\x1b[?6c"), None);
        assert_eq!(protocol(b"\x1b[?62;4;22"), None, "cut off");
        assert_eq!(protocol(b""), None);
        assert_eq!(protocol(&[0xff; 64]), None);
        assert!(is_whole(b"typed ahead\x1b[?62;4c") && !is_whole(b"\x1b[?62"));
        assert_eq!(protocol(b"\x1b_Gi=31;ENOTSUPPORTED\x1b\\\x1b[?1;2c"), None);
        assert!(QUESTIONS.ends_with(b"\x1b[c") && LONGEST > kitty.len());
    }
}
