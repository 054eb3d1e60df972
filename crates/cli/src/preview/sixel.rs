//! Sixel graphics (DEC, *VT330/VT340 Programmer Reference Manual*, chapter 14).
//!
//! A picture is bands of six rows. A band is drawn once for each of its colours: a character for each column, whose six
//! bits say which of the six pixels have that colour.

use vizsla_pixels::Rgb;

use super::palette;

/// The picture at the cursor.
pub(super) fn show(picture: &Rgb) -> String {
    let (width, height) = (picture.width(), picture.height());
    let reduced = palette::reduce(picture);
    // Pixels are square, and what is not drawn keeps its colour; then the size, before the first pixel.
    let mut text = format!("\x1bP0;1;0q\"1;1;{width};{height}");
    for (number, color) in reduced.colors.iter().enumerate() {
        let [r, g, b] = color.map(|value| (u32::from(value) * 100 + 127) / 255);
        text.push_str(&format!("#{number};2;{r};{g};{b}"));
    }
    for band in reduced.pixels.chunks(6 * width) {
        draw_band(&mut text, band, width, reduced.colors.len());
        text.push('-');
    }
    text.push_str("\x1b\\\n");
    text
}

/// Appends a band of up to six rows.
fn draw_band(text: &mut String, band: &[u8], width: usize, colors: usize) {
    let mut masks = vec![0u8; colors * width];
    let mut used = vec![false; colors];
    for (row, pixels) in band.chunks(width).enumerate() {
        for (column, &color) in pixels.iter().enumerate() {
            masks[usize::from(color) * width + column] |= 1 << row;
            used[usize::from(color)] = true;
        }
    }
    let mut first = true;
    for color in (0..colors).filter(|&color| used[color]) {
        if !first {
            text.push('$');
        }
        first = false;
        text.push_str(&format!("#{color}"));
        let line = &masks[color * width..][..width];
        let drawn = line
            .iter()
            .rposition(|&mask| mask != 0)
            .map_or(0, |at| at + 1);
        for run in line[..drawn].chunk_by(|a, b| a == b) {
            let sign = char::from(63 + run[0]);
            match run.len() {
                1..=3 => run.iter().for_each(|_| text.push(sign)),
                length => text.push_str(&format!("!{length}{sign}")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a terminal would paint: an interpreter of the little that is sent.
    fn painted(text: &str) -> Vec<Option<[u32; 3]>> {
        let body = text
            .strip_prefix("\x1bP0;1;0q\"")
            .expect("the introduction");
        let body = body.strip_suffix("\x1b\\\n").expect("the end");
        let start = body.find('#').expect("colours");
        let size: Vec<usize> = body[..start]
            .split(';')
            .map(|n| n.parse().expect("a number"))
            .collect();
        let (width, height) = (size[2], size[3]);
        let mut pixels = vec![None; width * height];
        let mut colors: Vec<[u32; 3]> = Vec::new();
        let (mut color, mut x, mut band, mut times) = (0, 0, 0, 1);
        let mut signs = body[start..].chars().peekable();
        while let Some(sign) = signs.next() {
            let mut number = || {
                let mut digits = String::new();
                while let Some(digit) = signs.next_if(|c| c.is_ascii_digit() || *c == ';') {
                    digits.push(digit);
                }
                digits
            };
            match sign {
                '#' => {
                    let parts: Vec<u32> = number()
                        .split(';')
                        .map(|n| n.parse().expect("a number"))
                        .collect();
                    color = parts[0] as usize;
                    if let [_, 2, r, g, b] = parts[..] {
                        colors.push([r, g, b]);
                    }
                }
                '!' => times = number().parse().expect("a number"),
                '$' => x = 0,
                '-' => (x, band) = (0, band + 1),
                sign => {
                    let mask = sign as u32 - 63;
                    for _ in 0..std::mem::replace(&mut times, 1) {
                        for bit in (0..6).filter(|bit| mask >> bit & 1 == 1) {
                            pixels[(6 * band + bit) * width + x] = Some(colors[color]);
                        }
                        x += 1;
                    }
                }
            }
        }
        pixels
    }

    #[test]
    fn a_red_and_a_blue_pixel() {
        let picture = Rgb::new(2, 1, vec![255, 0, 0, 0, 0, 255]).expect("its size");
        assert_eq!(
            show(&picture),
            "\x1bP0;1;0q\"1;1;2;1#0;2;0;0;100#1;2;100;0;0#0?@$#1@-\x1b\\\n"
        );
    }

    #[test]
    fn runs_are_shortened() {
        let picture = Rgb::filled(9, 6, [255; 3]).expect("its size");
        assert_eq!(
            show(&picture),
            "\x1bP0;1;0q\"1;1;9;6#0;2;100;100;100#0!9~-\x1b\\\n"
        );
    }

    #[test]
    fn a_terminal_paints_every_pixel_in_its_colour() {
        let colors = [[0u8, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 255]];
        let data: Vec<u8> = (0..23 * 17).flat_map(|i| colors[(i * i / 7) % 4]).collect();
        let picture = Rgb::new(23, 17, data).expect("its size");
        let expected: Vec<_> = picture
            .data()
            .as_chunks::<3>()
            .0
            .iter()
            .map(|pixel| Some(pixel.map(|value| u32::from(value) * 100 / 255)))
            .collect();
        assert_eq!(painted(&show(&picture)), expected);
    }
}
