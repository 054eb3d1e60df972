//! Pages that hold all they show: one HTML file without script, requests or other files.

use std::path::Path;

use vizsla_evaluation::data_uri;
use vizsla_pixels::{DecodeOptions, Rgb};

const STYLE: &str = include_str!("page.css");
const QUALITY: u8 = 80;

/// A whole page. `body` is HTML.
pub(crate) fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src \
         'unsafe-inline'\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        escaped(title)
    )
}

/// Text as it must stand in HTML, in an attribute too.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A picture that the page holds.
///
/// # Errors
/// The picture is too large for a JPEG.
pub(crate) fn embedded(picture: &Rgb, alternative: &str) -> Result<String, vizsla_pixels::Error> {
    Ok(format!(
        "<img src=\"{}\" alt=\"{}\" width=\"{}\" height=\"{}\">",
        data_uri("image/jpeg", &picture.encode_jpeg(QUALITY)?),
        escaped(alternative),
        picture.width(),
        picture.height()
    ))
}

/// A file shrunk to a square of `side`, and the factor from its full resolution; `None` when it cannot be read.
pub(crate) fn thumbnail(path: &Path, side: u32) -> Option<(Rgb, f32)> {
    let options = DecodeOptions {
        fit: Some(side),
        ..DecodeOptions::default()
    };
    let decoded = vizsla_pixels::read_rgb(path, &options).ok()?;
    let factor = decoded.image.width() as f32 / decoded.full_width.max(1) as f32;
    Some((decoded.image, factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let page = page("a <b> & \"c\"", "<p>body</p>");
        assert!(page.contains("<title>a &lt;b&gt; &amp; &quot;c&quot;</title>"));
        assert!(page.contains("<p>body</p>") && page.contains("default-src 'none'"));
        assert!(!page.contains("<script"));
    }
}
