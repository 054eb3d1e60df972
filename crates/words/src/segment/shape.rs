//! How long a segment is going to be.

use super::contents::Contents;
use super::format::{BLOCK, ENTRY, HEADER, IMAGE};
use super::packed::bits_of;
use super::reader::Segment;

/// Blocks are longer than the mean one; this many times, mostly.
const LONGER: f64 = 1.5;
/// Shapes of distributions that are tried, the most uneven first, and how often the range is halved.
const SHAPES: (f64, f64) = (0.02, 1000.0);
const STEPS: usize = 40;

/// What decides how long a segment is: of several, of the one that they would be merged into.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SegmentShape {
    /// Images.
    pub images: f64,
    /// Postings.
    pub postings: f64,
    /// Words that occur.
    pub occurring: f64,
    /// Words that occur in every second image of each segment.
    pub in_half: f64,
    /// Words of the codebook.
    pub words: f64,
    /// What the postings are.
    pub contents: Contents,
}

impl SegmentShape {
    /// That of all these segments together; `None` where they hold no image.
    pub fn of(segments: &[Segment]) -> Option<Self> {
        let first = segments.first()?;
        let none = (false, false);
        let mut seen = vec![none; first.words() as usize];
        for segment in segments {
            for word in segment.occurring_words() {
                let half = || segment.postings(word).any(|posting| posting.image % 2 == 0);
                if let Some(seen) = seen.get_mut(word as usize) {
                    *seen = (true, seen.1 || half());
                }
            }
        }
        let images: u64 = segments.iter().map(|s| u64::from(s.image_count())).sum();
        (images > 0).then(|| Self {
            images: images as f64,
            postings: segments.iter().map(Segment::posting_count).sum::<u64>() as f64,
            occurring: seen.iter().filter(|seen| seen.0).count() as f64,
            in_half: seen.iter().filter(|seen| seen.1).count() as f64,
            words: f64::from(first.words()),
            contents: first.contents(),
        })
    }

    /// That of so many images of the same kind, with as many postings each. How many words occur is told by how many more do in all images
    /// than in half of them: how often a word occurs is taken to be distributed as gamma (Fisher, Corbet & Williams 1943).
    #[must_use]
    pub fn grown(&self, images: f64) -> Self {
        let times = images / self.images;
        let missing = |seen: f64| (1.0 - seen / self.words.max(1.0)).clamp(1e-9, 1.0);
        let (all, half) = (missing(self.occurring), missing(self.in_half));
        // The share of words that is missing in so many times the images, by the shape of the distribution.
        let after = |shape: f64, times: f64| {
            let scale = all.powf(-1.0 / shape) - 1.0;
            (1.0 + scale * times).powf(-shape)
        };
        let (mut low, mut high) = SHAPES;
        for _ in 0..STEPS {
            let middle = (low * high).sqrt();
            match after(middle, 0.5) < half {
                true => low = middle,
                false => high = middle,
            }
        }
        let occurring = |times: f64| self.words * (1.0 - after(high, times));
        Self {
            images,
            postings: self.postings * times,
            occurring: occurring(times),
            in_half: occurring(times / 2.0),
            ..*self
        }
    }

    /// Bytes of its tables, of images and of words, which are read when it is opened.
    pub fn table_bytes(&self) -> f64 {
        HEADER as f64 + self.images * IMAGE as f64 + self.occurring * ENTRY as f64
    }

    /// About the length of its file, in bytes.
    pub fn bytes(&self) -> f64 {
        if self.occurring < 1.0 {
            return self.table_bytes();
        }
        let list = self.postings / self.occurring;
        let block = BLOCK as f64;
        // The images that a block of a list of middling length goes over.
        let span = self.images * (LONGER * block / list).min(1.0);
        let ordinal = f64::from(bits_of(span as u32)) / 8.0;
        let each = 8.0 + ordinal + self.contents.pose_bytes() as f64;
        // A last block that is not full, and zeros up to a multiple of eight.
        let of_list = 4.0 * (list / block + 0.5).max(1.0) + 4.0;
        self.table_bytes() + self.postings * each + self.occurring * of_list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SegmentBuilder, Signature};

    const WORDS: u32 = 4096;

    /// Images of 300 features, of which some words have more than others.
    fn segment(folder: &std::path::Path, images: i64) -> Segment {
        let mut builder = SegmentBuilder::new(WORDS);
        let mut state = 7u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as f64 / f64::from(1u32 << 31)
        };
        for id in 0..images {
            let word = |_| ((next() * next().sqrt() * f64::from(WORDS)) as u32).min(WORDS - 1);
            let words: Vec<_> = (0..300).map(word).collect();
            let features: Vec<_> = words.iter().map(|&w| (w, Signature::default())).collect();
            builder.add(id, &features).unwrap();
        }
        let path = folder.join(images.to_string());
        builder.write(&path).unwrap();
        Segment::open(&path, WORDS).unwrap()
    }

    #[test]
    fn a_part_tells_how_long_the_whole_is() {
        let folder = tempfile::tempdir().unwrap();
        let all = [20, 80, 320, 1280, 5120].map(|images| segment(folder.path(), images));
        for (at, part) in all.iter().enumerate() {
            let shape = SegmentShape::of(std::slice::from_ref(part)).unwrap();
            for whole in &all[at..] {
                let expected = shape.grown(f64::from(whole.image_count())).bytes();
                let ratio = expected / whole.bytes() as f64;
                let what = (part.image_count(), whole.image_count());
                assert!((0.88..1.12).contains(&ratio), "{what:?}: {ratio}");
            }
        }
        assert_eq!(SegmentShape::of(&[]), None);
    }
}
