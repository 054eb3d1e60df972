//! Writing a picture to the file a user named.

use std::path::Path;

use anyhow::{Result, bail};
use vizsla_pixels::Rgb;

/// Refuses, before any work is done, a file name whose ending is no format that can be written.
///
/// # Errors
/// A sentence that names the endings that can be.
pub fn check_ending(file: &Path) -> Result<()> {
    match ending(file).as_str() {
        "png" | "jpg" | "jpeg" => Ok(()),
        _ => bail!(
            "a picture is written as .png, .jpg or .jpeg; change the ending: {}",
            file.display()
        ),
    }
}

/// Writes a picture in the format of the file's ending; the file appears whole or not at all.
///
/// # Errors
/// When the ending is unknown or the file cannot be written.
pub fn save(picture: &Rgb, file: &Path) -> Result<()> {
    check_ending(file)?;
    match ending(file).as_str() {
        "png" => picture.save_png(file)?,
        _ => picture.save_jpeg(file, 90)?,
    }
    Ok(())
}

fn ending(file: &Path) -> String {
    file.extension()
        .map(|ending| ending.to_string_lossy().to_lowercase())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_endings_of_formats_that_can_be_written_pass() {
        for name in ["a.png", "b.PNG", "c.jpg", "d.Jpeg"] {
            assert!(check_ending(Path::new(name)).is_ok(), "{name}");
        }
        for name in ["a", "b.gif", "png"] {
            assert!(check_ending(Path::new(name)).is_err(), "{name}");
        }
    }
}
