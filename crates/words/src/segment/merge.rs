//! Makes one segment of several.

use std::path::Path;

use vizsla_vectors::Allowed;

use super::builder::sort_images;
use super::format::MAX_IMAGES;
use super::reader::Segment;
use super::writer::{Entry, ImageEntry, SegmentSummary, SegmentWriter};
use crate::Error;

/// Ordinal of an image that is left out.
const DROPPED: u32 = u32::MAX;

/// Writes the images of several segments of the same codebook whose id is allowed into one new
/// segment, word by word. Memory: 20 bytes an image and the longest posting list. The result has the
/// same bytes as a [`SegmentBuilder`](super::SegmentBuilder) would have written for these images.
///
/// # Errors
/// [`Error::DuplicateImage`] when two segments hold the same kept image, [`Error::OtherCodebook`], [`Error::OtherContents`],
/// [`vizsla_vectors::Error::Damaged`] when a segment does not verify, or when the file cannot be written.
pub fn merge(
    segments: &[&Segment],
    allowed: &Allowed<'_>,
    out: &Path,
) -> Result<SegmentSummary, Error> {
    let words = segments.first().map_or(0, |s| s.words());
    let contents = segments
        .first()
        .map_or_else(Default::default, |s| s.contents());
    let mut images: Vec<ImageEntry> = Vec::new();
    let mut ordinals: Vec<Vec<u32>> = Vec::with_capacity(segments.len());
    for segment in segments {
        if segment.words() != words {
            return Err(Error::OtherCodebook {
                found: segment.words(),
                expected: words,
                path: segment.path().to_path_buf(),
            });
        }
        segment.expect(contents)?;
        segment.verify()?;
        ordinals.push(collect_images(segment, allowed, &mut images)?);
    }
    let (images, renumbered) = sort_images(images)?;
    for ordinal in ordinals.iter_mut().flatten() {
        if let Some(&new) = renumbered.get(*ordinal as usize) {
            *ordinal = new;
        }
    }
    let mut writer = SegmentWriter::create(out, words, contents, &images)?;
    let mut occurring: Vec<u32> = segments.iter().flat_map(|s| s.occurring_words()).collect();
    occurring.sort_unstable();
    occurring.dedup();
    let mut list: Vec<Entry> = Vec::new();
    for word in occurring {
        list.clear();
        for (segment, ordinals) in segments.iter().zip(&ordinals) {
            let Some(postings) = segment.list(word) else {
                continue;
            };
            let kept = postings.entries().filter_map(|(image, signature, pose)| {
                let ordinal = *ordinals.get(image as usize)?;
                (ordinal != DROPPED).then_some((ordinal, signature, pose))
            });
            list.extend(kept);
        }
        list.sort_unstable();
        if !list.is_empty() {
            writer.push_list(word, &list)?;
        }
    }
    // What was read meanwhile is only worth a file when all of it was there.
    segments
        .iter()
        .try_for_each(|segment| segment.check_whole())?;
    writer.finish()
}

/// Appends the kept images and returns, per image of the segment, its position among them.
fn collect_images(
    segment: &Segment,
    allowed: &Allowed<'_>,
    images: &mut Vec<ImageEntry>,
) -> Result<Vec<u32>, Error> {
    let mut ordinals = Vec::with_capacity(segment.image_count() as usize);
    for (ordinal, id) in (0..).zip(segment.ids()) {
        if !allowed.contains(id) {
            ordinals.push(DROPPED);
            continue;
        }
        if images.len() >= MAX_IMAGES {
            return Err(Error::TooManyImages(MAX_IMAGES));
        }
        ordinals.push(images.len() as u32);
        images.push(ImageEntry {
            id,
            norm: segment.norm(ordinal),
            features: segment.feature_count(ordinal),
        });
    }
    Ok(ordinals)
}
