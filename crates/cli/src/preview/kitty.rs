//! The graphics protocol of kitty (sw.kovidgoyal.net/kitty/graphics-protocol).

/// Most characters of base64 in one escape sequence.
const CHUNK: usize = 4096;

/// Transmits a PNG and shows it: `a=T`, format 100. `q=2` keeps the terminal from answering, for nobody would read it;
/// `m=1` says that another chunk follows.
pub(super) fn show(png: &[u8]) -> String {
    let data = super::base64::base64(png);
    let mut text = String::with_capacity(data.len() + data.len() / 256 + 64);
    let mut rest = data.as_str();
    let mut keys = "a=T,f=100,q=2,";
    loop {
        let (chunk, after) = rest.split_at(rest.len().min(CHUNK));
        let more = u8::from(!after.is_empty());
        text.push_str(&format!("\x1b_G{keys}m={more};{chunk}\x1b\\"));
        if after.is_empty() {
            text.push('\n');
            return text;
        }
        (rest, keys) = (after, "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_picture_is_one_sequence() {
        assert_eq!(show(b"foobar"), "\x1b_Ga=T,f=100,q=2,m=0;Zm9vYmFy\x1b\\\n");
    }

    #[test]
    fn a_large_picture_comes_in_chunks() {
        // 3,072 bytes are 4,096 characters: exactly one chunk, and one byte more makes another.
        let one = show(&[0; 3072]);
        assert_eq!(one.matches("\x1b_G").count(), 1);
        let two = show(&[0; 3073]);
        let full = "A".repeat(CHUNK);
        assert_eq!(
            two,
            format!("\x1b_Ga=T,f=100,q=2,m=1;{full}\x1b\\\x1b_Gm=0;AA==\x1b\\\n")
        );
    }
}
