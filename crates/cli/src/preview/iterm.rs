//! Inline images of iTerm2 (iterm2.com/documentation-images.html).

/// Shows a PNG in its own size.
pub(super) fn show(png: &[u8], width: usize, height: usize) -> String {
    format!(
        "\x1b]1337;File=inline=1;size={};width={width}px;height={height}px:{}\x07\n",
        png.len(),
        super::base64::base64(png)
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn size_and_sides_come_before_the_data() {
        assert_eq!(
            super::show(b"foobar", 20, 10),
            "\x1b]1337;File=inline=1;size=6;width=20px;height=10px:Zm9vYmFy\x07\n"
        );
    }
}
