//! The judgements published with Flickr8k (Hodosh, Young & Hockenmaier 2013): tables of tab-separated columns, picture
//! and caption first.
//!
//! Experts gave each pair three grades from 1 (the caption is unrelated to the image) to 4 (it describes the image
//! without errors); the crowd was asked whether the caption describes the image, and the share of yes is kept.

use std::path::Path;

use crate::datasets::read_text;
use crate::error::Error;

/// A picture and a sentence, and how well people think they fit.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedPair {
    /// Name of the picture, such as `beach.jpg`.
    pub image: String,
    /// Name of the caption, such as `dunes.jpg#2`.
    pub caption: String,
    /// What each judge said, the same judge in the same place; higher = fits better.
    pub ratings: Vec<f64>,
}

impl JudgedPair {
    /// Whether the caption was written for this very picture.
    pub fn is_own(&self) -> bool {
        self.caption
            .rsplit_once('#')
            .is_some_and(|(image, _)| image == self.image)
    }

    /// Mean of the ratings; NaN without any.
    pub fn mean(&self) -> f64 {
        self.ratings.iter().sum::<f64>() / self.ratings.len() as f64
    }
}

/// Reads `ExpertAnnotations.txt`: picture, caption, three grades from 1 to 4.
///
/// # Errors
/// The file cannot be read, or a line is not in this form; the message names the line.
pub fn load_expert_judgements(file: &Path) -> Result<Vec<JudgedPair>, Error> {
    let form = "expected image, caption and three grades from 1 to 4, by tabs";
    load(file, form, |columns| {
        let ratings = columns.iter().map(|c| grade(c, 1.0..=4.0));
        (columns.len() == 3).then(|| ratings.collect())?
    })
}

/// Reads `CrowdFlowerAnnotations.txt`: picture, caption, share of yes, number of yes, number of no. The one rating of
/// a pair is the share.
///
/// # Errors
/// The file cannot be read, or a line is not in this form; the message names the line.
pub fn load_crowd_judgements(file: &Path) -> Result<Vec<JudgedPair>, Error> {
    let form = "expected image, caption, share of yes, number of yes and of no, by tabs";
    load(file, form, |columns| {
        let share = grade(columns.first()?, 0.0..=1.0)?;
        (columns.len() == 3).then(|| vec![share])
    })
}

fn load(
    file: &Path,
    form: &str,
    ratings: impl Fn(&[&str]) -> Option<Vec<f64>>,
) -> Result<Vec<JudgedPair>, Error> {
    let mut judged = Vec::new();
    for (number, line) in read_text(file)?.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let columns: Vec<&str> = line.split('\t').map(str::trim).collect();
        let pair = match &columns[..] {
            [image, caption, rest @ ..] => ratings(rest).map(|ratings| JudgedPair {
                image: (*image).to_owned(),
                caption: (*caption).to_owned(),
                ratings,
            }),
            _ => None,
        };
        judged.push(
            pair.ok_or_else(|| Error::invalid(format!("line {}: {form}", number + 1), file))?,
        );
    }
    if judged.is_empty() {
        return Err(Error::invalid("no judgement in it", file));
    }
    Ok(judged)
}

fn grade(text: &str, range: std::ops::RangeInclusive<f64>) -> Option<f64> {
    text.parse().ok().filter(|grade| range.contains(grade))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_broken_ones_named() {
        let folder = tempfile::tempdir().expect("temp dir");
        let file = folder.path().join("table.txt");
        let write = |text: &str| fs_err::write(&file, text).expect("file");
        write("a.jpg\ta.jpg#0\t4\t4\t3\na.jpg\tb.jpg#2\t1\t1\t2\n");
        let experts = load_expert_judgements(&file).expect("two lines");
        assert!(experts[0].is_own() && !experts[1].is_own());
        assert!((experts[1].mean() - 4.0 / 3.0).abs() < 1e-12);
        write("a.jpg\tb.jpg#2\t0.333333\t1\t2\n");
        let crowd = load_crowd_judgements(&file).expect("one line");
        assert_eq!(crowd[0].ratings, [0.333333]);
        for (text, says) in [
            ("a.jpg\tb.jpg#2\t1\t1\n", "line 1"),
            ("\na.jpg\tb.jpg#2\t1\t1\t5\n", "line 2"),
            ("a.jpg\n", "three grades"),
            ("", "no judgement"),
        ] {
            write(text);
            let message = load_expert_judgements(&file).expect_err(text).to_string();
            assert!(message.contains(says), "{message}");
        }
        write("a.jpg\tb.jpg#2\t1.5\t1\t2\n");
        assert!(load_crowd_judgements(&file).is_err());
    }
}
